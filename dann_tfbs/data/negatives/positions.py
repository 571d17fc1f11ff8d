"""Uniform positions in a genome, outside forbidden regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.data.gc_match import largest_remainder
from dann_tfbs.data.genome import Genome
from dann_tfbs.data.intervals import Intervals, make_intervals
from dann_tfbs.data.overlap import merged, rows_by_chromosome
from dann_tfbs.errors import InputError


@dataclass(frozen=True)
class FreeStarts:
    """Positions of one chromosome at which an allowed window can start, as runs.

    Attributes
    ----------
    first
        `int64`: first position of each run, ascending.
    before
        `int64`, one longer: number of positions in the runs before each, and in all.
    """

    first: NDArray[np.int64]
    before: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.before[-1])

    def draw(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw `n` different positions, ascending, each position equally likely to be drawn.

        One position is drawn from each of n equal stretches: different ones without a rejection,
        in memory proportional to n. A random rotation makes all positions equally likely where
        stretches cannot be equal.
        """
        if not n:
            return np.empty(0, dtype=np.int64)
        edges = np.arange(n + 1, dtype=np.int64) * len(self) // n
        rank = (rng.integers(edges[:-1], edges[1:]) + rng.integers(len(self))) % len(self)
        rank.sort()
        run = np.searchsorted(self.before, rank, side="right") - 1
        return self.first[run] + rank - self.before[run]


def free_starts(
    length: int, window: int, start: NDArray[np.int64], end: NDArray[np.int64]
) -> FreeStarts:
    """Return where a window fits into a chromosome without touching any forbidden region.

    Parameters
    ----------
    length
        Of the chromosome, in bp.
    window
        In bp.
    start, end
        Forbidden regions in any order; they may overlap and leave the chromosome.
    """
    # A window [s, s + w) touches [a, b) if and only if a − w < s < b.
    shut, opened = merged(start - window + 1, end)
    first = np.append(0, opened).clip(0, None)
    stop = np.append(shut, length - window + 1).clip(None, max(length - window + 1, 0))
    some = stop > first
    sizes = (stop - first)[some]
    return FreeStarts(first[some], np.append(0, np.cumsum(sizes)))


def allowed_starts(
    genome: Genome,
    chroms: Sequence[str],
    window: int,
    avoid: Intervals,
    distance: int,
) -> list[FreeStarts]:
    """Return the allowed window starts of each chromosome: clear of N, blacklist and `avoid`.

    `distance` is the smallest allowed number of bases between a window and an interval to avoid.
    """
    genome.check_names(chroms)
    to_avoid, black = rows_by_chromosome(avoid.chrom), rows_by_chromosome(genome.blacklist.chrom)
    none = np.empty(0, dtype=np.int64)
    lengths = genome.lengths
    result = []
    for chrom in chroms:
        near, listed = to_avoid.get(chrom, none), black.get(chrom, none)
        gap_start, gap_end = genome.gaps(chrom)
        start = [avoid.start[near] - distance, genome.blacklist.start[listed], gap_start]
        end = [avoid.end[near] + distance, genome.blacklist.end[listed], gap_end]
        forbidden = np.concatenate(start), np.concatenate(end)
        result.append(free_starts(lengths[chrom], window, *forbidden))
    return result


def draw_starts(
    chroms: Sequence[str],
    free: Sequence[FreeStarts],
    window: int,
    n: int,
    rng: np.random.Generator,
) -> list[NDArray[np.int64]]:
    """Draw `n` different windows, spread over the chromosomes by their number of allowed starts.

    Returns
    -------
    list of ndarray
        The starts on each chromosome, `int64`, ascending.

    Raises
    ------
    InputError
        If there are fewer than `n` allowed positions.
    """
    sizes = [len(runs) for runs in free]
    if sum(sizes) < n or not sum(sizes):
        raise InputError(
            f"{n} windows of {window} bp were asked for, but the chromosomes {_listed(chroms)} "
            f"have {sum(sizes)} allowed positions (outside positives, blacklist and N).",
            remedy="Ask for fewer negatives, allow more chromosomes, or use a smaller window.",
        )
    quotas = largest_remainder(sizes, n).tolist()
    return [runs.draw(quota, rng) for runs, quota in zip(free, quotas, strict=True)]


def as_intervals(
    chroms: Sequence[str], starts: Sequence[NDArray[np.int64]], window: int
) -> Intervals:
    """Join the starts on each chromosome into windows."""
    names = np.repeat(np.array(chroms, dtype=object), [len(part) for part in starts])
    start = np.concatenate([np.empty(0, dtype=np.int64), *starts])
    return make_intervals(names, start, start + window)


def _listed(chroms: Sequence[str]) -> str:
    return ", ".join(chroms[:5]) + (", …" if len(chroms) > 5 else "")
