"""The metrics of the IBIS challenge: AUROC, AUPRC, their means over best-scoring shares, Kendall τ.

All curve metrics come from one sort of the scores, or one count where scores are whole numbers of a
small range, as the five-digit scores of submissions are in steps of 10⁻⁵. It gives how many
positives and negatives score at least t, at each threshold t where that matters. The best-scoring
share of a set, taken separately from positives and negatives, is the same with both counts capped,
so it needs no further sort, and which of several records tied at the cut are taken cannot matter:
records of one class and one score are alike.

A record is positive where its label is above 0; labels of SELEX sets may be cycles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.checks import checked
from dann_tfbs.evaluation.kendall import kendall_tau_b

Floats = NDArray[np.float64]
Area = Callable[[Floats, Floats], Floats]

SHARES = (1.0, 0.5, 0.25)
"""Shares over which MAUROC and MAUPRC average (IBIS)."""

_MOST_VALUES = 1 << 20
"""Range of whole-number scores up to which counting by value is tried, however few they are."""


@dataclass(frozen=True)
class Ranking:
    """Positives and negatives counted from the best score downwards.

    Attributes
    ----------
    tp, fp
        `float64`, shape (steps,): number of positives and of negatives at or above the score that
        ends each step. Records of equal score lie in one step; neighbouring steps that hold only
        positives, or only negatives, are joined, because both areas are exact across them.
    order
        Row numbers of the records from best to worst score, shape (n,).
    """

    tp: Floats
    fp: Floats
    order: NDArray[np.intp]

    def step_of_row(self) -> NDArray[np.intp]:
        """Return the step in which each record lies, shape (n,)."""
        sizes = np.diff(self.tp + self.fp, prepend=0.0).astype(np.intp)
        steps = np.empty(len(self.order), dtype=np.intp)
        steps[self.order] = np.repeat(np.arange(len(sizes)), sizes)
        return steps


def rank(scores: ArrayLike, labels: ArrayLike) -> Ranking:
    """Sort the scores once and count positives and negatives downwards.

    Parameters
    ----------
    scores
        Shape (n,): higher means bound more likely. Infinities are allowed.
    labels
        Shape (n,): positive where above 0.

    Raises
    ------
    InputError
        If the lengths differ, a value is NaN, or there are no positives or no negatives.
    """
    scores, labels = checked(scores, labels)
    positive = _both_classes(labels)
    order = np.argsort(scores)[::-1]
    scores = scores[order]
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
    tp = np.cumsum(positive[order])[ends]
    return Ranking(*_bends(tp, ends + 1 - tp), order)


def tally(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, Floats]:
    """Count positives and negatives downwards; where scores are whole numbers, without a sort.

    Parameters
    ----------
    scores
        Shape (n,). Integers whose range is not much larger than n (`_MOST_VALUES`) are counted by
        value, which takes O(n); all others are ranked.
    labels
        As `rank`.

    Returns
    -------
    tp, fp
        As in `Ranking`.

    Raises
    ------
    InputError
        As `rank`.
    """
    whole = np.asarray(scores)
    if whole.ndim != 1 or whole.dtype.kind not in "iu" or not len(whole):
        ranking = rank(scores, labels)
        return ranking.tp, ranking.fp
    lowest, highest = int(whole.min()), int(whole.max())
    labels = np.asarray(labels)
    if highest - lowest > max(_MOST_VALUES, 2 * len(whole)) or labels.shape != whole.shape:
        ranking = rank(scores, labels)
        return ranking.tp, ranking.fp
    if labels.dtype.kind not in "iub":
        labels = checked(whole, labels)[1]
    positive = _both_classes(labels)
    value = highest - whole.astype(np.int64)
    records = np.bincount(value)
    held = records > 0
    tp = np.cumsum(np.bincount(value[positive], minlength=len(records))[held])
    return _bends(tp, np.cumsum(records[held]) - tp)


def _both_classes(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which records are positive, if there are records of both classes."""
    positive: NDArray[np.bool_] = labels > 0
    n_positive = int(positive.sum())
    if n_positive == 0 or n_positive == len(labels):
        raise InputError(
            f"there are {n_positive} positives and {len(labels) - n_positive} negatives.",
            remedy="A curve needs at least one record of each.",
        )
    return positive


def _bends(tp: NDArray[Any], fp: NDArray[Any]) -> tuple[Floats, Floats]:
    """Join neighbouring steps that hold only positives, or only negatives."""
    rises, runs = np.diff(tp, prepend=0) > 0, np.diff(fp, prepend=0) > 0
    bends = (rises[1:] | rises[:-1]) & (runs[1:] | runs[:-1])
    kept = np.append(bends, True)
    return tp[kept].astype(np.float64), fp[kept].astype(np.float64)


def area_under_roc(tp: Floats, fp: Floats) -> Floats:
    """Return AUROC from counts along the ranking: trapezia, ties as one step.

    Parameters
    ----------
    tp, fp
        Shape (…, steps): cumulative (possibly weighted) counts; several rankings at once.

    Returns
    -------
    ndarray
        Shape (…).
    """
    width = _steps(fp)
    height = tp - 0.5 * _steps(tp)
    return np.asarray((width * height).sum(axis=-1) / (tp[..., -1] * fp[..., -1]))


def area_under_pr(tp: Floats, fp: Floats) -> Floats:
    r"""Return AUPRC from counts along the ranking, as PRROC's `auc.integral`.

    Between two points false positives grow linearly with true positives (Davis & Goadrich 2006),
    fp = fp₀ + h·(tp − tp₀). Precision tp/(tp + fp) is then integrated exactly over recall tp/P
    (Keilwagen, Grosse & Grau 2014). With a = 1 + h and b = fp₀ − h·tp₀ one step adds

    .. math:: \frac{1}{aP}\left(Δtp − \frac{b}{a} \ln\frac{tp_1 + fp_1}{tp_0 + fp_0}\right)

    and from the origin, where b = 0, only its first term.

    Parameters
    ----------
    tp, fp
        Shape (…, steps): cumulative (possibly weighted) counts; several rankings at once.

    Returns
    -------
    ndarray
        Shape (…).
    """
    dtp, dfp = _steps(tp), _steps(fp)
    before = tp + fp - dtp - dfp
    rising = dtp > 0
    slope = np.divide(dfp, dtp, out=np.zeros_like(tp), where=rising)
    offset = (fp - dfp) - slope * (tp - dtp)
    growth = np.divide(dtp + dfp, before, out=np.zeros_like(tp), where=before > 0)
    area = (dtp - offset / (1 + slope) * np.log1p(growth)) / (1 + slope)
    return np.asarray(np.where(rising, area, 0.0).sum(axis=-1) / tp[..., -1])


def _steps(counts: Floats) -> Floats:
    """Return the increase at each step, from 0 before the first."""
    steps = counts.copy()
    steps[..., 1:] -= counts[..., :-1]
    return steps


def capped(tp: Floats, fp: Floats, share: float) -> tuple[Floats, Floats]:
    """Keep the best-scoring ⌈share · P⌉ positives and ⌈share · N⌉ negatives of a ranking."""
    return (
        np.minimum(tp, np.ceil(share * tp[..., -1:])),
        np.minimum(fp, np.ceil(share * fp[..., -1:])),
    )


def _mean_area(area: Area) -> Area:
    def mean(tp: Floats, fp: Floats) -> Floats:
        return np.mean([area(*capped(tp, fp, share)) for share in SHARES], axis=0)

    return mean


CURVE_METRICS: dict[str, Area] = {
    "auroc": area_under_roc,
    "auprc": area_under_pr,
    "mauroc": _mean_area(area_under_roc),
    "mauprc": _mean_area(area_under_pr),
}
"""Metrics of a ranking by name: each takes (tp, fp), shape (…, steps), and returns shape (…)."""


def curve_metric(name: str) -> Area:
    """Return the curve metric of this name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in CURVE_METRICS:
        raise InputError(
            f"'{name}' is no known metric of a ranking.",
            remedy=f"Use one of {', '.join(CURVE_METRICS)}.",
        )
    return CURVE_METRICS[name]


def auroc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the area under the ROC curve; errors as `rank`."""
    return all_metrics(scores, labels, ["auroc"])["auroc"]


def auprc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the area under the precision–recall curve (see `area_under_pr`); errors as `rank`."""
    return all_metrics(scores, labels, ["auprc"])["auprc"]


def mauroc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the mean AUROC over all, the best half and the best quarter; errors as `rank`."""
    return all_metrics(scores, labels, ["mauroc"])["mauroc"]


def mauprc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the mean AUPRC over all, the best half and the best quarter; errors as `rank`."""
    return all_metrics(scores, labels, ["mauprc"])["mauprc"]


def all_metrics(
    scores: ArrayLike,
    labels: ArrayLike,
    names: Iterable[str],
    groups: Iterable[object] | None = None,
) -> dict[str, float]:
    """Compute several metrics of one set from one sort or count.

    Parameters
    ----------
    scores, labels
        As `rank`; for `kendall_tau` labels are cycles.
    names
        Of `CURVE_METRICS`, or `kendall_tau` (which looks at the positives only).
    groups
        Replicate of each record, for `kendall_tau`.

    Raises
    ------
    InputError
        As `rank` and `kendall_tau_b`, or if a name is unknown.
    """
    names = list(names)
    areas = {name: curve_metric(name) for name in names if name != "kendall_tau"}
    values: dict[str, float] = {}
    if areas:
        tp, fp = tally(scores, labels)
        values = {name: float(area(tp, fp)) for name, area in areas.items()}
    if "kendall_tau" in names:
        values["kendall_tau"] = kendall_tau_b(scores, labels, groups)
    return {name: values[name] for name in names}
