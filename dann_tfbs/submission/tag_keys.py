"""Tags as 64-bit numbers, so that sets of many millions are compared in little memory."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dann_tfbs.data.kmers import mix

_WORD = 8


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


def keys_of(texts: pa.LargeStringArray) -> NDArray[np.uint64]:
    """Return the numbers of Arrow strings, as `keys_at`."""
    offsets = np.frombuffer(texts.buffers()[1], dtype=np.int64)
    offsets = offsets[texts.offset : texts.offset + len(texts) + 1]
    letters = np.frombuffer(texts.buffers()[2] or b"", dtype=np.uint8)[: offsets[-1]]
    letters = np.concatenate([letters, np.zeros(_WORD, dtype=np.uint8)])
    return keys_at(letters, offsets[:-1], np.diff(offsets))


def repeats(keys: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the places of keys that stood before, ascending, and where each first stood."""
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    fresh = np.append(True, ranked[1:] != ranked[:-1])
    if fresh.all():
        return np.empty(0, np.intp), np.empty(0, np.intp)
    first = order[fresh][np.cumsum(fresh) - 1]
    places, before = order[~fresh], first[~fresh]
    ascending = np.argsort(places)
    return places[ascending], before[ascending]


def absent(keys: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Return the places of keys that are not among the known ones."""
    if not len(known):
        return np.arange(len(keys))
    ranked = np.sort(known)
    places = np.searchsorted(ranked, keys)
    return np.flatnonzero(ranked[np.minimum(places, len(ranked) - 1)] != keys)
