"""Tab-separated tables as columns of text, with the file's line number of every row."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from dann_tfbs.data.readers.opening import Lines, read_lines
from dann_tfbs.errors import InputError

_TAB = 9
_TRACK_WORDS = ("track", "browser")
_MISSING = pa.array(["", ".", "NA", "N/A", "NaN", "nan", "null"])
_WHOLE_LIMIT = 10**15
_WHOLE = r"^-?[0-9]{1,15}$"
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?$"


@dataclass(frozen=True)
class Table:
    """A table of text cells.

    Attributes
    ----------
    path
        The file it was read from, for messages.
    header
        Column names, without spaces around them; empty where the file has none.
    columns
        One array of text for each column, each of length n.
    lines
        `int64`, shape (n,): 1-based line of each row in the file.
    """

    path: str | os.PathLike[str]
    header: list[str]
    columns: list[pa.Array]
    lines: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.lines)

    def error(self, row: int, problem: str, remedy: str) -> InputError:
        """Build the error that names the line of a row."""
        return InputError(problem, path=self.path, line=int(self.lines[row]), remedy=remedy)

    def whole_numbers(
        self, column: int, name: str, *, empty: int | None = None
    ) -> NDArray[np.int64]:
        """Return a column as `int64`; a missing value becomes `empty` where that is given.

        Raises
        ------
        InputError
            If a cell is no whole number; it names the line.
        """
        fast = _as_whole(self.columns[column])
        if fast is not None:
            return fast
        text = pc.utf8_trim_whitespace(self.columns[column])
        valid = pc.match_substring_regex(text, _WHOLE)
        allowed = valid if empty is None else pc.or_(valid, pc.is_in(text, _MISSING))
        self._all_allowed(allowed, text, name, "a whole number")
        filled = pc.if_else(valid, text, str(empty or 0))
        return np.asarray(pc.cast(filled, pa.int64()), dtype=np.int64)

    def numbers(self, column: int, name: str, *, strict: bool = True) -> NDArray[np.float64]:
        """Return a column as `float64`; a missing value (empty, `.`, NA, NaN) becomes NaN.

        Raises
        ------
        InputError
            If a cell is no number; it names the line. Without `strict` such a cell becomes NaN.
        """
        fast = _as_numbers(self.columns[column])
        if fast is not None:
            return fast
        text = pc.utf8_trim_whitespace(self.columns[column])
        valid = pc.match_substring_regex(text, _NUMBER)
        if strict:
            self._all_allowed(pc.or_(valid, pc.is_in(text, _MISSING)), text, name, "a number")
        filled = pc.if_else(valid, text, "nan")
        return np.asarray(pc.cast(filled, pa.float64()), dtype=np.float64)

    def names(self, column: int) -> NDArray[np.object_]:
        """Return a column of few different texts as an object array."""
        coded = self.columns[column].dictionary_encode()
        different = np.array(coded.dictionary.to_pylist(), dtype=object)
        return np.asarray(different[coded.indices.to_numpy()])

    def flags(self, column: int, name: str) -> NDArray[np.bool_]:
        """Return a column of TRUE/FALSE or 0/1 (any case) as booleans; a missing value is False.

        Raises
        ------
        InputError
            If a cell is none of these; it names the line.
        """
        coded = self.columns[column].dictionary_encode()  # few different cells: look at each once
        text = pc.utf8_lower(pc.utf8_trim_whitespace(coded.dictionary))
        true = pc.is_in(text, pa.array(["true", "t", "yes", "1"]))
        false = pc.is_in(text, pa.array(["false", "f", "no", "0", "", "na"]))
        allowed = pc.or_(true, false).take(coded.indices)
        self._all_allowed(allowed, text.take(coded.indices), name, "TRUE, FALSE, 0 or 1")
        return np.asarray(true.take(coded.indices), dtype=bool)

    def _all_allowed(self, allowed: pa.Array, text: pa.Array, name: str, what: str) -> None:
        wrong = ~np.asarray(allowed, dtype=bool)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise self.error(row, f"{name} is '{text[row]}', not {what}.", "Correct this cell.")


def _as_whole(text: pa.Array) -> NDArray[np.int64] | None:
    """Return numbers of the plainest form, None if there are others."""
    letters = text.buffers()[2]
    if letters is None or b"x" in letters.to_pybytes().lower():  # hexadecimal to Arrow
        return None
    try:
        values = np.asarray(pc.cast(text, pa.int64()), dtype=np.int64)
    except pa.ArrowInvalid:
        return None
    return values if (np.abs(values) < _WHOLE_LIMIT).all() else None


def _as_numbers(text: pa.Array) -> NDArray[np.float64] | None:
    """Return numbers of the plainest form, None if there are others or missing ones."""
    try:
        values = np.asarray(pc.cast(text, pa.float64()), dtype=np.float64)
    except pa.ArrowInvalid:
        return None
    return values if np.isfinite(values).all() else None


def read_table(path: str | os.PathLike[str], *, header: bool) -> Table:
    """Read a tab-separated table, plain or gzip.

    Parameters
    ----------
    path
        The file. Lines that start with `#` or with a genome browser's `track` or `browser` and
        blank lines are no rows, wherever they stand.
    header
        Whether the first line names the columns, with or without `#`. Otherwise the first line
        starting with `#`, if any, is offered as the header.

    Raises
    ------
    InputError
        If the file cannot be read, is no text, has rows of unequal numbers of cells, or no row.
    """
    lines = read_lines(path)
    if len(lines.letters) >= 2**31:
        raise InputError("is larger than 2 GiB.", path=path, remedy="Split the table.")
    _check_text(lines, path)
    first = lines.letters[lines.starts]
    comment = first == ord("#")
    rows = (lines.ends > lines.starts) & ~comment
    for line in np.flatnonzero(rows & ((first == ord("t")) | (first == ord("b")))).tolist():
        rows[line] = lines.text(line).split()[0] not in _TRACK_WORDS
    named = np.flatnonzero(rows | comment if header else comment)[:1]
    names = [name.strip() for line in named for name in lines.text(line).lstrip("#").split("\t")]
    if header:
        rows[named] = False
    kept = np.flatnonzero(rows)
    if not len(kept):
        raise InputError("holds no rows.", path=path, remedy="Give a table that holds data.")
    cells = len(names) if header else lines.text(int(kept[0])).count("\t") + 1
    try:
        columns = _parsed(_text_of(lines, kept), cells)
    except pa.ArrowInvalid:
        _refuse_ragged(path, lines, kept, cells)
        raise
    return Table(path, names, columns, lines.first + kept)


def _refuse_ragged(
    path: str | os.PathLike[str], lines: Lines, kept: NDArray[np.int64], expected: int
) -> None:
    counts = _cell_counts(lines)[kept]
    if (counts != expected).any():
        row = int(np.argmax(counts != expected))
        raise InputError(
            f"the row has {counts[row]} tab-separated cells, expected {expected}.",
            path=path,
            line=lines.first + int(kept[row]),
            remedy="Every row needs the same number of cells, separated by tabs.",
        )


def _check_text(lines: Lines, path: str | os.PathLike[str]) -> None:
    """Refuse what is no table at all before it turns into puzzling cells."""
    text = lines.letters.tobytes()
    try:
        if not text.isascii():
            text.decode("utf-8")
        wrong = max(text.find(b"\r"), text.find(b"\0"))
    except UnicodeDecodeError as error:
        wrong = error.start
    if wrong >= 0:
        raise InputError(
            "the line holds a byte that belongs into no table.",
            path=path,
            line=lines.first + text.count(b"\n", 0, wrong),
            remedy="Give tab-separated text in UTF-8 with LF or CRLF line ends.",
        )


def _cell_counts(lines: Lines) -> NDArray[np.int64]:
    tabs = np.flatnonzero(lines.letters == _TAB)
    return np.searchsorted(tabs, lines.ends) - np.searchsorted(tabs, lines.starts) + 1


def _text_of(lines: Lines, kept: NDArray[np.int64]) -> bytes:
    """Return the text of the kept lines."""
    starts, stops = lines.starts, lines.ends + 1
    if int(kept[-1]) - int(kept[0]) == len(kept) - 1:
        return lines.letters[starts[kept[0]] : stops[kept[-1]]].tobytes()
    rows = np.zeros(len(lines), dtype=bool)
    rows[kept] = True
    return lines.letters[np.repeat(rows, stops - starts)].tobytes()


def _parsed(text: bytes, columns: int) -> list[pa.Array]:
    names = [str(column) for column in range(columns)]
    table = csv.read_csv(
        pa.BufferReader(text),
        # One block for the whole table: a line may not cross a block's end.
        csv.ReadOptions(column_names=names, use_threads=False, block_size=len(text)),
        csv.ParseOptions(delimiter="\t", quote_char=False, ignore_empty_lines=False),
        csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
    )
    return [
        column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
        for column in table.columns
    ]
