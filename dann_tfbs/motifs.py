"""Position frequency matrices and the files that hold them: MEME format and the IBIS PWM format."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.errors import InputError

MEME_SUM_TOLERANCE = 0.01
IBIS_SUM_TOLERANCE = 0.0015
IBIS_ROWS = (5, 30)
_IBIS_HEADER = re.compile(r">(\S+) ([A-Za-z0-9_]{1,30})")


@dataclass(frozen=True)
class Matrix:
    """A position frequency matrix.

    Attributes
    ----------
    name
        Its name, unique within its file.
    frequencies
        `float64`, shape (length, 4): one row a position, columns A C G T, rows summing to 1.
    tf
        The transcription factor, where the file says so.
    """

    name: str
    frequencies: NDArray[np.float64]
    tf: str = ""

    def __len__(self) -> int:
        return len(self.frequencies)


def read_meme(path: str | PathLike[str]) -> list[Matrix]:
    """Read all matrices of a file in (minimal) MEME format, in file order.

    The name of a matrix is all that follows `MOTIF`, with single spaces.

    Raises
    ------
    InputError
        If the file cannot be read as MEME, holds no matrix, repeats a name, ends within a matrix,
        or a row is not four frequencies that sum to 1.
    """
    from memelite.io import read_meme as read

    lines = _lines(path)
    names = _meme_names(path, lines)
    try:
        motifs = read(str(path))
    except (ValueError, AttributeError, IndexError) as error:
        raise InputError(
            f"is not in MEME format ({error}).",
            path=path,
            remedy="Each MOTIF needs a line `letter-probability matrix: w= LENGTH`, then LENGTH "
            "rows of four frequencies.",
        ) from error
    for name, line in names.items():
        if name not in motifs:
            raise InputError(
                f"the matrix '{name}' has fewer rows than its `w=` says.",
                path=path,
                line=line,
                remedy="Complete the file; it may have been cut off.",
            )
        _check_frequencies(path, name, line, motifs[name].T)
    return [Matrix(name, np.ascontiguousarray(motifs[name].T)) for name in names]


def _meme_names(path: str | PathLike[str], lines: list[str]) -> dict[str, int]:
    """Return the name and line number of every motif of a MEME file."""
    names: dict[str, int] = {}
    for number, text in enumerate(lines, start=1):
        if not text.startswith("MOTIF"):
            continue
        name = " ".join(text[5:].split())
        if name in names:
            raise InputError(
                f"the matrix '{name}' stands here and on line {names[name]}.",
                path=path,
                line=number,
                remedy="Give every matrix a name of its own.",
            )
        names[name] = number
    if not names:
        raise InputError("holds no MOTIF line.", path=path, remedy="Give a file in MEME format.")
    return names


def _check_frequencies(
    path: str | PathLike[str], name: str, line: int, frequencies: NDArray[np.float64]
) -> None:
    sums = frequencies.sum(axis=1)
    wrong = ~(np.abs(sums - 1) <= MEME_SUM_TOLERANCE) | (frequencies < 0).any(axis=1)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            f"row {row + 1} of the matrix '{name}' sums to {sums[row]:g} or has a negative value.",
            path=path,
            line=line,
            remedy="Give frequencies of A, C, G, T, not counts or log-odds.",
        )


def read_ibis_pwm(path: str | PathLike[str]) -> list[Matrix]:
    """Read an IBIS PWM file: `>TF name`, then rows of four frequencies (A C G T), blank between.

    Raises
    ------
    InputError
        If the file holds no matrix, a header or row does not follow the format, a name repeats, or
        a matrix has fewer than 5 or more than 30 rows. The error names the line.
    """
    headers: list[tuple[int, str, str]] = []
    rows: list[list[list[float]]] = []
    for number, text in enumerate(_lines(path), start=1):
        if text.startswith(">"):
            tf, name = _ibis_header(path, number, text.rstrip())
            if any(name == known for _, _, known in headers):
                raise InputError(
                    f"the matrix name '{name}' is used twice.",
                    path=path,
                    line=number,
                    remedy="Give every matrix a name of its own.",
                )
            headers.append((number, tf, name))
            rows.append([])
        elif text.strip():
            if not headers:
                raise InputError(
                    "a row stands before the first header.",
                    path=path,
                    line=number,
                    remedy="Begin each matrix with `>TF name`.",
                )
            rows[-1].append(_ibis_row(path, number, text))
    if not headers:
        raise InputError("holds no matrix.", path=path, remedy="Begin each with `>TF name`.")
    for (number, _, name), part in zip(headers, rows, strict=True):
        if not IBIS_ROWS[0] <= len(part) <= IBIS_ROWS[1]:
            raise InputError(
                f"the matrix '{name}' has {len(part)} rows.",
                path=path,
                line=number,
                remedy=f"Give {IBIS_ROWS[0]} to {IBIS_ROWS[1]} rows.",
            )
    return [
        Matrix(name, np.array(part, dtype=np.float64), tf)
        for (_, tf, name), part in zip(headers, rows, strict=True)
    ]


def _ibis_header(path: str | PathLike[str], number: int, text: str) -> tuple[str, str]:
    match = _IBIS_HEADER.fullmatch(text)
    if match is None:
        raise InputError(
            f"the header {text!r} is not `>TF name`.",
            path=path,
            line=number,
            remedy="Put one space between them; a name has 1 to 30 characters of A-Z a-z 0-9 _.",
        )
    return match[1], match[2]


def _ibis_row(path: str | PathLike[str], number: int, text: str) -> list[float]:
    try:
        row = [float(field) for field in text.split()]
    except ValueError:
        row = []
    # A NaN fails every comparison, so it is refused too.
    if len(row) != 4 or not all(0 <= x <= 1 for x in row):
        raise InputError(
            f"the row {text.strip()!r} is not four frequencies.",
            path=path,
            line=number,
            remedy="Give the frequencies of A, C, G and T, separated by spaces.",
        )
    if abs(sum(row) - 1) > IBIS_SUM_TOLERANCE + 1e-12:
        raise InputError(
            f"the frequencies sum to {sum(row):g}.",
            path=path,
            line=number,
            remedy=f"They must sum to 1 ± {IBIS_SUM_TOLERANCE}.",
        )
    return row


def _lines(path: str | PathLike[str]) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise InputError("does not exist.", path=path, remedy="Check the path.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot be read as text ({error}).", path=path, remedy="Give a plain text file."
        ) from error


def get_matrix(matrices: Sequence[Matrix], name: str) -> Matrix:
    """Return the matrix of this name, or the only one whose name begins with this word.

    Raises
    ------
    InputError
        If no matrix, or more than one, answers to the name; the error lists names that are close.
    """
    exact = [matrix for matrix in matrices if matrix.name == name]
    found = exact or [matrix for matrix in matrices if matrix.name.split(" ")[0] == name]
    if len(found) == 1:
        return found[0]
    names = [matrix.name for matrix in matrices]
    close = [known for known in names if name.lower() in known.lower()]
    close = close or difflib.get_close_matches(name, names) or names
    listed = ", ".join(close[:5]) + (", …" if len(close) > 5 else "")
    problem = "no matrix is" if not found else f"{len(found)} matrices are"
    raise InputError(f"{problem} called '{name}'.", remedy=f"Available: {listed}.")
