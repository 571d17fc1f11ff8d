import math

import numpy as np
import pytest

from dann_tfbs.errors import InputError
from dann_tfbs.evaluation import metrics
from dann_tfbs.evaluation.bootstrap import intervals, kendall_interval, paired_difference


def noisy_set(n=300, seed=3):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 5 == 0
    # Coarse scores, so that many are tied.
    return np.round(rng.normal(size=n) + labels, 1), labels.astype(float)


def resampled_rows(labels, seed):
    """Draw rows explicitly: first positives, then negatives, with replacement."""
    rng = np.random.default_rng(seed)
    for _ in range(60):
        yield np.concatenate(
            [part[rng.integers(len(part), size=len(part))] for part in
             (np.flatnonzero(labels > 0), np.flatnonzero(labels == 0))]
        )  # fmt: skip


@pytest.mark.parametrize("name", metrics.CURVE_METRICS)
def test_interval_equals_the_metric_of_explicitly_drawn_rows(name):
    scores, labels = noisy_set()
    drawn = [
        metrics.all_metrics(scores[rows], labels[rows], [name])[name]
        for rows in resampled_rows(labels, seed=8)
    ]
    found = intervals(scores, labels, [name], np.random.default_rng(8), resamples=60)[name]
    assert found.value == metrics.all_metrics(scores, labels, [name])[name]
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))


def test_interval_width_follows_the_known_error_of_auroc():
    # For equal distributions the variance of AUROC is (m + n + 1)/(12 m n) (Mann & Whitney 1947).
    rng = np.random.default_rng(0)
    m, n = 400, 600
    scores, labels = rng.normal(size=m + n), np.repeat([1, 0], [m, n])
    found = intervals(scores, labels, ["auroc"], rng, resamples=1000)["auroc"]
    expected = 2 * 1.96 * math.sqrt((m + n + 1) / (12 * m * n))
    assert found.high - found.low == pytest.approx(expected, rel=0.1)


def test_perfect_separation_has_no_width():
    found = intervals([3, 2, 1, 0], [1, 1, 0, 0], ["auprc"], np.random.default_rng(0), 20)["auprc"]
    assert (found.low, found.value, found.high) == (1.0, 1.0, 1.0)


def test_no_resamples_give_no_interval():
    found = intervals([1, 0], [1, 0], ["auroc"], np.random.default_rng(0), 0)["auroc"]
    assert found.value == 1.0
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_the_seed_decides():
    scores, labels = noisy_set()
    first, second, other = (
        intervals(scores, labels, ["auprc"], np.random.default_rng(seed), 50) for seed in (1, 1, 2)
    )
    assert first == second != other


def test_a_model_does_not_differ_from_itself():
    scores, labels = noisy_set()
    found = paired_difference(
        scores, 2 * scores, labels, "auprc", np.random.default_rng(0), resamples=30
    )
    assert (found.low, found.value, found.high) == (0.0, 0.0, 0.0)


def test_pairing_uses_the_same_rows_for_both_models():
    scores, labels = noisy_set()
    other = scores + np.random.default_rng(5).normal(scale=0.5, size=len(scores))
    drawn = [
        metrics.auroc(scores[rows], labels[rows]) - metrics.auroc(other[rows], labels[rows])
        for rows in resampled_rows(labels, seed=4)
    ]
    found = paired_difference(scores, other, labels, "auroc", np.random.default_rng(4), 60)
    assert found.value == pytest.approx(
        metrics.auroc(scores, labels) - metrics.auroc(other, labels)
    )
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))


def test_kendall_interval_equals_explicitly_drawn_rows():
    rng = np.random.default_rng(1)
    cycles = rng.integers(1, 4, 80)
    scores = np.round(rng.normal(size=80) + cycles, 1)
    draws = np.random.default_rng(6)
    drawn = [
        metrics.kendall_tau_b(scores[rows], cycles[rows])
        for rows in (draws.integers(80, size=80) for _ in range(40))
    ]
    found = kendall_interval(scores, cycles, None, np.random.default_rng(6), 40)
    assert found.value == metrics.kendall_tau_b(scores, cycles)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))


def test_unknown_metric_and_unequal_lengths_are_explained():
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="'kendall_tau' is no known metric of a ranking"):
        paired_difference([1, 0], [1, 0], [1, 0], "kendall_tau", rng)
    with pytest.raises(InputError, match="Give one score and one label"):
        paired_difference([1, 0], [1, 0, 2], [1, 0], "auroc", rng)
