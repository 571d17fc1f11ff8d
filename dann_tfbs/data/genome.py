"""A reference genome in FASTA, read one chromosome at a time."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.data.intervals import Intervals, make_intervals
from dann_tfbs.data.overlap import rows_by_chromosome
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import Sequences

if TYPE_CHECKING:
    from pyfaidx import Faidx

_PIECE = 1 << 24  # bases read at once: the text of a whole chromosome never stands in memory
_ROWS_AT_ONCE = 8192


class Genome:
    """Random access to the sequence of a genome.

    The file is opened, and indexed if need be, at the first use in each process. One chromosome at
    most is held in memory, so work chromosome by chromosome.

    Parameters
    ----------
    path
        FASTA file, plain or compressed by `bgzip`. Its index (`.fai`, for bgzip also `.gzi`) is
        made beside it or, where that folder cannot be written, in the user's cache folder.
    blacklist
        Regions that samplers of negatives stay clear of; `fetch` reads them as any other. At least
        one must lie on a chromosome of the genome.

    Raises
    ------
    InputError
        At once if the file does not exist, at the first use if it is no usable FASTA file.
    """

    def __init__(self, path: str | os.PathLike[str], blacklist: Intervals | None = None) -> None:
        self.path = Path(path)
        self.blacklist = make_intervals([], [], []) if blacklist is None else blacklist
        self._reader: Faidx | None = None
        self._process = -1
        self._held: tuple[str, NDArray[np.uint8]] | None = None
        self._gaps: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}
        if not self.path.is_file():
            raise InputError(
                "there is no such genome file.", path=path, remedy="Give a FASTA file."
            )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_reader": None, "_process": -1, "_held": None}

    def _open(self) -> Faidx:
        # A forked process shares the file position of its parent's handle: it needs its own.
        if self._reader is None or self._process != os.getpid():
            self._reader, self._process = _open_fasta(self.path), os.getpid()
            if len(self.blacklist) and not set(self.blacklist.chrom) & set(self._reader.index):
                # Else the blacklist would be ignored without a word.
                name = str(self.blacklist.chrom[0])
                raise _unknown_chromosome(self.path, name, list(self._reader.index))
        return self._reader

    @property
    def lengths(self) -> dict[str, int]:
        """Length in bp of each chromosome, in the order of the file."""
        return {name: int(entry.rlen) for name, entry in self._open().index.items()}

    def check_names(self, names: Iterable[str]) -> None:
        """Raise an InputError that explains the mismatch if a chromosome name is unknown."""
        known = self.lengths
        for name in names:
            if name not in known:
                raise _unknown_chromosome(self.path, name, list(known))

    def codes(self, chrom: str) -> NDArray[np.uint8]:
        """Return a whole chromosome.

        Parameters
        ----------
        chrom
            Its name.

        Returns
        -------
        ndarray
            `uint8` codes, shape (length,), not to be written to. The next chromosome replaces it.

        Raises
        ------
        InputError
            If the chromosome is unknown or holds a character that is no IUPAC nucleotide letter.
        """
        if self._held is None or self._held[0] != chrom:
            self.check_names([chrom])
            self._held = None  # release the old chromosome before the new one is read
            codes = self._read(chrom)
            codes.setflags(write=False)
            self._held = (chrom, codes)
            if chrom not in self._gaps:
                self._gaps[chrom] = _runs_of_n(codes)
        return self._held[1]

    def _read(self, chrom: str) -> NDArray[np.uint8]:
        reader, length = self._open(), self.lengths[chrom]
        codes = np.empty(length, dtype=np.uint8)
        for start in range(0, length, _PIECE):
            end = min(start + _PIECE, length)
            try:
                text = reader.fetch(chrom, start + 1, end)
                letters = np.frombuffer(text.encode("latin-1", "replace"), dtype=np.uint8)
                codes[start:end] = sequence.from_flat(letters, np.array([len(letters)])).codes[0]
            except InputError as error:
                raise InputError(
                    f"chromosome {chrom!r}: {error.problem}", path=self.path, remedy=error.remedy
                ) from error
            except Exception as error:
                raise InputError(
                    f"chromosome {chrom!r} cannot be read ({error}).",
                    path=self.path,
                    remedy="The file is damaged or was changed after it was indexed: check it and "
                    "delete its .fai index.",
                ) from error
        return codes

    def gaps(self, chrom: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return starts and exclusive ends of the runs of N of a chromosome; remembered."""
        if chrom not in self._gaps:
            self.codes(chrom)
        return self._gaps[chrom]

    def fetch(self, intervals: Intervals) -> Sequences:
        """Return the sequence of each interval, on the forward strand.

        Parameters
        ----------
        intervals
            n intervals of equal or unequal widths, in any order.

        Returns
        -------
        Sequences
            In the order of `intervals`, as wide as the widest.

        Raises
        ------
        InputError
            If a chromosome is unknown, or an interval is empty or leaves its chromosome.
        """
        groups = rows_by_chromosome(intervals.chrom)
        self.check_names(groups)
        self._check_bounds(intervals, groups)
        lengths = (intervals.end - intervals.start).astype(np.int32)
        width = int(lengths.max(initial=0))
        codes = np.full((len(intervals), width), sequence.N, dtype=np.uint8)
        in_file_order = sorted(groups, key={name: i for i, name in enumerate(self.lengths)}.get)  # type: ignore[arg-type]
        for name in in_file_order:
            chromosome = self.codes(name)
            for first in range(0, len(groups[name]), _ROWS_AT_ONCE):
                rows = groups[name][first : first + _ROWS_AT_ONCE]
                codes[rows] = _windows(chromosome, intervals.start[rows], lengths[rows], width)
        return Sequences(codes, lengths)

    def inside(self, intervals: Intervals) -> NDArray[np.bool_]:
        """Tell which intervals lie within their chromosome (an unknown one is an error)."""
        known = self.lengths
        groups = rows_by_chromosome(intervals.chrom)
        self.check_names(groups)
        size = np.empty(len(intervals), dtype=np.int64)
        for name, rows in groups.items():
            size[rows] = known[name]
        return (intervals.start >= 0) & (intervals.end <= size)

    def _check_bounds(self, intervals: Intervals, groups: dict[str, NDArray[np.int64]]) -> None:
        bad = ~self.inside(intervals) | (intervals.end <= intervals.start)
        if bad.any():
            row = int(np.argmax(bad))
            chrom = intervals.chrom[row]
            raise InputError(
                f"interval {chrom}:{intervals.start[row]}-{intervals.end[row]} is empty or leaves "
                f"chromosome {chrom!r} of {self.lengths[chrom]} bp.",
                path=self.path,
                remedy="Check that the intervals and the genome are of the same assembly.",
            )


def _windows(
    chromosome: NDArray[np.uint8],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int32],
    width: int,
) -> NDArray[np.uint8]:
    if (lengths == width).all():
        return sliding_window_view(chromosome, width)[starts]
    columns = np.arange(width)
    codes = chromosome[np.minimum(starts[:, None] + columns, len(chromosome) - 1)]
    codes[columns >= lengths[:, None]] = sequence.N
    return codes


def _runs_of_n(codes: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    changes = [np.empty(0, dtype=np.int64)]
    before = False
    for start in range(0, len(codes), _PIECE):
        is_n = codes[start : start + _PIECE] == sequence.N
        differs = np.empty(len(is_n), dtype=bool)
        differs[0] = is_n[0] != before
        np.not_equal(is_n[1:], is_n[:-1], out=differs[1:])
        changes.append(np.flatnonzero(differs) + start)
        before = bool(is_n[-1])
    if before:
        changes.append(np.array([len(codes)]))
    edges = np.concatenate(changes)
    return edges[::2], edges[1::2]


def _unknown_chromosome(path: Path, name: str, known: list[str]) -> InputError:
    other = name.removeprefix("chr") if name.startswith("chr") else f"chr{name}"
    hint = (
        f"The genome calls it {other!r}: rename the chromosomes in one of the two files."
        if other in known
        else "Check that both files are of the same assembly."
    )
    listed = ", ".join(known[:5]) + (", …" if len(known) > 5 else "")
    return InputError(
        f"chromosome {name!r} is not in the genome, which has {listed}.", path=path, remedy=hint
    )


def _open_fasta(path: Path) -> Faidx:
    import pyfaidx

    compressed = _check_compression(path)
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


def _check_compression(path: Path) -> bool:
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
    if head[:2] != b"\x1f\x8b":
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
            pyfaidx.Faidx(
                str(path), indexname=aside[0], gzi_indexname=aside[1] if compressed else None
            ).close()
            for made, suffix in zip(aside, suffixes, strict=True):
                os.replace(made, f"{place}{suffix}")
        return Path(f"{place}.fai")
    raise OSError("no folder for its index can be written; set XDG_CACHE_HOME to one that can")
