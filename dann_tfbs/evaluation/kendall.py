"""Kendall's τ-b of score against SELEX cycle, per replicate."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.checks import checked

Floats = NDArray[np.float64]


def kendall_tau_b(
    scores: ArrayLike, cycles: ArrayLike, groups: Iterable[object] | None = None
) -> float:
    """Return Kendall's τ-b of score against SELEX cycle, averaged over replicates.

    Costs O(n log n) and one pass for each distinct cycle.

    Parameters
    ----------
    scores
        Shape (n,).
    cycles
        Shape (n,): few distinct numbers. Only records with cycle > 0 count (IBIS: positives only).
    groups
        Replicate of each record, or None for one replicate. Records whose replicate is None or
        NaN are left out, as the official scorer does.

    Returns
    -------
    float
        In [−1, 1]; a replicate with constant scores or cycles adds 0.

    Raises
    ------
    InputError
        If the lengths differ, a value is NaN, or no record is left.
    """
    scores, cycles = checked(scores, cycles)
    replicates = rows_of_replicates(cycles, groups)
    placed = [score_cells(scores[rows], cycles[rows]) for rows in replicates]
    return float(np.mean([tau_b(count_cells(cells, shape)) for cells, shape in placed]))


def rows_of_replicates(cycles: Floats, groups: Iterable[object] | None) -> list[NDArray[np.intp]]:
    """Return, for each replicate, its rows with a cycle above 0; errors as `kendall_tau_b`."""
    rows = np.flatnonzero(cycles > 0)
    replicate = np.zeros(len(rows), dtype=np.intp)
    if groups is not None:
        values = list(groups)
        if len(values) != len(cycles):
            raise InputError(
                f"there are {len(cycles)} scores and {len(values)} replicates.",
                remedy="Give one replicate for each record, or none at all.",
            )
        replicate = _numbered([values[row] for row in rows])
    numbers = np.unique(replicate[replicate >= 0])
    if not len(numbers):
        raise InputError(
            "no record has both a cycle above 0 and a replicate.",
            remedy="Kendall's τ needs positives labelled with their SELEX cycle.",
        )
    return [rows[replicate == number] for number in numbers]


def _numbered(values: list[object]) -> NDArray[np.intp]:
    """Give each distinct value a number from 0 in order of appearance; −1 to None and NaN."""
    known: dict[object, int] = {}
    numbers = np.empty(len(values), dtype=np.intp)
    for row, value in enumerate(values):
        absent = value is None or value != value  # only NaN differs from itself
        numbers[row] = -1 if absent else known.setdefault(value, len(known))
    return numbers


def score_cells(scores: Floats, cycles: Floats) -> tuple[NDArray[np.intp], tuple[int, int]]:
    """Place each record in the table of distinct cycles × distinct scores, both ascending.

    Returns
    -------
    cells
        Flat index of each record into the table, shape (n,).
    shape
        Number of distinct cycles and of distinct scores.
    """
    order = np.argsort(scores)
    ranks = np.empty(len(scores), dtype=np.intp)
    steps = scores[order[1:]] != scores[order[:-1]]
    ranks[order] = np.concatenate([[0], np.cumsum(steps)])
    kinds, cycle = np.unique(cycles, return_inverse=True)
    distinct = int(ranks[order[-1]]) + 1
    return cycle * distinct + ranks, (len(kinds), distinct)


def count_cells(cells: NDArray[np.intp], shape: tuple[int, int]) -> Floats:
    """Count the records in each cell of a table (see `score_cells`)."""
    counts = np.bincount(cells, minlength=shape[0] * shape[1])
    return counts.reshape(shape).astype(np.float64)


def tau_b(table: Floats) -> float:
    """Return Kendall's τ-b of a table of counts.

    τ-b = (C − D) / √((n₀ − t_score)(n₀ − t_cycle)) with C concordant and D discordant pairs,
    n₀ = n(n − 1)/2 pairs and t those tied in one variable (Kendall 1945).

    Parameters
    ----------
    table
        Counts, shape (cycles, scores), both in ascending order; cells may be 0.

    Returns
    -------
    float
        0 where one variable is constant.
    """
    lower = np.zeros(table.shape[1])
    surplus = 0.0
    for counts in table:
        # For a record at each score: lower cycles scored below it, less those scored above it.
        at_or_below = np.cumsum(lower)
        surplus += float(counts @ (2 * at_or_below - lower - at_or_below[-1]))
        lower = lower + counts
    pairs = _pairs(table.sum())
    tied_scores, tied_cycles = _pairs(lower).sum(), _pairs(table.sum(axis=1)).sum()
    untied = float(np.sqrt((pairs - tied_scores) * (pairs - tied_cycles)))
    return surplus / untied if untied > 0 else 0.0


def _pairs(counts: Floats) -> Floats:
    return counts * (counts - 1) / 2
