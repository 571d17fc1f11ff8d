"""A reference genome in FASTA, read one chromosome at a time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.data.genome_index import is_bgzip, open_fasta
from dann_tfbs.data.intervals import Intervals, make_intervals
from dann_tfbs.data.overlap import rows_by_chromosome
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import Sequences

if TYPE_CHECKING:
    from pyfaidx import Faidx

_PIECE = 1 << 20  # bytes read at once: they stay in the processor's cache
_LINE_ENDS = b"\r\n"
_ROWS_AT_ONCE = 8192
_BASES_PER_WINDOW = 4000  # reading one window takes as long as decoding so many bases


class Genome:
    """Random access to the sequence of a genome.

    The file is opened, and indexed if need be, at the first use in each process. One chromosome at
    most is held in memory, so work chromosome by chromosome; windows that are few are read alone.

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
            self._reader, self._process = open_fasta(self.path), os.getpid()
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
        codes = np.empty(self.lengths[chrom], dtype=np.uint8)
        filled = 0
        with self._explained(chrom):
            for text in self._pieces(chrom):
                part = sequence.codes_of(text, _LINE_ENDS)
                codes[filled : filled + len(part)] = part
                filled += len(part)
            if filled < len(codes):
                raise ValueError(f"it has {filled} bases instead of {len(codes)}")
        return codes

    @contextmanager
    def _explained(self, chrom: str) -> Iterator[None]:
        """Turn what goes wrong in reading a chromosome into an error that says so."""
        try:
            yield
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

    def _pieces(self, chrom: str) -> Iterator[bytes]:
        """Yield the text of a chromosome in pieces, with or without its line ends."""
        reader = self._open()
        entry = reader.index[chrom]
        if is_bgzip(self.path):
            for start in range(0, entry.rlen, _PIECE):
                text = reader.fetch(chrom, start + 1, min(start + _PIECE, entry.rlen))
                yield text.encode("latin-1", "replace")
        elif entry.rlen:
            with open(self.path, "rb") as handle:
                handle.seek(entry.offset)
                lines_before_last = (entry.rlen - 1) // entry.lenc
                left = entry.rlen + lines_before_last * (entry.lenb - entry.lenc)
                while left and (text := handle.read(min(left, _PIECE))):
                    yield text
                    left -= len(text)

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
        self._check_bounds(intervals, groups)
        lengths = (intervals.end - intervals.start).astype(np.int32)
        width = int(lengths.max(initial=0))
        codes = np.full((len(intervals), width), sequence.N, dtype=np.uint8)
        in_file_order = sorted(groups, key={name: i for i, name in enumerate(self.lengths)}.get)  # type: ignore[arg-type]
        for name in in_file_order:
            if self._reads_singly(name, len(groups[name])):
                rows = groups[name]
                found = self._read_windows(name, intervals.start[rows], lengths[rows])
                codes[rows, : found.width] = found.codes
                continue
            chromosome = self.codes(name)
            for first in range(0, len(groups[name]), _ROWS_AT_ONCE):
                rows = groups[name][first : first + _ROWS_AT_ONCE]
                codes[rows] = _windows(chromosome, intervals.start[rows], lengths[rows], width)
        return Sequences(codes, lengths)

    def _reads_singly(self, chrom: str, windows: int) -> bool:
        """Tell whether the windows are so few that the whole chromosome need not be read."""
        if is_bgzip(self.path) or (self._held is not None and self._held[0] == chrom):
            return False
        return windows * _BASES_PER_WINDOW < self.lengths[chrom]

    def _read_windows(
        self, chrom: str, starts: NDArray[np.int64], lengths: NDArray[np.int32]
    ) -> Sequences:
        entry = self._open().index[chrom]
        first, last = (
            entry.offset + place // entry.lenc * entry.lenb + place % entry.lenc
            for place in (starts, starts + lengths - 1)
        )
        texts = []
        with self._explained(chrom), open(self.path, "rb", buffering=0) as handle:
            for start, size in zip(first.tolist(), (last - first + 1).tolist(), strict=True):
                handle.seek(start)
                texts.append(handle.read(size))
            letters = b"".join(texts).translate(None, _LINE_ENDS)
            if len(letters) != lengths.sum():
                raise ValueError("its lines are not where the index says")
            return sequence.from_flat(np.frombuffer(letters, dtype=np.uint8), lengths)

    def inside(self, intervals: Intervals) -> NDArray[np.bool_]:
        """Tell which intervals lie within their chromosome (an unknown one is an error)."""
        return self._inside(intervals, rows_by_chromosome(intervals.chrom))

    def _inside(
        self, intervals: Intervals, groups: dict[str, NDArray[np.int64]]
    ) -> NDArray[np.bool_]:
        known = self.lengths
        self.check_names(groups)
        size = np.empty(len(intervals), dtype=np.int64)
        for name, rows in groups.items():
            size[rows] = known[name]
        return (intervals.start >= 0) & (intervals.end <= size)

    def _check_bounds(self, intervals: Intervals, groups: dict[str, NDArray[np.int64]]) -> None:
        bad = ~self._inside(intervals, groups) | (intervals.end <= intervals.start)
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
