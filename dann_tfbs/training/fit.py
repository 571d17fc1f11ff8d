"""The training loop."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from dann_tfbs import sequence
from dann_tfbs.config import Experiment
from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.metrics import auprc, auroc
from dann_tfbs.model.network import Network, State, initial_state, joined, separated
from dann_tfbs.model.scoring import score
from dann_tfbs.training.adapting import (
    begin_epoch,
    build_alignments,
    epoch_priors,
    parameter_groups,
)
from dann_tfbs.training.batches import LabelledSet, steps_per_epoch
from dann_tfbs.training.checkpoint import (
    Fitted,
    Progress,
    load_progress,
    optimizer_tensors,
    restore_optimizer,
    save_progress,
)
from dann_tfbs.training.engine import use_engine
from dann_tfbs.training.material import Material
from dann_tfbs.training.optimisation import make_optimizer, make_schedule
from dann_tfbs.training.step import StepLoss, epoch_steps

OnEpoch = Callable[[Sequence[dict[str, float]]], None]


def fit(
    experiment: Experiment,
    material: Material,
    *,
    checkpoint: Path,
    identity: str,
    device: torch.device,
    initial: Sequence[State] | None = None,
    show_progress: bool = False,
    on_epoch: OnEpoch | None = None,
) -> Fitted:
    """Train one or several models side by side.

    Parameters
    ----------
    experiment
        The resolved settings; `member_seeds` says how many models there are.
    material
        What is learnt; the target's validation set picks the best epoch (the last one, where there
        is none).
    checkpoint
        File that holds the state after every epoch; where it exists, training continues from it.
    identity
        Digest of settings and data, checked when continuing.
    device
        Where to train.
    initial
        Weights to start from, one state for each model; None draws them by the seeds.
    show_progress
        Whether to draw a progress bar on standard error.
    on_epoch
        Called after each epoch with the record of each model.

    Raises
    ------
    InputError
        If the loss is not finite, nothing is left to train, or the checkpoint is another run's.
    """
    seeds, settings = experiment.member_seeds, experiment.training
    heads = experiment.network_heads
    network = Network(experiment.architecture, heads, len(seeds)).to(device)
    material = material.to(device)
    steps = steps_per_epoch(material.streams[0].data.labels[0].cpu().numpy(), settings)
    alignments = build_alignments(network, experiment, material, device)
    together = torch.nn.ModuleList(alignments)
    if checkpoint.is_file():
        progress = load_progress(checkpoint, identity)
    else:
        start = joined(
            initial or [initial_state(experiment.architecture, heads, seed) for seed in seeds]
        )
        progress = Progress(start, start, together.state_dict(), {}, [[] for _ in seeds])
    network.load_state_dict(progress.network)
    together.load_state_dict(progress.alignments)

    backbone, groups = parameter_groups(network, alignments, experiment)
    optimizer = make_optimizer(groups, settings)
    schedule = make_schedule(optimizer, settings, steps * settings.epochs, steps * progress.epoch)
    if progress.optimizer:
        restore_optimizer(optimizer, progress.optimizer)
    sequences = steps * settings.epochs * settings.batch_size * len(seeds)
    use_engine(network, settings.engine, sequences, backbone)
    step_loss = StepLoss(network, material, experiment, alignments)

    with tqdm(
        total=steps * settings.epochs,
        initial=steps * progress.epoch,
        disable=not show_progress,
        unit="step",
        file=sys.stderr,
    ) as bar:
        for epoch in range(progress.epoch + 1, settings.epochs + 1):
            rate_now = float(optimizer.param_groups[0]["lr"])
            begin_epoch(network, alignments, material, experiment, epoch)
            priors = epoch_priors(network, material, experiment, epoch)
            batches = epoch_steps(
                material,
                experiment,
                epoch,
                steps,
                priors,
                with_pools=any(a.uses_pools for a in alignments),
                with_source=any(a.uses_pools and a.uses_source for a in alignments),
            )
            began = time.perf_counter()
            network.train()
            sums: dict[str, torch.Tensor] = {}
            for step, data in enumerate(batches):
                done = (epoch - 1 + step / steps) / settings.epochs
                # A mean over the batch, a sum over models: each has the gradient of its own loss.
                loss, recorded = step_loss(data, done)
                optimizer.zero_grad(set_to_none=False)
                loss.sum().backward()
                optimizer.step()
                schedule.step()
                for alignment in alignments:
                    alignment.after_step(network)
                for name, value in recorded.items():
                    sums[name] = sums[name] + value if name in sums else value
                bar.update()
            seconds = time.perf_counter() - began
            # The last step may spoil the weights after all losses were recorded.
            if not all(
                v.isfinite().all() for v in (sums["train_loss"], *network.state_dict().values())
            ):
                raise InputError(
                    f"the training diverged in epoch {epoch}: its loss or weights are not finite.",
                    key="training.learning_rate",
                    remedy="Lower it, or the weights of alignments.",
                )
            scores = _validation_scores(network, material.validation, experiment)
            for member, records in enumerate(progress.history):
                records.append(
                    {
                        "epoch": float(epoch),
                        **{name: float(value[member]) / steps for name, value in sums.items()},
                        "learning_rate": rate_now,
                        "sequences_per_second": steps * settings.batch_size * len(seeds) / seconds,
                        **_recorded_prior(experiment, priors[member]),
                        **(scores[member] if scores else {}),
                    }
                )
            latest = [records[-1] for records in progress.history]
            bar.set_postfix_str(_postfix(latest))
            state = _copied(network.state_dict())
            progress = Progress(
                state,
                _best(progress, state, experiment),
                _copied(together.state_dict()),
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


def _recorded_prior(experiment: Experiment, prior: float | None) -> dict[str, float]:
    """Return the share of bound sequences that an epoch drew for alignment, where it was chosen."""
    if prior is None or experiment.adaptation.align != "prior-corrected":
        return {}
    return {"target_prior": prior} if experiment.alignments else {}


def _copied(state: State) -> State:
    return {key: value.detach().cpu().clone() for key, value in state.items()}


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
    network: Network, validation: Mapping[str, LabelledSet], experiment: Experiment
) -> list[dict[str, float]]:
    """Score held-out source sequences by every head; further heads have their name behind."""
    network.eval()
    rows: list[dict[str, float]] = [{} for _ in range(network.members)]
    for head, data in validation.items():
        suffix = "" if head == experiment.data.target else f"_{head}"
        logits = score(
            network,
            head,
            sequence.from_codes(data.codes.cpu().numpy()),
            experiment.prediction.strands,
        )
        labels: NDArray[np.float32] = data.labels.cpu().numpy()
        for member, row in enumerate(rows):
            own = logits[:, member], labels[member]
            row[f"validation_loss{suffix}"] = _log_loss(*own)
            row[f"validation_auroc{suffix}"] = auroc(*own)
            row[f"validation_auprc{suffix}"] = auprc(*own)
    return rows


def _log_loss(logits: NDArray[np.float32], labels: NDArray[np.float32]) -> float:
    return float(np.mean(np.logaddexp(0, logits) - labels * logits))


def _postfix(latest: Sequence[dict[str, float]]) -> str:
    parts = [f"loss {np.mean([r['train_loss'] for r in latest]):.3f}"]
    if "validation_auroc" in latest[0]:
        parts.append(f"AUROC {np.mean([r['validation_auroc'] for r in latest]):.3f}")
    parts.append(f"{latest[0]['sequences_per_second']:.0f} seq/s")
    return ", ".join(parts)
