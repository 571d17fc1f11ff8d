"""What a table of predictions depends on, as plain values: an equal question may be continued."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dann_tfbs import __version__
from dann_tfbs.data.table import TABLE_FILE
from dann_tfbs.files import sha256
from dann_tfbs.run_folder import CONFIG_FILE, WEIGHTS_FILE, find_runs

_ENDS = 1 << 20
"""Bytes of a file's start and end that stand for its content, beside its size and time."""


def about_runs(runs: Sequence[Path]) -> list[list[str]]:
    """Return the digests of settings and weights of each RUN's models, wherever they lie.

    Raises
    ------
    InputError
        If a folder holds no finished run.
    """
    return [
        [sha256(folder / name) for folder in find_runs(run) for name in (CONFIG_FILE, WEIGHTS_FILE)]
        for run in runs
    ]


def about_input(path: Path) -> dict[str, Any]:
    """Return size, time of change and a digest of both ends of an input; {} where it is missing."""
    file = path / TABLE_FILE if path.is_dir() else path
    if not file.is_file():
        return {}  # the reader explains it
    with open(file, "rb") as handle:
        digest = hashlib.sha256(handle.read(_ENDS))
        size = handle.seek(0, os.SEEK_END)
        handle.seek(max(0, size - _ENDS))
        digest.update(handle.read(_ENDS))
    return {"size": size, "time": file.stat().st_mtime_ns, "ends": digest.hexdigest()}


def ask(
    source: Path, columns: Sequence[str], runs: Sequence[Path], **options: Any
) -> dict[str, Any]:
    """Return the question that a table answers.

    Parameters
    ----------
    source
        The sequences to score.
    columns
        Names of the score columns.
    runs
        Run folders or folders of runs.
    options
        Whatever else changes a score or the order of rows.
    """
    return {
        "version": __version__,
        "input": about_input(source),
        "columns": list(columns),
        "runs": about_runs(runs),
        **options,
    }
