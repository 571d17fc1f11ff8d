"""Trainings per hour of a study with one worker and with several; prints their ratio.

    python benchmarks/studies.py [--workers 2] [--trainings 16] [--rounds 2]

The study is on simulated data: equal trainings that differ in their seed alone. Both sides
alternate and include the start of their workers, whose share falls with the length of a study.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from dann_tfbs.experiments.study.cluster import Machines
from dann_tfbs.experiments.study.settings import StudySettings
from dann_tfbs.experiments.study.study import open_study, run_study
from dann_tfbs.experiments.study.units import Unit, units_of
from dann_tfbs.settings import validated


def made(work: Path, trainings: int, epochs: int) -> tuple[StudySettings, list[Unit]]:
    """Return a study of equal trainings."""
    task = {
        "name": "chs-hts",
        "tfs": ["FOXA1"],
        "source": "CHS",
        "target": "HTS",
        "train": {"genome": "genome.fa"},
        "test": {"fasta": "test/HTS_participants.fasta", "answers": "test/answers/HTS_{tf}.json"},
    }
    values = {
        "name": "speed",
        "seeds": 5,
        "settings": {"training.epochs": epochs},
        "design": "list",
        "variants": {f"seed {n}": {"seed": 10 * n} for n in range(trainings)},
        "data": {"simulated": {"simulate": {"scale": "small", "tfs": ["FOXA1"]}, "tasks": [task]}},
    }
    study = validated(StudySettings, values, "benchmark")
    return study, units_of(study, study.data["simulated"], work / "tables", lambda text: None)


def seconds(
    study: StudySettings, units: list[Unit], out: Path, workers: int
) -> tuple[float, float]:
    """Return the wall time of a whole study, and of what follows its first finished training."""
    open_study(out, study, "simulated", units)
    ends: list[float] = []
    began = time.perf_counter()
    run_study(study, units, out, Machines(workers=workers), lambda done: ends.append(_now()))
    whole = time.perf_counter() - began
    shutil.rmtree(out)
    # With n workers the first n trainings end together.
    return whole, (ends[-1] - ends[workers - 1]) / (len(units) - workers)


def _now() -> float:
    return time.perf_counter()


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--trainings", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        study, units = made(work, arguments.trainings, arguments.epochs)
        for number in range(arguments.rounds):
            one, one_each = seconds(study, units, work / "out", 1)
            many, many_each = seconds(study, units, work / "out", arguments.workers)
            hour = 3600 * len(units)
            print(
                f"round {number + 1}: 1 worker {hour / one:.0f} trainings an hour, "
                f"{arguments.workers} workers {hour / many:.0f}: ratio {one / many:.2f} "
                f"(without the start {one_each / many_each:.2f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
