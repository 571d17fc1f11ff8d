"""A whole challenge on simulated data: every mode by `train --ibis-root`, ranked with matrices.

    python benchmarks/ibis_package.py --out package_demo

Simulates a package of five TFs and all five assays in the layout of IBIS, trains both tracks in
each mode by one command, adds the matrices that the data were made from, and lets `benchmark score`
rank them. Prints the wall time of every command, then the ranks. Finished steps of the same `--out`
are not repeated.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

import dann_tfbs.simulation

TFS = ("FOXA1", "CEBPB", "USF1", "EGR2", "NFE2")
MODES = ("baseline", "multihead", "dann")
TRACKS = ("G2A", "A2G")
MATRICES = Path(dann_tfbs.simulation.__file__).parent / "motifs.meme"


def command(*words: object) -> str:
    """Run a command of the package; print it with its wall time, and return what it printed."""
    line = list(map(str, words))
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "dann_tfbs", *line], stdout=subprocess.PIPE, text=True, check=True
    )
    print(f"{time.monotonic() - began:7.0f} s  dann-tfbs {' '.join(line)}", flush=True)
    return done.stdout


def main() -> None:
    """Parse the command line, run every step and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--reads", type=int, default=2000)
    parser.add_argument("--probes", type=int, default=2000)
    parser.add_argument("--positives", type=int, default=300, help="of a TF and assay, to train on")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    out: Path = arguments.out
    data, teams = out / "ibis", out / "teams"
    began = time.monotonic()
    if not data.is_dir():
        sizes = ["--reads", arguments.reads, "--probes", arguments.probes]
        command("simulate", data, *sizes, *(word for tf in TFS for word in ("--tf", tf)))
    for mode in MODES:
        for track in TRACKS:
            runs = out / f"{track}-{mode}"
            printed = command(
                "train", "--ibis-root", data, "--track", track, "--stage", "Final", "--mode", mode,
                "--prepare", f"max_positives={arguments.positives}",
                "--set", f"training.epochs={arguments.epochs}", "--seeds", arguments.seeds,
                "--tracking", "off", "--out", runs,
            )  # fmt: skip
            print(printed)
            (teams / mode).mkdir(parents=True, exist_ok=True)
            for table in (runs / "submission").glob("*.tsv"):
                shutil.copy(table, teams / mode)
    names = ",".join(TFS)
    command("submit", "make", "--matrix", MATRICES, "--tfs", names, "--out", teams / "matrices")
    print(command("benchmark", "score", data, *(teams / team for team in (*MODES, "matrices"))))
    print(f"{(time.monotonic() - began) / 60:.1f} minutes.")


if __name__ == "__main__":
    main()
