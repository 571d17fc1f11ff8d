"""Settings and tables of trainings with an assay left out."""

import numpy as np
import pytest
from planted import planted_table, small_experiment

from dann_tfbs.data.table import read_table
from dann_tfbs.experiments.adapting_run import Request, adapt
from dann_tfbs.experiments.leaving_out import (
    _remaining_source,
    _table_without,
    left_out_scores,
    without_assay,
)
from dann_tfbs.experiments.tracking import Tracker
from dann_tfbs.run_folder import Run, find_runs, read_run
from dann_tfbs.training.train import train


@pytest.mark.parametrize(
    ("source", "assay", "assays", "left"),
    [
        ("both", "GHTS", ["CHS", "GHTS"], "CHS"),
        ("both", "HTS", ["HTS", "GHTS", "CHS"], "both"),
        ("CHS", "GHTS", ["CHS", "GHTS"], "CHS"),
        ("CHS", "CHS", ["CHS", "GHTS"], "GHTS"),
        ("CHS", "CHS", ["CHS", "SMS", "GHTS"], "GHTS"),
        ("HTS", "HTS", ["HTS", "GHTS", "CHS"], "both"),
        ("CHS", "CHS", ["CHS", "SMS", "PBM"], "SMS"),
    ],
)
def test_what_is_left_of_a_source(source, assay, assays, left):
    assert _remaining_source(source, assay, assays) == left


def test_the_assay_left_out_plays_the_target(tmp_path):
    heads = {"HTS": {"window": 30, "negatives_per_positive": 2.0}, "PBM": {"window": 20}}
    experiment = small_experiment(
        tmp_path / "table",
        mode="multihead",
        heads=heads,
        data={"source": "both", "score_length": "train", "unlabelled": {"HTS": tmp_path / "pool"}},
        adaptation={"alignments": [{"kind": "coral"}]},
    )
    runs = [Run(tmp_path, experiment.model_copy(update={"seed": seed}), {}) for seed in (5, 4)]
    for assay, window in (("GHTS", 30), ("PBM", 20)):
        found = without_assay(runs, assay, ["CHS", "GHTS", "PBM"], tmp_path / "other")
        assert found.data.target == assay
        assert next(iter(found.head_settings)) == assay
        assert found.window_of(assay) == window
        assert found.data.unlabelled == {}
        assert found.data.path == tmp_path / "other"
        assert found.alignments == experiment.alignments
        assert (found.seed, found.seeds) == (4, 2)
        assert set(found.heads) == {"HTS", "PBM", assay}
    baseline = small_experiment(tmp_path / "table", data={"source": "CHS"})
    alone = without_assay([Run(tmp_path, baseline, {})], "CHS", ["CHS", "GHTS"], tmp_path)
    assert list(alone.heads) == ["CHS"]
    assert alone.data.source == "GHTS"
    assert alone.data.training_window == 24


def test_labels_of_the_assay_are_hidden(tmp_path):
    path = planted_table(tmp_path / "table", ("CHS", "GHTS"), n=20, validation=10)
    made = read_table(_table_without(path, "FOXA1", "CHS", tmp_path / "work")).to_pylist()
    left_out = [row for row in made if row["assay"] == "CHS"]
    assert len(left_out) == 20
    assert {(row["split"], row["source"], row["label"]) for row in left_out} == {
        ("target", "target", None)
    }
    kept = [row for row in read_table(path).to_pylist() if row["assay"] == "GHTS"]
    assert [row for row in made if row["assay"] == "GHTS"] == [
        row for row in kept if row["split"] != "test"
    ]


def test_a_run_that_started_from_another_is_trained_again_from_the_beginning(tmp_path):
    """Else the weights that it starts from would have seen the labels of the assay left out."""
    path = planted_table(tmp_path / "table", ("CHS", "GHTS"), n=96, validation=40)
    brief = {"epochs": 1}
    train(
        small_experiment(path, data={"source": "both"}, training=brief, seeds=2), tmp_path / "old"
    )
    (tmp_path / "pool.txt").write_text("ACGTTGCATTGACCAGTACCAGTA\n" * 40)
    for folder, name in ((tmp_path / "old", "both"), (tmp_path / "old" / "seed-1", "one")):
        request = Request(["coral"])
        adapt(folder, tmp_path / "pool.txt", tmp_path / name, request, Tracker)
        runs = [read_run(one) for one in find_runs(tmp_path / name)]
        said: list[str] = []
        work = tmp_path / f"work-{name}"
        scores = left_out_scores(name, runs, path, work, "cpu", said.append)
        assert set(scores) == {"CHS", "GHTS"}
        assert all(0 <= score <= 1 for score in scores.values())
        assert len(said) == 4
        trained = [read_run(one) for top in work.glob("without-*") for one in find_runs(top)]
        started = [run for run in trained if run.experiment.initial is not None]
        assert len(started) == len(trained) / 2 == 2 * len(runs)
        for run in started:
            assert run.experiment.initial.parent == work
            base = read_run(find_runs(run.experiment.initial)[0]).experiment
            assert base.initial is None
            assert base.data.target == run.experiment.data.target
            assert base.data.path == run.experiment.data.path
            assert run.experiment.alignments == [{"kind": "coral"}]
            assert np.isfinite(run.metrics["history"][0]["train_loss"])
