"""Where the time of a training step goes on one core: the ordinary loop's and the package's.

    python benchmarks/step_profile.py [--layouts double] [--engines plain native] [--models 1 8]

For each named layout: microseconds of the processor a step, by its parts, of the ordinary loop
(`reference_loop.py`) and of each engine and number of models side by side, on the data of
`training.py`; and, of what belongs to no part, the lines that take most.
"""

from __future__ import annotations

import argparse
import signal
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import torch
from training import (
    ENGINES,
    ENGINES_OF,
    an_experiment,
    fit_epochs,
    random_data,
    reference_rate,
    side_name,
    the_set,
    usable_engines,
)

from dann_tfbs.config import PRESETS

PARTS: list[tuple[str, str, str]] = [
    # Part of a step, end of a file's name, function ("" for any); the first on the way in from the
    # outermost call decides.
    ("data", "torch/utils/data/dataloader.py", ""),
    ("data", "training/batches.py", ""),
    ("loss", "nn/modules/loss.py", ""),
    ("loss", "nn/functional.py", "binary_cross_entropy_with_logits"),
    ("backward", "torch/_tensor.py", "backward"),
    ("optimiser", "torch/optim/lr_scheduler.py", ""),
    ("optimiser", "torch/_compile.py", ""),  # around zero_grad
    ("optimiser", "torch/optim/optimizer.py", ""),
    ("optimiser", "torch/optim/adamw.py", ""),
    ("checkpoint", "training/checkpoint.py", ""),
    ("forward", "reference_loop.py", "forward"),
    ("forward", "model/network.py", "encode"),
    ("forward", "model/network.py", "logits"),
]
TICK = 0.00025


class Sampler:
    """A clock that interrupts the program and puts the time since then down to what it is at.

    Python runs the handler between two operations, so a long call into compiled code ends first and
    then gets all the time that it took. It is time of the processor, so that other programs
    do not count.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.places: defaultdict[str, float] = defaultdict(float)
        self.last = 0.0

    @property
    def total(self) -> float:
        """Seconds sampled in all."""
        return sum(self.seconds.values())

    def start(self) -> None:
        """Begin to sample."""
        self.last = time.thread_time()
        signal.signal(signal.SIGALRM, self._tick)
        signal.setitimer(signal.ITIMER_REAL, TICK, TICK)

    def stop(self) -> None:
        """Sample no more."""
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _tick(self, number: int, frame: FrameType | None) -> None:
        now = time.thread_time()
        part, place = _part(frame)
        self.seconds[part] += now - self.last
        if part == "rest":
            self.places[place] += now - self.last
        self.last = time.thread_time()


def _part(frame: FrameType | None) -> tuple[str, str]:
    """Return the part of a step that a frame belongs to, and its file and line."""
    stack = []
    while frame is not None:
        stack.append(frame)
        frame = frame.f_back
    place = f"{Path(stack[0].f_code.co_filename).name}:{stack[0].f_lineno}"
    for outer in reversed(stack):
        file, function = outer.f_code.co_filename, outer.f_code.co_name
        for part, end, name in PARTS:
            if file.endswith(end) and name in ("", function):
                return part, place
    return "rest", place


def profiled(layout: str, engine: str, models: int, rows: int) -> Sampler:
    """Sample two epochs after a first one, which may compile."""
    sampler = Sampler()

    def on_epoch(epoch: int) -> None:
        if epoch == 1:
            sampler.start()
        elif epoch == 3:
            sampler.stop()

    fit_epochs(
        an_experiment(layout, engine, models, epochs=3),
        the_set(*random_data(rows), models),
        on_epoch=on_epoch,
    )
    return sampler


def print_profile(layout: str, engines: Sequence[str], models: Sequence[int], rows: int) -> None:
    """Print the microseconds of a step by its parts, for the ordinary loop and each engine."""
    columns: dict[str, tuple[Sampler, int]] = {}
    reference_rate(layout, 320)
    sampler = Sampler()
    sampler.start()
    reference_rate(layout, rows)
    sampler.stop()
    columns["ordinary loop"] = (sampler, rows // 32)
    for engine in usable_engines(layout, engines):
        for n in models:
            columns[side_name(engine, n)] = (profiled(layout, engine, n, rows), 2 * (rows // 32))
    print(f"\n{layout}: µs of the processor a step of 32 samples a model (share)\n")
    print("| part | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
    parts = [*dict.fromkeys(part for part, _, _ in PARTS), "rest"]
    for part in parts:
        cells = [
            f"{1e6 * s.seconds[part] / steps:.0f} ({s.seconds[part] / s.total:.0%})"
            for s, steps in columns.values()
        ]
        print(f"| {part} | " + " | ".join(cells) + " |")
    totals = [f"{1e6 * s.total / steps:.0f}" for s, steps in columns.values()]
    print("| all | " + " | ".join(totals) + " |", flush=True)
    for name, (s, steps) in columns.items():
        places = sorted(s.places, key=s.places.__getitem__, reverse=True)[:3]
        most = ", ".join(f"{place} {1e6 * s.places[place] / steps:.0f}" for place in places)
        print(f"rest of {name}: {most}")


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layouts", nargs="+", choices=PRESETS, default=list(PRESETS))
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES_OF["cpu"])
    parser.add_argument("--models", nargs="+", type=int, default=[1, 2, 4, 8])
    parser.add_argument("--rows", type=int, default=8192, help="sequences an epoch")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for layout in arguments.layouts:
        print_profile(layout, arguments.engines, arguments.models, arguments.rows)


if __name__ == "__main__":
    main()
