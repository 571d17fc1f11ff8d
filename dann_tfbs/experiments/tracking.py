"""Runs recorded in MLflow, in such a way that MLflow can never cost anybody a run.

The run folder is the record that counts; MLflow is a view of it. Whatever MLflow raises is
reported once and the run goes on. Metrics that could not be sent are kept and sent later.
"""

from __future__ import annotations

import gc
import logging
import os
import re
import sqlite3
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dann_tfbs.settings import flattened

if TYPE_CHECKING:
    import numpy as np
    from mlflow import MlflowClient
    from mlflow.entities import Metric
    from numpy.typing import NDArray
    from torch import nn

    from dann_tfbs.experiments.exported import Exporter

DEFAULT_URI = "sqlite:///runs/mlflow.db"
"""Where runs are recorded when neither the caller nor `MLFLOW_TRACKING_URI` says otherwise."""

FLUSH_SECONDS = 5.0
"""Metrics are sent at most this often …"""

RETRY_SECONDS = 60.0
"""… and after a failure not before this time, so that a dead server hardly slows a run."""

REST = 30.0
"""After sending metrics, this many times as long passes without, so that a slow server costs a
thirtieth of a training at most."""

LONGEST_NAME = 250
LONGEST_VALUE = 6000
PARAMETERS_A_BATCH = 100
METRICS_A_BATCH = 1000
"""Limits of MLflow's REST interface."""

_IMPATIENT = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
"""MLflow by itself retries for minutes. A user's own setting of these variables is respected."""

_QUIET = {"GIT_PYTHON_REFRESH": "quiet", "MLFLOW_DISABLE_TELEMETRY": "true"}

_log = logging.getLogger(__name__)


class Tracker:
    """Tracking switched off: every call does nothing. Also the interface of other trackers."""

    run_id: str = ""
    """MLflow's name of the run; empty where nothing is recorded."""

    def start(
        self,
        experiment: str,
        run_name: str,
        params: Mapping[str, Any],
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Begin a run.

        Parameters
        ----------
        experiment
            Name of the MLflow experiment; made where it does not exist.
        run_name
            Name to show for the run.
        params
            Settings, nested or flat; recorded under dotted keys as text of at most
            `LONGEST_VALUE` characters.
        tags
            Short facts to filter runs by.
        """

    def log_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Record the metrics of one epoch (sent a little later, together with others)."""

    def log_artifacts(self, path: Path) -> None:
        """Record a file, or all files of a folder."""

    def log_model(
        self,
        model: nn.Module,
        example: NDArray[np.generic],
        exporter: Exporter | None = None,
        name: str = "model",
    ) -> None:
        """Record a model with its signature, loadable by `mlflow.pytorch.load_model`.

        The model is stored as an exported graph: loading it runs no code of this package and
        unpickles nothing.

        Parameters
        ----------
        model
            A module that takes one tensor and returns one tensor, on the CPU, in evaluation mode.
        example
            An input of the model; every axis longer than 1 may have any length later.
        exporter
            One exporter for all models that differ in their weights alone saves time.
        name
            Name of the model.
        """

    def finish(self, status: Literal["FINISHED", "FAILED", "KILLED"] = "FINISHED") -> None:
        """Send what is left and end the run."""


class MlflowTracker(Tracker):
    """Tracking in MLflow.

    Parameters
    ----------
    uri
        An MLflow tracking URI: a database (`sqlite:///…`, `postgresql://…`) or a server.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._client: MlflowClient | None = None
        self._experiment_id = ""
        self._metrics: list[Metric] = []
        self._next_flush = 0.0
        self._warned = False

    def start(
        self,
        experiment: str,
        run_name: str,
        params: Mapping[str, Any],
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Begin a run; where that fails, the whole run goes unrecorded."""
        with self._guarded("the run could not be started"), _no_collection():
            from mlflow import MlflowClient

            with _database_locked(self.uri), _hurried(self.uri):
                client = MlflowClient(tracking_uri=self.uri)
                self._experiment_id = _experiment_id(client, experiment, self.uri)
            run = client.create_run(
                self._experiment_id,
                run_name=run_name,
                tags={key: str(value) for key, value in (tags or {}).items()},
            )
            self._client, self.run_id = client, run.info.run_id
        if self._client is None:
            return
        with self._guarded("parameters could not be recorded"):
            from mlflow.entities import Param

            parameters = [
                Param(_legal(key), str(value)[:LONGEST_VALUE])
                for key, value in flattened(params).items()
            ]
            for first in range(0, len(parameters), PARAMETERS_A_BATCH):
                batch = parameters[first : first + PARAMETERS_A_BATCH]
                self._client.log_batch(self.run_id, params=batch)

    def log_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Record the metrics of one epoch (sent a little later, together with others)."""
        if self._client is None:
            return
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._metrics += [
            Metric(_legal(key), float(value), now, epoch) for key, value in metrics.items()
        ]
        if time.monotonic() >= self._next_flush:
            self._flush()

    def log_artifacts(self, path: Path) -> None:
        """Record a file, or all files of a folder."""
        if self._client is None:
            return
        with self._guarded(f"{path} could not be recorded"):
            if path.is_dir():
                self._client.log_artifacts(self.run_id, str(path))
            else:
                self._client.log_artifact(self.run_id, str(path))

    def log_model(
        self,
        model: nn.Module,
        example: NDArray[np.generic],
        exporter: Exporter | None = None,
        name: str = "model",
    ) -> None:
        """Record a model with its signature, loadable by `mlflow.pytorch.load_model`."""
        if self._client is None:
            return
        with self._guarded("the model could not be recorded"), _no_collection():
            from mlflow.entities import LoggedModelOutput

            from dann_tfbs.experiments.exported import Exporter, describe, write_graph

            with tempfile.TemporaryDirectory() as temporary:
                folder = Path(temporary)
                write_graph(folder, model, example, exporter or Exporter())
                logged = self._client.create_logged_model(
                    self._experiment_id, name=name, source_run_id=self.run_id, model_type="binding"
                )
                describe(folder, logged, model, example)
                self._client.log_model_artifacts(logged.model_id, str(folder))
            self._client.log_outputs(self.run_id, [LoggedModelOutput(logged.model_id, step=0)])
            self._client.finalize_logged_model(logged.model_id, "READY")

    def finish(self, status: Literal["FINISHED", "FAILED", "KILLED"] = "FINISHED") -> None:
        """Send what is left and end the run."""
        gc.unfreeze()
        if self._client is None:
            return
        self._flush()
        with self._guarded("the end of the run could not be recorded"):
            self._client.set_terminated(self.run_id, status)
        self._client = None

    def _flush(self) -> None:
        began, pause = time.monotonic(), RETRY_SECONDS
        with self._guarded("metrics could not be recorded"):
            assert self._client is not None
            while self._metrics:
                self._client.log_batch(self.run_id, metrics=self._metrics[:METRICS_A_BATCH])
                del self._metrics[:METRICS_A_BATCH]
            pause = FLUSH_SECONDS
        ended = time.monotonic()
        self._next_flush = ended + max(pause, REST * (ended - began))

    @contextmanager
    def _guarded(self, failure: str) -> Iterator[None]:
        """Run a block of MLflow calls: silently, and with every error turned into one warning."""
        try:
            with _environment(_IMPATIENT | _QUIET), _silence():
                yield
        except Exception as error:
            if not self._warned:
                self._warned = True
                reason = (str(error).splitlines() or [""])[0][:200] or type(error).__name__
                _log.warning(
                    "MLflow at %s: %s (%s). The run goes on; its folder is complete without it.",
                    _without_password(self.uri),
                    failure,
                    _without_password(reason),
                )


def make_tracker(tracking: Literal["mlflow", "off"] = "mlflow", uri: str | None = None) -> Tracker:
    """Return a tracker.

    Parameters
    ----------
    tracking
        `off`: nothing is recorded, MLflow is not even imported.
    uri
        MLflow tracking URI; by default the environment variable `MLFLOW_TRACKING_URI`, else
        `DEFAULT_URI`.
    """
    if tracking == "off":
        return Tracker()
    return MlflowTracker(uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI)


def _sqlite_file(uri: str) -> Path | None:
    """Return the file of an SQLite URI (`sqlite:///relative` or `sqlite:////absolute`)."""
    match = re.match(r"sqlite(?:\+\w+)?:///([^?]+)", uri)
    return Path(match[1]) if match else None


@contextmanager
def _database_locked(uri: str) -> Iterator[None]:
    """Keep others from an SQLite file meanwhile: two runs that both make its tables both fail."""
    file = _sqlite_file(uri)
    if file is None:
        yield
        return
    from filelock import FileLock

    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{file}.lock", timeout=60):
        yield


@contextmanager
def _hurried(uri: str) -> Iterator[None]:
    """Make a new SQLite store without waiting for the disk.

    MLflow makes its tables by hundreds of statements, each a transaction of its own; on a busy disk
    that takes many seconds. What is written later waits again, because no connection is kept.
    """
    file, pool = _sqlite_file(uri), "MLFLOW_SQLALCHEMYSTORE_POOLCLASS"
    if file is None or file.exists() or pool in os.environ:
        yield
        return
    from sqlalchemy import Engine, event

    def hurry(connection: object, record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", hurry)
    try:
        with _environment({pool: "NullPool"}):
            yield
    finally:
        event.remove(Engine, "connect", hurry)


def _experiment_id(client: MlflowClient, name: str, uri: str) -> str:
    """Return the identifier of an experiment, made where it does not exist.

    Artifacts of a local database go beside it: MLflow by itself puts them into the current folder.
    """
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        file = _sqlite_file(uri)
        location = (file.parent.resolve() / "mlflow-artifacts").as_uri() if file else None
        try:
            made: str = client.create_experiment(name, artifact_location=location)
            return made
        except MlflowException:
            # Another run may have made it in the meantime.
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    identifier: str = found.experiment_id
    return identifier


def _legal(name: str) -> str:
    """Return a name that MLflow takes: letters, digits and `_ - . : / space`."""
    return re.sub(r"[^\w\-./: ]", "_", name)[:LONGEST_NAME]


def _without_password(text: str) -> str:
    return re.sub(r"://[^/@\s]+@", "://…@", text)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables that are not set, for the time of a block."""
    added = {key: value for key, value in values.items() if key not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for key in added:
            os.environ.pop(key, None)


@contextmanager
def _silence() -> Iterator[None]:
    """Keep notices and warnings of MLflow and its database layer off the terminal."""
    before = logging.root.manager.disable
    logging.disable(max(before, logging.WARNING))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Suspend the collection of cyclic garbage; afterwards it passes over all that is alive then.

    PyTorch and MLflow are hundreds of thousands of objects that live as long as the process.
    Importing and tracing make Python look through them all again and again, for nothing. The end of
    the run brings everything back (`gc.unfreeze`).
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()
