"""A run is a folder that stands alone: settings, weights, scores, provenance; no pickles.

`config.yaml` (resolved settings), `weights.safetensors` (best epoch), `last.safetensors` (last
epoch), `metrics.json` (scores and history), `provenance.json` (versions, seed, data digest).
A folder of runs (the seeds of an ensemble) holds one such folder for each.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from dann_tfbs.config import Experiment
from dann_tfbs.errors import InputError
from dann_tfbs.files import write_json, write_text, written_aside
from dann_tfbs.model.network import State
from dann_tfbs.settings import as_plain, read_yaml, validated

CONFIG_FILE = "config.yaml"
WEIGHTS_FILE = "weights.safetensors"
LAST_FILE = "last.safetensors"
METRICS_FILE = "metrics.json"
PROVENANCE_FILE = "provenance.json"


@dataclass(frozen=True)
class Run:
    """A finished run, read back.

    Attributes
    ----------
    folder
        Where it lies.
    experiment
        Its resolved settings.
    weights
        Weights and statistics of the best epoch.
    """

    folder: Path
    experiment: Experiment
    weights: State

    @property
    def metrics(self) -> dict[str, Any]:
        """Scores and history."""
        values: dict[str, Any] = json.loads((self.folder / METRICS_FILE).read_text("utf-8"))
        return values


def write_config(folder: Path, experiment: Experiment) -> None:
    """Write the settings of a run into its folder."""
    write_text(folder / CONFIG_FILE, yaml.safe_dump(as_plain(experiment), sort_keys=False))


def write_run(
    folder: Path,
    experiment: Experiment,
    best: State,
    last: State,
    metrics: dict[str, Any],
    provenance: dict[str, Any],
) -> None:
    """Write a finished run; the weights come last, so that they mark a complete folder."""
    write_config(folder, experiment)
    write_json(folder / METRICS_FILE, metrics)
    write_json(folder / PROVENANCE_FILE, provenance)
    for name, state in ((LAST_FILE, last), (WEIGHTS_FILE, best)):
        with written_aside(folder / name) as aside:
            save_file({key: value.contiguous() for key, value in state.items()}, aside)


def is_run(folder: Path) -> bool:
    """Tell whether a folder holds a finished run."""
    return (folder / WEIGHTS_FILE).is_file() and (folder / CONFIG_FILE).is_file()


def find_runs(path: Path) -> list[Path]:
    """Return the run folders at a path: the path itself, or its sub-folders that are runs.

    Raises
    ------
    InputError
        If there is none.
    """
    if is_run(path):
        return [path]
    found = sorted((f for f in path.glob("*/") if is_run(f)), key=_by_number)
    if not found:
        raise InputError(
            "there is no finished run here.",
            path=path,
            remedy="Give a folder that `dann-tfbs train` wrote; an interrupted one needs --resume.",
        )
    return found


def _by_number(folder: Path) -> tuple[str, int]:
    """Return a key that puts `seed-2` before `seed-10`."""
    name, _, number = folder.name.rpartition("-")
    return (name, int(number)) if number.isdecimal() else (folder.name, -1)


def read_run(folder: Path) -> Run:
    """Read a finished run.

    Raises
    ------
    InputError
        If a file is missing or damaged, or the settings are not of this version.
    """
    settings = read_yaml(folder / CONFIG_FILE)
    experiment = validated(Experiment, settings, str(folder / CONFIG_FILE))
    try:
        weights = load_file(folder / WEIGHTS_FILE)
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"the weights cannot be read ({error}).", path=folder / WEIGHTS_FILE
        ) from error
    return Run(folder, experiment, weights)
