"""Letters found in a file to codes, in batches of bounded size, with errors that name the place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import Sequences

if TYPE_CHECKING:
    import pyarrow as pa

MAX_BATCH_BYTES = 1 << 26
"""Largest code array of a batch: one very long sequence must not widen thousands of short ones."""


def text_sequences(column: pa.StringArray) -> Sequences:
    """Turn an Arrow array of text into sequences; errors as those of `sequence.from_flat`."""
    column = column.cast("large_string")
    offsets = np.frombuffer(column.buffers()[1], dtype=np.int64)
    offsets = offsets[column.offset : column.offset + len(column) + 1]
    letters = np.frombuffer(column.buffers()[2] or b"", dtype=np.uint8)
    return sequence.from_flat(letters[offsets[0] : offsets[-1]], np.diff(offsets))


def batches(lengths: NDArray[np.integer], chunk_size: int) -> Iterator[slice]:
    """Cut rows of the given lengths into batches.

    Parameters
    ----------
    lengths
        Length of each sequence, shape (n,).
    chunk_size
        Most rows in a batch. A batch also holds at most `MAX_BATCH_BYTES` codes, unless a single
        sequence is longer.

    Yields
    ------
    slice
        Consecutive rows; together they are all n.
    """
    start = 0
    while start < len(lengths):
        size = min(chunk_size, len(lengths) - start)
        while size > 1 and size * int(lengths[start : start + size].max()) > MAX_BATCH_BYTES:
            size //= 2
        yield slice(start, start + size)
        start += size


def gather(
    letters: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Copy pieces of a byte array into the rows of a table, filled up with the letter N.

    Parameters
    ----------
    letters
        The bytes.
    starts, lengths
        Position and length of each piece, shape (n,).

    Returns
    -------
    NDArray[np.uint8]
        Shape (n, longest piece).
    """
    width = int(lengths.max(initial=0))
    if width == 0:
        return np.empty((len(starts), 0), dtype=np.uint8)
    if len(starts) and int(starts.max()) + width > len(letters):
        letters = np.concatenate([letters, np.zeros(width, dtype=np.uint8)])
    # One item of `width` bytes per position: indexing copies a row at a time instead of a byte.
    items = np.ndarray((len(letters) - width + 1,), dtype=f"V{width}", buffer=letters, strides=(1,))
    rows = items[starts].view(np.uint8).reshape(len(starts), width)
    if int(lengths.min()) < width:
        rows[np.arange(width) >= lengths[:, None]] = ord("N")
    return rows


def encode_rows(
    rows: NDArray[np.uint8],
    lengths: NDArray[np.integer],
    *,
    path: str | os.PathLike[str],
    lines: NDArray[np.int64],
) -> Sequences:
    """Turn a table of letters into sequences.

    Parameters
    ----------
    rows
        Letters, shape (n, width), as `gather` returns them.
    lengths
        Length of each sequence, shape (n,).
    path, lines
        The file and the 1-based line of each sequence, for the error.

    Raises
    ------
    InputError
        If a letter is no nucleotide letter; it names the file and the line.
    """
    n, width = rows.shape
    try:
        codes = sequence.from_flat(rows.reshape(-1), np.full(n, width)).codes
    except InputError as error:
        raise located(error, path=path, lines=lines) from None
    return Sequences(codes.reshape(n, width), np.asarray(lengths, dtype=np.int32))


def located(
    error: InputError, *, path: str | os.PathLike[str], lines: NDArray[np.int64]
) -> InputError:
    """Tell an encoding error, which knows only the row of a batch, by its file and line."""
    row = error.line or 1
    problem = error.problem.removeprefix(f"sequence {row} ")
    return InputError(
        f"the sequence {problem}", path=path, line=int(lines[row - 1]), remedy=error.remedy
    )
