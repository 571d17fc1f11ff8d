"""What a mode costs: processor time of a training step against its passes through the backbone.

    python benchmarks/modes.py [--models 5] [--window 40] [--steps 300]

One core, random sequences in memory. Every mode takes turns with `baseline` for a stretch of steps;
the ratio is the median over stretches. A mode should cost as many times the baseline as it makes
passes, and what its losses add.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from dann_tfbs.config import Experiment
from dann_tfbs.model.network import Network, initial_state, joined
from dann_tfbs.settings import validated
from dann_tfbs.training.adapting import build_alignments, parameter_groups
from dann_tfbs.training.batches import LabelledSet
from dann_tfbs.training.engine import use_engine
from dann_tfbs.training.material import LabelledStream, Material, Pool
from dann_tfbs.training.optimisation import make_optimizer
from dann_tfbs.training.step import StepLoss, epoch_steps

CPU = torch.device("cpu")
STRETCH = 20
HEADS = ("HTS", "SMS", "PBM")
MODES: dict[str, tuple[int, tuple[str, ...], str | None]] = {
    "baseline": (1, HEADS[:1], None),
    "multihead, 3 heads": (3, HEADS, None),
    **{kind: (3, HEADS[:1], kind) for kind in ("dann", "cdan", "coral", "moments", "mmd")},
    **{kind: (2, HEADS[:1], kind) for kind in ("entropy", "mcc", "self_training")},
}
"""Passes, heads and alignment of each mode."""


def stepper(
    heads: tuple[str, ...], kind: str | None, models: int, window: int
) -> Callable[[], None]:
    """Return a function that takes a stretch of training steps."""
    values: dict[str, Any] = {
        "mode": "multihead",
        "heads": {head: {"window": window} for head in heads},
        "data": {"source": "CHS", "target": heads[0], "window": window},
        "seeds": models,
        "adaptation": {"alignments": [{"kind": kind}] if kind else []},
    }
    experiment = validated(Experiment, values, kind or "none")
    rng = np.random.default_rng(0)
    codes = torch.from_numpy(rng.integers(0, 4, (4096, window), dtype=np.uint8))
    labels = torch.from_numpy((rng.random((1, 4096)) < 0.3).astype(np.float32)).expand(models, -1)
    data = LabelledSet(codes, labels)
    streams = [LabelledStream((head,), head, "CHS", (head,), data) for head in heads]
    pools = [Pool(heads[0], heads[0], codes, {"CHS": data})] if kind else []
    material = Material(streams, {}, pools)
    network = Network(experiment.architecture, experiment.network_heads, models)
    states = [
        initial_state(experiment.architecture, experiment.network_heads, seed)
        for seed in experiment.member_seeds
    ]
    network.load_state_dict(joined(states))
    alignments = build_alignments(network, experiment, material, CPU)
    backbone, groups = parameter_groups(network, alignments, experiment)
    optimizer = make_optimizer(groups, experiment.training)
    use_engine(network, "auto", 10**7, backbone)
    loss_of = StepLoss(network, material, experiment, alignments)
    network.train()
    epoch = 0

    def stretch() -> None:
        nonlocal epoch
        epoch += 1
        priors = [0.0] * models
        for step in epoch_steps(
            material,
            experiment,
            epoch,
            STRETCH,
            priors,
            with_pools=bool(alignments),
            with_source=any(a.uses_source for a in alignments),
        ):
            loss, _ = loss_of(step, 0.5)
            optimizer.zero_grad(set_to_none=False)
            loss.sum().backward()
            optimizer.step()
            for alignment in alignments:
                alignment.after_step(network)

    return stretch


def timed(stretch: Callable[[], None]) -> float:
    """Return processor milliseconds of a step."""
    began = time.process_time()
    stretch()
    return (time.process_time() - began) / STRETCH * 1e3


def main() -> None:
    """Parse the command line, run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=5)
    parser.add_argument("--window", type=int, default=40)
    parser.add_argument("--steps", type=int, default=300, help="steps of each mode")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sides = {
        name: stepper(heads, kind, arguments.models, arguments.window)
        for name, (_, heads, kind) in MODES.items()
    }
    times: dict[str, list[float]] = {name: [] for name in sides}
    for round_number in range(arguments.steps // STRETCH + 1):
        for name, stretch in sides.items():
            milliseconds = timed(stretch)
            if round_number:  # the first is a warm-up
                times[name].append(milliseconds)
    print("| mode | passes | ms a step | ratio to baseline | ratio a pass |")
    print("|---|---|---|---|---|")
    for name, (passes, _, _) in MODES.items():
        ratio = float(np.median(np.array(times[name]) / np.array(times["baseline"])))
        print(
            f"| {name} | {passes} | {np.median(times[name]):.2f} | {ratio:.2f} | "
            f"{ratio / passes:.2f} |"
        )


if __name__ == "__main__":
    main()
