import json

import pytest
from tracked_runs import DIGEST, HISTORY, finished_run

from dann_tfbs.config import Experiment
from dann_tfbs.experiments.tracked.epoch_log import EpochLog, read_epochs
from dann_tfbs.experiments.tracked.facts import (
    Input,
    epoch_metrics,
    facts_of,
    first_params,
    run_name,
)

STARTED = 1767323045000
"""2026-01-02T03:04:05Z in milliseconds."""


def test_names_of_metrics_are_in_groups():
    record = {"epoch": 3, "train_loss": 1, "coral_loss": 2, "validation_auroc_PBM": 3}
    names = ["train/loss", "train/coral_loss", "validation/auroc_PBM"]
    assert list(epoch_metrics(record)) == names
    assert list(epoch_metrics(record, "CHS")) == [f"with CHS/{name}" for name in names]


def test_a_folder_tells_all_there_is(tmp_path):
    folder = finished_run(tmp_path / "run")
    facts = facts_of(folder)
    assert facts.params["data.source"] == "CHS"
    assert facts.params["architecture.stem_widths"] == "[11, 15, 19]"
    assert {k: facts.tags[k] for k in ("tf", "source", "target", "mode", "study")} == {
        "tf": "MAX", "source": "CHS", "target": "HTS", "mode": "baseline", "study": ""
    }  # fmt: skip
    assert facts.inputs == [Input("MAX MAX", "prepared/MAX", DIGEST, "training")]
    assert (facts.started, facts.ended) == (STARTED, STARTED + 1500)
    assert [f.name for f in facts.files] == [
        "config.yaml", "metrics.json", "provenance.json", "figures"
    ]  # fmt: skip
    assert "figures" not in [f.name for f in facts_of(folder, figures=False).files]


def test_epochs_keep_the_times_of_the_diary_and_the_best_epoch_is_one_number(tmp_path):
    folder = finished_run(tmp_path / "run")
    points = {(p.name, p.step): p for p in facts_of(folder).points}
    for told in read_epochs(folder):
        assert points[told.name, told.step] == told
    assert len({points["train/loss", step].time for step in (1, 2, 3)}) == 3
    assert points["best/epoch", 0].value == 2
    assert points["best/validation_auroc", 0].value == 0.9
    assert points["system/process_cpu_seconds", 3].value == 2


def test_without_a_diary_the_end_of_the_run_is_the_time_of_all(tmp_path):
    points = facts_of(finished_run(tmp_path / "run", diary=False)).points
    losses = [(p.step, p.value, p.time) for p in points if p.name == "train/loss"]
    assert losses == [(int(r["epoch"]), r["train_loss"], STARTED + 1500) for r in HISTORY]


def test_the_chosen_candidate_is_told_with_and_without_its_name(tmp_path):
    folder = finished_run(tmp_path / "run", diary=False)
    log = EpochLog(folder)
    for source, shift in (("CHS", 0), ("GHTS", 1)):
        for r in HISTORY:
            log.add(int(r["epoch"]), {f"with {source}/train/loss": r["train_loss"] + shift}, {})
    points = {(p.name, p.step): p for p in facts_of(folder).points}
    assert points["train/loss", 2].value == 0.5
    assert points["train/loss", 2].time == points["with CHS/train/loss", 2].time
    assert points["with GHTS/train/loss", 2].value == 1.5


def test_further_data_keep_their_digests(tmp_path):
    folder = finished_run(tmp_path / "run")
    text = (folder / "config.yaml").read_text().replace("unlabelled: {}", "unlabelled: {HTS: a.fa}")
    (folder / "config.yaml").write_text(text)
    (folder / "provenance.json").write_text(json.dumps({"data_sha256": f"{DIGEST} ff"}))
    training, unlabelled = facts_of(folder).inputs
    assert training.context == "training"
    assert unlabelled == Input("a.fa", "a.fa", "ff", "unlabelled")


def test_what_a_training_fills_in_is_not_told_before(tmp_path):
    before = first_params(Experiment())
    after = facts_of(finished_run(tmp_path / "run")).params
    assert {"data.source", "data.tf", "data.window", "data.score_length"} <= after.keys()
    assert not {"data.source", "data.tf", "data.window", "data.score_length"} & before.keys()
    assert before["seed"] == "0"


@pytest.mark.parametrize(
    ("path", "name"), [("a/run", "run"), ("a/many/seed-12", "many/seed-12"), ("a/seed-x", "seed-x")]
)
def test_a_seed_is_shown_with_its_ensemble(tmp_path, path, name):
    assert run_name(tmp_path / path) == name
