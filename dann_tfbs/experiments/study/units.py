"""The trainings of a study: each variant on each task, named by what decides its result."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dann_tfbs.config import Experiment, genomic_sources
from dann_tfbs.errors import InputError
from dann_tfbs.experiments.study.settings import DataSource, StudySettings, TaskSettings
from dann_tfbs.experiments.study.tables import TestSet, data_root, pool_file, prepared
from dann_tfbs.experiments.study.variants import Variant, variants_of
from dann_tfbs.named import source_digest
from dann_tfbs.settings import as_plain, read_yaml, validated, with_values
from dann_tfbs.training.train import data_digest

RESULTS_VERSION = 1
"""Raised by hand when the same settings and data come to give other results: every finished run of
an earlier version is then run again. The commit is recorded, but decides nothing."""


@dataclass(frozen=True)
class Unit:
    """One variant on one task.

    Attributes
    ----------
    key
        Digest of settings, data, test and `RESULTS_VERSION`.
    study, variant, factor, task
        Names of what it belongs to.
    experiment
        The settings.
    test
        The test.
    pool
        Unlabelled sequences of the target; None where the task names none.
    recipe
        Keys that the task and the variant give to the recipe of the training table.
    """

    key: str
    study: str
    variant: str
    factor: str
    task: str
    experiment: Experiment
    test: TestSet
    pool: Path | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)


def units_of(
    study: StudySettings, source: DataSource, work: Path, report: Callable[[str], None]
) -> list[Unit]:
    """Return the trainings of a study, after making the tables that they need.

    All settings are checked before the first table is made. All paths in the trainings are
    absolute: whoever runs them may be in another folder.

    Parameters
    ----------
    study, source
        The study and the data it is to use.
    work
        Folder for tables.
    report
        Called with a line of text before work that takes a while.

    Raises
    ------
    InputError
        If a setting is wrong, data are missing, or two variants are the same everywhere.
    """
    work = Path(os.path.abspath(work))
    variants = variants_of(study, source)
    base = read_yaml(study.base) if study.base is not None else {}
    tasks = [(task, tf) for task in source.tasks for tf in task.tfs]
    for task, tf in tasks:
        for variant in variants:
            _experiment(study, base, task, tf, variant)
    report("Making the data of the study.")
    root = data_root(source, work)
    units: list[Unit] = []
    for task, tf in tasks:
        report(f"Data of {task.name}-{tf}.")
        units += _units_of_task(study, variants, base, _Place(root, work, task, tf))
    _refuse_equal(units)
    return units


@dataclass(frozen=True)
class _Place:
    """A task of one TF, with where its data come from and go to."""

    root: Path | None
    work: Path
    task: TaskSettings
    tf: str

    @property
    def name(self) -> str:
        return f"{self.task.name}-{self.tf}"

    def table(self, values: Mapping[str, Any], side: str, assays: list[str]) -> Path:
        """Return a prepared folder: the one that is named, or the one of a recipe."""
        values = _filled(values, self.tf)
        if "path" in values:
            return Path(os.path.abspath(values["path"]))
        if self.root is None:
            raise InputError(
                "a recipe needs data to read.",
                key=f"{self.task.name}.{side}",
                remedy="Name a root.",
            )
        recipe: dict[str, Any] = {
            "tf": self.tf, "assays": assays, "target": self.task.target,
            "ibis_root": str(self.root), **values,
        }  # fmt: skip
        if recipe.get("genome"):
            recipe["genome"] = str(self.root / recipe["genome"])
        return prepared(recipe, self.work, f"{self.name}-{side}")

    def test(self, trained_on: Path) -> TestSet:
        values = _filled(self.task.test, self.tf)
        target = self.task.target
        if not values:
            return TestSet(trained_on, None, self.tf, target)
        if "fasta" in values:
            assert self.root is not None
            answers = self.root / values["answers"]
            return TestSet(self.root / values["fasta"], answers, self.tf, target)
        if "path" not in values:
            values = {"split": {"by": "all"}, **values}
        return TestSet(self.table(values, "test", [target]), None, self.tf, target)


def _units_of_task(
    study: StudySettings, variants: list[Variant], base: Mapping[str, Any], place: _Place
) -> Iterator[Unit]:
    task = place.task
    assays = _assays(task.source)
    for variant in variants:
        experiment = _experiment(study, base, task, place.tf, variant)
        # A variant may learn from other assays than the task's.
        wanted = _assays(experiment.data.source)
        named = assays if set(wanted) <= set(assays) else wanted
        recipe = {**task.train, **variant.recipe}
        table = place.table(recipe, "train", named)
        test = place.test(table)
        data = experiment.data.model_copy(update={"path": table})
        pool = _pool(place)
        if experiment.adapts:
            if pool is None:
                raise InputError(
                    f"'{variant.name}' adapts, but no unlabelled sequences are named.",
                    key=f"{task.name}.unlabelled",
                )
            data = data.model_copy(update={"unlabelled": {task.target: pool}})
        experiment = experiment.model_copy(update={"data": data})
        yield Unit(
            unit_key(experiment, test),
            study.name,
            variant.name,
            variant.factor,
            place.name,
            experiment,
            test,
            pool,
            {key: value for key, value in recipe.items() if key != "path"},
        )


def _assays(source: str) -> list[str]:
    return genomic_sources() if source in ("both", "auto") else [source]


def _pool(place: _Place) -> Path | None:
    task = place.task
    if task.unlabelled is None or place.root is None:
        return None
    pattern = task.unlabelled.replace("{tf}", place.tf)
    return pool_file(place.root, pattern, task.target, place.work, f"{place.name}-pool")


def _experiment(
    study: StudySettings, base: Mapping[str, Any], task: TaskSettings, tf: str, variant: Variant
) -> Experiment:
    values = with_values(base, {**study.settings, **task.settings})
    values = with_values(
        values,
        {
            "data.tf": tf,
            "data.source": task.source,
            "data.target": task.target,
            "seeds": study.seeds,
            **_for_target(variant.training, task.target),
        },
    )
    return _absolute(validated(Experiment, values, f"{study.name}: {variant.name}"))


def _absolute(experiment: Experiment) -> Experiment:
    """Return settings whose paths hold in any folder."""
    initial, companions = experiment.initial, experiment.data.companions
    found = {
        tf: tuple(Path(os.path.abspath(path)) for path in paths) for tf, paths in companions.items()
    }
    return experiment.model_copy(
        update={
            "initial": None if initial is None else Path(os.path.abspath(initial)),
            "data": experiment.data.model_copy(update={"companions": found}),
        }
    )


def _for_target(change: Mapping[str, Any], target: str) -> dict[str, Any]:
    """Return a change with TARGET in its keys replaced: the code of the task's target."""
    return {key.replace("TARGET", target): value for key, value in change.items()}


def unit_key(experiment: Experiment, test: TestSet) -> str:
    """Return the digest of all that decides an outcome, and of nothing else.

    Files count by their content, not by their place; of classes of a user's own the source counts.
    """
    plain = as_plain(experiment)
    for key in ("name", "device"):
        plain.pop(key)
    plain["training"].pop("engine")
    plain["data"].pop("path")
    plain["data"]["unlabelled"] = sorted(plain["data"]["unlabelled"])
    companions = experiment.data.companions
    plain["data"]["companions"] = {tf: len(paths) for tf, paths in companions.items()}
    plain["initial"] = None if experiment.initial is None else "given"
    decisive = [RESULTS_VERSION, plain, data_digest(experiment), test.digest()]
    named = [experiment.architecture.backbone, *(entry["kind"] for entry in experiment.alignments)]
    decisive += [source_digest(name) for name in named if ":" in name]
    text = json.dumps(decisive, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _filled(values: Mapping[str, Any], tf: str) -> dict[str, Any]:
    """Put the TF's name into every text."""
    return {
        key: value.replace("{tf}", tf) if isinstance(value, str) else value
        for key, value in values.items()
    }


def _refuse_equal(units: list[Unit]) -> None:
    """Refuse two variants that are the same training on every task; on some tasks they may be."""
    keys: dict[str, list[str]] = {}
    for unit in units:
        keys.setdefault(unit.variant, []).append(unit.key)
    first: dict[tuple[str, ...], str] = {}
    for variant, own in keys.items():
        other = first.setdefault(tuple(own), variant)
        if other != variant:
            raise InputError(
                f"'{variant}' and '{other}' are the same training on every task.",
                key=units[0].study,
                remedy="Leave one of them out.",
            )
