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

SHARED_K = 31
_ROWS_AT_ONCE = 8192
_MOST_MARKS = 27  # 2**27 marks: 128 MiB
_WHOLE = np.uint64(1 << 63)  # marks a key that stands for a whole sequence; k-mers have 62 bits


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
    value = np.full(len(sequences), 0xCBF29CE484222325, dtype=np.uint64)
    by_column = np.ascontiguousarray(sequences.codes.T)
    for column, codes in enumerate(by_column):
        updated = (value ^ (codes + np.uint64(1))) * np.uint64(0x100000001B3)
        value = np.where(column < sequences.lengths, updated, value)
    return mix(value)


def canonical_sequence_hash(sequences: Sequences) -> NDArray[np.uint64]:
    """Return a 64-bit hash that a sequence shares with its reverse complement, shape (n,)."""
    opposite = sequence.reverse_complement(sequences)
    return np.minimum(sequence_hash(sequences), sequence_hash(opposite))


def kmer_chunks(
    sequences: Sequences, k: int, canonical: bool = True
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
    """Yield the k-mers of some thousand sequences at a time, as `canonical_kmers` returns them."""
    if not 1 <= k <= 31:
        raise ValueError(f"k must be 1 to 31, not {k}")
    for first in range(0, len(sequences), _ROWS_AT_ONCE):
        part = sequences.take(slice(first, first + _ROWS_AT_ONCE))
        hashes, rows = _kmers(part, k, canonical)
        yield hashes, rows + first


def _kmers(
    sequences: Sequences, k: int, canonical: bool
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    n, places = len(sequences), sequences.width - k + 1
    if places < 1:
        return np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64)
    hashes = np.empty((places, n), dtype=np.uint64)
    exists = np.empty((places, n), dtype=bool)
    mask, top = np.uint64(4**k - 1), np.uint64(2 * (k - 1))
    two, three = np.uint64(2), np.uint64(3)
    forward = np.zeros(n, dtype=np.uint64)
    backward = np.zeros(n, dtype=np.uint64)
    run = np.zeros(n, dtype=np.int32)  # bases since the last N
    # Filling is N as well, so that no k-mer reaches past a sequence's end.
    for column, codes in enumerate(np.ascontiguousarray(sequences.codes.T)):
        base = (codes & np.uint8(3)).astype(np.uint64)
        forward = ((forward << two) | base) & mask
        if canonical:
            backward = (backward >> two) | ((three - base) << top)
        run = np.where(codes < sequence.N, run + 1, 0)
        if column >= k - 1:
            hashes[column - k + 1] = np.minimum(forward, backward) if canonical else forward
            exists[column - k + 1] = run >= k
    by_row = exists.T
    return hashes.T[by_row], np.nonzero(by_row)[0]


def canonical_kmers(sequences: Sequences, k: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return every k-mer of every sequence in canonical form.

    Parameters
    ----------
    sequences
        n sequences.
    k
        Length in bp, 1 to 31.

    Returns
    -------
    hashes : ndarray
        `uint64`: the canonical k-mers, sequence by sequence, from left to right.
    rows : ndarray
        `int64`, as long: the sequence that each belongs to.
    """
    parts = list(kmer_chunks(sequences, k))
    if not parts:
        return np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64)
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def sharing_keys(
    sequences: Sequences, k: int = SHARED_K
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
    """Yield the keys by which sequences are near-duplicates: they are so if they share one.

    The keys of a sequence are its canonical k-mers and, marked by the highest bit, the hash of the
    whole sequence. So sequences without a k-mer (shorter than k, or broken up by N) are compared
    as wholes: a read of 20 nt is a near-duplicate of itself and its reverse complement only.

    Yields
    ------
    tuple
        Keys (`uint64`) and the row of each (`int64`), for some thousand sequences at a time.
    """
    yield from kmer_chunks(sequences, k)
    yield canonical_sequence_hash(sequences) | _WHOLE, np.arange(len(sequences))


def shares_kmer(query: Sequences, reference: Sequences, k: int = SHARED_K) -> NDArray[np.bool_]:
    """Tell which query sequences share a k-mer with any reference sequence, on either strand.

    Sequences that are shorter than `k` share only as wholes (see `sharing_keys`).

    Returns
    -------
    ndarray
        `bool`, shape (len(query),).
    """
    shares = np.zeros(len(query), dtype=bool)
    if not len(query) or not len(reference):
        return shares
    known = _distinct(np.concatenate([_distinct(keys) for keys, _ in sharing_keys(reference, k)]))
    # A table of marks, some sixteen places a key, settles most look-ups without a search.
    places = min(len(known).bit_length() + 4, _MOST_MARKS)
    marked = np.zeros(1 << places, dtype=bool)
    marked[_mark(known, places)] = True
    for keys, rows in sharing_keys(query, k):
        likely = marked[_mark(keys, places)]
        keys, rows = keys[likely], rows[likely]
        order = np.argsort(keys)  # ascending look-ups stay in the processor's cache
        keys, rows = keys[order], rows[order]
        place = np.searchsorted(known, keys).clip(max=len(known) - 1)
        shares[rows[known[place] == keys]] = True
    return shares


def _mark(keys: NDArray[np.uint64], places: int) -> NDArray[np.uint64]:
    # Multiplicative hashing: the highest bits of the product depend on all bits of the key.
    return (keys * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - places)


def _distinct(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    # By sorting: numpy.unique hashes integers, which takes ten times as long on such keys.
    ordered = np.sort(keys)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]]


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
