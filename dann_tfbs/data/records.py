"""Sequences with what is known of each: the currency between readers, samplers and `prepare`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.data import intervals
from dann_tfbs.data.intervals import Intervals
from dann_tfbs.sequence import Sequences

NO_CYCLE = -1


@dataclass(frozen=True)
class Records:
    """A batch of sequences and their columns, all of length n.

    Attributes
    ----------
    sequences
        The sequences.
    group
        Replicate, file or probe set that a record comes from; object array of `str`.
    cycle
        `int16`: SELEX cycle, `NO_CYCLE` where the assay has none.
    signal
        `float64`: measured intensity, NaN where the assay has none.
    intervals
        Genomic coordinates of each sequence, or None where the batch has none. A record without
        coordinates inside a batch that has some carries chromosome "" and start = end = −1.
    """

    sequences: Sequences
    group: NDArray[np.object_]
    cycle: NDArray[np.int16]
    signal: NDArray[np.float64]
    intervals: Intervals | None = None

    def __len__(self) -> int:
        return len(self.sequences)

    def take(self, rows: NDArray[np.generic] | slice) -> Records:
        """Return the given rows (index array, boolean mask or slice)."""
        return Records(
            self.sequences.take(rows),
            self.group[rows],
            self.cycle[rows],
            self.signal[rows],
            None if self.intervals is None else self.intervals.take(rows),
        )


def make_records(
    sequences: Sequences,
    *,
    group: str = "",
    cycle: int = NO_CYCLE,
    signal: NDArray[np.floating] | None = None,
    intervals: Intervals | None = None,
) -> Records:
    """Build records that share one group and one cycle."""
    n = len(sequences)
    return Records(
        sequences,
        np.full(n, group, dtype=object),
        np.full(n, cycle, dtype=np.int16),
        np.full(n, np.nan) if signal is None else np.asarray(signal, dtype=np.float64),
        intervals,
    )


def concatenate(parts: Sequence[Records]) -> Records:
    """Join batches in order; coordinates are kept where any batch has them."""
    if not parts:
        return make_records(sequence.encode([]))
    return Records(
        sequence.concatenate([part.sequences for part in parts]),
        np.concatenate([part.group for part in parts]),
        np.concatenate([part.cycle for part in parts]),
        np.concatenate([part.signal for part in parts]),
        _joined_intervals(parts),
    )


def _joined_intervals(parts: Sequence[Records]) -> Intervals | None:
    if all(part.intervals is None for part in parts):
        return None
    return intervals.concatenate(
        [
            part.intervals
            if part.intervals is not None
            else intervals.make_intervals([""] * len(part), [-1] * len(part), [-1] * len(part))
            for part in parts
        ]
    )
