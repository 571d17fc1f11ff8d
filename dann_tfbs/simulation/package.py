"""The whole simulated package, in the folder layout of the IBIS challenge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dann_tfbs.errors import InputError
from dann_tfbs.files import write_json, write_text, written_aside
from dann_tfbs.simulation.artificial_assays import write_hts, write_pbm, write_sms
from dann_tfbs.simulation.binding import BindingModel
from dann_tfbs.simulation.factors import choose_factors
from dann_tfbs.simulation.genome import Chromosome, make_chromosome, repeat_families
from dann_tfbs.simulation.genomic_assays import write_genomic_assay
from dann_tfbs.simulation.settings import SimulationSettings
from dann_tfbs.simulation.writers import write_genome
from dann_tfbs.streams import stream

CHROMOSOMES = 6
_TILES_PER_PEAK = 4

_README = """# Simulated binding data

Nothing here was measured. `dann-tfbs simulate` made these files from a stated binding model; the
real proteins of the same names may behave otherwise. The truth behind them (matrices, co-factors,
parameters, seed) is in `truth.json`.

TFs: {tfs}. Seed: {seed}.

* `genome.fa`: a synthetic genome, chr1 … chr{chromosomes}; odd chromosomes to train, even ones to
  test.
* `train/<ASSAY>/<TF>/`: training data of the assays CHS, GHTS, HTS, SMS and PBM in the formats of
  the IBIS challenge.
* `input/HTS`, `input/SMS`: unselected libraries (cycle 0).
* `test/<ASSAY>_participants.fasta`: sequences to score.
* `test/answers/<ASSAY>_<TF>_<background>.json`: their labels, positives and one background;
  `<ASSAY>_<TF>.json` has all backgrounds. Never train on these.
* `BENCHMARK_CONFIGS/<ASSAY>/Final/benchmark.json`: the same for `dann-tfbs benchmark score`.
"""


def simulate(out: Path, settings: SimulationSettings, *, force: bool = False) -> None:
    """Write a simulated package of all five assays; equal settings give equal bytes.

    Parameters
    ----------
    out
        The folder to make. It appears as a whole or, on an error, not at all.
    settings
        TFs, sizes, seed and the parameters of the model.
    force
        Whether to replace an existing `out`.

    Raises
    ------
    InputError
        If `out` exists and `force` is not set, or a TF has no usable matrix.
    OutputError
        If the folder cannot be written.
    """
    if out.exists() and not force:
        raise InputError("exists already.", path=out, remedy="Name another folder or add --force.")
    if out.exists() and not (out / "truth.json").is_file():
        raise InputError(
            "is no simulated package, and will not be replaced.",
            path=out,
            remedy="Name another folder, or remove this one yourself.",
        )
    pairs = choose_factors(settings)
    factors = [factor for factor, _ in pairs]
    with written_aside(out) as aside:
        (aside / "test" / "answers").mkdir(parents=True)
        genome = make_genome(pairs, settings)
        write_genome(aside / "genome.fa", genome)
        for assay in ("CHS", "GHTS"):
            write_genomic_assay(aside, assay, genome, pairs, settings)
        del genome
        (aside / "genome.fa.fai").unlink(missing_ok=True)  # the index that making the tests left
        write_hts(aside, factors, settings)
        write_sms(aside, factors, settings)
        write_pbm(aside, factors, settings)
        write_json(aside / "truth.json", _truth(pairs, settings))
        names = ", ".join(factor.name for factor in factors)
        readme = _README.format(tfs=names, seed=settings.seed, chromosomes=CHROMOSOMES)
        write_text(aside / "README.md", readme)


def make_genome(
    pairs: Sequence[tuple[BindingModel, BindingModel]], settings: SimulationSettings
) -> list[Chromosome]:
    """Make six chromosomes of 2000 bp per training peak each, with sites of the TFs in them."""
    families = repeat_families(stream(settings.seed, "repeats"))
    tiles = _TILES_PER_PEAK * settings.peaks
    names = [f"chr{number + 1}" for number in range(CHROMOSOMES)]
    return [
        make_chromosome(name, tiles, pairs, families, stream(settings.seed, "genome", name))
        for name in names
    ]


def _truth(
    pairs: Sequence[tuple[BindingModel, BindingModel]], settings: SimulationSettings
) -> dict[str, Any]:
    """Return what the data were made from."""
    models = {model.name: model.frequencies.tolist() for pair in pairs for model in pair}
    return {
        "simulated": True,
        "settings": settings.model_dump(mode="json", exclude={"meme"}),
        "tfs": {factor.name: {"co_factor": partner.name} for factor, partner in pairs},
        "matrices": models,
    }
