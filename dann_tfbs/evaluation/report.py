"""The report of an evaluation, for machines (JSON) and for readers (a table)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.bootstrap import Interval

ALL = "all"
"""Background that joins the negatives of every kind."""

SEEN = {"train": "TRAINING rows", "validation": "VALIDATION rows"}
"""How the table marks splits that are no test, because the model or its choice has seen them."""

_TITLES = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "mauroc": "MAUROC",
    "mauprc": "MAUPRC",
    "kendall_tau": "Kendall τ",
}


@dataclass(frozen=True)
class Row:
    """The metrics of one TF × assay × split × background.

    Attributes
    ----------
    tf, assay, split
        What the answers say; empty where they do not.
    background
        Kind of the negatives, `all` for every kind together, `positive` where a metric looks at
        the positives alone (Kendall's τ).
    n_positive, n_negative
        Number of records.
    metrics
        Value and 95 % interval by name of the metric.
    """

    tf: str
    assay: str
    split: str
    background: str
    n_positive: int
    n_negative: int
    metrics: dict[str, Interval]


@dataclass(frozen=True)
class Report:
    """All rows of an evaluation.

    Attributes
    ----------
    rows
        Ordered by TF, assay and split, then background.
    resamples
        Number of bootstrap resamples behind the intervals.
    """

    rows: list[Row]
    resamples: int

    def row(self, tf: str, assay: str, background: str = ALL) -> Row:
        """Return the row of a TF, assay and background.

        `all` also finds the one kind of negatives where there is only one.

        Raises
        ------
        InputError
            If there is no such row, or several splits have one.
        """
        here = [r for r in self.rows if (r.tf, r.assay) == (tf, assay) and r.n_negative]
        found = [r for r in here if r.background == background]
        if not found and background == ALL:
            found = here
        if len(found) != 1:
            raise InputError(
                f"{len(found)} rows answer to {tf} × {assay} × {background}.",
                remedy="Evaluate one split that holds positives and such negatives.",
            )
        return found[0]

    def notes(self) -> list[str]:
        """Return what a reader must know before trusting the numbers."""
        return [
            f"Attention: {len(rows)} rows of this report come from {SEEN[split]}, "
            "which are no test of the model."
            for split in SEEN
            if (rows := [row for row in self.rows if row.split == split])
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values; a missing interval is null."""
        return {
            "resamples": self.resamples,
            "interval": "95 % percentile bootstrap over sequences, stratified by label",
            "notes": self.notes(),
            "rows": [
                {
                    "tf": row.tf,
                    "assay": row.assay,
                    "split": row.split,
                    "seen_in_training": row.split in SEEN,
                    "background": row.background,
                    "n_positive": row.n_positive,
                    "n_negative": row.n_negative,
                    "metrics": {
                        name: {
                            "value": _number(value.value),
                            "low": _number(value.low),
                            "high": _number(value.high),
                        }
                        for name, value in row.metrics.items()
                    },
                }
                for row in self.rows
            ],
        }

    def to_table(self) -> str:
        """Return the report as an aligned Markdown table, marked where rows are no test."""
        names = [name for name in _TITLES if any(name in row.metrics for row in self.rows)]
        head = ["TF", "assay", "split", "background", "positives", "negatives"]
        cells = [head + [_TITLES[name] for name in names]]
        for row in self.rows:
            first = [row.tf, row.assay, SEEN.get(row.split, row.split), row.background]
            counts = [f"{row.n_positive:,}", f"{row.n_negative:,}"]
            cells.append(first + counts + [_cell(row.metrics.get(name)) for name in names])
        return "\n".join([markdown_table(cells), *(f"\n{note}" for note in self.notes())]) + "\n"


def markdown_table(cells: Sequence[Sequence[str]]) -> str:
    """Return rows of text, the head first, as an aligned Markdown table without a last newline."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _cell(interval: Interval | None) -> str:
    if interval is None:
        return ""
    if math.isnan(interval.low):
        return f"{interval.value:.4f}"
    return f"{interval.value:.4f} [{interval.low:.4f}, {interval.high:.4f}]"
