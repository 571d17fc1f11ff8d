"""A whole study: its folder, its trainings, and the choices among them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from dann_tfbs.errors import InputError
from dann_tfbs.experiments.outcome import OUTCOME_FILE, Outcome, write_outcomes
from dann_tfbs.experiments.study.choices import (
    check_selection,
    choosings,
    chosen,
    random_choice,
)
from dann_tfbs.experiments.study.cluster import Machines, WorkLostError, connected, spread
from dann_tfbs.experiments.study.run_unit import run_unit
from dann_tfbs.experiments.study.settings import StudySettings
from dann_tfbs.experiments.study.units import RESULTS_VERSION, Unit
from dann_tfbs.experiments.study.variants import variants_of
from dann_tfbs.experiments.study_folder import (
    CHOICES_FILE,
    FAILED,
    RUNS,
    STUDY_FILE,
    Failure,
    failure_file,
    write_failure,
)
from dann_tfbs.files import write_text
from dann_tfbs.settings import as_plain, read_json, read_yaml

if TYPE_CHECKING:
    from distributed import Client


@dataclass(frozen=True)
class Done:
    """What came of one training.

    Attributes
    ----------
    unit
        The training.
    folder
        Where it lies.
    error
        Why it failed; None where it did not.
    """

    unit: Unit
    folder: Path
    error: str | None


def open_study(out: Path, study: StudySettings, data: str, units: list[Unit]) -> None:
    """Write the study's file; its folder may hold an earlier state of the same study.

    Raises
    ------
    InputError
        If the folder holds another study, or the study's rules cannot choose.
    """
    check_selection(study, units)
    path = out / STUDY_FILE
    if path.is_file():
        other = read_yaml(path)
        if (other.get("name"), other.get("data_used")) != (study.name, data):
            raise InputError(
                f"holds the study {other.get('name')} on {other.get('data_used')} data.",
                path=out,
                remedy="Choose another --out.",
            )
    variants = variants_of(study, study.data[data])
    plain: dict[str, Any] = as_plain(study)
    plain |= {
        "reference": variants[0].name,
        "data_used": data,
        "results_version": RESULTS_VERSION,
        "commit": _commit(),
        "runs": [
            {"key": u.key, "variant": u.variant, "factor": u.factor, "task": u.task} for u in units
        ],
    }
    write_text(path, yaml.safe_dump(plain, sort_keys=False))
    present = {unit.key for unit in units}
    for failure in (out / FAILED).glob("*.json"):
        if failure.stem not in present:  # of a variant that the study no longer has
            failure.unlink()


def _commit() -> str | None:
    """Return the commit of the package's own repository, where it lies in one.

    `-dirty` follows where files have changed since. An installed package may lie within the
    repository of something else, which does not know this file.
    """
    here = Path(__file__)
    git = ["git", "-C", str(here.parent)]
    try:
        subprocess.run(
            [*git, "ls-files", "--error-unmatch", here.name],
            capture_output=True, check=True, timeout=10,
        )  # fmt: skip
        asked = subprocess.run(
            [*git, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return asked.stdout.strip()


def finished(unit: Unit, out: Path) -> bool:
    """Tell whether a training's outcome is there."""
    return (out / RUNS / unit.key / OUTCOME_FILE).is_file()


def run_study(
    study: StudySettings,
    units: list[Unit],
    out: Path,
    machines: Machines,
    on_done: Callable[[Done], None],
) -> list[Done]:
    """Run every training that is not finished, then let the rules choose; return what failed.

    Parameters
    ----------
    study, units
        The study and all its trainings.
    out
        Its folder; with a cluster, one that all machines see under this path.
    machines
        Where to run.
    on_done
        Called in this process after each training.
    """
    # On some tasks two variants may be the same training: it is run once.
    different = {unit.key: unit for unit in units}.values()
    waiting = [unit for unit in different if not finished(unit, out)]
    failed: list[Done] = []
    (out / CHOICES_FILE).unlink(missing_ok=True)  # made anew below, of what there is then
    if not waiting and not study.selection:
        return failed
    with connected(machines) as client:
        work = partial(run_unit, out=out.resolve())
        for unit, result in spread(client, work, waiting):
            if isinstance(result, WorkLostError):
                lost = Failure(variant=unit.variant, task=unit.task, error=str(result))
                write_failure(out, unit.key, lost)
            done = Done(unit, out / RUNS / unit.key, _error(unit, out, result))
            if done.error is not None:
                failed.append(done)
            on_done(done)
        if study.selection and not failed:
            _choose(study, units, out.resolve(), client)
    return failed


def _choose(study: StudySettings, units: list[Unit], out: Path, client: Client | None) -> None:
    """Write what the rules choose.

    Raises
    ------
    InputError
        If a rule cannot be applied.
    """
    found: list[Outcome] = []
    for _, outcome in spread(client, chosen, choosings(study, units, out)):
        if not isinstance(outcome, Outcome):
            raise InputError(f"a rule cannot choose: {outcome}", key="selection")
        found.append(outcome)
    by_task: dict[str, list[Unit]] = {}
    for unit in units:
        by_task.setdefault(unit.task, []).append(unit)
    found += [random_choice(own, out) for own in by_task.values()]
    order = {f"chosen by {rule}": place for place, rule in enumerate(study.selection)}
    found.sort(key=lambda own: (order.get(own.variant, len(order)), own.task))
    write_outcomes(out / CHOICES_FILE, found)


def _error(unit: Unit, out: Path, result: bool | WorkLostError) -> str | None:
    if result is True:
        return None
    if isinstance(result, WorkLostError):
        return str(result)
    told = failure_file(out, unit.key)
    # Another command on the same folder may have tried again meanwhile.
    return read_json(Failure, told).error if told.is_file() else "another command tries it again"
