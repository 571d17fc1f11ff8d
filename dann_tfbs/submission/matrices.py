"""Matrices as a submission: at most four a TF, in the PWM format of the challenge."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.errors import InputError
from dann_tfbs.files import write_text
from dann_tfbs.motifs import IBIS_ROWS, Matrix
from dann_tfbs.submission.expected import Expected
from dann_tfbs.submission.findings import Findings
from dann_tfbs.submission.pwm import LONGEST_NAME, MOST_PER_TF, check_pwm

STEPS = 100_000
"""Frequencies are written in steps of 1/100000: five digits."""


def write_pwm(
    path: Path,
    matrices: Sequence[Matrix],
    tfs: Sequence[str],
    say: Callable[[str], None] = lambda text: None,
) -> Findings:
    """Write the matrices of TFs as a PWM submission, and check it.

    A matrix belongs to the TF that it names, or that is a word of its name (`FOXA1.H13CORE.0.P.B`).
    Of more than four the first four count. A row sums to 1 exactly. Of a matrix of more than 30
    rows the end with less information is cut off, row by row; one of fewer than 5 gets uniform rows
    at its end, which score nothing.

    Parameters
    ----------
    path
        The file to write.
    matrices
        To choose from, in order of preference.
    tfs
        TFs to write.
    say
        Takes lines about what was changed or left out.

    Raises
    ------
    InputError
        If no TF has a matrix.
    """
    texts: list[str] = []
    used: set[str] = set()
    for tf in tfs:
        own = [matrix for matrix in matrices if _is_of(matrix, tf)]
        for matrix in own[MOST_PER_TF:]:
            say(f"{tf}: '{matrix.name}' is left out: {MOST_PER_TF} matrices are allowed.")
        for matrix in own[:MOST_PER_TF]:
            name = _unique_name(matrix.name, used)
            frequencies = _fitted(matrix, say)
            rows = [
                " ".join(f"{step / STEPS:.5f}" for step in row) for row in in_steps(frequencies)
            ]
            texts.append("\n".join([f">{tf} {name}", *rows]) + "\n")
    if not texts:
        raise InputError(
            f"no matrix is of {', '.join(tfs)}.",
            remedy="Give a file in whose names the TFs are words.",
        )
    write_text(path, "\n".join(texts))
    return check_pwm(path, Expected(tfs=tuple(tfs)))


def _is_of(matrix: Matrix, tf: str) -> bool:
    return tf == matrix.tf or tf in re.split(r"[.\s]+", matrix.name)


def _unique_name(text: str, used: set[str]) -> str:
    """Return a name of allowed characters that no matrix before has, and note it."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", text)
    name, number = plain[:LONGEST_NAME], 2
    while name in used:
        ending = f"_{number}"
        name, number = plain[: LONGEST_NAME - len(ending)] + ending, number + 1
    used.add(name)
    return name


def _fitted(matrix: Matrix, say: Callable[[str], None]) -> NDArray[np.float64]:
    """Return the frequencies at a length that is allowed."""
    fewest, most = IBIS_ROWS
    frequencies = matrix.frequencies
    if len(frequencies) > most:
        say(f"{matrix.name}: cut from {len(frequencies)} to {most} rows.")
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = 2 + np.nansum(frequencies * np.log2(frequencies), axis=1)
    start, stop = 0, len(frequencies)
    while stop - start > most:
        if bits[start] < bits[stop - 1]:
            start += 1
        else:
            stop -= 1
    frequencies = frequencies[start:stop]
    if len(frequencies) < fewest:
        say(f"{matrix.name}: {fewest - len(frequencies)} uniform rows added to reach {fewest}.")
        filling = np.full((fewest - len(frequencies), 4), 0.25)
        frequencies = np.concatenate([frequencies, filling])
    return frequencies


def in_steps(frequencies: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round frequencies to steps of 1/100000 such that every row sums to 1 exactly.

    What rounding down leaves goes to the largest remainders, shape (length, 4).
    """
    exact = frequencies / frequencies.sum(axis=1, keepdims=True) * STEPS
    steps = np.floor(exact).astype(np.int64)
    order = np.argsort(steps - exact, axis=1, kind="stable")
    left = STEPS - steps.sum(axis=1, keepdims=True)
    np.put_along_axis(steps, order, np.take_along_axis(steps, order, 1) + (np.arange(4) < left), 1)
    return steps
