"""Importance weights from embeddings of source and target."""

import numpy as np
import pytest

from dann_tfbs.errors import InputError
from dann_tfbs.training.importance import ImportanceWeights, importance_weights
from dann_tfbs.training.selection import Record, Risk, choose


def gaussians(shift: float, n_source: int = 2000, n_target: int = 1000, seed: int = 0):
    """Draw both sides from unit normals whose first axes differ; scale and offset the others."""
    rng = np.random.default_rng(seed)
    source, target = rng.normal(size=(n_source, 3)), rng.normal(size=(n_target, 3))
    target[:, 0] += shift
    scale, offset = np.array([1.0, 1e3, 1e-3]), np.array([0.0, 500.0, 1.0])
    return source * scale + offset, target * scale + offset


def test_weights_are_the_density_ratio_where_the_truth_is_known():
    source, target = gaussians(1.0)
    found = importance_weights(source, target, np.random.default_rng(1))
    true = np.exp(source[:, 0] - 0.5)
    assert found.weights.shape == (2000,)
    assert np.corrcoef(np.log(found.weights), np.log(true))[0, 1] > 0.97
    # Twice as many source as target rows: without n_source / n_target the mean would be a half.
    assert found.weights.mean() == pytest.approx(1, abs=0.1)
    assert np.average(source[:, 0], weights=found.weights) == pytest.approx(1, abs=0.15)
    # n / e in expectation.
    assert found.effective_size == pytest.approx(2000 / np.e, rel=0.3)


def test_the_same_distribution_gives_equal_weights():
    found = importance_weights(*gaussians(0.0), np.random.default_rng(1))
    assert found.weights.mean() == pytest.approx(1, abs=0.02)
    assert found.weights.std() < 0.15
    assert found.effective_size > 0.98 * 2000
    assert found.clipped == 0


def test_weights_are_cut_at_the_bound_and_counted():
    source, target = gaussians(2.0)
    free = importance_weights(source, target, np.random.default_rng(1), max_weight=1e9).weights
    cut = importance_weights(source, target, np.random.default_rng(1), max_weight=3.0)
    assert free.max() > 3
    assert cut.weights == pytest.approx(np.minimum(free, 3.0))
    assert cut.clipped == np.mean(free > 3)


def test_folds_come_from_the_generator_alone():
    source, target = gaussians(1.0, 200, 100)
    drawn = [
        importance_weights(source, target, np.random.default_rng(seed)).weights
        for seed in (1, 1, 2)
    ]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


def test_no_source_row_is_weighted_by_a_classifier_that_saw_it():
    # In 60 dimensions a classifier that saw 60 rows tells any two sets of noise apart.
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(30, 60)), rng.normal(size=(30, 60))
    weights = importance_weights(source, target, np.random.default_rng(1)).weights
    # Seen rows of the source would all look unlike the target.
    assert np.mean(weights > 1) > 0.25


def test_a_constant_feature_is_harmless():
    source, target = gaussians(1.0, 300, 300)
    with_constant = [np.column_stack([side, np.full(len(side), 7.0)]) for side in (source, target)]
    plain = importance_weights(source, target, np.random.default_rng(1))
    assert importance_weights(*with_constant, np.random.default_rng(1)).weights == pytest.approx(
        plain.weights, rel=1e-3
    )


def test_the_effective_size_by_hand():
    assert ImportanceWeights(np.array([1.0, 2.0, 3.0]), 0.0).effective_size == pytest.approx(
        36 / 14
    )
    assert ImportanceWeights(np.zeros(3), 0.0).effective_size == 0.0
    weights = importance_weights(*gaussians(1.0, 100, 100), np.random.default_rng(1))
    risk = Risk.of(np.zeros(100), weights.weights)
    assert weights.effective_size == pytest.approx(risk.effective_size)


@pytest.mark.parametrize(("shift", "falls_back"), [(1.0, False), (10.0, True)])
def test_selection_trusts_weights_only_where_the_source_covers_the_target(shift, falls_back):
    source, target = gaussians(shift)
    weights = importance_weights(source, target, np.random.default_rng(1)).weights
    # Tiny weights that are much alike look effective: their mean gives them away.
    assert Risk.of(weights, weights).effective_size > 0.05 * len(source)
    far = source[:, 0] > 0.5
    records = [
        Record("near", 0.9, risk=Risk.of(np.where(far, 0.9, 0.2), weights)),
        Record("far", 0.8, risk=Risk.of(np.where(far, 0.2, 0.7), weights)),
    ]
    chosen = choose(records, "iwv")
    assert (chosen.fallback is not None) == falls_back
    assert chosen.name == ("near" if falls_back else "far")


@pytest.mark.parametrize(
    ("source", "target", "bound", "match"),
    [
        (np.zeros((9, 2)), np.zeros((9, 3)), 1.0, "do not match"),
        (np.zeros(9), np.zeros(9), 1.0, "do not match"),
        (np.zeros((4, 2)), np.zeros((9, 2)), 1.0, "4 held-out source and 9 target"),
        (np.zeros((9, 2)), np.full((9, 2), np.nan), 1.0, "not finite"),
        (np.zeros((9, 2)), np.zeros((9, 2)), 0.0, "max_weight"),
    ],
)
def test_what_cannot_be_weighted_is_refused(source, target, bound, match):
    with pytest.raises(InputError, match=match):
        importance_weights(source, target, np.random.default_rng(0), max_weight=bound)
