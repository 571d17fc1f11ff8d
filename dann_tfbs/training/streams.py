"""Random streams that depend on nothing but a seed and a name.

Each use of randomness in training (the draw of batches, the augmentation, a permutation of labels)
has its own stream for every epoch. A resumed run therefore draws what the uninterrupted one would
have drawn, and adding a use of randomness does not disturb the others.
"""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, name: str, epoch: int = 0) -> np.random.Generator:
    """Return the generator of one use of randomness.

    Parameters
    ----------
    seed
        Seed of the model.
    name
        What the numbers are for.
    epoch
        Epoch number, 0 for what happens once a run.
    """
    return np.random.default_rng([seed, zlib.crc32(name.encode()), epoch])
