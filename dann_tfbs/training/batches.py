"""What an epoch shows to the models, as index draws on arrays in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dann_tfbs.config import TrainingSettings
from dann_tfbs.errors import InputError
from dann_tfbs.streams import stream
from dann_tfbs.training.augment import augment, draw_augmentation

STEPS_AT_ONCE = 64
"""Steps whose sequences are gathered and augmented together."""


@dataclass(frozen=True)
class LabelledSet:
    """Sequences of one window with labels.

    Attributes
    ----------
    codes
        `uint8`, shape (n, window).
    labels
        `float32` 0 or 1, shape (members, n): the members differ only where labels are permuted.
    """

    codes: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return int(self.codes.shape[0])

    def to(self, device: torch.device) -> LabelledSet:
        """Return the set on another device."""
        return LabelledSet(self.codes.to(device), self.labels.to(device))


def draw_epoch(
    labels: NDArray[np.floating],
    batch_size: int,
    batch_positives: Literal["table"] | float,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw the rows of every batch of one epoch.

    With `table`, an epoch is one pass over all rows in random order. With a share, every batch
    holds that share of positives; an epoch is one pass over the positives, and negatives are drawn
    without replacement until all have been used.

    Parameters
    ----------
    labels
        0 or 1, shape (n,).
    batch_size
        Rows a batch; an incomplete last batch is left out, except where it is the only one.
    batch_positives
        `table` or a share.
    rng
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        `int64` row numbers, shape (steps, batch_size or fewer).

    Raises
    ------
    InputError
        If positives or negatives are missing.
    """
    positive = np.flatnonzero(labels > 0)
    negative = np.flatnonzero(labels == 0)
    if not len(positive) or not len(negative):
        raise InputError(
            f"training needs positives and negatives; there are {len(positive)} and "
            f"{len(negative)}.",
            remedy="Check tf, source and split of the prepared table.",
        )
    if batch_positives == "table":
        rows = rng.permutation(len(labels))
        size = min(batch_size, len(rows))
        return rows[: len(rows) // size * size].reshape(-1, size)
    n_positive = min(max(round(batch_positives * batch_size), 1), batch_size - 1)
    steps = max(len(positive) // n_positive, 1)
    return np.hstack(
        [
            _passes(positive, steps * n_positive, rng).reshape(steps, n_positive),
            _passes(negative, steps * (batch_size - n_positive), rng).reshape(steps, -1),
        ]
    )


def _passes(rows: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw `count` rows by as many random passes as that takes."""
    passes = max(-(-count // len(rows)), 1)
    return np.concatenate([rng.permutation(rows) for _ in range(passes)])[:count]


def draw_share(
    labels: NDArray[np.floating], count: int, share: float | None, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw rows of which a given share is bound, by random passes over the bound and the unbound.

    Parameters
    ----------
    labels
        0 or 1, shape (n,).
    count
        Number of rows to draw.
    share
        Expected share of bound rows; None draws passes over all rows, whatever their labels.
    rng
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        `int64` row numbers, shape (count,). Where one kind is missing, the other fills its place.
    """
    positive, negative = np.flatnonzero(labels > 0), np.flatnonzero(labels == 0)
    if share is None or not len(positive) or not len(negative):
        return _passes(np.arange(len(labels)), count, rng)
    bound = rng.random(count) < share
    rows = np.empty(count, dtype=np.int64)
    for kind, where in ((positive, bound), (negative, ~bound)):
        rows[where] = _passes(kind, int(where.sum()), rng)
    return rows


def epoch_batches(
    data: LabelledSet,
    settings: TrainingSettings,
    seeds: Sequence[int],
    epoch: int,
    *,
    steps: int | None = None,
    purpose: tuple[str, ...] = (),
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of one epoch for several models side by side, each with its own draws.

    Parameters
    ----------
    data
        The training set, on the device of the models.
    settings
        Batch size, composition and augmentation.
    seeds
        Seed of each model.
    epoch
        1-based number of the epoch.
    steps
        Number of batches, by as many passes as that takes; None means one pass.
    purpose
        Name of the random streams, where a run draws from several sets.

    Yields
    ------
    codes : Tensor
        `uint8`, shape (batch, members, window), augmented.
    labels : Tensor
        `float32`, shape (batch, members).
    """
    draws = []
    for member, seed in enumerate(seeds):
        rng = stream(seed, "batches", *purpose, epoch)
        labels = data.labels[member].cpu().numpy()
        passes: list[NDArray[np.int64]] = []
        while not passes or (steps is not None and sum(map(len, passes)) < steps):
            passes.append(draw_epoch(labels, settings.batch_size, settings.batch_positives, rng))
        draws.append(np.concatenate(passes)[:steps])
    for codes, rows in augmented_batches(data.codes, draws, settings, seeds, epoch, purpose):
        yield codes, labels_of(data, rows)


def labels_of(data: LabelledSet, rows: Tensor) -> Tensor:
    """Return each model's labels of its rows, shape (batch, members)."""
    return data.labels[torch.arange(rows.shape[-1], device=rows.device), rows]


def augmented_batches(
    codes: Tensor,
    draws: Sequence[NDArray[np.int64]],
    settings: TrainingSettings,
    seeds: Sequence[int],
    epoch: int,
    purpose: tuple[str, ...],
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield augmented sequences of the drawn rows, and the rows.

    Parameters
    ----------
    codes
        `uint8`, shape (n, window).
    draws
        Rows of each model, shape (steps, batch).
    settings, seeds, epoch, purpose
        As `epoch_batches`.

    Yields
    ------
    codes : Tensor
        `uint8`, shape (batch, members, window).
    rows : Tensor
        `int64`, shape (batch, members).
    """
    window, device = int(codes.shape[1]), codes.device
    shifts, flips = [], []
    for seed, rows in zip(seeds, draws, strict=True):
        rng = stream(seed, "augmentation", *purpose, epoch)
        shift, flip = draw_augmentation(settings.augmentation, rows.size, window, rng)
        shifts.append(shift.reshape(rows.shape))
        flips.append(flip.reshape(rows.shape))
    # Each of shape (steps, batch, members).
    index, shifted, flipped = (
        torch.from_numpy(np.stack(parts, axis=2)).to(device) for parts in (draws, shifts, flips)
    )
    for start in range(0, len(index), STEPS_AT_ONCE):
        some = slice(start, start + STEPS_AT_ONCE)
        shown = augment(codes[index[some]], shifted[some], flipped[some])
        yield from zip(shown, index[some], strict=True)


def steps_per_epoch(labels: NDArray[np.floating], settings: TrainingSettings) -> int:
    """Return the number of batches of one epoch."""
    rng = np.random.default_rng(0)
    return len(draw_epoch(labels, settings.batch_size, settings.batch_positives, rng))
