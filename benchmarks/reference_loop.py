"""An ordinary PyTorch training loop, as the yardstick of the package's own.

It learns what `dann_tfbs.training.fit` learns, with the same layers and the same optimiser, written
the way most such loops are: a Dataset that crops, shifts, reverse-complements and one-hot encodes
one sample at a time, a DataLoader, and an eager forward and backward pass a step.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.lr_scheduler import LinearLR
from torch.utils.data import DataLoader, Dataset

from dann_tfbs.config import Architecture, Augmentation, TrainingSettings
from dann_tfbs.model.layers import SeparableBlock, Stem
from dann_tfbs.model.network import State, initial_state
from dann_tfbs.streams import stream
from dann_tfbs.training.augment import draw_augmentation
from dann_tfbs.training.batches import draw_epoch

HEAD = "HTS"
COMPLEMENT = np.array([3, 2, 1, 0, 4], dtype=np.uint8)
ONE_HOT = np.eye(5, 4, dtype=np.float32)

Draw = tuple[int, int, bool]
"""Row, cyclic shift to the right in bp, and whether to take the reverse complement."""


class SequenceDataset(Dataset[tuple[Tensor, Tensor]]):
    """Sequences, one-hot and augmented, with labels.

    An item is asked for by its row, and is then augmented at random, or by a `Draw`.

    Parameters
    ----------
    codes
        `uint8` (A C G T N = 0 1 2 3 4), shape (n, length).
    labels
        `float32` 0 or 1, shape (n,).
    window
        Length in bp of the middle part that is kept.
    augmentation
        Probabilities and the largest shift.
    seed
        Seed of the augmentation.
    """

    def __init__(
        self,
        codes: NDArray[np.uint8],
        labels: NDArray[np.float32],
        window: int,
        augmentation: Augmentation,
        seed: int,
    ) -> None:
        self.codes = codes
        self.labels = labels
        self.window = window
        self.augmentation = augmentation
        self.rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, item: int | Draw) -> tuple[Tensor, Tensor]:
        """Return one-hot channels, `float32`, shape (4, window), and the label."""
        row, shift, flip = item if isinstance(item, tuple) else self._draw(item)
        codes = self.codes[row]
        start = (len(codes) - self.window) // 2
        codes = np.roll(codes[start : start + self.window], shift)
        if flip:
            codes = COMPLEMENT[codes[::-1]]
        return torch.from_numpy(ONE_HOT[codes].T.copy()), torch.tensor(self.labels[row])

    def _draw(self, row: int) -> Draw:
        largest = int(self.window * self.augmentation.shift_fraction)
        shift = 0
        if largest and self.rng.random() < self.augmentation.shift_probability:
            shift = int(self.rng.integers(1, largest + 1) * self.rng.choice([-1, 1]))
        flip = self.rng.random() < self.augmentation.reverse_complement_probability
        return row, shift, bool(flip)


class ReferenceModel(nn.Module):
    """The layout of `dann_tfbs.model.network.Network`, on one-hot input.

    Input (batch, 4, length), output logits (batch,).
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.stem = Stem(architecture.stem_widths, architecture.stem_channels, members=1)
        self.blocks = nn.ModuleList(
            SeparableBlock(
                architecture.channels,
                architecture.expansion,
                architecture.depthwise_width,
                architecture.squeeze,
                architecture.squeeze_reduction,
                members=1,
            )
            for _ in range(architecture.blocks)
        )
        self.pooling = architecture.pooling
        self.head = nn.Conv1d(architecture.channels, 1, 1, bias=architecture.head_bias)

    def forward(self, x: Tensor) -> Tensor:
        """Score sequences."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x, None)
        logits: Tensor = self.head(x).squeeze(1)
        return logits.mean(1) if self.pooling == "mean" else logits.amax(1)

    def load_network(self, state: State) -> None:
        """Take the weights and statistics of a `Network` of one model with the head `HEAD`."""
        self.load_state_dict(
            {
                key.removeprefix("backbone.").replace(f"heads.{HEAD}.logit", "head"): value
                for key, value in state.items()
            }
        )


def package_draws(
    labels: NDArray[np.float32], window: int, settings: TrainingSettings, seed: int, epochs: int
) -> list[list[Draw]]:
    """Return what the package's loop shows to the model of a seed: the draws of every step."""
    steps: list[list[Draw]] = []
    for epoch in range(1, epochs + 1):
        rows = draw_epoch(
            labels,
            settings.batch_size,
            settings.batch_positives,
            stream(seed, "batches", epoch),
        )
        shifts, flips = draw_augmentation(
            settings.augmentation, rows.size, window, stream(seed, "augmentation", epoch)
        )
        parts = (rows, shifts.reshape(rows.shape), flips.reshape(rows.shape))
        steps += [
            list(zip(*(values.tolist() for values in step), strict=True))
            for step in zip(*parts, strict=True)
        ]
    return steps


def train_reference(
    codes: NDArray[np.uint8],
    labels: NDArray[np.float32],
    architecture: Architecture,
    settings: TrainingSettings,
    seed: int,
    epochs: int,
    draws: Sequence[Sequence[Draw]] | None = None,
    *,
    window: int | None = None,
    start: State | None = None,
) -> tuple[list[float], float]:
    """Train one model on the CPU.

    Parameters
    ----------
    codes
        `uint8` (A C G T N = 0 1 2 3 4), shape (n, length).
    labels
        `float32` 0 or 1, shape (n,).
    architecture
        The layout.
    settings
        Batch size, rate, decay and augmentation; the schedule is the linear one.
    seed
        Seed of the weights and, without `draws`, of the order and the augmentation.
    epochs
        Passes over all rows, in random order. With `draws` their steps are all there is.
    draws
        What each step shows, as from `package_draws`.
    window
        Training window in bp; none means the whole length.
    start
        Weights of a `Network` to begin with; none means those that the package begins with.

    Returns
    -------
    losses : list of float
        Mean loss of the batch at each step.
    rate : float
        Samples a second over all steps, without what precedes the first.
    """
    dataset = SequenceDataset(codes, labels, window or codes.shape[1], settings.augmentation, seed)
    if draws is None:
        loader: DataLoader[tuple[Tensor, Tensor]] = DataLoader(
            dataset,
            batch_size=settings.batch_size,
            shuffle=True,
            drop_last=True,
            generator=torch.Generator().manual_seed(seed),
        )
    else:
        loader = DataLoader(dataset, batch_sampler=draws)  # type: ignore[arg-type]  # not only int
        epochs = 1
    model = ReferenceModel(architecture)
    model.load_network(initial_state(architecture, [HEAD], seed) if start is None else start)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = LinearLR(optimizer, 1.0, settings.end_factor, total_iters=epochs * len(loader))
    criterion = nn.BCEWithLogitsLoss()
    losses: list[float] = []
    shown = 0
    model.train()
    began = time.perf_counter()
    for _ in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            shown += len(y)
    return losses, shown / (time.perf_counter() - began)
