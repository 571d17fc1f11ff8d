"""One training of a package: its settings, its table, the run, and what is known of it."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from dann_tfbs.assays import ASSAYS, get_assay
from dann_tfbs.config import Experiment
from dann_tfbs.data.recipe import Recipe
from dann_tfbs.data.table import MANIFEST_FILE
from dann_tfbs.errors import InputError
from dann_tfbs.experiments.run_training import run_training
from dann_tfbs.experiments.study.tables import prepared
from dann_tfbs.experiments.tracking import make_tracker
from dann_tfbs.files import write_text
from dann_tfbs.run_folder import PROVENANCE_FILE, is_run, read_run
from dann_tfbs.settings import validated, with_values
from dann_tfbs.training.train import member_folders

RUNS = "runs"
"""`runs/<TF>-<TARGET>`: the run folder, or with several seeds a folder of runs."""

FAILED = "failed"
"""`failed/<TF>-<TARGET>.txt`: the traceback of a training that failed."""

TABLES = "tables"
"""Prepared tables, one for each TF."""

HELD_OUT = 20
"""Held-out bound sequences that an assay needs to take part in the choice of the source: with fewer
the AUROC is so uncertain (standard deviation about 0.3 / √n) that chance would choose."""

_OURS = ("data.path", "data.tf", "data.target", "data.target_length")
_OURS_OF_RECIPE = ("tf", "assays", "ibis_root", "sheet", "genome")


@dataclass(frozen=True)
class Task:
    """One TF and target assay.

    Attributes
    ----------
    tf, target
        What is to be predicted.
    experiment
        The settings, without the table.
    recipe
        Keys of the table's recipe, all but `assays`.
    assays
        Assays to learn from.
    """

    tf: str
    target: str
    experiment: Experiment
    recipe: Mapping[str, Any]
    assays: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of its folders and files."""
        return f"{self.tf}-{self.target}"

    def folder(self, out: Path) -> Path:
        """Return where its runs lie."""
        return out / RUNS / self.name

    def is_finished(self, out: Path) -> bool:
        """Tell whether all its runs are there."""
        return all(map(is_run, member_folders(self.folder(out), self.experiment)))


def settings_of(values: Mapping[str, Any], target: str, tf: str | None = None) -> Experiment:
    """Return the settings of the runs that predict an assay.

    One configuration serves all targets and modes: in mode `baseline` only the head of the target
    is taken from it. A head holds the ratio of its assay unless the configuration says otherwise.

    Raises
    ------
    InputError
        If a setting is wrong, or one that the package decides.
    """
    data = values.get("data")
    given = data if isinstance(data, Mapping) else {}  # `validated` names what is wrong
    for key in _OURS:
        if given.get(key.removeprefix("data.")) is not None:
            raise InputError(
                "a package decides this by itself.",
                key=key,
                remedy="Leave it out with --ibis-root.",
            )
    own = with_values(values, {"data.tf": tf, "data.target": target})
    heads = own.get("heads") or {}
    if isinstance(heads, Mapping):
        if own.get("mode", "baseline") == "baseline":
            heads = {target: heads.get(target) or {}}
        own["heads"] = {code: _with_ratio(code, head) for code, head in heads.items()}
    return validated(Experiment, own, "settings")


def _with_ratio(code: str, head: Any) -> Any:
    if code not in ASSAYS or not isinstance(head, Mapping):
        return head
    return {"negatives_per_positive": get_assay(code).negatives_per_positive, **head}


def recipe_of(values: Mapping[str, Any], experiments: Mapping[str, Experiment]) -> dict[str, Any]:
    """Return the keys of a recipe that all tables of a package share.

    The ratio is the largest that any target is learnt at: heads take as many as they ask for. No
    row is kept for a test, which is the participants' sequences.

    Parameters
    ----------
    values
        Keys that differ from the package's own.
    experiments
        Settings by target.

    Raises
    ------
    InputError
        If a key is one that the package decides.
    """
    for key in _OURS_OF_RECIPE:
        if key in values:
            raise InputError(
                "a package decides this by itself.",
                key=f"--prepare {key}",
                remedy="Name it by --genome." if key == "genome" else "Leave it out.",
            )
    asked = (own.head_settings[target] for target, own in experiments.items())
    ratios = [get_assay(target).negatives_per_positive for target in experiments]
    ratio = max([*ratios, *(head.negatives_per_positive or 0 for head in asked)])
    split = values.get("split") or {}
    if isinstance(split, Mapping):
        split = {"test": 0, **split}
    return {"ratio": ratio, "target": next(iter(experiments)), **values, "split": split}


def assays_for(experiment: Experiment, present: Sequence[str]) -> tuple[str, ...]:
    """Return the assays whose sequences a table needs: all, or those that a baseline names."""
    source = experiment.data.source
    if source in ("auto", "both") or experiment.mode != "baseline" or source not in present:
        return tuple(present)
    return (source,)


def run_task(
    task: Task, out: Path, *, threads: int = 1, tracking: Literal["mlflow", "off"] = "off"
) -> bool:
    """Prepare and train, on whichever machine this is; what was interrupted is continued.

    Parameters
    ----------
    task
        What to train.
    out
        Folder of the whole package, absolute.
    threads
        CPU threads of the training.
    tracking
        Whether the runs are recorded in MLflow.

    Returns
    -------
    bool
        Whether it succeeded. The traceback of a failure is written to `failed/`.
    """
    failure = failure_file(task, out)
    if task.is_finished(out):  # by a worker that died before it could say so
        failure.unlink(missing_ok=True)
        return True
    try:
        torch.set_num_threads(threads)
        data = task.experiment.data.model_copy(update={"path": _table(task, out / TABLES)})
        experiment = task.experiment.model_copy(update={"data": data})
        folder = task.folder(out)
        run_training(experiment, folder, lambda: make_tracker(tracking), resume=folder.is_dir())
    except Exception as error:  # whatever it is, the other trainings go on
        write_failure(failure, f"{type(error).__name__}: {error}", traceback.format_exc())
        return False
    failure.unlink(missing_ok=True)
    return True


def _table(task: Task, folder: Path) -> Path:
    """Return the prepared folder.

    Where the source is to be chosen by held-out sequences, assays that are too small to hold
    `HELD_OUT` bound ones out are left out; if all are, those that hold none out.
    """
    table = prepared({**task.recipe, "tf": task.tf, "assays": task.assays}, folder, task.tf)
    if task.experiment.data.source != "auto" or len(task.assays) == 1:
        return table
    counts = json.loads((table / MANIFEST_FILE).read_text("utf-8"))["counts"]
    for least in (HELD_OUT, 1):
        usable = tuple(assay for assay in task.assays if _holds_out(counts, assay, least))
        if usable:
            break
    if usable in ((), task.assays):
        return table
    return prepared({**task.recipe, "tf": task.tf, "assays": usable}, folder, task.tf)


def _holds_out(counts: Mapping[str, int], assay: str, least: int) -> bool:
    held_out = {
        name.split()[2]: count
        for name, count in counts.items()
        if name.startswith(f"{assay} validation ")
    }
    return held_out.get("positive", 0) >= least and len(held_out) > 1


def failure_file(task: Task, out: Path) -> Path:
    """Return where the failure of a training is told."""
    return out / FAILED / f"{task.name}.txt"


def write_failure(path: Path, error: str, details: str = "") -> None:
    """Write why a training failed: the error in the first line, then the traceback."""
    write_text(path, f"{' '.join(error.split())}\n{details}")


@dataclass(frozen=True)
class Outcome:
    """What is known of one TF and target, for the final table.

    Attributes
    ----------
    tf, target
        What was to be predicted.
    source
        The assay that was learnt from; empty where the training failed.
    auroc, auprc
        On held-out source sequences, of the epoch that was kept: mean of the seeds. None where
        nothing was held out.
    seconds
        Wall time of the training.
    error
        Why it failed; None where it did not.
    """

    tf: str
    target: str
    source: str = ""
    auroc: float | None = None
    auprc: float | None = None
    seconds: float = 0.0
    error: str | None = None


def outcome_of(task: Task, out: Path) -> Outcome:
    """Read what became of a task from its folders."""
    if not task.is_finished(out):
        path = failure_file(task, out)
        error = path.read_text("utf-8").partition("\n")[0] if path.is_file() else "was not trained"
        return Outcome(task.tf, task.target, error=error)
    runs = [read_run(folder) for folder in member_folders(task.folder(out), task.experiment)]
    kept = [run.metrics["history"][run.metrics["best_epoch"] - 1] for run in runs]
    provenance = json.loads((runs[0].folder / PROVENANCE_FILE).read_text("utf-8"))
    return Outcome(
        task.tf,
        task.target,
        runs[0].experiment.data.source,
        _mean(kept, "validation_auroc"),
        _mean(kept, "validation_auprc"),
        float(provenance["wall_seconds"]),
    )


def _mean(records: Sequence[Mapping[str, float]], key: str) -> float | None:
    return float(np.mean([record[key] for record in records])) if key in records[0] else None


def check_recipe(task: Task) -> None:
    """Refuse a wrong recipe before anything is made.

    Raises
    ------
    InputError
        Naming the key.
    """
    validated(Recipe, {**task.recipe, "tf": task.tf, "assays": task.assays}, "--prepare")
