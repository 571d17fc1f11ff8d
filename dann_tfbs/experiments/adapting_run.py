"""From a finished run and unlabelled sequences of its target to a new, adapted run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from dann_tfbs import files
from dann_tfbs.config import ADVERSARIAL, Experiment
from dann_tfbs.data.table import table_file
from dann_tfbs.errors import InputError
from dann_tfbs.experiments.audit_domains import read_pool
from dann_tfbs.experiments.own_table import own_table, provenance
from dann_tfbs.experiments.run_training import run_training, start_tracking
from dann_tfbs.experiments.tracked.facts import run_name
from dann_tfbs.experiments.tracked.upload import Exporters
from dann_tfbs.experiments.tracking import Tracker
from dann_tfbs.model.network import State
from dann_tfbs.run_folder import LAST_FILE, Run, find_runs, read_run, write_run
from dann_tfbs.sequence import Sequences
from dann_tfbs.settings import as_plain, validated, with_overrides, with_values
from dann_tfbs.trained import load, resolve_device
from dann_tfbs.training.adapting import MOST_FOR_STATISTICS, with_target_statistics
from dann_tfbs.training.checkpoint import Fitted
from dann_tfbs.training.material import Material, Pool, pool_codes
from dann_tfbs.training.train import origin

ADABN = "adabn"
"""The kind that trains nothing: batch statistics of the unlabelled sequences."""
MOST_COMPARED = 5000
"""Unlabelled sequences that a run and its adapted one are compared on."""

_WITHOUT_TRAINING = ("data.score_length", "data.target", "prediction.", "name", "device")


@dataclass(frozen=True)
class Request:
    """What is asked for beside the run and the unlabelled sequences.

    Attributes
    ----------
    kinds
        Kinds of alignments; `adabn` alone, the default, trains nothing.
    overrides
        Settings `key=value` on top of the run's own.
    epochs
        Epochs of the further training; None means as many as the run had.
    data
        Table of the further training; None means the run's own.
    seed
        Seed of the further training, or of the draw from a large pool; None means the run's own.
    """

    kinds: Sequence[str] = ()
    overrides: Sequence[str] = ()
    epochs: int | None = None
    data: Path | None = None
    seed: int | None = None

    @property
    def trains(self) -> bool:
        """Whether any alignment asks for a further training."""
        return any(kind != ADABN for kind in self.kinds) or any(
            override.startswith("adaptation.alignments") for override in self.overrides
        )

    @property
    def words(self) -> list[str]:
        """What the name of the new folder says about the alignments."""
        named = [kind.rpartition(":")[2] for kind in dict.fromkeys(self.kinds)]
        return named or (["adapted"] if self.trains else [ADABN])


def adapt(
    run: Path,
    unlabelled: Path,
    out: Path,
    request: Request,
    make_tracker: Callable[[], Tracker],
    *,
    show_progress: bool = False,
) -> list[Path]:
    """Write a new run that was adapted to unlabelled sequences of its target.

    Parameters
    ----------
    run
        A finished run or a folder of them, which stay as they are.
    unlabelled
        Sequences of the target, in any file that `predict` reads.
    out
        The new folder; of an ensemble it holds one run folder for each model.
    request
        Alignments and settings.
    make_tracker
        Makes the tracker of one model.
    show_progress
        Whether to draw a progress bar while training.

    Returns
    -------
    list of Path
        The folder of each adapted model, in the order of the old ones.

    Raises
    ------
    InputError
        If there is no such run, no sequence, no table to train on, or `out` exists.
    """
    if out.exists():
        raise InputError("the run folder exists.", path=out, remedy="Choose another --out.")
    if out.resolve().is_relative_to(run.resolve()):
        raise InputError(
            "lies inside the run that is to stay as it is.",
            path=out,
            remedy="Choose another --out.",
        )
    runs = [read_run(folder) for folder in find_runs(run)]
    load(run, "cpu")  # refuses runs that form no ensemble, and weights of another layout
    if request.trains:
        experiment = training_settings(run, runs, unlabelled, request)
        return run_training(experiment, out, make_tracker, show_progress=show_progress).folders
    experiment = statistics_settings(runs[0], unlabelled, request)
    pool = read_pool(unlabelled, MOST_FOR_STATISTICS, experiment.seed)
    fitted = _with_pool_statistics(runs, experiment, pool)
    folders = _write_adabn(runs, fitted, experiment, unlabelled, len(pool), out)
    _track(folders, make_tracker)
    return folders


def training_settings(
    run: Path, runs: Sequence[Run], unlabelled: Path, request: Request
) -> Experiment:
    """Return the settings of a further training that starts from a run.

    They are those of the run, but for the alignments, which are the named ones and no others. The
    mode is corrected where the alignments make it another: `dann` is multihead with an adversarial
    alignment. A baseline stays one, so that it learns from the same labelled rows as before.
    """
    first = runs[0]
    kinds = [kind for kind in dict.fromkeys(request.kinds) if kind != ADABN]
    settings: dict[str, Any] = {
        "adaptation.alignments": [{"kind": kind} for kind in kinds],
        "adaptation.adabn": ADABN in request.kinds,
        "initial": str(run),
        "seed": min(one.experiment.seed for one in runs) if request.seed is None else request.seed,
        "seeds": len(runs),
        "data.path": own_table(first, request.data),
        "name": None,
    }
    if first.experiment.mode != "baseline":
        adversarial = any(kind in ADVERSARIAL for kind in kinds)
        settings["mode"] = "dann" if adversarial else "multihead"
    if request.epochs is not None:
        settings["training.epochs"] = request.epochs
    return _settings(first, unlabelled, settings, request)


def statistics_settings(run: Run, unlabelled: Path, request: Request) -> Experiment:
    """Return the settings of a run with batch statistics re-estimated on unlabelled sequences.

    Raises
    ------
    InputError
        If something is set that only a training could heed, or the run has no head for the target.
    """
    heeded = request.epochs is None and request.data is None
    wrong = [word for word in request.overrides if not word.startswith(_WITHOUT_TRAINING)]
    if wrong or not heeded:
        raise InputError(
            f"{ADABN} trains nothing and reads no table.",
            key=wrong[0].partition("=")[0] if wrong else "--epochs, --data",
            remedy="Leave this out, or name an alignment that trains, such as --alignment coral.",
        )
    settings: dict[str, Any] = {"adaptation.adabn": True, "name": None}
    if request.seed is not None:
        settings["seed"] = request.seed
    experiment = _settings(run, unlabelled, settings, request)
    target, heads = experiment.data.target, run.experiment.network_heads
    if set(experiment.network_heads) != set(heads):
        raise InputError(
            f"the run has no head for {target}.",
            path=run.folder,
            key="data.target",
            remedy=f"Its heads are {', '.join(heads)}.",
        )
    # Of another target the head has a window of its own, at which it is then scored.
    data = experiment.data.model_copy(update={"window": experiment.window_of(target)})
    return experiment.model_copy(update={"data": data})


def _settings(run: Run, unlabelled: Path, settings: dict[str, Any], request: Request) -> Experiment:
    """Return a run's settings with others on top, and the unlabelled file under its target."""
    values = with_values(as_plain(run.experiment), settings)
    experiment = validated(
        Experiment, with_overrides(values, request.overrides), f"settings of {run.folder}"
    )
    pools = {**experiment.data.unlabelled, experiment.data.target: unlabelled}
    data = experiment.data.model_copy(update={"unlabelled": pools})
    return experiment.model_copy(update={"data": data})


def _with_pool_statistics(
    runs: Sequence[Run], experiment: Experiment, sequences: Sequences
) -> Fitted:
    """Return the weights of all runs with batch statistics of the pool."""
    target = experiment.data.target
    pool = Pool(target, target, pool_codes(experiment, sequences, target), {})
    before = Fitted([run.weights for run in runs], [_last(run) for run in runs], [])
    together = experiment.model_copy(update={"seeds": len(runs)})
    device = resolve_device(experiment.device)
    return with_target_statistics(before, together, Material([], {}, [pool]), device)


def _last(run: Run) -> State:
    try:
        state: State = load_file(run.folder / LAST_FILE)
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"the weights cannot be read ({error}).", path=run.folder / LAST_FILE
        ) from error
    return state


def _write_adabn(
    runs: Sequence[Run],
    fitted: Fitted,
    experiment: Experiment,
    unlabelled: Path,
    sequences: int,
    out: Path,
) -> list[Path]:
    """Write all adapted runs, all or nothing; nothing in them depends on the time."""
    how = {
        "kind": ADABN,
        "unlabelled": str(unlabelled),
        "unlabelled_sha256": files.sha256(table_file(unlabelled)),
        "sequences": sequences,
        "seed": experiment.seed,
    }
    names = [""] if len(runs) == 1 else [run.folder.name for run in runs]
    with files.written_aside(out) as aside:
        aside.mkdir()
        for run, name, best, last in zip(runs, names, fitted.best, fitted.last, strict=True):
            write_run(
                aside / name,
                experiment.model_copy(update={"seed": run.experiment.seed, "seeds": 1}),
                best,
                last,
                run.metrics,
                provenance(run) | {"started_from": origin(run.folder), "adapted": how},
            )
    return [out / name for name in names]


def _track(folders: Sequence[Path], make_tracker: Callable[[], Tracker]) -> None:
    """Record every adapted run, whose folder is complete without."""
    exporters = Exporters()
    for folder in folders:
        tracker = make_tracker()
        start_tracking(
            tracker, run_name(folder), read_run(folder).experiment, folder, adapted=ADABN
        )
        tracker.log_run(folder, exporters)
        tracker.finish()


def agreement(before: Path, after: Sequence[Path], unlabelled: Path) -> list[float]:
    """Return how alike each model ranks unlabelled sequences before and after (Spearman's ρ).

    Parameters
    ----------
    before
        The run, or folder of runs.
    after
        The adapted runs, in the same order.
    unlabelled
        The sequences, of which at most `MOST_COMPARED` are drawn.
    """
    pool = read_pool(unlabelled, MOST_COMPARED, 0)
    old, new = load(before, "cpu").logits(pool), load(after, "cpu").logits(pool)
    return [_rank_correlation(*pair) for pair in zip(old.T, new.T, strict=True)]


def _rank_correlation(x: NDArray[np.float32], y: NDArray[np.float32]) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(x, y).statistic)
