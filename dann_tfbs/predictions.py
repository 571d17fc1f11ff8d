"""Writing predictions: the IBIS AAA table (TSV, five digits) or CSV with full precision.

Compressed tables consist of a gzip member for each chunk, so that writing can go on at any of them.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dann_tfbs.continued import Question, continued
from dann_tfbs.errors import InputError

Scores = tuple[list[str], NDArray[np.floating]]

STEPS = 100_000
"""Steps of an AAA value between 0 and 1: five digits."""

NO_DATA = "nodata"
"""What the AAA format allows in the place of a score; the whole column is then not scored."""

_LEVEL = 6  # of compression
_TEXT = pa.large_string()


def write_predictions(path: Path, columns: str | Sequence[str], chunks: Iterable[Scores]) -> int:
    """Stream scores into a file, all or nothing.

    Parameters
    ----------
    path
        `.tsv`: the IBIS AAA format, values in [0, 1] with five digits; `.csv`: 12 significant
        digits. With `.gz` behind it, compressed.
    columns
        Name of the score column, usually the TF, or of each of k columns.
    chunks
        Tags and scores, shape (n,), or (n, k) for k columns.

    Returns
    -------
    int
        Number of rows written.

    Raises
    ------
    InputError
        If the ending is unknown, a score is NaN, or an AAA value lies outside [0, 1].
    OutputError
        If the file cannot be written.
    """
    return continue_predictions(path, columns, None, lambda records: chunks)


def continue_predictions(
    path: Path,
    columns: str | Sequence[str],
    question: Question | None,
    chunks_after: Callable[[int], Iterable[Scores]],
    say: Callable[[str], None] = lambda text: None,
) -> int:
    """Stream scores into a file, going on where an interrupted call with the same question stopped.

    Parameters
    ----------
    path, columns
        As `write_predictions`.
    question
        What the scores depend on (`dann_tfbs.continued`); None: all or nothing.
    chunks_after
        Returns the tags and scores that follow so many records. The same chunks must come whenever
        the same question is asked, wherever it starts.
    say
        Takes a line for the user about what is continued.

    Returns
    -------
    int
        Number of rows in the file.

    Raises
    ------
    InputError, OutputError
        As `write_predictions`; also if another process is writing the file.
    """
    separator, numbers, packed = _layout(path)
    names = [columns] if isinstance(columns, str) else list(columns)
    with continued(path, question, say) as output:
        header = [_quoted(pa.array([name], _TEXT), separator) for name in ("tag", *names)]
        # The header comes with the first rows: a file without rows has nothing to go on from.
        pending = [] if output.records else [_rows(header, separator)]
        for tags, scores in chunks_after(output.records):
            table = np.asarray(scores, dtype=np.float64)
            if table.ndim == 1:
                table = table[:, None]
            if table.shape != (len(tags), len(names)):
                raise ValueError(
                    f"scores of shape {table.shape} for {len(tags)} tags and {len(names)} columns"
                )
            if not tags:
                continue
            _check(path, tags, names, table, separator)
            quoted = _quoted(pa.array(tags, _TEXT), separator)
            lines = b"".join([*pending, _rows([quoted, *map(numbers, table.T)], separator)])
            pending = []
            output.write(gzip.compress(lines, _LEVEL, mtime=0) if packed else lines, len(tags))
        if not output.records:
            raise InputError(
                "there was nothing to score.", path=path, remedy="Check the input and --split."
            )
        return output.records


def _layout(path: Path) -> tuple[str, Callable[[NDArray[np.float64]], pa.Array], bool]:
    """Return what separates the columns, what writes the numbers of one, whether to compress."""
    packed = path.suffix == ".gz"
    ending = path.with_suffix("").suffix if packed else path.suffix
    if ending == ".tsv":
        return "\t", _with_five_decimals, packed
    if ending == ".csv":
        return ",", _with_twelve_digits, packed
    raise InputError(
        "the ending is neither .tsv nor .csv (nor one of them with .gz).", path=path, key="--out"
    )


def _check(
    path: Path,
    tags: Sequence[str],
    names: Sequence[str],
    table: NDArray[np.float64],
    separator: str,
) -> None:
    missing = np.argwhere(np.isnan(table))
    if len(missing):
        row, column = missing[0]
        raise InputError(
            f"the score of '{tags[row]}' is not a number.",
            path=path,
            key=names[column],
            remedy="Check the weights of the run.",
        )
    if separator == "\t" and not (0 <= table.min() <= table.max() <= 1):
        raise InputError(
            "the AAA format holds values between 0 and 1 only.",
            path=path,
            remedy="Write a .csv instead.",
        )


def _quoted(texts: pa.Array, separator: str) -> pa.Array:
    """Quote what holds the separator, a quotation mark or a line end, as the csv module does."""
    special = pc.match_substring_regex(texts, f'["\r\n{separator}]')
    if not pc.any(special).as_py():
        return texts
    mark, nothing = pa.scalar('"', _TEXT), pa.scalar("", _TEXT)
    doubled = pc.replace_substring(texts, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise(mark, doubled, mark, nothing), texts)


def _rows(columns: Sequence[pa.Array], separator: str) -> memoryview:
    """Return the lines of a table as bytes; all of them at once, and without Python's lock."""
    pieces = []
    for column, end in zip(columns, [separator] * (len(columns) - 1) + ["\n"], strict=True):
        pieces += [column, pa.scalar(end, _TEXT)]
    lines = pc.binary_join_element_wise(*pieces, pa.scalar("", _TEXT))
    # The lines stand end to end in the array's own memory.
    return memoryview(lines.buffers()[2])[: pc.sum(pc.binary_length(lines)).as_py()]


def _with_twelve_digits(values: NDArray[np.float64]) -> pa.Array:
    return pa.array([f"{value:.12g}" for value in values.tolist()], _TEXT)


def _with_five_decimals(values: NDArray[np.float64]) -> pa.Array:
    """Write values in [0, 1] exactly as `%.5f` does."""
    scaled = values * STEPS
    steps = np.rint(scaled)
    # Half-way between two texts the product, itself rounded, must not decide.
    for row in np.flatnonzero(np.abs(np.abs(scaled - steps) - 0.5) < 1e-9):
        steps[row] = int(f"{values[row]:.5f}".replace(".", ""))
    texts = _five_decimals()
    offsets = np.arange(len(values) + 1, dtype=np.int64) * texts.itemsize
    letters = texts[steps.astype(np.intp)]
    return pa.LargeStringArray.from_buffers(
        len(values), pa.py_buffer(offsets), pa.py_buffer(letters)
    )


@cache
def _five_decimals() -> NDArray[np.void]:
    """Return the texts `0.00000`, `0.00001`, … `1.00000`, seven bytes each."""
    step = np.arange(STEPS + 1)
    letters = np.full((len(step), 7), ord("."), dtype=np.uint8)
    for place, power in zip((0, 2, 3, 4, 5, 6), (5, 4, 3, 2, 1, 0), strict=True):
        letters[:, place] = ord("0") + step // 10**power % 10
    return letters.view("V7").ravel()
