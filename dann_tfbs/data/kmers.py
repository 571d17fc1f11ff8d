"""Strand-independent k-mers and whole-sequence hashes of batches.

A k-mer is a number of 2 bits a base, first base highest; its canonical form is the smaller of the
numbers of the two strands. A k-mer that holds an N does not exist. The hashes are plain integer
arithmetic: the same in every process, on every platform, with every library version.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.sequence import Sequences

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_ROWS_AT_ONCE = 8192
_FNV_PRIME = np.uint64(0x100000001B3)


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scatter 64-bit numbers evenly, one to one (the finaliser of SplitMix64, Steele 2014)."""
    x = values + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def sequence_hash(sequences: Sequences) -> NDArray[np.uint64]:
    """Return a 64-bit hash of each sequence as it is written (FNV-1a over its codes, then `mix`).

    Returns
    -------
    ndarray
        `uint64`, shape (n,): equal for equal sequences, whatever the width of the batch.
    """
    parts = [mix(_fnv(part)) for part in _parts(sequences)]
    return np.concatenate([np.empty(0, dtype=np.uint64), *parts])


def canonical_sequence_hash(sequences: Sequences) -> NDArray[np.uint64]:
    """Return a 64-bit hash that a sequence shares with its reverse complement, shape (n,)."""
    parts = [
        np.minimum(mix(_fnv(part)), mix(_fnv(sequence.reverse_complement(part))))
        for part in _parts(sequences)
    ]
    return np.concatenate([np.empty(0, dtype=np.uint64), *parts])


def _parts(sequences: Sequences) -> Iterator[Sequences]:
    """Yield some sequences at a time: their numbers stay in the processor's cache."""
    for first in range(0, len(sequences), _ROWS_AT_ONCE):
        yield sequences.take(slice(first, first + _ROWS_AT_ONCE))


def _fnv(sequences: Sequences) -> NDArray[np.uint64]:
    """Hash codes by FNV-1a, column by column, shape (n,)."""
    lengths = sequences.lengths
    value = np.full(len(sequences), 0xCBF29CE484222325, dtype=np.uint64)
    shortest = int(lengths.min(initial=sequences.width))
    for column, codes in enumerate(np.ascontiguousarray(sequences.codes.T) + np.uint8(1)):
        if column < shortest:
            value ^= codes
            value *= _FNV_PRIME
        else:
            value = np.where(column < lengths, (value ^ codes) * _FNV_PRIME, value)
    return value


def distinct(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the different values, ascending."""
    # By sorting: numpy.unique hashes integers, which takes a hundred times as long on such values.
    ordered = np.sort(values)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]]


def is_among(values: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Tell which values are among the known ones, `numpy.isin` in a fraction of its time."""
    found = np.zeros(len(values), dtype=bool)
    if not len(known):
        return found
    ordered = np.sort(known)
    order = np.argsort(values)  # ascending look-ups stay in the processor's cache
    asked = values[order]
    found[order] = ordered[np.searchsorted(ordered, asked).clip(max=len(ordered) - 1)] == asked
    return found


def kmer_chunks(
    sequences: Sequences, k: int
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
    """Yield every k-mer of every sequence in canonical form, some thousand sequences at a time.

    Parameters
    ----------
    sequences
        n sequences.
    k
        Length in bp, 1 to 31.

    Yields
    ------
    hashes : ndarray
        `uint64`: the canonical k-mers, sequence by sequence, from left to right.
    rows : ndarray
        `int64`, as long: the sequence that each belongs to.
    """
    if not 1 <= k <= 31:
        raise ValueError(f"k must be 1 to 31, not {k}")
    for first in range(0, len(sequences), _ROWS_AT_ONCE):
        part = sequences.take(slice(first, first + _ROWS_AT_ONCE))
        hashes, rows = _kmers(part, k, canonical=True)
        yield hashes, rows + first


def _kmers(
    sequences: Sequences, k: int, canonical: bool
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    n, places = len(sequences), sequences.width - k + 1
    if places < 1:
        return np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64)
    hashes = np.empty((places, n), dtype=np.uint64)
    all_exist = np.ones((places, n), dtype=bool)
    for place, (kmers, exists) in enumerate(rolling_kmers(sequences, k, canonical)):
        hashes[place] = kmers
        if exists is not None:
            all_exist[place] = exists
    by_row = all_exist.T
    return hashes.T[by_row], np.nonzero(by_row)[0]


def rolling_kmers(
    sequences: Sequences, k: int, canonical: bool = True
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.bool_] | None]]:
    """Yield the k-mer of every sequence at each place in turn, from left to right.

    Yields
    ------
    tuple
        The k-mers (`uint64`, shape (n,), overwritten by the next), and which of them exist: hold no
        N and do not reach past the sequence's end. None if all do.
    """
    n = len(sequences)
    mask, top = np.uint64(4**k - 1), np.uint64(2 * (k - 1))
    two, three = np.uint64(2), np.uint64(3)
    forward = np.zeros(n, dtype=np.uint64)
    backward = np.zeros(n, dtype=np.uint64)
    kmer = np.empty(n, dtype=np.uint64)
    columns = np.ascontiguousarray(sequences.codes.T)
    # Filling is N as well, so that no k-mer reaches past a sequence's end.
    known = columns < sequence.N
    whole = bool(known.all())
    run = np.zeros(n, dtype=np.int32)  # bases since the last N
    for column, codes in enumerate(columns):
        base = (codes & np.uint8(3)).astype(np.uint64)
        forward <<= two
        forward |= base
        forward &= mask
        if canonical:
            np.subtract(three, base, out=base)
            base <<= top
            backward >>= two
            backward |= base
        if not whole:
            run += 1
            run *= known[column]
        if column >= k - 1:
            np.minimum(forward, backward if canonical else forward, out=kmer)
            yield kmer, None if whole else run >= k


def kmer_columns(k: int, canonical: bool = True) -> NDArray[np.uint64]:
    """Return the k-mer that each column of `kmer_counts` counts, ascending."""
    every = np.arange(4**k, dtype=np.uint64)
    if not canonical:
        return every
    return every[every <= _opposite(every, k)]


def _opposite(kmers: NDArray[np.uint64], k: int) -> NDArray[np.uint64]:
    result, rest = np.zeros_like(kmers), kmers.copy()
    for _ in range(k):
        result = (result << np.uint64(2)) | (np.uint64(3) - (rest & np.uint64(3)))
        rest >>= np.uint64(2)
    return result


def kmer_counts(sequences: Sequences, k: int, canonical: bool = True) -> csr_matrix:
    """Count the k-mers of each sequence.

    Parameters
    ----------
    sequences
        n sequences.
    k
        Length in bp, 1 to 10.
    canonical
        Count a k-mer and its reverse complement as one.

    Returns
    -------
    scipy.sparse.csr_matrix
        `float32`, shape (n, columns): 4**k columns, or 2080 for canonical 6-mers.
        `kmer_columns` names them.
    """
    from scipy.sparse import csr_matrix, vstack

    if not 1 <= k <= 10:
        raise ValueError(f"k must be 1 to 10, not {k}")
    columns = kmer_columns(k, canonical)
    column_of = np.zeros(4**k, dtype=np.int32)
    column_of[columns.astype(np.int64)] = np.arange(len(columns), dtype=np.int32)
    parts = []
    for first in range(0, len(sequences), _ROWS_AT_ONCE):
        part = sequences.take(slice(first, first + _ROWS_AT_ONCE))
        hashes, rows = _kmers(part, k, canonical)
        cells = (rows, column_of[hashes.astype(np.int64)])
        ones = np.ones(len(rows), dtype=np.float32)
        # Building from coordinates adds up the ones that meet in a cell.
        parts.append(csr_matrix((ones, cells), shape=(len(part), len(columns))))
    return vstack(parts, format="csr") if parts else csr_matrix((0, len(columns)), dtype=np.float32)
