"""What a study's selection rules choose among the variants of each task, as further outcomes.

A choice is shown beside the variants under a name of its own: what it costs is its paired
difference from the oracle's choice, in the tables and figures that compare variants anyway.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dann_tfbs.errors import InputError
from dann_tfbs.experiments.candidates import compare
from dann_tfbs.experiments.outcome import Outcome
from dann_tfbs.experiments.study.run_unit import outcome_of
from dann_tfbs.experiments.study.settings import StudySettings
from dann_tfbs.experiments.study.units import Unit
from dann_tfbs.experiments.study_folder import RUN, RUNS
from dann_tfbs.training.selection import RuleName

FACTOR = "choice"
RANDOM = "a random choice"


@dataclass(frozen=True)
class Choosing:
    """A rule on a task.

    Attributes
    ----------
    rule
        One of `dann_tfbs.training.selection.RULES`.
    units
        The trainings to choose among, the reference first.
    out
        Folder of the study.
    metric
        What the oracle chooses by: the study's.
    """

    rule: RuleName
    units: tuple[Unit, ...]
    out: Path
    metric: str


def choosings(study: StudySettings, units: Sequence[Unit], out: Path) -> list[Choosing]:
    """Return every rule on every task; what has two names on a task stands once."""
    by_task: dict[str, dict[str, Unit]] = {}
    for unit in units:
        by_task.setdefault(unit.task, {}).setdefault(unit.key, unit)
    return [
        Choosing(rule, tuple(own.values()), out, study.metric)
        for own in by_task.values()
        for rule in study.selection
    ]


def check_selection(study: StudySettings, units: Sequence[Unit]) -> None:
    """Check, before anything is trained, that the rules will be able to choose.

    Raises
    ------
    InputError
        If variants of a task learn from different tables, or a rule lacks unlabelled sequences.
    """
    if not study.selection:
        return
    tables: dict[str, Path | None] = {}
    for unit in units:
        table = unit.experiment.data.path
        if tables.setdefault(unit.task, table) != table:
            raise InputError(
                f"'{unit.variant}' learns from another table than the reference on {unit.task}.",
                key="selection",
                remedy="Rules choose among variants of one table; leave out factors of `prepare.`.",
            )
        weighted = next((rule for rule in study.selection if rule in ("iwv", "dev")), None)
        if weighted is not None and unit.pool is None:
            raise InputError(
                f"{weighted} needs unlabelled sequences, and {unit.task} names none.",
                key="selection",
                remedy="Give the task `unlabelled`.",
            )


def chosen(choosing: Choosing) -> Outcome | str:
    """Return the outcome of the variant that a rule takes, under the rule's name; or an error.

    The rule sees the runs, the held-out source sequences and the unlabelled pool; `oracle` alone
    sees the test.
    """
    units = choosing.units
    oracle = choosing.rule == "oracle"
    outcomes = [outcome_of(unit, choosing.out) for unit in units]
    if oracle:  # the test is scored already
        best = int(np.argmax([np.mean(own.scores[choosing.metric]) for own in outcomes]))
        fallback = None
    else:
        paths = [choosing.out / RUNS / unit.key / RUN for unit in units]
        pool = units[0].pool if choosing.rule in ("iwv", "dev") else None
        try:
            with tempfile.TemporaryDirectory() as work:
                found = compare(
                    paths,
                    choosing.rule,
                    Path(work),
                    unlabelled=pool,
                    data=units[0].experiment.data.path,
                    device="cpu",
                )
        except InputError as error:
            return f"{units[0].task}, {choosing.rule}: {error}"
        best = [str(path) for path in paths].index(found.selection.name)
        fallback = found.selection.fallback
    name = "chosen by oracle" if oracle else f"chosen by {choosing.rule}"
    settings = outcomes[best].settings | {"chosen": units[best].variant, "fallback": fallback}
    update = {"variant": name, "factor": FACTOR, "oracle": oracle, "settings": settings}
    return outcomes[best].model_copy(update=update)


def random_choice(units: Sequence[Unit], out: Path) -> Outcome:
    """Return what choosing at random gives on average: the mean of all variants of a task."""
    outcomes = [outcome_of(unit, out) for unit in units]
    scores = {
        metric: tuple(np.mean([own.scores[metric] for own in outcomes], axis=0).tolist())
        for metric in outcomes[0].scores
    }
    update = {
        "variant": RANDOM, "factor": FACTOR, "scores": scores, "together": {}, "curves": None,
        "histories": (), "embedding": None, "settings": {}, "folder": "", "wall_seconds": 0.0,
    }  # fmt: skip
    return outcomes[0].model_copy(update=update)
