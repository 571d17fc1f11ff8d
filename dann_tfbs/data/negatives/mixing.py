"""Negatives of several kinds in given shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from dann_tfbs.data import records
from dann_tfbs.data.gc_match import largest_remainder
from dann_tfbs.data.negatives.sampled import Sampled
from dann_tfbs.errors import InputError

Sampler = Callable[[int, np.random.Generator], Sampled]


def mix(
    samplers: Mapping[str, tuple[float, Sampler]], total: int, rng: np.random.Generator
) -> Sampled:
    """Draw `total` negatives from several samplers.

    Parameters
    ----------
    samplers
        Name to weight and sampler (given a number and a generator). Numbers follow the weights by
        largest remainder.
    total
        Number of negatives in all.
    rng
        Source of randomness; each sampler gets a child of its own.

    Returns
    -------
    Sampled
        Records in the order of `samplers`; the report holds `count` and one report a sampler under
        `parts`.

    Raises
    ------
    InputError
        If a weight is negative or all are zero, or a sampler cannot give its share.
    """
    weights = [weight for weight, _ in samplers.values()]
    if not weights or min(weights) < 0 or not 0 < sum(weights) < np.inf:
        raise InputError(
            f"the weights of the negatives are {dict(zip(samplers, weights, strict=True))}.",
            remedy="Give weights of zero or more, at least one of them above zero.",
        )
    parts = {}
    children = rng.spawn(len(samplers))
    for (name, (_, sampler)), n, child in zip(
        samplers.items(), largest_remainder(weights, total).tolist(), children, strict=True
    ):
        if n:
            parts[name] = sampler(n, child)
    joined = records.concatenate([part.records for part in parts.values()])
    report = {name: part.report for name, part in parts.items()}
    return Sampled(joined, {"sampler": "mix", "count": len(joined), "parts": report})
