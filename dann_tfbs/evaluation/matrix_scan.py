"""A position frequency matrix as a model: the two official IBIS scorings, over both strands.

*Best hit*: the highest sum of integer weights round(10⁵ · log₂((f + 10⁻⁵)/0.25)) over windows.
*Sum of occupancy*: Σ over windows of Π (f + 10⁻⁵)/(1 + 4·10⁻⁵).

A window is one placement of the matrix on one strand, wholly inside the sequence and free of N:
windows with N are left out. A sequence without any window (shorter than the matrix, or N
everywhere) gets the worst hit that the matrix can have, and occupancy 0.

With `overhang`, a window may hang over the ends, and positions outside or on N score as background
(weight 0, factor 0.25). This is ours, not the official scanner's: it is the fair way to score short
reads whose flanks are unknown, where the matrix would otherwise miss every site at an end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.errors import InputError
from dann_tfbs.motifs import Matrix
from dann_tfbs.sequence import N, Sequences

Scoring = Literal["best_hit", "occupancy"]
SCORINGS: tuple[Scoring, ...] = ("best_hit", "occupancy")

_PSEUDOCOUNT = 1e-5
_MOST_WINDOWS = 2e6  # bounds the summed occupancy of sequences of up to 1 Mbp
_CELLS = 1 << 20  # window scores held at once


def integer_weights(matrix: Matrix) -> NDArray[np.int64]:
    """Return round(10⁵ · log₂((f + 10⁻⁵)/0.25)), shape (length, 4), as the official suite does.

    The suite computes in single precision; double precision would round some weights differently.
    """
    frequencies = matrix.frequencies.astype(np.float32)
    ratios = (frequencies + np.float32(_PSEUDOCOUNT)) / np.float32(0.25)
    return np.rint(np.float32(1e5) * np.log2(ratios)).astype(np.int64)


def occupancy_factors(matrix: Matrix) -> NDArray[np.float64]:
    """Return (f + 10⁻⁵)/(1 + 4·10⁻⁵), shape (length, 4)."""
    return (matrix.frequencies + _PSEUDOCOUNT) / (1 + 4 * _PSEUDOCOUNT)


def best_hit(sequences: Sequences, matrix: Matrix, *, overhang: bool = False) -> NDArray[np.int64]:
    """Return the best integer hit of each sequence over positions and strands, shape (n,)."""
    weights = integer_weights(matrix)
    if overhang:
        sequences = _with_flanks(sequences, len(matrix) - 1)
    worst = int(weights.min(axis=1).sum())
    # One N costs more than any window can gain, so that window loses to the worst clean one.
    n_weight = 0 if overhang else worst - int(weights.max(axis=1).sum()) - 1
    best = np.full(len(sequences), worst, dtype=np.int64)
    for table in _both_strands(weights, n_weight):
        for rows, codes in _chunks(sequences, len(matrix)):
            total = np.zeros((len(codes), codes.shape[1] - len(matrix) + 1), dtype=np.int64)
            for position, column in enumerate(table):
                total += column[codes[:, position : position + total.shape[1]]]
            np.maximum(best[rows], total.max(axis=1), out=best[rows])
    return best


def sum_occupancy(
    sequences: Sequences, matrix: Matrix, *, overhang: bool = False
) -> NDArray[np.float64]:
    """Return the summed occupancy of each sequence over positions and strands, shape (n,)."""
    summed = np.zeros(len(sequences))
    if overhang:
        sequences = _with_flanks(sequences, len(matrix) - 1)
    for table in _both_strands(occupancy_factors(matrix), 0.25 if overhang else 0.0):
        for rows, codes in _chunks(sequences, len(matrix)):
            product = np.ones((len(codes), codes.shape[1] - len(matrix) + 1))
            for position, column in enumerate(table):
                product *= column[codes[:, position : position + product.shape[1]]]
            summed[rows] += product.sum(axis=1)
    return summed


def scan(
    sequences: Sequences,
    matrix: Matrix,
    scoring: Scoring = "occupancy",
    *,
    overhang: bool = False,
) -> NDArray[np.float64]:
    """Return a ranking score for each sequence: the best hit, or the log₂ of the occupancy.

    The logarithm keeps the order of the occupancies and spreads the small ones. A sequence without
    any window gets the lower bound of `score_range`, so every score is finite.
    """
    if scoring == "best_hit":
        return best_hit(sequences, matrix, overhang=overhang).astype(np.float64)
    if scoring != "occupancy":
        raise InputError(
            f"'{scoring}' is no known scoring.", remedy=f"Use one of {', '.join(SCORINGS)}."
        )
    values = sum_occupancy(sequences, matrix, overhang=overhang)
    low, _ = score_range(matrix, "occupancy")
    return np.log2(values, out=np.full(len(values), low), where=values > 0)


def score_range(matrix: Matrix, scoring: Scoring) -> tuple[float, float]:
    """Return the lowest and highest score of `scan` that the matrix allows (up to 1 Mbp)."""
    if scoring == "best_hit":
        weights = integer_weights(matrix)
        return float(weights.min(axis=1).sum()), float(weights.max(axis=1).sum())
    bits = np.log2(occupancy_factors(matrix))
    return float(bits.min(axis=1).sum()), float(bits.max(axis=1).sum() + np.log2(_MOST_WINDOWS))


def to_unit_interval(
    scores: NDArray[np.floating], matrix: Matrix, scoring: Scoring
) -> NDArray[np.float64]:
    """Map scores of `scan` linearly into [0, 1] by the range that the matrix allows.

    The map is increasing and depends on the matrix alone, so a sequence's score does not depend on
    its neighbours.
    """
    low, high = score_range(matrix, scoring)
    if high == low:
        return np.full(len(scores), 0.5)
    return np.clip((np.asarray(scores, dtype=np.float64) - low) / (high - low), 0.0, 1.0)


def _with_flanks(sequences: Sequences, length: int) -> Sequences:
    """Put so many N on both sides of every sequence; the right one may be part of the filling."""
    codes = np.pad(sequences.codes, ((0, 0), (length, length)), constant_values=N)
    return Sequences(codes, sequences.lengths + np.int32(2 * length))


def _both_strands(table: NDArray[np.generic], n_value: float) -> list[NDArray[np.generic]]:
    """Add a column for N, and give the table of the opposite strand beside it."""
    n_column = np.full((len(table), 1), n_value, dtype=table.dtype)
    return [np.hstack([strand, n_column]) for strand in (table, table[::-1, ::-1])]


def _chunks(sequences: Sequences, length: int) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
    """Yield rows of codes in pieces of bounded size; none where no window fits."""
    if sequences.width < length:
        return
    size = max(1, _CELLS // sequences.width)
    for start in range(0, len(sequences), size):
        rows = slice(start, start + size)
        yield rows, sequences.codes[rows]
