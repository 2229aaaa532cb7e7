"""`python -m tools.ecg_train`: train the beat classifier and write weights and model card."""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "services" / "ray_serve"))  # the import root of the app, as on the box

from safetensors.torch import save_file  # noqa: E402

from apps.ecg_rhythm.model import CLASSES, WEIGHTS, WINDOW, BeatClassifier  # noqa: E402
from tools.ecg_train import card, clips, records, report, training  # noqa: E402


def main(arguments: list[str] | None = None) -> int:
    """Train, measure, write. Returns the exit code: 0 done, 2 no data."""
    parser = argparse.ArgumentParser(prog="python -m tools.ecg_train", description=__doc__)
    default = Path(os.environ.get("ECG_DATA_DIR", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=default, help="folder with mitdb/ (default: $ECG_DATA_DIR)")
    parser.add_argument("--output", type=Path, default=WEIGHTS, help="weights to write; MODEL_CARD.md goes beside")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--copies", type=int, default=2, help="degraded copies of each training record")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    folder = options.data / "mitdb"
    if not folder.is_dir():
        print(
            f"no records at {folder}: get the MIT-BIH Arrhythmia Database from PhysioNet (ODC-BY 1.0) and set "
            "ECG_DATA_DIR to the folder that holds mitdb/",
            file=sys.stderr,
        )
        return 2
    torch.set_num_threads(2)
    rng = np.random.default_rng(options.seed)
    train = [records.load(folder, name) for name in records.TRAIN]
    parts = [clips.inputs(train, rng, degraded=False)]
    parts += [clips.inputs(train, rng, degraded=True) for _ in range(options.copies)]
    data = clips.Inputs(*(np.concatenate([getattr(p, f) for p in parts]) for f in ("samples", "features", "classes")))
    held = clips.inputs([records.load(folder, name) for name in records.HELD_OUT], rng, degraded=True)
    print(f"{len(data.classes)} beats to train on, {len(held.classes)} held out", flush=True)
    net, temperature = training.train(
        data, held, epochs=options.epochs, seed=options.seed, say=lambda line: print(line, flush=True)
    )
    metadata = {
        "classes": json.dumps(CLASSES),
        "sampling_rate_hz": "250",
        "window": str(WINDOW),
        "temperature": f"{temperature:.2f}",
        "command": f"python -m tools.ecg_train --epochs {options.epochs} --copies {options.copies} "
        f"--seed {options.seed}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "data": records.data_hash(folder, records.TRAIN + records.HELD_OUT),
        "seed": str(options.seed),
        "torch": torch.__version__.split("+")[0],
    }
    options.output.parent.mkdir(exist_ok=True)
    save_file(net.state_dict(), str(options.output), metadata=metadata)
    classifier = BeatClassifier.load(options.output)
    rows = report.measure([records.load(folder, name) for name in records.REPORT], classifier, options.seed)
    print(report.table(rows))
    digest = hashlib.sha256(options.output.read_bytes()).hexdigest()
    parameters = sum(p.numel() for p in net.parameters())
    (options.output.parent / "MODEL_CARD.md").write_text(card.model_card(rows, metadata, digest, parameters))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
