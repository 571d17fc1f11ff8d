"""What is compared: the outcomes of a study, finished or failed, read from its folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict

from dann_tfbs.errors import InputError
from dann_tfbs.experiments.outcome import OUTCOME_FILE, Outcome, read_outcome, read_outcomes
from dann_tfbs.experiments.study_folder import (
    CHOICES_FILE,
    FAILED,
    STUDY_FILE,
    Failure,
    outcome_folders,
)
from dann_tfbs.settings import StrictSettings, read_json, read_yaml, validated

Metric = Literal["auroc", "auprc"]
TITLES = {"auroc": "AUROC", "auprc": "AUPRC"}


class Training(StrictSettings):
    """A training of a study, under the names that it has now."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    key: str
    variant: str
    factor: str = ""
    task: str


class StudyHead(StrictSettings):
    """What a comparison reads of `study.yaml`; the rest is the engine's."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    question: str = ""
    metric: Metric = "auroc"
    reference: str
    runs: tuple[Training, ...] | None = None
    """None means whatever outcomes lie there."""


@dataclass(frozen=True)
class Study:
    """Outcomes that are compared with each other.

    Attributes
    ----------
    name, question
        What a reader sees first.
    metric
        The metric that decides; the others are shown too.
    reference
        Name of the variant that all others are set against.
    outcomes
        One or more for every variant and task, with seeds of their own.
    failures
        Runs that did not finish.
    folder
        Where it lies; None for runs that were named one by one.
    """

    name: str
    question: str
    metric: str
    reference: str
    outcomes: tuple[Outcome, ...]
    failures: tuple[Failure, ...] = ()
    folder: Path | None = None

    @property
    def oracle(self) -> frozenset[str]:
        """Variants about which something decided that reads target labels."""
        return frozenset(one.variant for one in self.outcomes if one.oracle)

    def label(self, variant: str) -> str:
        """Return a variant's name as it is shown: an oracle is called so wherever it appears."""
        return f"{variant} (oracle)" if variant in self.oracle else variant

    @property
    def tested_on(self) -> str:
        """What the scores were measured on, in words."""
        found = sorted({one.test for one in self.outcomes}, reverse=True)
        return " and ".join({"target": "the test of the target"}.get(t, t) for t in found)


def set_against(study: Study, reference: str | None) -> Study:
    """Return a study with another reference; None leaves its own.

    Raises
    ------
    InputError
        If the reference is none of the variants.
    """
    if reference is None:
        return study
    variants = list(dict.fromkeys(one.variant for one in study.outcomes))
    if reference not in variants:
        raise InputError(
            f"'{reference}' is none of the variants.",
            path=study.folder,
            key="--reference",
            remedy=f"They are {', '.join(variants)}.",
        )
    return replace(study, reference=reference)


def read_study(folder: Path) -> Study:
    """Read a study, finished or not.

    Raises
    ------
    InputError
        If a file is damaged, or no run has finished.
    """
    origin = folder / STUDY_FILE
    head = validated(StudyHead, read_yaml(origin), str(origin))
    outcomes = _outcomes(folder, head)
    if (folder / CHOICES_FILE).is_file():
        outcomes += read_outcomes(folder / CHOICES_FILE)
    if not outcomes:
        raise InputError(
            "no run of this study has finished.",
            path=folder,
            remedy="Run `dann-tfbs ablate` first.",
        )
    failures = [read_json(Failure, path) for path in sorted(folder.glob(f"{FAILED}/*.json"))]
    finished = {(one.variant, one.task) for one in outcomes}
    return Study(
        head.name,
        head.question.strip(),
        head.metric,
        head.reference,
        tuple(outcomes),
        # A run that failed once and finished later is no failure any more.
        tuple(f for f in failures if (f.variant, f.task) not in finished),
        folder,
    )


def _outcomes(folder: Path, head: StudyHead) -> list[Outcome]:
    """Return the outcomes of the present trainings; names may have changed since they ended."""
    found = {path.name: read_outcome(path / OUTCOME_FILE) for path in outcome_folders(folder)}
    if head.runs is None:
        return list(found.values())
    return [
        found[run.key].model_copy(
            update={"variant": run.variant, "factor": run.factor, "task": run.task}
        )
        for run in head.runs
        if run.key in found
    ]
