"""A tiny prepared table with a planted motif, and small runs, for tests of models."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from dann_tfbs.config import Experiment
from dann_tfbs.data.table import SCHEMA, TABLE_FILE, write_table
from dann_tfbs.model.network import initial_state
from dann_tfbs.run_folder import find_runs, write_run
from dann_tfbs.sequence import decode, from_codes
from dann_tfbs.settings import validated

MOTIF = np.array([3, 2, 0, 1, 3, 1, 0], dtype=np.uint8)
"""TGACTCA."""


def planted_codes(
    labels: np.ndarray, length: int, rng: np.random.Generator, motif: np.ndarray = MOTIF
) -> np.ndarray:
    """Random sequences; those of label 1 carry the motif somewhere, on either strand."""
    codes = rng.integers(0, 4, (len(labels), length), dtype=np.uint8)
    for row in np.flatnonzero(labels == 1):
        start = rng.integers(0, length - len(motif) + 1)
        site = motif if rng.random() < 0.5 else 3 - motif[::-1]
        codes[row, start : start + len(motif)] = site
    return codes


def rows(
    assay: str, split: str, n: int, rng: np.random.Generator, length: int = 24, **planted: Any
) -> list[dict[str, Any]]:
    labels = (np.arange(n) % 2 == 0).astype(int)
    texts = decode(from_codes(planted_codes(labels, length, rng, **planted)))
    return [
        {
            "tag": f"{assay}-{split}-{number}",
            "sequence": text,
            "label": int(label),
            "tf": "FOXA1",
            "assay": assay,
            "source": "positive" if label else "random",
            "split": split,
        }
        for number, (text, label) in enumerate(zip(texts, labels, strict=True))
    ]


def pool_rows(
    assay: str, n: int, length: int = 20, *, share: float = 0.25, seed: int = 5
) -> list[dict[str, Any]]:
    """Unlabelled rows of an assay to be predicted: rich in A and T, a share of them bound."""
    rng = np.random.default_rng([seed, n, length])
    labels = (np.arange(n) < share * n).astype(int)
    codes = rng.choice(4, (n, length), p=[0.4, 0.1, 0.1, 0.4]).astype(np.uint8)
    codes[labels == 1] = planted_codes(labels[labels == 1], length, rng)
    return [
        {
            "tag": f"{assay}-target-{number}",
            "sequence": text,
            "label": None,
            "tf": "FOXA1",
            "assay": assay,
            "source": "target",
            "split": "target",
        }
        for number, text in enumerate(decode(from_codes(codes)))
    ]


def planted_table(
    folder: Path,
    assays: tuple[str, ...] = ("CHS",),
    n: int = 320,
    *,
    validation: int = 200,
    extra: list[dict[str, Any]] | None = None,
) -> Path:
    """Write a prepared folder; half of the rows of each split are bound."""
    rng = np.random.default_rng(3)
    made = [
        row
        for assay in assays
        for split, count in (("train", n), ("validation", validation), ("test", 40))
        for row in rows(assay, split, count, rng)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / TABLE_FILE, pa.Table.from_pylist([*made, *(extra or [])], schema=SCHEMA))
    return folder


SMALL = {
    "architecture": {"stem_widths": [9], "stem_channels": 8, "blocks": 1, "depthwise_width": 3},
    "training": {"epochs": 2, "batch_size": 16},
    "device": "cpu",
}
"""A network that learns the planted motif in a second."""


def weights(out: Path) -> list[bytes]:
    """Best and last weights of every run at a place, as written."""
    return [
        (folder / name).read_bytes()
        for folder in find_runs(out)
        for name in ("weights.safetensors", "last.safetensors")
    ]


def without_speed(histories: list[list[dict[str, float]]]) -> list[list[dict[str, float]]]:
    """Histories without the one number that no seed decides."""
    return [
        [{k: v for k, v in r.items() if k != "sequences_per_second"} for r in h] for h in histories
    ]


class StopError(Exception):
    """An interruption."""


def stop_after(epochs: int) -> Callable[[str, Any], None]:
    """Return an `on_epoch` that interrupts a training."""
    left = [epochs]

    def on_epoch(_source: str, _records: Any) -> None:
        left[0] -= 1
        if not left[0]:
            raise StopError

    return on_epoch


def small_experiment(path: Path | None, **values: Any) -> Experiment:
    """Settings of a short training; `data` and `training` are merged key by key."""
    data = {"path": path, "window": 24} | values.pop("data", {})
    training = SMALL["training"] | values.pop("training", {})
    return validated(Experiment, {**SMALL, "data": data, "training": training, **values}, "test")


def random_run(folder: Path, seed: int = 0, **values: Any) -> Path:
    """Write a run of random weights whose scores spread; `data` is merged key by key."""
    data = {"tf": "MAX", "source": "CHS", "window": 20, "score_length": "own"}
    data |= values.pop("data", {})
    experiment = validated(Experiment, {"architecture": "single", "data": data, **values}, "test")
    state = initial_state(experiment.architecture, [experiment.data.target], seed)
    state[f"heads.{experiment.data.target}.logit.weight"] *= 20
    write_run(folder, experiment, state, state, {}, {})
    return folder
