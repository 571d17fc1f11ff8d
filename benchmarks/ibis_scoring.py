"""Scoring at the size of IBIS: a table of scores parsed, matched and scored, and its memory.

    python benchmarks/ibis_scoring.py [--rows 1000000] [--tfs 15] [--answers 300000] [--rounds 3]

* Table: a process scores a generated AAA table as `dann-tfbs benchmark score` does, against an HTS
  benchmark of two binary sets and one of positives for each TF, all with random tags out of the
  table's. It reports its time and its peak resident memory. The official Final has 13.3 million
  rows and 15 TFs.
* Metrics: score-label pairs a second of processor time, AUROC, AUPRC, MAUROC and MAUPRC together:
  scores of five digits (counted), the same in double precision (sorted), and scikit-learn's
  `roc_auc_score` and `average_precision_score` alone on the same arrays. The sides take turns.

Files lie in a temporary folder (`--folder`), 128 bytes a row of 15 TFs, and are removed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dann_tfbs.evaluation.metrics import CURVE_METRICS, all_metrics
from dann_tfbs.predictions import write_predictions

CHUNK = 100_000
POSITIVES = 1 / 3
"""Share of positives of a binary set: negatives are 2:1 in HTS."""


def random_tags(count: int) -> np.ndarray:
    """Return different tags of seven lower-case letters, in rising order."""
    number = np.random.default_rng(0).choice(26**7, size=count, replace=False)
    letters = number[:, None] // 26 ** np.arange(7) % 26 + ord("a")
    return np.sort(np.ascontiguousarray(letters, dtype=np.uint32).view("<U7").ravel())


def write_table(path: Path, tags: np.ndarray, tfs: list[str]) -> None:
    rng = np.random.default_rng(1)

    def chunks() -> Iterator[tuple[list[str], np.ndarray]]:
        for start in range(0, len(tags), CHUNK):
            part = tags[start : start + CHUNK]
            yield part.tolist(), rng.random((len(part), len(tfs)))

    write_predictions(path, tfs, chunks())


def write_benchmark(folder: Path, tags: np.ndarray, tfs: list[str], answers: int) -> Path:
    rng = np.random.default_rng(2)
    datasets = []
    for tf in tfs:
        for background in ("input", "aliens", "positives"):
            own = rng.choice(tags, answers, replace=False).tolist()
            cycles = rng.integers(1, 5, answers)
            bound = (rng.random(answers) < POSITIVES) | (background == "positives")
            labels = np.where(bound, cycles, 0).tolist()
            groups = [0 if label else None for label in labels]
            path = folder / f"{tf}_{background}.json"
            content = {
                "labels": dict(zip(own, labels, strict=True)),
                "groups": dict(zip(own, groups, strict=True)),
            }
            path.write_text(json.dumps(content))
            datasets.append(
                {"name": path.stem, "tf": tf, "background": background, "fasta_path": None,
                 "answer_path": str(path)}
            )  # fmt: skip
    curves = ("rocauc", "prauc", "rocauc_averaged", "prauc_averaged")
    scorers = [
        {"name": f"prroc_{name}", "alias": name, "params": {}, "backgrounds": ["input", "aliens"]}
        for name in curves
    ] + [{"name": "kendalltau", "params": {}, "backgrounds": ["positives"]}]
    file = folder / "benchmark.json"
    content = {"name": "HTS", "kind": "HTS", "datasets": datasets, "scorers": scorers, "tfs": tfs}
    file.write_text(json.dumps(content | {"tags": tags.tolist()}))
    return file


def peak_memory() -> float:
    """Return this process's own peak in GiB (Linux); `getrusage` may give its parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 2**20


def score_once(benchmark: Path, table: Path) -> None:
    """Score as the command does, and print what it took; runs in a process of its own."""
    from dann_tfbs.evaluation.benchmark.definition import read_definitions
    from dann_tfbs.evaluation.benchmark.score import score_teams
    from dann_tfbs.evaluation.benchmark.submissions import read_table, read_teams

    clock, core = time.perf_counter(), time.process_time()
    definitions = read_definitions(benchmark)
    teams = read_teams([str(table)])
    scores = score_teams(definitions, teams)
    clock, core = time.perf_counter() - clock, time.process_time() - core
    peak = peak_memory()
    pairs = sum(
        (score.positives + score.negatives)
        for score in scores.scores
        if score.cell.metric in ("rocauc", "kendalltau")
    )
    print(f"whole command: {clock:.1f} s ({core:.1f} core s), peak resident memory {peak:.2f} GiB")
    print(f"{len(scores.scores)} values of {pairs:,} score-label pairs")
    core = time.process_time()
    rows = len(read_table(table, definitions[0]))
    core = time.process_time() - core
    print(f"of which reading the table and comparing its tags: {core:.1f} core s, ", end="")
    print(f"{rows * len(teams) / core / 1e6:.2f} million rows a core second")


def rates(count: int, rounds: int) -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score

    rng = np.random.default_rng(3)
    labels = (rng.random(count) < POSITIVES).astype(np.int64)
    steps = np.rint(1e5 * np.clip(0.8 * rng.random(count) + 0.2 * labels, 0, 1)).astype(np.int32)
    full = 0.8 * rng.random(count) + 0.2 * labels
    sides = {
        "five digits, counted, all four": lambda: all_metrics(steps, labels, CURVE_METRICS),
        "double precision, sorted, all four": lambda: all_metrics(full, labels, CURVE_METRICS),
        "scikit-learn's two, double precision": lambda: (
            roc_auc_score(labels, full),
            average_precision_score(labels, full),
        ),
    }
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            start = time.process_time()
            side()
            taken[name].append(time.process_time() - start)
    print(f"metrics of {count:,} pairs, median of {rounds} rounds:")
    for name, times in taken.items():
        ratio = np.median(np.array(taken["scikit-learn's two, double precision"]) / times)
        rate = count / np.median(times) / 1e6
        print(f"  {name}: {rate:.1f} million pairs a core second, ×{ratio:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--tfs", type=int, default=15)
    parser.add_argument("--answers", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--score", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.score:
        score_once(*options.score)
        return
    rates(options.answers, options.rounds)
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        folder = Path(place)
        tags = random_tags(options.rows)
        tfs = [f"TF{number}" for number in range(options.tfs)]
        table = folder / "table.tsv"
        write_table(table, tags, tfs)
        benchmark = write_benchmark(folder, tags, tfs, min(options.answers, options.rows))
        size = table.stat().st_size / 1e9
        print(f"table: {options.rows:,} rows × {options.tfs} TFs, {size:.2f} GB", flush=True)
        command = [sys.executable, __file__, "--score", str(benchmark), str(table)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
