"""Tags as 64-bit numbers, so that sets of many millions are compared in little memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.data.kmers import mix

_WORD = 8
_AT_ONCE = 1 << 18


def words_at(letters: NDArray[np.uint8], starts: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return the eight bytes from each position on; `letters` must reach so far."""
    # Items of plain bytes: NumPy would first copy an unaligned array of numbers as a whole.
    items = np.ndarray((len(letters) - _WORD + 1,), dtype="V8", buffer=letters, strides=(1,))
    return items[starts].view("<u8")


def low_bytes(counts: NDArray[np.integer]) -> NDArray[np.uint64]:
    """Return masks of the lowest 0 … 8 bytes of a number."""
    return _MASKS[np.minimum(counts, _WORD)]


_MASKS = np.array([(1 << (8 * count)) - 1 for count in range(_WORD + 1)], dtype=np.uint64)


def keys_at(
    letters: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Return a number for each text in a byte array, equal for equal texts.

    Texts of up to eight bytes are their own number. Longer ones are hashed; two of ten million get
    one number with probability 3·10⁻⁶.

    Parameters
    ----------
    letters
        The bytes, with at least eight more behind the last text.
    starts, lengths
        Place of each text, shape (n,).
    """
    keys = words_at(letters, starts) & low_bytes(lengths)
    long = np.flatnonzero(lengths > _WORD)
    if len(long):
        hashed = mix(keys[long] ^ lengths[long].astype(np.uint64))
        left = lengths[long] - _WORD
        place = starts[long] + _WORD
        while (left > 0).any():
            more = left > 0
            word = words_at(letters, place[more]) & low_bytes(left[more])
            hashed[more] = mix(hashed[more] ^ word)
            left = left - _WORD
            place = place + _WORD
        keys[long] = hashed
    return keys


def repeats(keys: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the places of keys that stood before, ascending, and where each first stood."""
    ranked = np.sort(keys)
    doubled = np.unique(ranked[1:][ranked[1:] == ranked[:-1]])
    del ranked
    if not len(doubled):
        return np.empty(0, np.intp), np.empty(0, np.intp)
    among = np.setdiff1d(np.arange(len(keys)), absent(keys, doubled))
    _, first, number = np.unique(keys[among], return_index=True, return_inverse=True)
    before = among[first][number]
    again = before != among
    return among[again], before[again]


def absent(keys: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Return the places of keys that are not among the known ones."""
    if not len(known):
        return np.arange(len(keys))
    ranked = np.sort(known)
    # The usual case, many times as fast as looking up each key in a long array.
    if len(keys) == len(known) and np.array_equal(np.sort(keys), ranked):
        return np.empty(0, dtype=np.intp)
    found = np.empty(len(keys), dtype=bool)
    for start in range(0, len(keys), _AT_ONCE):
        part = keys[start : start + _AT_ONCE]
        places = np.searchsorted(ranked, part)
        found[start : start + _AT_ONCE] = ranked[np.minimum(places, len(ranked) - 1)] == part
    return np.flatnonzero(~found)
