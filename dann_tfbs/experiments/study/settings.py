"""The settings of a study: what is varied, on which data, how often, and what is measured."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from dann_tfbs.config import AssayCode
from dann_tfbs.errors import InputError
from dann_tfbs.settings import StrictSettings, read_yaml, validated, with_overrides, with_values

PREPARE = "prepare."
"""A change whose key begins so changes the recipe of the training table."""

Change = dict[str, Any]


class TaskSettings(StrictSettings):
    """A training set and a test set, for each of several TFs; `{tf}` in a text is its name."""

    name: str
    """Name of the kind of task, such as `chs-hts`; a task's own is this and the TF."""
    tfs: tuple[str, ...] = Field(min_length=1)
    source: Literal["auto", "both", "CHS", "GHTS", "HTS", "SMS", "PBM"]
    """Assay(s) to train on."""
    target: AssayCode
    """Assay to be predicted."""
    train: dict[str, Any] = Field({})
    """`path` of a prepared folder, or keys of a recipe of `dann-tfbs prepare`."""
    test: dict[str, Any] = Field({})
    """Keys of a recipe, all of whose rows test; or `fasta` and `answers` below the data's root; or
    `path` of a prepared folder, whose test split tests. Empty: the test split of `train`."""
    unlabelled: str | None = None
    """Pattern of a raw file of the target below the data's root, for variants that adapt."""
    settings: Change = Field({})
    """Settings of every variant on this task, under dotted keys."""


class DataSource(StrictSettings):
    """Where a study's data come from, and the tasks made of them."""

    root: str | None = None
    """Folder in the IBIS layout; `$NAME` is an environment variable."""
    simulate: dict[str, Any] | None = None
    """Settings of `dann-tfbs simulate`, which makes the folder: `scale` and others."""
    tasks: tuple[TaskSettings, ...] = Field(min_length=1)
    factors: dict[str, dict[str, Change]] = Field({})
    """Further factors, which need what only these data hold."""

    @model_validator(mode="after")
    def _one_origin(self) -> DataSource:
        if self.root is not None and self.simulate is not None:
            raise ValueError("give root or simulate, not both")
        return self


class StudySettings(StrictSettings):
    """A whole study. Variants are compared on every task, seed by seed."""

    name: str
    question: str = ""
    """What the study is to answer, for the report."""
    base: Path | None = None
    """Settings of `dann-tfbs train` to start from; relative to the study's file."""
    settings: Change = Field({})
    """Settings of every variant, under dotted keys."""
    design: Literal["one-at-a-time", "grid", "list"] = "one-at-a-time"
    """`one-at-a-time`: the reference, and each value of each factor by itself; `grid`: all
    combinations of one value of each factor, the first of each being the reference; `list`: the
    variants as given, the first being the reference."""
    reference: str = "reference"
    """Name of the variant that the others are compared with, in `one-at-a-time`."""
    factors: dict[str, dict[str, Change]] = Field({})
    """By factor and name of its value: the settings it changes, under dotted keys; `prepare.KEY`
    changes the recipe of the training table."""
    variants: dict[str, Change] = Field({})
    """By name, for `list`."""
    seeds: int = Field(5, ge=1)
    """Models of each variant and task, trained side by side."""
    metric: Literal["auroc", "auprc"] = "auroc"
    """What comparisons are ordered by; both are recorded."""
    selection: tuple[Literal["source", "iwv", "dev", "oracle"], ...] = ()
    """Rules that choose among the variants of each task, to be compared with the best choice."""
    data: dict[str, DataSource] = Field(min_length=1)
    """Sources by name; one is used at a time."""
    full: dict[str, Any] = Field({})
    """What `--full` changes of this study, under dotted keys."""

    @field_validator("name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not value or "/" in value or value.startswith("."):
            raise ValueError("must be usable as the name of a folder")
        return value

    @model_validator(mode="after")
    def _design_fits(self) -> StudySettings:
        if self.design == "list" and (self.factors or not self.variants):
            raise ValueError("design list takes variants, not factors")
        varied = self.factors or any(source.factors for source in self.data.values())
        if self.design != "list" and (self.variants or not varied):
            raise ValueError(f"design {self.design} takes factors, not variants")
        if any(not values for values in self.factors.values()):
            raise ValueError("a factor has no values")
        return self


def read_study_settings(
    path: Path, overrides: tuple[str, ...] = (), *, full: bool
) -> StudySettings:
    """Read a study's file.

    Parameters
    ----------
    path
        The YAML file.
    overrides
        Further `KEY=VALUE` settings of the study.
    full
        Whether to apply what the study says under `full`.

    Raises
    ------
    InputError
        If the file cannot be read or a key or value is wrong.
    """
    values = read_yaml(path)
    if full:
        if not values.get("full"):
            raise InputError("this study has no full variant.", path=path, key="--full")
        values = with_values(values, values["full"])
    study = validated(StudySettings, with_overrides(values, overrides), str(path))
    if study.base is not None and not study.base.is_absolute():
        study = study.model_copy(update={"base": (path.parent / study.base).resolve()})
    return study


def chosen_source(study: StudySettings, name: str | None) -> str:
    """Return the name of the data to use: the given one, or the first whose folder is there.

    Raises
    ------
    InputError
        If the study has no such data.
    """
    if name is not None:
        if name not in study.data:
            raise InputError(
                f"the study has no data '{name}'.",
                key="--data",
                remedy=f"It has {', '.join(study.data)}.",
            )
        return name
    for found, source in study.data.items():
        place = None if source.root is None else os.path.expandvars(source.root)
        if place is None or (place and Path(place).is_dir()):  # a variable may be set, but empty
            return found
    return next(iter(study.data))
