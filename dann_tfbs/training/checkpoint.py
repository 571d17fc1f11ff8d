"""The state of a training in progress, in one file without pickles."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from dann_tfbs import files
from dann_tfbs.errors import InputError
from dann_tfbs.model.network import State

History = list[list[dict[str, float]]]
"""Per model and epoch: the recorded numbers by name."""


@dataclass
class Progress:
    """Where a training stands after some epoch.

    Attributes
    ----------
    network
        Weights and statistics of all models side by side.
    best
        The same, of each model's best epoch.
    alignments
        Parameters and memories of the alignments.
    optimizer
        Tensors of the optimiser's state, keyed `<parameter number>.<name>`.
    history
        What was recorded, per model and epoch.
    """

    network: State
    best: State
    alignments: State
    optimizer: dict[str, torch.Tensor]
    history: History

    @property
    def epoch(self) -> int:
        """Number of epochs done."""
        return len(self.history[0])


@dataclass(frozen=True)
class Fitted:
    """The outcome of a training, one entry per model.

    Attributes
    ----------
    best, last
        Weights and statistics of the best epoch by validation and of the last one.
    history
        What was recorded, per model and epoch.
    """

    best: list[State]
    last: list[State]
    history: History


def save_progress(path: Path, progress: Progress, identity: str) -> None:
    """Write the state, all or nothing; `identity` names the run that may continue from it."""
    groups = {
        "network": progress.network,
        "best": progress.best,
        "alignments": progress.alignments,
        "optimizer": progress.optimizer,
    }
    tensors = {
        f"{group}/{key}": value.contiguous().clone()
        for group, part in groups.items()
        for key, value in part.items()
    }
    metadata = {"identity": identity, "history": json.dumps(progress.history)}
    with files.written_aside(path) as aside:
        save_file(tensors, aside, metadata)


def load_progress(path: Path, identity: str) -> Progress:
    """Read the state of a training.

    Raises
    ------
    InputError
        If the file is damaged or belongs to another configuration or other data.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata: dict[str, Any] = file.metadata() or {}
            groups: dict[str, State] = {
                name: {} for name in ("network", "best", "alignments", "optimizer")
            }
            for key in file.keys():  # noqa: SIM118 (safe_open offers no iteration)
                group, _, name = key.partition("/")
                groups[group][name] = file.get_tensor(key)
    except (SafetensorError, OSError, KeyError) as error:
        raise InputError(
            f"the checkpoint cannot be read ({error}).",
            path=path,
            remedy="Delete it and train again.",
        ) from error
    if metadata.get("identity") != identity:
        raise InputError(
            "the checkpoint belongs to other settings or other data.",
            path=path,
            remedy="Resume with the configuration and the table that the run began with.",
        )
    return Progress(**groups, history=json.loads(metadata["history"]))


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Return the per-parameter tensors of an optimiser's state."""
    state = optimizer.state_dict()["state"]
    return {f"{index}.{name}": v for index, part in state.items() for name, v in part.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Put tensors from `optimizer_tensors` back."""
    whole = optimizer.state_dict()
    for key, value in tensors.items():
        index, _, name = key.partition(".")
        whole["state"].setdefault(int(index), {})[name] = value
    optimizer.load_state_dict(whole)
