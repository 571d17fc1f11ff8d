"""Tables of scores in bounded memory: `tag`, then one column for each TF (the IBIS AAA format).

The largest official table has 13.3 million rows and 15 columns. It is parsed in blocks; scores of
at most five digits after the point, as the format asks for, are kept as whole numbers of steps of
10⁻⁵ in 32 bits, which is exact, and any others in double precision.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from dann_tfbs.data.readers.opening import GZIP_MAGIC, line_blocks
from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.tags import TagIndex, refuse_repeated_tags
from dann_tfbs.predictions import NO_DATA, STEPS

_BLOCK_BYTES = 1 << 23
_LARGEST_STEP = 1e9
_TOLERANCE = 1.5e-5  # of the official check of the range
_SEPARATORS = {".tsv": "\t", ".csv": ","}

Column = NDArray[Any]  # of int32 or float64


@dataclass(frozen=True)
class ScoreTable:
    """Scores of one file.

    Attributes
    ----------
    path
        The file, for messages.
    tags
        Row of each tag.
    columns
        By TF, shape (n,): `int32` in steps of 10⁻⁵ where every score is a whole number of them,
        else `float64`. Both rank alike.
    incomplete
        Columns that hold `nodata`, with the first line where; they have no entry in `columns`.
    """

    path: Path
    tags: TagIndex
    columns: dict[str, Column]
    incomplete: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.tags)

    def against_the_rules(self, tf: str) -> str | None:
        """Return what the official check would refuse in a column, or None."""
        column = self.columns[tf]
        values = in_units(column)
        problems = []
        if values.min(initial=0) < -_TOLERANCE or values.max(initial=0) > 1 + _TOLERANCE:
            problems.append("values outside [0, 1]")
        if column.dtype.kind != "i" and _steps_of(values[np.isfinite(values)]) is None:
            problems.append("more than five digits after the point")
        return " and ".join(problems) or None


def in_units(column: Column) -> NDArray[np.float64]:
    """Return a column of a `ScoreTable` as the numbers that stand in the file, exactly."""
    return column / STEPS if column.dtype.kind == "i" else np.asarray(column, dtype=np.float64)


def column_names(path: Path) -> list[str]:
    """Return the header of a table of scores: the name of the tag column, then the TFs.

    Raises
    ------
    InputError
        If the file cannot be read, lines end in CR alone, or the header does not name at least two
        columns, each once.
    """
    first = next(line_blocks(path)).text(0)
    if "\r" in first:
        raise InputError(
            "a carriage return stands inside the line.",
            path=path,
            line=1,
            remedy="End lines with LF (or CR LF).",
        )
    columns = _fields(first, separator_of(path))
    if len(columns) < 2 or len(set(columns)) < len(columns):
        raise InputError(
            f"the header {columns} does not name a tag and one column for each TF.",
            path=path,
            line=1,
            remedy="Begin with `tag`, then the TF of each column once.",
        )
    return columns


def first_tags(path: Path, count: int = 50) -> pa.Array:
    """Return up to `count` tags from the head of a table."""
    separator = separator_of(path)
    lines = next(line_blocks(path))
    rows = range(1, min(count + 1, len(lines)))
    return pa.array([_fields(lines.text(row), separator)[0] for row in rows], pa.string())


def separator_of(path: Path) -> str:
    """Return what separates the columns, by the file's ending (`.gz` aside).

    Raises
    ------
    InputError
        If the ending is none of a table.
    """
    ending = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if ending not in _SEPARATORS:
        raise InputError(
            f"the ending '{ending}' is no table of predictions.",
            path=path,
            remedy="Give a .tsv or .csv file, plain or .gz.",
        )
    return _SEPARATORS[ending]


def read_score_table(path: Path, *, allow_no_data: bool = False) -> ScoreTable:
    """Read a table of scores in blocks, plain or gzip.

    Parameters
    ----------
    path
        `.tsv` (the IBIS AAA format) or `.csv`, with a header.
    allow_no_data
        Whether `nodata` makes a column incomplete; otherwise it is an error.

    Raises
    ------
    InputError
        If the file cannot be read, a value is no number (also empty and NaN), a row has the wrong
        number of fields, or a tag or column is repeated. The error names the line.
    """
    separator = separator_of(path)
    columns = column_names(path)
    tags: list[pa.Array] = []
    pieces: dict[str, list[Column]] = {name: [] for name in columns[1:]}
    incomplete: dict[str, int] = {}
    first_line = 2
    try:
        for batch in _batches(path, separator, columns, allow_no_data):
            tags.append(batch.column(0))
            for name, values in zip(columns[1:], batch.columns[1:], strict=True):
                if values.null_count and name not in incomplete:
                    missing = np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False))
                    incomplete[name] = first_line + int(missing[0])
                    pieces[name] = []
                if name not in incomplete:
                    pieces[name].append(_compact(values.to_numpy(zero_copy_only=False)))
            first_line += len(batch)
    except (pa.ArrowException, UnicodeDecodeError, _NotANumberError) as error:
        allowed = {NO_DATA} if allow_no_data else set()
        raise _explained(path, separator, columns, str(error), allowed) from error
    index = TagIndex(tags)
    tags.clear()
    refuse_repeated_tags(path, index, first_line=2)
    joined = {}
    for name in columns[1:]:
        if name not in incomplete:
            joined[name] = _joined(pieces.pop(name))
    return ScoreTable(path, index, joined, incomplete)


def _batches(
    path: Path, separator: str, columns: list[str], allow_no_data: bool
) -> Iterator[pa.RecordBatch]:
    types = {name: pa.float64() for name in columns} | {columns[0]: pa.string()}
    with open(path, "rb") as raw:
        zipped = raw.peek(2).startswith(GZIP_MAGIC)
        stream = gzip.GzipFile(fileobj=raw) if zipped else raw
        reader = pyarrow.csv.open_csv(
            pa.PythonFile(stream, "r"),
            read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(delimiter=separator),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=types, null_values=[NO_DATA] if allow_no_data else []
            ),
        )
        yield from reader


class _NotANumberError(Exception):
    """A score is NaN."""


def _compact(values: NDArray[np.float64]) -> Column:
    """Return steps of 10⁻⁵ where every value is exactly a number of them."""
    steps = _steps_of(values)
    if steps is not None and np.abs(steps).max(initial=0) < _LARGEST_STEP:
        return steps.astype(np.int32)
    if np.isnan(values).any():
        raise _NotANumberError("a score is NaN")
    return values


def _steps_of(values: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the steps of 10⁻⁵ in each value, or None where one has more digits (or is NaN)."""
    steps = np.rint(values * STEPS)
    # A decimal of five digits reads as the double nearest to it, and so does this quotient.
    return steps if np.array_equal(steps / STEPS, values) else None


def _joined(pieces: list[Column]) -> Column:
    if not pieces:
        return np.empty(0, dtype=np.int32)
    if all(piece.dtype.kind == "i" for piece in pieces):
        return np.concatenate(pieces)
    return np.concatenate([in_units(piece) for piece in pieces])


def _fields(line: str, separator: str) -> list[str]:
    """Split a line as the CSV reader does, quotation marks included."""
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:  # a carriage return inside the line
        return line.split(separator)


def _explained(
    path: Path, separator: str, columns: list[str], problem: str, allowed: set[str]
) -> InputError:
    """Find the first line that cannot be a row of scores."""
    for lines in line_blocks(path):
        for row in range(len(lines)):
            text, number = lines.text(row), lines.first + row
            if number == 1 or not text:
                continue
            fields = _fields(text, separator)
            if len(fields) != len(columns):
                found = f"has {len(fields)} fields instead of {len(columns)}."
                return InputError(found, path=path, line=number, remedy="Complete the row.")
            for name, text in zip(columns[1:], fields[1:], strict=True):
                if text not in allowed and not _is_number(text):
                    return InputError(
                        f"the score {text!r} of '{fields[0]}' is no number.",
                        path=path,
                        line=number,
                        key=name,
                        remedy="Give a number for every tag, or leave the whole column out.",
                    )
    return InputError(f"cannot be read ({problem}).", path=path, remedy="Check the file.")


def _is_number(text: str) -> bool:
    try:
        return not np.isnan(float(text))
    except ValueError:
        return False
