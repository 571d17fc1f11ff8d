"""HT-SELEX cycles and SMiLE-seq reads, selected from pools of random oligonucleotides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.simulation.binding import BindingModel, bound_probability
from dann_tfbs.simulation.composition import draw_sites, markov_dna, random_library
from dann_tfbs.simulation.settings import SimulationSettings

INSERT = 40
CYCLES = (1, 2, 3, 4)
LEFT_FLANK = "ACGACGCTCTTCCGATCTGG"
RIGHT_FLANK = "AGATCGGAAGAGCACACGTC"

_FLANK_IN_REACH = 8
_POOL_PER_READ = 100
_POOL_AT_ONCE = 200_000
_SMS_CARRY_OVER = 0.002
_SITE_SHARE = 0.02
_INPUT_STRENGTH = 0.08


@dataclass(frozen=True)
class Library:
    """What all reads of one synthesis and amplification share.

    Attributes
    ----------
    transition
        Markov chain of the unselected oligonucleotides, shape (1, 4, 4).
    amplification
        Log gain of each dinucleotide per cycle of amplification, shape (16,).
    """

    transition: NDArray[np.float64]
    amplification: NDArray[np.float64]


def make_library(rng: np.random.Generator) -> Library:
    """Draw the composition and the amplification bias of a library."""
    return Library(random_library(_INPUT_STRENGTH, rng), rng.standard_normal(16))


def biased(library: Library, strength: float, rng: np.random.Generator) -> Library:
    """Return a library whose composition departs from another's, as that of a bound SMS library."""
    transition = library.transition * random_library(strength, rng)
    return Library(transition / transition.sum(axis=2, keepdims=True), library.amplification)


def input_reads(library: Library, n: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw `n` reads of the unselected library, shape (n, 40)."""
    return markov_dna(library.transition, n, INSERT, rng)


def hts_cycles(
    library: Library,
    model: BindingModel,
    n: int,
    settings: SimulationSettings,
    rng: np.random.Generator,
    cycles: Sequence[int] = CYCLES,
) -> list[NDArray[np.uint8]]:
    """Select `n` reads for each of the cycles from one pool of 100·n molecules.

    A molecule s takes part in cycle c at the rate

        ``((p(s) + β) / (1 + β))^c · exp(c·δ·d(s))``

    where p is its bound probability (insert and the 8 bp of flank beside it), β the carry-over of
    unbound molecules and d the amplification bias of its dinucleotides (sd about 1). Reads are
    drawn without replacement within a cycle; cycles share molecules, as in the experiment.

    Parameters
    ----------
    library
        The synthesis; `model` the TF; `n` the number of reads a cycle.
    model, n, settings
        See above.
    rng
        Source of randomness.
    cycles
        The cycles to read.

    Returns
    -------
    list
        One array of codes of shape (n, 40) per cycle.
    """
    carry_over = settings.hts_carry_over
    kept = [_Kept.none() for _ in cycles]
    for pool in _pool(library, model, n, rng):
        occupancy = model.occupancy(with_flanks(pool, _FLANK_IN_REACH))
        bound = bound_probability(occupancy, settings.hts_concentration)
        per_cycle = np.log((bound + carry_over) / (1 + carry_over))
        per_cycle += settings.hts_drift * _amplification(pool, library)
        kept = [
            best.updated(pool, cycle * per_cycle, n, rng)
            for cycle, best in zip(cycles, kept, strict=True)
        ]
    return [rng.permutation(best.reads) for best in kept]


def sms_reads(
    library: Library,
    model: BindingModel,
    n: int,
    settings: SimulationSettings,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Select `n` SMiLE-seq reads in one step, at the rate (p(s) + 0.002), plus unselected noise.

    Parameters
    ----------
    library
        The bound library, with its own composition (see `biased`).
    model, n, settings, rng
        As in `hts_cycles`; `sms_noise` is the share of reads drawn without selection.

    Returns
    -------
    NDArray[np.uint8]
        Codes, shape (n, 40), in random order.
    """
    n_noise = round(n * settings.sms_noise)
    kept = _Kept.none()
    for pool in _pool(library, model, n, rng):
        bound = bound_probability(model.occupancy(pool), settings.sms_concentration)
        kept = kept.updated(pool, np.log(bound + _SMS_CARRY_OVER), n - n_noise, rng)
    return rng.permutation(np.concatenate([kept.reads, input_reads(library, n_noise, rng)]))


def with_flanks(insert: NDArray[np.uint8], reach: int) -> NDArray[np.uint8]:
    """Put the `reach` bases of constant flank that touch the insert on either side of it."""
    flanks = sequence.encode([LEFT_FLANK[-reach:], RIGHT_FLANK[:reach]]).codes
    left, right = (np.broadcast_to(flank, (len(insert), reach)) for flank in flanks)
    return np.concatenate([left, insert, right], axis=1)


def _amplification(pool: NDArray[np.uint8], library: Library) -> NDArray[np.float64]:
    """Return the amplification bias of each molecule: the mean gain of its dinucleotides × √39.

    Over equally frequent, independent dinucleotides its sd is about that of the gains, 1.
    """
    bias = np.zeros(len(pool))
    for column in range(pool.shape[1] - 1):
        bias += library.amplification[pool[:, column] * 4 + pool[:, column + 1]]
    return bias / np.sqrt(pool.shape[1] - 1)


def _pool(
    library: Library, model: BindingModel, n: int, rng: np.random.Generator
) -> Iterator[NDArray[np.uint8]]:
    """Yield the molecules to select `n` reads from, in parts that bound the memory.

    A real pool holds some 10¹³ molecules, and so every site many times over. To stand for it, two
    per cent of the molecules get a site drawn from the matrix at a random place.
    """
    left = _POOL_PER_READ * n
    while left:
        size = min(left, _POOL_AT_ONCE)
        pool = input_reads(library, size, rng)
        rows = np.flatnonzero(rng.random(size) < _SITE_SHARE)
        start = rng.integers(0, INSERT - len(model) + 1, len(rows))
        columns = start[:, None] + np.arange(len(model))
        pool[rows[:, None], columns] = draw_sites(model.frequencies, len(rows), rng)
        yield pool
        left -= size


@dataclass(frozen=True)
class _Kept:
    """The reads with the largest keys so far: a weighted draw without replacement.

    The n largest of log rate + Gumbel noise are such a draw (Efraimidis & Spirakis 2006), which
    can be taken from a stream.
    """

    reads: NDArray[np.uint8]
    key: NDArray[np.float64]

    @classmethod
    def none(cls) -> _Kept:
        return cls(np.empty((0, INSERT), dtype=np.uint8), np.empty(0))

    def updated(
        self,
        pool: NDArray[np.uint8],
        log_rate: NDArray[np.floating],
        n: int,
        rng: np.random.Generator,
    ) -> _Kept:
        """Return the best `n` of the kept reads and a further part of the pool."""
        key = np.concatenate([self.key, log_rate + rng.gumbel(size=len(pool))])
        rows = np.argpartition(-key, n - 1)[:n] if len(key) > n else np.arange(len(key))
        rows.sort()
        old, new = rows[rows < len(self.key)], rows[rows >= len(self.key)] - len(self.key)
        return _Kept(np.concatenate([self.reads[old], pool[new]]), key[rows])
