"""The built-in simulated set, for a first run without any data."""

from __future__ import annotations

from pathlib import Path

from dann_tfbs._version import __version__
from dann_tfbs.data.prepare import prepare
from dann_tfbs.data.recipe import Recipe
from dann_tfbs.data.table import TABLE_FILE
from dann_tfbs.simulation.package import simulate
from dann_tfbs.simulation.settings import SimulationSettings

TF = "FOXA1"


def built_in_data(folder: Path, target: str) -> Path:
    """Return a prepared folder of simulated peaks for one target assay; made where it is missing.

    Parameters
    ----------
    folder
        Where the simulated package and the prepared folders are kept for the next time.
    target
        Assay to be predicted.
    """
    package = folder / f"simulated-{__version__}"
    if not package.is_dir():
        simulate(package, SimulationSettings.for_scale("small"))
    prepared = folder / f"prepared-{__version__}-{target}"
    if not (prepared / TABLE_FILE).is_file():
        recipe = Recipe.model_validate(
            {
                "tf": TF,
                "assays": ("CHS", "GHTS"),
                "target": target,
                "ibis_root": package,
                "genome": package / "genome.fa",
            }
        )
        prepare(recipe, prepared)
    return prepared
