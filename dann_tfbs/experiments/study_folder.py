"""Where everything of a study lies in its folder; light, for readers that need no PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from dann_tfbs.experiments.outcome import OUTCOME_FILE
from dann_tfbs.files import write_json
from dann_tfbs.settings import StrictSettings, as_plain, read_yaml

STUDY_FILE = "study.yaml"
"""The resolved study, with the list of its trainings."""

RUNS = "runs"
RUN = "run"
"""`runs/<key>/outcome.json`, and the run folder(s) of that training in `runs/<key>/run`."""

FAILED = "failed"
"""`failed/<key>.json`: why a training failed."""

CHOICES_FILE = "choices.json"
"""What selection rules chose among the variants."""

TABLES = "tables"
"""Prepared tables, tests and unlabelled sequences."""


class Failure(StrictSettings):
    """Why a training of a study failed."""

    variant: str
    task: str
    error: str
    traceback: str = ""
    settings: dict[str, Any] = Field({})
    """Its settings under dotted keys."""


def failure_file(study: Path, key: str) -> Path:
    """Return where the failure of a training is told."""
    return study / FAILED / f"{key}.json"


def write_failure(study: Path, key: str, failure: Failure) -> None:
    """Tell why a training failed, all or nothing."""
    write_json(failure_file(study, key), as_plain(failure))


def is_study(path: Path) -> bool:
    """Tell whether a folder is one of a study."""
    return (path / STUDY_FILE).is_file()


def outcome_folders(study: Path) -> list[Path]:
    """Return the folders of a study's trainings that have an outcome, each named by its key.

    Where `study.yaml` lists the trainings, those of an earlier state of the study are left out.
    """
    entries = read_yaml(study / STUDY_FILE).get("runs")
    if entries is None:
        return sorted(path.parent for path in (study / RUNS).glob(f"*/{OUTCOME_FILE}"))
    keys = dict.fromkeys(str(entry["key"]) for entry in entries)
    folders = [study / RUNS / key for key in keys]
    return [folder for folder in folders if (folder / OUTCOME_FILE).is_file()]
