"""Genomic intervals as columns: 0-based starts, exclusive ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Intervals:
    """A list of genomic intervals.

    Attributes
    ----------
    chrom
        Chromosome name of each interval, object array of `str`, shape (n,).
    start, end
        `int64`, shape (n,): 0-based start and exclusive end in bp.
    """

    chrom: NDArray[np.object_]
    start: NDArray[np.int64]
    end: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)

    def take(self, rows: NDArray[np.generic] | slice) -> Intervals:
        """Return the given rows (index array, boolean mask or slice)."""
        return Intervals(self.chrom[rows], self.start[rows], self.end[rows])


def make_intervals(
    chrom: Sequence[str] | NDArray[np.object_],
    start: Sequence[int] | NDArray[np.integer],
    end: Sequence[int] | NDArray[np.integer],
) -> Intervals:
    """Build intervals from any sequences of names and numbers."""
    return Intervals(
        np.asarray(chrom, dtype=object),
        np.asarray(start, dtype=np.int64),
        np.asarray(end, dtype=np.int64),
    )


def concatenate(parts: Sequence[Intervals]) -> Intervals:
    """Join lists of intervals in order."""
    if not parts:
        return make_intervals([], [], [])
    return Intervals(
        np.concatenate([part.chrom for part in parts]),
        np.concatenate([part.start for part in parts]),
        np.concatenate([part.end for part in parts]),
    )
