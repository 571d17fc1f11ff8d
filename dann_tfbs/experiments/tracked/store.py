"""The way to an MLflow store, a database or a server: silent, and impatient with it."""

from __future__ import annotations

import gc
import logging
import os
import re
import sqlite3
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dann_tfbs.errors import DannTfbsError

if TYPE_CHECKING:
    from mlflow import MlflowClient

DEFAULT_URI = "sqlite:///runs/mlflow.db"
"""Where runs are recorded when neither the caller nor `MLFLOW_TRACKING_URI` says otherwise."""

LONGEST_NAME = 250

IMPATIENT = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
"""MLflow by itself retries for minutes. A user's own setting of these variables is respected."""

_KIND = {"mlflow.experimentKind": "custom_model_development"}
"""MLflow's mark of experiments that train models, as against those that ask language models."""

QUIET = {"GIT_PYTHON_REFRESH": "quiet", "MLFLOW_DISABLE_TELEMETRY": "true"}

_log = logging.getLogger(__name__)


class Guard:
    """Blocks of MLflow calls: silent, impatient, every error turned into one warning.

    Parameters
    ----------
    uri
        The store, for the warning.

    Attributes
    ----------
    failures
        Number of blocks that failed so far.
    reason
        What was wrong with the latest of them.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.failures = 0
        self.reason = ""

    @contextmanager
    def __call__(self, failure: str) -> Iterator[None]:
        """Run a block; `failure` says what could not be done if it raises."""
        try:
            with patience():
                yield
        except Exception as error:
            self.reason = reason_of(error)
            self.failures += 1
            if self.failures == 1:
                _log.warning(
                    "MLflow at %s: %s (%s). The run goes on; its folder is complete without it.",
                    without_password(self.uri),
                    failure,
                    self.reason,
                )


def chosen_uri(uri: str | None = None) -> str:
    """Return a given URI, else that of `MLFLOW_TRACKING_URI`, else the default."""
    return uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI


def connected(uri: str) -> MlflowClient:
    """Return a client of a store, whose tables are made where it is a new database."""
    from mlflow import MlflowClient

    with database_locked(uri), hurried(uri):
        client = MlflowClient(tracking_uri=uri)
        client.search_experiments(max_results=1)
    return client


def reached(uri: str) -> MlflowClient:
    """Return a client of a store that answers.

    Raises
    ------
    DannTfbsError
        In one line, if it does not.
    """
    try:
        with patience():
            return connected(uri)
    except Exception as error:
        raise DannTfbsError(
            f"MLflow at {without_password(uri)} cannot be reached ({reason_of(error)}).",
            remedy="Check the address and that the server runs; what is left is sent next time.",
        ) from error


def experiment_id(client: MlflowClient, name: str, uri: str) -> str:
    """Return the identifier of an experiment, made where it does not exist.

    Artifacts of a local database go beside it: MLflow by itself puts them into the current folder.
    """
    from mlflow.exceptions import MlflowException

    with database_locked(uri):
        found = client.get_experiment_by_name(name)
        if found is None:
            file = sqlite_file(uri)
            location = (file.parent.resolve() / "mlflow-artifacts").as_uri() if file else None
            try:
                made: str = client.create_experiment(name, location, _KIND)
                return made
            except MlflowException:
                # Another run may have made it in the meantime.
                found = client.get_experiment_by_name(name)
                if found is None:
                    raise
    identifier: str = found.experiment_id
    return identifier


def store_name(uri: str) -> str:
    """Return the name by which a folder remembers a store: its URI, absolute, without password."""
    file = sqlite_file(uri)
    return f"sqlite:///{file.resolve()}" if file else without_password(uri)


def sqlite_file(uri: str) -> Path | None:
    """Return the file of an SQLite URI (`sqlite:///relative` or `sqlite:////absolute`)."""
    match = re.match(r"sqlite(?:\+\w+)?:///([^?]+)", uri)
    return Path(match[1]) if match else None


def legal(name: str) -> str:
    """Return a name that MLflow takes: letters, digits and `_ - . : / space`."""
    return re.sub(r"[^\w\-./: ]", "_", name)[:LONGEST_NAME]


def reason_of(error: Exception) -> str:
    """Return one short line that says what was wrong, without passwords."""
    reason = (str(error).splitlines() or [""])[0][:200] or type(error).__name__
    return without_password(reason)


def without_password(text: str) -> str:
    """Return a text whose URIs show neither user nor password."""
    return re.sub(r"://[^/@\s]+@", "://…@", text)


@contextmanager
def patience() -> Iterator[None]:
    """Keep MLflow from waiting long and from writing to the terminal, for the time of a block."""
    with environment(IMPATIENT | QUIET), _silence():
        yield


@contextmanager
def database_locked(uri: str) -> Iterator[None]:
    """Keep others from an SQLite file meanwhile: two runs that both make its tables both fail."""
    file = sqlite_file(uri)
    if file is None:
        yield
        return
    from filelock import FileLock

    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{file}.lock", timeout=60):
        yield


@contextmanager
def hurried(uri: str) -> Iterator[None]:
    """Make a new SQLite store without waiting for the disk.

    MLflow makes its tables by hundreds of statements, each a transaction of its own; on a busy disk
    that takes many seconds. What is written later waits again, because no connection is kept.
    """
    file, pool = sqlite_file(uri), "MLFLOW_SQLALCHEMYSTORE_POOLCLASS"
    if file is None or file.exists() or pool in os.environ:
        yield
        return
    from sqlalchemy import Engine, event

    def hurry(connection: object, record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", hurry)
    try:
        with environment({pool: "NullPool"}):
            yield
    finally:
        event.remove(Engine, "connect", hurry)


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
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
def no_collection() -> Iterator[None]:
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
