"""ChIP-seq and genomic HT-SELEX peaks, sampled from the positions of a synthetic genome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.assays import PEAK_WINDOW
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import N
from dann_tfbs.simulation.binding import BindingModel, bound_probability
from dann_tfbs.simulation.genome import TILE, Chromosome
from dann_tfbs.simulation.settings import SimulationSettings

_SITE_REACH = 75
_PARTNER_REACH = 100
_MIN_SITE = 0.1
_NOISE = 0.3


@dataclass(frozen=True)
class Peaks:
    """Peaks of one TF in one assay.

    Attributes
    ----------
    chrom
        Row number of the chromosome in the genome, `int64`, shape (n,).
    summit
        0-based position, `int64`, shape (n,).
    strength
        Enrichment in arbitrary units, `float64`, shape (n,).
    """

    chrom: NDArray[np.int64]
    summit: NDArray[np.int64]
    strength: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.summit)

    def take(self, rows: NDArray[np.generic]) -> Peaks:
        """Return the given rows."""
        return Peaks(self.chrom[rows], self.summit[rows], self.strength[rows])


Weights = Callable[[Chromosome], tuple[NDArray[np.int64], NDArray[np.float64]]]
"""Gives the candidate positions of a chromosome and the log rate at which each yields a peak."""


def chs_peaks(
    genome: Sequence[Chromosome],
    factor: BindingModel,
    partner: BindingModel,
    n: int,
    settings: SimulationSettings,
    rng: np.random.Generator,
) -> Peaks:
    """Sample `n` ChIP-seq peaks without replacement.

    A site at position x yields a direct peak at the rate

        ``p(x) · A(x) · (1 + c·p'(x)) · exp(g·(GC(x) − .45)) · exp(.3·z)``

    with p the bound probability of ±75 bp, A the accessibility of the tile, p' that of the
    co-factor within ±100 bp, GC the content of 301 bp and z standard normal. Indirect peaks
    (`indirect_share` of all) stand on co-factor sites, at the rate p'·A·exp(g·…)·(1 − p).

    Parameters
    ----------
    genome
        The chromosomes to look at.
    factor, partner
        The TF and its co-factor.
    n
        Number of peaks.
    settings
        Concentration, boost, bias, jitter.
    rng
        Source of randomness.

    Raises
    ------
    InputError
        If the genome has too few sites.
    """
    concentration = settings.chs_concentration

    def parts(
        chromosome: Chromosome, centre: BindingModel
    ) -> tuple[NDArray[np.int64], NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]:
        position, own, other = _local_binding(
            chromosome, centre, partner if centre is factor else factor, concentration
        )
        open_gc = np.log(chromosome.accessibility[position // TILE]) + settings.chs_gc_bias * (
            _local_gc(chromosome.codes, position) - 0.45
        )
        return position, own, other, open_gc

    def direct(chromosome: Chromosome) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        position, own, other, open_gc = parts(chromosome, factor)
        return position, np.log(own * (1 + settings.cofactor_boost * other)) + open_gc

    def indirect(chromosome: Chromosome) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        position, own, other, open_gc = parts(chromosome, partner)
        return position, np.log(own * (1 - other)) + open_gc

    n_indirect = round(n * settings.indirect_share)
    first = _sample(genome, direct, n - n_indirect, settings.summit_jitter, rng)
    second = _sample(genome, indirect, n_indirect, settings.summit_jitter, rng, taken=first)
    return stack([first, second])


def ghts_peaks(
    genome: Sequence[Chromosome],
    factor: BindingModel,
    n: int,
    settings: SimulationSettings,
    rng: np.random.Generator,
) -> Peaks:
    """Sample `n` genomic HT-SELEX peaks without replacement.

    The genome is naked: the rate is ``p(x) · exp(g·(GC(x) − .45)) · exp(.3·z)`` without
    accessibility or co-factors, and g is the fragment library's own bias.

    Parameters
    ----------
    genome, factor, n, settings, rng
        As in `chs_peaks`.
    """

    def rate(chromosome: Chromosome) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        position, own, _ = _local_binding(chromosome, factor, None, settings.ghts_concentration)
        gc = _local_gc(chromosome.codes, position)
        return position, np.log(own) + settings.ghts_gc_bias * (gc - 0.45)

    return _sample(genome, rate, n, settings.summit_jitter / 2, rng)


def _local_binding(
    chromosome: Chromosome, centre: BindingModel, other: BindingModel | None, concentration: float
) -> tuple[NDArray[np.int64], NDArray[np.floating], NDArray[np.floating]]:
    """Return the sites of `centre`, their bound probability and that of `other` beside them."""
    affinity = centre.affinities(chromosome.codes[None])[0]
    position = np.flatnonzero(affinity >= _MIN_SITE)
    position = position[(position > PEAK_WINDOW) & (position < len(affinity) - PEAK_WINDOW)]
    own = bound_probability(_reach(affinity, position, _SITE_REACH), concentration)
    if other is None:
        return position + len(centre) // 2, own, np.zeros(len(position))
    beside = _reach(other.affinities(chromosome.codes[None])[0], position, _PARTNER_REACH)
    return position + len(centre) // 2, own, bound_probability(beside, concentration)


def _reach(
    affinity: NDArray[np.floating], position: NDArray[np.int64], reach: int
) -> NDArray[np.float64]:
    """Return the sum of the affinities within ± `reach` bp of each position."""
    total = np.concatenate([[0.0], np.cumsum(affinity, dtype=np.float64)])
    last = len(affinity)
    return total[np.minimum(position + reach + 1, last)] - total[np.maximum(position - reach, 0)]


def _local_gc(codes: NDArray[np.uint8], position: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the GC content of the 301-bp window around each position."""
    total = np.concatenate([[0], np.cumsum((codes == 1) | (codes == 2))])
    half = PEAK_WINDOW // 2
    return (total[position + half + 1] - total[position - half]) / PEAK_WINDOW


def _sample(
    genome: Sequence[Chromosome],
    weights: Weights,
    n: int,
    jitter: float,
    rng: np.random.Generator,
    taken: Peaks | None = None,
) -> Peaks:
    """Draw `n` peaks a window or more apart, clear of N and of the peaks `taken`.

    The n largest of log rate + Gumbel noise are a draw without replacement at the given rates.
    """
    parts = []
    for index, chromosome in enumerate(genome):
        position, rate = weights(chromosome)
        rate = rate + _NOISE * rng.standard_normal(len(rate))
        score = rate + rng.gumbel(size=len(rate))
        summit = position + np.rint(jitter * rng.standard_normal(len(rate))).astype(np.int64)
        keep = window_is_known(chromosome.codes, summit)
        if taken is not None:
            keep &= ~near(summit, taken.summit[taken.chrom == index], PEAK_WINDOW)
        summit, rate, score = summit[keep], rate[keep], score[keep]
        best = _best_apart(summit, score, PEAK_WINDOW)
        parts.append((np.full(len(best), index), summit[best], rate[best], score[best]))
    chrom, summit, rate, score = (np.concatenate(column) for column in zip(*parts, strict=True))
    if len(score) < n:
        raise InputError(
            f"the synthetic genome holds {len(score)} places for {n} peaks.",
            remedy="Lower min_affinity or use a less specific matrix.",
        )
    chosen = np.sort(np.argsort(-score, kind="stable")[:n])
    return Peaks(chrom[chosen], summit[chosen], np.exp(rate[chosen]))


def near(
    query: NDArray[np.int64], reference: NDArray[np.int64], distance: int
) -> NDArray[np.bool_]:
    """Return which positions of `query` lie within `distance` bp of any of `reference`."""
    edges = np.sort(reference)
    first = np.searchsorted(edges, query - distance, side="left")
    return first < np.searchsorted(edges, query + distance, side="right")


def window_is_known(codes: NDArray[np.uint8], summit: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which summits have a whole window inside the chromosome without N."""
    half = PEAK_WINDOW // 2
    inside = (summit >= half) & (summit + half < len(codes))
    total = np.concatenate([[0], np.cumsum(codes == N)])
    safe = np.where(inside, summit, half)
    return inside & (total[safe + half + 1] == total[safe - half])


def _best_apart(
    position: NDArray[np.int64], score: NDArray[np.float64], distance: int
) -> NDArray[np.intp]:
    """Return rows of local champions that lie at least `distance` bp apart, by position.

    The best of every bin of `distance` bp stands against the bests of the two bins beside it.
    """
    order = np.lexsort((-score, position // distance))
    bins = position[order] // distance
    best = order[np.concatenate([[True], bins[1:] != bins[:-1]])] if len(order) else order
    close = np.diff(position[best]) < distance
    step = np.diff(score[best])
    loses = np.zeros(len(best), dtype=bool)
    loses[:-1] |= close & (step > 0)
    loses[1:] |= close & (step <= 0)
    return best[~loses]


def stack(parts: Sequence[Peaks]) -> Peaks:
    """Join lists of peaks in genome order."""
    every = Peaks(
        np.concatenate([part.chrom for part in parts]),
        np.concatenate([part.summit for part in parts]),
        np.concatenate([part.strength for part in parts]),
    )
    return every.take(np.lexsort((every.summit, every.chrom)))


def windows(genome: Sequence[Chromosome], peaks: Peaks) -> NDArray[np.uint8]:
    """Cut summit − 150 … summit + 151 out of the genome, shape (n, 301)."""
    offsets = np.arange(PEAK_WINDOW) - PEAK_WINDOW // 2
    codes = np.empty((len(peaks), PEAK_WINDOW), dtype=np.uint8)
    for index, chromosome in enumerate(genome):
        rows = np.flatnonzero(peaks.chrom == index)
        codes[rows] = chromosome.codes[peaks.summit[rows, None] + offsets]
    return codes
