import math

import pytest

from dann_tfbs.evaluation.benchmark.ranking import cell_ranks, geometric_mean, standings
from dann_tfbs.evaluation.benchmark.score import AAA, Cell, Score, Scores, with_ranked_entries


def made(values, teams):
    """Build scores from {team: {(assay, tf, background, metric): value}}."""
    cells = dict.fromkeys(Cell(*key) for own in values.values() for key in own)
    scores = [
        Score(team, Cell(*key), AAA, "", value, 1, 1)
        for team, own in values.items()
        for key, value in own.items()
    ]
    return Scores(tuple(teams), tuple(cells), tuple(scores), ())


def test_ties_share_the_better_rank_and_missing_teams_get_the_worst():
    cell = ("CHS", "A", "shades", "AUROC")
    scores = made({"a": {cell: 0.5}, "b": {cell: 0.9}, "c": {cell: 0.9}}, "abcde")
    ranks = {team: own[Cell(*cell)] for team, own in cell_ranks(scores).items()}
    assert ranks == {"a": 3, "b": 1, "c": 1, "d": 5, "e": 5}


def test_ranks_merge_over_backgrounds_then_assays_then_tfs():
    one = {
        ("CHS", "A", "shades", "AUROC"): 0.9, ("CHS", "A", "aliens", "AUROC"): 0.1,
        ("GHTS", "A", "shades", "AUROC"): 0.1, ("CHS", "B", "shades", "AUROC"): 0.9,
    }  # fmt: skip
    two = dict.fromkeys(one, 0.5)
    found = {each.team: each for each in standings(made({"one": one, "two": two}, ["two", "one"]))}
    # TF A: CHS has ranks 1 and 2, GHTS rank 2: √(√2 · 2); TF B: rank 1.
    assert found["one"].by_tf == {"A": pytest.approx(2**0.75), "B": 1.0}
    assert found["one"].overall == pytest.approx(2**0.375)
    # The other: CHS 2 and 1, GHTS 1, and 2 for B.
    assert found["two"].by_tf == {"A": pytest.approx(2**0.25), "B": 2.0}
    assert found["two"].overall == pytest.approx(2**0.625)
    assert [found["one"].place, found["two"].place] == [1, 2]


def test_teams_without_values_stand_last():
    cells = {("CHS", "A", b, "AUROC"): 0.5 for b in ("shades", "aliens")}
    less = dict(list(cells.items())[:1])
    found = standings(made({"some": less, "all": cells}, ["none", "some", "all"]))
    assert [(each.team, each.place, each.missing) for each in found] == [
        ("all", 1, 0), ("some", 2, 1), ("none", 3, 2),
    ]  # fmt: skip


def test_equal_ranks_in_another_order_share_a_place():
    keys = [("CHS", tf, "shades", "AUROC") for tf in "ABC"]
    left = dict(zip(keys, [3.0, 2.0, 1.0], strict=True))
    middle = dict(zip(keys, [1.0, 3.0, 2.0], strict=True))
    right = dict(zip(keys, [2.0, 1.0, 3.0], strict=True))
    found = standings(made({"x": left, "y": middle, "z": right}, "xyz"))
    assert [each.place for each in found] == [1, 1, 1]
    assert found[0].overall == pytest.approx(6 ** (1 / 3))


def test_geometric_mean_by_hand():
    assert geometric_mean([1, 4]) == 2.0
    assert geometric_mean([2, 3, 6]) == pytest.approx(math.pow(36, 1 / 3))


def test_the_best_matrix_stands_for_a_team_without_a_table():
    cells = [Cell("CHS", "A", b, "AUROC") for b in ("shades", "aliens")]
    matrices = [
        Score("t", cell, name, scoring, value, 1, 1)
        for name, scoring, values in (("m", "besthit", (0.6, 0.9)), ("m", "sumocc", (0.8, 0.6)))
        for cell, value in zip(cells, values, strict=True)
    ]
    chosen = {(each.entry, each.scoring) for each in with_ranked_entries(matrices) if each.ranked}
    assert chosen == {("m", "besthit")}
    assert all(each.oracle for each in with_ranked_entries(matrices) if each.ranked)
    table = [Score("t", cell, AAA, "", 0.1, 1, 1) for cell in cells]
    ranked = [each for each in with_ranked_entries([*matrices, *table]) if each.ranked]
    assert {each.entry for each in ranked} == {AAA}
    assert not any(each.oracle for each in ranked)
