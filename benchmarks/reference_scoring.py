"""An ordinary PyTorch scoring loop, as the yardstick of `dann-tfbs predict`.

It writes what `dann-tfbs predict RUN FASTA --out FILE.tsv` writes for sequences of one length, the
way most such scripts do: one record and one row at a time, one-hot batches, eager layers.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from reference_loop import ReferenceModel
from torch import Tensor

BATCH = 512
ONE_HOT = np.zeros((256, 4), dtype=np.float32)
ONE_HOT[list(b"ACGT")] = np.eye(4)


def records(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the name and sequence of each record of a FASTA file."""
    name, parts = "", []
    for line in lines:
        line = line.rstrip()
        if line.startswith(">"):
            if parts:
                yield name, "".join(parts)
            name, parts = line[1:].split()[0], []
        else:
            parts.append(line)
    yield name, "".join(parts)


def one_hot(texts: Iterable[str]) -> Tensor:
    """Return channels A C G T of sequences of one length, shape (n, 4, length)."""
    rows = [ONE_HOT[np.frombuffer(text.encode(), dtype=np.uint8)].T for text in texts]
    return torch.from_numpy(np.stack(rows))


@torch.inference_mode()
def score_file(model: ReferenceModel, fasta: Path, out: Path, column: str) -> None:
    """Write the score of each sequence: the sigmoid of the mean logit of its two strands."""
    with open(fasta) as source, open(out, "w", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(["tag", column])
        found = records(source)
        while batch := list(islice(found, BATCH)):
            x = one_hot(text for _, text in batch)
            # Turning both the bases and the positions round gives the opposite strand.
            logits = (model(x) + model(x.flip(1, 2))) / 2
            scores = torch.sigmoid(logits).tolist()
            for (name, _), score in zip(batch, scores, strict=True):
                writer.writerow([name, f"{score:.5f}"])
