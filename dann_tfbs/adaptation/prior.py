"""The share of bound sequences in an unlabelled pool, estimated without its labels.

Both estimates assume label shift: bound sequences score alike in source and target, and so do
unbound ones; only their shares differ.

* `bbse` (Lipton, Wang & Smola 2018) inverts the confusion matrix of held-out source predictions.
* `em` (Saerens, Latinne & Decaestecker 2002) takes the share under which the target's scores are
  likeliest. It needs calibrated probabilities (Alexandari, Kundaje & Shrikumar 2020);
  `estimate_prior` calibrates them on the held-out source.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dann_tfbs.errors import InputError

Method = Literal["bbse", "em"]
Floats = NDArray[np.float64]

MIN_MARGIN = 0.05
"""Least difference of true and false positive rate; its inverse multiplies an error of the
predicted share."""
STANDARD_ERRORS = 3.0
"""The same difference must also exceed chance by so many standard errors."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PriorEstimate:
    """An estimated share of bound sequences.

    Attributes
    ----------
    share
        Of bound sequences in the target, 0 to 1.
    method
        What was asked for.
    source_share
        Of bound sequences among the held-out source sequences.
    unclipped
        The estimate before it was cut to 0 to 1. One far outside shows that the scores of a class
        have moved, so that label shift alone does not explain the target.
    condition
        Condition number of the confusion matrix, 1 at best; infinite if it is singular.
    fallback
        Why `share` is only the source's; None where it was estimated.
    """

    share: float
    method: Method
    source_share: float
    unclipped: float
    condition: float
    fallback: str | None


def estimate_prior(
    method: Method,
    source_logits: ArrayLike,
    source_labels: ArrayLike,
    target_logits: ArrayLike,
    *,
    threshold: float | None = None,
) -> PriorEstimate:
    """Estimate the share of bound sequences in a target pool with one model.

    A model that does not tell the held-out classes apart can say nothing about the target: the
    share is then the source's, which corrects nothing, with a warning and the reason in the result.

    Parameters
    ----------
    method
        `bbse` or `em`.
    source_logits, source_labels
        Logits and labels (0 or 1) of source sequences that the model was not trained on, shape
        (n,).
    target_logits
        Logits of the unlabelled target sequences, shape (m,).
    threshold
        Logit from which a sequence is predicted bound. By default that at which the calibrated
        model finds both classes equally likely to give it.

    Raises
    ------
    InputError
        If the method is unknown, a set is empty, shapes differ, a logit is not finite, a label is
        not 0 or 1 or a class is missing.
    """
    if method not in get_args(Method):
        raise InputError(
            f"unknown method {method!r} to estimate the share of bound sequences.",
            remedy=f"Use {' or '.join(get_args(Method))}.",
        )
    logits, labels = _labelled(source_logits, source_labels)
    target = _finite("target", target_logits)
    source_share = float(labels.mean())
    slope, offset = calibration(logits, labels)
    source_log_odds = np.log(source_share / (1 - source_share))
    if threshold is None:
        # Without a slope no logit is better than another, and the matrix will say so.
        threshold = float((source_log_odds - offset) / slope) if slope > 0 else 0.0
    matrix = confusion(logits, labels, threshold)
    condition = float(np.linalg.cond(matrix))
    fallback = _why_useless(matrix, labels)
    if fallback is not None:
        _log.warning("the share of bound target sequences is taken from the source: %s", fallback)
        return PriorEstimate(source_share, method, source_share, source_share, condition, fallback)
    if method == "bbse":
        estimate = bbse(matrix, float(np.mean(target >= threshold)))
    else:
        estimate = em(_sigmoid(slope * target + offset), source_share)
    share = min(max(estimate, 0.0), 1.0)
    return PriorEstimate(share, method, source_share, estimate, condition, None)


def confusion(scores: ArrayLike, labels: ArrayLike, threshold: float) -> Floats:
    """Return p(prediction | label), `float64`, shape (2, 2): rows predictions, columns labels.

    A score of at least the threshold predicts 1. Arguments and errors are those of source sequences
    in `estimate_prior`.
    """
    scores, labels = _labelled(scores, labels)
    positive = scores >= threshold
    rates = np.array([positive[labels == label].mean() for label in (0, 1)])
    return np.stack([1 - rates, rates])


def bbse(matrix: ArrayLike, predicted_share: float) -> float:
    """Return the share of bound sequences that explains a predicted share, not cut to 0 to 1.

    Solves `matrix` · (1 − share, share) = (1 − predicted_share, predicted_share); the solution sums
    to 1 because the columns of the matrix do.

    Parameters
    ----------
    matrix
        p(prediction | label) on held-out source sequences, from `confusion`.
    predicted_share
        Share of target sequences that are predicted bound.

    Raises
    ------
    InputError
        If the true and the false positive rate are equal.
    """
    false_positive, true_positive = np.asarray(matrix, dtype=np.float64)[1]
    if true_positive == false_positive:
        raise InputError(
            "predictions that do not depend on the label say nothing about the target's share.",
            remedy="Give the share instead.",
        )
    return float((predicted_share - false_positive) / (true_positive - false_positive))


def em(probabilities: ArrayLike, training_prior: float) -> float:
    """Return the share of bound sequences that makes the target's scores likeliest.

    This is where expectation–maximisation from the training prior ends. The log-likelihood is
    concave in the share, so the sign of its derivative is bisected: EM itself slows down as classes
    overlap. Probabilities that all equal the training prior say nothing, and it is returned.

    Parameters
    ----------
    probabilities
        p(bound | x) of target sequences, calibrated for the training prior, shape (m,).
    training_prior
        Share of bound sequences that the probabilities are calibrated for, between 0 and 1.

    Raises
    ------
    InputError
        If there are no probabilities, one is not in 0 to 1, or the prior is not between 0 and 1.
    """
    p = _finite("target", probabilities)
    if p.min() < 0 or p.max() > 1 or not 0 < training_prior < 1:
        raise InputError(
            f"a probability lies outside 0 to 1, or the training prior {training_prior:g} is not "
            "between them.",
            remedy="Give calibrated probabilities, not logits, and the prior of their calibration.",
        )
    odds = p / np.maximum(1 - p, np.finfo(np.float64).eps)
    # p(x | bound) / p(x | unbound) − 1
    excess = odds * (1 - training_prior) / training_prior - 1
    if np.abs(excess).max() < 1e-12:
        return training_prior

    def derivative(share: float) -> float:
        return float(np.mean(excess / (1 + share * excess)))

    low, high = 0.0, 1.0
    if derivative(low) <= 0:
        return low
    while high - low > 1e-12:
        middle = (low + high) / 2
        if derivative(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def calibration(logits: ArrayLike, labels: ArrayLike) -> tuple[float, float]:
    """Return slope and offset that turn logits into calibrated log-odds.

    Logistic regression of the label on the logit. Its targets are Platt's (1999),
    (n₁ + 1) / (n₁ + 2) and 1 / (n₀ + 2), so that it stays finite where the classes are separable.
    Equal logits give a slope of 0. Arguments and errors are those of source sequences in
    `estimate_prior`.
    """
    x, y = _labelled(logits, labels)
    positives = int(y.sum())
    aims = np.where(y == 1, (positives + 1) / (positives + 2), 1 / (len(y) - positives + 2))
    centre, spread = float(x.mean()), float(x.std())
    if spread == 0:
        return 0.0, float(np.log(aims.mean() / (1 - aims.mean())))
    inputs = np.stack([(x - centre) / spread, np.ones_like(x)])
    found = np.zeros(2)
    loss = _cross_entropy(found @ inputs, aims)
    for _ in range(100):
        p = _sigmoid(found @ inputs)
        gradient = inputs @ (p - aims)
        step = np.linalg.solve((inputs * (p * (1 - p))) @ inputs.T, gradient)
        if gradient @ step < 1e-12:
            break
        # Newton's step may overshoot where the classes hardly overlap; then half of it is tried.
        size = 1.0
        while (new := _cross_entropy((found - size * step) @ inputs, aims)) > loss and size > 1e-6:
            size /= 2
        found, loss = found - size * step, new
    slope = found[0] / spread
    return float(slope), float(found[1] - slope * centre)


def _why_useless(matrix: Floats, labels: Floats) -> str | None:
    """Return why predictions say nothing about the target, None if they do."""
    rates = matrix[1]
    counts = np.array([np.sum(labels == 0), np.sum(labels == 1)])
    error = float(np.sqrt(np.sum(rates * (1 - rates) / counts)))
    margin = float(rates[1] - rates[0])
    needed = max(MIN_MARGIN, STANDARD_ERRORS * error)
    if margin > needed:
        return None
    return (
        f"on held-out source sequences the true positive rate exceeds the false positive rate by "
        f"{margin:.3f}, no more than {needed:.3f}"
    )


def _labelled(logits: ArrayLike, labels: ArrayLike) -> tuple[Floats, Floats]:
    x = _finite("held-out source", logits)
    y = np.asarray(labels, dtype=np.float64)
    if y.shape != x.shape or not np.isin(y, (0, 1)).all() or not 0 < y.sum() < len(y):
        raise InputError(
            f"logits of held-out source sequences, shape {x.shape}, come with labels of shape "
            f"{y.shape} and values {np.unique(y)[:4].tolist()}.",
            remedy="Give a label of 0 or 1 for each, and some of both.",
        )
    return x, y


def _finite(name: str, values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not len(array) or not np.isfinite(array).all():
        raise InputError(
            f"scores of {name} sequences, shape {array.shape}, must be finite and at least one.",
            remedy="Give one finite score a sequence.",
        )
    return array


def _sigmoid(log_odds: Floats) -> Floats:
    return np.exp(-np.logaddexp(0, -log_odds))


def _cross_entropy(log_odds: Floats, aims: Floats) -> float:
    return float(np.sum(np.logaddexp(0, log_odds) - aims * log_odds))
