"""Statistics of a comparison, as functions of arrays; what is missing is NaN.

The axes are variants × tasks × seeds. The unit that intervals and tests speak of is the TF: another
TF is what a user will meet next. Seeds and tasks of one TF are averaged first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.evaluation.bootstrap import Interval

Floats = NDArray[np.float64]

RESAMPLES = 10_000
LEAST_TFS = 3
"""With fewer TFs an interval over TFs means nothing."""
LEAST_FOR_TEST = 5
"""With fewer non-zero differences no signed-rank test can come near 5 %."""
_ENUMERATED = 16
"""Most differences whose signs are all tried; above, the normal approximation serves."""


def over_seeds(scores: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return mean, standard deviation (n − 1) and number of the values along the last axis.

    The mean of no value and the deviation of fewer than two are NaN.
    """
    known = np.isfinite(scores)
    counts = known.sum(axis=-1)
    mean = _ratio(np.where(known, scores, 0.0).sum(axis=-1), counts)
    squares = np.where(known, scores - mean[..., None], 0.0) ** 2
    return mean, np.sqrt(_ratio(squares.sum(axis=-1), counts - 1)), counts


def mean(values: Floats, axis: int = -1) -> Floats:
    """Return the mean of what is known along an axis; NaN where nothing is."""
    known = np.isfinite(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=axis), known.sum(axis=axis))


def averaged_by(values: Floats, group: NDArray[np.integer], groups: int) -> Floats:
    """Return the mean of what is known over the members of each group.

    Parameters
    ----------
    values
        Shape (…, n), such as variants × tasks.
    group
        Group of each of the n, from 0 to `groups` − 1, such as the TF of a task.

    Returns
    -------
    ndarray
        Shape (…, groups).
    """
    member = np.equal.outer(group, np.arange(groups)).astype(np.float64)
    known = np.isfinite(values)
    return _ratio(np.where(known, values, 0.0) @ member, known.astype(np.float64) @ member)


def bootstrap_mean(
    values: Floats, rng: np.random.Generator, resamples: int = RESAMPLES
) -> Interval:
    """Return the mean of units with its 95 % percentile bootstrap interval.

    Parameters
    ----------
    values
        Shape (units,): one value of each independent unit (TF); what is missing is left out.
    rng
        Draws the units, with replacement.
    resamples
        Number of resamples.

    Returns
    -------
    Interval
        NaN where nothing is known; limits are NaN for fewer than `LEAST_TFS` units.
    """
    known = values[np.isfinite(values)]
    if len(known) < LEAST_TFS:
        return Interval(float(mean(values)), float("nan"), float("nan"))
    drawn = known[rng.integers(len(known), size=(resamples, len(known)))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(float(known.mean()), float(low), float(high))


def signed_rank_p(differences: Floats) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test.

    Zeros are left out (Wilcoxon 1945); ties share their mean rank. Up to 16 differences all signs
    are tried, which is exact with ties too.

    Parameters
    ----------
    differences
        Shape (units,): one paired difference of each independent unit.

    Returns
    -------
    float
        NaN for fewer than `LEAST_FOR_TEST` differences.
    """
    from scipy.stats import rankdata, wilcoxon

    known = differences[np.isfinite(differences) & (np.abs(differences) > 1e-12)]
    n = len(known)
    if n < LEAST_FOR_TEST:
        return float("nan")
    if n > _ENUMERATED:
        return float(wilcoxon(known).pvalue)
    ranks = rankdata(np.abs(known).round(12))
    signs = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    distance = np.abs(signs @ ranks - ranks.sum() / 2)
    observed = abs(ranks[known > 0].sum() - ranks.sum() / 2)
    return float((distance >= observed - 1e-9).mean())


def least_p(n: int) -> float:
    """Return the least two-sided p that the signed-rank test of n differences can give."""
    return float(2.0 ** (1 - n))


def holm(p: Floats) -> Floats:
    """Return p values adjusted for their number by Holm's method (1979); NaN stays and is no test.

    Parameters
    ----------
    p
        Shape (tests,).
    """
    adjusted = np.full(p.shape, np.nan)
    tested = np.flatnonzero(np.isfinite(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def ranks(scores: Floats) -> Floats:
    """Return ranks along the first axis: 1 is the highest score, ties share the better rank.

    A missing score gets the worst rank, the number of rows.

    Parameters
    ----------
    scores
        Shape (variants, tasks).
    """
    rounded = np.where(np.isfinite(scores), scores, -np.inf).round(9)
    better = (rounded[:, None, :] < rounded[None, :, :]).sum(axis=1)
    return np.where(np.isfinite(scores), better + 1.0, float(len(scores)))


def geometric_mean(values: Floats) -> Floats:
    """Return the geometric mean of what is known along the last axis."""
    known = np.isfinite(values)
    logs = np.log(np.where(known, values, 1.0))
    return np.asarray(np.exp(_ratio(logs.sum(axis=-1), known.sum(axis=-1))))


def _ratio(total: NDArray[np.floating], count: NDArray[np.generic]) -> Floats:
    counts = np.asarray(count, dtype=np.float64)
    empty = np.full(np.shape(total), np.nan)
    return np.asarray(np.divide(total, counts, out=empty, where=counts > 0))
