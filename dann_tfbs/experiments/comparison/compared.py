"""From the scores of a study to what can be said of each variant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dann_tfbs.evaluation.bootstrap import Interval
from dann_tfbs.experiments.comparison import statistics
from dann_tfbs.experiments.comparison.scores import Axes, axes_of, metrics_of, scores_of
from dann_tfbs.experiments.comparison.statistics import LEAST_TFS, Floats
from dann_tfbs.experiments.comparison.study import Study
from dann_tfbs.streams import stream


@dataclass(frozen=True)
class Row:
    """What is said of one variant.

    Attributes
    ----------
    variant
        Its name, without marks.
    tasks
        Number of tasks with a score.
    score
        Mean over TFs (of the mean over tasks and seeds).
    pairs, left_out
        Task × seed scores that the reference has too, and those that only one of the two has.
    difference
        Variant minus reference, mean over TFs; its interval resamples TFs.
    seed_sd
        Standard deviation, over seeds, of the difference averaged over TFs.
    better, worse
        Number of TFs with a higher, and a lower, mean.
    p, adjusted_p
        Wilcoxon's signed-rank test over TFs; the same by Holm over the study's variants.
    rank
        Geometric mean of its ranks; NaN for an oracle, which takes no part.
    """

    variant: str
    tasks: int
    score: float
    pairs: int
    left_out: int
    difference: Interval
    seed_sd: float
    better: int
    worse: int
    p: float
    adjusted_p: float
    rank: float

    @property
    def verdict(self) -> int:
        """1 where the interval lies above 0, −1 where below, 0 where it holds 0 or is missing."""
        return int(self.difference.low > 0) - int(self.difference.high < 0)


@dataclass(frozen=True)
class MetricComparison:
    """All that is said by one metric; arrays have the study's axes.

    Attributes
    ----------
    metric
        Its name.
    scores
        Shape (variants, tasks, seeds).
    mean, sd, counts
        Over seeds, shape (variants, tasks).
    differences
        Paired differences to the reference, mean over seeds, shape (variants, tasks).
    by_tf
        Their means, shape (variants, TFs).
    ranks
        Per TF (geometric mean over its tasks), shape (variants, TFs).
    rows
        One for each variant.
    """

    metric: str
    scores: Floats
    mean: Floats
    sd: Floats
    counts: np.ndarray
    differences: Floats
    by_tf: Floats
    ranks: Floats
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Comparison:
    """A study, and what its metrics say."""

    study: Study
    axes: Axes
    by_metric: dict[str, MetricComparison]

    @property
    def main(self) -> MetricComparison:
        """The metric that decides."""
        return self.by_metric[self.study.metric]

    @property
    def has_reference(self) -> bool:
        """Whether the reference has finished on any task."""
        return self.study.reference in self.axes.variants

    @property
    def enough_tfs(self) -> bool:
        """Whether intervals over TFs mean anything."""
        return len(self.axes.tfs) >= LEAST_TFS

    def order(self) -> list[int]:
        """Return variants from the best to the worst by the metric that decides, reference first.

        They are ordered by difference where there is a reference, else by score.
        """

        def key(index: int) -> tuple[bool, float]:
            row = self.main.rows[index]
            value = row.difference.value if self.has_reference else row.score
            is_reference = row.variant == self.study.reference
            return not is_reference, np.inf if np.isnan(value) else -value

        return sorted(range(len(self.axes.variants)), key=key)


def compared(study: Study, *, seed: int = 0, resamples: int = statistics.RESAMPLES) -> Comparison:
    """Compare all variants of a study with its reference.

    Parameters
    ----------
    study
        What to compare.
    seed
        Of the bootstrap; every variant and metric draws from a stream of its own.
    resamples
        Number of bootstrap resamples.

    Raises
    ------
    InputError
        If outcomes contradict each other or lack the study's metric.
    """
    axes = axes_of(study)
    found = {
        metric: _of_metric(study, axes, metric, seed, resamples) for metric in metrics_of(study)
    }
    return Comparison(study, axes, found)


def _of_metric(
    study: Study, axes: Axes, metric: str, seed: int, resamples: int
) -> MetricComparison:
    scores = scores_of(study, axes, metric)
    mean, sd, counts = statistics.over_seeds(scores)
    reference = np.full(scores.shape[1:], np.nan)
    if study.reference in axes.variants:
        reference = scores[axes.variants.index(study.reference)]
    paired = scores - reference
    differences = statistics.mean(paired)
    by_tf = statistics.averaged_by(differences, axes.tf_of_task, len(axes.tfs))
    ranks = _ranks(study, axes, mean)
    score = statistics.mean(statistics.averaged_by(mean, axes.tf_of_task, len(axes.tfs)))
    # Tasks and TFs are averaged for each seed by itself; their spread is what a rerun may change.
    of_seeds = statistics.averaged_by(paired.swapaxes(1, 2), axes.tf_of_task, len(axes.tfs))
    seed_sd = statistics.over_seeds(statistics.mean(of_seeds))[1]
    overall = statistics.geometric_mean(ranks)
    others = [name != study.reference for name in axes.variants]
    p = np.array(
        [
            statistics.signed_rank_p(row) if other else np.nan
            for row, other in zip(by_tf, others, strict=True)
        ]
    )
    adjusted = statistics.holm(p)
    rows = []
    for i, variant in enumerate(axes.variants):
        rng = stream(seed, "bootstrap over TFs", metric, variant)
        known, own = np.isfinite(paired[i]), np.isfinite(scores[i])
        rows.append(
            Row(
                variant=variant,
                tasks=int((counts[i] > 0).sum()),
                score=float(score[i]),
                pairs=int(known.sum()),
                left_out=int((own != np.isfinite(reference)).sum()),
                difference=statistics.bootstrap_mean(by_tf[i], rng, resamples),
                seed_sd=float(seed_sd[i]),
                better=int((by_tf[i] > 0).sum()),
                worse=int((by_tf[i] < 0).sum()),
                p=float(p[i]),
                adjusted_p=float(adjusted[i]),
                rank=float(overall[i]),
            )
        )
    return MetricComparison(
        metric, scores, mean, sd, counts, differences, by_tf, ranks, tuple(rows)
    )


def _ranks(study: Study, axes: Axes, mean: Floats) -> Floats:
    """Return ranks per TF; an oracle has none, since what it read no other variant may read."""
    ranked = np.array([name not in study.oracle for name in axes.variants])
    by_task = np.full(mean.shape, np.nan)
    by_task[ranked] = statistics.ranks(mean[ranked])
    return np.exp(statistics.averaged_by(np.log(by_task), axes.tf_of_task, len(axes.tfs)))
