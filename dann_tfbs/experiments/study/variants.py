"""From factors to variants: the named sets of changes that a study compares."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from dann_tfbs.errors import InputError
from dann_tfbs.experiments.study.settings import PREPARE, Change, DataSource, StudySettings


@dataclass(frozen=True)
class Variant:
    """One way to train.

    Attributes
    ----------
    name
        Shown in every table.
    factor
        What it varies; empty for the reference, and in a list.
    training
        Settings of `dann-tfbs train` that it changes, under dotted keys.
    recipe
        Keys of the training table's recipe that it changes.
    """

    name: str
    factor: str
    training: Change
    recipe: Change


def variants_of(study: StudySettings, source: DataSource) -> list[Variant]:
    """Return the variants of a study on some data, the reference first.

    Raises
    ------
    InputError
        If two have the same name.
    """
    factors = {**study.factors, **source.factors}
    if study.design == "list":
        found = [_variant(name, "", change) for name, change in study.variants.items()]
    elif study.design == "grid":
        found = []
        for combination in product(*(values.items() for values in factors.values())):
            name = ", ".join(value for value, _ in combination)
            change = {key: v for _, changes in combination for key, v in changes.items()}
            found.append(_variant(name, "" if not found else "grid", change))
    else:
        found = [_variant(study.reference, "", {})]
        for factor, values in factors.items():
            found += [_variant(name, factor, change) for name, change in values.items()]
    names = [variant.name for variant in found]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise InputError(f"two variants are called '{repeated}'.", key=study.name)
    return found


def _variant(name: str, factor: str, change: Change) -> Variant:
    recipe = {k.removeprefix(PREPARE): v for k, v in change.items() if k.startswith(PREPARE)}
    training = {k: v for k, v in change.items() if not k.startswith(PREPARE)}
    return Variant(name, factor, training, recipe)
