import logging
import os
from pathlib import Path

import pytest

from dann_tfbs.errors import DannTfbsError
from dann_tfbs.experiments.tracked import store


def test_a_users_own_patience_with_a_server_is_respected(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    with store.environment(store.IMPATIENT):
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
    assert store.sqlite_file(uri) == (None if file is None else Path(file))


def test_a_store_has_one_name_from_everywhere_and_without_password(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert store.store_name("sqlite:///m.db") == store.store_name(f"sqlite:///{tmp_path}/m.db")
    assert store.store_name("http://me:secret@host/x") == "http://…@host/x"


def synchronous(file: Path) -> int:
    """Return how a new connection of MLflow's database layer waits for the disk; 0: not at all."""
    from sqlalchemy import NullPool, create_engine

    with create_engine(f"sqlite:///{file}", poolclass=NullPool).connect() as connection:
        return connection.exec_driver_sql("PRAGMA synchronous").scalar_one()


def test_only_the_making_of_a_database_does_not_wait_for_the_disk(tmp_path):
    file = tmp_path / "mlflow.db"
    usual = synchronous(tmp_path / "other.db")
    assert usual != 0
    with store.hurried(f"sqlite:///{file}"):
        assert synchronous(file) == 0
        assert os.environ["MLFLOW_SQLALCHEMYSTORE_POOLCLASS"] == "NullPool"
    assert synchronous(file) == usual
    file.touch()
    with store.hurried(f"sqlite:///{file}"):
        assert synchronous(file) == usual
        assert "MLFLOW_SQLALCHEMYSTORE_POOLCLASS" not in os.environ


def test_a_guard_turns_errors_into_one_warning_without_a_password(caplog):
    guard = store.Guard("http://me:secret@host")
    for number in range(2):
        with guard(f"failure {number}"):
            raise ValueError("http://me:secret@host is away\nat length")
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.startswith("MLflow at http://…@host: failure 0 (http://…@host is away).")
    assert guard.failures == 2
    assert logging.root.manager.disable == 0


def test_a_store_that_does_not_answer_is_one_line(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(DannTfbsError, match=r"MLflow at http://…@127.0.0.1:9 cannot be reached"):
        store.reached("http://me:secret@127.0.0.1:9")
