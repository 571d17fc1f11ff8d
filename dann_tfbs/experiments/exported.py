"""Models as exported graphs, in folders that MLflow loads.

MLflow's own `log_model` writes the same layout. It traces the graph anew for every model and looks
through all installed packages each time, which together cost more than the rest of tracking.
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from dann_tfbs._version import __version__

if TYPE_CHECKING:
    import numpy as np
    from mlflow.entities import LoggedModel
    from mlflow.models import ModelSignature
    from numpy.typing import NDArray
    from torch import nn
    from torch.export import ExportedProgram

_DATA = "data"
_GRAPH = "model.pt2"
_PYTHON_ENV = "python_env.yaml"
_REQUIREMENTS = "requirements.txt"
"""Names that `mlflow.pytorch.load_model` and MLflow's servers look for in a folder."""


class Exporter:
    """Exports models that differ in their weights alone; their graph is traced only once."""

    def __init__(self) -> None:
        self._program: ExportedProgram | None = None

    def save(self, model: nn.Module, example: NDArray[np.generic], path: Path) -> None:
        """Write a model as a graph with its weights (`torch.export`, `.pt2`), without pickles.

        Parameters
        ----------
        model
            A module that takes one tensor and returns one tensor, on the CPU, in evaluation mode.
        example
            An input of the model; every axis longer than 1 may have any length later.
        path
            The file to write.

        Raises
        ------
        ValueError
            If the weights are not those of the first model in name and shape.
        """
        weights = model.state_dict(keep_vars=True)
        if self._program is None:
            self._program = _traced(model, example)
        slots = self._program.state_dict
        if {k: v.shape for k, v in slots.items()} != {k: v.shape for k, v in weights.items()}:
            raise ValueError("the model differs in layout from the first one of its exporter")
        slots.update(weights)
        torch.export.save(self._program, path)


def write_graph(
    folder: Path, model: nn.Module, example: NDArray[np.generic], exporter: Exporter
) -> None:
    """Write a model's graph to where `describe` says that it is; parameters as `Exporter.save`."""
    (folder / _DATA).mkdir()
    exporter.save(model, example, folder / _DATA / _GRAPH)


def describe(
    folder: Path, logged: LoggedModel, model: nn.Module, example: NDArray[np.generic]
) -> None:
    """Write what MLflow reads of a model: its flavours, signature and requirements.

    Parameters
    ----------
    folder
        The folder that `write_graph` wrote to.
    logged
        MLflow's entry of the model, of which the folder holds the files.
    model, example
        As `Exporter.save`; the model is run once for the type of its output.
    """
    import mlflow
    from mlflow import pyfunc
    from mlflow.models import Model

    with torch.no_grad():
        output = model(torch.from_numpy(example)).numpy()
    description = Model(
        artifact_path=logged.artifact_location,
        run_id=logged.source_run_id,
        model_id=logged.model_id,
        model_uuid=logged.model_id,
        signature=_signature(example, output),
        metadata={"dann_tfbs": __version__},
    )
    description.add_flavor("pytorch", model_data=_DATA, pytorch_version=str(torch.__version__))
    pyfunc.add_to_model(
        description,
        loader_module="mlflow.pytorch",
        data=_DATA,
        python_env=_PYTHON_ENV,
        model_config={"device": None},
    )
    description.save(str(folder / "MLmodel"))
    requirements = [
        f"mlflow=={mlflow.__version__}",
        f"torch=={torch.__version__.partition('+')[0]}",
        "numpy",
    ]
    (folder / _REQUIREMENTS).write_text("\n".join(requirements) + "\n")
    (folder / _PYTHON_ENV).write_text(
        f"python: {platform.python_version()}\ndependencies:\n- -r {_REQUIREMENTS}\n"
    )


def _traced(model: nn.Module, example: NDArray[np.generic]) -> ExportedProgram:
    lengths = {axis: torch.export.Dim.AUTO for axis, n in enumerate(example.shape) if n > 1}
    return torch.export.export(model, (torch.from_numpy(example),), dynamic_shapes=(lengths,))


def _signature(example: NDArray[np.generic], output: NDArray[np.generic]) -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    inputs, outputs = (
        Schema([TensorSpec(array.dtype, tuple(-1 if n > 1 else n for n in array.shape))])
        for array in (example, output)
    )
    return ModelSignature(inputs, outputs)
