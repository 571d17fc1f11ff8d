"""ChIP-seq and genomic HT-SELEX of a package: training peaks and test windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.assays import PEAK_WINDOW
from dann_tfbs.simulation.benchmark import (
    Benchmark,
    Labelled,
    first_of_each,
    gc_matched,
    labelled,
)
from dann_tfbs.simulation.binding import BindingModel
from dann_tfbs.simulation.genome import Chromosome
from dann_tfbs.simulation.peaks import (
    Peaks,
    chs_peaks,
    ghts_peaks,
    near,
    stack,
    window_is_known,
    windows,
)
from dann_tfbs.simulation.settings import SimulationSettings
from dann_tfbs.simulation.writers import write_peaks
from dann_tfbs.streams import stream

_TEST_SHARE = 5
_ALIENS = 2
_RANDOM = 2
_RANDOM_POOL = 20
_CLEAR = 300


@dataclass(frozen=True)
class _TestPeaks:
    """The test peaks of a TF: those to find, and all (the rest serve as aliens of other TFs)."""

    positives: Peaks
    all: Peaks


def write_genomic_assay(
    out: Path,
    assay: str,
    genome: Sequence[Chromosome],
    factors: Sequence[tuple[BindingModel, BindingModel]],
    settings: SimulationSettings,
) -> None:
    """Write `train/<ASSAY>` from odd chromosomes and the test set from even ones.

    A TF has a fifth as many test positives as training peaks. Backgrounds as in IBIS, per
    positive: one `shades` window 300–600 bp beside it, two GC-matched `aliens` (test peaks of the
    other TFs, 300 bp or more away; absent if there is but one TF) and two GC-matched `random`
    windows.

    Parameters
    ----------
    out
        The package folder.
    assay
        CHS or GHTS.
    genome, factors
        The chromosomes; a (TF, co-factor) pair per TF.
    settings
        Sizes, seed, parameters.
    """
    train = [chromosome for chromosome in genome if not chromosome.is_test]
    test = [chromosome for chromosome in genome if chromosome.is_test]
    n_test = settings.peaks // _TEST_SHARE
    supply = n_test * (1 + _ALIENS if len(factors) > 1 else 1)
    found: dict[str, _TestPeaks] = {}
    for number, (factor, partner) in enumerate(factors):
        rng = stream(settings.seed, assay, factor.name)
        name = _file_name(assay, factor.name, number)
        peaks = _peaks(assay, train, factor, partner, settings.peaks, settings, rng)
        write_peaks(out / "train" / assay / factor.name / name, train, peaks, rng)
        every = _peaks(assay, test, factor, partner, supply, settings, rng)
        chosen = np.sort(rng.permutation(len(every))[:n_test])
        found[factor.name] = _TestPeaks(every.take(chosen), every)

    benchmark = Benchmark(assay)
    for tf in found:
        rng = stream(settings.seed, assay, tf, "test")
        for background, part in _test_parts(test, tf, found, rng).items():
            benchmark.parts[tf, background] = part
    benchmark.write(out / "test", stream(settings.seed, assay, "tags"))


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


def _test_parts(
    genome: Sequence[Chromosome],
    tf: str,
    found: dict[str, _TestPeaks],
    rng: np.random.Generator,
) -> dict[str, Labelled]:
    """Return the positives and backgrounds of one TF."""
    own = found[tf]
    n = len(own.positives)
    positives = _labelled(genome, own.positives, 1)
    parts = {"positives": positives, "shades": _labelled(genome, _shades(genome, own, rng), 0)}
    others = [peaks.all for name, peaks in found.items() if name != tf]
    if others:
        aliens = _clear_of(stack(others), own.all, _CLEAR)
        pool = first_of_each(_labelled(genome, aliens, 0), positives.codes)
        parts["aliens"] = gc_matched(pool, positives, _ALIENS * n, rng)
    random = _clear_of(
        _anywhere(genome, _RANDOM_POOL * n, rng), stack([own.all, *others]), PEAK_WINDOW + _CLEAR
    )
    pool = first_of_each(_labelled(genome, random, 0), positives.codes)
    parts["random"] = gc_matched(pool, positives, _RANDOM * n, rng)
    return parts


def _labelled(genome: Sequence[Chromosome], peaks: Peaks, label: int) -> Labelled:
    half = PEAK_WINDOW // 2
    header = [
        f"chr={genome[chrom].name};start={summit - half};end={summit + half + 1}"
        for chrom, summit in zip(peaks.chrom, peaks.summit, strict=True)
    ]
    return labelled(windows(genome, peaks), label, header=header)


def _shades(genome: Sequence[Chromosome], own: _TestPeaks, rng: np.random.Generator) -> Peaks:
    """Return a window 300–600 bp (edge to edge) beside each positive, where one is free."""
    n = len(own.positives)
    shift = PEAK_WINDOW + rng.integers(300, 601, n)
    side = 2 * rng.integers(0, 2, n) - 1
    beside = Peaks(own.positives.chrom, own.positives.summit + side * shift, np.zeros(n))
    return _clear_of(_known(genome, beside), own.all, PEAK_WINDOW)


def _anywhere(genome: Sequence[Chromosome], n: int, rng: np.random.Generator) -> Peaks:
    """Return uniform positions of the genome with a known window."""
    lengths = np.array([len(chromosome.codes) for chromosome in genome])
    chrom = rng.integers(0, len(genome), n)
    summit = (rng.random(n) * lengths[chrom]).astype(np.int64)
    return _known(genome, Peaks(chrom, summit, np.zeros(n)))


def _known(genome: Sequence[Chromosome], peaks: Peaks) -> Peaks:
    keep: NDArray[np.bool_] = np.zeros(len(peaks), dtype=bool)
    for index, chromosome in enumerate(genome):
        here = peaks.chrom == index
        keep[here] = window_is_known(chromosome.codes, peaks.summit[here])
    return peaks.take(keep)


def _clear_of(peaks: Peaks, reference: Peaks, distance: int) -> Peaks:
    """Drop peaks whose summit is within `distance` bp of a reference summit."""
    keep: NDArray[np.bool_] = np.ones(len(peaks), dtype=bool)
    for chrom in np.unique(peaks.chrom):
        here = peaks.chrom == chrom
        keep[here] = ~near(peaks.summit[here], reference.summit[reference.chrom == chrom], distance)
    return peaks.take(keep)
