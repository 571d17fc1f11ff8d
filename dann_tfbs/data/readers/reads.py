"""Sequences without coordinates in whatever format they come: FASTA, FASTQ or one a line."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np

from dann_tfbs.data.readers.encoding import batches, encode_rows, gather
from dann_tfbs.data.readers.fasta import read_fasta
from dann_tfbs.data.readers.fastq import read_fastq
from dann_tfbs.data.readers.opening import first_byte, line_blocks
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import Sequences


def read_sequences(path: str | os.PathLike[str], chunk_size: int = 65536) -> Iterator[Sequences]:
    """Stream the sequences of a FASTA (`>`), FASTQ (`@`) or plain text file, plain or gzip.

    Parameters
    ----------
    path
        The file; its first character decides on the format, its name does not matter.
    chunk_size
        Most sequences in a batch.

    Yields
    ------
    Sequences
        In file order.

    Raises
    ------
    InputError
        As `read_fasta`, `read_fastq` and `read_plain`.
    """
    mark = first_byte(path)
    if mark == b">":
        return (chunk.sequences for chunk in read_fasta(path, chunk_size))
    if mark == b"@":
        return read_fastq(path, chunk_size)
    return read_plain(path, chunk_size)


def read_plain(path: str | os.PathLike[str], chunk_size: int = 65536) -> Iterator[Sequences]:
    """Stream a text file of one sequence a line; blank lines and lines starting with # are skipped.

    Raises
    ------
    InputError
        If the file cannot be read, holds no sequence, or a line holds a character that is no
        nucleotide letter; it names the line.
    """
    found = False
    for lines in line_blocks(path):
        starts = lines.starts
        lengths = lines.ends - starts
        kept = np.flatnonzero((lengths > 0) & (lines.letters[starts] != ord("#")))
        starts, lengths = starts[kept], lengths[kept]
        found = found or len(kept) > 0
        for rows in batches(lengths, chunk_size):
            letters = gather(lines.letters, starts[rows], lengths[rows])
            yield encode_rows(letters, lengths[rows], path=path, lines=lines.first + kept[rows])
    if not found:
        raise InputError(
            "holds no sequence.", path=path, remedy="Give FASTA, FASTQ or one sequence a line."
        )
