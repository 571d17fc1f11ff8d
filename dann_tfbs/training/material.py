"""All that a training reads: labelled sets of every head, and unlabelled pools."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from dann_tfbs import sequence
from dann_tfbs.adaptation.choose import reads_pools
from dann_tfbs.assays import get_assay
from dann_tfbs.config import Experiment
from dann_tfbs.data.scoring_input import read_scoring_input
from dann_tfbs.data.table import TARGET, read_table, table_sequences
from dann_tfbs.errors import InputError
from dann_tfbs.model.scoring import fitted_to_window
from dann_tfbs.sequence import Sequences
from dann_tfbs.training.batches import LabelledSet
from dann_tfbs.training.dataset import (
    labelled_sequences,
    labelled_set,
    labelled_split,
    labelled_table,
    source_assays,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabelledStream:
    """What a head learns from one source of labels.

    Attributes
    ----------
    name
        Name of its random streams; empty for the first, the target's head on the source.
    task, domain
        What the head predicts (an assay, or a TF and an assay), and the assay (or `both`) that was
        measured.
    heads
        The heads whose logits add up to the prediction.
    data
        The sequences, at the window of the head.
    """

    name: tuple[str, ...]
    task: str
    domain: str
    heads: tuple[str, ...]
    data: LabelledSet


@dataclass(frozen=True)
class Pool:
    """Unlabelled sequences of an assay to be predicted.

    Attributes
    ----------
    assay, head
        The assay, and the head that scores it: its own, or where it has none the target's.
    codes
        `uint8`, shape (n, length): as the run scores them.
    aligned
        Labelled source sequences to align with these, by domain; cut to the same length.
    held_out
        Held-out source sequences cut likewise; None where there are none.
    """

    assay: str
    head: str
    codes: Tensor
    aligned: dict[str, LabelledSet]
    held_out: LabelledSet | None = None

    @property
    def domain(self) -> str:
        """Name of the domain that the pool makes."""
        return f"{get_assay(self.assay).code} unlabelled"


@dataclass(frozen=True)
class Material:
    """All that a training reads.

    Attributes
    ----------
    streams
        Labelled sets; an epoch is one pass over the first.
    validation
        Held-out source sequences by head, where there are any; the target's picks the best epoch.
    pools
        Unlabelled sequences.
    """

    streams: list[LabelledStream]
    validation: dict[str, LabelledSet]
    pools: list[Pool]

    @property
    def domains(self) -> list[str]:
        """Name of every domain: measured assays, then pools."""
        labelled = [name for pool in self.pools for name in pool.aligned]
        streams = [stream.domain for stream in self.streams]
        return list(dict.fromkeys([*streams, *labelled, *(pool.domain for pool in self.pools)]))

    def to(self, device: torch.device) -> Material:
        """Return the training sets on another device."""
        streams = [replace(stream, data=stream.data.to(device)) for stream in self.streams]
        pools = [
            replace(
                pool,
                codes=pool.codes.to(device),
                aligned={name: data.to(device) for name, data in pool.aligned.items()},
            )
            for pool in self.pools
        ]
        return replace(self, streams=streams, pools=pools)


def single(
    experiment: Experiment, training: LabelledSet, validation: LabelledSet | None = None
) -> Material:
    """Return the material of one head without any unlabelled sequences."""
    head: str = experiment.data.target
    held_out = {} if validation is None else {head: validation}
    stream = LabelledStream((), head, experiment.data.source, (head,), training)
    return Material([stream], held_out, [])


def gather(experiment: Experiment, table: pa.Table, path: Path, source: str) -> Material:
    """Collect what a training on one source reads.

    Parameters
    ----------
    experiment
        The resolved settings.
    table
        Labelled training and validation rows (`labelled_table`).
    path
        The prepared folder, for unlabelled rows.
    source
        Name of the source: an assay or `both`.

    Raises
    ------
    InputError
        If a head has no positives or no negatives, a companion no table, or a pool is missing.
    """
    assays = source_assays(source)
    present = set(pc.unique(table["assay"]).to_pylist())
    streams, validation = [], {}
    for head in experiment.head_settings:
        data = labelled_split(experiment, table, assays, "train", head)
        if data is None:
            raise InputError(
                f"training on {source} needs both positives and negatives.",
                path=path,
                remedy="Check the counts in its manifest.json.",
            )
        is_target = head == experiment.data.target
        name = () if is_target else (head,)
        heads = experiment.heads_of(None, source) if is_target else (head,)
        streams.append(LabelledStream(name, head, source, heads, data))
        if experiment.mode != "baseline" and head in present and head not in assays:
            own = labelled_split(experiment, table, [head], "train", head)
            if own is not None:
                streams.append(LabelledStream((head, "own"), head, head, (head,), own))
        held_out = labelled_split(experiment, table, assays, "validation", head)
        if held_out is not None:
            validation[head] = held_out
    for tf, folders in experiment.data.companions.items():
        streams += _companion_streams(experiment, tf, folders, source)
    kinds = [entry["kind"] for entry in experiment.alignments]
    if "contrastive" in kinds and len({stream.domain for stream in streams}) < 2:
        _log.warning(
            "contrastive compares labelled sequences of two assays or more; all are of %s here, so "
            "that it changes nothing.",
            streams[0].domain,
        )
    return Material(streams, validation, _pools(experiment, table, path, assays))


def _companion_streams(
    experiment: Experiment, tf: str, folders: tuple[Path, ...], source: str
) -> list[LabelledStream]:
    """Return what the heads of another TF learn: its rows of the source and of the target."""
    if tf == experiment.data.tf or not folders:
        raise InputError(
            f"{tf} is the TF of the run itself." if folders else f"no table of {tf} is named.",
            key=f"data.companions.{tf}",
            remedy="Name prepared folders of other TFs.",
        )
    settings = experiment.data.model_copy(update={"tf": tf})
    table = pa.concat_tables([labelled_table(settings, folder) for folder in folders])
    window = experiment.window_of(experiment.data.target)
    streams = []
    for measured in (experiment.data.target, source):
        sequences, labels = labelled_sequences(table, source_assays(measured), "train")
        if not 0 < labels.sum() < len(labels):
            continue
        # Shorter sequences are shown as the run scores them.
        length = min(window, int(sequences.lengths.max(initial=1)))
        if experiment.data.score_length == "train":
            length = window
        data = labelled_set(
            sequences,
            labels,
            length,
            experiment.member_seeds,
            permute=experiment.data.permute_labels,
        )
        heads = experiment.heads_of(tf, measured)
        streams.append(LabelledStream((tf, measured), f"{tf} {measured}", measured, heads, data))
    if not streams:
        raise InputError(
            f"{tf} has no positives and negatives in {experiment.data.target} or {source}.",
            path=folders[0],
            key="data.companions",
        )
    return streams


def _pools(experiment: Experiment, table: pa.Table, path: Path, assays: list[str]) -> list[Pool]:
    adabn = experiment.adaptation.adabn
    if not adabn and not any(map(reads_pools, experiment.alignments)):
        return []
    unlabelled = unlabelled_sequences(experiment, path)
    target = experiment.data.target
    if not unlabelled or (adabn and target not in unlabelled):
        raise InputError(
            f"adaptation needs unlabelled sequences of the target, {target}.",
            key="data.unlabelled",
            remedy="Give --unlabelled FILE, or prepare the table with files of role `target`.",
        )
    pools = []
    for assay, sequences in unlabelled.items():
        head = assay if assay in experiment.head_settings else experiment.data.target
        pools.append(_pool(experiment, table, assays, assay, head, sequences))
    return pools


def unlabelled_sequences(experiment: Experiment, path: Path) -> dict[str, Sequences]:
    """Read the unlabelled sequences of every assay; no label is read, whatever a file holds."""
    found: dict[str, list[Sequences]] = {}
    rows = read_table(path, ["sequence", "tf", "assay", "split"])
    rows = rows.filter(pc.equal(rows["split"], TARGET))
    if experiment.data.tf is not None:
        rows = rows.filter(pc.equal(rows["tf"], experiment.data.tf))
    for assay in pc.unique(rows["assay"]).to_pylist():
        found.setdefault(assay, []).append(
            table_sequences(rows.filter(pc.equal(rows["assay"], assay)))
        )
    for assay, file in experiment.data.unlabelled.items():
        chunks = [sequences for _, sequences in read_scoring_input(file)]
        if not sum(map(len, chunks)):
            raise InputError("holds no sequences.", path=file, key="data.unlabelled")
        found.setdefault(assay, []).extend(chunks)
    return {assay: sequence.concatenate(parts) for assay, parts in found.items()}


def pool_codes(experiment: Experiment, sequences: Sequences, head: str) -> Tensor:
    """Bring unlabelled sequences to one length, as the run scores them: (n, length).

    Where lengths differ, shorter ones are surrounded by N up to the longest. Longer ones are cut to
    the window of the head; padding may add one base to it, as in scoring.
    """
    window = experiment.window_of(head)
    way = experiment.data.score_length
    cut = fitted_to_window(sequence.centre_crop(sequences, window), window, way)
    longest = int(cut.lengths.max(initial=1))
    return torch.from_numpy(sequence.centre_pad(cut, longest).codes)


def _pool(
    experiment: Experiment,
    table: pa.Table,
    assays: list[str],
    assay: str,
    head: str,
    unlabelled: Sequences,
) -> Pool:
    codes = pool_codes(experiment, unlabelled, head)
    length = int(unlabelled.lengths.max(initial=1))
    window = experiment.window_of(head)

    def labelled(domains: list[str], split: str) -> LabelledSet | None:
        """Return source sequences as those of the pool are: as long, whatever padding follows."""
        sequences, labels = labelled_sequences(table, domains, split)
        if not len(labels):
            return None
        if experiment.adaptation.match_length:
            sequences = sequence.centre_crop(sequences, length)
        cut = sequence.centre_crop(sequences, window)
        fitted = fitted_to_window(cut, window, experiment.data.score_length)
        return labelled_set(
            fitted,
            labels,
            int(fitted.lengths.max(initial=1)),
            experiment.member_seeds,
            permute=experiment.data.permute_labels,
        )

    aligned = {domain: labelled([domain], "train") for domain in assays}
    if experiment.adaptation.align != "all":
        # Without unbound sequences, bound ones would take their place.
        aligned = {
            domain: data
            for domain, data in aligned.items()
            if data is not None and (data.labels == 0).any()
        }
    return Pool(
        assay,
        head,
        codes,
        {domain: data for domain, data in aligned.items() if data is not None},
        labelled(assays, "validation"),
    )
