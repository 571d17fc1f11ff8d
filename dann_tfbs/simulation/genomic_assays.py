"""ChIP-seq and genomic HT-SELEX of a package: training peaks and test windows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dann_tfbs.assays import PEAK_WINDOW
from dann_tfbs.data.genome import Genome
from dann_tfbs.data.intervals import Intervals, make_intervals
from dann_tfbs.simulation.binding import BindingModel
from dann_tfbs.simulation.genome import Chromosome
from dann_tfbs.simulation.peaks import Peaks, chs_peaks, ghts_peaks
from dann_tfbs.simulation.settings import SimulationSettings
from dann_tfbs.simulation.writers import write_peaks
from dann_tfbs.streams import stream
from dann_tfbs.testsets.genomic import TestPeaks, genomic_parts, usable
from dann_tfbs.testsets.official import TestSet

_TEST_SHARE = 5
_ALIENS = 2


def write_genomic_assay(
    out: Path,
    assay: str,
    genome: Sequence[Chromosome],
    factors: Sequence[tuple[BindingModel, BindingModel]],
    settings: SimulationSettings,
) -> None:
    """Write `train/<ASSAY>` from odd chromosomes and the test set from even ones.

    A TF has a fifth as many test positives as training peaks; the rest of its test peaks serve as
    aliens of other TFs. Backgrounds are those of IBIS (see `dann_tfbs.testsets.genomic`).

    Parameters
    ----------
    out
        The package folder.
    assay
        CHS or GHTS.
    genome, factors
        The chromosomes, which `genome.fa` of the package holds too; a (TF, co-factor) pair per TF.
    settings
        Sizes, seed, parameters.
    """
    train = [chromosome for chromosome in genome if not chromosome.is_test]
    test = [chromosome for chromosome in genome if chromosome.is_test]
    n_test = settings.peaks // _TEST_SHARE
    supply = n_test * (1 + _ALIENS if len(factors) > 1 else 1)
    reference, names = Genome(out / "genome.fa"), [chromosome.name for chromosome in test]
    found: dict[str, TestPeaks] = {}
    spare: dict[str, TestPeaks] = {}
    for number, (factor, partner) in enumerate(factors):
        rng = stream(settings.seed, assay, factor.name)
        name = _file_name(assay, factor.name, number)
        peaks = _peaks(assay, train, factor, partner, settings.peaks, settings, rng)
        write_peaks(out / "train" / assay / factor.name / name, train, peaks, rng)
        every = _peaks(assay, test, factor, partner, supply, settings, rng)
        chosen = np.sort(rng.permutation(len(every))[:n_test])
        windows = _windows(test, every)
        kept, _ = usable(reference, windows, names)
        shown = np.intersect1d(chosen, kept)
        found[factor.name] = TestPeaks(windows.take(shown), windows)
        spare[factor.name] = TestPeaks(windows.take(kept), windows)

    benchmark = TestSet(assay)
    for tf in found:
        rng = stream(settings.seed, assay, tf, "test")
        peaks_of = {name: found[tf] if name == tf else spare[name] for name in found}
        positives, parts, _ = genomic_parts(reference, tf, peaks_of, names, rng)
        benchmark.add(tf, positives, parts)
    benchmark.write(out, stream(settings.seed, assay, "tags"))


def _windows(genome: Sequence[Chromosome], peaks: Peaks) -> Intervals:
    start = peaks.summit - PEAK_WINDOW // 2
    names = [genome[chrom].name for chrom in peaks.chrom]
    return make_intervals(names, start, start + PEAK_WINDOW)


def _peaks(
    assay: str,
    genome: Sequence[Chromosome],
    factor: BindingModel,
    partner: BindingModel,
    n: int,
    settings: SimulationSettings,
    rng: np.random.Generator,
) -> Peaks:
    if assay == "CHS":
        return chs_peaks(genome, factor, partner, n, settings, rng)
    return ghts_peaks(genome, factor, n, settings, rng)


def _file_name(assay: str, tf: str, number: int) -> str:
    """Return a name as loose as real ones: only the folder is sure to tell the TF."""
    if assay == "CHS":
        return f"SIM_{300 + number:04d}.Rep-{tf}_{290 + number:04d}.peaks"
    construct = ("-DBD", "-FL")[number % 2]
    return f"SIM_A_AffSeq_{'ABCDEFGH'[number % 8]}{number // 8 + 1:02d}_{tf}{construct}.C3.peaks"
