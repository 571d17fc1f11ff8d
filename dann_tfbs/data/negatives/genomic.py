"""Negatives out of a genome: random, GC-matched, and beside the peaks (`shades`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.data import intervals as iv
from dann_tfbs.data.gc_match import match_gc
from dann_tfbs.data.genome import Genome
from dann_tfbs.data.intervals import Intervals, make_intervals
from dann_tfbs.data.negatives.positions import FreeStarts, allowed_starts, as_intervals, draw_starts
from dann_tfbs.data.negatives.sampled import Sampled, make_sampled
from dann_tfbs.data.overlap import overlaps_any, rows_by_chromosome
from dann_tfbs.data.records import make_records
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import gc_content

IBIS_DISTANCE = 300
SHADE_DISTANCES = (300, 600)
_CANDIDATES_PER_NEGATIVE = 20
_SHADE_ROUNDS = 50
_PIECE = 1 << 18  # bases counted at once: they stay in the processor's cache


def random_genome(
    genome: Genome,
    positives: Intervals,
    window: int,
    n: int,
    chroms: Sequence[str],
    rng: np.random.Generator,
    exclude: Intervals | None = None,
    distance: int = IBIS_DISTANCE,
) -> Sampled:
    """Draw windows uniformly from all allowed positions of a genome.

    Parameters
    ----------
    genome
        The genome; its blacklist is kept clear of.
    positives
        All positives of the TF, of every chromosome.
    window
        Width of a negative in bp.
    n
        Number of negatives: different positions, which can overlap one another.
    chroms
        Chromosomes to draw from.
    rng
        Source of randomness.
    exclude
        Further regions to keep clear of, such as negatives of other kinds.
    distance
        Smallest allowed number of bases between a negative and a positive or excluded region (IBIS:
        300).

    Returns
    -------
    Sampled
        Records with coordinates, in the order of `chroms` and of position.

    Raises
    ------
    InputError
        If there are fewer than `n` allowed positions, or a chromosome is unknown.
    """
    avoid = positives if exclude is None else iv.concatenate([positives, exclude])
    target = _positive_gc(genome, positives, window)
    free = allowed_starts(genome, chroms, window, avoid, distance)
    chosen = as_intervals(chroms, draw_starts(chroms, free, window, n, rng), window)
    return _fetched("random_genome", genome, chosen, target)


def gc_matched_genome(
    genome: Genome,
    positives: Intervals,
    window: int,
    n: int,
    chroms: Sequence[str],
    rng: np.random.Generator,
    exclude: Intervals | None = None,
    distance: int = IBIS_DISTANCE,
) -> Sampled:
    """Draw windows whose GC histogram follows that of the positives' windows.

    Parameters and errors are those of `random_genome`. 20 candidates a negative are drawn uniformly
    (all allowed positions if there are fewer), and `match_gc` chooses among them: where
    the genome is short of a GC content, the report's `gc_distance` says by how much.
    """
    avoid = positives if exclude is None else iv.concatenate([positives, exclude])
    target = _positive_gc(genome, positives, window)
    free = allowed_starts(genome, chroms, window, avoid, distance)
    chosen = _matched_windows(genome, chroms, free, window, n, target, rng)
    return _fetched("gc_matched_genome", genome, chosen, target)


def _matched_windows(
    genome: Genome,
    chroms: Sequence[str],
    free: Sequence[FreeStarts],
    window: int,
    n: int,
    target: NDArray[np.float64],
    rng: np.random.Generator,
) -> Intervals:
    candidates = max(n, min(_CANDIDATES_PER_NEGATIVE * n, sum(map(len, free))))
    pool = draw_starts(chroms, free, window, candidates, rng)
    gc = [
        _window_gc(genome.codes(chrom), starts, window)
        for chrom, starts in zip(chroms, pool, strict=True)
    ]
    rows = match_gc(np.concatenate(gc), target, n, rng)
    bounds = np.cumsum([0, *map(len, pool)])
    chosen = [
        starts[rows[(rows >= first) & (rows < stop)] - first]
        for starts, first, stop in zip(pool, bounds[:-1], bounds[1:], strict=True)
    ]
    return as_intervals(chroms, chosen, window)


def shades(
    genome: Genome,
    positives: Intervals,
    window: int,
    n: int,
    rng: np.random.Generator,
    chroms: Sequence[str] | None = None,
    exclude: Intervals | None = None,
    distances: tuple[int, int] = SHADE_DISTANCES,
) -> Sampled:
    """Draw windows close beside positives: same neighbourhood, but no peak. GC is not matched.

    Parameters
    ----------
    genome
        The genome; its blacklist is kept clear of.
    positives
        All positives of the TF.
    window
        Width of a negative in bp.
    n
        Number of negatives. Positives take turns, so that each has at most one shade more than any
        other unless its surroundings forbid it.
    rng
        Source of randomness.
    chroms
        Chromosomes whose positives get shades; all by default.
    exclude
        Further regions not to overlap.
    distances
        Smallest and largest number of bases between a positive and its shade (IBIS: 300 to 600).

    Returns
    -------
    Sampled
        Records with coordinates. `dropped` counts `outside` the chromosome, `occupied` (by a
        positive, an excluded region, the blacklist or N) and `repeated` candidates.

    Raises
    ------
    InputError
        If fewer than `n` shades are found in 50 rounds.
    """
    avoid = [positives, genome.blacklist, *([] if exclude is None else [exclude])]
    genome.check_names(set(positives.chrom))
    allowed = np.ones(len(positives), bool) if chroms is None else np.isin(positives.chrom, chroms)
    peaks = positives.take(allowed)
    gaps = [make_intervals([c] * len(genome.gaps(c)[0]), *genome.gaps(c)) for c in set(peaks.chrom)]
    forbidden = iv.concatenate([*avoid, *gaps])
    found, seen = [make_intervals([], [], [])], np.empty(0, dtype=np.int64)
    dropped = {"outside": 0, "occupied": 0, "repeated": 0}
    for _ in range(_SHADE_ROUNDS):
        missing = n - sum(map(len, found))
        if not missing or not len(peaks):
            break
        turns = -(-missing // len(peaks))
        rows = np.concatenate([rng.permutation(len(peaks)) for _ in range(turns)])[:missing]
        shade = _beside(peaks.take(rows), window, distances, rng)
        inside = genome.inside(shade)
        occupied = overlaps_any(shade, forbidden) & inside
        shade = shade.take(inside & ~occupied)
        place = _place(genome, shade)
        fresh = np.zeros(len(shade), dtype=bool)
        fresh[np.unique(place, return_index=True)[1]] = True
        fresh &= ~np.isin(place, seen)
        seen = np.append(seen, place[fresh])
        found.append(shade.take(fresh))
        dropped["outside"] += int((~inside).sum())
        dropped["occupied"] += int(occupied.sum())
        dropped["repeated"] += int((~fresh).sum())
    chosen = iv.concatenate(found)
    if len(chosen) < n:
        raise InputError(
            f"shades: {n} negatives were asked for, but {len(chosen)} were found beside "
            f"{len(peaks)} positives (dropped: {dropped}).",
            remedy="Ask for fewer shades per positive, or take random negatives as well.",
        )
    return _fetched("shades", genome, chosen, _positive_gc(genome, positives, window), dropped)


def _beside(
    peaks: Intervals, window: int, distances: tuple[int, int], rng: np.random.Generator
) -> Intervals:
    gap = rng.integers(distances[0], distances[1] + 1, size=len(peaks))
    right = rng.random(len(peaks)) < 0.5
    start = np.where(right, peaks.end + gap, peaks.start - gap - window)
    return Intervals(peaks.chrom, start, start + window)


def _place(genome: Genome, intervals: Intervals) -> NDArray[np.int64]:
    """Return one number for chromosome and start of each interval."""
    number = {name: i for i, name in enumerate(genome.lengths)}
    place = intervals.start.copy()
    for name, rows in rows_by_chromosome(intervals.chrom).items():
        place[rows] += number[name] << 40
    return place


def _positive_gc(genome: Genome, positives: Intervals, window: int) -> NDArray[np.float64]:
    """Return the GC content of the window around each positive's middle that fits its chromosome.

    Positives narrower than the window, and wider ones, count with their middle `window` bp.
    """
    start = (positives.start + positives.end) // 2 - window // 2
    around = Intervals(positives.chrom, start, start + window)
    around = around.take(genome.inside(around))
    return gc_content(genome.fetch(around))


def _window_gc(
    codes: NDArray[np.uint8], starts: NDArray[np.int64], window: int
) -> NDArray[np.float32]:
    """Return the GC content of windows free of N, whose starts ascend."""
    gc = np.empty(len(starts), dtype=np.float32)
    before = np.zeros(_PIECE + window + 1, dtype=np.int32)  # G and C before each base of a piece
    for first in range(0, len(codes), _PIECE):
        rows = slice(*np.searchsorted(starts, [first, first + _PIECE]))
        piece = codes[first : first + _PIECE + window]
        strong = ((piece == 1) | (piece == 2)).view(np.int8)
        np.cumsum(strong, out=before[1 : len(piece) + 1])
        offsets = starts[rows] - first
        gc[rows] = (before[offsets + window] - before[offsets]) / window
    return gc


def _fetched(
    sampler: str,
    genome: Genome,
    chosen: Intervals,
    target: NDArray[np.float64],
    dropped: dict[str, int] | None = None,
) -> Sampled:
    records = make_records(genome.fetch(chosen), group=sampler, intervals=chosen)
    return make_sampled(sampler, records, target, dropped)
