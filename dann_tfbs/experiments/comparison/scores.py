"""Scores of a study as an array: variants × tasks × seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.errors import InputError
from dann_tfbs.experiments.comparison.statistics import Floats
from dann_tfbs.experiments.comparison.study import Study
from dann_tfbs.experiments.outcome import Outcome


@dataclass(frozen=True)
class Axes:
    """Names along the axes of all arrays of a study.

    Attributes
    ----------
    variants
        The reference first, then factor by factor.
    tasks
        By TF, then by name.
    seeds
        In ascending order.
    tfs
        In the order of their tasks.
    tf_of_task
        Index into `tfs`, shape (tasks,).
    """

    variants: tuple[str, ...]
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    tfs: tuple[str, ...]
    tf_of_task: NDArray[np.intp]


def axes_of(study: Study) -> Axes:
    """Return the axes of a study; variants keep the order in which factors and they appear."""
    factor_of = {one.variant: one.factor for one in reversed(study.outcomes)}
    factors = {factor: i for i, factor in enumerate(dict.fromkeys(_factors(study.outcomes)))}
    order = {variant: i for i, variant in enumerate(dict.fromkeys(_variants(study.outcomes)))}
    variants = sorted(
        order, key=lambda name: (name != study.reference, factors[factor_of[name]], order[name])
    )
    tf_of = {one.task: one.tf for one in study.outcomes}
    tasks = sorted(tf_of, key=lambda task: (tf_of[task], task))
    tfs = list(dict.fromkeys(tf_of[task] for task in tasks))
    seeds = sorted({seed for one in study.outcomes for seed in one.seeds})
    return Axes(
        tuple(variants),
        tuple(tasks),
        tuple(seeds),
        tuple(tfs),
        np.array([tfs.index(tf_of[task]) for task in tasks], dtype=np.intp),
    )


def scores_of(study: Study, axes: Axes, metric: str) -> Floats:
    """Return the scores of a metric, shape (variants, tasks, seeds); NaN where there is none.

    Raises
    ------
    InputError
        If two outcomes tell of the same variant, task and seed, or one has more scores than seeds.
    """
    places = [
        {name: i for i, name in enumerate(names)}
        for names in (axes.variants, axes.tasks, axes.seeds)
    ]
    scores = np.full([len(place) for place in places], np.nan)
    for one in study.outcomes:
        values = one.scores.get(metric)
        if values is None:
            continue
        if len(values) != len(one.seeds):
            raise InputError(
                f"{one.variant} × {one.task} has {len(values)} scores of {len(one.seeds)} seeds.",
                path=study.folder,
                key=f"scores.{metric}",
            )
        for seed, value in zip(one.seeds, values, strict=True):
            place = (places[0][one.variant], places[1][one.task], places[2][seed])
            if np.isfinite(scores[place]):
                raise InputError(
                    f"the seed {seed} of {one.variant} × {one.task} stands twice.",
                    path=study.folder,
                    remedy="Give each run once; tell variants apart with --by KEY or --label NAME.",
                )
            scores[place] = value
    return scores


def metrics_of(study: Study) -> list[str]:
    """Return all metrics that outcomes hold, the one that decides first."""
    found = dict.fromkeys(name for one in study.outcomes for name in one.scores)
    if study.metric not in found:
        raise InputError(
            f"no outcome has the metric {study.metric}.",
            path=study.folder,
            key="metric",
            remedy=f"There are {', '.join(found) or 'none at all'}.",
        )
    return list(dict.fromkeys([study.metric, *found]))


def _variants(outcomes: Sequence[Outcome]) -> list[str]:
    return [one.variant for one in outcomes]


def _factors(outcomes: Sequence[Outcome]) -> list[str]:
    return [one.factor for one in outcomes]
