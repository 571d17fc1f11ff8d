"""Train on real data of one assay, test on another, beside the controls; one JSON a task.

    python benchmarks/real_data.py TASK… [--out runs/real] [--seeds 5]

`TASK` is a name or a pattern (`chs-hts-*`); `--list` names them. Data: $DANN_TFBS_DATA. Finished
tasks are not repeated. `real_tables.py` prints the tables of docs/results.md from the JSON files.
"""

from __future__ import annotations

import argparse
import fnmatch
import os
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr

from dann_tfbs import sequence
from dann_tfbs.config import Experiment
from dann_tfbs.data.prepare import prepare
from dann_tfbs.data.recipe import Recipe
from dann_tfbs.data.table import read_table, table_sequences
from dann_tfbs.errors import DannTfbsError
from dann_tfbs.evaluation.bootstrap import intervals
from dann_tfbs.evaluation.controls import GcContent, KmerLogistic
from dann_tfbs.evaluation.kendall import kendall_tau_b
from dann_tfbs.evaluation.matrix_scan import scan
from dann_tfbs.evaluation.metrics import auprc, auroc
from dann_tfbs.files import write_json
from dann_tfbs.model.scoring import fitted_to_window, score
from dann_tfbs.motifs import get_matrix, read_meme
from dann_tfbs.run_folder import WEIGHTS_FILE
from dann_tfbs.settings import validated, with_values
from dann_tfbs.trained import TrainedModel, load
from dann_tfbs.training.train import train

DATA = Path(os.environ.get("DANN_TFBS_DATA", "../shared/data"))


@dataclass(frozen=True)
class Task:
    """One training set with its tests.

    Attributes
    ----------
    train, tests
        Recipes, without the data's place. An empty test is the test split of the training table,
        as is a task without tests.
    matrix
        Name of the HOCOMOCO matrix to compare with.
    variants
        Settings of the network by name; the first one is also trained on permuted labels.
    """

    name: str
    train: dict[str, Any]
    tests: dict[str, dict[str, Any]]
    matrix: str | None
    variants: dict[str, dict[str, Any]]
    target: str
    settings: dict[str, Any] = field(default_factory=dict)


def _variant(window: int, score_length: str = "own", **settings: Any) -> dict[str, Any]:
    return {"data.window": window, "data.score_length": score_length, **settings}


MATRICES = {
    "CEBPB": "CEBPB.H13CORE.0.P.B",
    "USF1": "USF1.H13CORE.0.PSM.A",
    "NRF1": "NRF1.H13CORE.0.PS.A",
    "MAX": "MAX.H13CORE.0.PS.A",
    "NFE2": "NFE2.H13CORE.0.P.B",
    "FOXA1": "FOXA1.H13CORE.0.P.B",
    "EGR2": "EGR2.H13CORE.0.PSM.A",
    "ESR1": "ESR1.H13CORE.0.P.B",
    "FOXJ2": "FOXJ2.H13CORE.0.PSM.A",
    "FOXO1": "FOXO1.H13CORE.0.PS.A",
    "FOXP1": "FOXP1.H13CORE.0.PS.A",
    "IRF2": "IRF2.H13CORE.0.PSM.A",
    "TBX3": "TBX3.H13CORE.0.PSM.A",
    "PRDM13": "PRDM13.H13CORE.0.PSGI.A",
    "SALL4": "SALL4.H13CORE.0.P.B",
}
ARRAYS = ["CEBPB", "EGR2", "ESR1", "FOXJ2", "FOXO1", "FOXP1", "IRF2", "POU3F1", "TBX3", "TCF3"]
PBM_TEST = {"assays": ["PBM"], "ratio": 10, "split": {"by": "all"}}
BALANCED = {"training.batch_positives": 0.25, "training.epochs": 4}


def tasks() -> list[Task]:
    """Return all tasks."""
    found = []
    chip = {"assays": ["CHS"], "ratio": 10, "length": 100, "max_positives": 4000}
    for tf in ("CEBPB", "USF1", "YY1", "NRF1", "MAX", "NFE2"):
        # Fewer than all reads of cycle 4, so that cycle 0 has enough reads of every GC content.
        hts = {"assays": ["HTS"], "cycles": [4], "negatives": {"input": 1}, "ratio": 2}
        hts["max_positives"] = 10_000
        found.append(
            Task(
                f"chs-hts-{tf}",
                {"tf": tf, "files": "ENCODE_K562*", **chip},
                {"HTS": {"tf": tf, **hts, "split": {"by": "all"}}},
                MATRICES.get(tf),
                {
                    "window 40": _variant(40),
                    "window 100": _variant(100),
                    "window 100, padded": _variant(100, "train"),
                },
                "HTS",
                BALANCED,
            )
        )
    found.append(
        Task(
            "chs-pbm-CEBPB",
            {"tf": "CEBPB", "files": "ENCODE_K562*", **chip},
            {f"PBM {d}": {"tf": "CEBPB", "files": f"*{d}*", **PBM_TEST} for d in ("HK", "ME")},
            MATRICES["CEBPB"],
            {
                "window 35": _variant(35),
                "window 100": _variant(100),
                "window 100, padded": _variant(100, "train"),
            },
            "PBM",
            BALANCED,
        )
    )
    found.append(
        Task(
            "chs-pbm-FOXA1",
            {
                "tf": "FOXA1",
                "files": "*train*",
                "assays": ["CHS"],
                "ratio": 1,
                "length": 100,
                "max_positives": 20000,
            },
            {"PBM": {"tf": "FOXA1", **PBM_TEST}},
            MATRICES["FOXA1"],
            {
                "window 36": _variant(36),
                "window 100": _variant(100),
                "window 100, padded": _variant(100, "train"),
            },
            "PBM",
            {"training.epochs": 3},
        )
    )
    for tf in ARRAYS:
        for learnt, tested in (("ME", "HK"), ("HK", "ME")):
            found.append(
                Task(
                    f"pbm-{learnt.lower()}-{tested.lower()}-{tf}",
                    {
                        "tf": tf,
                        "assays": ["PBM"],
                        "files": f"*{learnt}*",
                        "ratio": 10,
                        "split": {"by": "hash", "test": 0.0},
                    },
                    {f"PBM {tested}": {"tf": tf, "files": f"*{tested}*", **PBM_TEST}},
                    MATRICES.get(tf),
                    {
                        "window 35": _variant(35),
                        "window 35, 30 epochs": _variant(35, **{"training.epochs": 30}),
                    },
                    "PBM",
                    {"training.batch_positives": 0.25, "training.epochs": 10},
                )
            )
    found.append(
        Task(
            "sms-PRDM13",
            {
                "tf": "PRDM13",
                "assays": ["SMS"],
                "ratio": 1,
                "negatives": {"input": 1},
                "max_positives": 20000,
            },
            {},
            MATRICES["PRDM13"],
            {"window 40": _variant(40)},
            "SMS",
            {"training.epochs": 4},
        )
    )
    selex = {"tf": "SALL4", "assays": ["HTS"], "negatives": {"control": 1, "input": 1}}
    found.append(
        Task(
            "hts-SALL4",
            {
                **selex,
                "files": "SALL4_R[01]_*",
                "max_positives": 12000,
                "pool_files": "CONTROL_R[01]_*",
                "ratio": 1,
                "split": {"by": "hash", "test": 0.0},
            },
            {
                "library R2, cycle 6": {
                    **selex,
                    "files": "SALL4_R2_*",
                    "pool_files": "CONTROL_R2_*",
                    "ratio": 1,
                    "split": {"by": "all"},
                },
                "library R2, all cycles": {
                    **selex,
                    "files": "SALL4_R2_*",
                    "pool_files": "CONTROL_R2_*",
                    "ratio": 0.5,
                    "cycles": "all",
                    "split": {"by": "all"},
                },
            },
            MATRICES["SALL4"],
            {"window 20": _variant(20)},
            "HTS",
            {"training.epochs": 4},
        )
    )
    for tf in ("REB1", "ABF1"):
        found.append(
            Task(
                f"yeast-{tf}",
                {"tf": tf, "assays": ["CHS"], "ratio": 10, "negatives": {"gc": 2, "shades": 1}},
                {
                    "held-out chromosomes": {},
                    "ChIP-chip sites there": {
                        "tf": tf,
                        "assays": ["CHS"],
                        "ratio": 10,
                        "negatives": {"gc": 1},
                        "window": 101,
                        "bed": f"train_yeast/CHIPCHIP/{tf}/MACISAAC_sites.bed",
                    },
                },
                None,
                {"window 100": _variant(100)},
                "CHS",
                {"training.epochs": 10, "training.batch_positives": 0.25},
            )
        )
    return found


def run(task: Task, out: Path, seeds: int) -> None:
    """Run one task and write its JSON; nothing is done where it exists."""
    result = out / f"{task.name}.json"
    if result.is_file():
        return
    began = time.perf_counter()
    work = out / task.name
    trained_on = _prepared(task, task.train, work / "train-table")
    tests = {
        name: _prepared(task, recipe, work / f"test-{name.replace(' ', '-')}")
        if recipe
        else trained_on
        for name, recipe in (task.tests or {"held-out": {}}).items()
    }
    sets = {name: _test_set(path) for name, path in tests.items()}
    rows: list[dict[str, Any]] = []
    for number, (variant, settings) in enumerate(task.variants.items()):
        for permuted in (False, True) if number == 0 else (False,):
            label = f"network, {variant}" + (", permuted labels" if permuted else "")
            # Variants that differ in scoring only share one training.
            epochs = settings.get("training.epochs")
            folder = work / (
                f"run-{settings['data.window']}"
                + (f"-{epochs}-epochs" if epochs else "")
                + "-permuted" * permuted
            )
            rows += _network_rows(task, label, settings, permuted, trained_on, folder, sets, seeds)
            print(task.name, label, f"{time.perf_counter() - began:.0f} s", flush=True)
    window = next(iter(task.variants.values()))["data.window"]
    rows += _control_rows(trained_on, window, sets)
    if task.matrix is not None:
        rows += _matrix_rows(task.matrix, sets)
    write_json(
        result,
        {
            "task": task.name,
            "tests": {
                n: {"positives": int((s[1] > 0).sum()), "negatives": int((s[1] == 0).sum())}
                for n, s in sets.items()
            },
            "rows": rows,
            "wall_seconds": time.perf_counter() - began,
        },
    )


def _prepared(task: Task, recipe: dict[str, Any], folder: Path) -> Path:
    """Prepare a table where it is missing; a recipe's `bed` stands for the data set's files."""
    root = DATA / "train_yeast" if task.name.startswith("yeast") else DATA
    values = {"ibis_root": str(root), "target": task.target, **recipe}
    if task.name.startswith("yeast"):
        values["genome"] = str(_yeast_genome(folder.parent.parent))
    if "bed" in values:
        sheet = folder.with_suffix(".tsv")
        bed = (DATA / values.pop("bed")).resolve()
        sheet.write_text(f"path\ttf\tassay\n{bed}\t{values['tf']}\tCHS\n")
        del values["ibis_root"]
        values["sheet"] = str(sheet)
    if not folder.is_dir():
        prepare(validated(Recipe, values, task.name), folder)
    return folder


def _yeast_genome(folder: Path) -> Path:
    import gzip

    path = folder / "sacCer3.fa"
    if not path.is_file():
        with gzip.open(DATA / "genomes" / "sacCer3.fa.gz") as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)
    return path


TestSet = tuple[sequence.Sequences, np.ndarray, np.ndarray, np.ndarray]


def _test_set(path: Path) -> TestSet:
    table = read_table(path)
    table = table.filter(np.array(table["split"].to_pylist()) == "test")
    cycles = table["cycle"].fill_null(0).to_numpy()
    groups = np.array(table["group"].to_pylist(), dtype=object)
    return table_sequences(table), table["label"].to_numpy(), cycles, groups


def _network_rows(
    task: Task,
    label: str,
    settings: dict[str, Any],
    permuted: bool,
    data: Path,
    folder: Path,
    sets: dict[str, TestSet],
    seeds: int,
) -> list[dict[str, Any]]:
    values = with_values(
        {},
        {
            "data.path": str(data),
            "data.target": task.target,
            "seeds": seeds,
            "data.permute_labels": permuted,
            **task.settings,
            **settings,
        },
    )
    experiment = validated(Experiment, values, task.name)
    if not list(folder.rglob(WEIGHTS_FILE)):
        train(experiment, folder, resume=folder.is_dir())
    model = load(folder)
    data_settings = model.experiment.data
    rows = []
    for name, (sequences, labels, cycles, groups) in sets.items():
        # A shared N-padding is part of the model; see docs/results.md.
        fitted = fitted_to_window(
            sequences, data_settings.training_window, experiment.data.score_length
        )
        logits = score(model.network, model.head, fitted, "mean")
        length = int(np.median(sequences.lengths))
        rows.append(
            _row(name, label, logits.T, labels, cycles, groups)
            | {
                # What can be known without the labels of the test.
                "source_at_test_length": _source_at(
                    length, data, model, experiment.data.score_length
                ),
                "seed_agreement": _agreement(logits),
            }
        )
    return rows


def _source_at(length: int, data: Path, model: TrainedModel, score_length: str) -> float:
    """Return the mean AUROC of the seeds on validation sequences cut to the test's length."""
    table = read_table(data)
    table = table.filter(np.array(table["split"].to_pylist()) == "validation")
    cut = sequence.centre_crop(table_sequences(table), length)
    window = model.experiment.data.training_window
    fitted = fitted_to_window(cut, window, score_length)
    logits = score(model.network, model.head, fitted, "mean")
    labels = table["label"].to_numpy()
    return float(np.mean([auroc(seed, labels) for seed in logits.T]))


def _agreement(logits: np.ndarray) -> float:
    """Return the mean Spearman correlation between the seeds' scores."""
    correlations = np.atleast_2d(spearmanr(logits).statistic)
    return float(correlations[np.triu_indices(len(correlations), 1)].mean())


def _control_rows(data: Path, window: int, sets: dict[str, TestSet]) -> list[dict[str, Any]]:
    table = read_table(data)
    table = table.filter(np.array(table["split"].to_pylist()) == "train")
    cut = sequence.centre_crop(table_sequences(table), window)
    labels = table["label"].to_numpy()
    rows = []
    for name, model in (("GC content", GcContent()), ("6-mer logistic", KmerLogistic(k=6))):
        model.fit(cut, labels)
        for test, (sequences, truth, cycles, groups) in sets.items():
            rows.append(_row(test, name, model.score(sequences)[None], truth, cycles, groups))
    return rows


def _matrix_rows(name: str, sets: dict[str, TestSet]) -> list[dict[str, Any]]:
    matrix = get_matrix(read_meme(DATA / "motifs" / "hocomoco_v13_subset.meme"), name)
    return [
        _row(test, label, scan(sequences, matrix, scoring, overhang=overhang)[None], *rest)
        for scoring in ("best_hit", "occupancy")
        for label, overhang in (
            (f"matrix {name}, {scoring}", False),
            (f"matrix {name}, {scoring} with overhang", True),
        )
        for test, (sequences, *rest) in sets.items()
    ]


def _row(
    test: str,
    model: str,
    scores: np.ndarray,
    labels: np.ndarray,
    cycles: np.ndarray,
    groups: np.ndarray,
) -> dict[str, Any]:
    """Score every seed, and the mean of the seeds with its bootstrap interval."""
    mean = scores.mean(axis=0)
    found = intervals(mean, labels, ("auroc", "auprc"), np.random.default_rng(0), 1000)
    row = {
        "test": test,
        "model": model,
        "auroc": [auroc(s, labels) for s in scores],
        "auprc": [auprc(s, labels) for s in scores],
        "together": {k: [i.value, i.low, i.high] for k, i in found.items()},
    }
    bound = labels > 0
    if len(set(cycles[bound].tolist())) > 1:
        row["kendall_tau"] = [kendall_tau_b(s[bound], cycles[bound], groups[bound]) for s in scores]
    return row


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", help="names or patterns")
    parser.add_argument("--out", type=Path, default=Path("runs/real"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for task in tasks():
        if arguments.list:
            print(task.name)
        elif any(fnmatch.fnmatch(task.name, pattern) for pattern in arguments.tasks):
            arguments.out.mkdir(parents=True, exist_ok=True)
            try:
                run(task, arguments.out, arguments.seeds)
            except DannTfbsError as error:
                print(f"{task.name}: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
