"""A comparison as Markdown for readers and as CSV for programs."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence

from dann_tfbs.evaluation.report import markdown_table
from dann_tfbs.experiments.comparison import words
from dann_tfbs.experiments.comparison.compared import Comparison, MetricComparison
from dann_tfbs.experiments.comparison.settings_differences import changes

SCORE_COLUMNS = (
    "study", "variant", "factor", "reference", "oracle", "task", "tf", "source", "target", "mode",
    "test", "seed", "metric", "score", "positives", "negatives", "parameters", "folder",
)  # fmt: skip
DIFFERENCE_COLUMNS = (
    "study", "metric", "variant", "reference", "oracle", "scope", "name", "pairs", "left_out",
    "difference", "low", "high", "seed_sd", "better", "worse", "p", "p_holm", "rank",
)  # fmt: skip

TOGETHER = "together"
"""Stands for the seed in rows that score the mean logit of all seeds."""


def overview(found: Comparison) -> str:
    """Return the headline, the table of variants and what a reader must know about it."""
    table = _variants_table(found, found.main)
    texts = [words.headline(found), table, words.unit(found), words.ranking(found)]
    return "\n\n".join([*texts, *words.notes(found)]) + "\n"


def document(many: Sequence[Comparison]) -> str:
    """Return everything as one Markdown document."""
    return "\n".join(part for found in many for part in _sections(found))


def scores_csv(many: Sequence[Comparison]) -> str:
    """Return every score: a row for each outcome, seed and metric."""
    rows: list[tuple[object, ...]] = []
    for found in many:
        for one in found.study.outcomes:
            fixed = (
                found.study.name, one.variant, one.factor, one.variant == found.study.reference,
                one.oracle, one.task, one.tf, one.source, one.target, one.mode, one.test,
            )  # fmt: skip
            last = (one.positives, one.negatives, one.parameters, one.folder)
            for metric, values in one.scores.items():
                for seed, value in zip(one.seeds, values, strict=True):
                    rows.append((*fixed, seed, metric, value, *last))
            for metric, value in one.together.items():
                rows.append((*fixed, TOGETHER, metric, value, *last))
    return _csv(SCORE_COLUMNS, rows)


def differences_csv(many: Sequence[Comparison]) -> str:
    """Return every difference: by task, by TF and over all TFs."""
    rows: list[tuple[object, ...]] = []
    for found in many:
        study, axes = found.study, found.axes
        for metric, own in found.by_metric.items():
            for i, row in enumerate(own.rows):
                if row.variant == study.reference:
                    continue
                fixed = (study.name, metric, row.variant, study.reference,
                         row.variant in study.oracle)  # fmt: skip
                nothing = ("",) * 8
                for task, value in zip(axes.tasks, own.differences[i], strict=True):
                    rows.append((*fixed, "task", task, "", "", _value(value), *nothing))
                for tf, value, rank in zip(axes.tfs, own.by_tf[i], own.ranks[i], strict=True):
                    rows.append(
                        (*fixed, "TF", tf, "", "", _value(value), *nothing[:-1], _value(rank))
                    )
                d = row.difference
                numbers = (d.value, d.low, d.high, row.seed_sd)
                last = (row.p, row.adjusted_p, row.rank)
                rows.append(
                    (*fixed, "all TFs", "", row.pairs, row.left_out, *map(_value, numbers),
                     row.better, row.worse, *map(_value, last))
                )  # fmt: skip
    return _csv(DIFFERENCE_COLUMNS, rows)


def _sections(found: Comparison) -> Iterable[str]:
    study = found.study
    yield f"# {_cell(study.name)}\n"
    if study.question:
        yield f"{study.question}\n"
    yield f"{words.facts(found)}\n"
    yield overview(found)
    for metric, own in found.by_metric.items():
        if metric != study.metric:
            yield f"## {words.title(metric)}\n\n{_variants_table(found, own)}\n"
            yield f"{words.unit(found)}\n"
    for metric, own in found.by_metric.items():
        yield f"## {words.title(metric)} by task\n\n{_task_table(found, own)}\n"
        yield f"{words.spread(found)}\n"
    yield f"## Ranks by {words.title(study.metric)}\n\n{_rank_table(found)}\n"
    changed = changes(study)
    if changed:
        head = ["variant", "setting", study.label(study.reference), "its own"]
        rows = [[study.label(c.variant), f"`{c.key}`", c.reference, c.value] for c in changed]
        yield f"## Settings that differ\n\n{_table([head, *rows])}\n"
    if study.failures:
        yield "## Failed runs\n"
        yield _table(
            [["variant", "task", "error"], *([f.variant, f.task, f.error] for f in study.failures)]
        )


def _variants_table(found: Comparison, own: MetricComparison) -> str:
    name = words.title(own.metric)
    head = [
        "variant",
        name,
        f"Δ {name} {words.uncertainty(found)}".strip(),
        "TFs + / −",
        "p",
        "Holm",
        "pairs",
        "rank",
    ]
    rows = []
    for i in found.order():
        row = own.rows[i]
        is_reference = row.variant == found.study.reference
        rows.append(
            [
                found.study.label(row.variant) + (" (reference)" if is_reference else ""),
                words.number(row.score),
                "" if is_reference else words.difference(found, row),
                "" if is_reference else f"{row.better} / {row.worse}",
                "" if is_reference else words.p_value(row.p),
                "" if is_reference else words.p_value(row.adjusted_p),
                "" if is_reference else words.pairs(row),
                words.number(row.rank, 2),
            ]
        )
    return _table([head, *rows])


def _task_table(found: Comparison, own: MetricComparison) -> str:
    rows = []
    for i in found.order():
        cells = [
            words.number(mean) + ("" if math.isnan(sd) else f" ± {sd:.4f}")
            for mean, sd in zip(own.mean[i], own.sd[i], strict=True)
        ]
        rows.append([found.study.label(own.rows[i].variant), *cells])
    return _table([["variant", *found.axes.tasks], *rows])


def _rank_table(found: Comparison) -> str:
    own = found.main
    order = sorted(found.order(), key=lambda i: (math.isnan(own.rows[i].rank), own.rows[i].rank))
    rows = [
        [
            found.study.label(own.rows[i].variant),
            words.number(own.rows[i].rank, 2),
            *(f"{rank:.3g}" if rank == rank else words.MISSING for rank in own.ranks[i]),
        ]
        for i in order
    ]
    return _table([["variant", "overall", *found.axes.tfs], *rows])


def _table(cells: Sequence[Sequence[str]]) -> str:
    return markdown_table([[_cell(text) for text in row] for row in cells])


def _cell(text: str) -> str:
    """Return text that cannot leave its cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _value(value: float) -> float | str:
    return "" if math.isnan(value) else float(value)


def _csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
