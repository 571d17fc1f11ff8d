"""What a submission must hold: the tags and TFs of a benchmark."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from dann_tfbs.data.readers.fasta import read_fasta
from dann_tfbs.data.readers.opening import first_byte
from dann_tfbs.errors import InputError

_TAGS = re.compile(rb'"tags"\s*:\s*\[([^\]\\]*)\]')


@dataclass(frozen=True)
class Expected:
    """Tags and TFs; None where they are not known.

    Attributes
    ----------
    tags
        Arrow strings (large), shape (n,).
    tfs
        Names of the TFs.
    source
        Where the tags come from, for messages.
    """

    tags: pa.LargeStringArray | None = None
    tfs: tuple[str, ...] | None = None
    source: Path | None = None


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
    if first_byte(path) == b">":
        chunks = [pa.array(chunk.names, pa.large_string()) for chunk in read_fasta(path)]
        return Expected(pa.concat_arrays(chunks), own, path)
    tags, named = _from_json(path)
    return Expected(tags, own or named, path)


def _from_json(path: Path) -> tuple[pa.LargeStringArray, tuple[str, ...]]:
    """Read `tags` and `tfs`; the tags, by the million, do not become Python objects."""
    text = path.read_bytes()
    try:
        tags = None
        if found := _TAGS.search(text):
            tags = _quoted_texts(found[1])
            text = text[: found.start()] + b'"tags": []' + text[found.end() :]
        content = json.loads(text)
        if tags is None:
            tags = pa.array(list(content["tags"]), pa.large_string())
        named = content.get("tfs") or [data["tf"] for data in content["datasets"]]
        return tags, tuple(dict.fromkeys(map(str, named)))
    except (ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
        raise InputError(
            f"is neither a benchmark.json with `tags` and `tfs` nor FASTA ({error!r}).",
            path=path,
            remedy="Give the official benchmark.json, or <ASSAY>_participants.fasta.",
        ) from error


def _quoted_texts(text: bytes) -> pa.LargeStringArray:
    """Return the texts between quotation marks of a list without escapes."""
    letters = np.frombuffer(text, dtype=np.uint8)
    marks = np.flatnonzero(letters == ord('"'))
    if len(marks) % 2:
        raise ValueError("a quotation mark is missing in `tags`")
    starts, ends = marks[::2] + 1, marks[1::2]
    lengths = ends - starts
    steps = np.zeros(len(letters) + 1, dtype=np.int8)
    np.add.at(steps, starts, 1)
    np.add.at(steps, ends, -1)
    inside = letters[np.cumsum(steps[:-1], dtype=np.int8).view(np.bool_)]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return pa.LargeStringArray.from_buffers(
        len(lengths), pa.py_buffer(offsets), pa.py_buffer(inside)
    )
