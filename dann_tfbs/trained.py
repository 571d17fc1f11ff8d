"""Trained models in memory: `load(run).predict(sequences)`."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.config import Experiment
from dann_tfbs.errors import InputError
from dann_tfbs.model.native.average import NativeAverage, suits
from dann_tfbs.model.native.kernel import load_kernel
from dann_tfbs.model.network import Network, joined
from dann_tfbs.model.scoring import Strands, fitted_to_window, score
from dann_tfbs.run_folder import CONFIG_FILE, WEIGHTS_FILE, Run, find_runs, read_run
from dann_tfbs.sequence import Sequences
from dann_tfbs.settings import as_plain

_SHARED_SETTINGS = ("mode", "architecture", "prediction", "heads")
_SHARED_DATA_SETTINGS = ("tf", "target", "window", "score_length")


class TrainedModel:
    """One run, or an ensemble of runs of one layout, ready to score sequences.

    Attributes
    ----------
    experiment
        Settings of the (first) run.
    network
        All runs side by side, in evaluation mode.
    """

    def __init__(self, runs: list[Run], device: torch.device, *, build: bool = False) -> None:
        self.experiment: Experiment = runs[0].experiment
        self.head = self.experiment.data.target
        heads = self.experiment.network_heads
        self.network = Network(self.experiment.architecture, heads, len(runs)).to(device)
        for run in runs:
            _check_fit(run, heads)
        self.network.load_state_dict(joined([run.weights for run in runs]))
        self.network.eval()
        if suits(self.network):
            kernel = load_kernel(self.experiment.architecture, build=build)
            self.network.fast = None if kernel is None else NativeAverage(self.network, kernel)

    def logits(
        self, sequences: Sequences | Iterable[str], strands: Strands | None = None
    ) -> NDArray[np.float32]:
        """Score sequences with every model.

        Parameters
        ----------
        sequences
            Codes, or texts in IUPAC letters; any lengths from 1 on.
        strands
            How the strands are joined; None means as the run says.

        Returns
        -------
        numpy.ndarray
            `float32`, shape (n, runs).
        """
        if not isinstance(sequences, Sequences):
            sequences = sequence.encode(sequences)
        data = self.experiment.data
        fitted = fitted_to_window(sequences, data.training_window, data.score_length)
        return score(self.network, self.head, fitted, strands or self.experiment.prediction.strands)

    def predict(
        self, sequences: Sequences | Iterable[str], strands: Strands | None = None
    ) -> NDArray[np.float64]:
        """Return the score of each sequence in (0, 1): the sigmoid of the mean logit of the runs.

        Parameters
        ----------
        sequences, strands
            As `logits`.

        Returns
        -------
        numpy.ndarray
            `float64`, shape (n,).
        """
        mean = self.logits(sequences, strands).mean(axis=1, dtype=np.float64)
        probabilities: NDArray[np.float64] = 1 / (1 + np.exp(-mean))
        return probabilities


def load(
    run: str | PathLike[str] | Iterable[str | PathLike[str]],
    device: str = "auto",
    *,
    build: bool = False,
) -> TrainedModel:
    """Load a run, a folder of runs, or several of them as an ensemble.

    Parameters
    ----------
    run
        Folder(s) written by `dann-tfbs train`.
    device
        `auto`, `cpu`, `cuda` or any device name of torch.
    build
        Whether to compile the network's kernel where it is not in the cache yet: a second or two,
        once for each layout and machine, worth it for some ten thousand sequences. A kernel that is
        there is used; with and without it, scores agree to float tolerance.

    Raises
    ------
    InputError
        If there is no finished run, or the runs differ in what they predict or how.
    """
    paths = [run] if isinstance(run, str | PathLike) else list(run)
    runs = [read_run(folder) for path in paths for folder in find_runs(Path(path))]
    if not runs:
        raise InputError("no run was given.")
    for other in runs[1:]:
        if _identity(other.experiment) != _identity(runs[0].experiment):
            raise InputError(
                f"differs from {runs[0].folder} in layout, window, TF or target.",
                path=other.folder,
                remedy="Only runs of the same settings form an ensemble; score the others apart.",
            )
    return TrainedModel(runs, resolve_device(device), build=build)


def resolve_device(name: str) -> torch.device:
    """Return the named device; `auto` is a GPU where there is one.

    Raises
    ------
    InputError
        If this machine or this torch has no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"the device '{name}' cannot be used ({reason}).", remedy="Use auto or cpu."
        ) from error
    return device


def _check_fit(run: Run, heads: list[str]) -> None:
    """Refuse weights that are not of the layout in the settings."""
    expected = Network(run.experiment.architecture, heads).state_dict()
    if {k: v.shape for k, v in run.weights.items()} != {k: v.shape for k, v in expected.items()}:
        raise InputError(
            f"the weights are not those of the settings in {CONFIG_FILE}.",
            path=run.folder / WEIGHTS_FILE,
            remedy="Restore the folder as `dann-tfbs train` wrote it.",
        )


def _identity(experiment: Experiment) -> dict[str, object]:
    plain = as_plain(experiment)
    return {key: plain[key] for key in _SHARED_SETTINGS} | {
        key: plain["data"][key] for key in _SHARED_DATA_SETTINGS
    }
