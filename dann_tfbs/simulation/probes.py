"""Universal protein-binding microarrays: de Bruijn probe designs and their signals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.simulation.binding import BindingModel, bound_probability
from dann_tfbs.simulation.settings import SimulationSettings

PROBE = 35
LINKER = "CCTGTGTGAAATTGTTATCCGCTCT"
_SURFACE = 0.5
_SCALE = 30_000.0
_FLOOR = 1_500.0
_STICKINESS = 0.25


@dataclass(frozen=True)
class Design:
    """One array design.

    Attributes
    ----------
    name
        Prefix of its probe names: ME or HK.
    probes
        Codes, shape (n, 35).
    """

    name: str
    probes: NDArray[np.uint8]

    def with_linker(self) -> NDArray[np.uint8]:
        """Return linker + probe, shape (n, 60)."""
        linker = sequence.encode([LINKER]).codes
        return np.concatenate([np.repeat(linker, len(self.probes), axis=0), self.probes], axis=1)


def de_bruijn(order: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a random cyclic de Bruijn sequence: every word of `order` letters exactly once.

    It is an Eulerian circuit of the graph of (order − 1)-letter words, found by Hierholzer's
    algorithm with the edges of each node in random order.

    Parameters
    ----------
    order
        Word length, at least 2.
    rng
        Source of randomness.

    Returns
    -------
    NDArray[np.uint8]
        Codes, shape (4^order,).
    """
    nodes = 4 ** (order - 1)
    edges = rng.permuted(np.tile(np.arange(4, dtype=np.uint8), (nodes, 1)), axis=1).tolist()
    # The walk is sequential by nature; this loop takes about a microsecond a letter.
    stack, circuit = [0], []
    while stack:
        node = stack[-1]
        if edges[node]:
            stack.append((node * 4 + edges[node].pop()) % nodes)
        else:
            circuit.append(stack.pop())
    return (np.array(circuit[:0:-1]) % 4).astype(np.uint8)


def make_design(name: str, n: int, rng: np.random.Generator) -> Design:
    """Cut `n` probes of 35 nt out of a de Bruijn sequence.

    The order k is the smallest of 8 … 10 whose 4^k words take n probes of 36 − k words each;
    neighbouring probes overlap by k − 1 letters, so that no word is lost at a cut. A design that
    does not need all of them takes a random subset.

    Parameters
    ----------
    name
        Prefix of the probe names.
    n
        Number of probes, at most 40,330.
    rng
        Source of randomness.
    """
    order = next(k for k in (8, 9, 10) if _probes_needed(k) >= n)
    circle = de_bruijn(order, rng)
    starts = (PROBE + 1 - order) * rng.permutation(_probes_needed(order))[:n]
    return Design(name, circle[(starts[:, None] + np.arange(PROBE)) % len(circle)])


def _probes_needed(order: int) -> int:
    """Return how many probes hold all words: ⌈4^order / words a probe⌉; the last one wraps."""
    return -(-(4**order) // (PROBE + 1 - order))


def signals(
    design: Design, model: BindingModel, settings: SimulationSettings, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the spatially detrended intensity of each probe, shape (n,).

    ``I(s) = 1500·exp(σ_b·z₁ + 0.25·g(s)) + 30000·p(s)·exp(σ_s·z₂)``, with g the standardised GC
    content of the probe (unspecific stickiness). In p the affinity of a site counts by its
    distance from the glass: half at the linker, rising to the whole at the free end.

    Parameters
    ----------
    design
        The array.
    model
        The TF.
    settings
        Concentration and noise.
    rng
        Source of randomness.
    """
    oligo = design.with_linker()
    height = np.linspace(_SURFACE, 1, oligo.shape[1] - len(model) + 1)
    bound = bound_probability(model.occupancy(oligo, height), settings.pbm_concentration)
    gc = ((design.probes == 1) | (design.probes == 2)).mean(axis=1)
    stickiness = _STICKINESS * (gc - gc.mean()) / gc.std()
    z = rng.standard_normal((2, len(oligo)))
    background = _FLOOR * np.exp(settings.pbm_background * z[0] + stickiness)
    return background + _SCALE * bound * np.exp(settings.pbm_noise * z[1])


def quantile_z_scores(intensity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantile-normalise arrays of one design to each other and return z-scores.

    Parameters
    ----------
    intensity
        Shape (arrays, probes). Each array gets the mean sorted profile of all, then mean 0, sd 1.
    """
    profile = np.sort(intensity, axis=1).mean(axis=0)
    rank = intensity.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    return (profile[rank] - profile.mean()) / profile.std()
