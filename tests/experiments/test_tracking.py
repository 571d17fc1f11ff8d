import gc
import logging
import math
import os
import subprocess
import sys
import time
import types
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dann_tfbs.experiments import tracking
from dann_tfbs.experiments.tracking import DEFAULT_URI, MlflowTracker, Tracker, make_tracker


class CountGuanine(nn.Module):
    """Weighted number of G of each sequence of codes; two lines that can be computed by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        return (codes == 2).float().sum(1) * self.weight


@dataclass
class Recorded:
    uri: str
    run_id: str
    environment_changes: set[str]
    frozen: tuple[int, int]
    """Objects left out of garbage collection before and afterwards."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Record a whole run once; the tests read it back."""
    folder = tmp_path_factory.mktemp("tracked")
    uri = f"sqlite:///{folder}/runs/mlflow.db"
    figures = folder / "figures"
    figures.mkdir()
    (figures / "pr.png").write_bytes(b"picture")
    (folder / "config.yaml").write_text("seed: 3\n")
    before, frozen = dict(os.environ), gc.get_freeze_count()

    tracker = make_tracker("mlflow", uri)
    tracker.start(
        "CEBPB to HTS",
        "seed 3",
        {
            "seed": 3,
            "data": {"tf": "CEBPB", "window": None},
            "notes": "n" * 10_000,
            "odd name!": [1, 2],
            **{f"many{i}": i for i in range(230)},
        },
        {"tf": "CEBPB"},
    )
    for epoch in range(1, 4):
        tracker.log_epoch(epoch, {"train_loss": 1 / epoch, "validation_auroc": 0.9})
    tracker.log_epoch(4, {"train_loss": math.nan})
    tracker.log_artifacts(folder / "config.yaml")
    tracker.log_artifacts(figures)
    tracker.log_model(CountGuanine().eval(), np.array([[0, 2, 2], [2, 1, 4]]))
    tracker.finish()
    return Recorded(
        uri,
        tracker.run_id,
        {key for key, _ in before.items() ^ os.environ.items()},
        (frozen, gc.get_freeze_count()),
    )


def client(recorded: Recorded):
    from mlflow import MlflowClient

    return MlflowClient(recorded.uri)


def test_settings_are_recorded_flat_and_cut_to_the_longest_value(recorded):
    run = client(recorded).get_run(recorded.run_id)
    assert run.info.run_name == "seed 3"
    assert run.info.status == "FINISHED"
    assert run.data.tags["tf"] == "CEBPB"
    params = run.data.params
    assert (params["seed"], params["data.tf"], params["data.window"]) == ("3", "CEBPB", "None")
    assert params["notes"] == "n" * 6000
    assert params["odd name_"] == "[1, 2]"
    assert [params[f"many{i}"] for i in range(230)] == [str(i) for i in range(230)]


def test_metrics_keep_their_epochs(recorded):
    history = client(recorded).get_metric_history(recorded.run_id, "train_loss")
    assert [(m.step, m.value) for m in history[:3]] == [(1, 1), (2, 1 / 2), (3, 1 / 3)]
    assert (history[3].step, math.isnan(history[3].value)) == (4, True)
    auroc = client(recorded).get_metric_history(recorded.run_id, "validation_auroc")
    assert [(m.step, m.value) for m in auroc] == [(1, 0.9), (2, 0.9), (3, 0.9)]


def test_artifacts_lie_beside_the_database_and_not_in_the_current_folder(recorded):
    run = client(recorded).get_run(recorded.run_id)
    folder = Path(run.info.artifact_uri.removeprefix("file://"))
    database = Path(recorded.uri.removeprefix("sqlite:///"))
    assert folder.is_relative_to(database.parent)
    assert (folder / "config.yaml").read_text() == "seed: 3\n"
    assert (folder / "pr.png").read_bytes() == b"picture"
    assert not Path("mlruns").exists()


def test_the_model_is_loadable_for_any_number_and_length_of_sequences(recorded, monkeypatch):
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", recorded.uri)
    model_id = client(recorded).get_run(recorded.run_id).outputs.model_outputs[0].model_id
    stored = client(recorded).get_logged_model(model_id)
    assert stored.source_run_id == recorded.run_id
    assert str(stored.status) == "READY"
    folder = stored.artifact_location.removeprefix("file://")
    model = mlflow.pytorch.load_model(folder)
    signature = mlflow.models.get_model_info(folder).signature
    codes = torch.tensor([[2, 2, 2, 2, 0], [0, 1, 3, 4, 2], [0, 0, 0, 0, 0]])
    assert model(codes).tolist() == [8, 2, 0]
    assert mlflow.pyfunc.load_model(folder).predict(codes.numpy()).tolist() == [8, 2, 0]
    assert signature.inputs.to_dict()[0]["tensor-spec"] == {"dtype": "int64", "shape": (-1, -1)}
    assert signature.outputs.to_dict()[0]["tensor-spec"] == {"dtype": "float32", "shape": (-1,)}


def test_nothing_of_the_process_is_changed(recorded):
    import mlflow

    # torch sets this one when it exports a model
    assert recorded.environment_changes <= {"TORCHINDUCTOR_CACHE_DIR"}
    assert logging.root.manager.disable == 0
    assert gc.isenabled()
    assert recorded.frozen == (0, 0)
    assert mlflow.active_run() is None
    assert mlflow.get_tracking_uri() != recorded.uri


def test_an_experiment_is_used_again(recorded):
    tracker = MlflowTracker(recorded.uri)
    tracker.start("CEBPB to HTS", "another", {})
    tracker.finish("KILLED")
    runs = [client(recorded).get_run(run_id) for run_id in (recorded.run_id, tracker.run_id)]
    assert runs[0].info.experiment_id == runs[1].info.experiment_id
    assert runs[1].info.status == "KILLED"


def test_an_unreachable_server_costs_little_time_and_one_warning(caplog, monkeypatch, tmp_path):
    for variable in tracking._IMPATIENT:
        monkeypatch.delenv(variable, raising=False)
    started = time.monotonic()
    tracker = make_tracker("mlflow", "http://reader:secret@127.0.0.1:9")
    tracker.start("x", "y", {"seed": 1})
    tracker.log_epoch(1, {"train_loss": 1.0})
    tracker.log_artifacts(tmp_path)
    tracker.log_model(CountGuanine(), np.array([[0, 2]]))
    tracker.finish()
    assert time.monotonic() - started < 15
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.startswith("MLflow at http://…@127.0.0.1:9: the run could not be started (")
    assert warning.endswith("The run goes on; its folder is complete without it.")
    assert "secret" not in warning
    assert tracker.run_id == ""


class Flaky:
    """A client whose server is away for the first calls."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0
        self.received: list[tuple[str, int, float]] = []
        self.status = ""

    def log_batch(self, run_id: str, metrics: list) -> None:
        self.calls += 1
        if self.calls <= self.failures:
            raise ConnectionError("server is away")
        self.received += [(m.key, m.step, m.value) for m in metrics]

    def set_terminated(self, run_id: str, status: str) -> None:
        self.status = status


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """Time that passes only when a test says so."""
    clock = types.SimpleNamespace(now=1000.0)
    made_up = types.SimpleNamespace(monotonic=lambda: clock.now, time=lambda: clock.now)
    monkeypatch.setattr(tracking, "time", made_up)
    return clock


def started(client: Flaky) -> MlflowTracker:
    tracker = MlflowTracker("http://localhost")
    tracker._client = client  # type: ignore[assignment]
    return tracker


def test_metrics_of_a_failed_call_are_sent_later_and_none_twice(clock, caplog):
    flaky = Flaky(failures=1)
    tracker = started(flaky)
    tracker.log_epoch(1, {"train_loss": 0.5})
    tracker.log_epoch(2, {"train_loss": 0.4})
    assert (flaky.calls, flaky.received) == (1, [])
    clock.now += 61
    tracker.log_epoch(3, {"train_loss": 0.3})
    assert flaky.received == [
        ("train_loss", 1, 0.5),
        ("train_loss", 2, 0.4),
        ("train_loss", 3, 0.3),
    ]
    tracker.log_epoch(4, {"train_loss": 0.2})
    tracker.finish("FAILED")
    assert flaky.received[3:] == [("train_loss", 4, 0.2)]
    assert flaky.status == "FAILED"
    assert len(caplog.records) == 1
    assert "metrics could not be recorded (server is away)" in caplog.text


def test_metrics_of_many_short_epochs_are_sent_together(clock):
    flaky = Flaky(failures=0)
    tracker = started(flaky)
    for epoch in range(1000):
        clock.now += 0.01
        tracker.log_epoch(epoch, {"train_loss": float(epoch)})
    tracker.finish()
    # 10 s of epochs: at once, after 5 s, and at the end
    assert flaky.calls == 3
    assert [step for _, step, _ in flaky.received] == list(range(1000))


def test_a_slow_server_takes_a_small_share_of_a_training(clock):
    class Slow(Flaky):
        def log_batch(self, run_id: str, metrics: list) -> None:
            clock.now += 10
            super().log_batch(run_id, metrics)

    slow = Slow(failures=1)
    tracker = started(slow)
    began = clock.now
    for epoch in range(600):
        clock.now += 1
        tracker.log_epoch(epoch, {"train_loss": float(epoch)})
    # 600 s of training; calls that take 10 s, one of which fails, leave 300 s between them
    assert slow.calls == 2
    assert clock.now - began == 620
    tracker.finish()
    assert [step for _, step, _ in slow.received] == list(range(600))


def test_switched_off_tracking_does_not_import_mlflow():
    code = (
        "import sys, numpy\n"
        "from pathlib import Path\n"
        "from dann_tfbs.experiments.tracking import make_tracker\n"
        "tracker = make_tracker('off')\n"
        "tracker.start('x', 'y', {'a': 1})\n"
        "tracker.log_epoch(1, {'loss': 1.0})\n"
        "tracker.log_artifacts(Path('nowhere'))\n"
        "tracker.log_model(None, None)\n"
        "tracker.finish()\n"
        "assert tracker.run_id == ''\n"
        "print('mlflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_uri_comes_from_the_caller_then_the_environment_then_the_default(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert vars(make_tracker())["uri"] == DEFAULT_URI == "sqlite:///runs/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://db/mlflow")
    assert vars(make_tracker())["uri"] == "postgresql://db/mlflow"
    assert vars(make_tracker("mlflow", "http://host"))["uri"] == "http://host"
    assert type(make_tracker("off")) is Tracker


def test_a_users_own_patience_with_a_server_is_respected(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    with tracking._environment(tracking._IMPATIENT):
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
        assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "1"
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ


@pytest.mark.parametrize(
    ("uri", "file"),
    [
        ("sqlite:///runs/mlflow.db", "runs/mlflow.db"),
        ("sqlite:////data/mlflow.db?timeout=3", "/data/mlflow.db"),
        ("sqlite+pysqlite:///x.db", "x.db"),
        ("postgresql://user@db/mlflow", None),
        ("http://localhost:5000", None),
    ],
)
def test_the_file_behind_a_database_uri(uri, file):
    assert tracking._sqlite_file(uri) == (None if file is None else Path(file))


def synchronous(file: Path) -> int:
    """Return how a new connection of MLflow's database layer waits for the disk; 0: not at all."""
    from sqlalchemy import NullPool, create_engine

    with create_engine(f"sqlite:///{file}", poolclass=NullPool).connect() as connection:
        return connection.exec_driver_sql("PRAGMA synchronous").scalar_one()


def test_only_the_making_of_a_database_does_not_wait_for_the_disk(tmp_path):
    file = tmp_path / "mlflow.db"
    usual = synchronous(tmp_path / "other.db")
    assert usual != 0
    with tracking._hurried(f"sqlite:///{file}"):
        assert synchronous(file) == 0
        assert os.environ["MLFLOW_SQLALCHEMYSTORE_POOLCLASS"] == "NullPool"
    assert synchronous(file) == usual
    file.touch()
    with tracking._hurried(f"sqlite:///{file}"):
        assert synchronous(file) == usual
        assert "MLFLOW_SQLALCHEMYSTORE_POOLCLASS" not in os.environ


def test_a_run_in_a_new_database_waits_for_the_disk(tmp_path):
    tracker = MlflowTracker(f"sqlite:///{tmp_path}/mlflow.db")
    tracker.start("x", "y", {})
    store = tracker._client._tracking_client.store  # type: ignore[union-attr]
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() != 0
    tracker.finish()


@pytest.mark.slow
def test_two_runs_that_make_the_database_at_once_are_both_recorded(tmp_path):
    code = (
        "import sys\n"
        "from dann_tfbs.experiments.tracking import make_tracker\n"
        "tracker = make_tracker('mlflow', sys.argv[1])\n"
        "tracker.start('x', 'y', {})\n"
        "tracker.finish()\n"
        "print(bool(tracker.run_id))"
    )
    command = [sys.executable, "-c", code, f"sqlite:///{tmp_path}/mlflow.db"]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [run.communicate(timeout=120)[0] for run in runs] == ["True\n", "True\n"]
