"""Compare the named 3402-parameter layouts on validation data of several TFs: accuracy and speed.

    python benchmarks/layouts.py [--out runs/layouts] [--seeds 3]

Every layout learns the same ChIP-seq tables with the same seeds; only held-out ChIP-seq sequences
are scored. Layouts alternate within a TF, so that a change of the machine's load meets all of them;
speeds are ratios to the first layout, medians over TFs. Data: $DANN_TFBS_DATA.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import numpy as np
import torch

from dann_tfbs.config import PRESETS, Architecture, Experiment
from dann_tfbs.data.prepare import prepare
from dann_tfbs.data.recipe import Recipe
from dann_tfbs.files import write_json
from dann_tfbs.model.network import Network, count_parameters
from dann_tfbs.settings import validated
from dann_tfbs.training.train import train

DATA = Path(os.environ.get("DANN_TFBS_DATA", "../shared/data"))
TFS = {
    "CEBPB": "ENCODE_K562*",
    "USF1": "ENCODE_K562*",
    "YY1": "ENCODE_K562*",
    "NRF1": "ENCODE_K562*",
    "REST": "*train*",
    "ZBTB7A": "*train*",
}
WINDOW = 40


def compare(out: Path, seeds: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return, per TF and layout, validation scores and training speed."""
    max_pooled = PRESETS["triple"].model_dump() | {"pooling": "max"}
    layouts = PRESETS | {"triple, max pooling": Architecture.model_validate(max_pooled)}
    results: dict[str, dict[str, dict[str, float]]] = {}
    for tf, pattern in TFS.items():
        data = out / f"table-{tf}"
        if not data.is_dir():
            recipe = {
                "tf": tf,
                "assays": ["CHS"],
                "ibis_root": str(DATA),
                "files": pattern,
                "ratio": 2,
                "length": 100,
                "max_positives": 4000,
                "split": {"by": "hash", "validation": 0.25},
            }
            prepare(validated(Recipe, recipe, tf), data)
        results[tf] = {}
        for name, layout in layouts.items():
            experiment = Experiment.model_validate(
                {
                    "data": {"path": data, "window": WINDOW},
                    "architecture": layout.model_dump(),
                    "training": {"epochs": 4},
                    "seeds": seeds,
                }
            )
            done = out / f"{tf}-{name.replace(', ', '-').replace(' ', '-')}.json"
            if not done.is_file():
                folder = done.with_suffix("")
                histories = train(experiment, folder).histories
                best = [max(r["validation_auroc"] for r in h) for h in histories]
                best_pr = [max(r["validation_auprc"] for r in h) for h in histories]
                speed = np.median([r["sequences_per_second"] for r in histories[0]])
                write_json(
                    done,
                    {
                        "auroc": float(np.mean(best)),
                        "auroc_sd": float(np.std(best)),
                        "auprc": float(np.mean(best_pr)),
                        "speed": float(speed),
                        "parameters": count_parameters(Network(layout, ["HTS"])),
                    },
                )
            results[tf][name] = json.loads(done.read_text())
            print(tf, name, results[tf][name], flush=True)
    return results


def print_table(results: dict[str, dict[str, dict[str, float]]]) -> None:
    """Print one row a layout: parameters, mean scores over TFs, gain over the first, speed."""
    names = list(next(iter(results.values())))
    first = names[0]
    print(
        "| layout | parameters | AUROC | AUPRC | AUROC gain over first (range over TFs) | speed |"
    )
    print("|---|---|---|---|---|---|")
    for name in names:
        rows = [by_layout[name] for by_layout in results.values()]
        gains = [by[name]["auroc"] - by[first]["auroc"] for by in results.values()]
        speed = np.median([by[name]["speed"] / by[first]["speed"] for by in results.values()])
        print(
            f"| {name} | {rows[0]['parameters']:.0f} | {np.mean([r['auroc'] for r in rows]):.4f} | "
            f"{np.mean([r['auprc'] for r in rows]):.4f} | "
            f"{np.mean(gains):+.4f} ({min(gains):+.4f} to {max(gains):+.4f}) | {speed:.2f} |"
        )


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/layouts"))
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    print_table(compare(arguments.out, arguments.seeds))


if __name__ == "__main__":
    main()
