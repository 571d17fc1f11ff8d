"""Random streams that depend on nothing but a seed and a purpose.

Each use of randomness (a sampler, the draw of batches, the augmentation of an epoch) has a stream
of its own. Adding one does not disturb the others, and a resumed training draws what the
uninterrupted one would have drawn.
"""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, *purpose: str | int) -> np.random.Generator:
    """Return the generator of one purpose, such as ("batches", epoch) or ("HTS", "FOXA1").

    Parameters
    ----------
    seed
        Seed of the run.
    purpose
        What the numbers are for.
    """
    key = zlib.crc32("\t".join(map(str, purpose)).encode())
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(key,)))
