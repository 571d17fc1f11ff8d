"""The training loop."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional
from tqdm import tqdm

from dann_tfbs import sequence
from dann_tfbs.config import Experiment
from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.metrics import auprc, auroc
from dann_tfbs.model.network import Network, State, initial_state, joined, separated
from dann_tfbs.model.scoring import score
from dann_tfbs.training.batches import LabelledSet, epoch_batches, steps_per_epoch
from dann_tfbs.training.checkpoint import (
    History,
    Progress,
    load_progress,
    optimizer_tensors,
    restore_optimizer,
    save_progress,
)
from dann_tfbs.training.engine import use_engine
from dann_tfbs.training.optimisation import flattened, make_optimizer, make_schedule

OnEpoch = Callable[[Sequence[dict[str, float]]], None]


@dataclass(frozen=True)
class Fitted:
    """The outcome of a training, one entry per model.

    Attributes
    ----------
    best, last
        Weights and statistics of the best epoch by validation and of the last one.
    history
        What was recorded, per model and epoch.
    """

    best: list[State]
    last: list[State]
    history: History


def fit(
    experiment: Experiment,
    training: LabelledSet,
    validation: LabelledSet | None,
    *,
    checkpoint: Path,
    identity: str,
    device: torch.device,
    show_progress: bool = False,
    on_epoch: OnEpoch | None = None,
) -> Fitted:
    """Train one or several models side by side.

    Parameters
    ----------
    experiment
        The settings; `member_seeds` says how many models there are.
    training, validation
        What is learnt, and what picks the best epoch (the last one, where there is none).
    checkpoint
        File that holds the state after every epoch; where it exists, training continues from it.
    identity
        Digest of settings and data, checked when continuing.
    device
        Where to train.
    show_progress
        Whether to draw a progress bar on standard error.
    on_epoch
        Called after each epoch with the record of each model.
    """
    seeds = experiment.member_seeds
    head = experiment.data.target
    network = Network(experiment.architecture, [head], len(seeds)).to(device)
    training = training.to(device)
    steps = steps_per_epoch(training.labels[0].cpu().numpy(), experiment.training)
    if checkpoint.is_file():
        progress = load_progress(checkpoint, identity)
    else:
        start = joined([initial_state(experiment.architecture, [head], s) for s in seeds])
        progress = Progress(start, start, {}, [[] for _ in seeds])
    network.load_state_dict(progress.network)
    backbone = flattened(list(network.backbone.parameters()))
    heads = flattened(list(network.heads.parameters()))
    optimizer = make_optimizer([backbone, heads], experiment.training)
    schedule = make_schedule(
        optimizer, experiment.training, steps * experiment.training.epochs, steps * progress.epoch
    )
    if progress.optimizer:
        restore_optimizer(optimizer, progress.optimizer)

    sequences = steps * experiment.training.epochs * experiment.training.batch_size * len(seeds)
    use_engine(network, experiment.training.engine, sequences, backbone)

    with tqdm(
        total=steps * experiment.training.epochs,
        initial=steps * progress.epoch,
        disable=not show_progress,
        unit="step",
        file=sys.stderr,
    ) as bar:
        for epoch in range(progress.epoch + 1, experiment.training.epochs + 1):
            began = time.perf_counter()
            rate_now = float(optimizer.param_groups[0]["lr"])
            network.train()
            losses = torch.zeros(len(seeds), device=device)
            for codes, labels in epoch_batches(training, experiment.training, seeds, epoch):
                logits = network(codes, head)
                # Mean over the batch, sum over models: each model has the gradient of its own loss.
                loss = functional.binary_cross_entropy_with_logits(
                    logits, labels, reduction="none"
                ).mean(0)
                optimizer.zero_grad(set_to_none=False)
                loss.sum().backward()
                optimizer.step()
                schedule.step()
                losses += loss.detach()
                bar.update()
            seconds = time.perf_counter() - began
            if not losses.isfinite().all():
                raise InputError(
                    f"the loss of epoch {epoch} is not finite: the training diverged.",
                    key="training.learning_rate",
                    remedy="Lower it.",
                )
            scores = _validation_scores(network, head, validation, experiment)
            for member, records in enumerate(progress.history):
                records.append(
                    {
                        "epoch": float(epoch),
                        "train_loss": float(losses[member]) / steps,
                        "learning_rate": rate_now,
                        "sequences_per_second": steps
                        * experiment.training.batch_size
                        * len(seeds)
                        / seconds,
                        **(scores[member] if scores else {}),
                    }
                )
            latest = [records[-1] for records in progress.history]
            bar.set_postfix_str(_postfix(latest))
            state = {
                key: value.detach().cpu().clone() for key, value in network.state_dict().items()
            }
            progress = Progress(
                state,
                _best(progress, state, experiment),
                optimizer_tensors(optimizer),
                progress.history,
            )
            save_progress(checkpoint, progress, identity)
            if on_epoch is not None:
                on_epoch(latest)
    return Fitted(
        separated(progress.best, len(seeds)),
        separated(progress.network, len(seeds)),
        progress.history,
    )


def best_epoch(records: Sequence[dict[str, float]], metric: str) -> int:
    """Return the index of the best epoch: highest validation metric, the earliest among equals.

    Without validation metrics it is the last epoch.
    """
    values = [record.get(f"validation_{metric}") for record in records]
    if any(value is None for value in values):
        return len(records) - 1
    return int(np.argmax(np.array(values)))


def _best(progress: Progress, state: State, experiment: Experiment) -> State:
    """Put the weights of every model whose latest epoch is its best in place of its old best."""
    members = len(progress.history)
    latest = separated(state, members)
    best = separated(progress.best, members)
    for member, records in enumerate(progress.history):
        if best_epoch(records, experiment.training.best_by) == len(records) - 1:
            best[member] = latest[member]
    return joined(best)


def _validation_scores(
    network: Network, head: str, validation: LabelledSet | None, experiment: Experiment
) -> list[dict[str, float]]:
    if validation is None:
        return []
    network.eval()
    logits = score(
        network,
        head,
        sequence.from_codes(validation.codes.cpu().numpy()),
        experiment.prediction.strands,
    )
    labels: NDArray[np.float32] = validation.labels.cpu().numpy()
    return [
        {
            "validation_loss": _log_loss(logits[:, member], labels[member]),
            "validation_auroc": auroc(logits[:, member], labels[member]),
            "validation_auprc": auprc(logits[:, member], labels[member]),
        }
        for member in range(network.members)
    ]


def _log_loss(logits: NDArray[np.float32], labels: NDArray[np.float32]) -> float:
    return float(np.mean(np.logaddexp(0, logits) - labels * logits))


def _postfix(latest: Sequence[dict[str, float]]) -> str:
    parts = [f"loss {np.mean([r['train_loss'] for r in latest]):.3f}"]
    if "validation_auroc" in latest[0]:
        parts.append(f"AUROC {np.mean([r['validation_auroc'] for r in latest]):.3f}")
    parts.append(f"{latest[0]['sequences_per_second']:.0f} seq/s")
    return ", ".join(parts)
