"""Training speed of every built-in backbone against the separable one, on one core.

    python benchmarks/backbones.py [--windows 40 100] [--models 1] [--rows 1024] [--repeats 3]

Sides take turns within a round: `dann_tfbs.training.fit.fit` with batches of 32 random sequences,
draws and optimiser included, in sequences a second of all models together (medians over rounds).
Ratios are medians of the ratios within a round, once to the separable backbone on the `plain`
engine, which all others use too, and once to it on the `native` one, which `auto` takes for it in a
run of a study (and for no other backbone).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dann_tfbs import sequence
from dann_tfbs.config import Experiment
from dann_tfbs.model.native.kernel import compiler
from dann_tfbs.model.network import Network, count_parameters
from dann_tfbs.training.dataset import labelled_set
from dann_tfbs.training.fit import fit
from dann_tfbs.training.material import single

LAYOUTS: dict[str, dict[str, Any]] = {
    "separable": {},
    "separable, blocks 5": {"blocks": 5},
    "separable, 96 channels, blocks 8": {"stem_channels": 32, "blocks": 8},
    "embedding": {"backbone": "embedding"},
    "embedding, kmer 3": {"backbone": "embedding", "backbone_settings": {"kmer": 3}},
    "lstm": {"backbone": "lstm"},
    "convnext": {"backbone": "convnext"},
    "convnext, 96 channels, blocks 7": {
        "backbone": "convnext",
        "stem_channels": 32,
        "backbone_settings": {"blocks": 7},
    },
    "legnet, 10 5 5": {"backbone": "legnet", "backbone_settings": {"block_sizes": [10, 5, 5]}},
    "legnet": {"backbone": "legnet"},
}
REFERENCE = "separable"
NATIVE = "separable, native"
BATCH = 32
FEW_ROWS = 8
"""Large networks see so many times fewer sequences, so that no side's turn takes for ever."""
LARGE = 100_000
"""Parameters from which a network is large."""


def experiment_of(layout: dict[str, Any], engine: str, window: int, models: int) -> Experiment:
    return Experiment.model_validate(
        {
            "architecture": layout,
            "seeds": models,
            "training": {"engine": engine, "batch_size": BATCH, "epochs": 2},
            "data": {"target": "HTS", "window": window},
        }
    )


def rate(experiment: Experiment, rows: int) -> float:
    """Return sequences a second of the second epoch, of all models together."""
    window, models = experiment.data.training_window, experiment.seeds
    codes = np.random.default_rng(0).integers(0, 4, (rows, window), dtype=np.uint8)
    labels = (np.arange(rows) % 3 == 0).astype(np.float32)
    data = labelled_set(sequence.from_codes(codes), labels, window, range(models), permute=False)
    with tempfile.TemporaryDirectory() as folder:
        fitted = fit(
            experiment,
            single(experiment, data),
            checkpoint=Path(folder) / "checkpoint",
            identity="",
            device=torch.device("cpu"),
        )
    return fitted.history[0][-1]["sequences_per_second"]


def print_table(window: int, models: int, rows: int, repeats: int) -> None:
    """Measure all sides at one window and print their table."""
    sizes = {
        name: count_parameters(Network(experiment_of(layout, "plain", window, 1).architecture, "x"))
        for name, layout in LAYOUTS.items()
    }
    sides = {
        name: experiment_of(layout, "plain", window, models) for name, layout in LAYOUTS.items()
    }
    if compiler() is not None:
        sides[NATIVE] = experiment_of(LAYOUTS[REFERENCE], "native", window, models)
        sizes[NATIVE] = sizes[REFERENCE]
    rounds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, side in sides.items():
            shown = rows // FEW_ROWS if sizes[name] > LARGE else rows
            rounds[name].append(rate(side, shown // models))
    print(f"\nwindow {window}, {models} model(s) side by side\n")
    print("| backbone | parameters | sequences/s | of separable, plain | of separable, auto |")
    print("|---|---|---|---|---|")
    for name, rates in rounds.items():
        cells = [
            f"{np.median(np.divide(rates, rounds[other])):.3f}" if other in rounds else ""
            for other in (REFERENCE, NATIVE)
        ]
        print(f"| {name} | {sizes[name]:,} | {np.median(rates):,.0f} | " + " | ".join(cells) + " |")


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", nargs="+", type=int, default=[40, 100])
    parser.add_argument("--models", type=int, default=1)
    parser.add_argument("--rows", type=int, default=2048, help="sequences an epoch, in all")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for window in arguments.windows:
        print_table(window, arguments.models, arguments.rows, arguments.repeats)


if __name__ == "__main__":
    main()
