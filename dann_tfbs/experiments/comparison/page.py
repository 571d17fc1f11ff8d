"""The report: one HTML page that needs nothing but itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from dann_tfbs._version import __version__
from dann_tfbs.experiments.comparison import figures, words
from dann_tfbs.experiments.comparison.compared import Comparison, MetricComparison
from dann_tfbs.experiments.comparison.heat import Heat, difference_heat, score_heat
from dann_tfbs.experiments.comparison.settings_differences import changes
from dann_tfbs.experiments.comparison.shown import Shown, shown_variants
from dann_tfbs.experiments.comparison.statistics import Floats
from dann_tfbs.experiments.comparison.strips import Dot, Scale, axis, scale_of, strip

KINDS = {1: "up", 0: "", -1: "down"}


@dataclass(frozen=True)
class Line:
    """One row of the table of variants, or of ranks."""

    name: str
    reference: bool
    factor: str
    strip: Markup
    cells: list[str]
    sort: list[float]
    kind: str = ""


@dataclass(frozen=True)
class MetricPart:
    """What the page shows of one metric."""

    title: str
    axis: Markup
    lines: list[Line]
    differences: Heat
    scores: Heat


def html(many: Sequence[Comparison]) -> str:
    """Return the page of one or several studies."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("dann_tfbs.experiments", "comparison"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("report.html.j2")
    parts = [_study(found, f"s{number}") for number, found in enumerate(many)]
    return template.render(studies=parts, version=__version__)


def _study(found: Comparison, prefix: str) -> dict[str, Any]:
    study = found.study
    shown = shown_variants(found)
    outcomes = study.outcomes
    return {
        "id": prefix,
        "name": study.name,
        "question": study.question,
        "facts": words.facts(found),
        "headline": words.headline(found),
        "notes": words.notes(found),
        "reference": study.label(study.reference),
        "has_reference": found.has_reference,
        "uncertainty": words.uncertainty(found),
        "line": words.line(found),
        "factors": any(one.factor for one in outcomes),
        "metrics": [_metric(found, own) for own in found.by_metric.values()],
        "unit": words.unit(found),
        "spread": words.spread(found),
        "ranks": _ranks(found),
        "tfs": list(found.axes.tfs),
        "ranking": words.ranking(found),
        "curves": figures.curve_galleries(found, shown, prefix),
        "training": figures.training_gallery(found, shown, prefix),
        "embeddings": figures.embedding_galleries(found, shown, prefix),
        "size": figures.size_picture(found, shown, prefix),
        "chosen": _chosen(found, shown),
        "changes": [
            (study.label(change.variant), change.key, change.reference, change.value)
            for change in changes(study)
        ],
        "failures": study.failures,
        "hours": sum(one.wall_seconds for one in outcomes) / 3600,
        "outcomes": len(outcomes),
        "trainings": sum(len(one.seeds) for one in outcomes),
        "folders": sorted({one.folder for one in outcomes if one.folder}),
    }


def _metric(found: Comparison, own: MetricComparison) -> MetricPart:
    limits = [v for row in own.rows for v in (row.difference.low, row.difference.high)]
    values = [row.difference.value for row in own.rows]
    scale = scale_of([*own.by_tf.ravel().tolist(), *limits, *values])
    lines = [_line(found, own, index, scale) for index in found.order()]
    return MetricPart(
        words.title(own.metric),
        axis(scale, signed=True),
        lines,
        difference_heat(found, own),
        score_heat(found, own),
    )


def _line(found: Comparison, own: MetricComparison, index: int, scale: Scale) -> Line:
    row = own.rows[index]
    is_reference = row.variant == found.study.reference
    name, factor = found.study.label(row.variant), _factor(found, row.variant)
    if is_reference or not row.pairs:
        cells = [words.number(row.score), "", "", "", "", words.pairs(row)]
        picture = strip(scale, [], math.nan, zero=True)
        sort = [row.score, *[math.nan] * 4, float(row.pairs)]
        return Line(name, is_reference, factor, picture, cells, sort)
    dots = [
        Dot(value, f"{tf}: {words.number(value, sign=True)}")
        for tf, value in zip(found.axes.tfs, own.by_tf[index].tolist(), strict=True)
    ]
    d = row.difference
    limits = (d.low, d.high)
    if not found.enough_tfs:
        limits = (d.value - row.seed_sd, d.value + row.seed_sd)
    kind = KINDS[row.verdict]
    picture = strip(scale, dots, d.value, limits, kind=kind, zero=True)
    cells = [
        words.number(row.score),
        words.difference(found, row),
        f"{row.better} / {row.worse}",
        words.p_value(row.p),
        words.p_value(row.adjusted_p),
        words.pairs(row),
    ]
    sort = [row.score, d.value, float(row.better - row.worse), row.p, row.adjusted_p,
            float(row.pairs)]  # fmt: skip
    return Line(name, False, factor, picture, cells, sort, kind)


def _factor(found: Comparison, variant: str) -> str:
    return next(one.factor for one in found.study.outcomes if one.variant == variant)


def _ranks(found: Comparison) -> dict[str, Any]:
    """Return the table of ranks, the best variant first; oracles stand below, without a rank."""
    own = found.main
    order = sorted(
        range(len(own.rows)), key=lambda i: (math.isnan(own.rows[i].rank), own.rows[i].rank)
    )
    worst = max(len(own.rows) - len(found.study.oracle), 2)
    scale = Scale(0.6, worst + 0.4)
    lines = []
    for i in order:
        row, ranks = own.rows[i], own.ranks[i]
        dots = [Dot(rank, f"{tf}: {rank:.3g}") for tf, rank in _known(found.axes.tfs, ranks)]
        cells = [words.number(row.rank, 2), *(_rank(rank) for rank in ranks)]
        sort = [row.rank, *ranks.tolist()]
        is_reference = row.variant == found.study.reference
        picture = strip(scale, dots, row.rank)
        name = found.study.label(row.variant)
        lines.append(Line(name, is_reference, "", picture, cells, sort))
    return {"axis": axis(scale, whole=True), "lines": lines}


def _known(names: Sequence[str], values: Floats) -> list[tuple[str, float]]:
    pairs = zip(names, values.tolist(), strict=True)
    return [(name, value) for name, value in pairs if math.isfinite(value)]


def _rank(rank: float) -> str:
    if not math.isfinite(rank):
        return words.MISSING
    return f"{rank:.0f}" if abs(rank - round(rank)) < 1e-6 else f"{rank:.1f}"


def _chosen(found: Comparison, shown: list[Shown]) -> str:
    """Return which variants the figures show, where they do not show all."""
    everyone = len(found.axes.variants)
    if len(shown) == everyone:
        return ""
    best = len(shown) - int(found.has_reference)
    metric = words.title(found.study.metric)
    who = f"the reference and the {best} best" if found.has_reference else f"the {best} best"
    return f"Shown: {who} of {everyone} variants by mean {metric}" + (
        " difference." if np.isfinite(found.main.differences).any() else "."
    )
