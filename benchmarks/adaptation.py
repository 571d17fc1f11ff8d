"""Adaptation against source-only on every valid pair of assays; one JSON a pair and variant.

    python benchmarks/adaptation.py [PATTERN…] [--variants none dann …] [--out runs/adaptation]

A pair is a training set of one assay and a test set of another, with the whole array or read file
of the target as the unlabelled pool (transductive), or half of it, with the test on what is not in
that half (`--inductive`). All variants of a pair share window, scoring length, epochs and seeds;
none of them sees a target label. `adaptation_tables.py` prints the tables. Data: $DANN_TFBS_DATA.
Finished files are not repeated.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dann_tfbs import sequence
from dann_tfbs.config import Experiment
from dann_tfbs.data.prepare import prepare
from dann_tfbs.data.readers.pbm import read_pbm
from dann_tfbs.data.recipe import Recipe
from dann_tfbs.data.scoring_input import read_scoring_input
from dann_tfbs.data.shuffle import dinucleotide_shuffle
from dann_tfbs.data.table import read_table, table_sequences
from dann_tfbs.errors import DannTfbsError
from dann_tfbs.evaluation.metrics import auprc, auroc
from dann_tfbs.files import write_json, write_text
from dann_tfbs.sequence import Sequences
from dann_tfbs.settings import validated, with_values
from dann_tfbs.trained import load
from dann_tfbs.training.train import train

DATA = Path(os.environ.get("DANN_TFBS_DATA", "../shared/data"))
SELEX = ["CEBPB", "USF1", "NRF1", "MAX", "YY1", "NFE2"]
ARRAYS = ["CEBPB", "EGR2", "ESR1", "FOXJ2", "FOXO1", "FOXP1", "IRF2", "POU3F1", "TBX3", "TCF3"]


@dataclass(frozen=True)
class Pair:
    """A training set and a test set of one TF, and where the target's sequences lie.

    Attributes
    ----------
    name, group
        Names of the pair and of the direction that it belongs to.
    train, test
        Recipes, without the data's place; a test may name an IBIS `fasta` and `answers` instead.
    pool
        Pattern of the raw files of the target, below the data's folder.
    settings
        Settings that all variants share.
    root
        The data's folder.
    """

    name: str
    group: str
    target: str
    train: dict[str, Any]
    test: dict[str, Any]
    pool: str
    settings: dict[str, Any] = field(default_factory=dict)
    root: Path = DATA


CHIP = {"assays": ["CHS"], "files": "ENCODE_K562*", "ratio": 10, "length": 100}
READS = {"assays": ["HTS"], "cycles": [4], "negatives": {"input": 1}}
PROBES = {"assays": ["PBM"], "ratio": 10}
WHOLE = {"by": "all"}
BALANCED = {"training.batch_positives": 0.25, "training.epochs": 4}
PADDED = {"data.window": 100, "data.score_length": "train"}


def pairs() -> list[Pair]:
    """Return all pairs, those from genomic to artificial assays first."""
    foxa1 = {"tf": "FOXA1", "assays": ["CHS"], "files": "*train*", "ratio": 1, "length": 100}
    found = [
        Pair(
            "chs-pbm-FOXA1",
            "CHS → PBM",
            "PBM",
            {**foxa1, "max_positives": 20_000},
            {"tf": "FOXA1", **PROBES, "split": WHOLE},
            "train/PBM/FOXA1/*.tsv.gz",
            {"training.epochs": 3, **PADDED},
        )
    ]
    for design in ("HK", "ME"):
        test = {"tf": "CEBPB", "files": f"*{design}*", **PROBES, "split": WHOLE}
        found.append(
            Pair(
                f"chs-pbm-CEBPB-{design}",
                "CHS → PBM",
                "PBM",
                {"tf": "CEBPB", **CHIP, "max_positives": 4000},
                test,
                f"train/PBM/CEBPB/*{design}*",
                {**BALANCED, **PADDED},
            )
        )
    for tf in SELEX:
        chip = {"tf": tf, **CHIP, "max_positives": 4000}
        reads = {"tf": tf, **READS, "ratio": 2, "max_positives": 10_000}
        peaks = f"train/CHS/{tf}/ENCODE_K562*"
        found.append(
            Pair(
                f"chs-hts-{tf}",
                "CHS → HTS",
                "HTS",
                chip,
                {**reads, "split": WHOLE},
                f"train/HTS/{tf}/*_C4_*",
                {**BALANCED, **PADDED},
            )
        )
        # A read says nothing beyond its 20 bases: peaks are longer than the window and taken whole.
        found.append(
            Pair(
                f"hts-chs-{tf}",
                "HTS → CHS",
                "CHS",
                {**reads, "max_positives": 8000},
                {**chip, "split": WHOLE},
                peaks,
                {"training.epochs": 4, "data.window": 20, "data.score_length": "own"},
            )
        )
    for design in ("HK", "ME"):
        found.append(
            Pair(
                f"hts-pbm-CEBPB-{design}",
                "HTS → PBM",
                "PBM",
                {"tf": "CEBPB", **READS, "ratio": 2, "max_positives": 8000},
                {"tf": "CEBPB", "files": f"*{design}*", **PROBES, "split": WHOLE},
                f"train/PBM/CEBPB/*{design}*",
                {"training.epochs": 4, "data.window": 20, "data.score_length": "own"},
            )
        )
    for tf in ARRAYS:
        for learnt, tested in (("ME", "HK"), ("HK", "ME")):
            found.append(
                Pair(
                    f"pbm-{learnt.lower()}-{tested.lower()}-{tf}",
                    f"PBM {learnt} → {tested}",
                    "PBM",
                    {
                        "tf": tf,
                        "files": f"*{learnt}*",
                        **PROBES,
                        "split": {"by": "hash", "test": 0.0},
                    },
                    {"tf": tf, "files": f"*{tested}*", **PROBES, "split": WHOLE},
                    f"train/PBM/{tf}/*{tested}*",
                    {
                        "data.window": 35,
                        "data.score_length": "own",
                        "training.batch_positives": 0.25,
                        "training.epochs": 10,
                    },
                )
            )
    return found


def simulated_pairs(root: Path) -> list[Pair]:
    """Return the pairs of a package of `dann-tfbs simulate`: CHS and GHTS to HTS, SMS and PBM."""
    found = []
    for tf in sorted(folder.name for folder in (root / "train" / "CHS").iterdir()):
        for source in ("CHS", "GHTS"):
            for target in ("HTS", "SMS", "PBM"):
                pools = {"HTS": "*_R0_C4_*", "SMS": "*", "PBM": "QNZS*"}
                found.append(
                    Pair(
                        f"simulated-{source.lower()}-{target.lower()}-{tf}",
                        f"simulated {source} → {target}",
                        target,
                        {"tf": tf, "assays": [source], "genome": str(root / "genome.fa")},
                        {
                            "fasta": f"test/{target}_participants.fasta",
                            "answers": f"test/answers/{target}_{tf}.json",
                        },
                        f"train/{target}/{tf}/{pools[target]}",
                        {
                            "training.epochs": 6,
                            "data.window": 35 if target == "PBM" else 40,
                            "data.score_length": "own",
                        },
                        root,
                    )
                )
    return found


def _aligned(kind: str, align: str = "background", **settings: Any) -> dict[str, Any]:
    return {
        "adaptation.alignments": [{"kind": kind, **settings}],
        "adaptation.align": align,
    }


VARIANTS: dict[str, dict[str, Any]] = {
    "none": {},
    "none, twice the epochs": {"epochs": 2},
    "dann": {"mode": "dann", **_aligned("dann")},
    "dann, weight 0.1": {"mode": "dann", **_aligned("dann", weight=0.1)},
    "dann, all": {"mode": "dann", **_aligned("dann", "all")},
    "dann, prior-corrected": {"mode": "dann", **_aligned("dann", "prior-corrected")},
    "cdan": {"mode": "dann", **_aligned("cdan")},
    "coral": _aligned("coral"),
    "moments": _aligned("moments"),
    "moments, weight 0.1": _aligned("moments", weight=0.1),
    "moments, weight 0.3": _aligned("moments", weight=0.3),
    # Controls: the same loss against the composition of the target alone, and against the source.
    "moments, weight 0.1, shuffled pool": {
        **_aligned("moments", weight=0.1),
        "pool": "shuffled",
    },
    "moments, weight 0.1, source as pool": {
        **_aligned("moments", weight=0.1),
        "pool": "source",
    },
    "moments, all": _aligned("moments", "all"),
    "moments, prior-corrected": _aligned("moments", "prior-corrected"),
    "mmd": _aligned("mmd"),
    "entropy": _aligned("entropy", weight=0.1),
    "mcc": _aligned("mcc", weight=0.1),
    "self-training": _aligned("self_training"),
    "self-training, weight 0.3": _aligned("self_training", weight=0.3),
    "self-training together, weight 0.3": _aligned("self_training", weight=0.3, together=True),
    "self-training, bound 0.003": _aligned("self_training", bound=0.003),
    "self-training, adabn": {**_aligned("self_training"), "adaptation.adabn": True},
    "adabn": {"adaptation.adabn": True},
    "own statistics, dann": {
        "mode": "dann",
        **_aligned("dann"),
        "adaptation.statistics": "batch",
        "adaptation.adabn": True,
    },
}
"""Settings by name. Every adapted variant has a single head, that of the target."""


def run(pair: Pair, variant: str, out: Path, seeds: int, *, inductive: bool) -> None:
    """Train and test one variant of a pair; nothing is done where its JSON exists."""
    suffix = " inductive" if inductive else ""
    result = out / pair.name / f"{variant}{suffix}.json"
    if result.is_file():
        return
    began = time.perf_counter()
    work = out / pair.name
    data = prepared(pair, pair.train, work / "train-table")
    sequences, labels = test_of(pair, work)
    own = dict(VARIANTS[variant])
    pool, shown = _pool(pair, work, own.pop("pool", "target"), inductive=inductive)
    if shown is not None:
        kept = np.array([text not in shown for text in sequence.decode(sequences)])
        sequences, labels = sequences.take(kept), labels[kept]
    values = {
        "data.path": str(data),
        "data.target": pair.target,
        "seeds": seeds,
        "heads": {pair.target: {"window": pair.settings["data.window"]}},
        **pair.settings,
        **own,
    }
    factor = values.pop("epochs", 1)
    values["training.epochs"] *= factor
    if variant.partition(",")[0] != "none":
        values["data.unlabelled"] = {pair.target: str(pool)}
    experiment = validated(Experiment, with_values({}, values), pair.name)
    folder = work / f"run-{variant.replace(', ', '-').replace(' ', '-')}{suffix.strip()}"
    if folder.is_dir():
        shutil.rmtree(folder)
    histories = train(experiment, folder).histories
    logits = load(folder).logits(sequences)
    together = logits.mean(axis=1)
    write_json(
        result,
        {
            "pair": pair.name,
            "group": pair.group,
            "tf": pair.train["tf"],
            "variant": variant + suffix,
            "positives": int((labels > 0).sum()),
            "negatives": int((labels == 0).sum()),
            "auroc": [auroc(s, labels) for s in logits.T],
            "auprc": [auprc(s, labels) for s in logits.T],
            "together": {"auroc": auroc(together, labels), "auprc": auprc(together, labels)},
            "last_epoch": [records[-1] for records in histories],
            "wall_seconds": time.perf_counter() - began,
        },
    )
    shutil.rmtree(folder)
    print(f"{pair.name}: {variant}{suffix}: {time.perf_counter() - began:.0f} s", flush=True)


def test_of(pair: Pair, work: Path) -> tuple[Sequences, np.ndarray]:
    """Return the sequences and labels (0 or 1) of the test."""
    if "fasta" not in pair.test:
        table = read_table(prepared(pair, pair.test, work / "test-table"))
        return table_sequences(table), table["label"].to_numpy()
    answers = json.loads((pair.root / pair.test["answers"]).read_text("utf-8"))["labels"]
    parts, labels = [], []
    for tags, chunk in read_scoring_input(pair.root / pair.test["fasta"]):
        parts.append(chunk.take(np.array([tag in answers for tag in tags])))
        labels += [int(answers[tag] > 0) for tag in tags if tag in answers]
    return sequence.concatenate(parts), np.array(labels)


def prepared(pair: Pair, recipe: dict[str, Any], folder: Path) -> Path:
    """Prepare a table of the pair where it is missing."""
    values = {"ibis_root": str(pair.root), "target": pair.target, **recipe}
    if not folder.is_dir():
        prepare(validated(Recipe, values, pair.name), folder)
    return folder


def _pool(pair: Pair, work: Path, kind: str, *, inductive: bool) -> tuple[Path, set[str] | None]:
    """Write all sequences of the raw file, or a random half; return it and what the half holds.

    As controls, `shuffled` has every dinucleotide count of each sequence and nothing else of it,
    and `source` are unbound training sequences.
    """
    path = work / f"pool-{kind}{'-half' if inductive else ''}.txt"
    raw = _raw(pair)
    if kind == "source":
        table = read_table(work / "train-table")
        raw = table_sequences(table).take(table["label"].to_numpy() == 0)
    elif kind == "shuffled":
        raw = dinucleotide_shuffle(raw, np.random.default_rng(0))
    texts = np.array(sequence.decode(raw))
    half = np.random.default_rng(0).random(len(texts)) < 0.5
    if not path.is_file():
        write_text(path, "\n".join(texts[half] if inductive else texts) + "\n")
    return path, set(texts[half]) if inductive else None


def _raw(pair: Pair) -> Sequences:
    file = sorted(pair.root.glob(pair.pool))[0]
    if pair.target == "PBM":
        return read_pbm(file).sequences
    return sequence.concatenate([chunk for _, chunk in read_scoring_input(file)])


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", nargs="*", default=["*"], help="names or patterns")
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--out", type=Path, default=Path("runs/adaptation"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--simulated", type=Path, help="a package of `dann-tfbs simulate` instead")
    parser.add_argument("--inductive", action="store_true", help="adapt on half, test on the rest")
    parser.add_argument("--backwards", action="store_true", help="last pair first")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    known = simulated_pairs(arguments.simulated) if arguments.simulated else pairs()
    chosen = [p for p in known if any(fnmatch.fnmatch(p.name, g) for g in arguments.pairs)]
    for pair in reversed(chosen) if arguments.backwards else chosen:
        if arguments.list:
            print(pair.name)
            continue
        for variant in arguments.variants:
            try:
                run(
                    pair,
                    variant,
                    arguments.out,
                    arguments.seeds,
                    inductive=arguments.inductive,
                )
            except DannTfbsError as error:
                print(f"{pair.name}, {variant}: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
