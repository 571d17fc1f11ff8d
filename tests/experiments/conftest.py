"""One MLflow store for all tests that write to one: making its tables takes seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mlflow import MlflowClient


@pytest.fixture(scope="session")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the URI of a database that tests share."""
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"


@pytest.fixture(scope="session")
def client(uri: str) -> MlflowClient:
    """Return a client of the shared database."""
    from dann_tfbs.experiments.recorded import recorder

    return recorder(uri).client
