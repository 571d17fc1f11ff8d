"""Test windows of ChIP-seq and genomic HT-SELEX: peaks, shades, aliens and random windows.

No window of a TF's test set overlaps another one, the blacklist or an N.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.data import intervals as iv
from dann_tfbs.data.genome import Genome
from dann_tfbs.data.intervals import Intervals, make_intervals
from dann_tfbs.data.kmers import canonical_sequence_hash, is_among
from dann_tfbs.data.negatives.genomic import IBIS_DISTANCE, SHADE_DISTANCES
from dann_tfbs.data.negatives.positions import allowed_starts, as_intervals, draw_starts
from dann_tfbs.data.overlap import overlaps_any, rows_by_chromosome
from dann_tfbs.sequence import Sequences, gc_content
from dann_tfbs.testsets.labelled import Labelled, labelled
from dann_tfbs.testsets.matching import draw_like, drawn_report

_SHADE_ROUNDS = 50
_CANDIDATES = 20  # random windows tried for each that is wanted
_ROWS_AT_ONCE = 1 << 15


@dataclass(frozen=True)
class TestPeaks:
    """The peaks of one TF on the chromosomes that test.

    Attributes
    ----------
    shown
        Windows around the peaks to be found, best first.
    own
        All that its negatives keep clear of: the peaks of every replicate.
    dropped
        Peaks left out of `shown`, by reason.
    """

    __test__ = False  # not a test of pytest's

    shown: Intervals
    own: Intervals
    dropped: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class GenomicRatios:
    """Negatives per positive of each background."""

    shades: int = 1
    aliens: int = 2
    random: int = 2


def usable(
    genome: Genome, windows: Intervals, chroms: Sequence[str]
) -> tuple[NDArray[np.int64], dict[str, int]]:
    """Return the rows of windows that a test may show, in their order, and what is dropped.

    They lie inside their chromosome, touch neither blacklist nor N, and overlap none that stands
    before them in the list.
    """
    inside = genome.inside(windows)
    rows = np.flatnonzero(inside)
    shut = overlaps_any(windows.take(rows), _shut(genome, chroms))
    dropped = {"outside": int((~inside).sum()), "blacklist or N": int(shut.sum())}
    rows = rows[~shut]
    first = apart(windows.take(rows))
    dropped["overlapping"] = len(rows) - len(first)
    return rows[first], dropped


def apart(windows: Intervals) -> NDArray[np.int64]:
    """Return the rows of windows of one width that overlap none kept before them in the list."""
    kept: list[int] = []
    width = int((windows.end - windows.start).max(initial=1))
    for rows in rows_by_chromosome(windows.chrom).values():
        taken: dict[int, int] = {}  # one kept window at most starts in each stretch of its width
        starts = windows.start[rows].tolist()
        for row, start in zip(rows.tolist(), starts, strict=True):
            bin_ = start // width
            before, here, after = taken.get(bin_ - 1), taken.get(bin_), taken.get(bin_ + 1)
            if (
                here is None
                and (before is None or start - before >= width)
                and (after is None or after - start >= width)
            ):
                taken[bin_] = start
                kept.append(row)
    return np.sort(np.array(kept, dtype=np.int64))


def genomic_parts(
    genome: Genome,
    tf: str,
    peaks: Mapping[str, TestPeaks],
    chroms: Sequence[str],
    rng: np.random.Generator,
    ratios: GenomicRatios | None = None,
) -> tuple[Labelled, dict[str, Labelled], dict[str, Any]]:
    """Make the test set of one TF.

    Parameters
    ----------
    genome
        With the blacklist.
    tf
        Whose test set.
    peaks
        The test peaks of every TF, that of `tf` among them; the others are its aliens.
    chroms
        Chromosomes that test: random windows lie there.
    rng
        Source of randomness.
    ratios
        Negatives per positive; those of IBIS by default.

    Returns
    -------
    tuple
        The positives; the negatives by background (one without any is left out):
        `shades`, 300–600 bp beside a positive; `aliens`, windows of other TFs' peaks, GC-matched,
        300 bp or more away from the TF's own peaks; `random`, GC-matched windows as far away. All
        keep clear of each other, none has the sequence of a positive on either strand, and none of
        a background that of another one of it. Then the report: count, ratio and GC distance of
        each.
    """
    wanted = ratios or GenomicRatios()
    own = peaks[tf]
    fetched = genome.fetch(own.shown)
    first = np.sort(np.unique(canonical_sequence_hash(fetched), return_index=True)[1])
    shown, sequences = own.shown.take(first), fetched.take(first)
    found = _Found(genome, sequences, len(shown))
    window = int((shown.end - shown.start).max(initial=0))
    clear = iv.concatenate([own.own, own.shown])

    shut = _shut(genome, chroms)
    beside = shades(genome, shown, iv.concatenate([clear, shut]), wanted.shades, rng)
    found.add("shades", beside, genome.fetch(beside), wanted.shades, rng, {})

    others = [peaks[name].shown for name in peaks if name != tf]
    pool = iv.concatenate(others)
    pool = pool.take(rng.permutation(len(pool)))
    near = overlaps_any(pool, clear, IBIS_DISTANCE)
    on_shade = ~near & overlaps_any(pool, beside)
    rest = pool.take(~near & ~on_shade)
    alien = rest.take(apart(rest))
    lost = {"near": int(near.sum()), "on a shade": int(on_shade.sum())}
    lost["overlapping"] = len(rest) - len(alien)
    alien = found.add("aliens", alien, genome.fetch(alien), wanted.aliens, rng, lost)

    avoid = iv.concatenate([widened(clear, IBIS_DISTANCE), beside, alien])
    free = allowed_starts(genome, chroms, window, avoid, 0)
    tries = min(_CANDIDATES * wanted.random * len(shown), sum(map(len, free)))
    if tries:
        drawn = as_intervals(chroms, draw_starts(chroms, free, window, tries, rng), window)
        drawn = drawn.take(rng.permutation(len(drawn)))
        drawn = drawn.take(apart(drawn))
        found.add("random", drawn, None, wanted.random, rng, {})
    positives = labelled(sequences, 1, header=headers(shown))
    report = {
        "positives": {
            "count": len(shown),
            "dropped": own.dropped | {"repeated sequence": len(fetched) - len(shown)},
        },
        "backgrounds": found.reports,
    }
    return positives, found.parts, report


class _Found:
    """The backgrounds of one TF as they are drawn, one after the other."""

    def __init__(self, genome: Genome, positives: Sequences, n: int) -> None:
        self.genome = genome
        self.n = n
        self.gc = gc_content(positives)
        self.hashes = canonical_sequence_hash(positives)
        self.parts: dict[str, Labelled] = {}
        self.reports: dict[str, Any] = {}

    def add(
        self,
        background: str,
        pool: Intervals,
        sequences: Sequences | None,
        ratio: int,
        rng: np.random.Generator,
        dropped: dict[str, int],
    ) -> Intervals:
        """Draw a background out of a pool (shades are taken whole); return its windows."""
        if sequences is None:
            pool, gc, hashes = self._measured(pool)
        else:
            gc, hashes = gc_content(sequences), canonical_sequence_hash(sequences)
        equal = is_among(hashes, self.hashes)
        again = np.ones(len(pool), dtype=bool)
        again[np.unique(hashes, return_index=True)[1]] = False
        rows = np.flatnonzero(~equal & ~again)
        if background != "shades":
            rows = rows[draw_like(gc[rows], self.gc, ratio * self.n, rng)]
        chosen = pool.take(rows)
        dropped = dropped | {
            "sequence of a positive": int(equal.sum()),
            "repeated sequence": int((again & ~equal).sum()),
        }
        self.reports[background] = drawn_report(ratio * self.n, self.gc, gc[rows], dropped)
        if len(chosen):
            found = self.genome.fetch(chosen) if sequences is None else sequences.take(rows)
            self.parts[background] = labelled(found, 0, header=headers(chosen))
        return chosen

    def _measured(
        self, pool: Intervals
    ) -> tuple[Intervals, NDArray[np.float64], NDArray[np.uint64]]:
        """Return windows by chromosome with GC content and hash, reading some at a time."""
        order = list(rows_by_chromosome(pool.chrom).values())
        pool = pool.take(np.concatenate(order)) if order else pool
        gc, hashes = [np.empty(0)], [np.empty(0, dtype=np.uint64)]
        for first in range(0, len(pool), _ROWS_AT_ONCE):
            some = self.genome.fetch(pool.take(slice(first, first + _ROWS_AT_ONCE)))
            gc.append(gc_content(some))
            hashes.append(canonical_sequence_hash(some))
        return pool, np.concatenate(gc), np.concatenate(hashes)


def shades(
    genome: Genome, positives: Intervals, avoid: Intervals, each: int, rng: np.random.Generator
) -> Intervals:
    """Draw windows 300–600 bp (edge to edge) beside positives, `each` per positive where they fit.

    They touch neither `avoid` nor one another and do not leave their chromosome. A positive whose
    surroundings leave no room gets fewer.
    """
    taken = make_intervals([], [], [])
    missing = np.repeat(np.arange(len(positives)), each)
    for _ in range(_SHADE_ROUNDS):
        if not len(missing):
            break
        peaks = positives.take(missing)
        gap = rng.integers(SHADE_DISTANCES[0], SHADE_DISTANCES[1] + 1, len(peaks))
        right = rng.random(len(peaks)) < 0.5
        width = peaks.end - peaks.start
        start = np.where(right, peaks.end + gap, peaks.start - gap - width)
        beside = Intervals(peaks.chrom, start, start + width)
        free = genome.inside(beside) & ~overlaps_any(beside, iv.concatenate([avoid, taken]))
        rows = np.flatnonzero(free)
        rows = rows[apart(beside.take(rows))]
        taken = iv.concatenate([taken, beside.take(rows)])
        missing = np.delete(missing, rows)
    return taken


def widened(windows: Intervals, by: int) -> Intervals:
    """Return intervals that reach `by` bp further on both sides."""
    return Intervals(windows.chrom, windows.start - by, windows.end + by)


def headers(windows: Intervals) -> list[str]:
    """Return what stands after the tags of genomic records."""
    places = zip(windows.chrom, windows.start.tolist(), windows.end.tolist(), strict=True)
    return [f"chr={chrom};start={start};end={end}" for chrom, start, end in places]


def _shut(genome: Genome, chroms: Sequence[str]) -> Intervals:
    """Return the blacklist and the runs of N of these chromosomes."""
    gaps = [make_intervals([c] * len(genome.gaps(c)[0]), *genome.gaps(c)) for c in chroms]
    return iv.concatenate([genome.blacklist, *gaps])
