"""Leave one TF out: five TFs with ChIP-seq and HT-SELEX teach the step to reads of the sixth.

    python benchmarks/companions.py [--out runs/adaptation] [--seeds 5]

For each of six TFs: the network learns its ChIP-seq alone (`alone`), beside the ChIP-seq of the
other five (`peaks of others`, the control for more data), or beside their ChIP-seq and HT-SELEX,
with a step between assays that all TFs share (`step`) or with a head for each TF and assay
(`heads`). The test are the sixth TF's reads, whose labels nothing else sees. Each is run with the
default backbone and with twice the channels. Prints a table; JSON files lie beside those of
`adaptation.py`, whose prepared tables are used. Data: $DANN_TFBS_DATA.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from adaptation import READS, SELEX, Pair, pairs, prepared, simulated_pairs, test_of

from dann_tfbs.config import Experiment
from dann_tfbs.evaluation.metrics import auprc, auroc
from dann_tfbs.files import write_json
from dann_tfbs.settings import validated, with_values
from dann_tfbs.trained import load
from dann_tfbs.training.train import train

SETTINGS = {
    "data.target": "HTS",
    "data.source": "CHS",
    "data.window": 40,
    "data.score_length": "own",
    "training.batch_positives": 0.25,
    "training.epochs": 4,
}


def known_pairs(simulated: Path | None) -> dict[str, tuple[Pair, Pair]]:
    """Return, for every TF, the pair that learns its peaks and tests its reads, and its reads."""
    if simulated is None:
        by_name = {pair.name: pair for pair in pairs()}
        return {tf: (by_name[f"chs-hts-{tf}"], by_name[f"hts-chs-{tf}"]) for tf in SELEX}
    found = {}
    for pair in simulated_pairs(simulated):
        if pair.group == "simulated CHS → HTS":
            tf = pair.train["tf"]
            recipe = {"tf": tf, **READS, "ratio": 2, "max_positives": 1500, "split": {"test": 0.0}}
            reads = Pair(f"simulated-hts-{tf}", "", "HTS", recipe, {}, "", {}, simulated)
            found[tf] = (pair, reads)
    return found


VARIANTS = ("alone", "peaks of others", "step", "heads")


def run(
    tf: str,
    variant: str,
    channels: int,
    known: dict[str, tuple[Pair, Pair]],
    out: Path,
    seeds: int,
) -> dict[str, Any]:
    """Train one variant without a TF's reads and test it on them."""
    peaks, _ = known[tf]
    result = out / "companions" / f"{peaks.name}-{variant}-{channels}.json"
    if result.is_file():
        found: dict[str, Any] = json.loads(result.read_text("utf-8"))
        return found
    began = time.perf_counter()

    def table(pair: Pair) -> str:
        return str(prepared(pair, pair.train, out / pair.name / "train-table"))

    values: dict[str, Any] = {
        **SETTINGS,
        "data.path": table(peaks),
        "architecture.stem_channels": channels,
        "seeds": seeds,
    }
    if variant != "alone":
        values |= {
            "mode": "multihead",
            "heads": {"HTS": {"window": SETTINGS["data.window"]}},
            "assay_steps": variant != "heads",
        }
        for other, (other_peaks, other_reads) in known.items():
            if other == tf:
                continue
            folders = [table(other_peaks)]
            if variant != "peaks of others":
                folders.append(table(other_reads))
            values[f"data.companions.{other}"] = folders
    sequences, labels = test_of(peaks, out / peaks.name)
    folder = result.with_suffix("")
    shutil.rmtree(folder, ignore_errors=True)
    train(validated(Experiment, with_values({}, values), tf), folder)
    logits = load(folder).logits(sequences)
    shutil.rmtree(folder)
    found = {
        "tf": tf,
        "variant": variant,
        "channels": channels,
        "auroc": [auroc(s, labels) for s in logits.T],
        "auprc": [auprc(s, labels) for s in logits.T],
        "together": auroc(logits.mean(axis=1), labels),
        "wall_seconds": time.perf_counter() - began,
    }
    write_json(result, found)
    print(f"{tf}: {variant}, {channels} × 3 channels: {found['wall_seconds']:.0f} s", flush=True)
    return found


def print_table(results: list[dict[str, Any]]) -> None:
    """Print medians over seeds, and the mean paired gain over `alone` with TFs resampled."""
    tfs = list(dict.fromkeys(r["tf"] for r in results))
    print("| network | " + " | ".join(tfs) + " | AUROC gain over alone [95 %] |")
    print("|---" * (len(tfs) + 2) + "|")
    rng = np.random.default_rng(0)
    for channels in sorted({r["channels"] for r in results}):
        rows = {v: [r for r in results if (r["variant"], r["channels"]) == (v, channels)]
                for v in VARIANTS}  # fmt: skip
        for variant, row in rows.items():
            cells = [f"{np.median(r['auroc']):.3f} ({r['together']:.3f})" for r in row]
            gains = np.array(
                [
                    np.median(np.array(r["auroc"]) - np.array(alone["auroc"]))
                    for r, alone in zip(row, rows["alone"], strict=True)
                ]
            )
            draws = gains[rng.integers(len(gains), size=(5000, len(gains)))].mean(axis=1)
            low, high = np.quantile(draws, [0.025, 0.975])
            gain = "" if variant == "alone" else f"{gains.mean():+.4f} [{low:+.4f}, {high:+.4f}]"
            print(f"| {variant}, {3 * channels} channels | " + " | ".join(cells) + f" | {gain} |")


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/adaptation"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--simulated", type=Path, help="a package of `dann-tfbs simulate` instead")
    parser.add_argument("--channels", type=int, nargs="+", default=[4, 8])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    known = known_pairs(arguments.simulated)
    results = [
        run(tf, variant, channels, known, arguments.out, arguments.seeds)
        for channels in arguments.channels
        for tf in known
        for variant in VARIANTS
    ]
    print_table(results)


if __name__ == "__main__":
    main()
