"""The diary of a training: what MLflow is told of every epoch, kept with times in its folder."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EPOCHS_FILE = "epochs.jsonl"


@dataclass(frozen=True)
class Point:
    """One value of a metric.

    Attributes
    ----------
    name, value
        The metric.
    time
        Milliseconds since 1970.
    step
        Its place on the horizontal axis: the epoch, mostly.
    """

    name: str
    value: float
    time: int
    step: int


class EpochLog:
    """Writes the diary of one run, a line of JSON for each epoch.

    Parameters
    ----------
    folder
        The run folder. What is in it from before an interruption is continued.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / EPOCHS_FILE
        # All epochs of all candidate sources are counted on; epochs start anew with each source.
        self._samples = sum(1 for _ in _lines(self._file))
        if self._samples and not self._file.read_bytes().endswith(b"\n"):
            with self._file.open("a", encoding="utf-8") as handle:
                handle.write("\n")  # ends a line that an interruption cut

    def add(
        self, epoch: int, metrics: Mapping[str, float], system: Mapping[str, float]
    ) -> list[Point]:
        """Note an epoch, and return it as MLflow is to see it.

        Parameters
        ----------
        epoch
            Number of the epoch, the step of its metrics.
        metrics
            The metrics of the epoch.
        system
            A sample of the machine; its step is the number of epochs trained so far.
        """
        self._samples += 1
        line = {
            "time": int(time.time() * 1000),
            "epoch": epoch,
            "metrics": dict(metrics),
            "sample": self._samples,
            "system": dict(system),
        }
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(line) + "\n")
        return _points(line)


def read_epochs(folder: Path) -> list[Point]:
    """Return all that the diary of a run holds; empty where it kept none."""
    return [point for line in _lines(folder / EPOCHS_FILE) for point in _points(line)]


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a diary; the one that an interruption cut in the middle is passed over."""
    if not file.is_file():
        return
    with file.open(encoding="utf-8") as handle:
        for text in handle:
            try:
                yield json.loads(text)
            except ValueError:
                continue


def _points(line: Mapping[str, Any]) -> list[Point]:
    return [
        Point(name, float(value), line["time"], line[step])
        for values, step in (("metrics", "epoch"), ("system", "sample"))
        for name, value in line[values].items()
    ]
