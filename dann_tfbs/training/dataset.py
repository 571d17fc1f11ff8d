"""From a prepared table to the arrays that training reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.assays import ASSAYS
from dann_tfbs.config import DataSettings, Experiment, HeadSettings, genomic_sources
from dann_tfbs.data.table import read_table, table_sequences
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import Sequences
from dann_tfbs.streams import stream
from dann_tfbs.training.batches import LabelledSet

COLUMNS = ["sequence", "label", "tf", "assay", "source", "split"]


def labelled_table(settings: DataSettings, path: Path) -> pa.Table:
    """Read the labelled training and validation rows of one TF.

    Rows of the test split are never read, whatever they hold.

    Raises
    ------
    InputError
        If the table holds no such TF, or several and the settings name none.
    """
    table = read_table(path, COLUMNS)
    table = table.filter(
        pc.and_(
            pc.is_valid(table["label"]),
            pc.is_in(table["split"], pa.array(["train", "validation"])),
        )
    )
    known = sorted(pc.unique(table["tf"]).to_pylist())
    if settings.tf is None:
        if len(known) > 1:
            raise InputError(
                f"the table holds several TFs ({', '.join(known)}).",
                path=path,
                key="data.tf",
                remedy="Name one, e.g. with --set data.tf=" + known[0] + ".",
            )
        return table
    if settings.tf not in known:
        raise InputError(
            f"the table holds no training rows of '{settings.tf}'.",
            path=path,
            key="data.tf",
            remedy=f"It holds {', '.join(known) or 'none at all'}.",
        )
    return table.filter(pc.equal(table["tf"], settings.tf))


def source_candidates(source: str, table: pa.Table, target: str) -> list[str]:
    """Return the names of the sources to train on.

    `auto` gives every genomic assay of the table and, where there are several, `both`; in a table
    without genomic assays every assay but the target's own, unless there is no other. Any other
    source gives itself.

    Raises
    ------
    InputError
        If the table lacks the assay.
    """
    present: list[str] = pc.unique(table["assay"]).to_pylist()
    genomic = [code for code in genomic_sources() if code in present]
    if source == "auto":
        if genomic:
            return [*genomic, "both"] if len(genomic) > 1 else genomic
        artificial = [code for code in ASSAYS if code in present]
        return [code for code in artificial if code != target] or artificial
    missing = [code for code in source_assays(source) if code not in present]
    if missing:
        raise InputError(
            f"the table holds no training rows of {', '.join(missing)}.",
            key="data.source",
            remedy=f"It holds {', '.join(present) or 'none'}.",
        )
    return [source]


def source_assays(source: str) -> list[str]:
    """Return the assays that a source names: `both` is every genomic one."""
    return genomic_sources() if source == "both" else [source]


def labelled_sequences(
    table: pa.Table, assays: Sequence[str], split: str
) -> tuple[Sequences, NDArray[np.float32]]:
    """Return sequences and labels (`float32`, shape (n,)) of some assays in one split."""
    rows = table.filter(
        pc.and_(pc.is_in(table["assay"], pa.array(list(assays))), pc.equal(table["split"], split))
    )
    return table_sequences(rows), rows["label"].to_numpy().astype(np.float32)


def labelled_set(
    sequences: Sequences,
    labels: NDArray[np.float32],
    window: int,
    seeds: Sequence[int],
    *,
    permute: bool,
) -> LabelledSet:
    """Cut sequences to the window and join them with labels.

    Parameters
    ----------
    sequences, labels
        What is learnt; shorter sequences are surrounded by N up to the window.
    window
        Training window in bp.
    seeds
        Seed of each model trained side by side.
    permute
        Control: give each model its own random permutation of the labels.
    """
    cut = sequence.centre_pad(sequence.centre_crop(sequences, window), window)
    rows = member_labels(labels, seeds, permute=permute)
    return LabelledSet(torch.from_numpy(cut.codes), torch.from_numpy(rows))


def member_labels(
    labels: NDArray[np.float32], seeds: Sequence[int], *, permute: bool
) -> NDArray[np.float32]:
    """Return the labels of each model, shape (models, n): equal, or each in its own permutation."""
    return np.stack(
        [stream(s, "permuted labels").permutation(labels) if permute else labels for s in seeds]
    )


def labelled_split(
    experiment: Experiment,
    table: pa.Table,
    assays: Sequence[str],
    split: str,
    head: str | None = None,
) -> LabelledSet | None:
    """Return a split at the window of a head (the target's by default).

    None unless it has positives and negatives. The training split of a head holds the kinds of
    negatives that the head asks for, and at most as many a positive.
    """
    head = head or experiment.data.target
    settings = experiment.head_settings[head]
    if split == "train":
        # The same for every seed, so that models side by side learn what each would alone.
        table = _thinned(table, assays, settings, stream(0, "negatives", head))
    sequences, labels = labelled_sequences(table, assays, split)
    if not 0 < labels.sum() < len(labels):
        return None
    return labelled_set(
        sequences,
        labels,
        experiment.window_of(head),
        experiment.member_seeds,
        permute=experiment.data.permute_labels,
    )


def _thinned(
    table: pa.Table, assays: Sequence[str], settings: HeadSettings, rng: np.random.Generator
) -> pa.Table:
    """Return the training rows of some assays with no more negatives than a head asks for."""
    rows = table.filter(
        pc.and_(pc.is_in(table["assay"], pa.array(list(assays))), pc.equal(table["split"], "train"))
    )
    bound = pc.equal(rows["label"], 1)
    if settings.negatives:
        # Assays have kinds of their own: only what the whole table lacks is a mistake.
        unbound = pc.and_(pc.equal(table["label"], 0), pc.equal(table["split"], "train"))
        known = set(pc.unique(table.filter(unbound)["source"]).to_pylist())
        missing = [kind for kind in settings.negatives if kind not in known]
        if missing:
            raise InputError(
                f"the table holds no negatives of the kind {missing[0]}.",
                key="heads",
                remedy=f"It holds {', '.join(sorted(known))}.",
            )
        wanted = pa.array(list(settings.negatives))
        rows = rows.filter(pc.or_(bound, pc.is_in(rows["source"], wanted)))
        bound = pc.equal(rows["label"], 1)
    if settings.negatives_per_positive is None:
        return rows
    is_bound = bound.to_numpy()
    negative = np.flatnonzero(~is_bound)
    most = round(settings.negatives_per_positive * int(is_bound.sum()))
    if most >= len(negative):
        return rows
    kept = rng.choice(negative, max(most, 1), replace=False)
    return rows.take(np.sort(np.concatenate([np.flatnonzero(is_bound), kept])))
