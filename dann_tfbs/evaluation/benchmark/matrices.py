"""Scoring the sequences of a dataset with matrices: best hit and occupancy, in one reading."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dann_tfbs.data.readers.fasta import read_fasta
from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.matrix_scan import best_hit, sum_occupancy
from dann_tfbs.evaluation.tags import TagIndex
from dann_tfbs.motifs import Matrix

SCANS = {"besthit": best_hit, "sumocc": sum_occupancy}
"""The two official scorings, by their official names."""


def scan_fasta(
    path: Path, tags: pa.Array, matrices: Sequence[Matrix]
) -> list[dict[str, NDArray[np.float64]]]:
    """Score the records of a FASTA file that some answers are about.

    Parameters
    ----------
    path
        The file, read in pieces; the first word of a header is the tag.
    tags
        Arrow strings, shape (n,): records to score. Others are skipped.
    matrices
        Each scans the whole sequence, on both strands.

    Returns
    -------
    list
        For each matrix the scores by scoring (`SCANS`), each of shape (n,).

    Raises
    ------
    InputError
        If the file cannot be read, or a tag has no record.
    """
    index = TagIndex(tags)
    found = np.zeros(len(tags), dtype=bool)
    scores = [{name: np.zeros(len(tags)) for name in SCANS} for _ in matrices]
    for chunk in read_fasta(path):
        rows = index.rows_of(pa.array(chunk.names, pa.string()))
        wanted = rows >= 0
        if not wanted.any():
            continue
        sequences, rows = chunk.sequences.take(wanted), rows[wanted]
        found[rows] = True
        for matrix, own in zip(matrices, scores, strict=True):
            for name, scan in SCANS.items():
                own[name][rows] = scan(sequences, matrix)
    if not found.all():
        first = tags[int(np.argmin(found))].as_py()
        raise InputError(
            f"{int((~found).sum())} of {len(tags)} tags of the answers have no sequence, the first "
            f"is '{first}'.",
            path=path,
            remedy="Give the sequences that belong to these answers; check --root.",
        )
    return scores
