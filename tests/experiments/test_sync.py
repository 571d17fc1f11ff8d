"""Trees of runs brought to MLflow: found, sent once, continued."""

import logging
import shutil
import threading

import pytest
from test_recorded import runs_with, study_folder
from tracked_runs import finished_run

from dann_tfbs.errors import DannTfbsError, InputError
from dann_tfbs.experiments import sync as module
from dann_tfbs.experiments.sync import Synced, sync
from dann_tfbs.experiments.tracked.remembered import held, recall


@pytest.fixture(autouse=True)
def _without_models(monkeypatch):
    """Leave the models out, whose export takes long; other tests send them."""
    send = module.send_run
    monkeypatch.setattr(module, "send_run", lambda folder, uri: send(folder, uri, model=False))


def test_a_tree_is_sent_once(uri, client, tmp_path):
    finished_run(tmp_path / "runs" / "alone")
    finished_run(tmp_path / "runs" / "many" / "seed-0")
    study = study_folder(tmp_path / "runs" / "deep" / "study")
    (study / "report.html").write_text("<p>compared")
    # Neither copies in MLflow's own folder nor unfinished runs count.
    shutil.copytree(tmp_path / "runs" / "alone", tmp_path / "runs" / "mlflow-artifacts" / "x")
    (tmp_path / "runs" / "unfinished").mkdir()
    told: list[str] = []
    assert sync([tmp_path / "runs"], uri, told.append) == Synced(sent=4)
    assert [line.rpartition("/")[2] for line in told] == ["alone: sent", "k1: sent", "seed-0: sent"]
    parent = recall(study).at(uri)
    assert parent.complete
    assert client.get_run(parent.run_id).info.status == "FINISHED"
    assert [file.path for file in client.list_artifacts(parent.run_id)] == ["report.html"]
    again = sync([tmp_path / "runs", tmp_path / "runs" / "alone"], uri, told.append)
    assert again == Synced(complete=4)
    assert len(told) == 3


def test_a_run_that_came_to_a_study_later_joins_it(uri, client, tmp_path):
    study = study_folder(tmp_path / "study")
    hidden = shutil.move(study / "runs" / "k1" / "outcome.json", tmp_path / "outcome.json")
    assert sync([study], uri, print) == Synced()
    parent = recall(study).at(uri).run_id
    shutil.move(hidden, study / "runs" / "k1" / "outcome.json")
    assert sync([study], uri, print) == Synced(sent=2)
    run = client.get_run(recall(study / "runs" / "k1" / "run" / "seed-0").at(uri).run_id)
    assert run.data.tags["mlflow.parentRunId"] == parent
    assert client.get_run(parent).info.status == "FINISHED"


def test_one_bad_folder_does_not_stop_the_others(uri, tmp_path):
    bad, good = finished_run(tmp_path / "a"), finished_run(tmp_path / "b")
    (bad / "metrics.json").write_text("{")
    told: list[str] = []
    assert sync([tmp_path], uri, told.append) == Synced(sent=1, failed=1)
    assert told[0].startswith(f"{bad}: failed (")
    assert recall(good).at(uri).complete


def test_what_another_process_records_is_left_to_it(uri, tmp_path):
    folder = finished_run(tmp_path / "run")
    with held(folder):
        assert sync([folder], uri, print) == Synced(busy=1)
    assert "1 being recorded by another process" in str(Synced(busy=1))


def test_two_at_once_double_nothing(uri, client, tmp_path):
    folders = [finished_run(tmp_path / f"run-{number}") for number in range(4)]
    results: list[Synced] = []
    threads = [
        threading.Thread(target=lambda: results.append(sync([tmp_path], uri, lambda _: None)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    logging.disable(logging.NOTSET)  # threads of one process undo each other's settings
    assert sum(result.sent for result in results) == 4
    assert [len(runs_with(client, folder)) for folder in folders] == [1] * 4


def test_a_store_that_cannot_be_reached_ends_it_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    finished_run(tmp_path / "run")
    with pytest.raises(DannTfbsError, match="cannot be reached") as raised:
        sync([tmp_path], "http://127.0.0.1:9", print)
    assert raised.value.exit_code == 1


def test_a_place_without_runs_is_an_error_with_a_remedy(uri, tmp_path):
    with pytest.raises(InputError, match="there is no finished run here"):
        sync([tmp_path], uri, print)
    with pytest.raises(InputError, match="there is no such folder"):
        sync([tmp_path / "absent"], uri, print)
