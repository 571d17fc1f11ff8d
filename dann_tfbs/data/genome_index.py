"""The index of a FASTA file: found, or made, and opened for reading at any place."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.data.readers.opening import GZIP_MAGIC
from dann_tfbs.errors import InputError

if TYPE_CHECKING:
    from pyfaidx import Faidx

_BLOCK_BYTES = 1 << 17  # read at once: they stay in the processor's cache
_NEWLINE = 10


def open_fasta(path: Path) -> Faidx:
    """Open a FASTA file by its index (`.fai`, for bgzip also `.gzi`), which is made if need be.

    The index lies beside the file or, where that folder cannot be written, in the user's cache
    folder.

    Raises
    ------
    InputError
        If the file is no FASTA file, its lines are not equally long, or it is compressed by gzip.
    """
    import pyfaidx

    compressed = is_bgzip(path)
    try:
        index = _index_path(path, compressed)
        reader = pyfaidx.Faidx(
            str(path),
            as_raw=True,
            strict_bounds=True,
            indexname=str(index),
            gzi_indexname=f"{index.with_suffix('')}.gzi" if compressed else None,
        )
    except ImportError as error:
        raise InputError(
            "reading a bgzip FASTA needs the package biopython.",
            path=path,
            remedy="Install it (pip install biopython) or decompress the file.",
        ) from error
    except Exception as error:
        reason = str(error).rstrip(".")
        raise InputError(
            f"is not a usable FASTA file ({reason}).",
            path=path,
            remedy="Records start with '>' and a name of their own, and all lines of a record but "
            "the last are equally long.",
        ) from error
    return reader


def is_bgzip(path: Path) -> bool:
    """Tell whether the file is bgzip; refuse plain gzip, which cannot be read from the middle."""
    try:
        with open(path, "rb") as handle:
            head = handle.read(16)
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror}).", path=path, remedy="Check its permissions."
        ) from error
    if not head:
        raise InputError("the genome file is empty.", path=path, remedy="Give a FASTA file.")
    if not head.startswith(GZIP_MAGIC):
        return False
    # Bytes 12–13 of a bgzip file are the subfield identifier "BC" (SAM specification, section 4.1).
    if not (head[3] & 4 and head[12:14] == b"BC"):
        raise InputError(
            "is compressed with plain gzip, which allows no random access.",
            path=path,
            remedy=f"Decompress it (gunzip -k {path.name}) or re-compress it with bgzip.",
        )
    if path.suffix not in (".gz", ".bgz"):
        raise InputError(
            "is a bgzip file under a name that does not say so.",
            path=path,
            remedy="Rename it to end in .gz.",
        )
    return True


def _index_path(path: Path, compressed: bool) -> Path:
    """Return the path of a current index, which is made if there is none."""
    import pyfaidx

    suffixes = (".fai", ".gzi") if compressed else (".fai",)
    facts = path.stat()
    identity = f"{path.resolve()}:{facts.st_size}:{facts.st_mtime_ns}"
    stem = hashlib.sha256(identity.encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dann_tfbs"
    places = [path]
    places += [
        folder / f"{stem}-{path.name}"
        for folder in (cache, Path(tempfile.gettempdir()) / "dann_tfbs")
    ]
    for place in places:
        indices = [Path(f"{place}{suffix}") for suffix in suffixes]
        if all(index.is_file() and index.stat().st_mtime >= facts.st_mtime for index in indices):
            return indices[0]
    for place in places:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            holder = tempfile.TemporaryDirectory(prefix=".index.", dir=place.parent)
        except OSError:
            continue
        # Made aside and renamed, so that a process beside this one never reads half an index.
        with holder as folder:
            aside = [str(Path(folder) / f"index{suffix}") for suffix in suffixes]
            index = None if compressed else _regular_index(path)
            if index is not None:
                Path(aside[0]).write_text(index, encoding="utf-8")
            # Builds what is not there, or says why that cannot be; else reads and checks it.
            pyfaidx.Faidx(
                str(path), indexname=aside[0], gzi_indexname=aside[1] if compressed else None
            ).close()
            for made, suffix in zip(aside, suffixes, strict=True):
                os.replace(made, f"{place}{suffix}")
        return Path(f"{place}.fai")
    raise OSError("no folder for its index can be written; set XDG_CACHE_HOME to one that can")


@dataclass
class _Record:
    """What is known of a record whose lines are being read."""

    name: str
    offset: int
    bases: int = 0
    width: int = 0
    ended: bool = False

    def add(self, widths: NDArray[np.int64]) -> bool:
        """Take in further lines by their widths, line ends included; tell if all is regular."""
        if not len(widths):
            return True
        self.width = self.width or int(widths[0])
        odd = np.flatnonzero(widths != self.width)
        # Only the last line of a record may be shorter.
        regular = not self.ended and self.width > 1
        if len(odd):
            regular &= int(odd[0]) == len(widths) - 1 and 1 < int(widths[-1]) < self.width
            self.ended = True
        self.bases += int(widths.sum()) - len(widths)
        return regular

    def row(self) -> str:
        line = max(self.width - 1, 0)
        return f"{self.name}\t{self.bases}\t{self.offset}\t{line}\t{self.width}\n"


def _regular_index(path: Path) -> str | None:
    """Return the `.fai` of a FASTA file in the usual form, many lines at a time.

    That is: records from the first byte on, LF as line end, no blank line. None for any other
    file: pyfaidx, which goes line by line, indexes it or says what is wrong.
    """
    records: list[_Record] = []
    rest, at = b"", 0
    with open(path, "rb") as handle:
        while block := handle.read(max(_BLOCK_BYTES, len(rest))):
            text = rest + block
            whole = text.rfind(b"\n") + 1
            if not _add_lines(records, text[:whole], at):
                return None
            rest, at = text[whole:], at + whole
    regular = not rest or _add_lines(records, rest + b"\n", at)
    return "".join(record.row() for record in records) if regular and records else None


def _add_lines(records: list[_Record], text: bytes, at: int) -> bool:
    """Take in whole lines that stand at byte `at` of the file; tell if all is regular."""
    if b"\r" in text:
        return False
    letters = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(letters == _NEWLINE)
    starts = np.append(0, ends + 1)[:-1]
    widths = ends - starts + 1
    heads = np.flatnonzero(letters[starts] == ord(">"))
    stops = [*heads.tolist(), len(ends)]
    if stops[0] and not (records and records[-1].add(widths[: stops[0]])):
        return False
    for head, following in pairwise(stops):
        try:
            words = text[starts[head] + 1 : ends[head]].decode().split()
        except UnicodeDecodeError:
            return False
        records.append(_Record(words[0] if words else "", at + int(ends[head]) + 1))
        if not words or not records[-1].add(widths[head + 1 : following]):
            return False
    return True
