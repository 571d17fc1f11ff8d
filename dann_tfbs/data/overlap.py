"""Which intervals overlap others, for whole lists at once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dann_tfbs.data.intervals import Intervals


def rows_by_chromosome(chrom: NDArray[np.object_]) -> dict[str, NDArray[np.int64]]:
    """Return the rows of each chromosome, in the order in which chromosomes first appear.

    Parameters
    ----------
    chrom
        Chromosome names, shape (n,).

    Returns
    -------
    dict
        Name to ascending row numbers; together they are 0 … n − 1.
    """
    if not len(chrom):
        return {}
    numbered = pa.array(chrom, pa.string()).dictionary_encode()
    codes = numbered.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(numbered.dictionary)))
    return dict(zip(numbered.dictionary.to_pylist(), np.split(order, ends[:-1]), strict=True))


def overlaps_any(query: Intervals, reference: Intervals, distance: int = 0) -> NDArray[np.bool_]:
    """Tell which query intervals overlap, or lie close to, any reference interval.

    Parameters
    ----------
    query, reference
        Intervals; those with an empty chromosome name (no coordinates) never overlap.
    distance
        In bp: intervals with fewer than `distance` bases between them count as overlapping; with 0
        they must share a base.

    Returns
    -------
    ndarray
        `bool`, shape (len(query),).
    """
    hit = np.zeros(len(query), dtype=bool)
    of_reference = rows_by_chromosome(reference.chrom)
    for name, rows in rows_by_chromosome(query.chrom).items():
        if not name or name not in of_reference:
            continue
        theirs = of_reference[name]
        theirs = theirs[np.argsort(reference.start[theirs], kind="stable")]
        starts = reference.start[theirs]
        # The furthest end so far answers for all intervals that start no later.
        furthest = np.maximum.accumulate(reference.end[theirs])
        last = np.searchsorted(starts, query.end[rows] + distance, side="left") - 1
        reaches = furthest[last.clip(0)] + distance > query.start[rows]
        hit[rows] = (last >= 0) & reaches
    return hit


def merged(
    start: NDArray[np.int64], end: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Join overlapping or touching intervals of one chromosome.

    Parameters
    ----------
    start, end
        Shape (n,), in any order.

    Returns
    -------
    tuple
        Ascending starts and ends of the joined intervals.
    """
    order = np.argsort(start, kind="stable")
    start, furthest = start[order], np.maximum.accumulate(end[order])
    opens = np.ones(len(start), dtype=bool)
    opens[1:] = start[1:] > furthest[:-1]
    closes = np.append(opens[1:], True)[: len(start)]
    return start[opens], furthest[closes]
