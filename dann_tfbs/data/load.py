"""One raw file to records, whatever its format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.assays import PEAK_WINDOW, get_assay
from dann_tfbs.data.intervals import Intervals, make_intervals
from dann_tfbs.data.readers.fasta import parse_interval, read_fasta
from dann_tfbs.data.readers.opening import first_byte
from dann_tfbs.data.readers.pbm import read_pbm
from dann_tfbs.data.readers.peaks import Peaks, peak_windows, read_peaks
from dann_tfbs.data.readers.reads import read_sequences
from dann_tfbs.data.records import NO_CYCLE, Records, make_records
from dann_tfbs.data.sources import SourceFile, stem
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import Sequences


class GenomeLike(Protocol):
    """What loading peaks needs of a genome."""

    @property
    def lengths(self) -> Mapping[str, int]:
        """Length in bp of each chromosome."""

    def fetch(self, intervals: Intervals, /) -> Sequences:
        """Return the sequence of each interval, in order."""


@dataclass(frozen=True)
class Loaded:
    """The records of one file.

    Attributes
    ----------
    records
        In the order of the file.
    dropped
        Number of entries left out for each reason; reasons that never held are absent.
    """

    records: Records
    dropped: dict[str, int]


def load_source(
    source: SourceFile, genome: GenomeLike | None = None, window: int = PEAK_WINDOW
) -> Loaded:
    """Read one raw file.

    Parameters
    ----------
    source
        The file and what it is.
    genome
        Needed for peaks (`.peaks`, BED, narrowPeak) only.
    window
        Length in bp of the window around each peak's summit; see
        `dann_tfbs.data.readers.peaks.peak_windows`. Sequences that come as such keep their length.

    Returns
    -------
    Loaded
        Records whose group is `R<replicate>` where that is known, else the file's name without
        suffixes. Peaks carry the interval of their window, genomic FASTA that of its headers when
        all have one, arrays their signal. Dropped are windows that leave the chromosome, empty
        sequences, and control, flagged and unmeasured spots of arrays.

    Raises
    ------
    InputError
        If the file is bad (see the readers), nothing is left of it, a peak lies beyond its
        chromosome's end, or peaks come without a genome.
    """
    kind = get_assay(source.assay).kind
    if source.assay == "PBM" and first_byte(source.path) not in (b">", b"@"):
        loaded = _array(source)
    elif kind == "genomic" and first_byte(source.path) != b">":
        loaded = _peaks(source, genome, window)
    elif kind == "genomic":
        loaded = _genomic_fasta(source)
    else:
        loaded = _without_empty(source, sequence.concatenate(list(read_sequences(source.path))))
    if not len(loaded.records):
        reasons = ", ".join(f"{reason}: {count}" for reason, count in loaded.dropped.items())
        raise InputError(
            f"nothing is left to use ({reasons or 'no entries'}).",
            path=source.path,
            remedy="Check that the file fits the assay, the genome and the window.",
        )
    return loaded


def _records(
    source: SourceFile,
    sequences: Sequences,
    *,
    signal: NDArray[np.floating] | None = None,
    intervals: Intervals | None = None,
) -> Records:
    return make_records(
        sequences,
        group=stem(source.path) if source.replicate is None else f"R{source.replicate}",
        cycle=NO_CYCLE if source.cycle is None else source.cycle,
        signal=signal,
        intervals=intervals,
    )


def _without_empty(
    source: SourceFile, sequences: Sequences, intervals: Intervals | None = None
) -> Loaded:
    records = _records(source, sequences, intervals=intervals)
    filled = sequences.lengths > 0
    if filled.all():
        return Loaded(records, {})
    return Loaded(records.take(filled), {"empty sequence": int((~filled).sum())})


def _array(source: SourceFile) -> Loaded:
    table, dropped = read_pbm(source.path).for_training()
    return Loaded(
        _records(source, table.sequences, signal=table.signal),
        {reason: count for reason, count in dropped.items() if count},
    )


def _genomic_fasta(source: SourceFile) -> Loaded:
    parts, headers = [], []
    for chunk in read_fasta(source.path):
        parts.append(chunk.sequences)
        headers += chunk.headers
    return _without_empty(source, sequence.concatenate(parts), _header_intervals(headers))


def _header_intervals(headers: Iterable[str]) -> Intervals | None:
    found = []
    for header in headers:
        interval = parse_interval(header)
        if interval is None:
            return None
        found.append(interval)
    return make_intervals(*zip(*found, strict=True))


def _peaks(source: SourceFile, genome: GenomeLike | None, window: int) -> Loaded:
    if genome is None:
        raise InputError(
            "holds peaks, whose sequences stand in a genome.",
            path=source.path,
            remedy="Give the genome's FASTA with --genome.",
        )
    peaks = read_peaks(source.path)
    windows = peak_windows(peaks, window)
    # A chromosome that the genome lacks keeps its windows: the genome explains what is wrong.
    lengths = genome.lengths
    size = np.array([lengths.get(name, -1) for name in windows.chrom], dtype=np.int64)
    _refuse_beyond_end(source, peaks, size)
    inside = (size < 0) | ((windows.start >= 0) & (windows.end <= size))
    windows = windows.take(inside)
    left = int((~inside).sum())
    records = _records(source, genome.fetch(windows), intervals=windows)
    return Loaded(records, {"window leaves the chromosome": left} if left else {})


def _refuse_beyond_end(source: SourceFile, peaks: Peaks, size: NDArray[np.int64]) -> None:
    beyond = (size >= 0) & (peaks.intervals.end > size)
    if beyond.any():
        row = int(np.argmax(beyond))
        raise InputError(
            f"the peak ends at {peaks.intervals.end[row]}, but {peaks.intervals.chrom[row]} has "
            f"{size[row]} bp.",
            path=source.path,
            line=int(peaks.lines[row]),
            remedy="Give the genome assembly that the peaks were called on.",
        )
