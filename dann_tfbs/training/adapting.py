"""What adaptation adds to a training: alignments, their parameters, priors, rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from dann_tfbs import sequence
from dann_tfbs.adaptation.choose import build_alignment
from dann_tfbs.adaptation.contract import Alignment, Shape
from dann_tfbs.adaptation.prior import estimate_prior
from dann_tfbs.adaptation.statistics import batch_norms, reestimated
from dann_tfbs.config import Experiment
from dann_tfbs.errors import InputError
from dann_tfbs.model.network import Network, State, joined, separated
from dann_tfbs.model.scoring import score
from dann_tfbs.streams import stream
from dann_tfbs.training.checkpoint import Fitted
from dann_tfbs.training.engine import use_engine
from dann_tfbs.training.material import Material, Pool
from dann_tfbs.training.optimisation import flattened

MOST_FOR_PRIOR = 5000
"""Sequences of a pool that a prior is estimated from."""
MOST_FOR_STATISTICS = 10_000
"""Sequences of a pool that batch statistics are estimated from."""


def build_alignments(
    network: Network, experiment: Experiment, material: Material, device: torch.device
) -> list[Alignment]:
    """Build the alignments of a run; each model's start from its own seed."""
    seeds = experiment.member_seeds
    state = network.state_dict().values()
    weights = sum(v.numel() for v in state if v.is_floating_point()) // network.members
    found: list[Alignment] = []
    for number, entry in enumerate(experiment.alignments):

        def built(members: int, entry: dict[str, Any] = entry) -> Alignment:
            pools = [len(pool.codes) for pool in material.pools]
            channels = experiment.architecture.channels
            shape = Shape(material.domains, channels, members, pools, weights)
            return build_alignment(entry, shape)

        states = []
        for seed in seeds:
            with torch.random.fork_rng(devices=[]):
                # Not the network's own seed: its weights and these must not be alike.
                torch.manual_seed(seed + 7919 * (number + 1))
                states.append(built(1).state_dict())
        with torch.random.fork_rng(devices=[]):
            whole = built(len(seeds))
        whole.load_state_dict(joined(states) if states[0] else {})
        found.append(whole.to(device))
    return found


def check_trainable(experiment: Experiment) -> None:
    """Raise an InputError if all is frozen, or AdaBN asks for statistics that are not there."""
    if experiment.frozen_backbone and all(h.frozen for h in experiment.head_settings.values()):
        raise InputError("backbone and heads are frozen; nothing is left to train.", key="heads")
    if experiment.adaptation.adabn:
        batch_norms(Network(experiment.architecture, experiment.network_heads))


def parameter_groups(
    network: Network, alignments: Sequence[Alignment], experiment: Experiment
) -> tuple[nn.Parameter | None, list[dict[str, Any]]]:
    """Turn trainable parameters into vectors: the backbone's, and all groups for the optimiser.

    Returns
    -------
    nn.Parameter or None
        The backbone as one vector; None where it is frozen.
    list of dict
        Groups with `params` and `lr`.
    """
    rate = experiment.training.learning_rate
    frozen = [name for name, head in experiment.head_settings.items() if head.frozen]
    for name in frozen:
        network.heads[name].requires_grad_(False)
    network.backbone.requires_grad_(not experiment.frozen_backbone)
    backbone = None
    vectors = []
    if not experiment.frozen_backbone:
        backbone = flattened(list(network.backbone.parameters()))
        vectors.append(backbone)
    heads = [p for p in network.heads.parameters() if p.requires_grad]
    if heads:
        vectors.append(flattened(heads))
    groups: list[dict[str, Any]] = [{"params": vectors, "lr": rate}]
    for alignment in alignments:
        own = [p for p in alignment.parameters() if p.requires_grad]
        if own:
            groups.append({"params": [flattened(own)], "lr": alignment.learning_rate or rate})
    return backbone, groups


def begin_epoch(
    network: Network,
    alignments: Sequence[Alignment],
    material: Material,
    experiment: Experiment,
    epoch: int,
) -> None:
    """Let every alignment prepare for an epoch; the network is in evaluation mode."""

    def score_pools(state: State) -> list[Tensor]:
        scored = Network(network.architecture, list(network.heads), network.members)
        scored.load_state_dict(state)
        scored.to(next(network.parameters()).device).eval()
        shown = sum(len(pool.codes) for pool in material.pools)
        use_engine(scored, experiment.training.engine, shown * network.members)
        found = []
        for pool in material.pools:
            codes = sequence.from_codes(pool.codes.cpu().numpy())
            logits = score(scored, pool.head, codes, experiment.prediction.strands)
            found.append(torch.from_numpy(logits))
        return found

    network.eval()  # in the first epoch, and after resuming, as in all others
    for alignment in alignments:
        alignment.before_epoch((epoch - 1) / experiment.training.epochs, network, score_pools)


def epoch_priors(
    network: Network, material: Material, experiment: Experiment, epoch: int
) -> Sequence[float | None]:
    """Return the share of bound sequences that each model draws for alignment in an epoch.

    Estimates need a model that has learnt something: before the first epoch, and where nothing is
    held out, background alone is aligned.
    """
    members, adaptation = network.members, experiment.adaptation
    if adaptation.align == "all":
        return [None] * members
    if adaptation.align == "background" or not material.pools:
        return [0.0] * members
    if not isinstance(adaptation.target_prior, str):
        return [adaptation.target_prior] * members
    target = experiment.data.target
    pool = next((p for p in material.pools if p.assay == target), material.pools[0])
    held_out = pool.held_out
    if epoch == 1 or held_out is None or not 0 < held_out.labels.mean() < 1:
        return [0.0] * members
    network.eval()
    strands = experiment.prediction.strands
    source = score(network, target, sequence.from_codes(held_out.codes.cpu().numpy()), strands)
    unlabelled = score(
        network, target, sequence.from_codes(_sample(pool, MOST_FOR_PRIOR).cpu().numpy()), strands
    )
    labels = held_out.labels.cpu().numpy()
    return [
        estimate_prior(adaptation.target_prior, source[:, m], labels[m], unlabelled[:, m]).share
        for m in range(members)
    ]


def _sample(pool: Pool, most: int) -> Tensor:
    """Return at most so many sequences of a pool in random order, the same ones every time.

    A file may be sorted, by the measured signal of an array for instance.
    """
    rows = stream(0, "sample", pool.domain).permutation(len(pool.codes))[:most]
    return pool.codes[torch.from_numpy(rows).to(pool.codes.device)]


def with_target_statistics(
    fitted: Fitted, experiment: Experiment, material: Material, device: torch.device
) -> Fitted:
    """Return the outcome of a training with batch statistics of the target's pool."""
    target = experiment.data.target
    pool = next((pool for pool in material.pools if pool.assay == target), None)
    if pool is None:
        raise InputError(
            f"there are no unlabelled sequences of {target}.",
            key="adaptation.adabn",
            remedy="Give them under data.unlabelled.",
        )
    network = Network(
        experiment.architecture, experiment.network_heads, len(experiment.member_seeds)
    ).to(device)
    use_engine(network, experiment.training.engine, 2 * len(pool.codes))
    turned = []
    for states in (fitted.best, fitted.last):
        network.load_state_dict(joined(states))
        state = reestimated(network, _sample(pool, MOST_FOR_STATISTICS).to(device))
        turned.append(separated({k: v.cpu().clone() for k, v in state.items()}, network.members))
    return replace(fitted, best=turned[0], last=turned[1])
