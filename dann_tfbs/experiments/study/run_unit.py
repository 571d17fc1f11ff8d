"""One training of a study and its test, on whichever machine it runs."""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock

from dann_tfbs.config import Experiment
from dann_tfbs.data.table import read_table, table_sequences
from dann_tfbs.embedding import embeddings
from dann_tfbs.experiments.embedding_figures import main_axes
from dann_tfbs.experiments.outcome import (
    OUTCOME_FILE,
    Outcome,
    Points,
    curves_of,
    read_outcome,
    scores_of,
    write_outcome,
)
from dann_tfbs.experiments.study.settings import PREPARE
from dann_tfbs.experiments.study.units import Unit
from dann_tfbs.experiments.study_folder import RUN, RUNS, Failure, failure_file, write_failure
from dann_tfbs.experiments.tracked.epoch_log import EpochLog
from dann_tfbs.experiments.tracked.facts import epoch_metrics
from dann_tfbs.experiments.tracked.system_metrics import SystemMetrics
from dann_tfbs.model.network import count_parameters
from dann_tfbs.run_folder import is_run, read_run
from dann_tfbs.sequence import Sequences
from dann_tfbs.settings import as_plain, flattened
from dann_tfbs.streams import stream
from dann_tfbs.trained import TrainedModel, load
from dann_tfbs.training.train import OnEpoch, member_folders, train

POINTS = 200
"""Points kept of each domain of an embedding."""


def run_unit(unit: Unit, out: Path) -> bool:
    """Train, test and write the outcome; nothing is done where it is there.

    Another process that has the same training under way is waited for. What an interrupted one left
    is continued.

    Parameters
    ----------
    unit
        The training.
    out
        Folder of the study, seen by all machines.

    Returns
    -------
    bool
        Whether it succeeded. A failure is written to `failed/`, with its traceback.
    """
    folder = out / RUNS / unit.key
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock"):
            if not (folder / OUTCOME_FILE).is_file():
                write_outcome(folder, _outcome(unit, folder / RUN))
    except Exception as error:  # whatever it is, the other trainings go on
        failure = Failure(
            variant=unit.variant,
            task=unit.task,
            error=f"{type(error).__name__}: {error}",
            traceback=traceback.format_exc(),
            settings=flattened(as_plain(unit.experiment)),
        )
        write_failure(out, unit.key, failure)
        return False
    failure_file(out, unit.key).unlink(missing_ok=True)
    return True


def outcome_of(unit: Unit, out: Path) -> Outcome:
    """Return the outcome of a finished training, under the names that it has in the study now."""
    names = {"variant": unit.variant, "factor": unit.factor, "task": unit.task}
    outcome = read_outcome(out / RUNS / unit.key / OUTCOME_FILE)
    return outcome.model_copy(update={"study": unit.study} | names)


def _outcome(unit: Unit, run: Path) -> Outcome:
    began = time.monotonic()
    torch.set_num_threads(1)  # as many trainings run side by side as there are cores
    if not all(is_run(folder) for folder in member_folders(run, unit.experiment)):
        resume = run.is_dir()
        train(unit.experiment, run, resume=resume, on_epoch=_diaries(unit.experiment, run))
    model = load(run, "cpu", build=True)
    sequences, labels = unit.test.read()
    logits = model.logits(sequences)
    together = logits.mean(axis=1, dtype=np.float64)
    data = model.experiment.data
    folders = member_folders(run, unit.experiment)
    return Outcome(
        study=unit.study,
        variant=unit.variant,
        factor=unit.factor,
        task=unit.task,
        tf=str(data.tf),
        source=data.source,
        target=data.target,
        mode=model.experiment.mode,
        seeds=tuple(unit.experiment.member_seeds),
        scores=scores_of(logits, labels),
        together={k: v[0] for k, v in scores_of(together[:, None], labels).items()},
        positives=int((labels > 0).sum()),
        negatives=int((labels == 0).sum()),
        curves=curves_of(together, labels),
        histories=tuple(tuple(read_run(f).metrics["history"]) for f in folders),
        embedding=_embedding(model, unit, sequences, labels),
        settings=_settings(unit, model),
        parameters=count_parameters(model.network) // model.network.members,
        folder=str(run),
        wall_seconds=round(time.monotonic() - began, 2),
    )


def _diaries(experiment: Experiment, run: Path) -> OnEpoch:
    """Return what keeps the diary of every model, with the state of the machine."""
    diaries = [EpochLog(folder) for folder in member_folders(run, experiment)]
    machine = SystemMetrics(run)

    def on_epoch(source: str, records: Sequence[dict[str, float]]) -> None:
        system = machine.sample()
        candidate = source if experiment.data.source == "auto" else None
        for diary, record in zip(diaries, records, strict=True):
            diary.add(int(record["epoch"]), epoch_metrics(record, candidate), system)

    return on_epoch


def _settings(unit: Unit, model: TrainedModel) -> dict[str, Any]:
    """Return the resolved settings without what says where things lie."""
    plain = as_plain(model.experiment) | {"seeds": unit.experiment.seeds}
    for key in ("path", "unlabelled"):
        plain["data"].pop(key)
    return flattened(plain) | {f"{PREPARE}{k}": v for k, v in flattened(unit.recipe).items()}


def _embedding(model: TrainedModel, unit: Unit, sequences: Sequences, labels: np.ndarray) -> Points:
    """Place a few sequences of the source and of the test on the two main axes of the features."""
    rng = stream(unit.experiment.seed, "points of a study")
    assert unit.experiment.data.path is not None
    table = read_table(unit.experiment.data.path, ["sequence", "label", "split"])
    rows = np.flatnonzero(table["split"].to_numpy(zero_copy_only=False) == "validation")
    if not len(rows):
        rows = np.arange(len(table))
    rows = np.sort(rng.permutation(rows)[:POINTS])
    held_out = table.take(rows)
    shown = np.sort(rng.permutation(len(labels))[:POINTS])
    source = f"{model.experiment.data.source} (source)"
    target = f"{model.experiment.data.target} (target)"
    features = {
        source: embeddings(model, table_sequences(held_out))[:, 0],
        target: embeddings(model, sequences.take(shown))[:, 0],
    }
    placed, variance = main_axes(features)
    own = held_out["label"].fill_null(-1).to_numpy()
    points = np.round(np.concatenate([placed[source], placed[target]]), 3)
    return Points(
        x=tuple(points[:, 0].tolist()),
        y=tuple(points[:, 1].tolist()),
        domain=(source,) * len(own) + (target,) * len(shown),
        label=tuple(own.astype(int).tolist()) + tuple(labels[shown].astype(int).tolist()),
        variance=(float(variance[0]), float(variance[1])),
    )
