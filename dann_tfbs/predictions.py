"""Writing predictions: the IBIS AAA table (TSV, five digits) or CSV with full precision."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.errors import InputError
from dann_tfbs.files import written_aside

Scores = tuple[list[str], NDArray[np.floating]]


def write_predictions(path: Path, column: str, chunks: Iterable[Scores]) -> int:
    """Stream scores into a file, all or nothing.

    Parameters
    ----------
    path
        `.tsv`: the IBIS AAA format, values in [0, 1] with five digits; `.csv`: 12 significant
        digits.
    column
        Name of the score column, usually the TF.
    chunks
        Tags and scores, shape (n,).

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
    separator, number = _layout(path)
    count = 0
    with written_aside(path) as aside, open(aside, "w", encoding="utf-8") as file:
        # Quotes a tag that holds the separator.
        writer = csv.writer(file, delimiter=separator, lineterminator="\n")
        writer.writerow(["tag", column])
        for tags, scores in chunks:
            missing = np.isnan(scores)
            if missing.any():
                raise InputError(
                    f"the score of '{tags[int(np.argmax(missing))]}' is not a number.",
                    path=path,
                    remedy="Check the weights of the run.",
                )
            if separator == "\t" and len(scores) and not (0 <= scores.min() <= scores.max() <= 1):
                raise InputError(
                    "the AAA format holds values between 0 and 1 only.",
                    path=path,
                    remedy="Write a .csv instead.",
                )
            texts = [number % score for score in scores.tolist()]
            writer.writerows(zip(tags, texts, strict=True))
            count += len(tags)
        if not count:
            raise InputError(
                "there was nothing to score.", path=path, remedy="Check the input and --split."
            )
    return count


def _layout(path: Path) -> tuple[str, str]:
    if path.suffix == ".tsv":
        return "\t", "%.5f"
    if path.suffix == ".csv":
        return ",", "%.12g"
    raise InputError("the ending is neither .tsv nor .csv.", path=path, key="--out")
