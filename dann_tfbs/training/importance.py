"""How much more often a source sequence would be seen in the target: importance weights.

A logistic regression tells target from source by their embeddings; its odds, times n_source /
n_target, estimate p(x | target) / p(x | source) (Bickel, Brückner & Scheffer 2007). No label is
read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dann_tfbs.errors import InputError

FOLDS = 5
"""Every source sequence is weighted by a classifier that was fitted to the other four fifths."""
MAX_WEIGHT = 50.0
"""Default upper bound of a weight: beyond it the classifier extrapolates."""


@dataclass(frozen=True)
class ImportanceWeights:
    """Weights of held-out source sequences.

    Attributes
    ----------
    weights
        Estimates of p(x | target) / p(x | source), 0 to the bound, `float64`, shape (n_source,).
    clipped
        Share of them that the bound cut.
    """

    weights: NDArray[np.float64]
    clipped: float

    @property
    def effective_size(self) -> float:
        """(Σw)² / Σw² (Kish 1965); 0 if all weights are 0."""
        squares = float(np.square(self.weights).sum())
        return float(self.weights.sum()) ** 2 / squares if squares > 0 else 0.0


def importance_weights(
    source: ArrayLike,
    target: ArrayLike,
    rng: np.random.Generator,
    *,
    max_weight: float = MAX_WEIGHT,
) -> ImportanceWeights:
    """Weight held-out source sequences by how like the target they are, cross-fitted.

    The time grows with the rows; a pool of more than some ten thousand may be thinned before it is
    embedded.

    Parameters
    ----------
    source
        Embeddings of source sequences that the model was not trained on, shape (n_source,
        features): those that it was trained on lie elsewhere.
    target
        Embeddings of unlabelled target sequences, shape (n_target, features).
    rng
        Deals the rows into folds.
    max_weight
        Upper bound of a weight, above 0.

    Raises
    ------
    InputError
        If the shapes do not match, a side has fewer rows than there are folds, a number is not
        finite or the bound is not above 0.
    """
    source_rows = np.asarray(source, dtype=np.float64)
    target_rows = np.asarray(target, dtype=np.float64)
    _check(source_rows, target_rows, max_weight)
    source_folds = rng.permutation(len(source_rows)) % FOLDS
    target_folds = rng.permutation(len(target_rows)) % FOLDS
    log_ratio = np.empty(len(source_rows))
    for fold in range(FOLDS):
        held_out = source_folds == fold
        log_ratio[held_out] = _log_density_ratio(
            source_rows[~held_out], target_rows[target_folds != fold], source_rows[held_out]
        )
    largest = np.log(max_weight)
    weights = np.exp(np.minimum(log_ratio, largest))
    return ImportanceWeights(weights, float(np.mean(log_ratio > largest)))


def _log_density_ratio(
    source: NDArray[np.float64], target: NDArray[np.float64], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fit the classifier to two sets; return log p(x | target) / p(x | source) at other rows."""
    from sklearn.linear_model import LogisticRegression

    rows = np.concatenate([source, target])
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    # One penalty suits features of every scale only if they are scaled; constant ones become 0.
    spread[spread == 0] = 1.0
    of_target = np.repeat([0, 1], [len(source), len(target)])
    classifier = LogisticRegression(max_iter=1000).fit((rows - mean) / spread, of_target)
    log_odds = np.asarray(classifier.decision_function((at - mean) / spread), dtype=np.float64)
    return log_odds + np.log(len(source) / len(target))


def _check(source: NDArray[np.float64], target: NDArray[np.float64], max_weight: float) -> None:
    if source.ndim != 2 or target.ndim != 2 or source.shape[1] != target.shape[1]:
        raise InputError(
            f"source embeddings of shape {source.shape} and target embeddings of shape "
            f"{target.shape} do not match.",
            remedy="Embed both with the same model, one row a sequence.",
        )
    if min(len(source), len(target)) < FOLDS:
        raise InputError(
            f"{len(source)} held-out source and {len(target)} target sequences are too few to "
            "estimate weights from.",
            remedy=f"Give {FOLDS} or more of each.",
        )
    if not (np.isfinite(source).all() and np.isfinite(target).all()):
        raise InputError(
            "an embedding holds a number that is not finite.", remedy="Look for a diverged model."
        )
    if not max_weight > 0:
        raise InputError(
            f"importance weights cannot be bounded by {max_weight:g}.",
            key="max_weight",
            remedy="Give a bound above 0.",
        )
