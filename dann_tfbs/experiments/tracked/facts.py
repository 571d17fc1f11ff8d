"""What MLflow is to know of a run, from its folder alone: the same live and uploaded later.

Names of metrics: `train/…` and `validation/…` by epoch, `best/…` of the epoch whose weights the run
keeps, `test/…` of the test, `system/…` of the machine. A candidate of `source: auto` has its assay
in front while it is trained (`with CHS/train/loss`, which MLflow shows last); the chosen one is
told once more without. What is one number of a run has step 0: MLflow draws it as a bar.
"""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from dann_tfbs.config import Experiment
from dann_tfbs.experiments.own_table import provenance
from dann_tfbs.experiments.tracked.epoch_log import Point, read_epochs
from dann_tfbs.run_folder import CONFIG_FILE, METRICS_FILE, PROVENANCE_FILE, Run
from dann_tfbs.settings import as_plain, flattened, read_yaml, validated

FIGURES = "figures"
EXPERIMENT = "dann-tfbs"
"""MLflow's experiment of runs that belong to no study."""

TRAINING = "training"
"""MLflow's word for the data that a model learnt from."""

_RESOLVED = ("data.tf", "data.source", "data.window", "data.score_length", "heads")
"""Settings that a training fills in: not told before it is over, as MLflow lets none be changed."""


@dataclass(frozen=True)
class Input:
    """A file that the run learnt from.

    Attributes
    ----------
    name, path
        What it is called, and where it lay.
    digest
        SHA-256 of its bytes.
    context
        What it served for: `training`, `unlabelled` or `companion`.
    """

    name: str
    path: str
    digest: str
    context: str


@dataclass(frozen=True)
class Facts:
    """All that MLflow is to know of a finished run but for its model.

    Attributes
    ----------
    name
        Name to show.
    params, tags
        Settings under dotted keys, and facts to filter by.
    points
        All values of all metrics.
    inputs
        The data.
    files
        Files and folders to keep beside.
    started, ended
        Milliseconds since 1970; none where the folder does not say.
    """

    name: str
    params: dict[str, str]
    tags: dict[str, str]
    points: list[Point]
    inputs: list[Input]
    files: list[Path]
    started: int | None
    ended: int | None


def facts_of(folder: Path, *, figures: bool = True) -> Facts:
    """Read what a finished run folder tells.

    Parameters
    ----------
    folder
        The run folder.
    figures
        Whether its figures belong to the files.

    Raises
    ------
    InputError
        If a file is damaged.
    """
    settings = read_yaml(folder / CONFIG_FILE)
    experiment = validated(Experiment, settings, str(folder / CONFIG_FILE))
    run = Run(folder, experiment, {})
    origin, metrics = provenance(run), run.metrics if (folder / METRICS_FILE).is_file() else {}
    started = _milliseconds(str(origin.get("started") or ""))
    seconds = origin.get("wall_seconds")
    known = started is not None and isinstance(seconds, int | float)
    ended = started + int(1000 * seconds) if known else None  # type: ignore[operator]
    names = (CONFIG_FILE, METRICS_FILE, PROVENANCE_FILE, *([FIGURES] if figures else []))
    return Facts(
        name=run_name(folder),
        params={k: str(v) for k, v in flattened(as_plain(experiment)).items()},
        tags=tags_of(experiment, folder) | _adapted(origin),
        points=_points(folder, experiment, metrics, ended or int(time.time() * 1000)),
        inputs=_inputs(experiment, str(origin.get("data_sha256") or "").split()),
        files=[folder / name for name in names if (folder / name).exists()],
        started=started,
        ended=ended,
    )


def run_name(folder: Path) -> str:
    """Return the name to show of a run: that of its folder; of a seed, with its ensemble's."""
    folder = folder.resolve()
    is_member = re.fullmatch(r"seed-\d+", folder.name)
    return f"{folder.parent.name}/{folder.name}" if is_member else folder.name


def tags_of(experiment: Experiment, folder: Path) -> dict[str, str]:
    """Return what every run can be filtered by."""
    data = experiment.data
    return {
        "tf": data.tf or "",
        "source": data.source,
        "target": data.target,
        "mode": experiment.mode,
        "study": "",
        "run_folder": str(folder.resolve()),
        "mlflow.source.name": "dann-tfbs",
        "mlflow.source.type": "LOCAL",
    }


def first_params(experiment: Experiment) -> dict[str, str]:
    """Return the settings that are certain before a training."""
    flat = flattened(as_plain(experiment))
    return {key: str(value) for key, value in flat.items() if not key.startswith(_RESOLVED)}


def metric_name(key: str) -> str:
    """Return the name in MLflow of a value in the record of an epoch."""
    if key.startswith("validation_"):
        return "validation/" + key.removeprefix("validation_")
    return "train/" + key.removeprefix("train_")


def epoch_metrics(record: Mapping[str, float], candidate: str | None = None) -> dict[str, float]:
    """Return the record of an epoch under MLflow's names.

    Parameters
    ----------
    record
        As `metrics.json` holds it.
    candidate
        The source, while it is but one of those that `source: auto` tries.
    """
    prefix = candidate_prefix(candidate) if candidate else ""
    return {prefix + metric_name(key): v for key, v in record.items() if key != "epoch"}


def candidate_prefix(source: str) -> str:
    """Return what stands before the metrics of one of several sources that are tried."""
    return f"with {source}/"


def _points(
    folder: Path, experiment: Experiment, metrics: Mapping[str, Any], ended: int
) -> list[Point]:
    """Return the diary, and what follows from the history that it does not say."""
    points = {(point.name, point.step): point for point in read_epochs(folder)}
    history = metrics.get("history", [])
    tried_as = candidate_prefix(experiment.data.source)
    for record in history:
        step = int(record["epoch"])
        for name, value in epoch_metrics(record).items():
            tried = points.get((tried_as + name, step))
            when = ended if tried is None else tried.time
            points.setdefault((name, step), Point(name, float(value), when, step))
    if not history:
        return list(points.values())
    # MLflow's page of comparisons begins with the metric that came first.
    when = max(point.time for point in points.values())
    return [*_best(metrics, when), *points.values()]


def _best(metrics: Mapping[str, Any], when: int) -> list[Point]:
    """Return the numbers of the epoch whose weights the run keeps, the most telling one first."""
    epoch = int(metrics["best_epoch"])
    record = metrics["history"][epoch - 1]
    kept = [k for k in record if k.startswith("validation_") or k == "train_loss"]
    kept.sort(key=lambda k: (not k.startswith("validation_au"), k))
    values = {f"best/{key}": record[key] for key in kept} | {"best/epoch": epoch}
    return [Point(name, float(value), when, 0) for name, value in values.items()]


def _adapted(origin: Mapping[str, Any]) -> dict[str, str]:
    adapted = origin.get("adapted")
    return {"adapted": str(adapted.get("kind"))} if isinstance(adapted, dict) else {}


def _inputs(experiment: Experiment, digests: list[str]) -> list[Input]:
    """Return the data of a run; `digests` follow the order in which training names them."""
    data = experiment.data
    named = [(data.path, TRAINING)]
    named += [(path, "unlabelled") for path in data.unlabelled.values()]
    named += [(path, "companion") for path in chain(*data.companions.values())]
    return [
        Input(
            f"{data.tf} {path.name}" if context == TRAINING else path.name,
            str(path),
            digest,
            context,
        )
        for (path, context), digest in zip(named, digests, strict=False)
        if path is not None
    ]


def _milliseconds(stamp: str) -> int | None:
    try:
        return 1000 * calendar.timegm(time.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        return None
