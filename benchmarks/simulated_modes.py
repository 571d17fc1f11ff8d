"""Where the modes differ, on planted data whose truth is known; prints one table.

    python benchmarks/simulated_modes.py [--seeds 5] [--draws 5]

Sequences are random, with a motif where they are bound. Each setting changes one thing between the
source and the target:

few labels
    The assays to be predicted, HTS and SMS, have 150 labelled bound sequences each and no peaks. A
    baseline each against `multihead`, which learns both on one backbone.
cofactor
    A second motif stands beside the first in bound source sequences, and never in unbound ones. In
    the target it stands in a third of all sequences, bound or not. Unlabelled target sequences show
    it; labels do not tell.
label shift
    Source and target differ in nothing but the share of bound sequences: half and 2 %.

Scores are AUROC on labelled sequences of the target that nothing else sees: the mean over data
sets of the median over seeds, and the paired difference with its bootstrap 95 % interval over data
sets.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from dann_tfbs import sequence
from dann_tfbs.config import Experiment
from dann_tfbs.data.table import SCHEMA, TABLE_FILE, write_table
from dann_tfbs.evaluation.metrics import auroc
from dann_tfbs.files import write_text
from dann_tfbs.sequence import Sequences
from dann_tfbs.settings import validated, with_values
from dann_tfbs.trained import load
from dann_tfbs.training.train import train

LENGTH = 40
# How often each base stands at each position of the motif and of its neighbour.
MOTIF = np.array([3, 2, 0, 1, 3, 1, 0, 2])
COFACTOR = np.array([1, 1, 0, 0, 3, 2, 2])
SHARPNESS = 0.85


def planted(bound: np.ndarray, cofactor: np.ndarray, rng: np.random.Generator) -> Sequences:
    """Return random sequences with the motif, and the cofactor's, where they are asked for."""
    codes = rng.integers(0, 4, (len(bound), LENGTH), dtype=np.uint8)
    for motif, rows, start in ((MOTIF, bound, 0), (COFACTOR, cofactor, LENGTH // 2)):
        for row in np.flatnonzero(rows):
            sharp = rng.random(len(motif)) < SHARPNESS
            site = np.where(sharp, motif, rng.integers(0, 4, len(motif))).astype(np.uint8)
            if rng.random() < 0.5:
                site = (3 - site[::-1]).astype(np.uint8)
            # One half for each motif, so that neither covers the other.
            place = start + rng.integers(0, LENGTH // 2 - len(motif) + 1)
            codes[row, place : place + len(motif)] = site
    flips = rng.random(len(codes)) < 0.5
    codes[flips] = 3 - codes[flips][:, ::-1]
    return sequence.from_codes(codes)


def rows(assay: str, split: str, sequences: Sequences, bound: np.ndarray) -> list[dict[str, Any]]:
    """Return rows of a prepared table."""
    return [
        {
            "tag": f"{assay}-{split}-{n}",
            "sequence": text,
            "label": int(label),
            "tf": "planted",
            "assay": assay,
            "source": "positive" if label else "random",
            "split": split,
        }
        for n, (text, label) in enumerate(zip(sequence.decode(sequences), bound, strict=True))
    ]


def table(folder: Path, found: list[dict[str, Any]]) -> Path:
    """Write a prepared folder."""
    folder.mkdir(parents=True)
    write_table(folder / TABLE_FILE, pa.Table.from_pylist(found, schema=SCHEMA))
    return folder


def half(n: int) -> np.ndarray:
    """Return labels of which half are bound."""
    return np.arange(n) % 2 == 0


def score(
    folder: Path, settings: Mapping[str, Any], seeds: int, test: tuple[Sequences, np.ndarray]
) -> float:
    """Train and return the median AUROC of the seeds."""
    values = {"training.epochs": 8, "seeds": seeds, "data.window": LENGTH, **settings}
    run = Path(tempfile.mkdtemp(dir=folder)) / "run"
    train(validated(Experiment, with_values({}, values), "simulated"), run)
    logits = load(run).logits(test[0])
    return float(np.median([auroc(s, test[1]) for s in logits.T]))


def few_labels(folder: Path, seeds: int, rng: np.random.Generator) -> dict[str, float]:
    """Two assays with few labels: apart, and on one backbone."""
    none = np.zeros(300, dtype=bool)
    found = []
    for assay in ("HTS", "SMS"):
        for split in ("train", "validation"):
            found += rows(assay, split, planted(half(300), none, rng), half(300))
    data = table(folder / "few", found)
    bound = half(4000)
    test = planted(bound, np.zeros(4000, dtype=bool), rng), bound
    shared = {"data.path": str(data), "data.target": "HTS", "data.source": "HTS"}
    window = {"window": LENGTH}
    return {
        "baseline": score(folder, shared, seeds, test),
        "baseline, twice the epochs": score(
            folder, {**shared, "training.epochs": 16}, seeds, test
        ),
        # The head of SMS learns the labelled sequences of SMS, and those of the source beside them.
        "multihead": score(
            folder, {**shared, "mode": "multihead", "heads": {"HTS": window, "SMS": window}},
            seeds, test,
        ),
    }  # fmt: skip


def adapted(align: str, data: Path, pool: Path, **alignment: Any) -> dict[str, Any]:
    """Return the settings of a domain-adversarial run of one head."""
    return {
        "data.path": str(data),
        "mode": "dann",
        "heads": {"HTS": {"window": LENGTH}},
        "data.unlabelled": {"HTS": str(pool)},
        "adaptation.alignments": [{"kind": "dann", **alignment}],
        "adaptation.align": align,
    }


def shifted(
    folder: Path, seeds: int, rng: np.random.Generator, *, cofactor: bool, share: float
) -> dict[str, float]:
    """Learn from peaks, half of them bound, and predict reads of which a share is bound."""

    def source(n: int) -> tuple[Sequences, np.ndarray]:
        bound = half(n)
        beside = bound & (rng.random(n) < 0.9) & cofactor
        return planted(bound, beside, rng), bound

    def target(n: int, bound_share: float) -> tuple[Sequences, np.ndarray]:
        bound = rng.random(n) < bound_share
        beside = (rng.random(n) < 1 / 3) & cofactor
        return planted(bound, beside, rng), bound

    found = rows("CHS", "train", *source(4000)) + rows("CHS", "validation", *source(1000))
    data = table(folder / "shifted", found)
    pool = folder / "pool.txt"
    write_text(pool, "\n".join(sequence.decode(target(6000, share)[0])) + "\n")
    test = target(8000, 0.2)
    one = {"data.path": str(data)}
    heads = {"HTS": {"window": LENGTH}}
    return {
        "multihead": score(folder, {**one, "mode": "multihead", "heads": heads}, seeds, test),
        "dann, background": score(folder, adapted("background", data, pool), seeds, test),
        "dann, prior-corrected": score(folder, adapted("prior-corrected", data, pool), seeds, test),
        "dann, all": score(folder, adapted("all", data, pool), seeds, test),
        # The aligned pass by the running statistics: a stronger adversary, which can blow up.
        "dann, background, source statistics": score(
            folder, {**adapted("background", data, pool), "adaptation.statistics": "source"},
            seeds, test,
        ),
        "dann, all, source statistics": score(
            folder, {**adapted("all", data, pool), "adaptation.statistics": "source"}, seeds, test
        ),
    }  # fmt: skip


def main() -> None:
    """Parse the command line, run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--draws", type=int, default=5, help="data sets a setting")
    parser.add_argument("--settings", nargs="+", help="names; all if left out")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    began = time.perf_counter()
    settings = {
        "few labels": few_labels,
        "cofactor": lambda *a: shifted(*a, cofactor=True, share=0.02),
        "label shift": lambda *a: shifted(*a, cofactor=False, share=0.02),
        "cofactor, no label shift": lambda *a: shifted(*a, cofactor=True, share=0.5),
    }
    print("| setting | model | AUROC | gain over the first [95 %] |")
    print("|---|---|---|---|")
    for name in arguments.settings or settings:
        function, found = settings[name], []
        for draw in range(arguments.draws):
            with tempfile.TemporaryDirectory() as folder:
                rng = np.random.default_rng(draw)
                found.append(function(Path(folder), arguments.seeds, rng))
        first = next(iter(found[0]))
        rng = np.random.default_rng(0)
        for model in found[0]:
            gains = np.array([f[model] - f[first] for f in found])
            draws = gains[rng.integers(len(gains), size=(5000, len(gains)))].mean(axis=1)
            low, high = np.quantile(draws, [0.025, 0.975])
            gain = "" if model == first else f"{gains.mean():+.4f} [{low:+.4f}, {high:+.4f}]"
            print(f"| {name} | {model} | {np.mean([f[model] for f in found]):.4f} | {gain} |",
                  flush=True)  # fmt: skip
    print(f"\n{(time.perf_counter() - began) / 60:.0f} minutes.")


if __name__ == "__main__":
    main()
