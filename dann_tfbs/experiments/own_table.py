"""The table that a finished run learnt from, found again and checked."""

from __future__ import annotations

import json
from pathlib import Path

from dann_tfbs import files
from dann_tfbs.data.table import table_file
from dann_tfbs.errors import InputError
from dann_tfbs.run_folder import PROVENANCE_FILE, Run

REMEDY = "Name the table with --data."


def own_table(run: Run, data: Path | None = None) -> Path:
    """Return the path of the table that a run learnt from, or of one that takes its place.

    Parameters
    ----------
    run
        The finished run.
    data
        A table to take instead, whatever it holds; None means the run's own, which must still be
        the one that the run's provenance names by its digest.

    Raises
    ------
    InputError
        If the run names no table, the table is gone, or it has changed since.
    """
    if data is not None:
        return data
    path = run.experiment.data.path
    if path is None:
        raise InputError("the run names no table.", path=run.folder, remedy=REMEDY)
    file = table_file(path)
    if not file.is_file():
        raise InputError(f"the table of {run.folder} is not here.", path=file, remedy=REMEDY)
    recorded = table_digest(run)
    if recorded is None:
        raise InputError(
            "does not say which table the run learnt from.",
            path=run.folder / PROVENANCE_FILE,
            key="data_sha256",
            remedy=REMEDY,
        )
    if files.sha256(file) != recorded:
        raise InputError(
            f"is not the table any more that {run.folder} learnt from.",
            path=file,
            remedy=f"Restore it, or name this one to take it as it is: --data {path}.",
        )
    return path


def provenance(run: Run) -> dict[str, object]:
    """Return what is known about the making of a run; empty where nothing was recorded."""
    file = run.folder / PROVENANCE_FILE
    if not file.is_file():
        return {}
    try:
        values = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"is damaged ({error}).", path=file) from error
    return values if isinstance(values, dict) else {}


def table_digest(run: Run) -> str | None:
    """Return the digest of the table that a run learnt from; None where it was not recorded."""
    # Digests of further inputs follow that of the table.
    words = str(provenance(run).get("data_sha256") or "").split()
    return words[0] if words else None
