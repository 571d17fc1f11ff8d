"""Uncertainty over test sequences: bootstrap intervals of a metric and of a paired difference.

Resampling is stratified: as many positives and as many negatives are drawn with replacement as the
set holds, because a test set's design fixes both counts. For Kendall's τ the records of each
replicate are drawn. The scores are sorted once; a resample only changes how often each record
counts. Intervals are percentile intervals (Efron & Tibshirani 1993, chapter 13).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dann_tfbs.evaluation import kendall, metrics
from dann_tfbs.evaluation.checks import checked
from dann_tfbs.evaluation.metrics import Ranking

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval.

    Attributes
    ----------
    value
        The metric on the set itself.
    low, high
        The 2.5 % and 97.5 % quantiles over resamples; NaN without resamples.
    """

    value: float
    low: float
    high: float


def intervals(
    scores: ArrayLike,
    labels: ArrayLike,
    names: Iterable[str],
    rng: np.random.Generator,
    resamples: int = 1000,
) -> dict[str, Interval]:
    """Return curve metrics of one set with their 95 % intervals.

    Parameters
    ----------
    scores, labels
        As `metrics.rank`.
    names
        Of `metrics.CURVE_METRICS`. All metrics share the same resamples.
    rng
        Source of the resamples.
    resamples
        Number of resamples; 0 gives values alone.

    Raises
    ------
    InputError
        As `metrics.all_metrics`.
    """
    areas = {name: metrics.curve_metric(name) for name in names}
    ranking = metrics.rank(scores, labels)
    drawn = np.empty((len(areas), resamples))
    for i, [counts] in enumerate(_resampled([ranking], labels, rng, resamples)):
        drawn[:, i] = [area(*counts) for area in areas.values()]
    return {
        name: _interval(float(area(ranking.tp, ranking.fp)), row)
        for (name, area), row in zip(areas.items(), drawn, strict=True)
    }


def kendall_interval(
    scores: ArrayLike,
    cycles: ArrayLike,
    groups: Iterable[object] | None,
    rng: np.random.Generator,
    resamples: int = 1000,
) -> Interval:
    """Return Kendall's τ-b with its 95 % interval; arguments and errors as `kendall_tau_b`."""
    scores, cycles = checked(scores, cycles)
    replicates = kendall.rows_of_replicates(cycles, groups)
    placed = [kendall.score_cells(scores[rows], cycles[rows]) for rows in replicates]
    value = np.mean([kendall.tau_b(kendall.count_cells(cells, shape)) for cells, shape in placed])
    drawn = np.empty(resamples)
    for i in range(resamples):
        tables = [kendall.count_cells(_draw(cells, rng), shape) for cells, shape in placed]
        drawn[i] = np.mean([kendall.tau_b(table) for table in tables])
    return _interval(float(value), drawn)


def paired_difference(
    scores_a: ArrayLike,
    scores_b: ArrayLike,
    labels: ArrayLike,
    metric: str,
    rng: np.random.Generator,
    resamples: int = 1000,
) -> Interval:
    """Return metric(a) − metric(b) of two models on the same records, with its 95 % interval.

    Both models are scored on the same resamples, so what they share cancels.

    Parameters
    ----------
    scores_a, scores_b, labels
        Shape (n,), as `metrics.rank`.
    metric
        Of `metrics.CURVE_METRICS`.

    Raises
    ------
    InputError
        As `metrics.all_metrics`, or if the two score vectors differ in length.
    """
    area = metrics.curve_metric(metric)
    a, b = metrics.rank(scores_a, labels), metrics.rank(scores_b, labels)
    value = float(area(a.tp, a.fp) - area(b.tp, b.fp))
    drawn = [
        float(area(*counts_a) - area(*counts_b))
        for counts_a, counts_b in _resampled([a, b], labels, rng, resamples)
    ]
    return _interval(value, np.asarray(drawn))


def _resampled(
    rankings: Sequence[Ranking],
    labels: ArrayLike,
    rng: np.random.Generator,
    resamples: int,
) -> Iterator[list[tuple[Floats, Floats]]]:
    """Yield, for each resample, the cumulative counts (tp, fp) of every ranking."""
    positive = np.asarray(labels, dtype=np.float64) > 0
    rows = (np.flatnonzero(positive), np.flatnonzero(~positive))
    # Only the step of a record matters, so draw among the records of a class by their number.
    steps = [[ranking.step_of_row()[part] for part in rows] for ranking in rankings]
    for _ in range(resamples):
        drawn = [rng.integers(len(part), size=len(part), dtype=np.int64) for part in rows]
        yield [
            (
                _counts(of_positives[drawn[0]], len(ranking.tp)),
                _counts(of_negatives[drawn[1]], len(ranking.tp)),
            )
            for ranking, (of_positives, of_negatives) in zip(rankings, steps, strict=True)
        ]


def _counts(steps: NDArray[np.intp], length: int) -> Floats:
    return np.cumsum(np.bincount(steps, minlength=length), dtype=np.float64)


def _draw(cells: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    return cells[rng.integers(len(cells), size=len(cells))]


def _interval(value: float, drawn: Floats) -> Interval:
    if drawn.size == 0:
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(value, float(low), float(high))
