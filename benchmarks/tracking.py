"""Measure what MLflow adds to a training run: wall and CPU seconds, and where they go.

    python benchmarks/tracking.py [--repeats 5] [--seeds 1] [--out runs/tracking]

The same small training runs as `dann-tfbs train` with tracking off, with a store that exists, and
with a store that has yet to be made, alternating, each in a process of its own. Tracking costs the
same for a long training but for its metrics, which are sent every few seconds at most; so the
seconds added are given as a share of a run of 60 s.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from dann_tfbs.experiments import tracking
from dann_tfbs.experiments.tracked import upload
from dann_tfbs.experiments.tracked.store import no_collection

RUN_SECONDS = 60.0
MODES = ("off", "existing store", "new store")


@dataclass(frozen=True)
class Cost:
    """Seconds of wall clock and of CPU."""

    wall: float
    cpu: float

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.wall - other.wall, self.cpu - other.cpu)


@dataclass(frozen=True)
class Measured:
    """What one training cost, in all and by stage of tracking."""

    total: Cost
    stages: dict[str, Cost]


MODEL, REST = "export and record the model", "data, settings, files and figures"


class TimedTracker(tracking.MlflowTracker):
    """The tracker as it is, with a stopwatch around every call."""

    def start(self, *arguments: Any, **named: Any) -> None:  # noqa: D102
        with _clocked("import MLflow"), self._guarded("no import"), no_collection():
            import mlflow  # noqa: F401
        with _clocked("open the store, begin the run"):
            super().start(*arguments, **named)

    def log(self, *arguments: Any, **named: Any) -> None:  # noqa: D102
        with _clocked("metrics"):
            super().log(*arguments, **named)

    def log_run(self, *arguments: Any, **named: Any) -> None:  # noqa: D102
        model = _spent.get(MODEL, Cost(0, 0))
        with _clocked(REST):
            super().log_run(*arguments, **named)
        _spent[REST] -= _spent[MODEL] - model

    def finish(self, *arguments: Any, **named: Any) -> None:  # noqa: D102
        with _clocked("end the run"):
            super().finish(*arguments, **named)


_spent: dict[str, Cost] = {}


@contextmanager
def _clocked(stage: str) -> Iterator[None]:
    """Add what a block costs to the costs of a stage."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    before = _spent.get(stage, Cost(0, 0))
    _spent[stage] = Cost(
        before.wall + time.perf_counter() - wall, before.cpu + time.process_time() - cpu
    )


_export = upload.send_run_model


def _send_run_model(*arguments: Any, **named: Any) -> None:
    with _clocked(MODEL):
        _export(*arguments, **named)


def train(words: list[str], stages: Path) -> None:
    """Run `dann-tfbs train` in this process; write the seconds of each stage of tracking."""
    from dann_tfbs import cli

    # Both are looked up by name when they are needed.
    upload.send_run_model = _send_run_model
    tracking.MlflowTracker = TimedTracker  # type: ignore[misc]
    sys.argv[1:] = words
    try:
        cli.main()
    except SystemExit as ended:
        if ended.code:
            raise
    stages.write_text(json.dumps({stage: astuple(cost) for stage, cost in _spent.items()}))


def run(mode: str, table: Path, store: Path, seeds: int) -> Measured:
    """Train once in a new process."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if mode == "new store":
            store = folder / "store"
        words = [
            "train", "--data", str(table), "--out", str(folder / "run"), "--quiet",
            "--seeds", str(seeds), "--device", "cpu", "--set", "training.epochs=1",
            "--source", "CHS",
            "--tracking", "off" if mode == "off" else "mlflow",
        ]  # fmt: skip
        stages = folder / "stages.json"
        environment = os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{store.resolve()}/mlflow.db"}
        before, began = os.times(), time.perf_counter()
        subprocess.run(
            [sys.executable, __file__, "--child", str(stages), *words],
            check=True,
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        wall, after = time.perf_counter() - began, os.times()
        cpu = sum(after[2:4]) - sum(before[2:4])  # of the children
        spent = json.loads(stages.read_text())
        return Measured(Cost(wall, cpu), {stage: Cost(*cost) for stage, cost in spent.items()})


def measure(out: Path, seeds: int, repeats: int) -> dict[str, list[Measured]]:
    """Return the cost of every run of every mode."""
    from dann_tfbs.experiments.built_in import built_in_data

    table = built_in_data(out / "data", "HTS")
    store = out / "store"
    shutil.rmtree(store, ignore_errors=True)
    run("existing store", table, store, seeds)  # makes the store, and warms the disk's cache
    runs: dict[str, list[Measured]] = {mode: [] for mode in MODES}
    for repeat in range(repeats):
        for mode in MODES:
            done = run(mode, table, store, seeds)
            runs[mode].append(done)
            print(f"{repeat + 1}/{repeats} {mode}: {done.total}", file=sys.stderr)
    return runs


def middle(costs: Iterable[Cost]) -> Cost:
    """Return the medians over repeats."""
    wall, cpu = zip(*(astuple(cost) for cost in costs), strict=True)
    return Cost(median(wall), median(cpu))


def print_tables(runs: dict[str, list[Measured]]) -> None:
    """Print what tracking adds, in all and by stage."""
    print(
        f"| | wall s | CPU s | added wall s | added CPU s | wall, share of {RUN_SECONDS:.0f} s | "
        "CPU, share |"
    )
    print("|---|---|---|---|---|---|---|")
    for mode, found in runs.items():
        total = middle(one.total for one in found)
        added = middle(one.total - off.total for one, off in zip(found, runs["off"], strict=True))
        print(
            f"| {mode} | {total.wall:.2f} | {total.cpu:.2f} | {added.wall:.2f} | {added.cpu:.2f} | "
            f"{added.wall / RUN_SECONDS:.1%} | {added.cpu / RUN_SECONDS:.1%} |"
        )
    for mode in MODES[1:]:
        print(f"\n| {mode} | wall s | CPU s |\n|---|---|---|")
        for stage in runs[mode][0].stages:
            cost = middle(one.stages[stage] for one in runs[mode])
            print(f"| {stage} | {cost.wall:.2f} | {cost.cpu:.2f} |")


def main() -> None:
    """Parse the command line and run."""
    if sys.argv[1:2] == ["--child"]:
        train(sys.argv[3:], Path(sys.argv[2]))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/tracking"))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    print_tables(measure(arguments.out, arguments.seeds, arguments.repeats))


if __name__ == "__main__":
    main()
