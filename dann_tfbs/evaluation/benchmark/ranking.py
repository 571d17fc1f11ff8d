"""Ranks of teams: per cell, then merged by geometric means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dann_tfbs.evaluation.benchmark.score import Cell, Scores

RULE = (
    "Ranks are given per TF × background × metric, 1 for the best; equal values share the better "
    "rank; a team without a value gets the worst rank, the number of teams. They are merged by "
    "geometric means: over the backgrounds and metrics of an assay, then over the assays of a TF, "
    "then over TFs. The last step follows the challenge; how backgrounds, metrics and assays merge "
    "into the rank of a TF is not public, and is our choice."
)
"""The rule, in the words that every output carries."""


@dataclass(frozen=True)
class Standing:
    """The place of one team.

    Attributes
    ----------
    place
        1 for the best; teams of equal `overall` share it.
    team
        Its name.
    overall
        Geometric mean of `by_tf`.
    by_tf
        Merged rank of each TF.
    missing
        Number of cells without a value.
    """

    place: int
    team: str
    overall: float
    by_tf: dict[str, float]
    missing: int


def standings(scores: Scores) -> list[Standing]:
    """Rank the teams by the entries that stand for them; best first, teams without values last."""
    ranks = cell_ranks(scores)
    by_tf = {team: _merged(scores.cells, own) for team, own in ranks.items()}
    overall = {team: geometric_mean(list(own.values())) for team, own in by_tf.items()}
    values = ranked_values(scores)
    missing = {
        team: sum((team, cell) not in values for cell in scores.cells) for team in scores.teams
    }
    order = sorted(scores.teams, key=lambda team: (overall[team], missing[team]))
    places = _places({team: -overall[team] for team in order})
    return [
        Standing(places[team], team, overall[team], by_tf[team], missing[team]) for team in order
    ]


def ranked_values(scores: Scores) -> dict[tuple[str, Cell], float]:
    """Return the values that stand for the teams, by team and cell."""
    return {(score.team, score.cell): score.value for score in scores.scores if score.ranked}


def cell_ranks(scores: Scores) -> dict[str, dict[Cell, int]]:
    """Return each team's rank in each cell."""
    values = ranked_values(scores)
    ranks: dict[str, dict[Cell, int]] = {team: {} for team in scores.teams}
    for cell in scores.cells:
        here = {team: values[team, cell] for team in scores.teams if (team, cell) in values}
        places = _places(here)
        for team in scores.teams:
            ranks[team][cell] = places.get(team, len(scores.teams))
    return ranks


def _places(values: Mapping[str, float]) -> dict[str, int]:
    """Return places from the highest value downwards; equal values share the better place."""
    return {
        name: 1 + sum(other > value for other in values.values()) for name, value in values.items()
    }


def _merged(cells: Sequence[Cell], ranks: Mapping[Cell, int]) -> dict[str, float]:
    """Merge ranks of cells into one for each TF."""
    by_assay: dict[tuple[str, str], list[float]] = {}
    for cell in cells:
        by_assay.setdefault((cell.tf, cell.benchmark), []).append(ranks[cell])
    by_tf: dict[str, list[float]] = {}
    for (tf, _), own in by_assay.items():
        by_tf.setdefault(tf, []).append(geometric_mean(own))
    return {tf: geometric_mean(own) for tf, own in by_tf.items()}


def geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean of positive numbers.

    Rounded to twelve digits, so that teams of equal ranks in another order share their place.
    """
    return float(round(np.exp(np.mean(np.log(np.sort(values)))), 12))
