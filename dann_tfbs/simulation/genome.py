"""A synthetic genome: isochores, CpG depletion and islands, repeats, gaps, regulatory elements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.sequence import N
from dann_tfbs.simulation.binding import BindingModel
from dann_tfbs.simulation.composition import draw_sites, markov_dna, transitions

TILE = 500
"""bp of the tiles that the genome is put together from; an element fills one tile."""

_TILES_PER_ISOCHORE = 100
_ELEMENT_SHARE = 0.3
_ISLAND_SHARE = 0.2
_REPEAT_SHARE = 0.1
_REPEAT_LENGTH = 300
_FAMILIES = 20
_DIVERGENCE = 0.12
_SITE_SHARE = 0.35
_PARTNER_SHARE = 0.5
_MICROSATELLITES = ([1, 0], [0, 0, 0, 3], [2, 2, 0, 0])


@dataclass(frozen=True)
class Chromosome:
    """One synthetic chromosome.

    Attributes
    ----------
    name
        chr1, chr2, …
    codes
        `uint8`, shape (length,).
    accessibility
        `float32`, shape (length / TILE,): relative chance of each tile to be open chromatin.
    """

    name: str
    codes: NDArray[np.uint8]
    accessibility: NDArray[np.float32]

    @property
    def is_test(self) -> bool:
        """Whether the chromosome belongs to the test half: even numbers, as in IBIS."""
        return int(self.name.removeprefix("chr")) % 2 == 0


def repeat_families(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the repeat families, shape (families, 300): transposons and three microsatellites."""
    gc = rng.uniform(0.38, 0.62, _FAMILIES - len(_MICROSATELLITES))
    cpg = np.full(len(gc), 0.5)
    transposons = markov_dna(transitions(gc, cpg), len(gc), _REPEAT_LENGTH, rng)
    transposons[:, -20:] = 0  # the poly-A tail of retroposed elements
    satellites = [
        np.resize(np.array(unit, dtype=np.uint8), _REPEAT_LENGTH) for unit in _MICROSATELLITES
    ]
    return np.concatenate([transposons, np.stack(satellites)])


def make_chromosome(
    name: str,
    tiles: int,
    models: Sequence[tuple[BindingModel, BindingModel]],
    families: NDArray[np.uint8],
    rng: np.random.Generator,
) -> Chromosome:
    """Make one chromosome of `tiles` × 500 bp.

    Tiles follow first-order Markov chains whose GC content is that of their 50-kb isochore (mean
    .42, sd .06) plus noise (sd .025), with CpG at a quarter of its expectation. Three in ten
    tiles are regulatory elements: more GC, open chromatin (log-normal, sd 0.7; closed tiles have a
    mean of about 1/50), a fifth of them CpG islands. Each TF has a site, drawn from its matrix on
    a random strand, in a third of the elements; half of those hold a site of its co-factor too,
    and so does one element in six without the TF. A tenth of the other tiles hold a diverged
    copy of a repeat; both ends and one gap are N.

    Parameters
    ----------
    name
        Name of the chromosome.
    tiles
        Its length in tiles.
    models
        A (TF, co-factor) pair per simulated TF.
    families
        Repeat families, see `repeat_families`.
    rng
        Source of randomness.
    """
    isochores = -(-tiles // _TILES_PER_ISOCHORE)
    gc = np.repeat(rng.normal(0.42, 0.06, isochores), _TILES_PER_ISOCHORE)[:tiles]
    gc += rng.normal(0, 0.025, tiles)
    element = rng.random(tiles) < _ELEMENT_SHARE
    island = element & (rng.random(tiles) < _ISLAND_SHARE)
    gc = np.where(island, rng.normal(0.62, 0.03, tiles), gc + 0.05 * element).clip(0.3, 0.7)
    cpg = np.where(island, 0.8, 0.25)
    codes = markov_dna(transitions(gc, cpg), tiles, TILE, rng)

    closed = rng.normal(-4.0, 0.5, tiles)
    accessibility = np.exp(np.where(element, rng.normal(0, 0.7, tiles), closed))
    elements = np.flatnonzero(element)
    for factor, partner in models:
        bound = rng.random(len(elements)) < _SITE_SHARE
        centre = rng.integers(150, TILE - 150, len(elements))
        _plant(codes, elements[bound], centre[bound], factor, rng)
        chance = np.where(bound, _PARTNER_SHARE, _SITE_SHARE / 2)
        beside = rng.random(len(elements)) < chance
        side = 2 * rng.integers(0, 2, len(elements)) - 1
        spacing = rng.integers(len(factor) + len(partner), 80, len(elements))
        _plant(codes, elements[beside], (centre + side * spacing)[beside], partner, rng)

    _insert_repeats(codes, np.flatnonzero(~element), families, rng)
    flat = codes.ravel()
    _insert_gaps(flat, tiles, rng)
    return Chromosome(name, flat, accessibility.astype(np.float32))


def _plant(
    codes: NDArray[np.uint8],
    tiles: NDArray[np.intp],
    position: NDArray[np.int64],
    model: BindingModel,
    rng: np.random.Generator,
) -> None:
    """Write a site of `model` into each of the tiles, at its position in the tile."""
    columns = position[:, None] + np.arange(len(model))
    codes[tiles[:, None], columns] = draw_sites(model.frequencies, len(tiles), rng)


def _insert_repeats(
    codes: NDArray[np.uint8],
    tiles: NDArray[np.intp],
    families: NDArray[np.uint8],
    rng: np.random.Generator,
) -> None:
    """Overwrite the middle of some tiles by diverged copies of repeats, on either strand."""
    chosen = tiles[rng.random(len(tiles)) < _REPEAT_SHARE]
    copies = families[rng.integers(0, len(families), len(chosen))]
    mutated = rng.random(copies.shape) < _DIVERGENCE
    copies[mutated] = rng.integers(0, 4, int(mutated.sum()), dtype=np.uint8)
    flipped = rng.random(len(chosen)) < 0.5
    copies[flipped] = 3 - copies[flipped, ::-1]
    codes[chosen, 100 : 100 + _REPEAT_LENGTH] = copies


def _insert_gaps(flat: NDArray[np.uint8], tiles: int, rng: np.random.Generator) -> None:
    """Put N on both ends (four tiles each) and on one inner gap of one per cent."""
    flat[: 4 * TILE] = N
    flat[-4 * TILE :] = N
    start = int(rng.integers(tiles // 4, 3 * tiles // 4)) * TILE
    flat[start : start + tiles // 100 * TILE] = N
