"""The share of bound sequences in a pool without labels."""

import logging

import numpy as np
import pytest

from dann_tfbs.adaptation.prior import bbse, calibration, confusion, em, estimate_prior
from dann_tfbs.errors import InputError

METHODS = ["bbse", "em"]


def drawn(rng: np.random.Generator, n: int, share: float, distance: float = 2.0):
    """Draw labels at a share, and logits from normals of unit variance that far apart."""
    labels = (rng.random(n) < share).astype(np.float32)
    return rng.normal(size=n) + distance * labels, labels


def test_the_confusion_matrix_by_hand():
    matrix = confusion([0.1, 0.5, 0.6, 0.2, 0.9], [0, 0, 0, 1, 1], threshold=0.5)
    assert matrix == pytest.approx(np.array([[1 / 3, 1 / 2], [2 / 3, 1 / 2]]))
    assert matrix.sum(axis=0) == pytest.approx(1)


def test_bbse_by_hand_and_as_the_solution_of_its_linear_system():
    matrix = np.array([[0.9, 0.3], [0.1, 0.7]])
    # Of a target with 25 % bound, .75 · .1 + .25 · .7 = .25 are predicted bound.
    assert bbse(matrix, 0.25) == pytest.approx(0.25)
    for predicted in (0.0, 0.1, 0.4, 1.0):
        solved = np.linalg.solve(matrix, [1 - predicted, predicted])
        assert bbse(matrix, predicted) == pytest.approx(solved[1])
    assert bbse(matrix, 0.0) < 0
    assert bbse(matrix, 1.0) > 1


def test_bbse_refuses_predictions_that_do_not_depend_on_the_label():
    with pytest.raises(InputError, match="say nothing"):
        bbse(np.array([[0.6, 0.6], [0.4, 0.4]]), 0.4)


def test_em_ends_where_the_iteration_of_saerens_ends():
    rng = np.random.default_rng(0)
    prior = 0.4
    p = rng.beta(0.6, 1.5, size=300)
    share = prior
    for _ in range(5000):
        bound, unbound = p * share / prior, (1 - p) * (1 - share) / (1 - prior)
        share = float(np.mean(bound / (bound + unbound)))
    assert 0.05 < share < 0.95
    assert em(p, prior) == pytest.approx(share, abs=1e-9)


def test_em_by_hand():
    # Ratios p(x|1) / p(x|0) of 3 and 1/3, as many of each: symmetric about a half.
    assert em([0.75, 0.25], 0.5) == pytest.approx(0.5)
    # Two to one: 2 · 2 / (1 + 2s) = (2/3) / (1 − 2s/3), so s = 5/6.
    assert em([0.75, 0.75, 0.25], 0.5) == pytest.approx(5 / 6)
    # Three to two: 3 · 2 / (1 + 2s) = 2 · (2/3) / (1 − 2s/3), so s = .7.
    assert em([0.75] * 3 + [0.25] * 2, 0.5) == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("p", "share"),
    [([0.1, 0.2], 0.0), ([0.9, 0.8], 1.0), ([0.0, 0.0], 0.0), ([1.0], 1.0), ([0, 1, 0, 0], 0.25)],
)
def test_em_reaches_the_ends(p, share):
    assert em(p, 0.5) == pytest.approx(share)


def test_em_keeps_the_training_prior_where_probabilities_say_nothing():
    assert em([0.3] * 5, 0.3) == 0.3


@pytest.mark.parametrize(
    ("p", "prior"),
    [([], 0.5), ([-0.1], 0.5), ([1.1], 0.5), ([np.nan], 0.5), ([0.5], 0.0), ([0.5], 1)],
)
def test_em_refuses_what_is_no_probability(p, prior):
    with pytest.raises(InputError):
        em(p, prior)


def test_calibration_undoes_a_planted_stretch():
    rng = np.random.default_rng(1)
    true = rng.normal(size=20_000)
    labels = rng.random(20_000) < 1 / (1 + np.exp(-true))
    # The model shows (true − 1) · 4, so that true = logit / 4 + 1.
    slope, offset = calibration((true - 1) * 4, labels)
    assert slope == pytest.approx(0.25, abs=0.01)
    assert offset == pytest.approx(1, abs=0.06)


def test_calibration_is_where_the_gradient_of_platts_loss_is_zero():
    logits = np.array([-3.0, 1.0, 0.5, -1.0, 2.0, 4.0])
    labels = np.array([0, 0, 1, 0, 1, 1])
    slope, offset = calibration(logits, labels)
    residual = 1 / (1 + np.exp(-(slope * logits + offset))) - np.where(labels == 1, 4 / 5, 1 / 5)
    assert residual.sum() == pytest.approx(0, abs=1e-8)
    assert residual @ logits == pytest.approx(0, abs=1e-8)


def test_calibration_stays_finite_where_classes_are_apart_or_logits_equal():
    slope, offset = calibration([-1e4, -1e4, 1e4, 1e4], [0, 0, 1, 1])
    assert slope * 1e4 == pytest.approx(np.log(3), rel=1e-6)
    assert offset == pytest.approx(0, abs=1e-9)
    assert calibration([2.0, 2.0, 2.0, 2.0], [0, 1, 0, 1]) == (0.0, 0.0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("share", [0.01, 0.05, 0.3, 0.9])
@pytest.mark.parametrize("source_share", [0.5, 0.1])
def test_a_planted_share_is_found_under_label_shift(method, share, source_share):
    rng = np.random.default_rng(2)
    logits, labels = drawn(rng, 10_000, source_share)
    target, target_labels = drawn(rng, 10_000, share)
    # Overconfident and off centre, as a network is: both sides alike.
    found = estimate_prior(method, 5 * logits - 9, labels, 5 * target - 9)
    assert found.fallback is None
    assert found.share == pytest.approx(target_labels.mean(), abs=0.03)
    assert (found.method, found.source_share) == (method, labels.mean())


@pytest.mark.parametrize("method", METHODS)
def test_neither_scale_nor_offset_of_the_logits_matters(method):
    rng = np.random.default_rng(3)
    logits, labels = drawn(rng, 1000, 0.5)
    target, _ = drawn(rng, 1000, 0.2)
    plain = estimate_prior(method, logits, labels, target)
    moved = estimate_prior(method, 100 * logits + 30, labels, 100 * target + 30)
    assert moved.share == pytest.approx(plain.share, abs=2e-3)


def test_a_given_threshold_is_used():
    logits, labels = [-1.0] * 80 + [1.0] * 20 + [1.0] * 70 + [3.0] * 30, [0] * 100 + [1] * 100
    target = [-1.0] * 9 + [3.0]
    # At 0: rates 1 and .2, 10 % predicted bound: (.1 − .2) / .8.
    found = estimate_prior("bbse", logits, labels, target, threshold=0.0)
    assert (found.unclipped, found.share) == (pytest.approx(-0.125), 0.0)
    assert found.condition == pytest.approx(np.linalg.cond([[0.8, 0.0], [0.2, 1.0]]))
    # At 2: rates .3 and 0.
    found = estimate_prior("bbse", logits, labels, target, threshold=2.0)
    assert found.share == pytest.approx(0.1 / 0.3)


def test_scores_that_moved_show_in_the_estimate_before_it_is_cut():
    rng = np.random.default_rng(4)
    logits, labels = drawn(rng, 5000, 0.5)
    target, _ = drawn(rng, 5000, 0.05)
    found = estimate_prior("bbse", logits, labels, target - 2)
    assert found.share == 0
    assert found.unclipped < -0.1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["noise", "constant", "reversed"])
def test_a_useless_model_gives_the_share_of_the_source_and_says_why(method, kind, caplog):
    rng = np.random.default_rng(5)
    logits, labels = drawn(
        rng, 2000, 0.4, distance={"noise": 0.0, "constant": 0, "reversed": -2}[kind]
    )
    if kind == "constant":
        logits = np.full(2000, 1.5)
    with caplog.at_level(logging.WARNING, "dann_tfbs"):
        found = estimate_prior(method, logits, labels, rng.normal(3, 1, size=500))
    assert found.share == found.source_share == labels.mean()
    assert found.fallback is not None
    assert "true positive rate" in found.fallback
    assert "taken from the source" in caplog.text


def test_few_sequences_must_show_more_than_many():
    few = estimate_prior("bbse", [0.0, 1.0, 0.0, 1.0, 1.0], [0, 0, 0, 1, 1], [1.0], threshold=0.5)
    assert few.fallback is not None
    many = estimate_prior(
        "bbse", [0.0, 1.0, 0.0, 1.0, 1.0] * 20, [0, 0, 0, 1, 1] * 20, [1.0, 0.0], threshold=0.5
    )
    assert many.share == pytest.approx((1 / 2 - 1 / 3) / (2 / 3))


@pytest.mark.parametrize(
    ("logits", "labels", "target", "match"),
    [
        ([0.0, 1.0], [0, 0], [0.5], "some of both"),
        ([0.0, 1.0], [1, -1], [0.5], "label of 0 or 1"),
        ([0.0, 1.0], [0, 1, 1], [0.5], r"shape \(3,\)"),
        ([0.0, np.inf], [0, 1], [0.5], "held-out source.*finite"),
        ([0.0, 1.0], [0, 1], [], "target.*at least one"),
        ([0.0, 1.0], [0, 1], [np.nan], "target.*finite"),
    ],
)
def test_what_cannot_be_used_is_refused(logits, labels, target, match):
    for method in METHODS:
        with pytest.raises(InputError, match=match):
            estimate_prior(method, logits, labels, target)


def test_an_unknown_method_is_refused_with_those_there_are():
    with pytest.raises(InputError, match=r"'rlls'.*bbse or em"):
        estimate_prior("rlls", [0.0, 1.0], [0, 1], [0.0])
