"""Tags, the names by which predictions and answers meet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dann_tfbs.errors import InputError

_PACKED = 8
"""Tags of up to so many bytes are compared as one whole number (official tags have seven)."""

Keys = NDArray[Any]  # of uint64, or bytes of fixed width


class TagIndex:
    """Which row each tag stands in, for millions of tags: sorted keys of fixed width.

    Parameters
    ----------
    tags
        Arrow strings, one a row, in one array or several pieces.
    """

    def __init__(self, tags: pa.Array | Sequence[pa.Array]) -> None:
        pieces = [tags] if isinstance(tags, pa.Array | pa.ChunkedArray) else list(tags)
        keys = _joined([_keys(piece) for piece in pieces])
        order = np.argsort(keys, kind="stable") if keys.dtype.kind == "S" else np.argsort(keys)
        self._rows = order.astype(np.int32 if len(keys) < 2**31 else np.int64)
        self._keys = keys[self._rows]

    def __len__(self) -> int:
        return len(self._keys)

    def tags(self) -> pa.Array:
        """Return the tags in the order of their rows, as Arrow strings."""
        texts = np.empty(len(self), dtype=_texts(self._keys).dtype)
        texts[self._rows] = _texts(self._keys)
        return pa.array(texts, pa.binary()).cast(pa.string())

    def rows_of(self, tags: pa.Array) -> NDArray[np.int64]:
        """Return the row of each tag, −1 where there is none, shape (len(tags),).

        Of a tag that stands in several rows, any of them is given.
        """
        wanted = _keys(tags)
        if not len(self):
            return np.full(len(wanted), -1, dtype=np.int64)
        if wanted.dtype != self._keys.dtype:
            wanted, held = _texts(wanted), _texts(self._keys)
        else:
            held = self._keys
        # Looked up in rising order, neighbours lie close together in memory.
        order = np.argsort(wanted)
        wanted = wanted[order]
        places = np.minimum(np.searchsorted(held, wanted), len(held) - 1)
        rows = np.empty(len(wanted), dtype=np.int64)
        rows[order] = np.where(held[places] == wanted, self._rows[places], -1)
        return rows

    def same_tags(self, other: TagIndex) -> bool:
        """Return whether both hold the same tags, each as often, in whatever order."""
        if len(self) != len(other):
            return False
        if self._keys.dtype != other._keys.dtype:
            return bool(np.array_equal(_texts(self._keys), _texts(other._keys)))
        return bool(np.array_equal(self._keys, other._keys))

    def without(self, other: TagIndex) -> list[tuple[str, int]]:
        """Return the tags that `other` lacks, each with its row, in the order of the rows."""
        lacking = other.rows_of(pa.array(_texts(self._keys), pa.binary())) < 0
        rows = self._rows[lacking]
        texts = _texts(self._keys[lacking])
        order = np.argsort(rows)
        return [(texts[i].decode("utf-8", "replace"), int(rows[i])) for i in order]

    def repeated(self) -> tuple[str, int, int, int] | None:
        """Return a tag that stands twice, or None if there is none.

        Returns
        -------
        tuple
            The tag of the earliest repetition, its first row, the row that repeats it, and how many
            rows repeat a tag in all.
        """
        same = np.flatnonzero(self._keys[1:] == self._keys[:-1])
        if not len(same):
            return None
        starts = np.flatnonzero(np.append(True, self._keys[1:] != self._keys[:-1]))
        first = np.minimum.reduceat(self._rows, starts)
        run = np.searchsorted(starts, np.arange(len(self)), side="right") - 1
        later = self._rows != first[run]
        place = np.flatnonzero(later)[np.argmin(self._rows[later])]
        tag = _texts(self._keys[place : place + 1])[0].decode("utf-8", "replace")
        return tag, int(first[run[place]]), int(self._rows[place]), len(same)


def _keys(tags: pa.Array | pa.ChunkedArray) -> Keys:
    """Return tags as values that sort quickly: whole numbers where none is longer than 8 bytes."""
    if isinstance(tags, pa.ChunkedArray):
        return _joined([_keys(chunk) for chunk in tags.chunks])
    lengths = pc.binary_length(tags)
    longest = pc.max(lengths).as_py() or 0
    width = max(longest, 1)
    if pc.min(lengths).as_py() == longest and longest > 0:
        # Tags of one length, as in every official file, already lie side by side in memory.
        offset_type = np.int64 if tags.type in (pa.large_string(), pa.large_binary()) else np.int32
        offsets = np.frombuffer(tags.buffers()[1], dtype=offset_type)
        start = int(offsets[tags.offset])
        flat = np.frombuffer(tags.buffers()[2], dtype=np.uint8)[start : start + width * len(tags)]
        texts = flat.reshape(-1, width)
    else:
        values = tags.cast(pa.binary()).to_numpy(zero_copy_only=False).astype(f"S{width}")
        texts = values.view(np.uint8).reshape(-1, width)
    if width > _PACKED:
        return np.ascontiguousarray(texts).view(f"S{width}").ravel()
    packed = np.zeros((len(texts), _PACKED), dtype=np.uint8)
    packed[:, :width] = texts
    # Big-endian, so that numbers rise as texts do.
    return packed.view(">u8").ravel().astype(np.uint64)


def _texts(keys: Keys) -> NDArray[np.bytes_]:
    """Return keys as bytes of fixed width."""
    if keys.dtype.kind == "S":
        return keys
    return np.ascontiguousarray(keys.astype(">u8")).view("S8")


def _joined(keys: Sequence[Keys]) -> Keys:
    if not keys:
        return np.empty(0, dtype=np.uint64)
    if len({part.dtype for part in keys}) > 1:
        return np.concatenate([_texts(part) for part in keys])
    return np.concatenate(keys)


def refuse_repeated_tags(
    path: Path, tags: pa.Array | TagIndex, first_line: int | None = None
) -> None:
    """Raise an error if a tag stands twice.

    Parameters
    ----------
    path
        The file, for the message.
    tags
        Arrow strings, or their index.
    first_line
        The line of the first tag, where the file is text with one tag a line.

    Raises
    ------
    InputError
        Naming the tag, and where it stands.
    """
    index = tags if isinstance(tags, TagIndex) else TagIndex(tags)
    found = index.repeated()
    if found is None:
        return
    tag, earlier, row, count = found
    word, start = ("line", first_line) if first_line is not None else ("row", 1)
    raise InputError(
        f"the tag '{tag}' of {word} {earlier + start} stands again on {word} "
        f"{row + start}; {count} tags are repeated in all.",
        path=path,
        line=None if first_line is None else row + start,
        remedy="Give each tag once.",
    )
