"""One independent stream of random numbers per purpose."""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, *purpose: str) -> np.random.Generator:
    """Return the generator of a purpose, such as ("HTS", "FOXA1", "train").

    Streams depend on the seed and the purpose alone, so that adding a TF or an assay leaves what
    is drawn for the others as it was.
    """
    key = zlib.crc32("\t".join(purpose).encode())
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(key,)))
