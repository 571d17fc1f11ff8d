"""Print the Markdown tables of docs/results.md from what real_data.py wrote.

    python benchmarks/real_tables.py [--out runs/real]

A cell is AUROC / AUPRC, the median of the seeds with the range of AUROC; "seeds together" is the
mean logit of the seeds of the last network, with a bootstrap 95 % interval over sequences. Ranks
are by AUROC within a test, of the last network, the 6-mer model and the best of the matrix's four
scorings (a choice by the test, in favour of the control).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

Row = dict[str, Any]

COLUMNS: dict[str, Callable[[str], bool]] = {
    "6-mer logistic": lambda name: name == "6-mer logistic",
    "GC": lambda name: name == "GC content",
    "permuted labels": lambda name: name.endswith("permuted labels"),
    "matrix, best hit": lambda name: name.endswith("best_hit"),
    "matrix, occupancy": lambda name: name.endswith("occupancy"),
    "matrix, best hit, overhang": lambda name: name.endswith("best_hit with overhang"),
    "matrix, occupancy, overhang": lambda name: name.endswith("occupancy with overhang"),
}
GROUPS = {
    "ChIP-seq → HT-SELEX": "chs-hts-*",
    "ChIP-seq → PBM": "chs-pbm-*",
    "PBM, design ME → HK": "pbm-me-hk-*",
    "PBM, design HK → ME": "pbm-hk-me-*",
    "SMiLE-seq": "sms-*",
    "HT-SELEX": "hts-*",
    "Yeast ChIP-exo": "yeast-*",
}


def print_group(title: str, paths: list[Path]) -> None:
    """Print the table of one group of tasks, and the mean ranks within TFs."""
    results = [json.loads(path.read_text()) for path in paths]
    networks = [
        row["model"]
        for row in results[0]["rows"]
        if row["model"].startswith("network") and "permuted" not in row["model"]
    ]
    networks = list(dict.fromkeys(_plain(name) for name in networks))
    wall = sum(result["wall_seconds"] for result in results)
    print(f"\n### {title} ({wall / 60:.0f} min of one core)\n")
    header = ["task", "test", "+ / −", *networks, "last network, seeds together", *COLUMNS]
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    ranks: list[list[float]] = []
    for result in results:
        for test, count in result["tests"].items():
            rows = [row for row in result["rows"] if row["test"] == test]
            found = {_plain(row["model"]): row for row in rows}
            others = [_find(rows, wanted) for wanted in COLUMNS.values()]
            # A fixed choice: taking the best by the test would look at its labels.
            shown = [found[name] for name in networks if name in found][-1]
            cells = [result["task"], test, f"{count['positives']:,} / {count['negatives']:,}"]
            cells += [_cell(found.get(name)) for name in networks]
            cells += [_together(shown), *map(_cell, others)]
            print("| " + " | ".join(cells) + " |")
            matrices = [
                row for row, name in zip(others, COLUMNS, strict=True) if "matrix" in name and row
            ]
            if matrices:
                matrix = max(float(np.median(row["auroc"])) for row in matrices)
                kmers = found["6-mer logistic"]["auroc"]
                medians = [float(np.median(shown["auroc"])), float(np.median(kmers)), matrix]
                ranks.append(rankdata([-value for value in medians]).tolist())
    if ranks:
        names = ("network", "6-mer logistic", "matrix")
        pairs = zip(names, np.mean(ranks, axis=0), strict=True)
        means = ", ".join(f"{name} {mean:.2f}" for name, mean in pairs)
        print(f"\nMean rank by AUROC over {len(ranks)} tests with a matrix: {means}.")


def print_rules(paths: list[Path]) -> None:
    """Print what can be known of a network without test labels, beside its score on the test."""
    print("\n### Choosing window and scoring length without test labels\n")
    print("| task | test | network | source at test length | agreement of seeds | test AUROC |")
    print("|---|---|---|---|---|---|")
    for path in paths:
        result = json.loads(path.read_text())
        for row in result["rows"]:
            if "seed_agreement" in row and "permuted" not in row["model"]:
                print(
                    f"| {result['task']} | {row['test']} | {_plain(row['model'])} | "
                    f"{row['source_at_test_length']:.3f} | {row['seed_agreement']:.3f} | "
                    f"{np.median(row['auroc']):.3f} |"
                )


def _plain(name: str) -> str:
    """Name windows alike in tasks whose short window is the length of their own target."""
    name = name.removeprefix("network, ")
    return "window 35–36" if name in ("window 35", "window 36") else name


def _find(rows: list[Row], wanted: Callable[[str], bool]) -> Row | None:
    return next((row for row in rows if wanted(row["model"])), None)


def _cell(row: Row | None) -> str:
    if row is None:
        return "–"
    auroc, auprc = row["auroc"], row["auprc"]
    spread = f" ({min(auroc):.3f}–{max(auroc):.3f})" if len(auroc) > 1 else ""
    tau = f", τ {np.median(row['kendall_tau']):.3f}" if "kendall_tau" in row else ""
    return f"{np.median(auroc):.3f}{spread} / {np.median(auprc):.3f}{tau}"


def _together(row: Row) -> str:
    return " / ".join(
        f"{value:.3f} [{low:.3f}, {high:.3f}]"
        for value, low, high in (row["together"]["auroc"], row["together"]["auprc"])
    )


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/real"))
    out = parser.parse_args().out
    for title, pattern in GROUPS.items():
        paths = sorted(out.glob(f"{pattern}.json"))
        if paths:
            print_group(title, paths)
    chips = sorted(out.glob("chs-*.json"))
    if chips:
        print_rules(chips)


if __name__ == "__main__":
    main()
