"""Figures as SVG that lies inside a page: its fonts, its light or dark ink, no clash of names."""

from __future__ import annotations

import io
import re

import matplotlib
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK, FAINT, GRID = "#010101", "#020202", "#030303"
"""Stand for colours of the page, which differ by day and night."""

_PAGE_COLOURS = {INK: "currentColor", FAINT: "var(--faint)", GRID: "var(--grid)"}
_UNUSED_NAME = re.compile(
    r' id="(?:figure|patch|axes|text|line2d|matplotlib\.axis|xtick|ytick|LineCollection|image'
    r'|PathCollection|PolyCollection|FillBetweenPolyCollection)_\d+"'
)


def panel(width: float = 3.6, height: float = 3.1, *, left: float = 0.62) -> tuple[Figure, Axes]:
    """Return a figure (in inches) with one plain panel, drawn in the ink of the page."""
    figure = Figure(figsize=(width, height))
    bottom, top, right = 0.5, 0.12, 0.12
    box = (left / width, bottom / height)
    size = (1 - (left + right) / width, 1 - (bottom + top) / height)
    axes = figure.add_axes((*box, *size))
    axes.set_facecolor("none")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(color=FAINT, labelcolor=INK, labelsize=8.5, length=3)
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    return figure, axes


def label_axes(axes: Axes, x: str, y: str) -> None:
    """Name both axes in the ink of the page."""
    axes.set_xlabel(x, color=INK, fontsize=9.5)
    axes.set_ylabel(y, color=INK, fontsize=9.5)


def inline(figure: Figure, name: str, about: str) -> Markup:
    """Return a figure as an SVG element.

    Parameters
    ----------
    figure
        Drawn with colours of its own, `INK`, `FAINT` and `GRID`.
    name
        Unique in the page: names inside the figure are made from it.
    about
        What it shows, for those who hear the page.
    """
    FigureCanvasSVG(figure)
    text = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(text, format="svg", transparent=True, dpi=144, metadata=metadata)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font: ([\w. ]*?px) [^;\"]*", r"font: \1 system-ui, sans-serif", svg)
    # Places are shortened, texts are not.
    svg = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\d\.\d\d)\d+", r"\1", tag[0]), svg)
    svg = _UNUSED_NAME.sub("", svg).replace("xlink:href", "href")
    for stand_in, colour in _PAGE_COLOURS.items():
        svg = svg.replace(stand_in, colour)
    size = re.search(r'viewBox="[^"]*"', svg)
    assert size is not None
    head = f'<svg {size[0]} role="img" aria-label="{escape(about)}">'
    svg = head + svg[svg.index(">") + 1 :]
    return Markup(re.sub(r"\n\s*", "\n", svg))
