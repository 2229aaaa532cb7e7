"""What the model card and the accuracy document take from programs: blocks between two marks."""

from __future__ import annotations

from pathlib import Path

import safetensors

from tools.ecg_train import shipping

BEGIN, END = "<!-- begin {} -->", "<!-- end {} -->"


def placed(document: str, name: str, text: str) -> str:
    """`document` with `text` between the marks of `name`; `ValueError` where there are none."""
    begin, end = BEGIN.format(name), END.format(name)
    if begin not in document or end not in document:
        raise ValueError(f"there is no {begin} or no {end}: put both where the block {name!r} belongs")
    head, rest = document.split(begin, 1)
    return f"{head}{begin}\n{text}\n{end}{rest.split(end, 1)[1]}"


def weights_table(folder: Path) -> str:
    """The files of weights in `folder`: size, parameters, hashes of weights and data, seed."""
    lines = [
        "| weights | bytes | parameters | SHA-256 | SHA-256 of the data | seed, torch |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for path in sorted(folder.glob("*.safetensors")):
        with safetensors.safe_open(str(path), framework="pt") as file:
            said = file.metadata()
            learned = [file.get_tensor(key).numel() for key in file.keys() if not _counted(key)]  # noqa: SIM118
        lines.append(
            f"| `{path.name}` | {path.stat().st_size:,} | {sum(learned):,} | `{shipping.digest(path)}` | "
            f"`{said['data']}` | {said['seed']}, {said['torch']} |"
        )
    return "\n".join(lines)


def _counted(key: str) -> bool:
    """Whether a tensor is a running figure of batch normalisation and nothing that was learned."""
    return key.endswith(("running_mean", "running_var", "num_batches_tracked"))
