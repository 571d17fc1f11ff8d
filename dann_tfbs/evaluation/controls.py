"""Simple models that stand beside the network in every table.

Each has the same contract: `fit(sequences, labels)` learns from training data and returns itself;
`score(sequences)` returns one number a sequence, higher for stronger binding. Labels are positive
where above 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dann_tfbs.data.kmers import kmer_counts
from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.metrics import auroc
from dann_tfbs.sequence import Sequences, gc_content

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression


class Control(Protocol):
    """The contract of a control model."""

    def fit(self, sequences: Sequences, labels: ArrayLike) -> Self:
        """Learn from labelled sequences."""

    def score(self, sequences: Sequences) -> NDArray[np.float64]:
        """Return a score for each sequence, shape (n,)."""


class GcContent:
    """GC content alone, in the direction in which it separates the training data."""

    _sign = 0.0

    def fit(self, sequences: Sequences, labels: ArrayLike) -> Self:
        """Learn whether bound sequences are richer or poorer in GC.

        Raises
        ------
        InputError
            If there are no positives or no negatives.
        """
        self._sign = 1.0 if auroc(gc_content(sequences), labels) >= 0.5 else -1.0
        return self

    def score(self, sequences: Sequences) -> NDArray[np.float64]:
        """Return the GC content, negated where GC-poor means bound; shape (n,)."""
        if not self._sign:
            raise ValueError("fit the control before scoring with it")
        return self._sign * gc_content(sequences)


class KmerLogistic:
    """Logistic regression on canonical k-mer counts.

    The counts are damped as ln(1 + count) and each sequence's vector is scaled to length 1, so
    that a model trained on long windows applies to short oligonucleotides. Classes are weighted
    equally. The fit is deterministic.

    Parameters
    ----------
    k
        Length of the k-mers in bp (6: 2080 columns).
    """

    def __init__(self, k: int = 6) -> None:
        self.k = k
        self._model: LogisticRegression | None = None

    def fit(self, sequences: Sequences, labels: ArrayLike) -> Self:
        """Fit the regression.

        Raises
        ------
        InputError
            If there are no positives or no negatives.
        """
        from sklearn.linear_model import LogisticRegression

        positive = np.asarray(labels, dtype=np.float64) > 0
        if positive.all() or not positive.any():
            raise InputError(
                f"there are {int(positive.sum())} positives and {int((~positive).sum())} "
                "negatives to learn from.",
                remedy="Give at least one sequence of each.",
            )
        model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=500)
        self._model = model.fit(self._features(sequences), positive)
        return self

    def score(self, sequences: Sequences) -> NDArray[np.float64]:
        """Return the log-odds of binding, shape (n,)."""
        if self._model is None:
            raise ValueError("fit the control before scoring with it")
        odds = self._model.decision_function(self._features(sequences))
        return np.asarray(odds, dtype=np.float64)

    def _features(self, sequences: Sequences) -> csr_matrix:
        from sklearn.preprocessing import normalize

        return normalize(kmer_counts(sequences, self.k).log1p())
