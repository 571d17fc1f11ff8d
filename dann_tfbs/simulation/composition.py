"""DNA without sites: first-order Markov chains with given GC content, CpG depletion or bias."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Observed / expected dinucleotide ratios of the human genome, roughly; rows are the first letter.
# CpG is depleted apart from that, and what follows C instead comes out over-represented by itself.
_RATIO = np.array(
    [
        [1.12, 0.85, 1.17, 0.88],
        [1.00, 1.00, 1.00, 1.00],
        [1.02, 1.01, 1.18, 0.85],
        [0.75, 1.02, 1.21, 1.12],
    ]
)


def transitions(gc: NDArray[np.floating], cpg: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return Markov transition matrices T[x, y] ∝ π(y)·r(x, y) with r(C, G) = `cpg`.

    Parameters
    ----------
    gc
        GC content that π states, shape (n,); π(C) = π(G) = gc/2.
    cpg
        About the observed / expected ratio of CpG, shape (n,).

    Returns
    -------
    NDArray[np.float64]
        Shape (n, 4, 4); rows sum to 1.
    """
    base = np.stack([(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2], axis=-1)
    matrix = base[:, None, :] * _RATIO
    matrix[:, 1, 2] *= cpg
    return matrix / matrix.sum(axis=2, keepdims=True)


def random_library(strength: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the transition matrix of a synthetic library with its own composition bias.

    Each entry of the uniform matrix is multiplied by exp(strength·z), z standard normal.

    Parameters
    ----------
    strength
        0 gives independent, equally frequent letters.
    rng
        Source of randomness.

    Returns
    -------
    NDArray[np.float64]
        Shape (1, 4, 4).
    """
    matrix = np.exp(strength * rng.standard_normal((1, 4, 4)))
    return matrix / matrix.sum(axis=2, keepdims=True)


def markov_dna(
    transition: NDArray[np.float64], n: int, length: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Draw sequences from first-order Markov chains.

    Parameters
    ----------
    transition
        Shape (n, 4, 4), one chain a sequence, or (1, 4, 4), the same for all.
    n, length
        Number of sequences and their length in bp.
    rng
        Source of randomness.

    Returns
    -------
    NDArray[np.uint8]
        Codes, shape (n, length).
    """
    cumulative = transition.cumsum(axis=2).astype(np.float32)
    bounds = [np.ascontiguousarray(cumulative[:, :, letter]).ravel() for letter in range(3)]
    chain = 0 if len(transition) == 1 else 4 * np.arange(n)
    state = rng.integers(0, 4, n, dtype=np.uint8)
    # Column by column, stored letter-major so that each step writes one contiguous row.
    codes = np.empty((length, n), dtype=np.uint8)
    for column in range(length):
        draw = rng.random(n, dtype=np.float32)
        row = chain + state
        state = np.zeros(n, dtype=np.uint8)
        for bound in bounds:
            state += draw > bound[row]
        codes[column] = state
    return np.ascontiguousarray(codes.T)


def draw_sites(
    frequencies: NDArray[np.float64], n: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Draw sites from a frequency matrix, on a random strand each; shape (n, length)."""
    bounds = (frequencies / frequencies.sum(axis=1, keepdims=True)).cumsum(axis=1)[:, :3]
    sites = (rng.random((n, len(frequencies), 1)) > bounds).sum(axis=2).astype(np.uint8)
    flipped = rng.random(n) < 0.5
    sites[flipped] = 3 - sites[flipped, ::-1]
    return sites
