"""Quality report of a prepared table: what a model could learn beside binding.

Where GC content or short k-mers alone tell positives from negatives, a good score proves little.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dann_tfbs.data.kmers import canonical_sequence_hash, kmer_counts
from dann_tfbs.data.split import leakage
from dann_tfbs.data.table import table_sequences
from dann_tfbs.files import written_aside
from dann_tfbs.sequence import Sequences, gc_content
from dann_tfbs.streams import stream

COMPOSITION_K = 2
"""Dinucleotides: composition without motifs, which longer k-mers would begin to see."""
GC_WARNING = 0.6
COMPOSITION_WARNING = 0.65
LENGTH_WARNING = 0.6
_MOST_ROWS = 20_000


def quality_report(table: pa.Table) -> dict[str, Any]:
    """Describe each assay of a prepared table.

    Parameters
    ----------
    table
        Columns of `dann_tfbs.data.table.SCHEMA`.

    Returns
    -------
    dict
        By assay: `duplicates`, `length` and `gc` by label (mean, sd, smallest, largest), AUROC of
        `gc`, `length` and `composition` (logistic regression on dinucleotides, 5-fold
        cross-validated) for positive against negative, whichever direction separates; `leakage`
        between splits; `warnings`, sentences.
    """
    return {
        assay: _of_assay(table.filter(pc.equal(table["assay"], assay)))
        for assay in sorted(pc.unique(table["assay"]).to_pylist())
    }


def _of_assay(table: pa.Table) -> dict[str, Any]:
    sequences = table_sequences(table)
    labels = table["label"].to_numpy() > 0
    splits = np.array(table["split"].to_pylist(), dtype=object)
    gc = gc_content(sequences)
    distinct = len(np.unique(canonical_sequence_hash(sequences)))
    report: dict[str, Any] = {
        "rows": len(table),
        "duplicates": len(table) - distinct,
        "length": _by_label(sequences.lengths, labels),
        "gc": _by_label(gc, labels),
        "leakage": leakage(sequences, splits),
        "auroc": {},
    }
    if labels.any() and not labels.all():
        rows = _some_rows(len(labels))
        report["auroc"] = {
            "gc": _separation(gc, labels),
            "length": _separation(sequences.lengths, labels),
            "composition": _composition_auroc(sequences.take(rows), labels[rows]),
        }
    report["warnings"] = _warnings(report)
    return report


def _by_label(values: NDArray[Any], labels: NDArray[np.bool_]) -> dict[str, dict[str, float]]:
    return {
        name: {
            "mean": float(part.mean()),
            "sd": float(part.std()),
            "smallest": float(part.min()),
            "largest": float(part.max()),
        }
        for name, part in (("positive", values[labels]), ("negative", values[~labels]))
        if len(part)
    }


def _some_rows(n: int) -> NDArray[np.int64]:
    """Draw a fixed sample where a table is large: the figure needs two digits."""
    rows = stream(0, "quality").permutation(n)[:_MOST_ROWS]
    return np.sort(rows)


def _separation(values: NDArray[Any], labels: NDArray[np.bool_]) -> float:
    from sklearn.metrics import roc_auc_score

    area = float(roc_auc_score(labels, values))
    return max(area, 1 - area)


def _composition_auroc(sequences: Sequences, labels: NDArray[np.bool_]) -> float | None:
    """Return the cross-validated AUROC of dinucleotide frequencies; None with too few rows."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    if min(labels.sum(), (~labels).sum()) < 10:
        return None
    counts = kmer_counts(sequences, COMPOSITION_K).toarray()
    frequencies = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    standardised = (frequencies - frequencies.mean(axis=0)) / (frequencies.std(axis=0) + 1e-9)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = cross_val_predict(
        LogisticRegression(), standardised, labels, cv=folds, method="decision_function"
    )
    return float(roc_auc_score(labels, scores))


def _warnings(report: dict[str, Any]) -> list[str]:
    limits = {"gc": GC_WARNING, "length": LENGTH_WARNING, "composition": COMPOSITION_WARNING}
    names = {"gc": "GC content", "length": "length", "composition": "dinucleotide composition"}
    found = [
        f"{names[what]} alone separates positives from negatives (AUROC {area:.2f})."
        for what, area in report["auroc"].items()
        if area is not None and area >= limits[what]
    ]
    return found + [
        f"{count['exact'] + count['reverse_complement']} equal and {count['shared_kmer']} similar "
        f"sequences: {pair}."
        for pair, count in report["leakage"].items()
        if count["shared_kmer"]
    ]


def draw_quality(table: pa.Table, report: dict[str, Any], path: Path) -> None:
    """Draw GC content and length by label for every assay."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2 * len(report)), layout="constrained")
    axes = figure.subplots(len(report), 2, squeeze=False)
    for (assay, part), (left, right) in zip(report.items(), axes, strict=True):
        rows = table.filter(pc.equal(table["assay"], assay))
        sequences = table_sequences(rows)
        labels = rows["label"].to_numpy() > 0
        gc = 100 * gc_content(sequences)
        longest = int(sequences.lengths.max())
        panels = (
            (left, gc, np.linspace(0, 100, 41), "GC content [%]", "gc"),
            (right, sequences.lengths, np.linspace(0, longest + 1, 41), "length [bp]", "length"),
        )
        for axis, values, bins, name, key in panels:
            for side, label, colour in (
                (True, "positive", "#0072B2"),
                (False, "negative", "#D55E00"),
            ):
                some = values[labels == side]
                if len(some):
                    weights = np.full(len(some), 100 / len(some))
                    axis.hist(
                        some,
                        bins,
                        weights=weights,
                        histtype="step",
                        color=colour,
                        label=f"{label} ({len(some):,})",
                        linewidth=1.8,
                    )
            area = part["auroc"].get(key)
            axis.set(xlabel=name, ylabel="sequences [%]")
            axis.set_title(
                f"{assay}: {name.split(' [')[0]} alone, AUROC {area:.2f}" if area else assay
            )
            axis.legend(frameon=False)
            axis.spines[["top", "right"]].set_visible(False)
    with written_aside(path) as aside:
        figure.savefig(aside, dpi=120, format="png", metadata={"Software": None})
