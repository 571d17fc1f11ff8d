"""Quality report of a prepared table: what a model could learn beside binding.

Where GC content or short k-mers alone tell positives from negatives, a good score proves little.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dann_tfbs.data.kmers import canonical_sequence_hash, distinct, kmer_columns, kmer_counts
from dann_tfbs.data.split import leakage
from dann_tfbs.data.table import table_sequences
from dann_tfbs.files import written_aside
from dann_tfbs.sequence import LETTERS, Sequences, gc_content
from dann_tfbs.streams import stream

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COMPOSITION_K = 2
"""Dinucleotides: composition without motifs, which longer k-mers would begin to see."""
GC_WARNING = 0.6
COMPOSITION_WARNING = 0.65
LENGTH_WARNING = 0.6
LEAKAGE_WARNING = 0.01
"""Share of held-out sequences that may be similar to training ones without a warning."""
_MOST_ROWS = 20_000
_DIGITS = 4  # a sum's last bits can depend on the number of threads
_SIDES = ((True, "positive", "#0072B2"), (False, "negative", "#D55E00"))


def quality_report(table: pa.Table) -> dict[str, Any]:
    """Describe a prepared table. Unlabelled rows do not count.

    Parameters
    ----------
    table
        Columns of `dann_tfbs.data.table.SCHEMA`.

    Returns
    -------
    dict
        `assays`: by assay, `rows`, `duplicates`, `length` and `gc` by label (mean, sd, smallest,
        largest), AUROC of `gc`, `length` and `composition` (logistic regression on strand-
        symmetric dinucleotides, 5-fold cross-validated) for positive against negative, whichever
        direction separates, and `warnings`, sentences. `leakage`: between the splits of all assays
        together (see `dann_tfbs.data.split.leakage`), and `warnings` about it.
    """
    table = _labelled(table)
    sequences = table_sequences(table)
    labels = table["label"].to_numpy() > 0
    assays, splits = (
        np.array(table[name].to_pylist(), dtype=object) for name in ("assay", "split")
    )
    leaked = leakage(sequences, splits)
    sizes = {name: int((splits == name).sum()) for name in set(splits)}
    return {
        "assays": {
            assay: _of_assay(sequences.take(rows), labels[rows], splits[rows])
            for assay, rows in _rows_by_assay(assays).items()
        },
        "leakage": leaked,
        "warnings": _leakage_warnings(leaked, sizes),
    }


def _labelled(table: pa.Table) -> pa.Table:
    valid = pc.is_valid(table["label"])
    return table if table["label"].null_count == 0 else table.filter(valid)


def _rows_by_assay(assays: NDArray[np.object_]) -> dict[str, NDArray[np.bool_] | slice]:
    """Return the rows of each assay; all as a slice where there is but one, to copy nothing."""
    names = sorted(set(assays))
    return {names[0]: slice(None)} if len(names) == 1 else {name: assays == name for name in names}


def _of_assay(
    sequences: Sequences, labels: NDArray[np.bool_], splits: NDArray[np.object_]
) -> dict[str, Any]:
    gc = gc_content(sequences)
    different = len(distinct(canonical_sequence_hash(sequences)))
    report: dict[str, Any] = {
        "rows": len(sequences),
        "duplicates": len(sequences) - different,
        "length": _by_label(sequences.lengths, labels),
        "gc": _by_label(gc, labels),
        "auroc": {},
    }
    if labels.any() and not labels.all():
        rows = _some_rows(len(labels))
        report["auroc"] = {
            "gc": _separation(gc, labels),
            "length": _separation(sequences.lengths, labels),
            "composition": _composition_auroc(sequences.take(rows), labels[rows]),
        }
    report["warnings"] = _separation_warnings(report["auroc"]) + _one_sided(splits, labels)
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
    return round(max(area, 1 - area), _DIGITS)


def _composition(sequences: Sequences) -> NDArray[np.float64]:
    """Return the share of each strand-symmetric dinucleotide, shape (n, 10)."""
    counts = kmer_counts(sequences, COMPOSITION_K).toarray().astype(np.float64)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def _composition_auroc(sequences: Sequences, labels: NDArray[np.bool_]) -> float | None:
    """Return the cross-validated AUROC of dinucleotide frequencies; None with too few rows."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    if min(labels.sum(), (~labels).sum()) < 10:
        return None
    frequencies = _composition(sequences)
    standardised = (frequencies - frequencies.mean(axis=0)) / (frequencies.std(axis=0) + 1e-9)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = cross_val_predict(
        LogisticRegression(), standardised, labels, cv=folds, method="decision_function"
    )
    return round(float(roc_auc_score(labels, scores)), _DIGITS)


def _separation_warnings(auroc: dict[str, float | None]) -> list[str]:
    limits = {"gc": GC_WARNING, "length": LENGTH_WARNING, "composition": COMPOSITION_WARNING}
    names = {"gc": "GC content", "length": "length", "composition": "dinucleotide composition"}
    return [
        f"{names[what]} alone separates positives from negatives (AUROC {area:.2f})."
        for what, area in auroc.items()
        if area is not None and area >= limits[what]
    ]


def _one_sided(splits: NDArray[np.object_], labels: NDArray[np.bool_]) -> list[str]:
    """Warn of splits on which nothing can be scored."""
    found = []
    for name in sorted(set(splits)):
        bound = labels[splits == name]
        if bound.all() or not bound.any():
            found.append(f"the split {name} holds no {'negative' if bound.all() else 'positive'}.")
    return found


def _leakage_warnings(leaked: dict[str, dict[str, int]], sizes: dict[str, int]) -> list[str]:
    found = []
    for pair, count in leaked.items():
        equal = count["exact"] + count["reverse_complement"]
        rows = sizes[pair.split(" in ")[0]]
        if equal or count["shared_kmer"] > LEAKAGE_WARNING * rows:
            found.append(
                f"of {rows} sequences, {equal} stand equal and {count['shared_kmer']} equal or "
                f"similar (a shared 31-mer) in another split: {pair}."
            )
    return found


def draw_quality(table: pa.Table, report: dict[str, Any], path: Path) -> None:
    """Draw GC content and composition by label for every assay, and length where it varies."""
    from matplotlib.figure import Figure

    table = _labelled(table)
    every, labelled = table_sequences(table), table["label"].to_numpy() > 0
    by_assay = _rows_by_assay(np.array(table["assay"].to_pylist(), dtype=object))
    parts = [(every.take(rows), labelled[rows]) for rows in by_assay.values()]
    varies = any(np.ptp(sequences.lengths) > 0 for sequences, _ in parts)
    columns = 3 if varies else 2
    figure = Figure(figsize=(4.6 * columns, 3.4 * len(parts)), layout="constrained")
    axes = figure.subplots(len(parts), columns, squeeze=False)
    for (assay, part), (sequences, labels), row in zip(
        report["assays"].items(), parts, axes, strict=True
    ):
        _gc_panel(row[0], sequences, labels)
        _composition_panel(row[1], sequences, labels)
        if varies:
            _length_panel(row[2], sequences, labels)
        for axis, key, name in zip(row, ("gc", "composition", "length"), _PANELS, strict=False):
            area = part["auroc"].get(key)
            axis.set_title(f"{name} alone: AUROC {area:.2f}" if area else name, fontsize=10)
            axis.spines[["top", "right"]].set_visible(False)
        constant = "" if np.ptp(sequences.lengths) else f", all {sequences.lengths[0]} bp"
        row[0].set_ylabel(f"{assay}{constant}\nsequences [%]")
        row[0].legend(frameon=False, fontsize=8)
    with written_aside(path) as aside:
        figure.savefig(aside, dpi=120, format="png", metadata={"Software": None})


_PANELS = ("GC content", "dinucleotide composition", "length")


def _gc_panel(axis: Axes, sequences: Sequences, labels: NDArray[np.bool_]) -> None:
    # Bins of a whole number of bases, centred on them: else a short sequence's few possible values
    # fall unevenly into bins and the histogram looks like a comb.
    length = max(int(np.median(sequences.lengths)), 1)
    base = 100 / length
    width = base * max(round(2.5 / base), 1)
    bins = np.arange(-base / 2, 100 + width, width)
    _histogram(axis, 100 * gc_content(sequences), labels, bins.tolist())
    axis.set(xlabel="GC content [%]", xlim=(0, 100))


def _length_panel(axis: Axes, sequences: Sequences, labels: NDArray[np.bool_]) -> None:
    shortest, longest = int(sequences.lengths.min()), int(sequences.lengths.max())
    axis.set_visible(longest > shortest)
    bins = np.linspace(shortest, longest + 1, min(longest + 2 - shortest, 41))
    _histogram(axis, sequences.lengths, labels, bins.tolist())
    axis.set(xlabel="length [bp]", ylabel="sequences [%]")


def _histogram(
    axis: Axes, values: NDArray[Any], labels: NDArray[np.bool_], bins: list[float]
) -> None:
    for side, name, colour in _SIDES:
        some = values[labels == side]
        weights = np.full(len(some), 100 / max(len(some), 1))
        label = f"{name} ({len(some):,})"
        # Filled below, line above: equal histograms stay visible as two.
        style: dict[str, Any] = {"histtype": "stepfilled", "alpha": 0.35, "linewidth": 0}
        if not side:
            style = {"histtype": "step", "linewidth": 1.5}
        axis.hist(some, bins, weights=weights, color=colour, label=label, **style)


def _composition_panel(axis: Axes, sequences: Sequences, labels: NDArray[np.bool_]) -> None:
    rows = _some_rows(len(labels))
    shares, bound = 100 * _composition(sequences.take(rows)), labels[rows]
    names = [_pair_name(int(number)) for number in kmer_columns(COMPOSITION_K)]
    places = np.arange(len(names))
    for side, _, colour in _SIDES:
        some = shares[bound == side]
        if not len(some):
            continue
        shift = -0.2 if side else 0.2
        axis.bar(
            places + shift,
            some.mean(axis=0),
            width=0.4,
            color=colour,
            alpha=0.35 if side else 1,
            fill=side,
            edgecolor=colour,
        )
    axis.set_xticks(places, names, fontsize=7)
    axis.set(xlabel="dinucleotide / reverse complement", ylabel="mean share [%]")


def _pair_name(number: int) -> str:
    pair = LETTERS[number // 4] + LETTERS[number % 4]
    opposite = LETTERS[3 - number % 4] + LETTERS[3 - number // 4]
    return pair if pair == opposite else f"{pair}\n{opposite}"
