"""A training with its records: run folders first, then figures and MLflow."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from dann_tfbs.config import Experiment
from dann_tfbs.errors import InputError
from dann_tfbs.experiments.exported import Exporter
from dann_tfbs.experiments.figures import loss_curves, pr_curve, roc_curve, save_figure
from dann_tfbs.experiments.tracking import Tracker
from dann_tfbs.files import write_json
from dann_tfbs.model.deployed import DeployedNetwork
from dann_tfbs.run_folder import CONFIG_FILE, METRICS_FILE
from dann_tfbs.settings import as_plain
from dann_tfbs.trained import load
from dann_tfbs.training.train import Trained, train

FIGURES = "figures"
MLFLOW_EXPERIMENT = "dann-tfbs"
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
    trackers = []
    for seed in experiment.member_seeds:
        tracker = make_tracker()
        settings = experiment.model_copy(update={"seed": seed, "seeds": 1})
        name = out.name if experiment.seeds == 1 else f"{out.name}/seed-{seed}"
        start_tracking(tracker, name, settings, out)
        trackers.append(tracker)

    def on_epoch(source: str, records: Sequence[dict[str, float]]) -> None:
        for tracker, record in zip(trackers, records, strict=True):
            metrics = {f"{source}/{k}": v for k, v in record.items() if k != "epoch"}
            tracker.log_epoch(int(record["epoch"]), metrics)

    status: Literal["FINISHED", "FAILED", "KILLED"] = "FAILED"
    try:
        trained = train(
            experiment, out, resume=resume, show_progress=show_progress, on_epoch=on_epoch
        )
        exporter = Exporter()
        for member, (tracker, folder) in enumerate(zip(trackers, trained.folders, strict=True)):
            _draw(folder, trained, member)
            if trained.experiment.adapts:
                _draw_audit(folder, trained.experiment)
            track_run(tracker, folder, exporter)
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
    tracker: Tracker, name: str, settings: Experiment, out: Path, **tags: str
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
    out
        The folder that was asked for, of one model or of several.
    tags
        Further facts to filter runs by.
    """
    tags |= {
        "tf": settings.data.tf or "",
        "source": settings.data.source,
        "target": settings.data.target,
        "mode": settings.mode,
        "run_folder": str(out),
    }
    tracker.start(MLFLOW_EXPERIMENT, name, as_plain(settings), tags)


def track_run(tracker: Tracker, folder: Path, exporter: Exporter) -> None:
    """Record a finished run folder: settings, scores, figures where there are any, the model."""
    if not tracker.run_id:
        return
    for name in (CONFIG_FILE, METRICS_FILE, FIGURES):
        if (folder / name).exists():
            tracker.log_artifacts(folder / name)
    model = load(folder, "cpu")
    experiment = model.experiment
    example = np.random.default_rng(0).integers(0, 4, (8, experiment.data.training_window))
    deployed = DeployedNetwork(model.network, model.head, experiment.prediction.strands).eval()
    tracker.log_model(deployed, example, exporter)
