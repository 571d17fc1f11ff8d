"""What is known of a training after its test: the unit that studies write and comparisons read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from dann_tfbs.evaluation.metrics import auprc, auroc, rank
from dann_tfbs.files import write_json
from dann_tfbs.settings import StrictSettings, read_json

OUTCOME_FILE = "outcome.json"

CURVE_POINTS = 201
"""Points kept of a curve: at equal steps of its horizontal axis."""


class Curves(StrictSettings):
    """ROC and precision–recall of one scoring, at `CURVE_POINTS` equal steps from 0 to 1."""

    true_positive_rate: tuple[float, ...]
    """At each false positive rate, the highest that is reached."""
    precision: tuple[float, ...]
    """At each recall, the precision of the least selection that reaches it."""


class Points(StrictSettings):
    """An embedding of source and target sequences on its two main axes, for a picture."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    domain: tuple[str, ...]
    """Name of the domain (assay) of each point."""
    label: tuple[int, ...]
    """1 bound, 0 unbound, −1 unlabelled."""
    variance: tuple[float, float]
    """Share of the variance along each axis."""


class Outcome(StrictSettings):
    """One variant of the settings on one task: a training of one or more seeds, and its test."""

    study: str = ""
    variant: str
    """What differs from the other trainings of the same task; the first of a study is its
    reference."""
    factor: str = ""
    """The factor of the study that the variant belongs to; empty for the reference."""
    task: str
    """Name of the pair of training set and test set. Variants are paired by task and seed."""
    tf: str
    source: str
    target: str
    mode: str
    test: Literal["target", "held-out source"] = "target"
    """What the scores were measured on."""
    seeds: tuple[int, ...] = Field(min_length=1)
    scores: dict[str, tuple[float, ...]]
    """By metric, the score of each seed."""
    together: dict[str, float] = Field({})
    """By metric, the score of the mean logit of all seeds."""
    positives: int = 0
    negatives: int = 0
    curves: Curves | None = None
    """Of the mean logit of all seeds."""
    histories: tuple[tuple[dict[str, float], ...], ...] = ()
    """Per seed, the record of each epoch."""
    embedding: Points | None = None
    """Of the first seed."""
    settings: dict[str, Any] = Field({})
    """Resolved settings under dotted keys."""
    parameters: int = 0
    """Trainable parameters of one model."""
    folder: str = ""
    """Where the run folders lie."""
    wall_seconds: float = 0.0
    oracle: bool = False
    """Whether something that reads target labels decided anything about it."""


def scores_of(logits: NDArray[np.floating], labels: ArrayLike) -> dict[str, tuple[float, ...]]:
    """Return AUROC and AUPRC of each column of logits, shape (n, models)."""
    bound = np.asarray(labels) > 0
    return {
        "auroc": tuple(float(auroc(column, bound)) for column in logits.T),
        "auprc": tuple(float(auprc(column, bound)) for column in logits.T),
    }


def curves_of(scores: ArrayLike, labels: ArrayLike) -> Curves:
    """Return both curves of a scoring; `scores` and `labels` have shape (n,)."""
    ranking = rank(scores, np.asarray(labels) > 0)
    tp, fp = (np.concatenate([[0.0], counts]) for counts in (ranking.tp, ranking.fp))
    grid = np.linspace(0, 1, CURVE_POINTS)
    # `interp` takes the last of equal abscissae: the highest rate that is reached; backwards, the
    # fewest false positives.
    reached = np.interp(grid, fp / fp[-1], tp / tp[-1])
    found = grid * tp[-1]
    wrong = np.interp(-found, -tp[::-1], fp[::-1])
    precision = np.ones(CURVE_POINTS)
    precision[1:] = found[1:] / (found[1:] + wrong[1:])
    precision[0] = precision[1]  # nothing selected: 0/0
    return Curves(
        true_positive_rate=tuple(np.round(reached, 5).tolist()),
        precision=tuple(np.round(precision, 5).tolist()),
    )


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """Write an outcome into its folder, all or nothing."""
    write_json(folder / OUTCOME_FILE, outcome.model_dump(mode="json"))


def read_outcome(path: Path) -> Outcome:
    """Read an outcome.

    Raises
    ------
    InputError
        If the file is damaged or of another version.
    """
    return read_json(Outcome, path)


class _Outcomes(StrictSettings):
    outcomes: tuple[Outcome, ...]


def write_outcomes(path: Path, outcomes: Iterable[Outcome]) -> None:
    """Write several outcomes into one file, all or nothing."""
    write_json(path, {"outcomes": [outcome.model_dump(mode="json") for outcome in outcomes]})


def read_outcomes(path: Path) -> list[Outcome]:
    """Read several outcomes from one file; raises as `read_outcome`."""
    return list(read_json(_Outcomes, path).outcomes)
