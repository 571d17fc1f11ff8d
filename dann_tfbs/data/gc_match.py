"""Choosing sequences whose GC content is distributed like that of others."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dann_tfbs.errors import InputError

BINS = 50


def gc_bins(gc: ArrayLike, bins: int = BINS) -> NDArray[np.int16]:
    """Return the histogram bin, 0 … bins − 1, of each GC content (a share from 0 to 1)."""
    # The nudge keeps a share on a bin's edge in the upper bin whatever its floating-point type.
    position = np.floor(np.asarray(gc) * bins + 1e-4)
    return np.clip(position, 0, bins - 1).astype(np.int16)


def gc_distance(a: ArrayLike, b: ArrayLike, bins: int = BINS) -> float:
    """Return the total variation distance between two GC histograms.

    Parameters
    ----------
    a, b
        GC contents from 0 to 1, any two non-zero numbers of them.
    bins
        Number of equal bins over [0, 1].

    Returns
    -------
    float
        ½ Σ |p − q| over the bins: 0 for equal histograms, 1 for disjoint ones; NaN if one of the
        lists is empty.
    """
    p = np.bincount(gc_bins(a, bins), minlength=bins)
    q = np.bincount(gc_bins(b, bins), minlength=bins)
    if not p.sum() or not q.sum():
        return float("nan")
    return float(np.abs(p / p.sum() - q / q.sum()).sum() / 2)


def largest_remainder(weights: ArrayLike, total: int) -> NDArray[np.int64]:
    """Split `total` into whole parts proportional to `weights` (Hamilton's method).

    Every part gets its share rounded down; what is left goes one each to the largest fractions,
    earlier parts first where fractions tie.
    """
    weight = np.asarray(weights, dtype=np.float64)
    share = weight / weight.sum() * total
    parts = np.floor(share).astype(np.int64)
    # Rounded, so that fractions that are equal on paper tie.
    order = np.argsort(-np.round(share - parts, 9), kind="stable")
    parts[order[: total - int(parts.sum())]] += 1
    return parts


def match_gc(
    pool_gc: ArrayLike,
    target_gc: ArrayLike,
    n: int,
    rng: np.random.Generator,
    bins: int = BINS,
) -> NDArray[np.int64]:
    """Draw `n` different members of a pool whose GC histogram follows the target's.

    Parameters
    ----------
    pool_gc
        GC content of each member of the pool, shape (m,).
    target_gc
        GC contents to follow, at least one.
    n
        Number of members to draw.
    rng
        Source of randomness.
    bins
        Number of equal bins over [0, 1]. A bin in which the pool is short is filled from the
        nearest bins that have members to spare; `gc_distance` tells what was achieved.

    Returns
    -------
    ndarray
        `int64`, shape (n,): ascending rows of the pool, without repeats.

    Raises
    ------
    InputError
        If the pool holds fewer than `n` members, or the target none.
    """
    pool_bin = gc_bins(pool_gc, bins)
    target = np.bincount(gc_bins(target_gc, bins), minlength=bins)
    if len(pool_bin) < n:
        raise InputError(
            f"{n} GC-matched sequences were asked for, but the pool holds {len(pool_bin)}.",
            remedy="Ask for fewer negatives per positive, or give a larger pool.",
        )
    if not target.sum():
        raise InputError(
            "there is no sequence whose GC content the negatives could follow.",
            remedy="Give positives, or sample without GC matching.",
        )
    taken = _fill(np.bincount(pool_bin, minlength=bins), largest_remainder(target, n))
    shuffled = rng.permutation(np.arange(len(pool_bin), dtype=np.int32))
    shuffled = shuffled[np.argsort(pool_bin[shuffled], kind="stable")]
    ends = np.cumsum(np.bincount(pool_bin, minlength=bins))
    starts = np.append(0, ends[:-1])
    chosen = [shuffled[start : start + k] for start, k in zip(starts, taken, strict=True)]
    return np.sort(np.concatenate(chosen)).astype(np.int64)


def _fill(have: NDArray[np.int64], want: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many to take from each bin: as wanted, else from the nearest with a surplus."""
    taken = np.minimum(have, want)
    missing = want - taken
    for step in range(1, len(have)):
        for b in np.flatnonzero(missing):
            for other in (b - step, b + step):
                if 0 <= other < len(have):
                    moved = min(missing[b], have[other] - taken[other])
                    taken[other] += moved
                    missing[b] -= moved
    return taken
