"""Outcomes of runs that were trained one by one, without a study."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dann_tfbs.errors import InputError
from dann_tfbs.experiments.comparison.labelled_tests import LabelledTest, fitting_test
from dann_tfbs.experiments.comparison.naming import Named, named
from dann_tfbs.experiments.comparison.settings_differences import UNREAD
from dann_tfbs.experiments.comparison.study import Study, set_against
from dann_tfbs.experiments.outcome import Outcome, curves_of
from dann_tfbs.experiments.outcome import scores_of as scores_of_logits
from dann_tfbs.model.network import Network, count_parameters
from dann_tfbs.run_folder import METRICS_FILE, PROVENANCE_FILE, Run, find_runs, read_run
from dann_tfbs.settings import as_plain, flattened
from dann_tfbs.trained import load

QUESTION = "How do these runs compare?"


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seeds alone.

    Attributes
    ----------
    name
        Of their folder, or a label.
    path
        The folder.
    runs
        One or more.
    """

    name: str
    path: Path
    runs: list[Run]

    @property
    def settings(self) -> dict[str, Any]:
        """Resolved settings under dotted keys."""
        return flattened(as_plain(self.runs[0].experiment))


def study_of_runs(
    paths: Sequence[Path],
    *,
    labels: Sequence[str] = (),
    by: Sequence[str] = (),
    reference: str | None = None,
    metric: str = "auroc",
    tests: Sequence[LabelledTest] = (),
    device: str = "auto",
) -> Study:
    """Return runs as a study.

    Parameters
    ----------
    paths
        Run folders, or folders of runs: those that differ in their seed alone are one variant.
    labels
        Name of the variant of each path; empty means by their settings (`naming.named`).
    by
        Dotted keys that make the variants.
    reference
        Name of the reference; None means the variant of the first path.
    metric
        The metric that decides.
    tests
        Tests to score the runs on; empty means the scores on held-out source sequences that
        training has recorded.
    device
        Where to score.

    Raises
    ------
    InputError
        If a run or what it needs is missing, or the reference is none of the variants.
    """
    groups = [group for number, path in enumerate(paths) for group in _groups(path, number, labels)]
    names = _names(groups, labels, by)
    outcomes = tuple(
        _outcome(group, name, tests, device) for group, name in zip(groups, names, strict=True)
    )
    study = Study("comparison of runs", QUESTION, metric, names[0].variant, outcomes)
    return set_against(study, reference)


def _groups(path: Path, number: int, labels: Sequence[str]) -> list[Group]:
    """Return the runs at a path, those that differ in their seed alone together."""
    by_settings: dict[str, list[Run]] = {}
    for folder in find_runs(path):
        run = read_run(folder)
        settings = flattened(as_plain(run.experiment))
        decisive = {key: value for key, value in settings.items() if key not in UNREAD}
        by_settings.setdefault(json.dumps(decisive, sort_keys=True), []).append(run)
    many = len(by_settings) > 1
    if many and labels:
        raise InputError(
            f"{len(by_settings)} different runs lie here.",
            path=path,
            key="--label",
            remedy="Name each of them as a RUN, with a label of its own.",
        )
    found = []
    for runs in by_settings.values():
        folder = runs[0].folder if many else path
        name = labels[number] if labels else folder.resolve().name
        found.append(Group(name, folder, runs))
    return found


def _names(groups: Sequence[Group], labels: Sequence[str], by: Sequence[str]) -> list[Named]:
    names = [group.name for group in groups]
    found = named([group.settings for group in groups], names, by)
    if labels:
        return [Named(one.task, label) for one, label in zip(found, names, strict=True)]
    return found


def _outcome(group: Group, name: Named, tests: Sequence[LabelledTest], device: str) -> Outcome:
    experiment = group.runs[0].experiment
    metrics = [run.metrics for run in group.runs]
    network = Network(experiment.architecture, experiment.network_heads)
    common: dict[str, Any] = {
        "variant": name.variant,
        "task": name.task,
        "tf": experiment.data.tf or "?",
        "source": experiment.data.source,
        "target": experiment.data.target,
        "mode": experiment.mode,
        "seeds": tuple(run.experiment.seed for run in group.runs),
        "histories": tuple(tuple(own.get("history", ())) for own in metrics),
        "settings": group.settings,
        "parameters": count_parameters(network),
        "folder": str(group.path),
        "wall_seconds": max(_wall_seconds(run) for run in group.runs),
    }
    if not tests:
        scores = _held_out_scores(group, metrics)
        return Outcome(test="held-out source", scores=scores, **common)
    test = fitting_test(tests, experiment.data.tf, experiment.data.target, group.path)
    logits = load([run.folder for run in group.runs], device, build=True).logits(test.sequences)
    mean = logits.mean(axis=1)
    together = {k: v[0] for k, v in scores_of_logits(mean[:, None], test.bound).items()}
    return Outcome(
        scores=scores_of_logits(logits, test.bound),
        together=together,
        positives=int(test.bound.sum()),
        negatives=int((~test.bound).sum()),
        curves=curves_of(mean, test.bound),
        **common,
    )


def _held_out_scores(
    group: Group, metrics: Sequence[dict[str, Any]]
) -> dict[str, tuple[float, ...]]:
    """Return the validation scores of the best epoch of each run."""
    found: dict[str, list[float]] = {"auroc": [], "auprc": []}
    for run, own in zip(group.runs, metrics, strict=True):
        record = own["history"][own["best_epoch"] - 1] if own.get("history") else {}
        for name, values in found.items():
            if f"validation_{name}" not in record:
                raise InputError(
                    f"the run has no validation {name}.",
                    path=run.folder / METRICS_FILE,
                    remedy="Score it on a test: --test FILE --answers FILE.",
                )
            values.append(record[f"validation_{name}"])
    return {name: tuple(values) for name, values in found.items()}


def _wall_seconds(run: Run) -> float:
    """Return the time of a training; models trained side by side share it."""
    path = run.folder / PROVENANCE_FILE
    if not path.is_file():
        return 0.0
    return float(json.loads(path.read_text("utf-8")).get("wall_seconds", 0.0))
