"""`dann-tfbs track sync` and `dann-tfbs ui`, up to what they hand on."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from click.testing import CliRunner

from dann_tfbs.cli import app
from dann_tfbs.experiments import sync as module
from dann_tfbs.experiments.sync import Synced


def run(*words):
    return CliRunner().invoke(app, [*map(str, words)], catch_exceptions=False)


@pytest.fixture
def handed(monkeypatch):
    """Return what the command hands on; nothing is sent."""
    calls = []

    def sync(paths, uri, report):
        calls.append(([str(path) for path in paths], uri))
        report("a: sent")
        return Synced(sent=1, complete=2, failed=int("bad" in str(paths)))

    monkeypatch.setattr(module, "sync", sync)
    return calls


def test_the_default_is_runs_and_the_default_store(handed, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    result = run("track", "sync")
    assert (result.exit_code, result.output) == (0, "a: sent\n1 sent, 2 already complete\n")
    run("track", "sync", "x", "y", "--uri", "http://host")
    assert handed == [(["runs"], "sqlite:///runs/mlflow.db"), (["x", "y"], "http://host")]


def test_what_failed_is_the_exit_code(handed):
    result = run("track", "sync", "bad", "--quiet")
    assert result.exit_code == 1
    assert result.output.startswith("1 sent, 2 already complete, 1 failed\n")


def test_an_unreachable_server_is_one_line(tmp_path, monkeypatch):
    from planted import random_run

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    random_run(tmp_path / "run")
    result = run("track", "sync", tmp_path, "--uri", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: MLflow at http://127.0.0.1:9 cannot be reached (")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("sqlite:///absent.db", "absent.db: there is no such database."),
        ("http://host", "http://host is a server already."),
    ],
)
def test_pages_of_nothing_are_refused(uri, message):
    result = run("ui", "--uri", uri)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_port_that_is_taken_is_said(tmp_path):
    (tmp_path / "mlflow.db").touch()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run("ui", "--uri", f"sqlite:///{tmp_path}/mlflow.db", "--port", port)
    assert result.exit_code == 2
    assert f"port {port} is taken" in result.stderr


@pytest.mark.slow
def test_the_pages_are_shown_until_ctrl_c(tmp_path):
    from dann_tfbs.experiments.tracked.store import connected

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    connected(uri)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "dann_tfbs", "ui", "--uri", uri, "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == (
        f"MLflow: http://127.0.0.1:{port}/#/experiments?workflowType=machine_learning "
        "(Ctrl-C ends it)\n"
    )
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as page:
        assert b"<title>MLflow</title>" in page.read()
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(30) == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0  # the server is gone too
    assert not (tmp_path / "mlruns").exists()
