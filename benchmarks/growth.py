"""How time and memory grow with the number of sequences.

    python benchmarks/growth.py [--sequences 30000] [--repeats 1]

Takes 1, 4 and 16 times as many sequences through reading (FASTQ.gz), preparing (HT-SELEX reads with
ten negatives each, split by hash), training (one epoch) and predicting (to a file). Each is run in
a fresh process; printed are its wall time, the time of a core that it took (which other work on the
machine disturbs less) and its peak memory. `growth` is what the step from 4 to 16 times adds to the
core's time, by what the step from 1 to 4 times adds: 4 where time is proportional to the number of
sequences, whatever the start-up takes. Reading and predicting stream: their memory should not grow.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow.parquet as pq
from prepare import Measured, in_child, write_reads

TIMES = (1, 4, 16)
RATIO = 10
READINGS = 20
ROWS_PER_TRAINING_ROW = 5
SHARES = {
    "reading": READINGS,
    "preparing": 1,
    "training": 1 / ROWS_PER_TRAINING_ROW,
    "predicting": 1,
}
"""Sequences of each stage, in units of `--sequences`: enough to be timed, and no more."""


def read(path: Path) -> None:
    from dann_tfbs.data.readers.fastq import read_fastq

    for _ in read_fastq(path):
        pass


def prepare(sheet: Path, out: Path) -> None:
    from dann_tfbs.data.prepare import prepare
    from dann_tfbs.data.recipe import Recipe

    prepare(Recipe(tf="TF", assays=("HTS",), sheet=sheet, ratio=RATIO), out)


def train(table: Path, out: Path) -> None:
    import torch

    from dann_tfbs.config import Experiment
    from dann_tfbs.training.train import train

    torch.set_num_threads(1)  # threads that wait for each other on a busy machine measure it alone
    settings = {
        "data": {"path": table, "target": "HTS", "source": "HTS", "score_length": "own"},
        "training": {"epochs": 1, "engine": "plain"},
        "seeds": 1,
    }
    train(Experiment.model_validate(settings), out)


def thin(table: Path, out: Path) -> None:
    """Write one in so many rows of a prepared table, for a training that takes not too long."""
    rows = pq.read_table(table / "table.parquet")
    some = np.random.default_rng(0).permutation(len(rows))[::ROWS_PER_TRAINING_ROW]
    out.mkdir()
    pq.write_table(rows.take(np.sort(some)), out / "table.parquet")


def predict(run: Path, path: Path, out: Path) -> None:
    from dann_tfbs.cli import app

    words = ["predict", run, path, "--out", out, "--threads", 1]
    app([str(word) for word in words], standalone_mode=False)


def write_inputs(folder: Path, sequences: int, rng: np.random.Generator) -> None:
    block = folder / "block.fastq.gz"
    write_reads(block, sequences, rng)
    for times in TIMES:
        made = folder / f"{times}x"
        made.mkdir()
        n = sequences * times
        # Gzip files joined end to end are one gzip file.
        (made / "reads.fastq.gz").write_bytes(block.read_bytes() * times)
        (made / "many.fastq.gz").write_bytes(block.read_bytes() * times * READINGS)
        write_reads(made / "TF_R0_C3.fastq.gz", n // (RATIO + 1), rng)
        write_reads(made / "TF_R0_C0.fastq.gz", n, rng)
        (made / "sheet.tsv").write_text(
            "path\ttf\tassay\trole\n"
            "TF_R0_C3.fastq.gz\tTF\tHTS\tpositive\n"
            "TF_R0_C0.fastq.gz\tTF\tHTS\tinput\n"
        )


def measure(folder: Path, times: int) -> dict[str, Measured]:
    """Run every stage once with so many sequences; the model that predicts is the smallest's."""
    here = folder / f"{times}x"
    run, first_run = here / "run", folder / f"{TIMES[0]}x" / "run"
    for old in ("table", "thinned", "run"):
        shutil.rmtree(here / old, ignore_errors=True)
    found = {"reading": in_child(read, here / "many.fastq.gz")}
    found["preparing"] = in_child(prepare, here / "sheet.tsv", here / "table")
    thin(here / "table", here / "thinned")
    found["training"] = in_child(train, here / "thinned", run)
    out = here / "scores.tsv"
    found["predicting"] = in_child(predict, first_run, here / "reads.fastq.gz", out)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sequences", type=int, default=30_000, help="at one time")
    parser.add_argument("--repeats", type=int, default=1, help="runs of each, in turn")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(folder, options.sequences, np.random.default_rng(0))
        runs = [{times: measure(folder, times) for times in TIMES} for _ in range(options.repeats)]
    for what, share in SHARES.items():
        print(f"{what}\n{'sequences':>12}{'wall [s]':>10}{'core [s]':>10}{'peak [MiB]':>12}")
        cores = []
        for times in TIMES:
            found = [run[times][what] for run in runs]
            cores.append(median(one.cpu_seconds for one in found))
            print(f"{round(times * options.sequences * share):12,}"
                  f"{median(one.seconds for one in found):10.2f}{cores[-1]:10.2f}"
                  f"{max(one.peak_mib for one in found):12,.0f}")  # fmt: skip
        growth = (cores[2] - cores[1]) / (cores[1] - cores[0])
        print(f"{'growth':>12}{growth:20.1f}")


if __name__ == "__main__":
    main()
