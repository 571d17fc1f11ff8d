"""Opening an input file: plain or gzip by its content, cut into blocks of whole lines.

All readers stand on `line_blocks`, so that every one of them takes plain and gzip files with LF or
CRLF line ends, holds a bounded part of the file in memory, and explains a missing, empty,
unreadable or truncated file in the same words.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from xopen import xopen

from dann_tfbs.errors import InputError

BLOCK_BYTES = 1 << 19
"""Bytes decompressed at a time: small enough to stay in the processor's cache."""

GZIP_MAGIC = b"\x1f\x8b"
_NEWLINE = 10


@dataclass(frozen=True)
class Lines:
    """Consecutive whole lines of a file.

    Attributes
    ----------
    letters
        `uint8`: the bytes of the lines, each ended by one LF.
    ends
        `int64`, shape (n,): position of each line's LF in `letters`.
    first
        1-based number of the first line in the file.
    """

    letters: NDArray[np.uint8]
    ends: NDArray[np.int64]
    first: int

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def starts(self) -> NDArray[np.int64]:
        """Position of each line's first byte in `letters`."""
        return np.concatenate([np.zeros(1, dtype=np.int64), self.ends[:-1] + 1])[: len(self)]

    def text(self, line: int) -> str:
        """Return the line with this index (0-based within the block), for messages and names."""
        start = int(self.ends[line - 1]) + 1 if line else 0
        return self.letters[start : int(self.ends[line])].tobytes().decode("utf-8", "replace")


def all_lines(lines: Lines) -> int:
    """Hand out every line of a block: the cut for formats of one line a record."""
    return len(lines)


def line_blocks(
    path: str | os.PathLike[str],
    cut: Callable[[Lines], int] = all_lines,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[Lines]:
    """Read a plain or gzip file in blocks of whole lines.

    Parameters
    ----------
    path
        The file. Whether it is compressed is read from its first bytes, not from its name.
    cut
        Says how many leading lines of a block may be handed out; the rest is kept for the next
        block. It keeps a record of several lines in one piece. The last block is never cut.
    block_bytes
        Bytes read at a time. A record that is longer than this is read in growing steps.

    Yields
    ------
    Lines
        At least one line each. CRLF reads as LF, and a missing last line end is supplied.

    Raises
    ------
    InputError
        If the file is missing, a folder, unreadable, empty, or a broken or truncated gzip file; for
        the latter `line` is the number of the last line that could be read.
    """
    rest = b""
    first = 1
    with _opened(path) as handle:
        while block := _read(handle, max(block_bytes, len(rest)), path, first, rest):
            text = rest + block
            whole = text.rfind(b"\n") + 1
            lines = _lines(text[:whole], first)
            held = cut(lines)
            stop = int(lines.ends[held - 1]) + 1 if held else 0
            rest = lines.letters[stop:].tobytes() + text[whole:]
            if held:
                yield Lines(lines.letters[:stop], lines.ends[:held], first)
                first += held
    if rest:
        yield _lines(rest if rest.endswith(b"\n") else rest + b"\n", first)
    elif first == 1:
        raise _empty(path)


def read_lines(path: str | os.PathLike[str]) -> Lines:
    """Read a whole file as one block of lines, for tables that are parsed at once."""
    blocks: list[bytes] = []
    with _opened(path) as handle:
        while block := _read(handle, BLOCK_BYTES, path, 1, *blocks):
            blocks.append(block)
    text = b"".join(blocks)
    if not text:
        raise _empty(path)
    return _lines(text if text.endswith(b"\n") else text + b"\n", 1)


def first_byte(path: str | os.PathLike[str]) -> bytes:
    """Return the first byte of a file that is no white space, or nothing if there is none."""
    for lines in line_blocks(path, block_bytes=1 << 12):
        if text := lines.letters.tobytes().lstrip():
            return text[:1]
    return b""


def _lines(text: bytes, first: int) -> Lines:
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    letters = np.frombuffer(text, dtype=np.uint8)
    return Lines(letters, np.flatnonzero(letters == _NEWLINE), first)


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    try:
        raw = open(path, "rb")  # noqa: SIM115 (closed below, also after a failed first read)
    except OSError as error:
        raise _unreadable(path, error) from error
    with raw:
        try:
            magic = raw.peek(2)[:2]
        except OSError as error:
            raise _unreadable(path, error) from error
        if magic == GZIP_MAGIC:
            # threads=0: in this process, so that a reader dropped half-way leaves no thread.
            with xopen(raw, "rb", format="gz", threads=0) as handle:
                yield handle
        else:
            yield raw


def _read(
    handle: BinaryIO, size: int, path: str | os.PathLike[str], first: int, *before: bytes
) -> bytes:
    """Read on; `before` is what was read, from line `first` on, for the message."""
    try:
        return handle.read(size)
    except EOFError as error:
        raise InputError(
            "is a truncated gzip file: its end is missing after this line.",
            path=path,
            line=first + sum(text.count(b"\n") for text in before),
            remedy="Download or copy it again.",
        ) from error
    except OSError as error:
        if error.errno is not None:
            raise _unreadable(path, error) from error
        raise _broken(path, error) from error
    except Exception as error:  # zlib, isal and zlib-ng each raise an exception class of their own
        raise _broken(path, error) from error


def _empty(path: str | os.PathLike[str]) -> InputError:
    return InputError("is empty.", path=path, remedy="Give a file that holds data.")


def _broken(path: str | os.PathLike[str], error: Exception) -> InputError:
    return InputError(
        f"is a damaged gzip file ({error}).", path=path, remedy="Download or copy it again."
    )


def _unreadable(path: str | os.PathLike[str], error: OSError) -> InputError:
    reasons = {
        FileNotFoundError: ("does not exist.", "Check the path."),
        IsADirectoryError: ("is a folder, not a file.", "Give a file inside it."),
        PermissionError: ("may not be read by this user.", "Change its permissions."),
    }
    problem, remedy = reasons.get(
        type(error), (f"cannot be read ({error.strerror or error}).", "Check the path.")
    )
    return InputError(problem, path=path, remedy=remedy)
