"""Shuffling sequences so that every dinucleotide count stays the same.

A sequence is a walk over letters that uses each of its dinucleotides (edges) once. Altschul and
Erickson (1985) draw another such walk uniformly: choose for every letter but the final one the edge
by which the walk leaves it for the last time, such that these edges form a tree that leads to the
final letter; put the other edges of each letter in random order; and walk. The tree is drawn by
Wilson's algorithm (1996), which needs no rejection. N counts as a fifth letter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.sequence import Sequences

_ROWS_AT_ONCE = 8192
_LETTERS = len(sequence.LETTERS)


def dinucleotide_shuffle(sequences: Sequences, rng: np.random.Generator) -> Sequences:
    """Draw, for each sequence, one of all sequences with the same dinucleotide counts.

    Parameters
    ----------
    sequences
        n sequences of any lengths.
    rng
        Source of randomness.

    Returns
    -------
    Sequences
        Same shape and lengths; first and last base, base and dinucleotide counts of each sequence
        are kept, and every arrangement that keeps them is equally likely.
    """
    codes = sequences.codes.copy()
    for first in range(0, len(sequences), _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        codes[rows] = _shuffle(sequences.take(rows), rng)
    return Sequences(codes, sequences.lengths)


def _shuffle(sequences: Sequences, rng: np.random.Generator) -> NDArray[np.uint8]:
    if sequences.width < 3:
        return sequences.codes
    source, target = sequences.codes[:, :-1].astype(np.int64), sequences.codes[:, 1:]
    is_edge = sequences.inside()[:, 1:]
    rows = np.arange(len(sequences))
    final = sequences.codes[rows, np.maximum(sequences.lengths - 1, 0)].astype(np.int64)
    counts = _edge_counts(source * _LETTERS + target, is_edge)
    last_exit = _random_trees(counts, final, rng)

    # Sorting by letter, then at random, lists each letter's edges in random order; the last exit
    # gets the largest key of its letter.
    key = rng.random(source.shape)
    for letter in range(_LETTERS):
        matches = (source == letter) & (target == last_exit[:, letter, None]) & is_edge
        matches &= (final != letter)[:, None]
        some = matches.any(axis=1)
        key[rows[some], matches.argmax(axis=1)[some]] = 1.0
    key += 2 * np.where(is_edge, source, _LETTERS)
    listed = np.take_along_axis(target, np.argsort(key, axis=1), axis=1)
    out_degree = counts.sum(axis=2)
    next_edge = np.cumsum(out_degree, axis=1) - out_degree
    return _walk(sequences, listed, next_edge)


def _edge_counts(pairs: NDArray[np.int64], is_edge: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count the edges of each row: shape (n, from, to)."""
    cells = _LETTERS * _LETTERS
    numbered = (np.arange(len(pairs))[:, None] * cells + pairs)[is_edge]
    return np.bincount(numbered, minlength=len(pairs) * cells).reshape(-1, _LETTERS, _LETTERS)


def _random_trees(
    counts: NDArray[np.int64], final: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw a tree that leads to each row's final letter: the next letter of each, shape (n, 5).

    The probability of a tree is proportional to the product of the counts of its edges. An edge
    from a letter to itself is in no tree and is left out of the random walk.
    """
    n = len(final)
    rows = np.arange(n)
    leaving = counts.copy()
    leaving[:, np.arange(_LETTERS), np.arange(_LETTERS)] = 0
    cumulative = np.cumsum(leaving, axis=2)
    in_tree = cumulative[:, :, -1] == 0  # letters that do not occur need no exit
    in_tree[rows, final] = True
    step = np.zeros((n, _LETTERS), dtype=np.int64)
    for letter in range(_LETTERS):
        walking = rows[~in_tree[:, letter]]
        here = np.full(len(walking), letter)
        while len(walking):
            ways = cumulative[walking, here]
            draw = rng.integers(0, ways[:, -1])
            following = (ways <= draw[:, None]).sum(axis=1)
            step[walking, here] = following
            # Overwriting an earlier step of the same letter erases the loop between the visits.
            on = ~in_tree[walking, following]
            walking, here = walking[on], following[on]
        adding = rows[~in_tree[:, letter]]
        here = np.full(len(adding), letter)
        while len(adding):
            in_tree[adding, here] = True
            here = step[adding, here]
            on = ~in_tree[adding, here]
            adding, here = adding[on], here[on]
    return step


def _walk(
    sequences: Sequences, listed: NDArray[np.uint8], next_edge: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Follow each letter's edges in their listed order from the first base of each row."""
    rows = np.arange(len(sequences))
    result = sequences.codes.copy()
    here = result[:, 0].astype(np.int64)
    next_edge = next_edge.copy()
    for column in range(1, sequences.width):
        if not (column < sequences.lengths).all():
            on = column < sequences.lengths[rows]
            rows, here = rows[on], here[on]
        edge = next_edge[rows, here]
        next_edge[rows, here] += 1
        result[rows, column] = listed[rows, edge]
        here = result[rows, column].astype(np.int64)
    return result
