"""What a comparison says in words: its headline, captions that name the unit, notes."""

from __future__ import annotations

import math

from dann_tfbs.evaluation.bootstrap import Interval
from dann_tfbs.experiments.comparison.compared import Comparison, Row
from dann_tfbs.experiments.comparison.statistics import (
    LEAST_FOR_TEST,
    LEAST_TFS,
    RESAMPLES,
    least_p,
)
from dann_tfbs.experiments.comparison.study import TITLES

COVERAGE = {3: 0.75, 4: 0.80, 5: 0.84, 6: 0.86, 7: 0.87, 8: 0.89, 9: 0.89}
"""How often the interval of so few TFs holds the truth: measured, for normal differences. From 10
TFs on it is .90 and more (docs/comparison.md)."""

MISSING = "–"


def title(metric: str) -> str:
    """Return a metric's name as it is shown."""
    return TITLES.get(metric, metric)


def number(value: float, digits: int = 4, *, sign: bool = False) -> str:
    """Return a number as text; a missing one is a dash."""
    if math.isnan(value):
        return MISSING
    return f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"


def p_value(value: float) -> str:
    """Return a p value as text."""
    if math.isnan(value):
        return MISSING
    return f"{value:.3f}" if value >= 0.001 else f"{value:.0e}"


def interval(value: Interval, digits: int = 4) -> str:
    """Return a signed estimate with its interval, as far as both are known."""
    text = number(value.value, digits, sign=True)
    if math.isnan(value.low):
        return text
    low, high = (number(limit, digits, sign=True) for limit in (value.low, value.high))
    return f"{text} [{low}, {high}]"


def difference(found: Comparison, row: Row, digits: int = 4) -> str:
    """Return a difference with what is known of its uncertainty: over TFs, else over seeds."""
    if found.enough_tfs or math.isnan(row.seed_sd):
        return interval(row.difference, digits)
    return f"{number(row.difference.value, digits, sign=True)} ± {number(row.seed_sd, digits)}"


def uncertainty(found: Comparison) -> str:
    """Return what stands beside a difference, for the head of its column."""
    if found.enough_tfs:
        return "[95 %]"
    return "" if len(found.axes.seeds) == 1 else "± sd over seeds"


def line(found: Comparison) -> str:
    """Return what the line through a mean shows; empty where there is none."""
    if found.enough_tfs:
        return "the line its interval"
    return "" if len(found.axes.seeds) == 1 else "the line ± one standard deviation over seeds"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, which takes an s."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def pairs(row: Row) -> str:
    """Return how many scores (task × seed) were paired, and how many lack a partner."""
    return f"{row.pairs}" + (f" ({row.left_out} left out)" if row.left_out else "")


def facts(found: Comparison) -> str:
    """Return what was compared, in one line."""
    axes = found.axes
    parts = [
        counted(len(axes.variants), "variant"),
        f"{counted(len(axes.tasks), 'task')} of {counted(len(axes.tfs), 'TF')}",
        counted(len(axes.seeds), "seed"),
        f"{title(found.study.metric)} on {found.study.tested_on}",
    ]
    if found.study.failures:
        parts.append(f"{counted(len(found.study.failures), 'run')} failed")
    return " · ".join(parts)


def headline(found: Comparison) -> str:
    """Return which variants are better or worse than the reference, with their intervals."""
    study = found.study
    name, metric = study.label(study.reference), title(study.metric)
    if not found.has_reference:
        return f"The reference {name} has no finished run, so there are no differences to it."
    rows = [r for r in found.main.rows if r.variant != study.reference and r.pairs]
    if not rows:
        return f"No variant can be paired with the reference {name}."
    ordered = sorted(rows, key=lambda row: -row.difference.value)
    if not found.enough_tfs:
        return _few_tfs(found, ordered)
    better = [row for row in ordered if row.verdict > 0]
    worse = [row for row in reversed(ordered) if row.verdict < 0]
    parts = []
    for some, word in ((better, "higher"), (worse, "lower")):
        if some:
            most = "" if len(some) == 1 else "most: "
            extreme = f"{study.label(some[0].variant)} {interval(some[0].difference)}"
            parts.append(f"{_are(len(some))} {word} ({most}{extreme})")
        else:
            parts.append(f"none is {word}")
    rest = len(rows) - len(better) - len(worse)
    if rest:
        parts.append(f"for {rest} the interval includes 0")
    return f"Against {name}, by {metric}, of {counted(len(rows), 'variant')} {', '.join(parts)}."


def _few_tfs(found: Comparison, ordered: list[Row]) -> str:
    study, tfs = found.study, counted(len(found.axes.tfs), "TF")
    shown = [ordered[0]] if len(ordered) == 1 else [ordered[0], ordered[-1]]
    parts = [f"{study.label(row.variant)} {difference(found, row)}" for row in shown]
    spread = " (± sd over seeds)" if not math.isnan(ordered[0].seed_sd) else ""
    text = parts[0] if len(parts) == 1 else f"from {parts[0]} to {parts[1]}"
    return (
        f"{title(study.metric)} against {study.label(study.reference)}: {text}{spread}. "
        f"With {tfs} nothing follows for other TFs."
    )


def _are(count: int) -> str:
    return "1 is" if count == 1 else f"{count} are"


def unit(found: Comparison) -> str:
    """Return the caption of differences: what was paired, averaged and resampled."""
    if not found.has_reference:
        return "There is nothing to set the variants against."
    n, reference = len(found.axes.tfs), found.study.label(found.study.reference)
    text = (
        f"Differences are paired with {reference} by task and seed, averaged over seeds, then over "
        "the tasks of each TF, then over TFs. "
    )
    if n < LEAST_TFS:
        text += f"With {counted(n, 'TF')} an interval over TFs means nothing"
        if len(found.axes.seeds) == 1:
            return text + ", and one seed tells nothing of what another may change."
        return text + (
            "; the unit is the seed: ± is the standard deviation over seeds of the mean "
            "difference, what another seed may change, not what another TF may."
        )
    text += (
        f"Unit resampled: the TF (n = {n}); 95 % percentile bootstrap, {RESAMPLES:,} resamples, "
        "not adjusted for the number of variants. "
    )
    if n in COVERAGE:
        text += (
            f"Of {n} TFs such an interval holds the truth in about {COVERAGE[n]:.0%} of cases, not "
            "95%. "
        )
    if n < LEAST_FOR_TEST:
        return text + f"No signed-rank test: it needs {LEAST_FOR_TEST} TFs."
    text += (
        "p: Wilcoxon's signed-rank test over TFs, two-sided; Holm: the same adjusted for all "
        f"variants. {n} TFs give no p below {p_value(least_p(n))}"
    )
    return text + (", so none below .05." if least_p(n) >= 0.05 else ".")


def spread(found: Comparison) -> str:
    """Return the caption of scores by task."""
    seeds = len(found.axes.seeds)
    text = f"Mean over seeds, on {found.study.tested_on}"
    return text + ("." if seeds == 1 else "; ± is the standard deviation over seeds (n − 1).")


def ranking(found: Comparison) -> str:
    """Return the caption of ranks."""
    text = (
        "Rank of the mean over seeds in each task; ties share the better rank, what is missing "
        "gets the worst. Tasks of a TF, then TFs, are joined by the geometric mean."
    )
    return text + (" Oracles are not ranked." if found.study.oracle else "")


def notes(found: Comparison) -> list[str]:
    """Return what a reader must know before trusting the numbers."""
    study, rows = found.study, found.main.rows
    lines = []
    tests = {one.test for one in study.outcomes}
    if "held-out source" in tests:
        scope = "All scores are" if len(tests) == 1 else "Some scores are"
        lines.append(
            f"{scope} measured on held-out sequences of the source at the epoch they chose, not on "
            "a test of the target: they are optimistic and say little of the target."
        )
    if study.oracle:
        names = ", ".join(sorted(study.oracle))
        lines.append(f"Oracle, reads labels of the target, no honest result: {names}.")
    gaps = sum(row.left_out > 0 for row in rows)
    if gaps and found.has_reference:
        lines.append(
            f"{counted(gaps, 'variant')} and the reference were not tested on all the same tasks "
            "and seeds: what has no partner is left out of the differences and counted beside the "
            f"pairs; the mean {title(study.metric)} is over what each has, so compare differences."
        )
    intervals = sum(not math.isnan(row.difference.low) for row in rows if _is_other(found, row))
    if intervals >= 5:
        missed = intervals * (1 - COVERAGE.get(len(found.axes.tfs), 0.95))
        lines.append(
            f"Of {intervals} variants that do not differ from the reference at all, about "
            f"{missed:.0f} would have an interval without 0 by chance."
        )
    if study.failures:
        named = ", ".join(dict.fromkeys(f"{f.variant} × {f.task}" for f in study.failures))
        lines.append(f"{counted(len(study.failures), 'run')} failed: {named}.")
    return lines


def _is_other(found: Comparison, row: Row) -> bool:
    return row.variant != found.study.reference
