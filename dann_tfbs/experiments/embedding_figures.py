"""Pictures of embeddings: who lies where, and how well the assays are told apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dann_tfbs.assays import ASSAYS
from dann_tfbs.evaluation.separability import Separability, proxy_a_distance, standardised
from dann_tfbs.experiments.figures import PALETTE

LABELS = {
    -1: ("unlabelled", "0.7", 0.35),
    0: ("unbound", "#56B4E9", 0.6),
    1: ("bound", "#D55E00", 0.7),
}
"""Name, colour and opacity of each label, from the faintest to the one drawn on top."""

CONTROLS = ("0.86", "0.70", "0.52", "0.36")
"""Greys of what a model has no part in."""

MOST_POINTS = 800
"""Points drawn of a domain."""


@dataclass(frozen=True)
class View:
    """An embedding to be drawn.

    Attributes
    ----------
    name
        Title of its row.
    features
        By domain, shape (n, channels).
    labels
        By domain, shape (n,): 1 bound, 0 unbound, −1 unlabelled.
    """

    name: str
    features: Mapping[str, NDArray[np.floating]]
    labels: Mapping[str, NDArray[np.integer]]


def embedding_picture(views: Sequence[View], generator: np.random.Generator) -> Figure:
    """Draw each embedding on its two main axes, coloured by assay on the left, label on the right.

    Parameters
    ----------
    views
        One row of panels each, such as before and after adaptation. Each has axes of its own: the
        channels of two models have nothing in common. All show the same domains.
    generator
        Draws the points of large domains and the order in which points cover each other.
    """
    figure = Figure(figsize=(8.6, 4.0 * len(views) + 0.5), layout="constrained")
    rows = figure.subplots(len(views), 2, sharex="row", sharey="row", squeeze=False)
    for (left, right), view in zip(rows, views, strict=True):
        _draw(left, right, view, generator)
    figure.align_ylabels(rows[:, 0])
    rows[0][0].set_title("by assay", fontsize="medium")
    rows[0][1].set_title("by label", fontsize="medium")
    names = list(views[0].features)
    _legend(rows[-1][0], [(name, colour_of(names)[name]) for name in names])
    present = {int(label) for view in views for own in view.labels.values() for label in own}
    _legend(rows[-1][1], [LABELS[label][:2] for label in sorted(present, reverse=True)])
    return figure


def separability_bars(found: Mapping[str, Separability], runs: Iterable[str]) -> Figure:
    """Draw how well each two domains are told apart, as bars that begin at chance.

    Parameters
    ----------
    found
        By name of the features: controls such as GC content (grey), and runs.
    runs
        Which of the names are runs (coloured), in the order of the story: before, after.
    """
    runs = list(runs)
    controls = [name for name in found if name not in runs]
    colours = dict(zip(controls, CONTROLS, strict=False)) | dict(zip(runs, PALETTE, strict=False))
    pairs = [pair.name for pair in next(iter(found.values())).pairs]
    width = 0.84 / len(colours)
    figure = Figure(figsize=(2.2 + 1.35 * max(len(pairs), 2), 3.8), layout="constrained")
    axes = figure.add_subplot()
    for index, (name, colour) in enumerate(colours.items()):
        places = np.arange(len(pairs)) + (index + 0.5) * width - 0.42
        heights = [pair.balanced_accuracy - 0.5 for pair in found[name].pairs]
        axes.bar(places, heights, 0.9 * width, bottom=0.5, color=colour, label=name)
    axes.axhline(0.5, color="0.3", linewidth=1)
    lowest = min(pair.balanced_accuracy for own in found.values() for pair in own.pairs)
    axes.set_ylim(min(0.48, lowest - 0.02), 1.005)
    axes.set_xticks(np.arange(len(pairs)), [pair.replace(" – ", " –\n") for pair in pairs])
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel("Balanced accuracy (chance .5)")
    second = axes.secondary_yaxis("right", functions=(_distance_of_accuracy, _accuracy_of_distance))
    second.set_ylabel("Proxy A-distance")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="0.92", linewidth=0.8)
    axes.set_axisbelow(True)
    figure.legend(frameon=False, loc="outside lower center", ncols=min(len(colours), 5))
    return figure


def colour_of(names: Iterable[str]) -> dict[str, str]:
    """Return the colour of each domain; an assay keeps its own whatever stands beside it."""
    fixed = dict(zip(ASSAYS, PALETTE, strict=False))
    free = [colour for colour in PALETTE if colour not in fixed.values()]
    free += [fixed[assay] for assay in ASSAYS if assay not in names]
    colours = {}
    for name in names:
        colours[name] = fixed[name] if name in fixed else (free.pop(0) if free else "0.5")
    return colours


def main_axes(
    features: Mapping[str, NDArray[np.floating]],
) -> tuple[dict[str, NDArray[np.floating]], NDArray[np.float64]]:
    """Project standardised features on their first two principal components.

    Returns
    -------
    tuple
        By domain the coordinates, shape (n, 2), and the share of variance of both axes, shape (2,).
        The sign of an axis is such that its largest loading is positive.
    """
    scaled = standardised(features)
    every = np.concatenate(list(scaled.values()))
    variances, vectors = np.linalg.eigh(every.T @ every)
    two = vectors[:, ::-1][:, :2]
    two = two * np.sign(two[np.abs(two).argmax(axis=0), np.arange(two.shape[1])])
    shares = np.maximum(variances[::-1][:2], 0) / max(variances.sum(), 1e-30)
    if two.shape[1] == 1:  # an embedding of one channel
        two, shares = np.hstack([two, np.zeros((1, 1))]), np.append(shares, 0.0)
    return {name: values @ two for name, values in scaled.items()}, shares


def _distance_of_accuracy(accuracy: Any) -> Any:
    return proxy_a_distance(1 - accuracy)


def _accuracy_of_distance(distance: Any) -> Any:
    return (distance + 2) / 4


def _draw(left: Axes, right: Axes, view: View, generator: np.random.Generator) -> None:
    projected, shares = main_axes(view.features)
    colours = colour_of(list(projected))
    points, assays, labels = [], [], []
    for name, all_points in projected.items():
        rows = generator.permutation(len(all_points))[:MOST_POINTS]
        points.append(all_points[rows])
        labels.append(np.asarray(view.labels[name])[rows])
        assays.append(np.full(len(rows), colours[name], dtype=object))
    mixed = generator.permutation(sum(map(len, points)))  # else the last assay covers the others
    xy, colour, label = (np.concatenate(part)[mixed] for part in (points, assays, labels))
    style: dict[str, Any] = {"s": 9, "linewidths": 0}
    left.scatter(xy[:, 0], xy[:, 1], c=colour.tolist(), alpha=0.5, **style)
    for value, (_, shade, opacity) in LABELS.items():
        some = xy[label == value]
        right.scatter(some[:, 0], some[:, 1], color=shade, alpha=opacity, **style)
    _frame(left, right, shares)
    left.annotate(
        view.name, (0, 1), (4, -4), "axes fraction", "offset points", va="top", weight="bold",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
    )  # fmt: skip


def _frame(left: Axes, right: Axes, shares: NDArray[np.float64]) -> None:
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="0.92", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.set_xlabel(f"First component ({shares[0]:.1%} of variance)")
    left.set_ylabel(f"Second component ({shares[1]:.1%})")


def _legend(axes: Axes, entries: Sequence[tuple[str, str]]) -> None:
    """Name the colours under the axes, where they hide no point."""
    for name, colour in entries:
        axes.scatter([], [], color=colour, s=30, label=name)
    axes.legend(
        frameon=False,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.16),
        ncols=min(len(entries), 4),
        fontsize="small",
        handletextpad=0.2,
    )
