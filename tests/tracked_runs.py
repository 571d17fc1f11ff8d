"""A finished run folder with everything that MLflow is told of, made without training."""

import json
import time
from pathlib import Path

from planted import random_run

from dann_tfbs.experiments.tracked.epoch_log import EpochLog
from dann_tfbs.experiments.tracked.facts import epoch_metrics
from dann_tfbs.files import write_json

HISTORY = [
    {"epoch": 1.0, "train_loss": 0.6, "validation_auroc": 0.7, "learning_rate": 0.01},
    {"epoch": 2.0, "train_loss": 0.5, "validation_auroc": 0.9, "learning_rate": 0.005},
    {"epoch": 3.0, "train_loss": 0.4, "validation_auroc": 0.8, "learning_rate": 0.001},
]
DIGEST = "0123456789abcdef" * 4


def finished_run(folder: Path, *, diary: bool = True, seed: int = 0) -> Path:
    """Write a run folder whose second epoch was the best."""
    random_run(folder, seed, data={"path": "prepared/MAX"})
    write_json(folder / "metrics.json", {"best_epoch": 2, "history": HISTORY})
    origin = {"started": "2026-01-02T03:04:05Z", "wall_seconds": 1.5, "data_sha256": DIGEST}
    (folder / "provenance.json").write_text(json.dumps(origin))
    (folder / "figures").mkdir()
    (folder / "figures" / "pr.png").write_bytes(b"picture")
    if diary:
        log = EpochLog(folder)
        for record in HISTORY:
            log.add(int(record["epoch"]), epoch_metrics(record), {"system/process_cpu_seconds": 2})
            time.sleep(0.002)  # so that epochs have different times
    return folder
