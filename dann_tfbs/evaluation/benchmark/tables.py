"""Scores and ranks as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
from typing import Any

from dann_tfbs.evaluation.benchmark.ranking import RULE, cell_ranks, ranked_values, standings
from dann_tfbs.evaluation.benchmark.score import AAA, Score, Scores
from dann_tfbs.evaluation.report import markdown_table

ORACLE_MARK = "*"
ORACLE_NOTE = (
    f"{ORACLE_MARK} a matrix and scoring chosen by its values on this test (an oracle): the mean "
    "over backgrounds and metrics, per team, assay and TF."
)
_ABSENT = "–"


def as_markdown(scores: Scores) -> str:
    """Return the tables that the command prints: values, matrices, ranks and notes."""
    parts = [markdown_table(_values(scores))]
    if any(score.oracle for score in scores.scores):
        parts.append(ORACLE_NOTE)
    matrices = [score for score in scores.scores if score.entry != AAA]
    if matrices:
        parts += ["## Matrices", markdown_table(_matrices(matrices))]
    parts += ["## Ranks", markdown_table(_ranks(scores)), RULE]
    if scores.notes:
        parts += ["## Notes", "\n".join(f"* {note}" for note in scores.notes)]
    return "\n\n".join(parts) + "\n"


def _values(scores: Scores) -> list[list[str]]:
    """One row a cell, one column a team."""
    counts = {score.cell: (score.positives, score.negatives) for score in scores.scores}
    shown = {(each.team, each.cell): each for each in scores.scores if each.ranked}
    rows = [["assay", "TF", "background", "metric", "positives", "negatives", *scores.teams]]
    for cell in scores.cells:
        sizes = [f"{n:,}" for n in counts[cell]] if cell in counts else [_ABSENT, _ABSENT]
        values = [_value(shown.get((team, cell))) for team in scores.teams]
        rows.append([cell.benchmark, cell.tf, cell.background, cell.metric, *sizes, *values])
    return rows


def _value(score: Score | None) -> str:
    if score is None:
        return _ABSENT
    return f"{score.value:.5f}{ORACLE_MARK if score.oracle else ''}"


def _matrices(scores: list[Score]) -> list[list[str]]:
    """One row a matrix, scoring and background, one column a metric."""
    metrics = list(dict.fromkeys(score.cell.metric for score in scores))
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for score in scores:
        cell = score.cell
        mark = ORACLE_MARK if score.oracle else ""
        key = (cell.benchmark, cell.tf, score.team, score.entry, score.scoring + mark)
        rows.setdefault((*key, cell.background), {})[cell.metric] = f"{score.value:.5f}"
    head = ["assay", "TF", "team", "matrix", "scoring", "background", *metrics]
    return [head, *([*key, *(own.get(name, "") for name in metrics)] for key, own in rows.items())]


def _ranks(scores: Scores) -> list[list[str]]:
    found = standings(scores)
    tfs = list(dict.fromkeys(cell.tf for cell in scores.cells))
    rows = [["place", "team", "merged rank", "missing", *tfs]]
    for each in found:
        merged = [f"{each.by_tf[tf]:.2f}" for tf in tfs]
        rows.append([str(each.place), each.team, f"{each.overall:.3f}", str(each.missing), *merged])
    return rows


def as_csv(scores: Scores) -> str:
    """Return one line for each value of each entry, and for each cell that a team lacks."""
    ranks = cell_ranks(scores)
    values = ranked_values(scores)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["assay", "tf", "background", "metric", "team", "entry", "scoring", "value", "positives",
         "negatives", "ranked", "oracle", "rank"]
    )  # fmt: skip
    for score in scores.scores:
        cell = score.cell
        rank = ranks[score.team][cell] if score.ranked else ""
        writer.writerow(
            [cell.benchmark, cell.tf, cell.background, cell.metric, score.team, score.entry,
             score.scoring, repr(score.value), score.positives, score.negatives,
             int(score.ranked), int(score.oracle), rank]
        )  # fmt: skip
    for team in scores.teams:
        for cell in scores.cells:
            if (team, cell) not in values:
                place = [cell.benchmark, cell.tf, cell.background, cell.metric, team]
                writer.writerow([*place, "", "", "", "", "", 1, 0, ranks[team][cell]])
    return text.getvalue()


def as_json(scores: Scores) -> dict[str, Any]:
    """Return everything as JSON values."""
    return {
        "rule": RULE,
        "notes": list(scores.notes),
        "scores": [
            {
                "assay": score.cell.benchmark,
                "tf": score.cell.tf,
                "background": score.cell.background,
                "metric": score.cell.metric,
                "team": score.team,
                "entry": score.entry,
                "scoring": score.scoring,
                "value": score.value,
                "positives": score.positives,
                "negatives": score.negatives,
                "ranked": score.ranked,
                "oracle": score.oracle,
            }
            for score in scores.scores
        ],
        "ranks": [
            {
                "place": each.place,
                "team": each.team,
                "merged_rank": each.overall,
                "by_tf": each.by_tf,
                "missing": each.missing,
            }
            for each in standings(scores)
        ],
    }
