"""Sequences of a test set with their labels, and which of them are equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.sequence import Sequences

_WORD = 8


@dataclass(frozen=True)
class Labelled:
    """Sequences of one origin: the positives of a TF, or one of its backgrounds.

    Attributes
    ----------
    sequences
        n sequences.
    label
        `int64`, shape (n,): 0 for a background, the cycle for HTS positives, else 1.
    group
        Replicate of each sequence, or None.
    header
        What stands after the tag in the FASTA file, shape (n,); empty if there is nothing.
    """

    sequences: Sequences
    label: NDArray[np.int64]
    group: NDArray[np.object_]
    header: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.label)

    def take(self, rows: NDArray[np.generic]) -> Labelled:
        """Return the given rows."""
        return Labelled(
            self.sequences.take(rows), self.label[rows], self.group[rows], self.header[rows]
        )


def labelled(
    sequences: Sequences | NDArray[np.uint8],
    label: int | NDArray[np.integer],
    *,
    group: str | NDArray[np.object_] | None = None,
    header: Sequence[str] | None = None,
) -> Labelled:
    """Build a `Labelled` of sequences (or full rows of codes); label and group may be one for all.

    `header` is empty by default.
    """
    if not isinstance(sequences, Sequences):
        sequences = sequence.from_codes(sequences)
    n = len(sequences)
    groups = group if isinstance(group, np.ndarray) else np.full(n, group, dtype=object)
    return Labelled(
        sequences,
        np.broadcast_to(np.asarray(label, dtype=np.int64), n),
        groups,
        np.array([""] * n if header is None else header, dtype=object),
    )


def join(parts: Sequence[Labelled]) -> Labelled:
    """Stack several lists."""
    return Labelled(
        sequence.concatenate([part.sequences for part in parts]),
        np.concatenate([part.label for part in parts]),
        np.concatenate([part.group for part in parts]),
        np.concatenate([part.header for part in parts]),
    )


def as_negatives(part: Labelled) -> Labelled:
    """Return the same sequences with label 0 and no group."""
    return labelled(part.sequences, 0, header=part.header.tolist())


def first_of_each(part: Labelled, known: Sequences | None = None) -> Labelled:
    """Drop sequences that occur earlier in the list, or anywhere in `known`, on the same strand."""
    offset = 0 if known is None else len(known)
    every = part.sequences if known is None else sequence.concatenate([known, part.sequences])
    first, _ = numbered(every)
    return part.take(np.sort(first[first >= offset]) - offset)


def numbered(sequences: Sequences) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give numbers to the different sequences of a list in the order of their letters.

    Returns
    -------
    tuple of ndarray
        The first row of each different sequence, shape (different,); the number of every row's
        sequence, shape (n,).
    """
    n = len(sequences)
    codes = np.full((n, -(-sequences.width // _WORD) * _WORD), sequence.N, dtype=np.uint8)
    codes[:, : sequences.width] = sequences.codes
    # Eight letters a number: their order is that of the letters, and sorting numbers is fast.
    words = codes.view(">u8").astype(np.uint64)
    keys = [sequences.lengths, *words.T[::-1]]
    order = np.lexsort(keys)
    opens = np.zeros(n, dtype=bool)
    opens[:1] = True
    for key in keys:
        opens[1:] |= key[order][1:] != key[order][:-1]
    number = np.empty(n, dtype=np.int64)
    number[order] = np.cumsum(opens) - 1
    return order[opens], number
