"""Outcomes with stated scores, and studies of them, for tests of comparisons."""

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from dann_tfbs.experiments.comparison.study import Study
from dann_tfbs.experiments.outcome import Outcome, Points, curves_of, write_outcome


def outcome(variant: str, tf: str, scores: list[float], **values: Any) -> Outcome:
    """One training on TF: CHS → HTS; AUPRC is AUROC less a tenth."""
    standard: dict[str, Any] = {
        "task": f"{tf}: CHS → HTS",
        "source": "CHS",
        "target": "HTS",
        "mode": "baseline",
        "seeds": tuple(range(len(scores))),
        "scores": {"auroc": tuple(scores), "auprc": tuple(s - 0.1 for s in scores)},
    }
    return Outcome(**{**standard, "variant": variant, "tf": tf, **values})


def study(outcomes: list[Outcome], **values: Any) -> Study:
    standard: dict[str, Any] = {
        "name": "made",
        "question": "Which is better?",
        "metric": "auroc",
        "reference": "plain",
    }
    return Study(**{**standard, "outcomes": tuple(outcomes), **values})


def shifted(
    effects: dict[str, list[float]], seeds: int = 2, base: float = 0.7, **values: Any
) -> list[Outcome]:
    """The reference `plain`, and variants that differ from it by a stated amount on TFs A, B, …"""
    tfs = [chr(ord("A") + i) for i in range(len(next(iter(effects.values()))))]
    made = []
    for variant, effect in {"plain": [0.0] * len(tfs), **effects}.items():
        for tf, step in zip(tfs, effect, strict=True):
            # Seeds and TFs differ, in the same way for all variants: pairing takes it away.
            scores = [base + 0.05 * (ord(tf) - 65) + 0.02 * s + step for s in range(seeds)]
            made.append(outcome(variant, tf, scores, **values))
    return made


def rich(made: Outcome, seed: int = 0) -> Outcome:
    """The same outcome with everything that a figure can show."""
    rng = np.random.default_rng(seed)
    labels = np.arange(60) % 2
    logits = rng.normal(size=60) + labels
    history = tuple(
        {"epoch": float(e), "train_loss": 1 / e, "validation_loss": 1.1 / e,
         "validation_auroc": 0.9 - 0.1 / e, "validation_auprc": 0.8 - 0.1 / e}
        for e in (1, 2, 3)
    )  # fmt: skip
    points = Points(
        x=tuple(rng.normal(size=30).tolist()),
        y=tuple(rng.normal(size=30).tolist()),
        domain=("CHS", "HTS") * 15,
        label=(1, -1, 0) * 10,
        variance=(0.5, 0.25),
    )
    return made.model_copy(
        update={
            "curves": curves_of(logits, labels),
            "histories": (history,) * len(made.seeds),
            "embedding": points,
            "positives": 30,
            "negatives": 30,
            "parameters": 3402,
            "settings": {"mode": "baseline", "data.tf": made.tf, "training.epochs": 3},
            "wall_seconds": 90.0,
            "folder": f"runs/{made.variant}",
        }
    )


def written(folder: Path, outcomes: list[Outcome], **values: Any) -> Path:
    """Write the folder of a study, as `dann-tfbs ablate` does."""
    runs = []
    for number, one in enumerate(outcomes):
        key = f"{number:04d}"
        write_outcome(folder / "runs" / key, one)
        runs.append({"key": key, "variant": one.variant, "factor": one.factor, "task": one.task})
    head = {"name": "made", "question": "Which?", "metric": "auroc", "reference": "plain"}
    head |= {"runs": runs, "seeds": 2, **values}
    (folder / "study.yaml").write_text(yaml.safe_dump(head), encoding="utf-8")
    return folder
