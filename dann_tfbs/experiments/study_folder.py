"""Where everything of a study lies in its folder; light, for readers that need no PyTorch."""

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
