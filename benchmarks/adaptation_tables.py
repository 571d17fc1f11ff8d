"""Print the tables of docs/results.md from the JSON files of `adaptation.py`.

    python benchmarks/adaptation_tables.py [--out runs/adaptation]

Differences are paired: the same pair and seed, adapted minus `none`. A cell is the mean over TFs
(of the median over seeds) with a bootstrap 95 % interval that resamples TFs. A variant is not
inferior on a pair if its median paired difference is at least −.005 AUROC and −.015 AUPRC.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

MARGINS = {"auroc": -0.005, "auprc": -0.015}
REFERENCE = "none"

Results = dict[str, dict[str, dict[str, Any]]]


def read(out: Path) -> Results:
    """Return the results by pair and variant."""
    found: Results = defaultdict(dict)
    for file in sorted(out.glob("*/*.json")):
        result = json.loads(file.read_text("utf-8"))
        if "pair" in result:  # those of companions.py lie beside them
            found[result["pair"]][result["variant"]] = result
    return found


def median_difference(result: dict[str, Any], reference: dict[str, Any], metric: str) -> float:
    """Return the median over seeds of the paired difference."""
    return float(np.median(np.array(result[metric]) - np.array(reference[metric])))


def over_tfs(differences: dict[str, list[float]], rng: np.random.Generator) -> str:
    """Return the mean over TFs with its bootstrap interval; the pairs of a TF move together."""
    means = np.array([np.mean(values) for values in differences.values()])
    draws = means[rng.integers(len(means), size=(5000, len(means)))].mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return f"{means.mean():+.4f} [{low:+.4f}, {high:+.4f}]"


def summary(results: Results, suffix: str) -> None:
    """Print a row for each direction and variant."""
    print(
        "| direction | variant | pairs | AUROC gain | AUPRC gain | worst pair, AUROC | "
        "not inferior |"
    )
    print("|---|---|---|---|---|---|---|")
    reference_name = REFERENCE + suffix
    groups = list(dict.fromkeys(r["group"] for p in results.values() for r in p.values()))
    variants = list(dict.fromkeys(v for p in results.values() for v in p))
    for group in [*groups, "all"]:
        for variant in variants:
            if variant == reference_name or (variant.endswith(" inductive") != bool(suffix)):
                continue
            gains: dict[str, dict[str, list[float]]] = {m: defaultdict(list) for m in MARGINS}
            worst, inferior, count = (1.0, ""), [], 0
            for pair, by_variant in results.items():
                if variant not in by_variant or reference_name not in by_variant:
                    continue
                result, reference = by_variant[variant], by_variant[reference_name]
                if group not in ("all", result["group"]):
                    continue
                count += 1
                own = {m: median_difference(result, reference, m) for m in MARGINS}
                for metric, value in own.items():
                    gains[metric][result["tf"]].append(value)
                worst = min(worst, (own["auroc"], pair))
                if any(own[m] < margin for m, margin in MARGINS.items()):
                    inferior.append(pair)
            if not count:
                continue
            rng = np.random.default_rng(0)
            cells = [over_tfs(gains[m], rng) for m in MARGINS]
            print(
                f"| {group} | {variant} | {count} | {cells[0]} | {cells[1]} | "
                f"{worst[0]:+.3f} ({worst[1]}) | {count - len(inferior)} of {count} |"
            )


def by_pair(results: Results, metric: str) -> None:
    """Print the medians of every pair, and those of all seeds together in parentheses."""
    variants = list(dict.fromkeys(v for p in results.values() for v in p))
    print("| pair | + / − | " + " | ".join(variants) + " |")
    print("|---" * (len(variants) + 2) + "|")
    for pair, by_variant in results.items():
        some = next(iter(by_variant.values()))
        cells = [
            f"{np.median(by_variant[v][metric]):.3f} ({by_variant[v]['together'][metric]:.3f})"
            if v in by_variant
            else "–"
            for v in variants
        ]
        print(
            f"| {pair} | {some['positives']:,} / {some['negatives']:,} | "
            + " | ".join(cells)
            + " |"
        )


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/adaptation"))
    arguments = parser.parse_args()
    results = read(arguments.out)
    print("### Gains over source-only\n")
    summary(results, "")
    if any(v.endswith(" inductive") for p in results.values() for v in p):
        print("\n### Inductive: adapted on half of the target, tested on the other half\n")
        summary(results, " inductive")
    for metric in MARGINS:
        print(f"\n### {metric.upper()} by pair\n")
        by_pair(results, metric)
    seconds = sum(r["wall_seconds"] for p in results.values() for r in p.values())
    print(f"\n{seconds / 60:.0f} minutes of trainings and scoring in all.")


if __name__ == "__main__":
    main()
