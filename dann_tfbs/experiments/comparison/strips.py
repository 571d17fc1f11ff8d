"""Small pictures inside rows of a table: a row of a forest plot, a row of ranks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape
from matplotlib.ticker import MaxNLocator

WIDTH, HEIGHT, MARGIN = 280, 26, 12
DOTS, BAR = 8.5, 18.5
"""Heights at which units and estimate are drawn, so that neither hides the other."""


@dataclass(frozen=True)
class Scale:
    """From values to places along a strip, in pixels.

    Attributes
    ----------
    low, high
        Values at the left and the right end; `low` may be the greater one.
    """

    low: float
    high: float

    def place(self, value: float) -> float:
        """Return the place of a value, within the strip."""
        share = (value - self.low) / (self.high - self.low)
        return round(MARGIN + (WIDTH - 2 * MARGIN) * min(max(share, 0.0), 1.0), 1)


@dataclass(frozen=True)
class Dot:
    """One unit: its value and what to say of it."""

    value: float
    about: str


def scale_of(values: Iterable[float]) -> Scale:
    """Return a scale that shows all known values and 0, with some room."""
    known = [value for value in values if math.isfinite(value)]
    low, high = min([0.0, *known]), max([0.0, *known])
    room = 0.04 * (high - low) or 0.01
    return Scale(low - room, high + room)


def strip(
    scale: Scale,
    dots: Sequence[Dot],
    centre: float,
    limits: tuple[float, float] | None = None,
    *,
    kind: str = "",
    zero: bool = False,
) -> Markup:
    """Draw one row.

    Parameters
    ----------
    scale
        The same for all rows of a table.
    dots
        The units; those that fall together are stacked.
    centre, limits
        The estimate and its interval, where there is one.
    kind
        CSS class of estimate and interval.
    zero
        Whether to mark 0.
    """
    parts = []
    if zero:
        x = scale.place(0)
        parts.append(f'<line class="zero" x1="{x}" x2="{x}" y1="0" y2="{HEIGHT}"/>')
    taken: dict[int, int] = {}
    for dot in dots:
        if not math.isfinite(dot.value):
            continue
        x = scale.place(dot.value)
        level = taken.get(round(x / 3), 0)
        taken[round(x / 3)] = level + 1
        y = DOTS + (-1) ** level * ((level + 1) // 2) * 2.8
        about = escape(dot.about)
        parts.append(
            f'<circle class="dot" cx="{x}" cy="{y:g}" r="2.7"><title>{about}</title></circle>'
        )
    middle = BAR
    if limits is not None and all(map(math.isfinite, limits)):
        a, b = map(scale.place, limits)
        parts.append(f'<line class="bar {kind}" x1="{a}" x2="{b}" y1="{middle}" y2="{middle}"/>')
    if math.isfinite(centre):
        x = scale.place(centre)
        parts.append(
            f'<path class="centre {kind}" d="M{x - 5:g} {middle}L{x:g} {middle - 5}'
            f'L{x + 5:g} {middle}L{x:g} {middle + 5}Z"/>'
        )
    return _svg("".join(parts), HEIGHT)


def axis(scale: Scale, *, whole: bool = False, signed: bool = False) -> Markup:
    """Draw the axis that stands above the rows."""
    low, high = sorted((scale.low, scale.high))
    steps = MaxNLocator(nbins=5, integer=whole, steps=[1, 2, 5, 10]).tick_values(low, high)
    ticks = [t for t in np.round(steps, 10).tolist() if low <= t <= high]
    parts = []
    for tick in ticks:
        x = scale.place(tick)
        text = f"{tick:+g}" if signed and tick else f"{tick:g}"
        parts.append(
            f'<line class="tick" x1="{x}" x2="{x}" y1="15" y2="19"/>'
            f'<text x="{x}" y="12" text-anchor="middle">{text}</text>'
        )
    return _svg("".join(parts), 19)


def _svg(inside: str, height: int) -> Markup:
    return Markup(
        f'<svg class="strip" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'aria-hidden="true">{inside}</svg>'
    )
