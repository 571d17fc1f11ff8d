"""How many negatives there are to have, and drawing them like the positives in GC content."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.data.gc_match import BINS, gc_bins, gc_distance, match_gc

TOLERANCE = 0.1
"""Where a pool is too small: the largest share of negatives of another GC content than wanted,
beside those of which the pool has none."""


def most_matched(pool_gc: NDArray[np.floating], target_gc: NDArray[np.floating], n: int) -> int:
    """Return how many of a pool to draw if `n` are wanted.

    `n` where the pool has so many. Else the largest number at which no more than `TOLERANCE` of the
    negatives would need a GC content that the pool has no more of (GC contents of which it has none
    at all apart): a smaller set like the positives is worth more than a larger one unlike them.
    """
    if len(pool_gc) >= n:
        return n
    have = np.bincount(gc_bins(pool_gc), minlength=BINS)
    share = np.bincount(gc_bins(target_gc), minlength=BINS) / len(target_gc)

    allowed = TOLERANCE + share[have == 0].sum()

    def fits(count: int) -> bool:
        return bool(np.maximum(count * share - have, 0).sum() <= allowed * count)

    low, high = 0, len(pool_gc)
    while low < high:  # the missing share only grows with the number
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def draw_like(
    pool_gc: NDArray[np.floating],
    target_gc: NDArray[np.floating],
    n: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw `n` rows of a pool, or as many as `most_matched` says, with the GC of the target."""
    count = most_matched(pool_gc, target_gc, n)
    if not count:
        return np.empty(0, dtype=np.int64)
    return match_gc(pool_gc, target_gc, count, rng)


def drawn_report(
    asked: int,
    positives_gc: NDArray[np.floating],
    negatives_gc: NDArray[np.floating],
    dropped: dict[str, int],
) -> dict[str, Any]:
    """Return what a manifest says of one background."""
    count = len(negatives_gc)
    return {
        "asked": asked,
        "count": count,
        "per_positive": round(count / len(positives_gc), 4),
        "gc_distance": round(gc_distance(negatives_gc, positives_gc), 4) if count else None,
        "dropped": {reason: number for reason, number in dropped.items() if number},
    }


def balanced(sizes: list[int], total: int) -> list[int]:
    """Share `total` among parts as equally as their sizes allow; small parts give all they have."""
    quotas = [0] * len(sizes)
    left = min(total, sum(sizes))
    order = sorted(range(len(sizes)), key=lambda part: sizes[part])
    for done, part in enumerate(order):
        quotas[part] = min(sizes[part], left // (len(order) - done))
        left -= quotas[part]
    return quotas
