"""Heat maps as tables of coloured cells, which can be read, sorted and copied."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dann_tfbs.experiments.comparison import words
from dann_tfbs.experiments.comparison.compared import Comparison, MetricComparison

UP, DOWN = "0 114 178", "213 94 0"
"""Blue for more, vermilion for less (Okabe & Ito), in red, green and blue."""
STRONGEST = 0.75
"""Opacity of the strongest colour: ink must be readable on it, by day and by night."""


@dataclass(frozen=True)
class Cell:
    """A value as text, its colour, what it is in full, and the number that it is sorted by."""

    text: str
    colour: str
    about: str
    sort: float


@dataclass(frozen=True)
class Heat:
    """A heat map.

    Attributes
    ----------
    columns
        Names of the tasks.
    rows
        Name, whether it is the reference, and cells of each variant.
    scale
        What the strongest colours mean.
    """

    columns: list[str]
    rows: list[tuple[str, bool, list[Cell]]]
    scale: str


def score_heat(found: Comparison, own: MetricComparison) -> Heat:
    """Return mean scores over seeds; in each column the colour runs from its worst to its best.

    Tasks differ more than variants do, so a common scale would show the tasks alone.
    """
    title = words.title(own.metric)
    low, high = _extremes(own.mean)
    rows = []
    for i in found.order():
        cells = []
        for j, (mean, sd) in enumerate(zip(own.mean[i], own.sd[i], strict=True)):
            if math.isnan(mean):
                cells.append(Cell(words.MISSING, "", "no score", math.nan))
                continue
            share = 0.5 if high[j] <= low[j] else (mean - low[j]) / (high[j] - low[j])
            spread = "" if math.isnan(sd) else f" ± {sd:.4f}"
            about = f"{title} {mean:.4f}{spread}, {words.counted(int(own.counts[i, j]), 'seed')}"
            colour = f"rgb({UP} / {0.05 + (STRONGEST - 0.05) * share:.2f})"
            text = _short(mean) + ("" if math.isnan(sd) else f" ±{_short(sd)}")
            cells.append(Cell(text, colour, about, float(mean)))
        rows.append(_row(found, i, cells))
    return Heat(list(found.axes.tasks), rows, "Colour: from the lowest to the highest of a task.")


def difference_heat(found: Comparison, own: MetricComparison) -> Heat:
    """Return paired differences; blue is better than the reference, vermilion worse."""
    title = words.title(own.metric)
    others = [i for i in found.order() if own.rows[i].variant != found.study.reference]
    sizes = np.abs(own.differences[others])
    sizes = sizes[np.isfinite(sizes)]
    most = max(float(np.quantile(sizes, 0.95)), 1e-6) if len(sizes) else 1.0
    rows = []
    for i in others:
        cells = []
        for value in own.differences[i].tolist():
            if math.isnan(value):
                cells.append(Cell(words.MISSING, "", "no pair", math.nan))
                continue
            share = STRONGEST * min(abs(value) / most, 1.0)
            colour = f"rgb({UP if value > 0 else DOWN} / {share:.2f})"
            cells.append(Cell(_short(value, sign=True), colour, f"Δ {title} {value:+.4f}", value))
        rows.append(_row(found, i, cells))
    scale = f"Colour: strongest from ±{most:.3f} on (95 % of all cells lie within)."
    return Heat(list(found.axes.tasks), rows, scale)


def _row(found: Comparison, index: int, cells: list[Cell]) -> tuple[str, bool, list[Cell]]:
    variant = found.axes.variants[index]
    return found.study.label(variant), variant == found.study.reference, cells


def _extremes(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and greatest known value of each column."""
    known = np.isfinite(values)
    return np.where(known, values, np.inf).min(axis=0), np.where(known, values, -np.inf).max(axis=0)


def _short(value: float, *, sign: bool = False) -> str:
    """Return three digits without the leading zero, which all scores share."""
    text = f"{value:+.3f}" if sign else f"{value:.3f}"
    return text.replace("0.", ".", 1) if abs(value) < 0.9995 else text
