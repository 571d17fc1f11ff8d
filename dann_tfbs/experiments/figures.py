"""Figures of runs and evaluations, as `matplotlib` objects that belong to nobody else.

No function touches pyplot or changes a setting of matplotlib: a notebook keeps its own style.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from dann_tfbs import files
from dann_tfbs.evaluation.metrics import auprc, auroc

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe & Ito's colours (2008), which differ for every kind of colour vision."""

DASHES = ("-", "--", "-.", ":")
"""Line styles: after all colours are used once, they start again with the next style."""

MOST_POINTS = 2000
"""Points drawn of a curve; more would not be seen."""


def pr_curve(scores_by_name: Mapping[str, ArrayLike], labels: ArrayLike) -> Figure:
    """Draw precision against recall, one line per model, with the prevalence as the floor.

    Parameters
    ----------
    scores_by_name
        Scores of each model, shape (n,); a higher score means bound.
    labels
        Shape (n,): bound where > 0.

    Returns
    -------
    Figure
        The legend gives the area by exact integration (`dann_tfbs.evaluation.metrics.auprc`).
    """
    bound = np.asarray(labels) > 0
    figure, axes = _square("Recall", "Precision")
    for index, (name, scores) in enumerate(scores_by_name.items()):
        found, wrong = _counts(np.asarray(scores), bound)
        # Above the highest score precision is 0/0; the line starts at its first real value.
        recall, precision = found[1:] / bound.sum(), found[1:] / (found[1:] + wrong[1:])
        kept = _thinned(len(recall))
        label = f"{name} (AUPRC {auprc(scores, bound):.3f})"
        axes.plot(recall[kept], precision[kept], label=label, **_line(index))
    prevalence = float(bound.mean())
    axes.axhline(
        prevalence, color="0.6", linewidth=1, zorder=1, label=f"prevalence ({prevalence:.3f})"
    )
    _legend_below(axes)
    return figure


def roc_curve(scores_by_name: Mapping[str, ArrayLike], labels: ArrayLike) -> Figure:
    """Draw the true against the false positive rate, one line per model.

    Parameters
    ----------
    scores_by_name, labels
        As for `pr_curve`.
    """
    bound = np.asarray(labels) > 0
    figure, axes = _square("False positive rate", "True positive rate")
    for index, (name, scores) in enumerate(scores_by_name.items()):
        found, wrong = _counts(np.asarray(scores), bound)
        kept = _thinned(len(found))
        label = f"{name} (AUROC {auroc(scores, bound):.3f})"
        axes.plot(
            wrong[kept] / (~bound).sum(), found[kept] / bound.sum(), label=label, **_line(index)
        )
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, zorder=1, label="chance (0.500)")
    _legend_below(axes)
    return figure


def loss_curves(history: Sequence[Sequence[Mapping[str, float]]]) -> Figure:
    """Draw losses and validation areas by epoch.

    Parameters
    ----------
    history
        Per model (seed), the records of its epochs: `epoch`, `train_loss` and, where there was
        validation, `validation_loss`, `validation_auroc`, `validation_auprc`. Models are drawn as
        thin lines of one colour, their median as a thick one.
    """
    panels = [
        ("Loss per sequence (nats)", {"train_loss": "training", "validation_loss": "validation"}),
        (
            "Area under the curve (validation)",
            {"validation_auroc": "AUROC", "validation_auprc": "AUPRC"},
        ),
    ]
    recorded = {key for records in history for record in records for key in record}
    panels = [(title, keys) for title, keys in panels if recorded & keys.keys()]
    figure = Figure(figsize=(4.2 * max(len(panels), 1), 3.4), layout="constrained")
    for place, (title, keys) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), place + 1)
        for index, (key, name) in enumerate(keys.items()):
            if key in recorded:
                _draw_epochs(axes, history, key, name, 2 * place + index)
        axes.set_xlabel("Epoch")
        axes.set_ylabel(title)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        _plain(axes)
        axes.legend(frameon=False)
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, all or nothing; equal figures give equal bytes."""
    with files.written_aside(path) as aside:
        FigureCanvasAgg(figure)
        figure.savefig(aside, format="png", dpi=150, metadata={"Software": None})


def _draw_epochs(
    axes: Axes,
    history: Sequence[Sequence[Mapping[str, float]]],
    key: str,
    name: str,
    index: int,
) -> None:
    runs = [
        ([record["epoch"] for record in records], [record[key] for record in records])
        for records in history
    ]
    style = _line(index)
    if len(runs) > 1:
        for epochs, values in runs:
            axes.plot(epochs, values, **{**style, "linewidth": 0.8, "alpha": 0.4})
        name = f"{name}, median of {len(runs)} seeds"
    shortest = min(len(values) for _, values in runs)
    median = np.median([values[:shortest] for _, values in runs], axis=0)
    axes.plot(runs[0][0][:shortest], median, label=name, marker="o", markersize=3.5, **style)


def _counts(
    scores: NDArray[np.floating], bound: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return true and false positives at every threshold, from none to all; ties are one step."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    found = np.cumsum(bound[order])[ends]
    return np.append(0, found), np.append(0, ends + 1 - found)


def _thinned(n: int) -> NDArray[np.int64]:
    """Return evenly spread indices of at most `MOST_POINTS` of n points, with both ends."""
    return np.unique(np.linspace(0, n - 1, min(n, MOST_POINTS)).round().astype(np.int64))


def _square(x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.4, 4.8), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
    axes.set_aspect("equal")
    _plain(axes)
    return figure, axes


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.92", linewidth=0.8)
    axes.set_axisbelow(True)


def _legend_below(axes: Axes) -> None:
    """Put the legend under the axes, where no curve can run through it."""
    axes.legend(
        frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=1, fontsize="small"
    )


def _line(index: int) -> dict[str, Any]:
    style, colour = divmod(index, len(PALETTE))
    return {
        "color": PALETTE[colour],
        "linestyle": DASHES[style % len(DASHES)],
        "linewidth": 1.6,
    }
