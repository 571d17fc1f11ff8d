"""Scoring of sequences by a network: strands, lengths, batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.errors import InputError
from dann_tfbs.model.network import Encoded, Network
from dann_tfbs.sequence import Sequences

Strands = Literal["mean", "max", "forward"]
BATCH = 512


def fitted_to_window(
    sequences: Sequences, window: int, score_length: Literal["auto", "own", "train"]
) -> Sequences:
    """Bring sequences to the length at which they are scored.

    Sequences longer than the training window stay whole (pooling covers them). Shorter ones stay as
    they are (`own`; `auto`, which training resolves) or are surrounded by N up to the window
    (`train`): by as many on both sides, one more than the window in all if need be, so that
    the two strands of a sequence are padded alike.
    """
    if score_length != "train":
        return sequences
    odd = (window - sequences.lengths) % 2
    return sequence.centre_pad(sequences, window + odd)


def score(
    network: Network, head: str, sequences: Sequences, strands: Strands
) -> NDArray[np.float32]:
    """Return logits of sequences, without gradient and with the running batch statistics.

    Parameters
    ----------
    network
        The network, in evaluation mode.
    head
        Name of the head.
    sequences
        Sequences of any lengths (at least 1); batches are formed of similar lengths and their
        filling does not change a score.
    strands
        How the logits of the two strands are joined.

    Returns
    -------
    numpy.ndarray
        `float32`, shape (n, members).

    Raises
    ------
    InputError
        If a sequence has no bases.
    """
    check_bases(sequences)
    logits = np.empty((len(sequences), network.members), dtype=np.float32)
    for rows, part in by_length(sequences):
        logits[rows] = _score_batch(network, head, part, strands)
    return logits


@torch.inference_mode()
def _score_batch(
    network: Network, head: str, sequences: Sequences, strands: Strands
) -> NDArray[np.float32]:
    logits = network.logits(encode(network, sequences), head)
    if strands != "forward":
        opposite = sequence.reverse_complement(sequences)
        other = network.logits(encode(network, opposite), head)
        logits = (logits + other) / 2 if strands == "mean" else torch.maximum(logits, other)
    return logits.cpu().numpy()


def check_bases(sequences: Sequences) -> None:
    """Refuse sequences of length 0.

    Raises
    ------
    InputError
        Naming the 1-based number of the first.
    """
    if (sequences.lengths == 0).any():
        row = int(np.argmax(sequences.lengths == 0)) + 1
        raise InputError(f"sequence {row} of the batch has no bases.", remedy="Remove it.")


def by_length(sequences: Sequences) -> Iterator[tuple[NDArray[np.intp], Sequences]]:
    """Yield batches of similar lengths, which have little filling: their rows and sequences."""
    order = np.argsort(sequences.lengths, kind="stable")
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        part = sequences.take(rows)
        yield rows, Sequences(part.codes[:, : int(part.lengths.max())], part.lengths)


def encode(network: Network, sequences: Sequences) -> Encoded:
    """Show every member the same sequences, on the network's device (`Network.encode`)."""
    device = next(network.parameters()).device
    codes = torch.from_numpy(np.ascontiguousarray(sequences.codes)).to(device)
    ragged = (sequences.lengths != sequences.width).any()
    lengths = torch.from_numpy(sequences.lengths).to(device) if ragged else None
    return network.encode(codes[:, None].expand(-1, network.members, -1), lengths)
