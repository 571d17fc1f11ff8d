"""Runs without a study: which task each is of, and which variant."""

import pytest

from dann_tfbs.errors import InputError
from dann_tfbs.experiments.comparison.naming import named


def settings(tf="FOXA1", mode="baseline", **values):
    keys = {"data.tf": tf, "data.source": "CHS", "data.target": "HTS", "data.path": f"t/{tf}"}
    return {**keys, "mode": mode, "data.window": 40 + len(tf), "seed": 0, **values}


def pairs(*args, **values):
    return [(one.task, one.variant) for one in named(*args, **values)]


def test_runs_of_one_task_are_named_by_their_folders():
    found = pairs([settings(), settings(mode="dann")], ["old", "new"])
    assert found == [("FOXA1: CHS → HTS", "old"), ("FOXA1: CHS → HTS", "new")]


def test_runs_of_several_tfs_are_compared_by_mode():
    runs = [settings(tf, mode) for tf in ("CTCF", "FOXA1") for mode in ("baseline", "dann")]
    assert pairs(runs, list("abcd")) == [
        ("CTCF: CHS → HTS", "baseline"),
        ("CTCF: CHS → HTS", "dann"),
        ("FOXA1: CHS → HTS", "baseline"),
        ("FOXA1: CHS → HTS", "dann"),
    ]


def test_where_the_mode_is_not_enough_all_that_differs_within_a_task_makes_the_name():
    # The window differs between TFs alone and makes no variant.
    runs = [
        settings(tf, mode, **{"training.epochs": epochs, "adaptation.alignments": alignments})
        for tf in ("CTCF", "FOXA1")
        for mode, epochs, alignments in (
            ("baseline", 6, []),
            ("baseline", 9, [{"kind": "mmd", "weight": 0.5}, {"kind": "coral"}]),
            ("dann", 6, []),
        )
    ]
    assert [variant for _, variant in pairs(runs, list("abcdef"))][:3] == [
        "baseline, epochs=6, alignments=none",
        "baseline, epochs=9, alignments=mmd × 0.5 + coral",
        "dann, epochs=6, alignments=none",
    ]


def test_a_key_can_be_named_and_leaves_the_task():
    runs = [settings(), settings(**{"data.source": "both"})]
    assert pairs(runs, ["a", "b"], by=["data.source"]) == [
        ("FOXA1: HTS", "source=CHS"),
        ("FOXA1: HTS", "source=both"),
    ]


def test_a_key_that_no_run_has_is_refused():
    with pytest.raises(InputError, match=r"training.epoch: no run has this setting"):
        named([settings()], ["a"], ["training.epoch"])
