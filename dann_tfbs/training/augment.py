"""Augmentation of training sequences, as operations on whole batches of codes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dann_tfbs.config import Augmentation
from dann_tfbs.sequence import N


def draw_augmentation(
    settings: Augmentation, count: int, window: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw what happens to each of `count` sequences.

    Parameters
    ----------
    settings
        Probabilities and the largest shift.
    count
        Number of sequences.
    window
        Length of the sequences in bp.
    rng
        Source of randomness.

    Returns
    -------
    shifts : numpy.ndarray
        `int64`, shape (count,): cyclic shift to the right in bp; 0 for none.
    flips : numpy.ndarray
        `bool`, shape (count,): whether to take the reverse complement.
    """
    largest = int(window * settings.shift_fraction)
    amounts = rng.integers(1, max(largest, 1) + 1, count) * rng.choice([-1, 1], count)
    shifted = (rng.random(count) < settings.shift_probability) & (largest > 0)
    flips = rng.random(count) < settings.reverse_complement_probability
    return np.where(shifted, amounts, 0), flips


def augment(codes: Tensor, shifts: Tensor, flips: Tensor) -> Tensor:
    """Shift sequences cyclically, then reverse-complement some.

    Parameters
    ----------
    codes
        Integers 0–4, shape (…, window).
    shifts
        Cyclic shift to the right in bp, shape (…).
    flips
        Whether to reverse-complement, shape (…).

    Returns
    -------
    Tensor
        As `codes`.
    """
    window = codes.shape[-1]
    places = torch.arange(window, device=codes.device).expand(codes.shape)
    places = torch.where(flips[..., None], window - 1 - places, places)
    moved = codes.gather(-1, (places - shifts[..., None]) % window)
    complement = torch.where(moved == N, moved, 3 - moved)
    return torch.where(flips[..., None], complement, moved)
