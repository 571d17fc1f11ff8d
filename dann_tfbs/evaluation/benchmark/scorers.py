"""The metrics that a `benchmark.json` can ask for, by their official names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.evaluation.benchmark.definition import ScorerEntry
from dann_tfbs.evaluation.kendall import kendall_tau_b
from dann_tfbs.evaluation.metrics import (
    CURVE_METRICS,
    Area,
    Floats,
    area_under_pr,
    area_under_roc,
    capped,
    tally,
)

KENDALL = "kendalltau"


def _best(area: Area, share: float) -> Area:
    def of_share(tp: Floats, fp: Floats) -> Floats:
        return area(*capped(tp, fp, share))

    return of_share


CURVES: dict[str, Area] = {
    "prroc_rocauc": CURVE_METRICS["auroc"],
    "prroc_rocauc_top50": _best(area_under_roc, 0.5),
    "prroc_rocauc_top25": _best(area_under_roc, 0.25),
    "prroc_rocauc_averaged": CURVE_METRICS["mauroc"],
    "prroc_prauc": CURVE_METRICS["auprc"],
    "prroc_prauc_top50": _best(area_under_pr, 0.5),
    "prroc_prauc_top25": _best(area_under_pr, 0.25),
    "prroc_prauc_averaged": CURVE_METRICS["mauprc"],
    "scikit_rocauc": CURVE_METRICS["auroc"],
}
"""Metrics of a ranking, by official name."""


@dataclass(frozen=True)
class LabelledSet:
    """The answers of one dataset.

    Attributes
    ----------
    labels
        `int64`, shape (n,): positive where above 0; cycles of HTS positives.
    groups
        Replicate of each record, or None where the file has none.
    """

    labels: NDArray[np.int64]
    groups: Sequence[object] | None


def unsupported(scorer: ScorerEntry) -> str | None:
    """Return why a scorer cannot be computed here, or None where it can."""
    if scorer.name == KENDALL:
        return None
    if scorer.name not in CURVES:
        return f"the scorer '{scorer.name}' is not known here"
    kind = str(scorer.params.get("type", "integral")).lower()
    if "prauc" in scorer.name and kind != "integral":
        return f"the scorer '{scorer.name}' of type '{kind}' is not known here, only 'integral'"
    return None


def values(
    scorers: Sequence[ScorerEntry], scores: NDArray[Any], answers: LabelledSet
) -> dict[str, float]:
    """Compute metrics of one dataset from one sort or count of its scores.

    Parameters
    ----------
    scorers
        Supported ones (`unsupported` gives None).
    scores
        Shape (n,): floats, or whole numbers in any steps.
    answers
        Labels in the order of the scores.

    Returns
    -------
    dict
        Value by alias, in the order of the scorers.

    Raises
    ------
    InputError
        If the set lacks positives, or negatives for a metric of a ranking, or a score is NaN.
    """
    areas = {scorer.alias: CURVES[scorer.name] for scorer in scorers if scorer.name != KENDALL}
    found: dict[str, float] = {}
    if areas:
        tp, fp = tally(scores, answers.labels)
        found = {alias: float(area(tp, fp)) for alias, area in areas.items()}
    for scorer in scorers:
        if scorer.name == KENDALL:
            found[scorer.alias] = kendall_tau_b(scores, answers.labels, answers.groups)
    return {scorer.alias: found[scorer.alias] for scorer in scorers}
