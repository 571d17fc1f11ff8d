"""A whole package: its tasks, trained by as many processes as there are, and the submission."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from dann_tfbs.adaptation.choose import alignment_settings
from dann_tfbs.assays import ASSAYS
from dann_tfbs.errors import InputError
from dann_tfbs.experiments.package.identity import file_facts, training_files
from dann_tfbs.experiments.package.layout import Package, find_genome
from dann_tfbs.experiments.package.pools import pool_of
from dann_tfbs.experiments.package.tasks import (
    Outcome,
    Task,
    assays_for,
    check_recipe,
    failure_file,
    outcome_of,
    recipe_of,
    run_task,
    settings_of,
    write_failure,
)
from dann_tfbs.experiments.package.tracks import source_assays_of, target_assays_of
from dann_tfbs.experiments.study.cluster import Machines, WorkLostError, connected, spread
from dann_tfbs.settings import as_plain
from dann_tfbs.submission.make import Made, make_submission

SUBMISSION = "submission"
"""`submission/<ASSAY>_aaa.tsv`."""

POOLS = "unlabelled"


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes
    ----------
    package
        The package.
    tasks
        All trainings that were asked for.
    every
        Those and the trainings of TFs that were not; what is finished of them is submitted too.
    identity
        What decides every run, as plain values.
    files
        What is known of the training files.
    """

    package: Package
    tasks: list[Task]
    every: list[Task]
    identity: dict[str, Any]
    files: dict[str, Any]


def plan(
    root: Path,
    package: Package,
    values: Mapping[str, Any],
    prepare: Mapping[str, Any],
    *,
    genome: Path | None = None,
    tfs: Sequence[str] = (),
) -> Plan:
    """Turn a package and settings into trainings; all settings are checked here.

    Parameters
    ----------
    root, package
        The package and where it was found.
    values
        Settings of `dann-tfbs train`, nested; of every run.
    prepare
        Keys of a recipe that differ from the package's own.
    genome
        FASTA; None means the package's `genome.fa`.
    tfs
        Only these TFs.

    Raises
    ------
    InputError
        If a setting is wrong, a TF has no data, or there is no genome.
    """
    targets = target_assays_of(package.track)
    used = find_genome(root, package, genome)
    experiments = {target: settings_of(values, target) for target in targets}
    shared = recipe_of(prepare, experiments)
    places = {"ibis_root": os.path.abspath(package.data)}
    if used is not None:
        places["genome"] = os.path.abspath(used)
    asked = package.tasks(tfs)
    every = []
    for tf, target in package.tasks():
        experiment = settings_of(values, target, tf)
        assays = assays_for(experiment, list(package.files[tf]))
        every.append(Task(tf, target, experiment, {**shared, **places}, assays))
    tasks = [task for task in every if (task.tf, task.target) in asked]
    _check(package, tasks)
    settings = {target: as_plain(experiment) for target, experiment in experiments.items()}
    for own in settings.values():
        for key in ("name", "device"):
            own.pop(key)
    identity: dict[str, Any] = {
        "track": package.track,
        "stage": package.stage,
        "settings": settings,
        "prepare": shared,
        "genome": None if used is None else file_facts(used),
    }
    if tasks[0].experiment.adapts:
        identity["unlabelled"] = {
            code: file_facts(path) for code, path in package.participants.items()
        }
    return Plan(package, tasks, every, identity, training_files(package))


def _check(package: Package, tasks: Sequence[Task]) -> None:
    source = tasks[0].experiment.data.source
    allowed = ["auto", *source_assays_of(package.track)]
    allowed += ["both"] if package.track == "G2A" else []
    if source not in allowed:
        raise InputError(
            f"{package.track} does not train on {source}.",
            key="data.source",
            remedy=f"Choose among {', '.join(allowed)}.",
        )
    check_recipe(tasks[0])
    for entry in tasks[0].experiment.alignments:
        alignment_settings(entry)


def train_all(
    planned: Plan,
    out: Path,
    machines: Machines,
    *,
    threads: int = 1,
    tracking: Literal["mlflow", "off"] = "off",
    on_done: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Train all that is not finished; a failure does not stop the others.

    Parameters
    ----------
    planned
        What to train.
    out
        Folder of the package, held by the caller.
    machines
        Where to train.
    threads, tracking
        Of each training.
    on_done
        Called in this process after each training.

    Returns
    -------
    list of Outcome
        Of all trainings, also those that were finished before.
    """
    out = Path(os.path.abspath(out))
    waiting = [task for task in planned.tasks if not task.is_finished(out)]
    waiting = _with_pools(waiting, planned.package, out)
    if waiting:
        work = partial(run_task, out=out, threads=threads, tracking=tracking)
        with connected(machines) as client:
            for task, result in spread(client, work, waiting):
                if isinstance(result, WorkLostError):
                    write_failure(failure_file(task, out), str(result))
                on_done(outcome_of(task, out))
    return [outcome_of(task, out) for task in planned.tasks]


def _with_pools(tasks: Sequence[Task], package: Package, out: Path) -> list[Task]:
    """Give runs that adapt the sequences of their target, as participants had them."""
    pools: dict[str, Path] = {}
    found = []
    for task in tasks:
        data = task.experiment.data
        if task.experiment.adapts and task.target not in data.unlabelled:
            if task.target not in pools:
                participants = Path(os.path.abspath(package.participants[task.target]))
                pools[task.target] = pool_of(participants, task.target, out / POOLS)
            unlabelled = dict(data.unlabelled) | {task.target: pools[task.target]}
            own = data.model_copy(update={"unlabelled": unlabelled})
            experiment = task.experiment.model_copy(update={"data": own})
            task = replace(task, experiment=experiment)
        found.append(task)
    return found


def submit(
    planned: Plan,
    out: Path,
    *,
    device: str = "auto",
    threads: int | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> list[Made]:
    """Write the submission of all finished runs, also of TFs that an earlier command trained.

    TFs that the benchmark asks for and that have no run are missing in it, which is a warning of
    the official check.

    Raises
    ------
    InputError
        If a table fails the check.
    """
    finished = [task for task in planned.every if task.is_finished(out)]
    if not finished:
        return []
    expected = [task for task in planned.every if task in planned.tasks or task in finished]
    targets = list(dict.fromkeys(task.target for task in expected))
    tfs = {
        target: planned.package.wanted.get(target)
        or tuple(task.tf for task in expected if task.target == target)
        for target in targets
    }
    return make_submission(
        [task.folder(out) for task in finished],
        {target: planned.package.participants[target] for target in targets},
        out / SUBMISSION,
        tfs=tfs,
        device=device,
        threads=threads,
        say=say,
    )


def table_of(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as a Markdown table."""
    lines = [
        "| TF | target | source | validation AUROC | AUPRC | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for own in sorted(outcomes, key=lambda o: (o.tf, list(ASSAYS).index(o.target))):
        if own.error is not None:
            lines.append(f"| {own.tf} | {own.target} | failed | | | |")
            continue
        scores = ["–" if value is None else f"{value:.4f}" for value in (own.auroc, own.auprc)]
        lines.append(
            f"| {own.tf} | {own.target} | {own.source} | {' | '.join(scores)} | {own.seconds:.1f} |"
        )
    return "\n".join(lines)
