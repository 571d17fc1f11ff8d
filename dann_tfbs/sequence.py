"""DNA as unsigned bytes: text to codes and back, crop, pad and reverse complement.

A sequence is an array of `uint8` codes, A C G T N = 0 1 2 3 4, from the reader to the device; the
network's first layer turns codes into channels. Everything here works on whole batches.

One rule for letters: case is ignored, U reads as T, the IUPAC ambiguity letters (RYSWKMBDHV) read
as N, and every other character is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.errors import InputError

LETTERS = "ACGTN"
N = 4

_ROWS_AT_ONCE = 1024  # they stay in the processor's cache
_INVALID = 255
_CODE_OF_BYTE = bytearray([_INVALID]) * 256
for _code, _letters in enumerate((b"Aa", b"Cc", b"Gg", b"TtUu", b"NnRrYySsWwKkMmBbDdHhVv")):
    for _byte in _letters:
        _CODE_OF_BYTE[_byte] = _code
_BYTE_OF_CODE = np.frombuffer(LETTERS.encode(), dtype=np.uint8)
_COMPLEMENT = np.array([3, 2, 1, 0, N], dtype=np.uint8)


@dataclass(frozen=True)
class Sequences:
    """A batch of sequences of equal or unequal length.

    Attributes
    ----------
    codes
        `uint8`, shape (n, width): each row holds one sequence from the left, then N as filling.
    lengths
        `int32`, shape (n,): the true length of each row, at most `width`.
    """

    codes: NDArray[np.uint8]
    lengths: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def width(self) -> int:
        """Number of columns of `codes`."""
        return int(self.codes.shape[1])

    def take(self, rows: NDArray[np.generic] | slice) -> Sequences:
        """Return the given rows (index array, boolean mask or slice) as a new batch."""
        return Sequences(self.codes[rows], self.lengths[rows])

    def inside(self) -> NDArray[np.bool_]:
        """Return a mask of shape (n, width): True where a column belongs to the sequence."""
        return np.arange(self.width) < self.lengths[:, None]


def from_codes(codes: NDArray[np.uint8]) -> Sequences:
    """Wrap a (n, length) array of codes in which every row is full."""
    codes = np.ascontiguousarray(codes, dtype=np.uint8)
    return Sequences(codes, np.full(len(codes), codes.shape[1], dtype=np.int32))


def concatenate(parts: Sequence[Sequences]) -> Sequences:
    """Stack batches of any widths on top of each other; the result is as wide as the widest."""
    width = max((part.width for part in parts), default=0)
    codes = np.full((sum(map(len, parts)), width), N, dtype=np.uint8)
    start = 0
    for part in parts:
        codes[start : start + len(part), : part.width] = part.codes
        start += len(part)
    lengths = [part.lengths for part in parts] or [np.empty(0, dtype=np.int32)]
    return Sequences(codes, np.concatenate(lengths))


def encode(texts: Iterable[str | bytes]) -> Sequences:
    """Turn sequences of letters into codes.

    Parameters
    ----------
    texts
        Sequences in IUPAC letters; see the rule at the top of this module.

    Returns
    -------
    Sequences
        As wide as the longest text.

    Raises
    ------
    InputError
        If a character is no IUPAC nucleotide letter; `line` is the 1-based number of the text.
    """
    rows = [text.encode("latin-1", "replace") if isinstance(text, str) else text for text in texts]
    lengths = np.fromiter(map(len, rows), dtype=np.int32, count=len(rows))
    return from_flat(np.frombuffer(b"".join(rows), dtype=np.uint8), lengths)


def from_flat(letters: NDArray[np.uint8], lengths: NDArray[np.integer]) -> Sequences:
    """Turn letters that stand end to end in one byte array into a batch of codes.

    Parameters
    ----------
    letters
        `uint8` ASCII letters of all sequences, shape (sum of lengths,).
    lengths
        Length of each sequence, shape (n,).

    Raises
    ------
    InputError
        As `encode`.
    """
    sizes = np.asarray(lengths, dtype=np.int32)
    flat = _looked_up(letters)
    if flat.max(initial=0) == _INVALID:
        where = int(np.argmax(flat == _INVALID))
        row = int(np.searchsorted(np.cumsum(sizes), where, side="right"))
        raise InputError(
            f"sequence {row + 1} holds the character {chr(int(letters[where]))!r}.",
            line=row + 1,
            remedy="Sequences consist of A, C, G, T, N and the IUPAC ambiguity letters.",
        )
    width = int(sizes.max(initial=0))
    if len(sizes) * width == flat.size:
        return Sequences(flat.reshape(len(sizes), width), sizes)
    codes = np.full((len(sizes), width), N, dtype=np.uint8)
    codes[np.arange(width) < sizes[:, None]] = flat
    return Sequences(codes, sizes)


def codes_of(letters: bytes, ignored: bytes = b"") -> NDArray[np.uint8]:
    """Turn one long text into codes.

    Parameters
    ----------
    letters
        ASCII letters.
    ignored
        Characters to leave out, such as line ends.

    Returns
    -------
    ndarray
        `uint8` codes, shape (number of letters that are not ignored,).

    Raises
    ------
    InputError
        If any other character is no IUPAC nucleotide letter.
    """
    codes = _looked_up(letters, ignored)
    if codes.max(initial=0) == _INVALID:
        encode([letters.translate(None, ignored)])  # raises, naming the character
    return codes


def _looked_up(letters: bytes | NDArray[np.uint8], ignored: bytes = b"") -> NDArray[np.uint8]:
    # Three times as fast as indexing a table with the letters; of a bytearray, to be writeable.
    return np.frombuffer(bytearray(letters).translate(_CODE_OF_BYTE, ignored), dtype=np.uint8)


def decode(sequences: Sequences) -> list[str]:
    """Turn a batch back into upper-case text, without its filling."""
    flat = _BYTE_OF_CODE[sequences.codes].tobytes().decode("ascii")
    width = sequences.width
    starts = range(0, width * len(sequences), width) if width else [0] * len(sequences)
    return [
        flat[start : start + length]
        for start, length in zip(starts, sequences.lengths.tolist(), strict=True)
    ]


def centre_crop(sequences: Sequences, length: int) -> Sequences:
    """Cut every sequence to its middle `length` bases; shorter ones stay as they are.

    A sequence of L bases keeps the columns from ⌊(L − length) / 2⌋ on.
    """
    return _shifted(sequences, np.maximum(sequences.lengths - length, 0) // 2, length)


def _shifted(sequences: Sequences, starts: NDArray[np.integer], length: int) -> Sequences:
    """Cut at most `length` columns out of each row, from its own start."""
    lengths = np.minimum(sequences.lengths - starts, length).astype(np.int32)
    width = int(lengths.max(initial=0))
    if len(sequences) and (starts == starts[0]).all():
        codes = sequences.codes[:, int(starts[0]) : int(starts[0]) + width].copy()
    else:
        columns = np.minimum(starts[:, None] + np.arange(width), max(sequences.width - 1, 0))
        codes = np.take_along_axis(sequences.codes, columns, axis=1)
    codes[np.arange(width) >= lengths[:, None]] = N
    return Sequences(codes, lengths)


def centre_pad(sequences: Sequences, length: int | NDArray[np.integer]) -> Sequences:
    """Surround every sequence with N up to `length` bases; longer ones stay as they are.

    A sequence of L bases gets ⌊(length − L) / 2⌋ N on its left. The N count as bases: lengths grow.
    `length` is one for all, or one for each sequence, shape (n,).
    """
    missing = np.maximum(length - sequences.lengths, 0)
    lengths = (sequences.lengths + missing).astype(np.int32)
    width = int(lengths.max(initial=0))
    columns = np.arange(width) - (missing // 2)[:, None]
    outside = (columns < 0) | (columns >= sequences.lengths[:, None])
    if sequences.width == 0:
        return Sequences(np.full((len(sequences), width), N, dtype=np.uint8), lengths)
    codes = np.take_along_axis(sequences.codes, columns.clip(0, sequences.width - 1), axis=1)
    codes[outside] = N
    return Sequences(codes, lengths)


def reverse_complement(sequences: Sequences) -> Sequences:
    """Return the opposite strand of every sequence; N stays N."""
    if sequences.width == 0:
        return sequences
    if (sequences.lengths == sequences.width).all():
        # The usual case: a mirror image, without looking up a column for every letter.
        mirrored = np.ascontiguousarray(sequences.codes[:, ::-1])
        return Sequences(_COMPLEMENT[mirrored], sequences.lengths)
    columns = sequences.lengths[:, None] - 1 - np.arange(sequences.width)
    codes = _COMPLEMENT[np.take_along_axis(sequences.codes, columns.clip(0), axis=1)]
    codes[~sequences.inside()] = N
    return Sequences(codes, sequences.lengths)


def gc_content(sequences: Sequences) -> NDArray[np.float64]:
    """Return the share of G and C among the A, C, G, T of each sequence (0.5 without any)."""
    gc = np.empty(len(sequences))
    for first in range(0, len(sequences), _ROWS_AT_ONCE):
        # Filling is N, which counts no more than other N do: lengths need not be looked at.
        codes = sequences.codes[first : first + _ROWS_AT_ONCE]
        strong = _row_counts((codes == 1) | (codes == 2))
        known = _row_counts(codes < N)
        gc[first : first + _ROWS_AT_ONCE] = np.where(known > 0, strong / np.maximum(known, 1), 0.5)
    return gc


def _row_counts(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    counts: NDArray[np.int32] = mask.view(np.uint8).sum(axis=1, dtype=np.int32)
    return counts
