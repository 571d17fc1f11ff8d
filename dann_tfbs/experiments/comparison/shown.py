"""Which variants the figures show, and what of them: a page cannot draw twenty-five curves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dann_tfbs.experiments.comparison.compared import Comparison
from dann_tfbs.experiments.comparison.svg import INK
from dann_tfbs.experiments.figures import PALETTE
from dann_tfbs.experiments.outcome import Outcome

MOST_SHOWN = 6
"""Variants drawn beside the reference: as many as there are colours."""


@dataclass(frozen=True)
class Shown:
    """A variant that figures show, in its colour."""

    variant: str
    label: str
    colour: str
    dash: str = "-"


def shown_variants(found: Comparison) -> list[Shown]:
    """Return the reference and the best variants: all where there are few, else the first five."""
    names = [found.axes.variants[i] for i in found.order()]
    others = [name for name in names if name != found.study.reference]
    if len(others) > MOST_SHOWN:
        others = others[: MOST_SHOWN - 1]
    colours = [colour for colour in PALETTE if colour != "#000000"]
    label = found.study.label
    reference = [
        Shown(name, f"{label(name)} (reference)", INK, "--")
        for name in names
        if name == found.study.reference
    ]
    return reference + [
        Shown(name, label(name), colour) for name, colour in zip(others, colours, strict=False)
    ]


def common_outcomes(
    found: Comparison, shown: list[Shown], useful: Callable[[Outcome], bool]
) -> tuple[list[Shown], dict[str, dict[str, Outcome]]]:
    """Return the variants that can be drawn together, and their outcomes on the same tasks.

    An average over other tasks would be another thing. A variant that lacks more than half of the
    tasks of the first is left out rather than all the others cut to its tasks.

    Returns
    -------
    tuple
        The variants, and by variant and task the (first) outcome.
    """
    by: dict[str, dict[str, Outcome]] = {}
    for outcome in found.study.outcomes:
        if useful(outcome):
            by.setdefault(outcome.variant, {}).setdefault(outcome.task, outcome)
    drawn = [one for one in shown if one.variant in by]
    if not drawn:
        return [], {}
    tasks = dict(by[drawn[0].variant])
    kept = []
    for one in drawn:
        shared = [task for task in tasks if task in by[one.variant]]
        if 2 * len(shared) >= len(by[drawn[0].variant]):
            tasks = {task: tasks[task] for task in shared}
            kept.append(one)
    return kept, {one.variant: {task: by[one.variant][task] for task in tasks} for one in kept}


def mean_of(rows: list[tuple[float, ...]]) -> np.ndarray:
    """Return the mean over curves of equal length."""
    return np.asarray(rows, dtype=np.float64).mean(axis=0)
