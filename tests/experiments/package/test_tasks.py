"""Settings, recipes and failures of single trainings of a package."""

import json
import pickle
from functools import partial

import pytest

from dann_tfbs.data.table import MANIFEST_FILE
from dann_tfbs.errors import InputError
from dann_tfbs.experiments.package import tasks
from dann_tfbs.experiments.package.run import table_of
from dann_tfbs.experiments.package.tasks import (
    Outcome,
    Task,
    assays_for,
    check_recipe,
    outcome_of,
    recipe_of,
    run_task,
    settings_of,
)


def task(**changes):
    experiment = settings_of({}, "HTS", "A")
    values = {"recipe": {"ibis_root": "nowhere"}, "assays": ("CHS", "GHTS"), **changes}
    return Task("A", "HTS", experiment, **values)


def experiments(*targets, **values):
    return {target: settings_of(values, target) for target in targets}


@pytest.mark.parametrize(("target", "ratio", "window"), [("HTS", 10, 40), ("PBM", 1, 35)])
def test_a_baseline_learns_at_the_ratio_and_window_of_its_target(target, ratio, window):
    experiment = settings_of({}, target, "A")
    assert experiment.head_settings[target].negatives_per_positive == ratio
    assert experiment.window_of(target) == window
    assert (experiment.data.tf, experiment.data.target) == ("A", target)


def test_one_configuration_serves_all_targets_and_modes():
    heads = {"HTS": {"negatives_per_positive": 3}, "PBM": {"window": 30}}
    baseline = settings_of({"heads": heads}, "HTS")
    assert list(baseline.head_settings) == ["HTS"]
    assert baseline.head_settings["HTS"].negatives_per_positive == 3
    several = settings_of({"heads": heads, "mode": "multihead"}, "PBM")
    assert several.window_of("PBM") == 30
    ratios = {name: head.negatives_per_positive for name, head in several.head_settings.items()}
    assert ratios == {"HTS": 3, "PBM": 1}
    everything = {"PBM": {"negatives_per_positive": None}}
    assert settings_of({"heads": everything}, "PBM").heads["PBM"].negatives_per_positive is None


@pytest.mark.parametrize("mode", ["baseline", "multihead"])
@pytest.mark.parametrize("values", [{"data": "x"}, {"heads": [1]}, {"heads": {"HTS": 3}}])
def test_settings_of_a_wrong_form_are_named(mode, values):
    (key,) = values
    with pytest.raises(InputError, match=key):
        settings_of({"mode": mode, **values}, "HTS")


@pytest.mark.parametrize("key", ["path", "tf", "target"])
def test_what_the_package_decides_is_no_setting(key):
    with pytest.raises(InputError, match=rf"data\.{key}.*decides this by itself"):
        settings_of({"data": {key: "HTS"}}, "HTS")


def test_the_table_of_a_tf_has_enough_negatives_for_every_target_and_no_test_rows():
    genomic = recipe_of({}, experiments("HTS", "SMS", "PBM"))
    assert (genomic["ratio"], genomic["split"]) == (10, {"test": 0})
    assert recipe_of({}, experiments("CHS", "GHTS"))["ratio"] == 1
    own = recipe_of({"ratio": 3, "split": {"by": "hash"}}, experiments("HTS"))
    assert (own["ratio"], own["split"]) == (3, {"test": 0, "by": "hash"})
    more = experiments("HTS", "PBM", heads={"PBM": {"negatives_per_positive": 20}})
    assert recipe_of({}, more)["ratio"] == 20


@pytest.mark.parametrize("key", ["tf", "assays", "ibis_root", "sheet", "genome"])
def test_what_the_package_decides_is_no_key_of_a_recipe(key):
    with pytest.raises(InputError, match=rf"--prepare {key}.*decides this by itself"):
        recipe_of({key: "x"}, experiments("HTS"))


def test_a_split_of_a_wrong_form_is_named():
    recipe = recipe_of({"split": "hash"}, experiments("HTS")) | {"ibis_root": "nowhere"}
    with pytest.raises(InputError, match=r"--prepare.*split"):
        check_recipe(task(recipe=recipe))


@pytest.mark.parametrize(
    ("mode", "source", "expected"),
    [
        ("baseline", "auto", ("CHS", "GHTS")),
        ("baseline", "both", ("CHS", "GHTS")),
        ("baseline", "GHTS", ("GHTS",)),
        ("multihead", "GHTS", ("CHS", "GHTS")),
        ("baseline", "HTS", ("CHS", "GHTS")),
    ],
)
def test_a_baseline_of_a_named_source_needs_that_alone(mode, source, expected):
    experiment = settings_of({"mode": mode, "data": {"source": source}}, "HTS")
    assert assays_for(experiment, ["CHS", "GHTS"]) == expected


@pytest.mark.parametrize(
    ("held_out", "expected"),
    [
        ({"CHS": {"positive": 20, "gc": 9}, "GHTS": {"gc": 90}}, [("CHS", "GHTS"), ("CHS",)]),
        ({"CHS": {"positive": 19, "gc": 9}, "GHTS": {"positive": 20, "gc": 9}},
         [("CHS", "GHTS"), ("GHTS",)]),
        ({"CHS": {"positive": 20, "gc": 9}, "GHTS": {"positive": 20, "gc": 9}},
         [("CHS", "GHTS")]),
        ({"CHS": {"positive": 2, "gc": 9}}, [("CHS", "GHTS"), ("CHS",)]),
        ({}, [("CHS", "GHTS")]),
    ],
)  # fmt: skip
def test_an_assay_too_small_to_hold_enough_out_is_left_out(
    tmp_path, monkeypatch, held_out, expected
):
    asked = []

    def prepared(values, folder, name):
        asked.append(values["assays"])
        counts = {"CHS train positive": 500, "GHTS train positive": 500}
        for assay, own in held_out.items():
            counts |= {f"{assay} validation {kind}": count for kind, count in own.items()}
        (folder / MANIFEST_FILE).write_text(json.dumps({"counts": counts}))
        return folder

    monkeypatch.setattr(tasks, "prepared", prepared)
    tasks._table(task(), tmp_path)
    assert asked == expected


def test_a_task_can_be_sent_to_another_process(tmp_path):
    work, sent = pickle.loads(pickle.dumps((partial(run_task, out=tmp_path), task())))
    assert sent == task()
    assert work.func is run_task


def test_a_failure_is_told_with_its_traceback(tmp_path):
    assert run_task(task(), tmp_path) is False
    text = (tmp_path / "failed" / "A-HTS.txt").read_text()
    assert text.splitlines()[0].startswith("InputError: nowhere: is no folder.")
    assert "Traceback" in text
    outcome = outcome_of(task(), tmp_path)
    assert "is no folder" in outcome.error
    assert outcome_of(task(), tmp_path / "elsewhere").error == "was not trained"
    assert "| A | HTS | failed | | | |" in table_of([outcome])


def test_a_finished_training_may_be_begun_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(tasks, "is_run", lambda folder: True)
    failure = tmp_path / "failed" / "A-HTS.txt"
    failure.parent.mkdir()
    failure.touch()
    assert run_task(task(), tmp_path) is True
    assert not failure.exists()


def test_the_table_is_sorted_by_tf_and_assay():
    rows = [
        Outcome("B", "HTS", "CHS", 0.9, 0.5, 3.0),
        Outcome("A", "PBM", "both", None, None, 2.0),
        Outcome("A", "HTS", "GHTS", 0.8, 0.25, 1.04),
    ]
    assert table_of(rows).splitlines()[2:] == [
        "| A | HTS | GHTS | 0.8000 | 0.2500 | 1.0 |",
        "| A | PBM | both | – | – | 2.0 |",
        "| B | HTS | CHS | 0.9000 | 0.5000 | 3.0 |",
    ]
