"""What a submission must hold: the tags and TFs of a benchmark.

Of the tags, by the million, only 64-bit numbers are kept; texts are read again where they are told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.data.readers.opening import first_byte
from dann_tfbs.errors import InputError
from dann_tfbs.submission.tag_keys import keys_at
from dann_tfbs.submission.text_blocks import text_blocks

_TAGS = re.compile(rb'"tags"\s*:\s*\[([^\]\\]*)\]')
_BLANKS = np.isin(np.arange(256), list(b" \t\r\n\v\f"))
_AT_ONCE = 1 << 18
"""Tags of one list whose numbers are made at a time."""

Places = tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]
"""Bytes (with eight more behind the last tag), and start and length of each tag in them."""


@dataclass(frozen=True)
class Expected:
    """Tags and TFs; None where they are not known.

    Attributes
    ----------
    keys
        The number of each tag (`tag_keys`), `uint64`, shape (n,).
    tfs
        Names of the TFs.
    source
        Where the tags come from.
    """

    keys: NDArray[np.uint64] | None = None
    tfs: tuple[str, ...] | None = None
    source: Path | None = None

    def tags_at(self, places: Iterable[int]) -> list[str]:
        """Return the tags with these 0-based numbers, ascending."""
        wanted = sorted(places)
        found: list[str] = []
        passed = 0
        if self.source is None or not wanted:
            return []
        for letters, starts, lengths in _tags_of(self.source):
            for place in wanted[len(found) :]:
                row = place - passed
                if row >= len(starts):
                    break
                text = letters[starts[row] : starts[row] + lengths[row]].tobytes()
                found.append(text.decode("utf-8", "replace"))
            passed += len(starts)
        return found


def read_expected(path: Path | None, tfs: Sequence[str] | None = None) -> Expected:
    """Read what a benchmark expects.

    Parameters
    ----------
    path
        The official `benchmark.json`, or participants' sequences in FASTA, which name no TFs; None:
        no tags are known.
    tfs
        TFs, before those of the file.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    own = tuple(tfs) if tfs else None
    if path is None:
        return Expected(None, own, None)
    if own is None and first_byte(path) != b">":
        own = tfs_of(path)
    return Expected(tag_keys(path), own, path)


def tag_keys(path: Path) -> NDArray[np.uint64]:
    """Return the number of each tag of a `benchmark.json` or FASTA file, in its order."""
    keys = [keys_at(*places) for places in _tags_of(path)]
    return np.concatenate(keys) if keys else np.empty(0, dtype=np.uint64)


def tfs_of(path: Path) -> tuple[str, ...]:
    """Return the TFs of a `benchmark.json`.

    Raises
    ------
    InputError
        If it names none.
    """
    content = _content(path, _TAGS.sub(b'"tags": []', path.read_bytes()))
    try:
        named = content.get("tfs") or [data["tf"] for data in content["datasets"]]
        return tuple(dict.fromkeys(map(str, named)))
    except (KeyError, TypeError, AttributeError) as error:
        raise _no_benchmark(path, error) from error


def _tags_of(path: Path) -> Iterator[Places]:
    return _fasta_tags(path) if first_byte(path) == b">" else _json_tags(path)


def _fasta_tags(path: Path) -> Iterator[Places]:
    """Find the first word of each header."""
    for block, _ in text_blocks(path):
        letters = np.frombuffer(block + b"\0" * 8, dtype=np.uint8)
        ends = np.flatnonzero(letters == ord("\n"))
        starts = np.concatenate([[0], ends[:-1] + 1])
        heads = np.flatnonzero(letters[starts] == ord(">"))
        blanks = np.flatnonzero(_BLANKS[letters])
        begun = starts[heads] + 1
        stops = blanks[np.searchsorted(blanks, begun)]
        for row in np.flatnonzero(stops == begun).tolist():  # a blank before the word
            start, end = int(begun[row]), int(ends[heads[row]])
            word = (block[start:end].split(None, 1) or [b""])[0]
            begun[row] = block.index(word, start)
            stops[row] = begun[row] + len(word)
        yield letters, begun, stops - begun


def _json_tags(path: Path) -> Iterator[Places]:
    """Find the tags in a list without escapes; of any other form, through JSON."""
    text = path.read_bytes()
    found = _TAGS.search(text)
    if found is None:
        try:
            names = [str(tag).encode() for tag in _content(path, text)["tags"]]
        except (KeyError, TypeError) as error:
            raise _no_benchmark(path, error) from error
        text = b"".join(b'"%s"' % name.replace(b'"', b"") for name in names)
    else:
        text = found[1]
    letters = np.frombuffer(text + b"\0" * 8, dtype=np.uint8)
    marks = np.flatnonzero(letters == ord('"'))
    if len(marks) % 2:
        raise _no_benchmark(path, "a quotation mark is missing in `tags`")
    for first in range(0, len(marks), 2 * _AT_ONCE):
        own = marks[first : first + 2 * _AT_ONCE]
        yield letters, own[::2] + 1, own[1::2] - own[::2] - 1


def _content(path: Path, text: bytes) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise _no_benchmark(path, error) from error
    return content


def _no_benchmark(path: Path, reason: object) -> InputError:
    return InputError(
        f"is neither a benchmark.json with `tags` and `tfs` nor FASTA ({reason!r}).",
        path=path,
        remedy="Give the official benchmark.json, or <ASSAY>_participants.fasta.",
    )
