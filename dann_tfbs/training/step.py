"""The loss of a training step: heads on labelled sequences, alignments on unlabelled ones too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from dann_tfbs.adaptation.contract import UNLABELLED, Alignment, AlignmentBatch, Part
from dann_tfbs.config import Experiment
from dann_tfbs.errors import InputError
from dann_tfbs.model.network import Encoded, Network
from dann_tfbs.streams import stream
from dann_tfbs.training.batches import (
    LabelledSet,
    augmented_batches,
    draw_share,
    epoch_batches,
    labels_of,
)
from dann_tfbs.training.material import Material

Statistics = Literal["source", "batch", "shared"]


@dataclass(frozen=True)
class StepData:
    """Sequences of one step.

    Attributes
    ----------
    labelled
        Codes (batch, members, window) and labels (batch, members) of each labelled stream.
    source
        Codes and labels drawn for alignments: domain by domain, pool by pool.
    target
        Codes and rows (batch, members) of each pool.
    """

    labelled: Sequence[tuple[Tensor, Tensor]]
    source: Sequence[tuple[str, Tensor, Tensor]]
    target: Sequence[tuple[Tensor, Tensor]]


def epoch_steps(
    material: Material,
    experiment: Experiment,
    epoch: int,
    steps: int,
    priors: Sequence[float | None],
    *,
    with_pools: bool,
    with_source: bool = True,
) -> Iterator[StepData]:
    """Yield the sequences of every step of an epoch.

    Every set draws from random streams of its own: pools and further heads do not disturb what the
    first head sees.

    Parameters
    ----------
    material
        All sets, on the device of the models.
    experiment
        Settings of batches, augmentation and adaptation.
    epoch
        1-based number of the epoch.
    steps
        Number of steps.
    priors
        Share of bound sequences among those drawn for alignments, of each model; None draws them
        as the table holds them.
    with_pools, with_source
        Whether any alignment reads pools, and source sequences beside them.
    """
    settings, seeds = experiment.training, experiment.member_seeds
    labelled = [
        epoch_batches(one.data, settings, seeds, epoch, steps=steps, purpose=one.name)
        for one in material.streams
    ]
    size = experiment.adaptation.batch_size or settings.batch_size
    source, target = [], []
    for pool in material.pools if with_pools else []:
        purpose = ("unlabelled", pool.domain)
        draws = [
            draw_share(
                np.zeros(len(pool.codes)), steps * size, None, stream(seed, *purpose, epoch)
            ).reshape(steps, size)
            for seed in seeds
        ]
        target.append(augmented_batches(pool.codes, draws, settings, seeds, epoch, purpose))
        for domain, data in pool.aligned.items() if with_source else ():
            source.append(
                _aligned(data, experiment, epoch, steps, size, priors, domain, pool.domain)
            )
    for _ in range(steps):
        yield StepData(
            [next(batches) for batches in labelled],
            [next(batches) for batches in source],
            [next(batches) for batches in target],
        )


def _aligned(
    data: LabelledSet,
    experiment: Experiment,
    epoch: int,
    steps: int,
    size: int,
    priors: Sequence[float | None],
    domain: str,
    pool: str,
) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Yield labelled sequences of one domain to align with one pool."""
    purpose, seeds = ("aligned", domain, pool), experiment.member_seeds
    draws = [
        draw_share(
            data.labels[member].cpu().numpy(),
            steps * size,
            priors[member],
            stream(seed, *purpose, epoch),
        ).reshape(steps, size)
        for member, seed in enumerate(seeds)
    ]
    batches = augmented_batches(data.codes, draws, experiment.training, seeds, epoch, purpose)
    for codes, rows in batches:
        yield domain, codes, labels_of(data, rows)


def task_weights(experiment: Experiment, material: Material) -> dict[str, float]:
    """Return the weight of every task's loss; they add up to 1.

    Raises
    ------
    InputError
        If all weights are zero.
    """
    tasks = dict.fromkeys((one.task for one in material.streams), 1.0)
    if experiment.head_weights == "given":
        tasks |= {name: head.weight for name, head in experiment.head_settings.items()}
    elif experiment.head_weights == "size":
        for name in tasks:
            tasks[name] = float(sum(len(s.data) for s in material.streams if s.task == name))
    total = sum(tasks.values())
    if not total:
        raise InputError(
            "the weights of all heads are zero.", key="heads", remedy="Give one a `weight` above 0."
        )
    return {name: value / total for name, value in tasks.items()}


@contextmanager
def statistics(network: Network, choice: Statistics) -> Iterator[None]:
    """Set what batch norm goes by for aligned sequences (`Adaptation.statistics`)."""
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm1d)]
    before = [(norm.training, norm.momentum) for norm in norms]
    counters = [n.num_batches_tracked for n in norms if n.num_batches_tracked is not None]
    counts = [counter.clone() for counter in counters] if choice == "batch" else []
    for norm in norms:
        if choice == "source":
            norm.eval()
        elif choice == "batch":
            norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, (training, momentum) in zip(norms, before, strict=True):
            norm.train(training)
            norm.momentum = momentum
        if counts:
            torch._foreach_copy_(counters, counts)


def _names(alignments: Sequence[Alignment]) -> list[str]:
    """Return the names that records give alignments: kinds, numbered from the second of one on."""
    kinds = [alignment.settings.kind.rpartition(":")[2] for alignment in alignments]
    counts = [kinds[: number + 1].count(kind) for number, kind in enumerate(kinds)]
    return [k if count == 1 else f"{k}_{count}" for k, count in zip(kinds, counts, strict=True)]


class StepLoss:
    """Computes the loss of a step.

    Parameters
    ----------
    network
        The models in training.
    material
        Its streams and pools name heads and domains.
    experiment
        Weights of heads, and settings of adaptation.
    alignments
        Built for the domains of `material`.
    """

    def __init__(
        self,
        network: Network,
        material: Material,
        experiment: Experiment,
        alignments: Sequence[Alignment],
    ) -> None:
        self.network = network
        self.streams = material.streams
        self.pools = material.pools
        self.target = experiment.data.target
        self.weights = task_weights(experiment, material)
        asked = experiment.adaptation.statistics
        own = {a.statistics for a in alignments if a.uses_pools}
        self.statistics: Statistics = "source" if own == {"source"} else "batch"
        if asked != "auto":
            self.statistics = asked
        self.frozen_backbone = experiment.frozen_backbone
        self.alignments = alignments
        self.names = _names(alignments)
        self.domains = {name: number for number, name in enumerate(material.domains)}

    def __call__(self, data: StepData, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of each model, shape (members,), and what to record, by name.

        The first number recorded, `train_loss`, is the weighted loss of the heads alone.
        """
        recorded: dict[str, Tensor] = {}
        learnt = []
        by_task: dict[str, list[Tensor]] = {}
        for one, (codes, labels) in zip(self.streams, data.labelled, strict=True):
            encoded = self._encode(codes)
            first, *steps = (self.network.logits(encoded, head) for head in one.heads)
            loss = functional.binary_cross_entropy_with_logits(
                sum(steps, first), labels, reduction="none"
            ).mean(0)
            by_task.setdefault(one.task, []).append(loss)
            if self.alignments:
                learnt.append(self._part(one.domain, encoded, labels))
        losses = {task: sum(parts[1:], parts[0]) / len(parts) for task, parts in by_task.items()}
        first, *rest = (self.weights[task] * loss for task, loss in losses.items())
        total = sum(rest, first)
        recorded["train_loss"] = total.detach()
        if len(losses) > 1:
            recorded |= {f"train_loss_{task}": loss.detach() for task, loss in losses.items()}
        if self.alignments:
            batch = self._alignment_batch(learnt, data, progress)
            for alignment, own in zip(self.alignments, self.names, strict=True):
                loss = alignment.loss(batch)
                total = total + loss
                recorded[f"{own}_loss"] = loss.detach()
                for name, value in alignment.measured.items():
                    recorded[f"{own}_{name}"] = value.detach()
        return total, recorded

    def _encode(self, codes: Tensor) -> Encoded:
        if not self.frozen_backbone:
            return self.network.encode(codes)
        with statistics(self.network, "source"), torch.no_grad():
            return self.network.encode(codes)

    def _alignment_batch(
        self, learnt: Sequence[Part], data: StepData, progress: float
    ) -> AlignmentBatch:
        source, target = [], []
        with statistics(self.network, self.statistics):
            for domain, codes, labels in data.source:
                source.append(self._part(domain, self._encode(codes), labels))
            for pool, (codes, rows) in zip(self.pools, data.target, strict=False):
                unknown = torch.full(rows.shape, float(UNLABELLED), device=rows.device)
                encoded = self._encode(codes)
                target.append(self._part(pool.domain, encoded, unknown, rows, pool.head))
        return AlignmentBatch(learnt, source, target, progress)

    def _part(
        self,
        domain: str,
        encoded: Encoded,
        labels: Tensor,
        rows: Tensor | None = None,
        head: str | None = None,
    ) -> Part:
        if rows is None:
            rows = torch.zeros_like(labels, dtype=torch.int64)
        logits = self.network.logits(encoded, head or self.target)
        return Part(self.domains[domain], encoded.average, logits, labels, rows)
