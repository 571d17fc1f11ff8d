"""Unlabelled sequences of an assay to be predicted: those that participants were given."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dann_tfbs import sequence
from dann_tfbs.data.scoring_input import read_scoring_input
from dann_tfbs.files import write_text
from dann_tfbs.streams import stream
from dann_tfbs.submission.expected import tag_keys

MOST = 200_000
"""Most sequences of a pool, drawn at random: training holds them in memory."""


def pool_of(participants: Path, assay: str, folder: Path, most: int = MOST) -> Path:
    """Return a file of unlabelled sequences of an assay.

    Parameters
    ----------
    participants
        The assay's sequences, of all TFs together.
    assay
        Its code.
    folder
        Where a sample is written, if there are more than `most`; an existing one is used.
    most
        Largest number of sequences.
    """
    count = len(tag_keys(participants))
    if count <= most:
        return participants
    out = folder / f"{assay}-{most}.txt"
    if not out.is_file():
        chosen = np.zeros(count, dtype=bool)
        # One draw for all seeds, modes and runs.
        chosen[stream(0, "unlabelled", assay).choice(count, most, replace=False)] = True
        found, start = [], 0
        for tags, sequences in read_scoring_input(participants):
            found += sequence.decode(sequences.take(np.flatnonzero(chosen[start:][: len(tags)])))
            start += len(tags)
        write_text(out, "\n".join(found) + "\n")
    return out
