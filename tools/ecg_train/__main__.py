"""`python -m tools.ecg_train`: train the networks that ecg_rhythm ships, and write the weights."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "services" / "ray_serve"))  # the import root of the app, as on the box

from apps.ecg_rhythm.stored import FOLDER  # noqa: E402
from tools.ecg_train import card, shipping  # noqa: E402


def main(arguments: list[str] | None = None) -> int:
    """Train, write. Returns the exit code: 0 done, 2 no data."""
    parser = argparse.ArgumentParser(prog="python -m tools.ecg_train", description=__doc__)
    default = Path(os.environ.get("ECG_DATA_DIR", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=default, help="folder with mitdb/ and so on ($ECG_DATA_DIR)")
    parser.add_argument(
        "--output", type=Path, default=FOLDER, help="folder of the weights, and of the card that names them"
    )
    parser.add_argument("--only", choices=sorted(shipping.NETWORKS), help="this network alone")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    missing = [name for name in shipping.SOURCES if not (options.data / name).is_dir()]
    if missing:
        print(
            f"no {', '.join(missing)} in {options.data}: get them from PhysioNet (docs/accuracy-of-classes.md names "
            "them) and set ECG_DATA_DIR to the folder that holds them",
            file=sys.stderr,
        )
        return 2
    torch.set_num_threads(1)  # the order of sums, and so the weights, depend on it
    options.output.mkdir(parents=True, exist_ok=True)
    for name, train in shipping.NETWORKS.items():
        if options.only in (None, name):
            started = time.perf_counter()
            path = train(options.data, options.output, options.seed, lambda line: print(line, flush=True))
            print(f"{path.name}  {shipping.digest(path)}  {time.perf_counter() - started:.0f} s", flush=True)
    for path in options.output.glob("MODEL_CARD.md"):
        text = card.placed(path.read_text(encoding="utf-8"), "weights", card.weights_table(options.output))
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
