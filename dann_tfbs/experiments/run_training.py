"""A training with its records: run folders first, then figures and MLflow."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from dann_tfbs.config import Experiment
from dann_tfbs.errors import InputError
from dann_tfbs.experiments.figures import loss_curves, pr_curve, roc_curve, save_figure
from dann_tfbs.experiments.tracked.epoch_log import EpochLog
from dann_tfbs.experiments.tracked.facts import (
    EXPERIMENT,
    FIGURES,
    epoch_metrics,
    first_params,
    run_name,
    tags_of,
)
from dann_tfbs.experiments.tracked.system_metrics import SystemMetrics
from dann_tfbs.experiments.tracked.upload import Exporters
from dann_tfbs.experiments.tracking import Tracker
from dann_tfbs.files import write_json
from dann_tfbs.trained import load
from dann_tfbs.training.train import Trained, member_folders, train

AUDITED = 500
"""Most sequences of an assay that the audit of an adapted run looks at."""

_log = logging.getLogger(__name__)


def run_training(
    experiment: Experiment,
    out: Path,
    make_tracker: Callable[[], Tracker],
    *,
    resume: bool = False,
    show_progress: bool = False,
) -> Trained:
    """Train, write the run folders, and record every model as one MLflow run.

    Parameters
    ----------
    experiment, out, resume, show_progress
        As in `dann_tfbs.training.train.train`.
    make_tracker
        Makes the tracker of one model.
    """
    folders = member_folders(out, experiment)
    trackers, diaries = [], [EpochLog(folder) for folder in folders]
    for seed, folder in zip(experiment.member_seeds, folders, strict=True):
        tracker = make_tracker()
        settings = experiment.model_copy(update={"seed": seed, "seeds": 1})
        start_tracking(tracker, run_name(folder), settings, folder)
        trackers.append(tracker)
    machine = SystemMetrics(out)

    def on_epoch(source: str, records: Sequence[dict[str, float]]) -> None:
        system = machine.sample()
        candidate = source if experiment.data.source == "auto" else None
        for tracker, diary, folder, record in zip(trackers, diaries, folders, records, strict=True):
            metrics = epoch_metrics(record, candidate)
            points = diary.add(int(record["epoch"]), metrics, system)
            tracker.attach(folder)
            tracker.log(points)

    status: Literal["FINISHED", "FAILED", "KILLED"] = "FAILED"
    try:
        trained = train(
            experiment, out, resume=resume, show_progress=show_progress, on_epoch=on_epoch
        )
        exporters = Exporters()
        for member, (tracker, folder) in enumerate(zip(trackers, trained.folders, strict=True)):
            _draw(folder, trained, member)
            if trained.experiment.adapts:
                _draw_audit(folder, trained.experiment)
            tracker.log_run(folder, exporters)
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        for tracker in trackers:
            tracker.finish(status)
    return trained


def _draw(folder: Path, trained: Trained, member: int) -> None:
    save_figure(loss_curves([trained.histories[member]]), folder / FIGURES / "loss.png")
    if trained.validation is not None:
        scores = {"validation": trained.validation.logits[:, member]}
        labels = trained.validation.labels[member]
        save_figure(pr_curve(scores, labels), folder / FIGURES / "pr.png")
        save_figure(roc_curve(scores, labels), folder / FIGURES / "roc.png")


def _draw_audit(folder: Path, experiment: Experiment) -> None:
    """Show what tells the assays apart in the embedding of an adapted run."""
    from dann_tfbs.experiments.audit import audit
    from dann_tfbs.experiments.audit_domains import read_domains

    files = list(experiment.data.unlabelled.items())
    try:
        domains = read_domains(
            experiment.data.path, files, tf=experiment.data.tf, most=AUDITED, seed=0
        )
        found = audit(domains, {"this run": load(folder, "cpu")})
    except InputError as error:  # too few sequences, say: the run itself is complete
        _log.warning("the run was not audited: %s", error)
        return
    for name, figure in found.figures().items():
        save_figure(figure, folder / FIGURES / f"{name}.png")
    write_json(folder / FIGURES / "audit.json", found.to_json())


def start_tracking(
    tracker: Tracker, name: str, settings: Experiment, folder: Path, **tags: str
) -> None:
    """Begin the MLflow run of one model.

    Parameters
    ----------
    tracker
        Its tracker.
    name
        Name to show for the run.
    settings
        Settings of the model.
    folder
        Its run folder.
    tags
        Further facts to filter runs by.
    """
    facts = tags_of(settings, folder) | tags
    tracker.start(EXPERIMENT, name, first_params(settings), facts, folder)
