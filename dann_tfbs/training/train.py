"""A whole training: data, choice of the source, fits, run folders."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from dann_tfbs import files
from dann_tfbs._version import __version__
from dann_tfbs.adaptation.choose import alignment_settings
from dann_tfbs.config import Experiment
from dann_tfbs.data.table import table_file
from dann_tfbs.errors import InputError
from dann_tfbs.run_folder import WEIGHTS_FILE, find_runs, is_run, write_config, write_run
from dann_tfbs.settings import as_plain
from dann_tfbs.trained import resolve_device
from dann_tfbs.training.adapting import check_trainable, with_target_statistics
from dann_tfbs.training.checkpoint import Fitted
from dann_tfbs.training.choices import (
    Candidate,
    Validation,
    best_source,
    score_lengths,
    score_sources,
    validation_scores,
    with_score_length,
)
from dann_tfbs.training.dataset import (
    labelled_sequences,
    labelled_table,
    source_assays,
    source_candidates,
)
from dann_tfbs.training.fit import best_epoch, fit
from dann_tfbs.training.initial import initial_states
from dann_tfbs.training.material import Material, gather
from dann_tfbs.training.step import task_weights

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
    # All that can be known to be wrong is said before the run folder is made.
    for entry in experiment.alignments:
        alignment_settings(entry)
    check_trainable(experiment)
    table = labelled_table(experiment.data, experiment.data.path)
    sets = _resolved_sets(experiment, table)
    for resolved, material in sets.values():
        task_weights(resolved, material)
    initial = initial_states(experiment)
    device = resolve_device(experiment.device)
    digest = data_digest(experiment)
    _open_folder(out, experiment, resume=resume)

    candidates: dict[str, Candidate] = {}
    for name, (resolved, material) in sets.items():
        fitted = fit(
            resolved,
            material,
            initial=initial,
            checkpoint=out / f"checkpoint-{name}.safetensors",
            identity=_identity(resolved, digest),
            device=device,
            show_progress=show_progress,
            on_epoch=None if on_epoch is None else partial(on_epoch, name),
        )
        if experiment.adaptation.adabn:
            fitted = with_target_statistics(fitted, resolved, material, device)
        candidates[name] = Candidate(resolved, fitted, device)
    source_scores = score_sources(candidates, table) if len(candidates) > 1 else []
    chosen = candidates[best_source(source_scores) if source_scores else next(iter(candidates))]
    length_scores = score_lengths(chosen, table)
    resolved = with_score_length(chosen.experiment, length_scores)
    folders = _write_runs(
        out,
        chosen.fitted,
        resolved,
        {"source_scores": source_scores, "score_length_scores": length_scores},
        _provenance(resolved, device, digest, began),
    )
    held_out = validation_scores(chosen, table, source_assays(resolved.data.source))
    return Trained(folders, resolved, chosen.fitted.history, source_scores, held_out)


def _resolved_sets(
    experiment: Experiment, table: pa.Table
) -> dict[str, tuple[Experiment, Material]]:
    """Return, for every candidate source, its resolved settings and what it learns from."""
    assert experiment.data.path is not None
    sets = {}
    held_out_needed: list[str] = []
    for name in source_candidates(experiment.data.source, table, experiment.data.target):
        resolved = _resolved(experiment, table, name)
        material = gather(resolved, table, experiment.data.path, name)
        held_out = material.validation.get(resolved.data.target)
        if held_out is None and experiment.data.source == "auto" and name != "both":
            held_out_needed.append(name)
        sets[name] = (resolved, material)
    if len(sets) > 1 and held_out_needed:
        raise InputError(
            f"`source: auto` needs held-out positives and negatives of {held_out_needed[0]}.",
            path=experiment.data.path,
            key="data.source",
            remedy="Prepare a validation split, or name the source.",
        )
    return sets


def data_digest(experiment: Experiment) -> str:
    """Digest of the table and of all other files that decide the weights."""
    path = experiment.data.path
    assert path is not None
    inputs = [table_file(path)]
    others = [*experiment.data.unlabelled.values(), *chain(*experiment.data.companions.values())]
    for other in others:
        file = table_file(other)
        if not file.is_file():
            raise InputError("there is no such file.", path=file, key="data")
        inputs.append(file)
    if experiment.initial is not None:
        inputs += [folder / WEIGHTS_FILE for folder in find_runs(experiment.initial)]
    digests = [files.sha256(file) for file in inputs]
    # A table alone is named by its own digest, which anybody can check.
    return digests[0] if len(digests) == 1 else " ".join(digests)


def _open_folder(out: Path, experiment: Experiment, *, resume: bool) -> None:
    """Take the run folder, so that two trainings at once cannot share it."""
    if resume:
        if not out.is_dir():
            raise InputError("there is no run to resume.", path=out)
        if all(is_run(folder) for folder in member_folders(out, experiment)):
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


def _resolved(experiment: Experiment, table: pa.Table, source: str) -> Experiment:
    """Fill in the TF, the source and all windows, none longer than the longest training sequence.

    With unlabelled sequences to align, `score_length: auto` is decided before training, since they
    are shown as they will be scored: padded to the window, whose features the heads know.
    """
    sequences, _ = labelled_sequences(table, source_assays(source), "train")
    longest = int(sequences.lengths.max(initial=1))
    windows = {name: min(experiment.window_of(name), longest) for name in experiment.head_settings}
    settings: dict[str, Any] = {
        "source": source,
        "window": windows[experiment.data.target],
        "tf": table["tf"][0].as_py(),
    }
    if experiment.adapts and experiment.data.score_length == "auto":
        settings["score_length"] = "train"
    update: dict[str, Any] = {"data": experiment.data.model_copy(update=settings)}
    if experiment.mode != "baseline" or experiment.heads:
        update["heads"] = {
            name: head.model_copy(update={"window": windows[name]})
            for name, head in experiment.head_settings.items()
        }
    return experiment.model_copy(update=update)


def _identity(experiment: Experiment, data_digest: str) -> str:
    """Digest of everything that decides the weights."""
    plain = as_plain(experiment)
    for key in ("name", "device", "initial"):
        plain.pop(key)
    for key in ("unlabelled", "companions"):
        plain["data"][key] = list(plain["data"][key])  # the digest knows the files
    unread = ["path", "target_length"]
    # How sequences are scored decides no weights, but where unlabelled ones are shown so.
    if not experiment.adapts:
        unread.append("score_length")
    for key in unread:
        plain["data"].pop(key)
    text = json.dumps([plain, data_digest], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def member_folders(out: Path, experiment: Experiment) -> list[Path]:
    """Return the run folder of each model that `train` writes into `out`."""
    seeds = experiment.member_seeds
    return [out] if len(seeds) == 1 else [out / f"seed-{seed}" for seed in seeds]


def _write_runs(
    out: Path,
    fitted: Fitted,
    experiment: Experiment,
    choices: dict[str, Any],
    provenance: dict[str, Any],
) -> list[Path]:
    seeds = experiment.member_seeds
    folders = member_folders(out, experiment)
    started = _started_from(experiment)
    for member, (folder, seed) in enumerate(zip(folders, seeds, strict=True)):
        records = fitted.history[member]
        best = best_epoch(records, experiment.training.best_by)
        write_run(
            folder,
            experiment.model_copy(update={"seed": seed, "seeds": 1}),
            fitted.best[member],
            fitted.last[member],
            {"best_epoch": best + 1, "history": records, **choices},
            provenance | {"seed": seed} | started[member],
        )
    return folders


def origin(folder: Path) -> dict[str, str]:
    """Return what provenance says of a run that another one started from."""
    return {"run": str(folder), "weights_sha256": files.sha256(folder / WEIGHTS_FILE)}


def _started_from(experiment: Experiment) -> list[dict[str, Any]]:
    """Return, for the provenance of each model, which run it started from."""
    models = len(experiment.member_seeds)
    if experiment.initial is None:
        return [{}] * models
    found = [{"started_from": origin(folder)} for folder in find_runs(experiment.initial)]
    return found * models if len(found) == 1 else found


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
