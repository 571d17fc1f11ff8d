"""Sequences in FASTA, and the genomic intervals that record headers hold."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.data.readers.encoding import batches, gather, located
from dann_tfbs.data.readers.opening import Lines, line_blocks
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import Sequences

_IBIS_INTERVAL = re.compile(
    r"\bchr(?:om)?=(?P<chrom>[^;\s]+);\s*start=(?P<start>[0-9]{1,15});\s*end=(?P<end>[0-9]{1,15})\b"
)
_BROWSER_INTERVAL = re.compile(
    r"(?:\S*::)?(?P<chrom>[^:\s]+):(?P<start>[0-9]{1,15})-(?P<end>[0-9]{1,15})(?:\([+-.]\))?(?!\S)"
)
_LONGEST_ROW = 1 << 12
"""Longest line in bytes that is copied as one item of an array."""


@dataclass(frozen=True)
class FastaChunk:
    """Consecutive records of a FASTA file.

    Attributes
    ----------
    sequences
        The sequences, in file order.
    lines
        Their header lines as they stand in the file, without `>`.
    """

    sequences: Sequences
    lines: list[str]

    @property
    def headers(self) -> list[str]:
        """Return the headers, without blanks around them."""
        return [line.strip() for line in self.lines]

    @property
    def names(self) -> list[str]:
        """Return the first word of each header ("" where there is none)."""
        return [(line.split(None, 1) or [""])[0] for line in self.lines]


def read_fasta(path: str | os.PathLike[str], chunk_size: int = 65536) -> Iterator[FastaChunk]:
    """Stream a FASTA file, plain or gzip; a sequence may take any number of lines.

    Parameters
    ----------
    path
        The file.
    chunk_size
        Most records in a chunk; chunks can hold fewer.

    Yields
    ------
    FastaChunk
        Records in file order. A record without sequence has length 0.

    Raises
    ------
    InputError
        If the file cannot be read, does not start with `>`, or a sequence holds a character that is
        no nucleotide letter; it names the line of the record's header.
    """
    found = False
    for lines in line_blocks(path, cut=_whole_records):
        starts = lines.starts
        filled = starts < lines.ends
        is_header = lines.letters[starts] == ord(">")
        # Whole records are handed out, so only the head of the file can lack a header.
        orphan = filled & ~is_header & (np.cumsum(is_header) == 0)
        if orphan.any():
            raise InputError(
                "a FASTA record must start with '>'.",
                path=path,
                line=lines.first + int(np.argmax(orphan)),
                remedy="Put a header line '>name' before each sequence.",
            )
        if is_header.any():
            found = True
            yield from _chunks(lines, starts, is_header, path, chunk_size)
    if not found:
        raise InputError(
            "holds no FASTA record.", path=path, remedy="Give records '>name' and sequence."
        )


def _whole_records(lines: Lines) -> int:
    """Keep the last record of a block back: its sequence may go on."""
    headers = np.flatnonzero(lines.letters[lines.starts] == ord(">"))
    return int(headers[-1]) if len(headers) else 0


def _chunks(
    lines: Lines,
    starts: NDArray[np.int64],
    is_header: NDArray[np.bool_],
    path: str | os.PathLike[str],
    chunk_size: int,
) -> Iterator[FastaChunk]:
    heads = np.flatnonzero(is_header)
    record_of_line = np.cumsum(is_header) - 1
    pieces = ~is_header & (lines.ends > starts)
    sizes = (lines.ends - starts)[pieces]
    lengths = np.bincount(record_of_line[pieces], weights=sizes, minlength=len(heads))
    lengths = lengths.astype(np.int64)
    letters = _end_to_end(lines.letters, starts[pieces], lines.ends[pieces])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    # Each header without its '>' but with its LF, so that one split makes the texts.
    texts = _end_to_end(lines.letters, starts[heads] + 1, lines.ends[heads] + 1)
    headers = texts.tobytes().decode("utf-8", "replace").split("\n")
    for rows in batches(lengths, chunk_size):
        flat = letters[offsets[rows.start] : offsets[rows.stop]]
        try:
            sequences = sequence.from_flat(flat, lengths[rows])
        except InputError as error:
            raise located(error, path=path, lines=lines.first + heads[rows]) from None
        yield FastaChunk(sequences, headers[rows])


def _end_to_end(
    letters: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Copy disjoint, non-touching, non-empty pieces of an array one behind the other."""
    lengths = ends - starts
    if len(lengths) and lengths[0] <= _LONGEST_ROW and (lengths == lengths[0]).all():
        # Reads and probes: copied row by row instead of letter by letter.
        return gather(letters, starts, lengths).reshape(-1)
    steps = np.zeros(len(letters) + 1, dtype=np.int8)
    steps[starts] = 1
    steps[ends] = -1
    return letters[np.cumsum(steps[:-1], dtype=np.int8).view(np.bool_)]


def parse_interval(header: str) -> tuple[str, int, int] | None:
    """Find the genomic interval in a FASTA header.

    Parameters
    ----------
    header
        With or without `>`: IBIS (`tag chr=chr10;start=100;end=401`) or browser style as the first
        word (`chr4:100-401`, also with bedtools' `name::` before and strand behind).

    Returns
    -------
    tuple of (str, int, int) or None
        Chromosome, start and end as written (taken as 0-based and exclusive), None where the header
        holds no interval or an empty one.
    """
    text = header.removeprefix(">")
    found = _IBIS_INTERVAL.search(text) or _BROWSER_INTERVAL.match(text)
    if found is None:
        return None
    start, end = int(found["start"]), int(found["end"])
    return (found["chrom"], start, end) if start < end else None
