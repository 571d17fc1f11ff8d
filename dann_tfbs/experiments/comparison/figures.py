"""Figures of a comparison: curves per assay, training, embeddings, size against score."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from dann_tfbs.assays import ASSAYS
from dann_tfbs.experiments.comparison import words
from dann_tfbs.experiments.comparison.compared import Comparison
from dann_tfbs.experiments.comparison.shown import Shown, common_outcomes, mean_of
from dann_tfbs.experiments.comparison.svg import FAINT, INK, inline, label_axes, panel
from dann_tfbs.experiments.embedding_figures import LABELS, colour_of
from dann_tfbs.experiments.outcome import CURVE_POINTS, Outcome, Points
from dann_tfbs.streams import stream

TRAINING = {
    "train_loss": "Training loss (nats)",
    "validation_loss": "Validation loss (nats)",
    "validation_auroc": "Validation AUROC",
    "validation_auprc": "Validation AUPRC",
}
MOST_EMBEDDINGS = 4
MOST_POINTS = 800


@dataclass(frozen=True)
class Picture:
    """A figure with its caption and, where lines need names, their colours."""

    svg: Markup
    caption: str


@dataclass(frozen=True)
class Gallery:
    """Figures that belong together.

    Attributes
    ----------
    title
        What they share, such as the target assay.
    pictures
        The figures.
    legend
        Name and colour of each line or kind of point; a dashed line is the reference's.
    note
        What was averaged.
    """

    title: str
    pictures: list[Picture]
    legend: list[tuple[str, str, bool]]
    note: str = ""


def curve_galleries(found: Comparison, shown: list[Shown], prefix: str) -> list[Gallery]:
    """Draw precision–recall and ROC curves, a gallery for each target assay."""
    galleries = []
    for target in dict.fromkeys(one.target for one in found.study.outcomes):

        def useful(one: Outcome, target: str = target) -> bool:
            return one.target == target and one.curves is not None

        kept, outcomes = common_outcomes(found, shown, useful)
        if not kept:
            continue
        pictures = [
            _curves(kept, outcomes, "precision", f"{prefix}-pr-{target}"),
            _curves(kept, outcomes, "true_positive_rate", f"{prefix}-roc-{target}"),
        ]
        tasks = words.counted(len(outcomes[kept[0].variant]), "task")
        note = f"Mean logit of all seeds; curves averaged at equal abscissae over {tasks}."
        galleries.append(Gallery(target, pictures, _legend(kept), note))
    return galleries


def training_gallery(found: Comparison, shown: list[Shown], prefix: str) -> Gallery | None:
    """Draw losses and areas by epoch: mean over tasks and seeds, range over seeds."""
    kept, outcomes = common_outcomes(found, shown, lambda one: any(one.histories))
    pictures = []
    for key, title in TRAINING.items():
        lines = [(one, _by_seed(list(outcomes[one.variant].values()), key)) for one in kept]
        lines = [(one, values) for one, values in lines if values.size]
        if not lines:
            continue
        figure, axes = panel(3.1, 2.7)
        for one, values in lines:
            epochs = np.arange(1, values.shape[1] + 1)
            if len(values) > 1:
                axes.fill_between(
                    epochs, values.min(0), values.max(0), color=one.colour, alpha=0.13, linewidth=0
                )
            axes.plot(
                epochs, values.mean(0), color=one.colour, linestyle=one.dash, linewidth=1.5,
                marker="o", markersize=2.5,
            )  # fmt: skip
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        label_axes(axes, "Epoch", title)
        pictures.append(Picture(inline(figure, f"{prefix}-{key}", title), title))
    if not pictures:
        return None
    tasks = words.counted(len(outcomes[kept[0].variant]), "task")
    note = f"Mean over {tasks} and all seeds; the band is the range over seeds."
    return Gallery("Training", pictures, _legend(kept), note)


def embedding_galleries(found: Comparison, shown: list[Shown], prefix: str) -> list[Gallery]:
    """Draw the reference's embedding beside those of the best variants, all of one task."""
    by_task: dict[str, dict[str, Points]] = {}
    for one in found.study.outcomes:
        if one.embedding is not None:
            by_task.setdefault(one.task, {}).setdefault(one.variant, one.embedding)
    if not by_task:
        return []
    names = [found.axes.variants[i] for i in found.order()]
    drawn_first = [one.variant for one in shown]

    def worth(task: str) -> tuple[bool, int]:
        own = by_task[task]
        return found.study.reference in own, sum(name in own for name in drawn_first)

    task = max(by_task, key=worth)
    chosen = [name for name in names if name in by_task[task]][:MOST_EMBEDDINGS]
    embeddings = {name: by_task[task][name] for name in chosen}
    domains = sorted({d for points in embeddings.values() for d in points.domain}, key=_place)
    colours = colour_of(domains)
    labels = sorted({lab for points in embeddings.values() for lab in points.label}, reverse=True)
    by_assay, by_label = [], []
    for number, (name, points) in enumerate(embeddings.items()):
        caption = found.study.label(name)
        if name == found.study.reference:
            caption += " (reference)"
        shades = [colours[domain] for domain in points.domain]
        by_assay.append(_embedding(points, shades, f"{prefix}-assay-{number}", caption))
        shades = [LABELS[lab][1] for lab in points.label]
        by_label.append(_embedding(points, shades, f"{prefix}-label-{number}", caption))
    note = f"{task}, first seed; two main axes of each model's own embedding."
    legend = [(name, colours[name], False) for name in domains]
    of_labels = [(LABELS[lab][0], _css(LABELS[lab][1]), False) for lab in labels]
    return [
        Gallery("By assay", by_assay, legend, note),
        Gallery("By label", by_label, of_labels, note),
    ]


def size_picture(found: Comparison, shown: list[Shown], prefix: str) -> Picture | None:
    """Draw the difference (without a reference, the score) against the number of parameters."""
    sizes = {one.variant: one.parameters for one in found.study.outcomes if one.parameters}
    heights = {
        row.variant: row.difference.value if found.has_reference else row.score
        for row in found.main.rows
    }
    points = {
        name: (float(size), heights[name])
        for name, size in sizes.items()
        if math.isfinite(heights[name])
    }
    if len({size for size, _ in points.values()}) < 2:
        return None
    colours = {one.variant: one.colour for one in shown}
    figure, axes = panel(7.2, 3.4, left=0.75)
    for name, (size, height) in points.items():
        front = 3 + (name in colours) + (name == found.study.reference)
        axes.scatter(size, height, s=34, color=colours.get(name, FAINT), zorder=front)
    values = sorted(size for size, _ in points.values())
    if values[-1] > 4 * values[0]:
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.margins(x=0.12, y=0.14)
    axes.autoscale_view()  # names are placed by the final limits
    _name_points(found, points, axes)
    metric = words.title(found.study.metric)
    about = f"Δ {metric}, mean over TFs" if found.has_reference else f"{metric}, mean over TFs"
    label_axes(axes, "Trainable parameters of a model", about)
    svg = inline(figure, f"{prefix}-size", f"{metric} against number of parameters")
    return Picture(svg, "Named: the reference, and the best variant of each size.")


def _name_points(found: Comparison, points: dict[str, tuple[float, float]], axes: Axes) -> None:
    """Write the name of the best variant of each size, and of the reference, beside their dots."""
    best: dict[float, str] = {}
    for name in sorted(points, key=lambda name: -points[name][1]):
        best.setdefault(points[name][0], name)
    named = dict.fromkeys([*best.values(), found.study.reference])
    taken: list[tuple[float, float]] = []
    for name in sorted((n for n in named if n in points), key=lambda n: points[n][1]):
        x, y = axes.transAxes.inverted().transform(axes.transData.transform(points[name]))
        height = y
        while any(abs(x - other) < 0.45 and abs(height - level) < 0.065 for other, level in taken):
            height += 0.01
        taken.append((x, height))
        text = found.study.label(name)
        axes.annotate(
            text if len(text) <= 34 else f"{text[:33]}…",
            (x, height), (7 if x < 0.6 else -7, 0), "axes fraction", "offset points",
            ha="left" if x < 0.6 else "right", va="center", fontsize=8, color=INK,
            parse_math=False,
        )  # fmt: skip


def _curves(
    kept: list[Shown], outcomes: dict[str, dict[str, Outcome]], kind: str, name: str
) -> Picture:
    figure, axes = panel()
    grid = np.linspace(0, 1, CURVE_POINTS)
    is_roc = kind == "true_positive_rate"
    some = list(outcomes[kept[0].variant].values())
    if is_roc:
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.9)
    elif all(one.positives and one.negatives for one in some):
        share = np.mean([one.positives / (one.positives + one.negatives) for one in some])
        axes.axhline(float(share), color=FAINT, linewidth=0.9)
    for one in reversed(kept):  # the reference on top
        values = mean_of(
            [getattr(outcome.curves, kind) for outcome in outcomes[one.variant].values()]
        )
        axes.plot(grid, values, color=one.colour, linestyle=one.dash, linewidth=1.5)
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.02)
    caption = "ROC; thin line: chance" if is_roc else "Precision–recall; thin line: prevalence"
    names = ("False positive rate", "True positive rate") if is_roc else ("Recall", "Precision")
    label_axes(axes, *names)
    return Picture(inline(figure, name, caption), caption)


def _by_seed(outcomes: list[Outcome], key: str) -> np.ndarray:
    """Return the mean over tasks of a record, shape (seeds, epochs), as far as all have it."""
    runs = [
        [[record[key] for record in history if key in record] for history in one.histories]
        for one in outcomes
    ]
    seeds = min(map(len, runs))
    epochs = min((len(values) for task in runs for values in task[:seeds]), default=0)
    cut = np.array([[values[:epochs] for values in task[:seeds]] for task in runs])
    return cut.mean(axis=0) if cut.size else np.empty((0, 0))


def _embedding(points: Points, colours: list[str], name: str, caption: str) -> Picture:
    figure, axes = panel(3.0, 2.8)
    # The points came in the order of their domains; the last one must not cover the others.
    order = stream(0, "embedding picture").permutation(len(points.x))[:MOST_POINTS]
    xy = np.column_stack([points.x, points.y])[order]
    axes.scatter(
        xy[:, 0], xy[:, 1], s=9, linewidths=0, alpha=0.6, c=[colours[i] for i in order],
        rasterized=True,
    )  # fmt: skip
    axes.tick_params(labelsize=7.5)
    label_axes(
        axes,
        f"First axis ({points.variance[0]:.0%} of variance)",
        f"Second axis ({points.variance[1]:.0%})",
    )
    return Picture(inline(figure, name, f"Embedding of {caption}"), caption)


def _legend(kept: list[Shown]) -> list[tuple[str, str, bool]]:
    return [(one.label, _css(one.colour), one.dash != "-") for one in kept]


def _place(domain: str) -> tuple[int, str]:
    """Return a key that puts assays in their own order."""
    codes = list(ASSAYS)
    return (codes.index(domain) if domain in codes else len(codes)), domain


def _css(colour: str) -> str:
    """Return a colour of matplotlib as one of CSS."""
    if colour == INK:
        return "currentColor"
    return to_hex(colour)
