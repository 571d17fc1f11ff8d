"""Negatives out of sequences that are at hand: other TFs' positives, unselected libraries."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.data.kmers import canonical_sequence_hash, is_among
from dann_tfbs.data.near_duplicates import shares_kmer
from dann_tfbs.data.negatives.sampled import Sampled, draw_from
from dann_tfbs.data.overlap import overlaps_any
from dann_tfbs.data.records import Records
from dann_tfbs.data.shuffle import dinucleotide_shuffle
from dann_tfbs.sequence import Sequences, gc_content

_SHUFFLES = 10


def aliens(
    pool: Records,
    positives: Records,
    n: int,
    rng: np.random.Generator,
    gc_match: bool = True,
    distance: int = 0,
) -> Sampled:
    """Draw positives of other TFs that are no positives of this one.

    Parameters
    ----------
    pool
        Positives of other TFs in the same assay.
    positives
        All positives of the TF, of every split.
    n
        Number of negatives.
    rng
        Source of randomness.
    gc_match
        Follow the GC histogram of the positives.
    distance
        In bp: an alien with fewer bases than this between it and a positive is dropped (IBIS keeps
        300). It applies where both have coordinates.

    Returns
    -------
    Sampled
        `dropped` counts `overlapping` (by coordinates), then `shared_kmer` (a 31-mer shared with a
        positive on either strand; shorter sequences as wholes), then `repeated` (a sequence that
        stands in the pool before, on either strand).

    Raises
    ------
    InputError
        If fewer than `n` aliens are left.
    """
    keep = np.ones(len(pool), dtype=bool)
    if pool.intervals is not None and positives.intervals is not None:
        keep &= ~overlaps_any(pool.intervals, positives.intervals, distance)
    dropped = {"overlapping": int((~keep).sum())}
    apart = np.flatnonzero(keep)
    shares = shares_kmer(pool.sequences.take(apart), positives.sequences)
    dropped["shared_kmer"] = int(shares.sum())
    distinct = _first_of_each(pool.sequences, apart[~shares])
    dropped["repeated"] = int((~shares).sum()) - len(distinct)
    positive_gc = gc_content(positives.sequences)
    return draw_from("aliens", pool.take(distinct), positive_gc, n, rng, gc_match, dropped)


def from_pool(
    pool: Records,
    positives: Records,
    n: int,
    rng: np.random.Generator,
    gc_match: bool = True,
    name: str = "input",
) -> Sampled:
    """Draw reads of an unselected library or a no-protein control.

    Parameters
    ----------
    pool
        Reads of the library.
    positives
        Positives of the TF.
    n
        Number of negatives.
    rng
        Source of randomness.
    gc_match
        Follow the GC histogram of the positives.
    name
        What the report calls the sampler, such as `input` or `control`.

    Returns
    -------
    Sampled
        `dropped` counts `positive` (equals a positive on either strand) and `repeated` (stands in
        the pool before, on either strand).

    Raises
    ------
    InputError
        If fewer than `n` reads are left.
    """
    bound = canonical_sequence_hash(positives.sequences)
    unbound = np.flatnonzero(~is_among(canonical_sequence_hash(pool.sequences), bound))
    distinct = _first_of_each(pool.sequences, unbound)
    dropped = {"positive": len(pool) - len(unbound), "repeated": len(unbound) - len(distinct)}
    positive_gc = gc_content(positives.sequences)
    return draw_from(name, pool.take(distinct), positive_gc, n, rng, gc_match, dropped)


def shuffled(positives: Records, n: int, rng: np.random.Generator) -> Sampled:
    """Shuffle positives with their dinucleotide counts kept.

    Every positive is used ⌊n / m⌋ or ⌈n / m⌉ times. A sequence of too few arrangements can come
    out as a positive again: such a shuffle is drawn anew, a few times.

    Parameters
    ----------
    positives
        Positives of the TF.
    n
        Number of negatives.
    rng
        Source of randomness.

    Returns
    -------
    Sampled
        Without coordinates or signal; `dropped` counts `positive` (drawn anew).

    Raises
    ------
    InputError
        If shuffles keep coming out as positives, as they do for runs of one letter.
    """
    # Whole rounds over the positives, the last one cut at random.
    rounds = -(-n // len(positives)) if len(positives) else 0
    rows = [rng.permutation(len(positives)) for _ in range(rounds)]
    source = positives.take(np.concatenate([*rows, np.empty(0, dtype=np.int64)])[:n].astype(int))
    bound = canonical_sequence_hash(positives.sequences)
    codes = source.sequences.codes.copy()
    todo = np.arange(len(source))
    dropped = 0
    for _ in range(_SHUFFLES):
        if not len(todo):
            break
        fresh = dinucleotide_shuffle(source.sequences.take(todo), rng)
        codes[todo] = fresh.codes
        todo = todo[is_among(canonical_sequence_hash(fresh), bound)]
        dropped += len(todo)
    good = np.setdiff1d(np.arange(len(source)), todo)
    pool = Records(
        Sequences(codes[good], source.sequences.lengths[good]),
        source.group[good],
        source.cycle[good],
        np.full(len(good), np.nan),
    )
    positive_gc = gc_content(positives.sequences)
    return draw_from("shuffled", pool, positive_gc, n, rng, False, {"positive": dropped})


def _first_of_each(sequences: Sequences, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Keep the first of the rows that hold the same sequence on either strand."""
    first = np.unique(canonical_sequence_hash(sequences.take(rows)), return_index=True)[1]
    return rows[np.sort(first)]
