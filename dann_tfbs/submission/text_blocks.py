"""A file as it is, in blocks of whole lines: checks must see line ends and marks as they stand."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from dann_tfbs.data.readers.opening import GZIP_MAGIC
from dann_tfbs.errors import InputError

BLOCK_BYTES = 1 << 21
"""Bytes of a block: its arrays stay in the processor's cache."""


def is_gzip(path: Path) -> bool:
    """Tell whether a file is compressed, by its first bytes.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror or error}).", path=path, remedy="Check the path."
        ) from error


def text_blocks(path: Path, size: int = BLOCK_BYTES) -> Iterator[tuple[bytes, int]]:
    r"""Read a plain or gzip file.

    Yields
    ------
    tuple of bytes and int
        Whole lines, each ended by `\n` (the last one gets it if need be), and the 1-based number of
        the first.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    opened = gzip.open if is_gzip(path) else open
    rest, first = b"", 1
    try:
        with opened(path, "rb") as file:
            while block := file.read(size):
                block = rest + block
                whole = block.rfind(b"\n") + 1
                rest = block[whole:]
                if whole:
                    yield block[:whole], first
                    first += block.count(b"\n", 0, whole)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"cannot be read ({error}).", path=path, line=first, remedy="Copy or make it again."
        ) from error
    if rest:
        yield rest + b"\n", first


def lines_of(path: Path, numbers: Iterable[int]) -> dict[int, str]:
    """Return the lines with these 1-based numbers, without their ends, in a pass of their own."""
    wanted = sorted(set(numbers))
    found: dict[int, str] = {}
    for block, first in text_blocks(path):
        if len(found) == len(wanted):
            break
        stop = first + block.count(b"\n")
        own = [number for number in wanted if first <= number < stop]
        if own:
            lines = block.split(b"\n")
            found |= {n: lines[n - first].decode("utf-8", "replace").rstrip("\r") for n in own}
    return found
