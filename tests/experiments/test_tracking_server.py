"""Against MLflow's server over HTTP: a run whose server dies in the middle is completed later."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from mlflow import MlflowClient
from tracked_runs import finished_run

from dann_tfbs.config import Experiment
from dann_tfbs.experiments.run_training import start_tracking
from dann_tfbs.experiments.sync import Synced, sync
from dann_tfbs.experiments.tracked.epoch_log import read_epochs
from dann_tfbs.experiments.tracked.remembered import recall
from dann_tfbs.experiments.tracked.store import connected
from dann_tfbs.experiments.tracked.upload import Exporters
from dann_tfbs.experiments.tracking import MlflowTracker


class Server:
    """MLflow's tracking server with files of its own, on a free port of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        connected(f"sqlite:///{folder}/mlflow.db")  # its tables, faster than the server makes them

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
        command += ["--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db"]
        command += ["--artifacts-destination", str(self.folder / "files")]
        quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        self.process = subprocess.Popen(
            command,
            env=os.environ | quiet,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        last = time.monotonic() + 120
        while time.monotonic() < last:
            try:
                with urllib.request.urlopen(f"{self.uri}/health", timeout=1):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise TimeoutError("MLflow's server does not start")

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    server = Server(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    server.kill()


def test_a_run_that_lost_the_server_is_completed_in_the_same_run(
    server, tmp_path, monkeypatch, caplog
):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    folder = finished_run(tmp_path / "run")
    points = read_epochs(folder)
    tracker = MlflowTracker(server.uri)
    start_tracking(tracker, "run", Experiment(), folder)
    tracker.attach(folder)
    tracker.log([p for p in points if p.step == 1])
    server.kill()
    tracker.log([p for p in points if p.step > 1])
    tracker.log_run(folder, Exporters())
    tracker.finish()
    assert len(caplog.records) == 1
    entry = recall(folder).at(server.uri)
    assert (entry.run_id, entry.complete) == (tracker.run_id, False)

    server.start()
    assert sync([tmp_path], server.uri, print) == Synced(sent=1)
    assert sync([tmp_path], server.uri, print) == Synced(complete=1)
    client = MlflowClient(server.uri)
    (run,) = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert run.info.run_id == tracker.run_id
    assert run.info.status == "FINISHED"
    assert (run.data.params["data.source"], run.data.tags["source"]) == ("CHS", "CHS")
    history = client.get_metric_history(tracker.run_id, "train/loss")
    told = [p for p in points if p.name == "train/loss"]
    assert [(m.step, m.value, m.timestamp) for m in history] == [
        (p.step, p.value, p.time) for p in told
    ]
    assert len(run.inputs.dataset_inputs) == 1
    files = {file.path for file in client.list_artifacts(tracker.run_id)}
    assert files == {"config.yaml", "metrics.json", "provenance.json", "pr.png"}
    logged = client.get_logged_model(run.outputs.model_outputs[0].model_id)
    stored = {file.path for file in client.list_logged_model_artifacts(logged.model_id)}
    assert str(logged.status) == "READY"
    assert "MLmodel" in stored
