"""What every sampler of negatives returns, and drawing with or without GC matching."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.data.gc_match import gc_distance, match_gc
from dann_tfbs.data.records import Records
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import gc_content


@dataclass(frozen=True)
class Sampled:
    """Negatives and how they were come by.

    Attributes
    ----------
    records
        The negatives; their order carries no randomness, so shuffle where order matters.
    report
        `sampler` (name), `count`, `gc_distance` (total variation distance between the GC
        histograms of negatives and positives, 0 to 1) and `dropped` (candidates dropped, by
        reason).
    """

    records: Records
    report: dict[str, Any] = field(default_factory=dict)


def make_sampled(
    sampler: str,
    records: Records,
    positive_gc: NDArray[np.float64],
    dropped: Mapping[str, int] | None = None,
) -> Sampled:
    """Wrap negatives with the report that every sampler gives."""
    distance = gc_distance(gc_content(records.sequences), positive_gc)
    return Sampled(
        records,
        {
            "sampler": sampler,
            "count": len(records),
            "gc_distance": distance,
            "dropped": dict(dropped or {}),
        },
    )


def draw_from(
    sampler: str,
    pool: Records,
    positive_gc: NDArray[np.float64],
    n: int,
    rng: np.random.Generator,
    gc_match: bool,
    dropped: Mapping[str, int],
) -> Sampled:
    """Draw `n` different records of a cleaned pool.

    Raises
    ------
    InputError
        If the pool holds fewer than `n`.
    """
    if len(pool) < n:
        lost = ", ".join(f"{count} {reason}" for reason, count in dropped.items() if count)
        raise InputError(
            f"{sampler}: {n} negatives were asked for, but {len(pool)} candidates are left"
            + (f" (dropped: {lost})." if lost else "."),
            remedy="Ask for fewer negatives per positive, or give more candidates.",
        )
    if gc_match:
        rows = match_gc(gc_content(pool.sequences), positive_gc, n, rng)
    else:
        rows = np.sort(rng.permutation(len(pool))[:n])
    return make_sampled(sampler, pool.take(rows), positive_gc, dropped)
