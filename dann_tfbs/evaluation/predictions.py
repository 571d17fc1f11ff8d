"""Reading predictions, and bringing them into the order of the answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.score_table import in_units, read_score_table
from dann_tfbs.evaluation.tags import TagIndex


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

    @cached_property
    def index(self) -> TagIndex:
        """Row of each tag."""
        return TagIndex(self.tags)


def read_predictions(path: Path) -> Predictions:
    """Read a table of predictions: `tag`, then one score column for each TF.

    Parameters
    ----------
    path
        `.tsv` (the IBIS AAA format) or `.csv`, with a header, plain or `.gz`.

    Raises
    ------
    InputError
        If the file cannot be read, a value is no number (also `nodata`, empty and NaN), a row has
        the wrong number of fields, or a tag or column is repeated. The error names the line.
    """
    if not path.is_file():
        raise InputError("there are no predictions here.", path=path, remedy="Check the path.")
    table = read_score_table(path)
    scores = {name: in_units(column) for name, column in table.columns.items()}
    return Predictions(path, table.tags.tags(), scores)


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
    return predictions.scores[column][rows_of_answers(predictions.path, predictions.index, tags)]


def rows_of_answers(path: Path, index: TagIndex, tags: pa.Array) -> NDArray[np.int64]:
    """Return the row of each tag of some answers in predictions, shape (n,).

    Raises
    ------
    InputError
        If a tag has no prediction.
    """
    rows = index.rows_of(tags)
    missing = np.flatnonzero(rows < 0)
    if len(missing):
        raise InputError(
            f"{len(missing)} of {len(tags)} tags of the answers have no prediction, the first "
            f"is '{tags[int(missing[0])].as_py()}'.",
            path=path,
            remedy="Predict the sequences that the answers are about, all of them.",
        )
    return rows
