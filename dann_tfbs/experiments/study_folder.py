"""Where everything of a study lies in its folder; light, for readers that need no PyTorch."""

from __future__ import annotations

from pathlib import Path

from dann_tfbs.experiments.outcome import OUTCOME_FILE
from dann_tfbs.settings import read_yaml

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
