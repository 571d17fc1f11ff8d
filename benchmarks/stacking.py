"""Many models in one step against one at a time: models trained a minute.

    python benchmarks/stacking.py [--device cpu|cuda] [--layout double] [--models 1 8 32 128]

A training here is 6 epochs of 20,000 sequences of 40 bp in batches of 32, with a checkpoint an
epoch and no validation. Its time is worked out from two shorter epochs of
`dann_tfbs.training.fit.fit`, after a first one, which may compile and is left out. The ratio is to
one model at a time, eagerly (engine `plain`): medians of rounds in which all sides take turns. The
data are random and in memory, every model has draws of its own; a CPU works on one thread.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np
import torch
from training import ENGINES, ENGINES_OF, PRESETS, package_rate, usable_engines

EPOCHS = 6
SEQUENCES = 20_000
DEFAULT_MODELS = {"cpu": [1, 2, 4, 8], "cuda": [1, 8, 32, 128]}


def models_a_minute(layout: str, engine: str, models: int, device: torch.device) -> float:
    # On a CPU as many samples in all; a GPU hardly minds how many models a step holds.
    rows = max(8192 // models, 1024) if device.type == "cpu" else 4096
    rate = package_rate(layout, engine, models, rows, device)
    seconds = EPOCHS * (SEQUENCES * models / rate.samples + rate.checkpoint)
    return 60 * models / seconds


def compare(
    layout: str, engines: Sequence[str], models: Sequence[int], repeats: int, device: torch.device
) -> None:
    """Print the table."""
    engines = usable_engines(layout, engines, device)
    baseline = ("plain", 1)
    sides = [baseline, *((e, n) for e in engines for n in models if (e, n) != baseline)]
    rounds: dict[tuple[str, int], list[float]] = {side: [] for side in sides}
    for _ in range(repeats):
        for engine, n in sides:
            rounds[engine, n].append(models_a_minute(layout, engine, n, device))
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU, one thread"
    print(f"\n{layout}, {where}\n")
    print("| engine | models in a step | models a minute | ratio (range) |\n|---|---|---|---|")
    for (engine, n), speeds in rounds.items():
        ratios = np.array(speeds) / np.array(rounds[baseline])
        print(
            f"| {engine} | {n} | {np.median(speeds):.3g} | {np.median(ratios):.2f} "
            f"({ratios.min():.2f}–{ratios.max():.2f}) |"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=DEFAULT_MODELS, default="cpu")
    parser.add_argument("--layout", choices=PRESETS, default="double")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, help="default: by the device")
    parser.add_argument("--models", nargs="+", type=int, help="default: by the device")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args(arguments)
    if options.device == "cuda" and not torch.cuda.is_available():
        print("There is no GPU that PyTorch can use here: nothing was measured.", file=sys.stderr)
        sys.exit(2)
    torch.set_num_threads(1)
    models = options.models or DEFAULT_MODELS[options.device]
    engines = options.engines or ENGINES_OF[options.device]
    compare(options.layout, engines, models, options.repeats, torch.device(options.device))


if __name__ == "__main__":
    main()
