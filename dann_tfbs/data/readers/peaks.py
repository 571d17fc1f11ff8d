"""Peaks: the IBIS `.peaks` table, BED (three columns upward) and narrowPeak."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.data.intervals import Intervals, make_intervals
from dann_tfbs.data.readers.table import Table, read_table
from dann_tfbs.errors import InputError

_SCORE = 4  # pileup in .peaks, score in BED
_SUMMIT = 3  # absolute position in .peaks
_STRAND = 5
_SIGNAL_VALUE = 6  # narrowPeak; its score column is capped at 1000
_SUMMIT_OFFSET = 9  # narrowPeak
_STRANDS = {"+", "-", "."}
_NO_SUMMIT = -1


@dataclass(frozen=True)
class Peaks:
    """Peaks of one file, in its order.

    Attributes
    ----------
    intervals
        0-based starts and exclusive ends, shape (n,).
    summit
        `int64`: absolute 0-based position of the summit, the middle of the peak where absent.
    score
        `float64`: pileup of `.peaks`, score of BED, signalValue of narrowPeak; NaN where absent.
    lines
        `int64`: 1-based line of each peak in the file, for messages.
    """

    intervals: Intervals
    summit: NDArray[np.int64]
    score: NDArray[np.float64]
    lines: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.summit)


def read_peaks(path: str | os.PathLike[str]) -> Peaks:
    """Read a peak file, plain or gzip.

    The format is told by the content: a header line with `abs_summit`, or a name ending in
    `.peaks`, makes IBIS peaks; ten columns with a strand in the sixth make narrowPeak; anything
    else is BED. Lines that start with `#` are skipped wherever they stand.

    Raises
    ------
    InputError
        If the file cannot be read, holds no peak, or a row is ragged, has no whole-number
        coordinates, is empty or negative, or has its summit outside the peak; it names the line.
    """
    table = read_table(path, header=False)
    if len(table.columns) < 3:
        raise table.error(
            0,
            f"the row has {len(table.columns)} tab-separated cells, a peak needs at least 3.",
            "Give chromosome, start and end, separated by tabs.",
        )
    start = table.whole_numbers(1, "the start")
    end = table.whole_numbers(2, "the end")
    _refuse(table, start < 0, "the start is negative.", "Starts are 0-based.")
    _refuse(table, end <= start, "the end is not behind the start.", "Ends are exclusive.")
    chrom = table.names(0)
    _refuse(table, chrom == "", "the chromosome is empty.", "Name the chromosome.")
    summit, score = _summit_and_score(table, start)
    summit = np.where(summit == _NO_SUMMIT, (start + end) // 2, summit)
    _refuse(
        table,
        (summit < start) | (summit > end),
        "the summit lies outside the peak.",
        "A .peaks file gives it as absolute position, narrowPeak as offset from the start.",
    )
    return Peaks(make_intervals(chrom, start, end), summit, score, table.lines)


def _summit_and_score(
    table: Table, start: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    columns = len(table.columns)
    names = [name.lower() for name in table.header]
    absolute = names.index("abs_summit") if "abs_summit" in names else _SUMMIT
    narrow = columns == 10 and set(table.columns[_STRAND].unique().to_pylist()) <= _STRANDS
    ibis = "abs_summit" in names or (".peaks" in Path(table.path).suffixes and not narrow)
    score_column = _SIGNAL_VALUE if narrow and not ibis else _SCORE
    score = np.full(len(table), np.nan)
    if columns > score_column:
        score = table.numbers(score_column, "the score", strict=False)
    if ibis and columns > absolute:
        return table.whole_numbers(absolute, "the summit", empty=_NO_SUMMIT), score
    if narrow and not ibis:
        offset = table.whole_numbers(_SUMMIT_OFFSET, "the summit offset", empty=_NO_SUMMIT)
        return np.where(offset == _NO_SUMMIT, _NO_SUMMIT, start + offset), score
    return np.full(len(table), _NO_SUMMIT, dtype=np.int64), score


def _refuse(table: Table, wrong: NDArray[np.bool_], problem: str, remedy: str) -> None:
    if wrong.any():
        raise table.error(int(np.argmax(wrong)), problem, remedy)


def peak_windows(peaks: Peaks, window: int) -> Intervals:
    """Return the interval of `window` bp around each summit.

    It runs from summit − ⌊window / 2⌋ on; for the 301 bp of IBIS from summit − 150 to
    summit + 151 (exclusive). It may leave the chromosome.

    Raises
    ------
    InputError
        If `window` is not positive.
    """
    if window < 1:
        raise InputError(f"the window is {window} bp.", key="window", remedy="Give 1 bp or more.")
    start = peaks.summit - window // 2
    return make_intervals(peaks.intervals.chrom, start, start + window)
