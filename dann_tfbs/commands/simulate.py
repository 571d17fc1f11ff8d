"""`dann-tfbs simulate`: built-in data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dann_tfbs.simulation.settings import Scale


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--tf",
    "tfs",
    multiple=True,
    metavar="NAME",
    help="TF to simulate; may be repeated. Default: FOXA1 and CEBPB, or all of --meme.",
)
@click.option(
    "--meme",
    type=click.Path(path_type=Path),
    help="MEME file with the TFs' matrices, instead of the built-in ones.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--scale",
    type=click.Choice(["small", "medium", "full"]),
    default="small",
    show_default=True,
    help="How much data: 1500, 5000 or 15000 peaks per TF, and reads and probes to match.",
)
@click.option("--peaks", type=click.IntRange(min=50), help="Training peaks per TF and assay.")
@click.option("--reads", type=click.IntRange(min=100), help="Reads per file.")
@click.option(
    "--probes", type=click.IntRange(min=500, max=40_330), help="Probes per microarray design."
)
@click.option("--force", is_flag=True, help="Replace OUT if it is an earlier simulated package.")
def simulate(
    out: Path,
    tfs: tuple[str, ...],
    meme: Path | None,
    seed: int,
    scale: Scale,
    peaks: int | None,
    reads: int | None,
    probes: int | None,
    force: bool,
) -> None:
    """Write simulated data of five assays into the folder OUT, in the IBIS layout.

    The binding model, and how hard the data are, is explained in the documentation; OUT/truth.json
    records what was planted.
    """
    from dann_tfbs.simulation import package
    from dann_tfbs.simulation.settings import SimulationSettings

    sizes = {
        name: value
        for name, value in (("peaks", peaks), ("reads", reads), ("probes", probes))
        if value is not None
    }
    settings = SimulationSettings.for_scale(scale, tfs=tfs, meme=meme, seed=seed, **sizes)
    package.simulate(out, settings, force=force)
    click.echo(f"Wrote simulated data to {out}; what was planted is in {out / 'truth.json'}.")
