"""Finished runs and studies recorded in MLflow from their folders: at once by studies, or later.

No function here raises for MLflow's sake; what could not be recorded is left to `track sync`. The
folder remembers what MLflow has (`tracking.json`), so a call that is repeated doubles nothing.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dann_tfbs.experiments.outcome import OUTCOME_FILE, Outcome, read_outcome
from dann_tfbs.experiments.study_folder import RUN, STUDY_FILE
from dann_tfbs.experiments.tracked.epoch_log import Point
from dann_tfbs.experiments.tracked.facts import EXPERIMENT, facts_of
from dann_tfbs.experiments.tracked.opening import PARENT_TAG, new_run, opened
from dann_tfbs.experiments.tracked.remembered import Entry, Remembered, held, recall, remember
from dann_tfbs.experiments.tracked.store import Guard, connected, experiment_id
from dann_tfbs.run_folder import find_runs
from dann_tfbs.settings import flattened, read_yaml

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from dann_tfbs.experiments.tracked.upload import Exporters

NAME_TAG = "mlflow.runName"


class Recorder:
    """A connection to a store, with what many runs share.

    Parameters
    ----------
    uri
        MLflow tracking URI.
    """

    def __init__(self, uri: str) -> None:
        from dann_tfbs.experiments.tracked.upload import Exporters

        self.uri = uri
        self.client: MlflowClient = connected(uri)
        self.exporters: Exporters = Exporters()
        self._experiments: dict[str, str] = {}

    def experiment(self, name: str) -> str:
        """Return the identifier of MLflow's experiment of this name."""
        if name not in self._experiments:
            self._experiments[name] = experiment_id(self.client, name, self.uri)
        return self._experiments[name]

    def experiment_of(self, run_id: str) -> str:
        """Return the identifier of the experiment that a run is in."""
        if run_id not in self._experiments:
            self._experiments[run_id] = self.client.get_run(run_id).info.experiment_id
        return self._experiments[run_id]


@lru_cache(maxsize=4)
def recorder(uri: str) -> Recorder:
    """Return the one recorder of a store; a store that does not answer is tried again next time."""
    return Recorder(uri)


def start_parent(
    uri: str,
    experiment_name: str,
    name: str,
    params: Mapping[str, Any],
    tags: Mapping[str, str],
    *,
    folder: Path | None = None,
) -> str | None:
    """Begin the run of a study, or go on with it.

    Parameters
    ----------
    uri
        MLflow tracking URI.
    experiment_name
        MLflow's experiment, of the children too; made where it does not exist.
    name, params, tags
        Of the run; settings may be nested.
    folder
        The study's folder, which remembers the run. Without one, every call makes a new run.

    Returns
    -------
    str or None
        MLflow's name of the run; None if MLflow failed, after one warning.
    """
    guard = Guard(uri)
    with guard(f"the study {name} could not be started"):
        from dann_tfbs.experiments.tracked.upload import ask, send_batches

        one = recorder(uri)
        place = one.experiment(experiment_name)
        plain = {key: str(value) for key, value in flattened(params).items()}
        if folder is None:
            run_id = new_run(one.client, place, name, tags)
            send_batches(one.client, run_id, params=plain)
            return run_id
        with held(folder):
            run_id, fresh = opened(one.client, place, uri, folder, name, tags)
            known = set() if fresh else ask(one.client, run_id).params
            send_batches(
                one.client, run_id, params={k: v for k, v in plain.items() if k not in known}
            )
            return run_id
    return None


def finish_parent(
    uri: str,
    run_id: str | None,
    *,
    status: Literal["FINISHED", "FAILED", "KILLED"] = "FINISHED",
    metrics: Mapping[str, float] | None = None,
    files: Sequence[Path] = (),
    folder: Path | None = None,
) -> bool:
    """End the run of a study.

    Parameters
    ----------
    uri, run_id
        As `start_parent` was given and returned; with None nothing is done.
    status
        How it ended.
    metrics
        Numbers that sum up the study.
    files
        Files and folders to keep beside.
    folder
        The study's folder, which remembers that the run is complete, however it ended; None if
        it is not.

    Returns
    -------
    bool
        Whether MLflow has everything.
    """
    if run_id is None:
        return False
    guard = Guard(uri)
    with guard("the end of the study could not be recorded"):
        from dann_tfbs.experiments.tracked.upload import send_batches, send_files

        client, now = recorder(uri).client, int(time.time() * 1000)
        points = [Point(key, float(value), now, 0) for key, value in (metrics or {}).items()]
        send_batches(client, run_id, points)
        send_files(client, run_id, files)
        client.set_terminated(run_id, status)
        if folder is not None:
            _note(folder, uri, run_id, complete=True)
        return True
    return False


def record_run(
    folder: Path,
    uri: str,
    *,
    parent: str | None = None,
    tags: Mapping[str, str] | None = None,
    metrics: Mapping[str, float] | None = None,
    model: bool = True,
    figures: bool = True,
) -> bool:
    """Record a finished run folder, or what MLflow lacks of it.

    Parameters
    ----------
    folder
        The run folder.
    uri
        MLflow tracking URI.
    parent
        MLflow's run of the study that the run belongs to.
    tags
        Further tags, which win over the run's own; `mlflow.runName` is the name to show.
    metrics
        Further numbers of the whole run, such as `test/auroc`.
    model, figures
        Whether these are sent too.

    Returns
    -------
    bool
        Whether MLflow has everything; if not, there was a warning.
    """
    guard = Guard(uri)
    with guard(f"{folder} could not be recorded"):
        send_run(
            folder, uri, parent=parent, tags=tags, metrics=metrics, model=model, figures=figures
        )
    return not guard.failures


def send_run(
    folder: Path,
    uri: str,
    *,
    parent: str | None = None,
    tags: Mapping[str, str] | None = None,
    metrics: Mapping[str, float] | None = None,
    model: bool = True,
    figures: bool = True,
) -> bool:
    """Do as `record_run`, but raise what goes wrong; tell whether anything was left to send."""
    from dann_tfbs.experiments.tracked.upload import (
        Known,
        ask,
        has_model,
        send_facts,
        send_run_model,
    )

    one = recorder(uri)
    with held(folder):
        entry = (recall(folder) or Remembered()).at(uri)
        if entry.complete:
            if parent is None or entry.parent == parent or entry.run_id is None:
                return False
            one.client.set_tag(entry.run_id, PARENT_TAG, parent)
            _note(folder, uri, entry.run_id, complete=True, parent=parent)
            return True
        facts = facts_of(folder, figures=figures)
        labels = facts.tags | dict(tags or {}) | ({PARENT_TAG: parent} if parent else {})
        name = labels.pop(NAME_TAG, facts.name)
        place = one.experiment_of(parent) if parent else one.experiment(EXPERIMENT)
        run_id, fresh = opened(one.client, place, uri, folder, name, labels, facts.started)
        known = Known() if fresh else ask(one.client, run_id)
        if metrics:
            facts.points[:0] = _further(metrics, facts.points)
        send_facts(one.client, run_id, facts, {} if fresh else labels, known)
        if model and (fresh or not has_model(one.client, run_id)):
            send_run_model(one.client, run_id, folder, one.exporters)
            gc.unfreeze()
        one.client.set_terminated(run_id, "FINISHED", facts.ended)
        _note(folder, uri, run_id, complete=True, parent=parent)
    return True


def _further(metrics: Mapping[str, float], points: Sequence[Point]) -> list[Point]:
    """Return numbers about the whole run, beside those of its best epoch."""
    best = [point for point in points if point.name == "best/epoch"]
    when = best[0].time if best else int(time.time() * 1000)
    return [Point(key, float(value), when, 0) for key, value in metrics.items()]


def _note(
    folder: Path, uri: str, run_id: str, *, complete: bool, parent: str | None = None
) -> None:
    remembered = recall(folder) or Remembered()
    entry = Entry(run_id=run_id, complete=complete, parent=parent)
    remember(folder, remembered.noting(uri, entry))


def start_study(folder: Path, uri: str) -> str | None:
    """Begin the run of a study as its folder describes it, or go on with it; as `start_parent`."""
    values = read_yaml(folder / STUDY_FILE)
    values.pop("runs", None)  # they are the children
    name = str(values.get("name", folder.name))
    tags = {"study": name, "study_folder": str(folder.resolve())}
    return start_parent(uri, EXPERIMENT, name, values, tags, folder=folder)


def record_outcome(folder: Path, uri: str, *, parent: str | None = None) -> bool:
    """Record every seed of a study's training as a child run, with its test scores.

    Parameters
    ----------
    folder
        Folder with `outcome.json` and the run folder(s) in `run`.
    uri
        MLflow tracking URI.
    parent
        MLflow's run of the study; None means what the study's folder remembers.

    Returns
    -------
    bool
        Whether MLflow has everything; if not, there was a warning.
    """
    guard = Guard(uri)
    with guard(f"{folder} could not be recorded"):
        send_outcome(folder, uri, parent=parent)
    return not guard.failures


def send_outcome(folder: Path, uri: str, *, parent: str | None = None) -> int:
    """Do as `record_outcome`, but raise what goes wrong; return how many runs were sent.

    Models and figures stay in the run folders: a study has hundreds of runs.
    """
    outcome = read_outcome(folder / OUTCOME_FILE)
    if parent is None:
        parent = (recall(folder.parent.parent) or Remembered()).at(uri).run_id
    sent = 0
    for number, run in enumerate(find_runs(folder / RUN)):
        sent += send_run(
            run,
            uri,
            parent=parent,
            tags=outcome_tags(outcome, number),
            metrics={f"test/{name}": scores[number] for name, scores in outcome.scores.items()},
            model=False,
            figures=False,
        )
    return sent


def outcome_tags(outcome: Outcome, number: int) -> dict[str, str]:
    """Return the tags of one seed of a training of a study."""
    seed = outcome.seeds[number]
    return {
        NAME_TAG: f"{outcome.variant} · {outcome.task} · seed {seed}",
        "study": outcome.study,
        "variant": outcome.variant,
        "factor": outcome.factor,
        "task": outcome.task,
        "tf": outcome.tf,
        "source": outcome.source,
        "target": outcome.target,
        "mode": outcome.mode,
    }
