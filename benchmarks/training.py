"""Training speed on one core: an ordinary PyTorch loop against the package's, engine by engine.

    python benchmarks/training.py [--layouts double single] [--engines plain native] [--models 1 8]

For each named layout: samples a second of the ordinary loop (`reference_loop.py`) and of
`dann_tfbs.training.fit.fit` with each engine and number of models side by side (samples of all
models together), as medians of rounds in which all sides take turns; ratios are medians of the
ratios within a round. GFLOP/s count the multiply-adds of the convolutions, forward and backward,
and are set against a large single-threaded product of `float32` matrices. A second table holds the
differences of the losses from the ordinary loop under the same draws, a third the time of a first
training of one step. Where the time of a step goes is in `step_profile.py`.

The data are random and in memory; window 40, batches of 32. An epoch's rate is that of its steps,
draws included; the checkpoint after each epoch is timed apart.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from reference_loop import HEAD, package_draws, train_reference

from dann_tfbs import sequence
from dann_tfbs.config import PRESETS, Architecture, Experiment, TrainingSettings
from dann_tfbs.errors import InputError
from dann_tfbs.model.network import initial_state
from dann_tfbs.training.batches import LabelledSet
from dann_tfbs.training.dataset import labelled_set
from dann_tfbs.training.fit import fit
from dann_tfbs.training.material import single

ENGINES = [
    name for name in get_args(TrainingSettings.model_fields["engine"].annotation) if name != "auto"
]
ENGINES_OF = {
    "cpu": [name for name in ENGINES if name != "compiled"],
    "cuda": [name for name in ENGINES if name != "native"],
}
"""The engines that are meant for a device."""
WINDOW = 40
LENGTH = 100
"""Length in bp of the sequences that the window is cut from."""
STEPS_COMPARED = 200
CPU = torch.device("cpu")


def random_data(rows: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return codes, shape (rows, LENGTH), and labels of which a third are positive."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (rows, LENGTH), dtype=np.uint8)
    return codes, (np.arange(rows) % 3 == 0).astype(np.float32)


def an_experiment(layout: str, engine: str, models: int, **training: object) -> Experiment:
    return Experiment.model_validate(
        {
            "architecture": layout,
            "seeds": models,
            "training": {"engine": engine, "batch_size": 32, **training},
            "data": {"target": HEAD, "window": WINDOW},
        }
    )


def the_set(codes: NDArray[np.uint8], labels: NDArray[np.float32], models: int) -> LabelledSet:
    sequences = sequence.from_codes(codes)
    return labelled_set(sequences, labels, WINDOW, range(models), permute=False)


def fit_epochs(
    experiment: Experiment,
    data: LabelledSet,
    device: torch.device = CPU,
    on_epoch: Callable[[int], None] = lambda _: None,
) -> list[dict[str, float]]:
    """Train from the start in a folder of its own; return the records of the first model.

    `on_epoch` is called after each epoch with its number, from 1.
    """
    if "torch._dynamo" in sys.modules:
        # A training is a process of its own; code compiled for earlier ones must not count.
        torch.compiler.reset()
    with tempfile.TemporaryDirectory() as folder:
        fitted = fit(
            experiment,
            single(experiment, data),
            checkpoint=Path(folder) / "checkpoint",
            identity="",
            device=device,
            on_epoch=lambda latest: on_epoch(int(latest[0]["epoch"])),
        )
    return fitted.history[0]


@dataclass(frozen=True)
class Rate:
    """How fast a side is.

    Attributes
    ----------
    samples
        Samples a second while stepping, of all models together.
    checkpoint
        Seconds an epoch spends beside its steps; 0 for the ordinary loop, which keeps nothing.
    """

    samples: float
    checkpoint: float = 0.0


def reference_rate(layout: str, rows: int) -> Rate:
    codes, labels = random_data(rows)
    settings = TrainingSettings(batch_size=32)
    _, rate = train_reference(codes, labels, PRESETS[layout], settings, 0, 1, window=WINDOW)
    return Rate(rate)


def package_rate(
    layout: str, engine: str, models: int, rows: int, device: torch.device = CPU
) -> Rate:
    """Measure two epochs after a first one, which may compile."""
    experiment = an_experiment(layout, engine, models, epochs=3)
    ends: list[float] = []
    records = fit_epochs(
        experiment,
        the_set(*random_data(rows), models),
        device,
        lambda _: ends.append(time.perf_counter()),
    )
    shown = rows // 32 * 32 * models
    stepping = [shown / record["sequences_per_second"] for record in records[1:]]
    whole = np.diff(ends)
    return Rate(shown / float(np.mean(stepping)), float(np.mean(whole - stepping)))


def side_name(engine: str, models: int) -> str:
    return f"{engine}, {models} model{'s' if models > 1 else ''}"


def sgemm_ceiling() -> float:
    """Return GFLOP/s of a product of two 1024 × 1024 matrices."""
    a = torch.ones(1024, 1024)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        torch.mm(a, a)
        times.append(time.perf_counter() - began)
    return 2 * 1024**3 / float(np.median(times)) / 1e9


def multiply_adds(layout: Architecture, window: int) -> tuple[int, int]:
    """Return those of one sample's forward pass in all convolutions, and in the stem's alone."""
    channels, inner = layout.channels, layout.channels * layout.expansion
    stem = 4 * layout.stem_channels * sum(layout.stem_widths) * window
    block = (2 * channels * inner + inner * layout.depthwise_width) * window
    if layout.squeeze != "none":
        wide = inner if layout.squeeze == "expanded" else channels
        block += 2 * wide * max(wide // layout.squeeze_reduction, 1)
    return stem + layout.blocks * block + channels * window, stem


def flops(layout: Architecture, window: int) -> int:
    """Return floating-point operations of one training sample in the convolutions.

    The backward pass costs twice the forward pass, but for the stem, whose input needs no gradient.
    """
    forward, stem = multiply_adds(layout, window)
    return 2 * (3 * forward - stem)


def print_speed(
    layout: str, engines: Sequence[str], models: Sequence[int], rows: int, repeats: int
) -> None:
    """Print the table of speeds of one layout."""
    sides: dict[str, Callable[[], Rate]] = {"ordinary loop": partial(reference_rate, layout, 4096)}
    for engine in usable_engines(layout, engines):
        for n in models:
            # As many samples in all, so that each side takes about as long a turn.
            sides[side_name(engine, n)] = partial(
                package_rate, layout, engine, n, max(rows // n, 1024)
            )
    rounds: dict[str, list[Rate]] = {name: [] for name in sides}
    ceilings = []
    reference_rate(layout, 320)
    for _ in range(repeats):
        ceilings.append(sgemm_ceiling())
        for name, side in sides.items():
            rounds[name].append(side())
    ceiling = float(np.median(ceilings))
    reference = np.array([rate.samples for rate in rounds["ordinary loop"]])
    work = flops(PRESETS[layout], WINDOW)
    print(f"\n{layout}: {work / 1e6:.2f} MFLOP a sample; sgemm {ceiling:.0f} GFLOP/s\n")
    print("| side | samples/s | ratio (range) | GFLOP/s | of sgemm | checkpoint, ms an epoch |")
    print("|---|---|---|---|---|---|")
    for name, rates in rounds.items():
        samples = np.array([rate.samples for rate in rates])
        ratios = samples / reference
        speed = float(np.median(samples)) * work / 1e9
        kept = 1000 * float(np.median([rate.checkpoint for rate in rates]))
        print(
            f"| {name} | {np.median(samples):,.0f} | {np.median(ratios):.2f} "
            f"({ratios.min():.2f}–{ratios.max():.2f}) | {speed:.2f} | {speed / ceiling:.1%} | "
            f"{kept:.1f} |",
            flush=True,
        )


def usable_engines(layout: str, engines: Sequence[str], device: torch.device = CPU) -> list[str]:
    """Return those engines that can train a step on a device; say why another cannot."""
    usable = []
    for engine in engines:
        experiment = an_experiment(layout, engine, 1, epochs=1)
        try:
            fit_epochs(experiment, the_set(*random_data(32), 1), device)
        except InputError as error:
            print(f"{engine}: not available here. {error}")
        else:
            usable.append(engine)
    return usable


def package_losses(layout: str, engine: str, codes: LabelledSet, settings: dict) -> list[float]:
    records = fit_epochs(an_experiment(layout, engine, 1, **settings), codes)
    return [record["train_loss"] for record in records]


def print_differences(layouts: Sequence[str], engines: Sequence[str]) -> None:
    """Print the largest difference of a step's loss from the ordinary loop, with the same draws.

    The package records a loss an epoch, so an epoch here is one step: half a batch of positives out
    of too few for a second. The column `rounding` sets the scale: the ordinary loop against itself,
    begun with weights that differ in their last bit.
    """
    rng = np.random.default_rng(1)
    codes, _ = random_data(1024)
    labels = rng.permutation(np.arange(1024) < 31).astype(np.float32)
    settings = {"epochs": STEPS_COMPARED, "batch_positives": 0.5}
    print(f"\nlargest difference of the loss over the first {STEPS_COMPARED} steps, same draws\n")
    for number, layout in enumerate(layouts):
        architecture = PRESETS[layout]
        training = an_experiment(layout, "auto", 1, **settings).training
        draws = package_draws(labels, WINDOW, training, 0, STEPS_COMPARED)
        start = initial_state(architecture, [HEAD], 0)
        beside = {
            key: torch.nextafter(value, torch.tensor(torch.inf)) if value.dim() else value
            for key, value in start.items()
        }
        expected, rounded = (
            np.array(
                train_reference(
                    codes, labels, architecture, training, 0, 1, draws, window=WINDOW, start=state
                )[0]
            )
            for state in (start, beside)
        )
        columns = {"rounding": rounded}
        for engine in usable_engines(layout, engines):
            losses = package_losses(layout, engine, the_set(codes, labels, 1), settings)
            columns[engine] = np.array(losses)
        if number == 0:
            print("| layout | loss, first → last | " + " | ".join(columns) + " |")
            print("|---|---|" + "---|" * len(columns))
        cells = [f"{np.abs(losses - expected).max():.1e}" for losses in columns.values()]
        print(f"| {layout} | {expected[0]:.3f} → {expected[-1]:.3f} | " + " | ".join(cells) + " |",
              flush=True)  # fmt: skip


def print_first_steps(layout: str, engines: Sequence[str]) -> None:
    """Print how long a training of one step takes in a new process, by the state of its caches."""
    print(f"\nseconds of a training of one step in a new process ({layout})\n")
    print("| engine | caches empty | caches filled |\n|---|---|---|")
    for engine in usable_engines(layout, engines):
        with tempfile.TemporaryDirectory() as folder:
            # Whatever an engine keeps, it keeps in one of these.
            places = dict.fromkeys(["HOME", "XDG_CACHE_HOME", "TMPDIR"], folder)
            command = [sys.executable, __file__, "--first-step", layout, engine]
            seconds = [
                subprocess.run(
                    command, env=os.environ | places, capture_output=True, text=True, check=True
                ).stdout
                for _ in range(2)
            ]
        print(f"| {engine} | {float(seconds[0]):.2f} | {float(seconds[1]):.2f} |", flush=True)


def first_step(layout: str, engine: str) -> float:
    began = time.perf_counter()
    fit_epochs(an_experiment(layout, engine, 1, epochs=1), the_set(*random_data(32), 1))
    return time.perf_counter() - began


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layouts", nargs="+", choices=PRESETS, default=list(PRESETS))
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES_OF["cpu"])
    parser.add_argument("--models", nargs="+", type=int, default=[1, 2, 4, 8])
    parser.add_argument("--rows", type=int, default=8192, help="samples an epoch, over all models")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--first-step", nargs=2, metavar=("LAYOUT", "ENGINE"),
                        help=argparse.SUPPRESS)  # fmt: skip
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    layouts, engines, models = arguments.layouts, arguments.engines, arguments.models
    if arguments.first_step:
        print(first_step(*arguments.first_step))
    else:
        for layout in layouts:
            print_speed(layout, engines, models, arguments.rows, arguments.repeats)
        print_differences(layouts, engines)
        print_first_steps(layouts[0], engines)


if __name__ == "__main__":
    main()
