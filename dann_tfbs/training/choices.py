"""Choices that training makes by itself, from held-out source sequences alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.config import Experiment
from dann_tfbs.evaluation.metrics import auprc, auroc
from dann_tfbs.model.network import Network, joined
from dann_tfbs.model.scoring import fitted_to_window, score
from dann_tfbs.training.checkpoint import Fitted
from dann_tfbs.training.dataset import (
    labelled_sequences,
    labelled_split,
    member_labels,
    source_assays,
)
from dann_tfbs.training.engine import use_engine

HELD_OUT = "validation"


@dataclass(frozen=True)
class Candidate:
    """Models trained on one source.

    Attributes
    ----------
    experiment
        Their resolved settings.
    fitted
        Their weights.
    device
        Where to score.
    """

    experiment: Experiment
    fitted: Fitted
    device: torch.device

    def logits(self, sequences: sequence.Sequences) -> NDArray[np.float32]:
        """Score sequences as they are with the best epoch of every model, shape (n, models)."""
        head, heads = self.experiment.data.target, self.experiment.network_heads
        network = Network(self.experiment.architecture, heads, len(self.fitted.best))
        network.load_state_dict(joined(self.fitted.best))
        network.to(self.device).eval()
        use_engine(network, self.experiment.training.engine, len(sequences))
        return score(network, head, sequences, self.experiment.prediction.strands)


@dataclass(frozen=True)
class Validation:
    """Held-out sequences scored by the best epoch.

    Attributes
    ----------
    labels
        As trained with (permuted, if the labels were), shape (models, n).
    logits
        Shape (n, models).
    """

    labels: NDArray[np.float32]
    logits: NDArray[np.float32]


def validation_scores(
    candidate: Candidate, table: pa.Table, assays: Sequence[str]
) -> Validation | None:
    """Score the validation split of some assays; None unless it has positives and negatives."""
    data = labelled_split(candidate.experiment, table, assays, HELD_OUT)
    if data is None:
        return None
    codes = sequence.from_codes(data.codes.numpy())
    return Validation(data.labels.numpy(), candidate.logits(codes))


def score_sources(candidates: Mapping[str, Candidate], table: pa.Table) -> list[dict[str, Any]]:
    """Score every candidate source on the held-out sequences of every assay among them.

    Returns
    -------
    list of dict
        A row a candidate: `source`, `held_out_split`, `<assay>_auroc` and `<assay>_auprc` (mean of
        the models) and `mean_auroc` over assays.

    Raises
    ------
    ValueError
        If an assay has no held-out positives and negatives (`train` looks before it fits).
    """
    assays = [name for name in candidates if name != "both"]
    rows = []
    for name, candidate in candidates.items():
        row: dict[str, Any] = {"source": name, "held_out_split": HELD_OUT}
        for assay in assays:
            held_out = validation_scores(candidate, table, [assay])
            if held_out is None:
                raise ValueError(f"nothing is held out of {assay}")
            pairs = list(zip(held_out.logits.T, held_out.labels, strict=True))
            row[f"{assay}_auroc"] = float(np.mean([auroc(*pair) for pair in pairs]))
            row[f"{assay}_auprc"] = float(np.mean([auprc(*pair) for pair in pairs]))
        row["mean_auroc"] = float(np.mean([row[f"{assay}_auroc"] for assay in assays]))
        rows.append(row)
    return rows


def best_source(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the source of the highest mean AUROC, the first among equals."""
    return str(max(rows, key=lambda row: row["mean_auroc"])["source"])


def score_lengths(candidate: Candidate, table: pa.Table) -> dict[str, float]:
    """Score held-out source sequences, cut to the target's length, as they are and N-padded.

    This imitates what a shorter target does to the model, without any target sequence or label.

    Returns
    -------
    dict
        Mean AUROC of the models by `own` and `train`; empty where `score_length` is not `auto`, the
        target is no shorter than the window, or nothing is held out.
    """
    data = candidate.experiment.data
    if data.score_length != "auto" or data.scored_length >= data.training_window:
        return {}
    sequences, labels = labelled_sequences(table, source_assays(data.source), HELD_OUT)
    if not 0 < labels.sum() < len(labels):
        return {}
    cut = sequence.centre_crop(sequences, data.scored_length)
    own_labels = member_labels(
        labels, candidate.experiment.member_seeds, permute=data.permute_labels
    )
    ways: tuple[Literal["own", "train"], ...] = ("own", "train")
    scores: dict[str, float] = {}
    for way in ways:
        logits = candidate.logits(fitted_to_window(cut, data.training_window, way))
        pairs = zip(logits.T, own_labels, strict=True)
        scores[way] = float(np.mean([auroc(*pair) for pair in pairs]))
    return scores


def with_score_length(experiment: Experiment, scores: Mapping[str, float]) -> Experiment:
    """Return the settings with `score_length: auto` replaced by the better way, else by `own`."""
    if experiment.data.score_length != "auto":
        return experiment
    better = "train" if scores and scores["train"] > scores["own"] else "own"
    data = experiment.data.model_copy(update={"score_length": better})
    return experiment.model_copy(update={"data": data})
