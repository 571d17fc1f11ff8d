"""Streaming: memory and speed of predicting, continuing and checking files of millions of records.

    python benchmarks/streaming.py [--sequences 3000000] [--models 5] [--columns 15]

Sequences are random, 40 nt, in FASTA of two lines a record with tags of seven letters; models have
random weights of layout `double`. Everything lies in a temporary folder (about 190 bytes a record).

* Predict: a process that scores 10 sequences (its memory is that of Python, PyTorch and the model),
  then processes that score all of them, with one model and with several at once. What they need
  beyond the model is the difference of their peaks of resident memory.
* Continued: the same command, killed (SIGKILL) half-way through its own output and given again; its
  table is compared byte for byte with that of the uninterrupted one.
* Check: `submit validate` on a table of random scores, by its form alone and against the tags.

Times are by the clock, start of the processes included.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.predictions import write_predictions
from dann_tfbs.threads import available_cores

LENGTH = 40
ROWS = 50_000


def tags(start: int, stop: int) -> NDArray[np.uint8]:
    """Return the tags of these record numbers as letters, shape (n, 7)."""
    numbers = np.arange(start, stop)
    return (97 + numbers[:, None] // 26 ** np.arange(6, -1, -1) % 26).astype(np.uint8)


def write_fasta(path: Path, count: int) -> Path:
    rng = np.random.default_rng(0)
    with open(path, "wb") as file:
        for start in range(0, count, ROWS):
            stop = min(start + ROWS, count)
            lines = np.full((stop - start, LENGTH + 10), ord("\n"), dtype=np.uint8)
            lines[:, 0] = ord(">")
            lines[:, 1:8] = tags(start, stop)
            drawn = rng.integers(0, 4, (stop - start, LENGTH))
            lines[:, 9 : 9 + LENGTH] = np.frombuffer(b"ACGT", dtype=np.uint8)[drawn]
            file.write(lines.tobytes())
    return path


def write_table(path: Path, count: int, columns: int) -> Path:
    rng = np.random.default_rng(1)

    def chunks() -> Iterator[tuple[list[str], NDArray[np.float64]]]:
        for start in range(0, count, ROWS):
            stop = min(start + ROWS, count)
            own = tags(start, stop).view("S7").ravel().astype(str).tolist()
            yield own, rng.random((stop - start, columns))

    write_predictions(path, [f"TF{n}" for n in range(columns)], chunks())
    return path


def write_models(folder: Path, count: int) -> list[Path]:
    from dann_tfbs.config import Experiment
    from dann_tfbs.model.network import initial_state
    from dann_tfbs.run_folder import write_run

    runs = []
    for number in range(count):
        experiment = Experiment(data={"tf": f"TF{number}", "score_length": "own"})
        state = initial_state(experiment.architecture, ["HTS"], number)
        runs.append(folder / f"TF{number}")
        write_run(runs[-1], experiment, state, state, {}, {})
    return runs


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "dann_tfbs", *map(str, arguments)]


def child(*arguments: str | Path) -> tuple[float, float, float]:
    """Run a command; return its seconds by the clock, its core seconds and its peak MB."""
    start = time.perf_counter()
    process = subprocess.Popen(command(*arguments), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    unit = 1 if sys.platform == "darwin" else 1024
    spent = usage.ru_utime + usage.ru_stime
    return time.perf_counter() - start, spent, usage.ru_maxrss * unit / 1e6


def print_predict(folder: Path, runs: list[Path], count: int) -> None:
    few = write_fasta(folder / "few.fasta", 10)
    fasta = write_fasta(folder / "HTS_participants.fasta", count)
    print("\n| models | sequences a second | a core second | peak | beyond the model |")
    print("|---|---|---|---|---|")
    for number in sorted({1, len(runs)}):
        own = ["predict", "--separate", *runs[:number]]
        _, _, least = child(*own, few, "--out", folder / "few.tsv")
        clock, spent, peak = child(*own, fasta, "--out", folder / f"{number}.tsv")
        print(
            f"| {number} | {count / clock:,.0f} | {count / spent:,.0f} | {peak:.0f} MB | "
            f"{peak - least:.0f} MB |"
        )


def print_continued(folder: Path, run: Path, count: int) -> None:
    fasta, whole, out = folder / "HTS_participants.fasta", folder / "1.tsv", folder / "killed.tsv"
    words = ["predict", "--separate", run, fasta, "--out", out]
    partial = out.with_name(f".{out.name}.partial")
    killed = subprocess.Popen(command(*words), stdout=subprocess.DEVNULL)
    while killed.poll() is None:
        if partial.exists() and partial.stat().st_size > whole.stat().st_size / 2:
            killed.kill()
        time.sleep(0.05)
    killed.wait()
    clock, _, peak = child(*words)
    same = out.read_bytes() == whole.read_bytes()
    print(
        f"\nkilled half-way through {count:,} and given again: {clock:.1f} s, {peak:.0f} MB, ",
        end="",
    )
    print("the same bytes" if same else "OTHER BYTES")


def print_check(folder: Path, count: int, columns: int) -> None:
    table = write_table(folder / "HTS_aaa.tsv", count, columns)
    size = table.stat().st_size / 1e6
    print(f"\n| check of {count:,} rows × {columns} TFs, {size:,.0f} MB | MB a second | peak |")
    print("|---|---|---|")
    for name, more in {
        "form alone": [],
        "against the tags of the FASTA": ["--fasta", folder / "HTS_participants.fasta"],
    }.items():
        clock, _, peak = child("submit", "validate", table, *more)
        print(f"| {name} | {size / clock:,.0f} | {peak:.0f} MB |")


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sequences", type=int, default=3_000_000)
    parser.add_argument("--models", type=int, default=5)
    parser.add_argument("--columns", type=int, default=15)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Not in this process: a child's peak counts the memory of the process that starts it.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            runs = pool.submit(write_models, folder, arguments.models).result()
        print(f"{arguments.sequences:,} sequences of {LENGTH} nt, {available_cores()} cores")
        print_predict(folder, runs, arguments.sequences)
        print_continued(folder, runs[0], arguments.sequences)
        print_check(folder, arguments.sequences, arguments.columns)


if __name__ == "__main__":
    main()
