"""A finished run folder sent to MLflow, or what MLflow lacks of it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dann_tfbs.experiments.tracked.epoch_log import Point
from dann_tfbs.experiments.tracked.facts import Facts, Input
from dann_tfbs.experiments.tracked.store import legal, no_collection
from dann_tfbs.settings import as_plain

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from numpy.typing import NDArray
    from torch import nn

    from dann_tfbs.config import Experiment
    from dann_tfbs.experiments.exported import Exporter

LONGEST_VALUE = 6000
LONGEST_DIGEST = 36
PARAMETERS_A_BATCH = 100
ITEMS_A_BATCH = 1000
"""Limits of MLflow's REST interface."""


class Exporters:
    """One exporter for all models of a layout, which share one traced graph."""

    def __init__(self) -> None:
        self._made: dict[str, Exporter] = {}

    def of(self, experiment: Experiment) -> Exporter:
        """Return the exporter of a run's layout: all that decides the graph is in the key."""
        from dann_tfbs.experiments.exported import Exporter

        plain = as_plain(experiment)
        decisive = [plain["architecture"], plain["prediction"], experiment.network_heads]
        return self._made.setdefault(json.dumps(decisive, sort_keys=True), Exporter())


def send_batches(
    client: MlflowClient,
    run_id: str,
    points: Iterable[Point] = (),
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Send metrics, settings and tags in as few calls as MLflow's limits allow."""
    from mlflow.entities import Metric, Param, RunTag

    metrics = [Metric(legal(p.name), p.value, p.time, p.step) for p in points]
    settings = [Param(legal(k), str(v)[:LONGEST_VALUE]) for k, v in (params or {}).items()]
    labels = [RunTag(k, str(v)) for k, v in (tags or {}).items()]
    while metrics or settings or labels:
        first, settings = settings[:PARAMETERS_A_BATCH], settings[PARAMETERS_A_BATCH:]
        room = ITEMS_A_BATCH - len(first) - len(labels)
        now, metrics = metrics[:room], metrics[room:]
        client.log_batch(run_id, metrics=now, params=first, tags=labels)
        labels = []


@dataclass
class Known:
    """What MLflow has of a run, so that it is told nothing twice.

    Attributes
    ----------
    params
        Names of its settings.
    points
        Name and step of its metrics.
    inputs
        Digests of its data.
    """

    params: set[str] = field(default_factory=set)
    points: set[tuple[str, int]] = field(default_factory=set)
    inputs: set[str] = field(default_factory=set)


def ask(client: MlflowClient, run_id: str) -> Known:
    """Return what MLflow has of a run."""
    run = client.get_run(run_id)
    datasets = run.inputs.dataset_inputs if run.inputs else []
    return Known(
        set(run.data.params),
        {
            (name, metric.step)
            for name in run.data.metrics
            for metric in client.get_metric_history(run_id, name)
        },
        {one.dataset.digest for one in datasets},
    )


def send_facts(
    client: MlflowClient, run_id: str, facts: Facts, tags: Mapping[str, str], known: Known
) -> None:
    """Send what MLflow lacks of a run's settings, metrics, data and files, and all given tags."""
    send_batches(
        client,
        run_id,
        [p for p in facts.points if (legal(p.name), p.step) not in known.points],
        {key: value for key, value in facts.params.items() if legal(key) not in known.params},
        tags,
    )
    inputs = [
        _dataset(one) for one in facts.inputs if one.digest[:LONGEST_DIGEST] not in known.inputs
    ]
    if inputs:
        client.log_inputs(run_id, datasets=inputs)
    send_files(client, run_id, facts.files)


def send_files(client: MlflowClient, run_id: str, paths: Iterable[Path]) -> None:
    """Send files, and what folders hold."""
    for path in paths:
        if path.is_dir():
            client.log_artifacts(run_id, str(path))
        else:
            client.log_artifact(run_id, str(path))


def _dataset(one: Input) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=one.name,
        digest=one.digest[:LONGEST_DIGEST],
        source_type="local",
        source=json.dumps({"uri": one.path}),
        profile=json.dumps({"sha256": one.digest}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", one.context)])


def has_model(client: MlflowClient, run_id: str) -> bool:
    """Tell whether MLflow has the model of a run."""
    outputs = client.get_run(run_id).outputs
    return bool(outputs and outputs.model_outputs)


def send_run_model(client: MlflowClient, run_id: str, folder: Path, exporters: Exporters) -> None:
    """Send the model of a run folder, both strands included; nothing of it is unpickled later."""
    from dann_tfbs.model.deployed import DeployedNetwork
    from dann_tfbs.trained import load

    model = load(folder, "cpu")
    experiment = model.experiment
    example = np.random.default_rng(0).integers(0, 4, (8, experiment.data.training_window))
    deployed = DeployedNetwork(model.network, model.head, experiment.prediction.strands).eval()
    send_model(client, run_id, deployed, example, exporters.of(experiment))


def send_model(
    client: MlflowClient,
    run_id: str,
    model: nn.Module,
    example: NDArray[np.generic],
    exporter: Exporter,
    name: str = "model",
) -> None:
    """Send a model with its signature, loadable by `mlflow.pytorch.load_model`.

    The model is stored as an exported graph: loading it runs no code of this package and unpickles
    nothing.

    Parameters
    ----------
    client, run_id
        Where to.
    model
        A module that takes one tensor and returns one tensor, on the CPU, in evaluation mode.
    example
        An input of the model; every axis longer than 1 may have any length later.
    exporter
        One exporter for all models that differ in their weights alone saves time.
    name
        Name of the model.
    """
    from mlflow.entities import LoggedModelOutput

    from dann_tfbs.experiments.exported import describe, write_graph

    with no_collection(), tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_graph(folder, model, example, exporter)
        logged = client.create_logged_model(
            client.get_run(run_id).info.experiment_id,
            name=name,
            source_run_id=run_id,
            model_type="binding",
        )
        try:
            describe(folder, logged, model, example)
            client.log_model_artifacts(logged.model_id, str(folder))
            client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
            client.finalize_logged_model(logged.model_id, "READY")
        except BaseException:
            with suppress(Exception):  # the first error is the one to tell
                client.finalize_logged_model(logged.model_id, "FAILED")
            raise
