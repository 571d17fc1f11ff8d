"""Scoring speed: `dann-tfbs predict` against an ordinary loop, its memory, and where its time goes.

    python benchmarks/scoring.py [--layout double] [--sequences 100000] [--rounds 5] [--models 4]

Sequences are random, 40 nt, in FASTA of two lines a record; models have random weights; both
strands are scored and the table is written as `.tsv`. The ordinary loop is `reference_scoring.py`.

* Speed: whole commands, from FASTA to table, without the start of Python; the sides take turns in
  every round, and ratios are medians of the ratios within a round. A core second is a second of
  processor time, which other load on the machine disturbs little; the clock shows whether the cores
  were there and used.
* Split: processor time of reading, scoring and writing, each on its own.
* Memory: peak resident memory of a process that scores N and 4 N sequences on all cores.
* Models: one process that writes a column for each of several models, against one process a model;
  start included.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import torch
from reference_loop import HEAD, ReferenceModel
from reference_scoring import score_file

from dann_tfbs.commands.predict import predict
from dann_tfbs.config import PRESETS, Experiment
from dann_tfbs.data.scoring_input import read_scoring_input
from dann_tfbs.evaluation.predictions import read_predictions
from dann_tfbs.model.network import initial_state
from dann_tfbs.predictions import write_predictions
from dann_tfbs.run_folder import write_run
from dann_tfbs.scorers import one_torch_thread, run_scorer
from dann_tfbs.threads import available_cores

LENGTH = 40
REFERENCE_SHARE = 10
"""The ordinary loop scores so many times fewer sequences, so that its turn is not the longest."""


def write_fasta(path: Path, count: int) -> Path:
    rng = np.random.default_rng(0)
    with open(path, "wb") as file:
        for start in range(0, count, 10_000):
            rows = min(10_000, count - start)
            letters = np.frombuffer(b"ACGT", dtype=np.uint8)[rng.integers(0, 4, (rows, LENGTH))]
            for number, row in enumerate(letters, start):
                file.write(b">read-%d\n%s\n" % (number, row.tobytes()))
    return path


def write_models(folder: Path, layout: str, count: int) -> list[Path]:
    """Write runs of random weights, of one TF each; their scores spread."""
    runs = [folder / f"TF{number}" for number in range(count)]
    for number, run in enumerate(runs):
        data = {"tf": run.name, "target": HEAD, "window": LENGTH, "score_length": "own"}
        experiment = Experiment.model_validate({"architecture": layout, "data": data})
        state = initial_state(experiment.architecture, [HEAD], number)
        state[f"heads.{HEAD}.logit.weight"] *= 20
        write_run(run, experiment, state, state, {}, {})
    return runs


def reference_model(layout: str) -> ReferenceModel:
    """Return the first of `write_models` as the ordinary loop has it."""
    state = initial_state(PRESETS[layout], [HEAD], 0)
    state[f"heads.{HEAD}.logit.weight"] *= 20
    model = ReferenceModel(PRESETS[layout])
    model.load_network(state)
    return model.eval()


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of processor time of this process, and those of the clock."""
    processor, clock = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - processor, time.perf_counter() - clock


def run_predict(*arguments: str | Path) -> None:
    """Run the command in this process, and keep what it says to itself."""
    with redirect_stdout(StringIO()):
        predict.main([*map(str, arguments), "--device", "cpu"], standalone_mode=False)


def print_speed(layout: str, run: Path, fasta: Path, count: int, rounds: int) -> None:
    few_count = max(count // REFERENCE_SHARE, 1000)
    few = write_fasta(fasta.with_name("few.fasta"), few_count)
    model = reference_model(layout)
    out, other = fasta.with_name("package.tsv"), fasta.with_name("reference.tsv")
    run_predict(run, few, "--out", out)
    score_file(model, few, other, "TF0")
    apart = np.abs(read_predictions(out).scores["TF0"] - read_predictions(other).scores["TF0"])

    sides: dict[str, tuple[int, Callable[[], None]]] = {
        "ordinary loop": (few_count, lambda: score_file(model, few, other, "TF0")),
        "predict --threads 1": (
            count,
            lambda: run_predict(run, fasta, "--out", out, "--threads", "1"),
        ),
        f"predict, {available_cores()} threads": (
            count,
            lambda: run_predict(run, fasta, "--out", out),
        ),
    }
    # Rounds × sides × (processor, clock), in sequences a second.
    rates = np.array(
        [[np.divide(size, seconds(work)) for size, work in sides.values()] for _ in range(rounds)]
    )
    print(f"\nFASTA to table, layout {layout}, {count:,} sequences, {rounds} rounds")
    print("| side | sequences a core second | ratio to the ordinary loop (range) | by the clock |")
    print("|---|---|---|---|")
    for name, own in zip(sides, rates.swapaxes(0, 1), strict=True):
        ratios = own[:, 0] / rates[:, 0, 0]
        print(
            f"| {name} | {np.median(own[:, 0]):,.0f} | "
            f"{np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f}) | "
            f"{np.median(own[:, 1]):,.0f} |"
        )
    print(f"largest difference of a score from the ordinary loop's: {apart.max():.5f}")


def print_split(run: Path, fasta: Path, count: int) -> None:
    packed = fasta.with_suffix(".fasta.gz")
    subprocess.run(["gzip", "-kf", fasta], check=True)
    scorer = run_scorer([run], None, "cpu")
    chunks = list(read_scoring_input(fasta))
    scores = [(tags, scorer.score(sequences)) for tags, sequences in chunks]
    table, full = fasta.with_name("split.tsv"), fasta.with_name("split.csv")
    parts: dict[str, Callable[[], object]] = {
        "reading": lambda: sum(1 for _ in read_scoring_input(fasta)),
        "scoring": lambda: [scorer.score(sequences) for _, sequences in chunks],
        "writing": lambda: write_predictions(table, "TF0", scores),
        "(reading gzip)": lambda: sum(1 for _ in read_scoring_input(packed)),
        "(writing .csv)": lambda: write_predictions(full, "TF0", scores),
    }
    spent = {name: min(seconds(part)[0] for _ in range(3)) for name, part in parts.items()}
    whole = sum(spent[name] for name in ("reading", "scoring", "writing"))
    print("\n| part | sequences a core second | share of the time |")
    print("|---|---|---|")
    for name, time_spent in spent.items():
        share = "" if name.startswith("(") else f"{time_spent / whole:.1%}"
        print(f"| {name} | {count / time_spent:,.0f} | {share} |")


def child(*arguments: str | Path) -> tuple[float, float]:
    """Run the command in a process of its own; return its core seconds and peak memory in MB."""
    command = [sys.executable, "-m", "dann_tfbs", "predict", *map(str, arguments)]
    process = subprocess.Popen([*command, "--device", "cpu"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e6


def print_memory(run: Path, folder: Path, count: int) -> None:
    print("\n| sequences | peak memory |")
    print("|---|---|")
    for number in (10, count, 4 * count):
        fasta = write_fasta(folder / "memory.fasta", number)
        _, peak = child(run, fasta, "--out", folder / "memory.tsv")
        print(f"| {number:,} | {peak:.0f} MB |")


def print_models(runs: list[Path], fasta: Path, rounds: int) -> None:
    out = fasta.with_name("models.tsv")
    apart, together = [], []
    for _ in range(rounds):
        apart.append(sum(child(run, fasta, "--out", out)[0] for run in runs))
        together.append(child("--separate", *runs, fasta, "--out", out)[0])
    ratios = np.array(apart) / together
    print(f"\n| {len(runs)} models | core seconds, start included |")
    print("|---|---|")
    print(f"| one pass (`--separate`) | {np.median(together):.1f} |")
    print(f"| a pass a model | {np.median(apart):.1f} |")
    print(f"ratio {np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f})")


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layout", choices=PRESETS, default="double")
    parser.add_argument("--sequences", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--models", type=int, default=4)
    arguments = parser.parse_args()
    count = arguments.sequences
    with tempfile.TemporaryDirectory() as name, one_torch_thread():
        folder = Path(name)
        fasta = write_fasta(folder / "reads.fasta", count)
        runs = write_models(folder, arguments.layout, arguments.models)
        print(f"torch {torch.__version__}, {available_cores()} cores")
        print_speed(arguments.layout, runs[0], fasta, count, arguments.rounds)
        print_split(runs[0], fasta, count)
        print_memory(runs[0], folder, count)
        print_models(runs, fasta, max(1, arguments.rounds // 2))


if __name__ == "__main__":
    main()
