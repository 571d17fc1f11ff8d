"""Reading predictions, and bringing them into the order of the answers."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.tags import refuse_repeated_tags

_SEPARATORS = {".tsv": "\t", ".csv": ","}


@dataclass(frozen=True)
class Predictions:
    """Scores of one file.

    Attributes
    ----------
    path
        The file, for messages.
    tags
        Arrow strings, unique.
    scores
        One `float64` column, shape (n,), for each TF.
    """

    path: Path
    tags: pa.Array
    scores: dict[str, NDArray[np.float64]]


def read_predictions(path: Path) -> Predictions:
    """Read a table of predictions: `tag`, then one score column for each TF.

    Parameters
    ----------
    path
        `.tsv` (the IBIS AAA format) or `.csv`, with a header.

    Raises
    ------
    InputError
        If the file cannot be read, a value is no number (also `nodata`, empty and NaN), a row has
        the wrong number of fields, or a tag or column is repeated. The error names the line.
    """
    if path.suffix not in _SEPARATORS:
        raise InputError(
            f"the ending '{path.suffix}' is no table of predictions.",
            path=path,
            remedy="Give a .tsv or .csv file.",
        )
    if not path.is_file():
        raise InputError("there are no predictions here.", path=path, remedy="Check the path.")
    separator = _SEPARATORS[path.suffix]
    columns = _header(path, separator)
    types = {name: pa.float64() for name in columns} | {columns[0]: pa.string()}
    try:
        table = pyarrow.csv.read_csv(
            path,
            parse_options=pyarrow.csv.ParseOptions(delimiter=separator),
            convert_options=pyarrow.csv.ConvertOptions(column_types=types, null_values=[]),
        )
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise _explained(path, separator, columns, str(error)) from error
    scores = {name: table[name].to_numpy() for name in columns[1:]}
    if any(np.isnan(values).any() for values in scores.values()):
        raise _explained(path, separator, columns, "a score is NaN")
    tags = table[columns[0]].combine_chunks()
    refuse_repeated_tags(path, tags, first_line=2)
    return Predictions(path, tags, scores)


def _header(path: Path, separator: str) -> list[str]:
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        columns = next(csv.reader(file, delimiter=separator), [])
    if len(columns) < 2 or len(set(columns)) < len(columns):
        raise InputError(
            f"the header {columns} does not name a tag and one column for each TF.",
            path=path,
            line=1,
            remedy="Begin with `tag`, then the TF of each column once.",
        )
    return columns


def _explained(path: Path, separator: str, columns: list[str], problem: str) -> InputError:
    """Find the first line that cannot be a row of scores."""
    with open(path, encoding="utf-8", errors="replace") as file:
        for number, text in enumerate(file, start=1):
            fields = text.rstrip("\r\n").split(separator)
            if number == 1 or fields == [""]:
                continue
            if len(fields) != len(columns):
                found = f"has {len(fields)} fields instead of {len(columns)}."
                return InputError(found, path=path, line=number, remedy="Complete the row.")
            for name, field in zip(columns[1:], fields[1:], strict=True):
                if not _is_number(field):
                    return InputError(
                        f"the score {field!r} of '{fields[0]}' is no number.",
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


def scores_of(predictions: Predictions, tf: str, tags: pa.Array) -> NDArray[np.float64]:
    """Return the scores of the given tags, in their order, shape (n,).

    The column is the one of this TF. A file with a single column called `score` serves any TF, and
    any single column serves a TF of unknown name ("").

    Raises
    ------
    InputError
        If there is no such column, or a tag has no prediction.
    """
    columns = list(predictions.scores)
    only = columns[0] if len(columns) == 1 else None
    column = tf if tf in columns else only if only == "score" or not tf else None
    if column is None:
        raise InputError(
            f"no column is called '{tf}'; there are {', '.join(columns)}.",
            path=predictions.path,
            remedy="Predict this TF, or name another with --tf.",
        )
    rows = pc.index_in(tags, value_set=predictions.tags)
    if rows.null_count:
        first = tags[int(np.argmax(pc.is_null(rows).to_numpy(zero_copy_only=False)))].as_py()
        raise InputError(
            f"{rows.null_count} of {len(tags)} tags of the answers have no prediction, the first "
            f"is '{first}'.",
            path=predictions.path,
            remedy="Predict the sequences that the answers are about, all of them.",
        )
    return predictions.scores[column][rows.to_numpy()]
