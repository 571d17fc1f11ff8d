"""Writing a comparison: Markdown, two tables in CSV, and the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dann_tfbs.experiments.comparison.compared import Comparison
from dann_tfbs.experiments.comparison.page import html
from dann_tfbs.experiments.comparison.tables import differences_csv, document, scores_csv
from dann_tfbs.files import write_text

MARKDOWN_FILE = "comparison.md"
SCORES_FILE = "comparison.csv"
DIFFERENCES_FILE = "differences.csv"
PAGE_FILE = "report.html"


def write_comparison(folder: Path, many: Sequence[Comparison]) -> None:
    """Write everything about one or several studies into a folder."""
    write_text(folder / MARKDOWN_FILE, document(many))
    write_text(folder / SCORES_FILE, scores_csv(many))
    write_text(folder / DIFFERENCES_FILE, differences_csv(many))
    write_text(folder / PAGE_FILE, html(many))
