"""Near-duplicates: sequences that share a 31-mer on either strand, or are equal.

A table has some hundred 31-mers a sequence, too many to compare them all at once. So a few of them
speak for the others first. In every 31-mer the shorter k-mer that comes first in a scrambled order
is its minimizer (Roberts et al., Bioinformatics 20:3363, 2004); neighbouring 31-mers mostly have
the same one. Sequences that share a 31-mer share its minimizer: those that share none are no
near-duplicates, and only the others are compared by all their 31-mers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.data.kmers import (
    canonical_sequence_hash,
    distinct,
    is_among,
    kmer_chunks,
    rolling_kmers,
)
from dann_tfbs.sequence import Sequences

SHARED_K = 31
_WHOLE = np.uint64(1 << 63)  # marks a key that stands for a whole sequence; k-mers have 62 bits
_LONGEST_MINIMIZER = 19
_KEY_BITS = np.uint64(2 * _LONGEST_MINIMIZER)
_ROW_BITS = np.uint64(64 - 2 * _LONGEST_MINIMIZER)
_SCRAMBLE = np.uint64(0x9E3779B97F4A7C15)  # odd: multiplication by it is one to one
_ROWS_AT_ONCE = 2048


def shares_kmer(query: Sequences, reference: Sequences, k: int = SHARED_K) -> NDArray[np.bool_]:
    """Tell which query sequences share a k-mer with any reference sequence, on either strand.

    Equal sequences, or reverse complements, count as well; those without a k-mer (shorter than k,
    or broken up by N) share only so: a read of 20 nt is a near-duplicate of itself and its reverse
    complement.

    Returns
    -------
    ndarray
        `bool`, shape (len(query),).
    """
    side = np.repeat([0, 1], [len(query), len(reference)])
    may = may_share(sequence.concatenate([query, reference]), side, k)
    asked = np.flatnonzero(may[: len(query)])
    shares = np.zeros(len(query), dtype=bool)
    shares[asked] = _compared(query.take(asked), reference.take(may[len(query) :]), k)
    return shares


def shares_between(
    sequences: Sequences, sides: NDArray[np.integer], k: int = SHARED_K
) -> dict[tuple[int, int], tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Find, for each two sides, the sequences of the one that are known from the other.

    Parameters
    ----------
    sequences
        n sequences.
    sides
        Number of each one's side, shape (n,).
    k
        As for `shares_kmer`.

    Returns
    -------
    dict
        For each pair (later, earlier) of sides with earlier < later: the rows of the later side
        that share a k-mer with a row of the earlier one or equal it, ascending; and rows of the
        earlier side, among which are all that they share one with.
    """
    rows = np.flatnonzero(may_share(sequences, sides, k))
    present = sorted(set(sides.tolist()))
    found = {}
    for position, later in enumerate(present):
        asked = rows[sides[rows] == later]
        for earlier in present[:position]:
            known = rows[sides[rows] == earlier]
            shares = _compared(sequences.take(asked), sequences.take(known), k)
            found[later, earlier] = asked[shares], known
    return found


def components(sequences: Sequences, k: int = SHARED_K) -> NDArray[np.int64]:
    """Give near-duplicates, and near-duplicates of these, the number of their group.

    Returns
    -------
    ndarray
        `int64`, shape (n,): the group of each sequence, from 0 on without a gap.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n = len(sequences)
    if not n:
        return np.empty(0, dtype=np.int64)
    some = np.flatnonzero(may_share(sequences, np.arange(n), k))
    parts = list(_keys(sequences.take(some), k))
    keys = np.concatenate([part[0] for part in parts])
    rows = some[np.concatenate([part[1] for part in parts])].astype(np.int32)
    del parts
    order = np.argsort(keys)
    keys, rows = keys[order], rows[order]
    # Linking neighbours in the sorted list links all rows that hold a key.
    linked = (keys[1:] == keys[:-1]) & (rows[1:] != rows[:-1])
    a, b = rows[:-1][linked], rows[1:][linked]
    graph = coo_matrix((np.ones(len(a), dtype=np.int32), (a, b)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def may_share(
    sequences: Sequences, sides: NDArray[np.integer], k: int = SHARED_K
) -> NDArray[np.bool_]:
    """Tell which sequences may be near-duplicates of one on another side.

    All that are, and few more.

    Parameters
    ----------
    sequences
        n sequences.
    sides
        Number of each one's side, shape (n,); the row numbers, if each is a side of its own.
    k
        Length of a shared k-mer in bp.

    Returns
    -------
    ndarray
        `bool`, shape (n,).
    """
    if not len(sequences) or len(sequences) >> int(_ROW_BITS):
        return np.ones(len(sequences), dtype=bool)
    # Key and row in one number: sorting is several times as fast as by an index.
    packed = np.concatenate([np.empty(0, dtype=np.uint64), *_packed_minimizers(sequences, k)])
    packed.sort()
    same = (packed[1:] ^ packed[:-1]) >> _ROW_BITS == 0
    packed = packed[np.append(False, same) | np.append(same, False)]
    key = packed >> _ROW_BITS
    row = (packed & ((np.uint64(1) << _ROW_BITS) - np.uint64(1))).astype(np.int64)
    result = np.zeros(len(sequences), dtype=bool)
    if len(row):
        first = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
        side = sides[row]
        crosses = np.minimum.reduceat(side, first) < np.maximum.reduceat(side, first)
        result[row[np.repeat(crosses, np.diff(np.append(first, len(row))))]] = True
    return result


def _packed_minimizers(sequences: Sequences, k: int) -> Iterator[NDArray[np.uint64]]:
    """Yield minimizers with their rows; a sequence without one is represented by its hash."""
    m = min(k, _LONGEST_MINIMIZER)
    none = np.uint64(1) << _KEY_BITS  # above every key
    for first in range(0, len(sequences), _ROWS_AT_ONCE):
        part = sequences.take(slice(first, first + _ROWS_AT_ONCE))
        n = len(part)
        numbers = np.arange(first, first + n, dtype=np.uint64)
        lacks = np.ones(n, dtype=bool)
        if part.width >= k:
            order = np.empty((part.width - m + 1, n), dtype=np.uint64)
            for place, (kmers, exists) in enumerate(rolling_kmers(part, m)):
                np.multiply(kmers, _SCRAMBLE, out=order[place])
                order[place] &= none - np.uint64(1)
                if exists is not None:
                    order[place][~exists] = none
            least = _running_minimum(order, k - m + 1)
            fresh = least < none
            fresh[1:] &= least[1:] != least[:-1]
            where = np.flatnonzero(fresh)
            row = where % n
            lacks[row] = False
            yield (least.reshape(-1)[where] << _ROW_BITS) | numbers[row]
        if lacks.any():
            whole = canonical_sequence_hash(part.take(lacks)) & (none - np.uint64(1))
            yield (whole << _ROW_BITS) | numbers[lacks]


def _running_minimum(values: NDArray[np.uint64], size: int) -> NDArray[np.uint64]:
    """Return the smallest of every `size` consecutive rows, in steps that double."""
    reach = 1
    while reach < size:
        step = min(reach, size - reach)
        values = np.minimum(values[:-step], values[step:])
        reach += step
    return values


def _keys(sequences: Sequences, k: int) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
    """Yield the keys by which sequences are near-duplicates: they are so if they share one.

    The keys of a sequence are its canonical k-mers and, marked by the highest bit, the hash of the
    whole sequence.

    Yields
    ------
    tuple
        Keys (`uint64`) and the row of each (`int64`), for some thousand sequences at a time.
    """
    yield from kmer_chunks(sequences, k)
    yield canonical_sequence_hash(sequences) | _WHOLE, np.arange(len(sequences))


def _compared(query: Sequences, reference: Sequences, k: int) -> NDArray[np.bool_]:
    """Tell which query sequences share a key with any reference sequence, by looking up all."""
    shares = np.zeros(len(query), dtype=bool)
    if not len(query) or not len(reference):
        return shares
    known = distinct(np.concatenate([distinct(keys) for keys, _ in _keys(reference, k)]))
    for keys, rows in _keys(query, k):
        shares[rows[is_among(keys, known)]] = True
    return shares
