"""How well domains (assays) can be told apart, and whether their bound sequences lie together.

Two questions about one set of features a sequence, which may be as plain as its GC content or the
embedding of a network: can a linear classifier say from which domain a sequence comes, and does a
bound sequence of one domain find the bound ones of the others?
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dann_tfbs.data.kmers import kmer_counts
from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.metrics import auroc
from dann_tfbs.sequence import Sequences, gc_content

Features = NDArray[np.floating]

FOLDS = 5
SMALLEST = 2 * FOLDS
"""Fewest sequences of a domain: two in each part that is held out."""


@dataclass(frozen=True)
class Pair:
    """How well two domains are told apart; at chance .5, .5 and 0.

    Attributes
    ----------
    first, second
        Names of the domains.
    balanced_accuracy
        Mean over the two domains of the share of their sequences that is recognised.
    auroc
        Area under the ROC curve of the classifier's score.
    """

    first: str
    second: str
    balanced_accuracy: float
    auroc: float

    @property
    def name(self) -> str:
        """Both names."""
        return f"{self.first} – {self.second}"

    @property
    def a_distance(self) -> float:
        """Proxy A-distance, from the error on held-out sequences, each domain counting half."""
        return proxy_a_distance(1 - self.balanced_accuracy)


@dataclass(frozen=True)
class Separability:
    """How well one kind of features tells all domains apart.

    Attributes
    ----------
    balanced_accuracy
        Of one classifier among all domains at once.
    chance
        What guessing reaches: 1 / the number of domains.
    pairs
        One classifier for each two domains.
    """

    balanced_accuracy: float
    chance: float
    pairs: tuple[Pair, ...]


def proxy_a_distance(error: float) -> float:
    """Return 2(1 − 2·error) (Ben-David et al. 2007): 0 at chance, 2 where no error is left.

    Noise may leave a held-out error above one half; the distance is then slightly negative.
    """
    return 2 * (1 - 2 * error)


def simple_features(sequences: Sequences, k: int = 3) -> dict[str, Features]:
    """Return what a sequence shows without any model.

    Returns
    -------
    dict
        `GC` (content and its squared distance from a half, since short sequences scatter more),
        `length` (ln bp and its square) and `<k>-mers` (share of each k-mer among those of the
        sequence, both strands as one, so that length itself does not show), by name; each of
        shape (n, columns).
    """
    gc, length = gc_content(sequences) - 0.5, np.log(np.maximum(sequences.lengths, 1) / 100)
    counts = kmer_counts(sequences, k).toarray().astype(np.float64)
    return {
        "GC": np.column_stack([gc, gc**2]),
        "length": np.column_stack([length, length**2]),
        f"{k}-mers": counts / np.maximum(counts.sum(axis=1, keepdims=True), 1),
    }


def standardised(features: Mapping[str, Features]) -> dict[str, Features]:
    """Return the features of all domains with common mean 0 and deviation 1 in every column."""
    every = np.concatenate(list(features.values()))
    mean, deviation = every.mean(axis=0), every.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1)
    return {name: (values - mean) / scale for name, values in features.items()}


def separability(
    features: Mapping[str, Features], generator: np.random.Generator, folds: int = FOLDS
) -> Separability:
    """Tell domains apart by logistic regression, cross-validated, every domain weighing the same.

    Parameters
    ----------
    features
        By domain, shape (n, columns); the numbers of rows may differ.
    generator
        Assigns sequences to folds.
    folds
        Parts of which each is held out once.

    Raises
    ------
    InputError
        If there are fewer than two domains, or one has fewer than two sequences a fold.
    """
    names = list(features)
    if len(names) < 2:
        raise InputError(
            f"there is {'one domain' if names else 'no domain'} ({', '.join(names)}).",
            remedy="Give sequences of at least two domains.",
        )
    for name, values in features.items():
        if len(values) < 2 * folds:
            raise InputError(
                f"the domain {name} has {len(values)} sequences.",
                remedy=f"{folds} folds need {2 * folds}: leave the domain out or add some.",
            )
    seed = int(generator.integers(2**31))
    pairs = tuple(
        _pair(first, second, features[first], features[second], folds, seed)
        for first, second in combinations(names, 2)
    )
    if len(names) == 2:
        return Separability(pairs[0].balanced_accuracy, 0.5, pairs)
    classes = np.repeat(np.arange(len(names)), [len(values) for values in features.values()])
    found = _held_out(np.concatenate(list(features.values())), classes, folds, seed).argmax(axis=1)
    return Separability(_balanced_accuracy(found, classes), 1 / len(names), pairs)


def mean_separability(members: Sequence[Separability]) -> Separability:
    """Return the mean over models side by side, whose embeddings have no channel in common."""
    pairs = zip(*(member.pairs for member in members), strict=True)
    return Separability(
        float(np.mean([member.balanced_accuracy for member in members])),
        members[0].chance,
        tuple(
            Pair(
                same[0].first,
                same[0].second,
                float(np.mean([pair.balanced_accuracy for pair in same])),
                float(np.mean([pair.auroc for pair in same])),
            )
            for same in pairs
        ),
    )


def _pair(first: str, second: str, one: Features, other: Features, folds: int, seed: int) -> Pair:
    classes = np.repeat([0, 1], [len(one), len(other)])
    scores = _held_out(np.concatenate([one, other]), classes, folds, seed)
    accuracy = _balanced_accuracy(scores.argmax(axis=1), classes)
    return Pair(first, second, accuracy, auroc(scores[:, 1], classes))


def _held_out(
    features: Features, classes: NDArray[np.integer], folds: int, seed: int
) -> NDArray[np.float64]:
    """Return the probability of each class for each row, by a model that has not seen the row."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(
        StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000)
    )
    parts = StratifiedKFold(folds, shuffle=True, random_state=seed)
    scores = cross_val_predict(model, features, classes, cv=parts, method="predict_proba")
    return np.asarray(scores, dtype=np.float64)


def _balanced_accuracy(found: NDArray[np.integer], classes: NDArray[np.integer]) -> float:
    return float(np.mean([(found[classes == own] == own).mean() for own in np.unique(classes)]))


@dataclass(frozen=True)
class Retrieval:
    """Whether the bound sequences of one domain find those of the others.

    Attributes
    ----------
    domain
        Whose bound sequences ask.
    queries, references
        How many ask, and how many labelled sequences of the other domains are ranked.
    found, chance
        `precision_at_1`, `mean_average_precision` and `r_precision` of the ranking, and what a
        random order reaches on average.
    """

    domain: str
    queries: int
    references: int
    found: dict[str, float]
    chance: dict[str, float]


def retrieval(
    features: Mapping[str, Features],
    labels: Mapping[str, NDArray[np.integer]],
    generator: np.random.Generator,
    most_queries: int = 500,
) -> tuple[Retrieval, ...]:
    """Let the bound sequences of each domain rank the labelled ones of all other domains.

    Parameters
    ----------
    features
        By domain, shape (n, columns), of one scale (`standardised`).
    labels
        By domain, shape (n,): 1 bound, 0 unbound, −1 unlabelled (left out).
    generator
        Draws the queries where there are more than `most_queries`.
    most_queries
        Bound sequences of a domain that ask.

    Returns
    -------
    tuple of Retrieval
        One for each domain that has bound sequences while another has some too.
    """
    results = []
    for name in features:
        others = [other for other in features if other != name and (labels[other] >= 0).any()]
        bound = np.flatnonzero(labels[name] == 1)
        if not len(bound) or not any((labels[other] == 1).any() for other in others):
            continue
        if len(bound) > most_queries:
            bound = np.sort(generator.choice(bound, most_queries, replace=False))
        known = {other: labels[other] >= 0 for other in others}
        reference = np.concatenate([features[other][known[other]] for other in others])
        truth = np.concatenate([labels[other][known[other]] for other in others]) == 1
        found = ranked(features[name][bound], reference, truth)
        chance = chance_of_ranking(len(truth), int(truth.sum()))
        results.append(Retrieval(name, len(bound), len(truth), found, chance))
    return tuple(results)


def ranked(queries: Features, references: Features, bound: ArrayLike) -> dict[str, float]:
    """Rank references by their cosine similarity to each bound query; measure who comes first.

    Parameters
    ----------
    queries
        Shape (q, columns).
    references
        Shape (r, columns).
    bound
        `bool`, shape (r,): which references are bound; at least one.

    Returns
    -------
    dict
        Means over the queries: `precision_at_1`, `mean_average_precision` over the whole ranking
        and `r_precision` (share of bound ones among the first R, R the number of bound ones).
    """
    import torch
    from pytorch_metric_learning.distances import CosineSimilarity
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
    from pytorch_metric_learning.utils.inference import CustomKNN

    calculator = AccuracyCalculator(
        include=("precision_at_1", "mean_average_precision", "r_precision"),
        knn_func=CustomKNN(CosineSimilarity()),
        device=torch.device("cpu"),
    )
    found = calculator.get_accuracy(
        np.asarray(queries, dtype=np.float32),
        np.ones(len(queries), dtype=np.int64),
        np.asarray(references, dtype=np.float32),
        np.asarray(bound, dtype=np.int64),
    )
    return {name: float(value) for name, value in found.items()}


def chance_of_ranking(references: int, bound: int) -> dict[str, float]:
    """Return what `ranked` gives on average over all orders of the references.

    The expected average precision of n references, R of them bound, is
    (H_n + (R − 1)(n − H_n)/(n − 1)) / n with the harmonic number H_n; the others are R/n.
    """
    share = bound / references
    harmonic = float((1 / np.arange(1, references + 1)).sum())
    rest = (bound - 1) * (references - harmonic) / max(references - 1, 1)
    return {
        "precision_at_1": share,
        "mean_average_precision": (harmonic + rest) / references,
        "r_precision": share,
    }
