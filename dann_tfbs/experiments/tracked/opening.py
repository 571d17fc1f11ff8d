"""The MLflow run of a folder: found again, or made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dann_tfbs.experiments.tracked.remembered import Entry, Remembered, recall, remember

if TYPE_CHECKING:
    from mlflow import MlflowClient

ID_TAG = "dann_tfbs.run"
"""Tag with the name of the folder in `tracking.json`."""
PARENT_TAG = "mlflow.parentRunId"


def known_run(
    client: MlflowClient, experiment_id: str, remembered: Remembered, uri: str
) -> str | None:
    """Return MLflow's name of the run of a folder; None where there is none, or it was deleted."""
    from mlflow.entities import LifecycleStage, ViewType
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

    run_id = remembered.at(uri).run_id
    if run_id is None:
        # Its making may have been interrupted, or the folder moved together with the database.
        found = client.search_runs(
            [experiment_id],
            f"tags.`{ID_TAG}` = '{remembered.id}'",
            ViewType.ACTIVE_ONLY,
            max_results=1,
        )
        return str(found[0].info.run_id) if found else None
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            return None
        raise
    return run_id if run.info.lifecycle_stage == LifecycleStage.ACTIVE else None


def opened(
    client: MlflowClient,
    experiment_id: str,
    uri: str,
    folder: Path,
    name: str,
    tags: Mapping[str, str],
    started: int | None = None,
) -> tuple[str, bool]:
    """Return MLflow's name of the run of a folder, made where there is none, and whether it is new.

    The folder remembers it; the caller holds the folder.

    Parameters
    ----------
    client, experiment_id, uri
        The store, and the experiment in it.
    folder
        The folder.
    name, tags, started
        Of a new run: the name to show, its tags, and when it began, in milliseconds since 1970.
    """
    remembered = recall(folder)
    found = None if remembered is None else known_run(client, experiment_id, remembered, uri)
    if remembered is None:
        # Before MLflow is asked: an answer that never arrives leaves a run that can be found.
        remembered = Remembered()
        remember(folder, remembered.noting(uri, Entry()))
    if found is not None:
        client.update_run(found, status="RUNNING")
    run_id = found or new_run(client, experiment_id, name, {**tags, ID_TAG: remembered.id}, started)
    remember(folder, remembered.noting(uri, Entry(run_id=run_id, parent=tags.get(PARENT_TAG))))
    return run_id, found is None


def new_run(
    client: MlflowClient,
    experiment_id: str,
    name: str,
    tags: Mapping[str, str],
    started: int | None = None,
) -> str:
    """Make a run and return MLflow's name of it."""
    run = client.create_run(experiment_id, start_time=started, run_name=name, tags=dict(tags))
    return str(run.info.run_id)
