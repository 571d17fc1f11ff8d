import gc
import json
import logging
import math
import os
import subprocess
import sys
import time
import types
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from tracked_runs import DIGEST, HISTORY, finished_run

from dann_tfbs import load
from dann_tfbs.config import Experiment
from dann_tfbs.experiments import tracking
from dann_tfbs.experiments.run_training import start_tracking
from dann_tfbs.experiments.tracked import store
from dann_tfbs.experiments.tracked.epoch_log import Point, read_epochs
from dann_tfbs.experiments.tracked.upload import Exporters, Known
from dann_tfbs.experiments.tracking import MlflowTracker, Tracker, make_tracker


@dataclass
class Recorded:
    uri: str
    run_id: str
    folder: Path
    environment_changes: set[str]
    frozen: tuple[int, int]
    """Objects left out of garbage collection before and afterwards."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Record a whole run once; the tests read it back."""
    place = tmp_path_factory.mktemp("tracked")
    uri = f"sqlite:///{place}/runs/mlflow.db"
    before, frozen = dict(os.environ), gc.get_freeze_count()
    folder = finished_run(place / "run")
    params = {"notes": "n" * 10_000, "odd name!": "[1, 2]"}
    params |= {f"many{i}": str(i) for i in range(230)}

    tracker = make_tracker("mlflow", uri)
    tracker.start("CEBPB to HTS", "seed 3", params, {"tf": "?", "source": "auto", "study": "mine"})
    tracker.attach(folder)
    tracker.log(read_epochs(folder))
    tracker.log([Point("train/odd", math.nan, 1, 1)])
    tracker.log_run(folder, Exporters())
    tracker.finish()
    return Recorded(
        uri,
        tracker.run_id,
        folder,
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
    params = run.data.params
    assert (params["seed"], params["data.tf"], params["data.source"]) == ("0", "MAX", "CHS")
    assert params["notes"] == "n" * 6000
    assert params["odd name_"] == "[1, 2]"
    assert [params[f"many{i}"] for i in range(230)] == [str(i) for i in range(230)]


def test_tags_are_those_of_the_resolved_run_and_what_the_caller_knew(recorded):
    tags = client(recorded).get_run(recorded.run_id).data.tags
    found = {key: tags[key] for key in ("tf", "source", "target", "mode", "study")}
    assert found == {
        "tf": "MAX", "source": "CHS", "target": "HTS", "mode": "baseline", "study": "mine"
    }  # fmt: skip


def test_the_training_table_is_named_by_its_digest(recorded):
    (one,) = client(recorded).get_run(recorded.run_id).inputs.dataset_inputs
    assert (one.dataset.name, one.dataset.digest) == ("MAX MAX", DIGEST[:36])
    assert json.loads(one.dataset.source) == {"uri": "prepared/MAX"}
    assert [(t.key, t.value) for t in one.tags] == [("mlflow.data.context", "training")]


def test_metrics_keep_their_epochs_and_times_and_none_is_doubled(recorded):
    history = client(recorded).get_metric_history(recorded.run_id, "train/loss")
    assert [(m.step, m.value) for m in history] == [(1, 0.6), (2, 0.5), (3, 0.4)]
    told = [p for p in read_epochs(recorded.folder) if p.name == "train/loss"]
    assert [m.timestamp for m in history] == [p.time for p in told]
    (best,) = client(recorded).get_metric_history(recorded.run_id, "best/validation_auroc")
    assert best.value == HISTORY[1]["validation_auroc"]
    (odd,) = client(recorded).get_metric_history(recorded.run_id, "train/odd")
    assert math.isnan(odd.value)


def test_artifacts_lie_beside_the_database_and_not_in_the_current_folder(recorded):
    run = client(recorded).get_run(recorded.run_id)
    folder = Path(run.info.artifact_uri.removeprefix("file://"))
    database = Path(recorded.uri.removeprefix("sqlite:///"))
    assert folder.is_relative_to(database.parent)
    assert (folder / "config.yaml").read_bytes() == (recorded.folder / "config.yaml").read_bytes()
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
    codes = torch.randint(0, 4, (3, 25), generator=torch.Generator().manual_seed(1))
    expected = load(recorded.folder).predict(["".join("ACGT"[c] for c in row) for row in codes])
    assert model(codes).detach().numpy() == pytest.approx(expected, abs=1e-5)
    assert mlflow.pyfunc.load_model(folder).predict(codes.numpy()) == pytest.approx(
        expected, abs=1e-5
    )
    assert signature.inputs.to_dict()[0]["tensor-spec"] == {"dtype": "int64", "shape": (-1, -1)}
    assert signature.outputs.to_dict()[0]["tensor-spec"] == {"dtype": "float32", "shape": (-1,)}


def test_the_folder_remembers_that_mlflow_has_everything(recorded):
    (entry,) = json.loads((recorded.folder / "tracking.json").read_text())["stores"].values()
    assert entry == {"run_id": recorded.run_id, "complete": True, "parent": None}


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


def test_an_interrupted_run_goes_on_under_its_name(recorded, tmp_path):
    folder = finished_run(tmp_path / "run")
    first = MlflowTracker(recorded.uri)
    start_tracking(first, "run", Experiment(), folder)
    first.attach(folder)
    first.log([p for p in read_epochs(folder) if p.step == 1])
    first.finish("KILLED")
    second = MlflowTracker(recorded.uri)
    start_tracking(second, "run", Experiment(), folder)
    assert second.run_id == first.run_id
    assert client(recorded).get_run(first.run_id).info.status == "RUNNING"
    second.log([p for p in read_epochs(folder) if p.step > 1])
    second.finish()
    history = client(recorded).get_metric_history(first.run_id, "train/loss")
    assert [m.step for m in history] == [1, 2, 3]


def test_an_unreachable_server_costs_little_time_and_one_warning(caplog, monkeypatch, tmp_path):
    for variable in store.IMPATIENT:
        monkeypatch.delenv(variable, raising=False)
    folder = finished_run(tmp_path / "run")
    started = time.monotonic()
    tracker = make_tracker("mlflow", "http://reader:secret@127.0.0.1:9")
    tracker.start("x", "y", {"seed": "1"})
    tracker.attach(folder)
    tracker.log([Point("train/loss", 1.0, 1, 1)])
    tracker.log_run(folder, Exporters())
    tracker.finish()
    assert time.monotonic() - started < 15
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.startswith("MLflow at http://…@127.0.0.1:9: the run could not be started (")
    assert warning.endswith("The run goes on; its folder is complete without it.")
    assert "secret" not in warning
    assert tracker.run_id == ""
    stores = json.loads((folder / "tracking.json").read_text())["stores"]
    assert stores["http://…@127.0.0.1:9"] == {"run_id": None, "complete": False, "parent": None}


class Flaky:
    """A client whose server is away for the first calls."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0
        self.received: list[tuple[str, int, float]] = []
        self.status = ""

    def log_batch(self, run_id: str, metrics: list, params: list, tags: list) -> None:
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
    made_up = types.SimpleNamespace(monotonic=lambda: clock.now)
    monkeypatch.setattr(tracking, "time", made_up)
    return clock


def losses(epoch: int, value: float) -> list[Point]:
    return [Point("train_loss", value, 1000, epoch)]


def started(client: Flaky) -> MlflowTracker:
    tracker = MlflowTracker("http://localhost")
    tracker._client = client  # type: ignore[assignment]
    tracker._known = Known()
    return tracker


def test_metrics_of_a_failed_call_are_sent_later_and_none_twice(clock, caplog):
    flaky = Flaky(failures=1)
    tracker = started(flaky)
    tracker.log(losses(1, 0.5))
    tracker.log(losses(2, 0.4))
    assert (flaky.calls, flaky.received) == (1, [])
    clock.now += 61
    tracker.log(losses(3, 0.3))
    assert flaky.received == [
        ("train_loss", 1, 0.5),
        ("train_loss", 2, 0.4),
        ("train_loss", 3, 0.3),
    ]
    tracker.log(losses(4, 0.2))
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
        tracker.log(losses(epoch, float(epoch)))
    tracker.finish()
    # 10 s of epochs: at once, after 5 s, and at the end
    assert flaky.calls == 3
    assert [step for _, step, _ in flaky.received] == list(range(1000))


def test_a_slow_server_takes_a_small_share_of_a_training(clock):
    class Slow(Flaky):
        def log_batch(self, run_id: str, metrics: list, params: list, tags: list) -> None:
            clock.now += 10
            super().log_batch(run_id, metrics, params, tags)

    slow = Slow(failures=1)
    tracker = started(slow)
    began = clock.now
    for epoch in range(600):
        clock.now += 1
        tracker.log(losses(epoch, float(epoch)))
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
        "tracker.log([])\n"
        "tracker.attach(Path('nowhere'))\n"
        "tracker.log_run(Path('nowhere'), None)\n"
        "tracker.finish()\n"
        "assert tracker.run_id == ''\n"
        "print('mlflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_uri_comes_from_the_caller_then_the_environment_then_the_default(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert vars(make_tracker())["uri"] == store.DEFAULT_URI == "sqlite:///runs/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://db/mlflow")
    assert vars(make_tracker())["uri"] == "postgresql://db/mlflow"
    assert vars(make_tracker("mlflow", "http://host"))["uri"] == "http://host"
    assert type(make_tracker("off")) is Tracker


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
