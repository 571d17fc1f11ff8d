"""Finished runs and studies in MLflow: once, under their study, in full."""

import json
import logging
from pathlib import Path

import yaml
from mlflow import MlflowClient
from tracked_runs import finished_run

from dann_tfbs.experiments import recorded
from dann_tfbs.experiments.outcome import Outcome, write_outcome
from dann_tfbs.experiments.recorded import (
    finish_parent,
    record_outcome,
    record_run,
    send_run,
    start_parent,
    start_study,
)
from dann_tfbs.experiments.tracked import opening
from dann_tfbs.experiments.tracked.remembered import held, recall


def run_of(folder: Path, uri: str) -> str:
    return recall(folder).at(uri).run_id


def runs_with(client: MlflowClient, folder: Path) -> list:
    """Return all runs in MLflow that come from a folder."""
    places = [e.experiment_id for e in client.search_experiments()]
    return client.search_runs(places, f"tags.run_folder = '{folder.resolve()}'")


def test_a_finished_folder_is_recorded_as_it_was(uri, client, tmp_path):
    folder = finished_run(tmp_path / "run")
    assert record_run(folder, uri, model=False, metrics={"test/auroc": 0.75})
    (run,) = runs_with(client, folder)
    assert (run.info.run_name, run.info.status) == ("run", "FINISHED")
    assert run.info.end_time - run.info.start_time == 1500
    assert run.data.metrics["test/auroc"] == 0.75
    history = client.get_metric_history(run.info.run_id, "validation/auroc")
    assert [(m.step, m.value) for m in history] == [(1, 0.7), (2, 0.9), (3, 0.8)]
    assert recall(folder).at(uri).complete


def test_what_is_complete_is_not_sent_again(uri, client, tmp_path, monkeypatch):
    folder = finished_run(tmp_path / "run")
    assert send_run(folder, uri, model=False)
    monkeypatch.setattr(recorded, "facts_of", None)
    assert not send_run(folder, uri, model=False)
    assert len(runs_with(client, folder)) == 1


def test_an_interrupted_sending_is_completed_in_the_same_run(uri, client, tmp_path, monkeypatch):
    folder = finished_run(tmp_path / "run")

    def broken(*_):
        raise ConnectionError("lost")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_artifact", broken)
        assert not record_run(folder, uri, model=False)
    before = run_of(folder, uri)
    assert not recall(folder).at(uri).complete
    assert record_run(folder, uri, model=False)
    assert run_of(folder, uri) == before
    assert len(client.get_metric_history(before, "train/loss")) == 3
    assert len(client.get_run(before).inputs.dataset_inputs) == 1
    assert client.get_run(before).info.status == "FINISHED"


def test_a_run_whose_making_was_never_answered_is_found_again(uri, client, tmp_path, monkeypatch):
    folder = finished_run(tmp_path / "run")
    make = opening.new_run

    def unanswered(*arguments):
        make(*arguments)
        raise TimeoutError("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(opening, "new_run", unanswered)
        assert not record_run(folder, uri, model=False)
    assert run_of(folder, uri) is None
    assert record_run(folder, uri, model=False)
    assert len(runs_with(client, folder)) == 1


def test_a_run_that_was_deleted_before_it_was_complete_is_made_anew(uri, client, tmp_path):
    folder = finished_run(tmp_path / "run")
    record_run(folder, uri, model=False)
    remembered = json.loads((folder / "tracking.json").read_text())
    for entry in remembered["stores"].values():
        entry["complete"] = False
        client.delete_run(entry["run_id"])
    (folder / "tracking.json").write_text(json.dumps(remembered))
    assert record_run(folder, uri, model=False)
    assert len(runs_with(client, folder)) == 1


def test_a_folder_that_another_process_records_is_left_to_it(uri, client, tmp_path, caplog):
    folder = finished_run(tmp_path / "run")
    with held(folder):
        assert not record_run(folder, uri, model=False)
    assert "another process is recording this" in caplog.text
    assert runs_with(client, folder) == []


def test_a_damaged_folder_is_one_warning(uri, tmp_path, caplog):
    folder = finished_run(tmp_path / "run")
    (folder / "config.yaml").write_text("- no settings\n")
    assert not record_run(folder, uri)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def study_folder(folder: Path) -> Path:
    """Write a study of one training of two seeds."""
    for seed in (0, 1):
        finished_run(folder / "runs" / "k1" / "run" / f"seed-{seed}", diary=False, seed=seed)
    outcome = Outcome(
        study="rates", variant="high", factor="rate", task="MAX CHS-HTS", tf="MAX", source="CHS",
        target="HTS", mode="baseline", seeds=(0, 1), scores={"auroc": (0.8, 0.9)},
    )  # fmt: skip
    write_outcome(folder / "runs" / "k1", outcome)
    values = {"name": "rates", "seeds": 2, "runs": [{"key": "k1"}]}
    (folder / "study.yaml").write_text(yaml.safe_dump(values))
    return folder


def test_seeds_of_a_study_are_children_with_their_scores(uri, client, tmp_path):
    study = study_folder(tmp_path / "study")
    parent = start_study(study, uri)
    assert record_outcome(study / "runs" / "k1", uri, parent=parent)
    assert finish_parent(uri, parent, folder=study, metrics={"runs": 2})
    run = client.get_run(parent)
    assert (run.info.run_name, run.info.status) == ("rates", "FINISHED")
    assert run.data.params == {"name": "rates", "seeds": "2"}
    assert run.data.metrics == {"runs": 2}
    children = client.search_runs(
        [run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent}'"
    )
    found = {c.info.run_name: c for c in children}
    assert sorted(found) == ["high · MAX CHS-HTS · seed 0", "high · MAX CHS-HTS · seed 1"]
    second = found["high · MAX CHS-HTS · seed 1"].data
    assert second.metrics["test/auroc"] == 0.9
    assert second.metrics["best/validation_auroc"] == 0.9
    named = {"study": "rates", "variant": "high", "factor": "rate", "task": "MAX CHS-HTS"}
    named |= {"tf": "MAX", "source": "CHS", "target": "HTS", "mode": "baseline"}
    assert named.items() <= second.tags.items()


def test_a_study_that_goes_on_has_one_run(uri, client, tmp_path):
    study = study_folder(tmp_path / "study")
    first = start_study(study, uri)
    finish_parent(uri, first, folder=study, status="KILLED")
    assert recall(study).at(uri).complete
    assert start_study(study, uri) == first
    assert not recall(study).at(uri).complete
    assert client.get_run(first).info.status == "RUNNING"


def test_children_recorded_before_their_study_are_put_below_it(uri, client, tmp_path):
    study = study_folder(tmp_path / "study")
    outcome = study / "runs" / "k1"
    assert record_outcome(outcome, uri)
    parent = start_study(study, uri)
    assert record_outcome(outcome, uri)
    for seed in (0, 1):
        run = client.get_run(run_of(outcome / "run" / f"seed-{seed}", uri))
        assert run.data.tags["mlflow.parentRunId"] == parent


def test_nothing_is_raised_where_there_is_no_server(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    folder, away = finished_run(tmp_path / "run"), "http://127.0.0.1:9"
    assert start_parent(away, "e", "study", {"a": {"b": 1}}, {}) is None
    assert not finish_parent(away, None)
    assert not record_run(folder, away)
    assert len(caplog.records) == 2
