"""What only labels of the target can tell of candidates: called oracle wherever it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dann_tfbs import sequence
from dann_tfbs.data.scoring_input import read_scoring_input
from dann_tfbs.data.table import read_table, table_sequences
from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.answers import Answers, choose_split, in_order_of, read_answers
from dann_tfbs.evaluation.metrics import auroc
from dann_tfbs.sequence import Sequences
from dann_tfbs.trained import TrainedModel


def oracle_aurocs(
    models: Sequence[TrainedModel], answers: Path, unlabelled: Path | None
) -> list[float]:
    """Return the AUROC of every model on labelled target sequences, a mean over its seeds.

    Raises
    ------
    InputError
        If the answers cannot be read, hold no sequences and none are given, or lack one class.
    """
    data = models[0].experiment.data
    labelled = choose_split(read_answers(answers, data.tf, data.target))
    bound = labelled.labels > 0
    if not 0 < bound.sum() < len(bound):
        raise InputError(
            f"{bound.sum()} of {len(bound)} sequences are bound.",
            path=answers,
            remedy="An AUROC needs bound and unbound ones.",
        )
    sequences = _sequences_of(labelled, unlabelled)
    return [
        float(np.mean([auroc(column, bound) for column in model.logits(sequences).T]))
        for model in models
    ]


def _sequences_of(answers: Answers, unlabelled: Path | None) -> Sequences:
    """Return the sequence of every answer: of its own row, or by its tag in another file."""
    path = answers.path
    if path.is_dir() or path.suffix == ".parquet":
        rows = read_table(path, ["tag", "sequence", "label", "tf", "assay"])
        own = pc.and_(
            pc.equal(rows["tf"], answers.tf[0]), pc.equal(rows["assay"], answers.assay[0])
        )
        rows = rows.filter(pc.and_(own, pc.is_valid(rows["label"])))
        found, tags = table_sequences(rows), rows["tag"].combine_chunks()
    elif unlabelled is None:
        raise InputError(
            "holds labels, but no sequences.",
            path=path,
            key="--unlabelled",
            remedy="Give the file with the sequences of its tags as --unlabelled.",
        )
    else:
        chunks = list(read_scoring_input(unlabelled))
        found = sequence.concatenate([sequences for _, sequences in chunks])
        tags = pa.array([tag for names, _ in chunks for tag in names], pa.string())
    remedy = "Give the file with the sequences of these tags as --unlabelled."
    return in_order_of(answers, tags, found, remedy)
