"""A whole training: data, choice of the source, fits, run folders."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from dann_tfbs import files, sequence
from dann_tfbs._version import __version__
from dann_tfbs.config import Experiment, as_plain
from dann_tfbs.data.table import TABLE_FILE
from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.metrics import auprc, auroc
from dann_tfbs.model.network import Network, joined
from dann_tfbs.model.scoring import score
from dann_tfbs.run_folder import is_run, write_config, write_run
from dann_tfbs.trained import resolve_device
from dann_tfbs.training.batches import LabelledSet
from dann_tfbs.training.dataset import (
    labelled_sequences,
    labelled_set,
    labelled_table,
    source_candidates,
)
from dann_tfbs.training.fit import Fitted, best_epoch, fit


@dataclass(frozen=True)
class Validation:
    """Held-out sequences scored by the best epoch.

    Attributes
    ----------
    labels
        As trained with (permuted, if the labels were), shape (members, n).
    logits
        Shape (n, members).
    """

    labels: NDArray[np.float32]
    logits: NDArray[np.float32]


OnEpoch = Callable[[str, Sequence[dict[str, float]]], None]


@dataclass(frozen=True)
class Trained:
    """The outcome of `train`.

    Attributes
    ----------
    folders
        Run folder of each model.
    experiment
        Resolved settings (chosen source, effective window).
    histories
        Per model, the records of its epochs.
    source_scores
        Held-out scores of every candidate source on every assay; empty without a choice.
    validation
        Scores of the validation split; None where there is none.
    """

    folders: list[Path]
    experiment: Experiment
    histories: list[list[dict[str, float]]]
    source_scores: list[dict[str, Any]]
    validation: Validation | None


def train(
    experiment: Experiment,
    out: Path,
    *,
    resume: bool = False,
    show_progress: bool = False,
    on_epoch: OnEpoch | None = None,
) -> Trained:
    """Train as the settings say and write the run folder(s).

    Parameters
    ----------
    experiment
        The settings; `data.path` must name a prepared table.
    out
        The run folder; with several seeds it holds one run folder for each (`seed-0`, …).
    resume
        Continue an interrupted training in `out`.
    show_progress
        Whether to draw progress bars.
    on_epoch
        Called after each epoch with the name of the source and the record of each model.

    Returns
    -------
    Trained
        The folders and what was learnt about the source.

    Raises
    ------
    InputError
        If the data cannot be used, or `out` exists (without `resume`) or does not (with it).
    """
    if experiment.data.path is None:
        raise InputError("no prepared data is named.", key="data.path", remedy="Give --data DIR.")
    began = time.time()
    table = labelled_table(experiment.data, experiment.data.path)
    candidates = source_candidates(experiment.data.source, table)
    device = resolve_device(experiment.device)
    digest = files.sha256(_table_file(experiment.data.path))
    _open_folder(out, experiment, resume=resume)

    fits: dict[str, tuple[Fitted, Experiment]] = {}
    for name, assays in candidates.items():
        resolved = _with_window(experiment, table, assays, name)
        training = _labelled_split(resolved, table, assays, "train")
        if training is None:
            raise InputError(
                f"training needs both positives and negatives of {' and '.join(assays)}.",
                path=experiment.data.path,
                remedy="Check the counts in its manifest.json.",
            )
        fitted = fit(
            resolved,
            training,
            _labelled_split(resolved, table, assays, "validation"),
            checkpoint=out / f"checkpoint-{name}.safetensors",
            identity=_identity(resolved, digest),
            device=device,
            show_progress=show_progress,
            on_epoch=None if on_epoch is None else partial(on_epoch, name),
        )
        fits[name] = (fitted, resolved)
    scores = _source_scores(fits, table, device) if len(fits) > 1 else []
    best = max(scores, key=lambda row: row["mean_auroc"]) if scores else None
    fitted, resolved = fits[best["source"] if best else next(iter(fits))]
    provenance = _provenance(resolved, device, digest, began)
    folders = _write_runs(out, fitted, resolved, scores, provenance)
    assays = candidates[resolved.data.source]
    validation = _validation(fitted, resolved, table, assays, device)
    return Trained(folders, resolved, fitted.history, scores, validation)


def _table_file(path: Path) -> Path:
    return path / TABLE_FILE if path.is_dir() else path


def _open_folder(out: Path, experiment: Experiment, *, resume: bool) -> None:
    """Take the run folder, so that two trainings at once cannot share it."""
    if resume:
        if not out.is_dir():
            raise InputError("there is no run to resume.", path=out)
        if any(is_run(folder) for folder in _member_folders(out, experiment)):
            raise InputError("the run is finished.", path=out, remedy="Train into another folder.")
        return
    try:
        out.mkdir(parents=True)
    except FileExistsError as error:
        raise InputError(
            "the run folder exists.", path=out, remedy="Choose another --out, or use --resume."
        ) from error
    except OSError as error:
        raise InputError(f"the run folder cannot be made ({error.strerror}).", path=out) from error
    write_config(out, experiment)


def _with_window(
    experiment: Experiment, table: pa.Table, assays: list[str], source: str
) -> Experiment:
    """Resolve source and window: no longer than the longest training sequence."""
    sequences, _ = labelled_sequences(table, assays, "train")
    longest = int(sequences.lengths.max(initial=0))
    window = min(experiment.data.training_window, longest) if longest else None
    data = experiment.data.model_copy(update={"source": source, "window": window})
    return experiment.model_copy(update={"data": data})


def _identity(experiment: Experiment, data_digest: str) -> str:
    """Digest of everything that decides the weights."""
    plain = as_plain(experiment)
    for key in ("name", "device", "prediction"):
        plain.pop(key)
    plain["data"].pop("path")
    text = json.dumps([plain, data_digest], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _source_scores(
    fits: dict[str, tuple[Fitted, Experiment]], table: pa.Table, device: torch.device
) -> list[dict[str, Any]]:
    """Score every candidate on the held-out sequences of every genomic assay in the table."""
    assays = [name for name in fits if name != "both"]
    rows = []
    for name, (fitted, experiment) in fits.items():
        row: dict[str, Any] = {"source": name, "held_out_split": "validation"}
        for assay in assays:
            held_out = _validation(fitted, experiment, table, [assay], device)
            if held_out is None:
                raise InputError(
                    f"`source: auto` needs held-out positives and negatives of {assay}.",
                    key="data.source",
                    remedy="Prepare a validation split, or name the source.",
                )
            pairs = list(zip(held_out.logits.T, held_out.labels, strict=True))
            row[f"{assay}_auroc"] = float(np.mean([auroc(*pair) for pair in pairs]))
            row[f"{assay}_auprc"] = float(np.mean([auprc(*pair) for pair in pairs]))
        row["mean_auroc"] = float(np.mean([row[f"{assay}_auroc"] for assay in assays]))
        rows.append(row)
    return rows


def _validation(
    fitted: Fitted,
    experiment: Experiment,
    table: pa.Table,
    assays: list[str],
    device: torch.device,
) -> Validation | None:
    """Score the validation split of some assays with the best epoch; None where it is missing."""
    data = _labelled_split(experiment, table, assays, "validation")
    if data is None:
        return None
    head = experiment.data.target
    network = Network(experiment.architecture, [head], len(fitted.best)).to(device)
    network.load_state_dict(joined(fitted.best))
    network.eval()
    codes = sequence.from_codes(data.codes.numpy())
    logits = score(network, head, codes, experiment.prediction.strands)
    return Validation(data.labels.numpy(), logits)


def _labelled_split(
    experiment: Experiment, table: pa.Table, assays: list[str], split: str
) -> LabelledSet | None:
    """Return a split at the training window; None unless it has positives and negatives."""
    sequences, labels = labelled_sequences(table, assays, split)
    if not 0 < labels.sum() < len(labels):
        return None
    return labelled_set(
        sequences,
        labels,
        experiment.data.training_window,
        experiment.member_seeds,
        permute=experiment.data.permute_labels,
    )


def _member_folders(out: Path, experiment: Experiment) -> list[Path]:
    seeds = experiment.member_seeds
    return [out] if len(seeds) == 1 else [out / f"seed-{seed}" for seed in seeds]


def _write_runs(
    out: Path,
    fitted: Fitted,
    experiment: Experiment,
    source_scores: list[dict[str, Any]],
    provenance: dict[str, Any],
) -> list[Path]:
    seeds = experiment.member_seeds
    folders = _member_folders(out, experiment)
    for member, (folder, seed) in enumerate(zip(folders, seeds, strict=True)):
        records = fitted.history[member]
        best = best_epoch(records, experiment.training.best_by)
        write_run(
            folder,
            experiment.model_copy(update={"seed": seed, "seeds": 1}),
            fitted.best[member],
            fitted.last[member],
            {"best_epoch": best + 1, "history": records, "source_scores": source_scores},
            provenance | {"seed": seed},
        )
    return folders


def _provenance(
    experiment: Experiment, device: torch.device, data_digest: str, began: float
) -> dict[str, Any]:
    return {
        "dann_tfbs": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "device": str(device),
        "data": str(experiment.data.path),
        "data_sha256": data_digest,
        "trained_with_seeds": experiment.member_seeds,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
        "wall_seconds": round(time.time() - began, 1),
    }
