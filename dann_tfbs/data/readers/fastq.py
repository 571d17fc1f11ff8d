"""Reads in FASTQ, and what the names of HT-SELEX read files say."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dann_tfbs.data.readers.encoding import batches, encode_rows, gather
from dann_tfbs.data.readers.opening import Lines, line_blocks
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import Sequences

_LINES_PER_READ = 4


def read_fastq(path: str | os.PathLike[str], chunk_size: int = 65536) -> Iterator[Sequences]:
    """Stream the sequences of a FASTQ file, plain or gzip; names and qualities are not kept.

    Parameters
    ----------
    path
        The file; every read takes exactly four lines.
    chunk_size
        Most reads in a batch.

    Yields
    ------
    Sequences
        Reads in file order. A read of length 0 stays, so that reads can be counted.

    Raises
    ------
    InputError
        If the file cannot be read, ends inside a read, or a read breaks the format; it names the
        line.
    """
    for lines in line_blocks(path, cut=_whole_reads):
        lines = _checked(lines, path)
        starts = lines.starts[1::_LINES_PER_READ]
        lengths = lines.ends[1::_LINES_PER_READ] - starts
        numbers = lines.first + 1 + _LINES_PER_READ * np.arange(len(starts))
        for rows in batches(lengths, chunk_size):
            letters = gather(lines.letters, starts[rows], lengths[rows])
            yield encode_rows(letters, lengths[rows], path=path, lines=numbers[rows])


def _whole_reads(lines: Lines) -> int:
    return len(lines) // _LINES_PER_READ * _LINES_PER_READ


def _checked(lines: Lines, path: str | os.PathLike[str]) -> Lines:
    """Check the form of every read of a block; return it without blank lines at its end."""
    whole = _whole_reads(lines)
    left_over = [line for line in range(whole, len(lines)) if lines.text(line)]
    stop = int(lines.ends[whole - 1]) + 1 if whole else 0
    lines = Lines(lines.letters, lines.ends[:whole], lines.first)
    starts = lines.starts
    for line, mark in ((0, "@"), (2, "+")):
        # An empty line shows its LF here, so it fails the comparison as it should.
        wrong = lines.letters[starts[line::_LINES_PER_READ]] != ord(mark)
        if wrong.any():
            number = lines.first + line + _LINES_PER_READ * int(np.argmax(wrong))
            raise InputError(
                f"line {line + 1} of a read must start with '{mark}'.",
                path=path,
                line=number,
                remedy="A FASTQ read takes four lines: @name, sequence, +, qualities.",
            )
    sizes = lines.ends - starts
    wrong = sizes[1::_LINES_PER_READ] != sizes[3::_LINES_PER_READ]
    if wrong.any():
        read = int(np.argmax(wrong)) * _LINES_PER_READ
        raise InputError(
            f"the read has {sizes[read + 1]} bases but {sizes[read + 3]} qualities.",
            path=path,
            line=lines.first + read + 3,
            remedy="The file is damaged; download or convert it again.",
        )
    if left_over:
        raise InputError(
            "the file ends inside a read.",
            path=path,
            line=lines.first + left_over[-1],
            remedy="The file is truncated; download or copy it again.",
        )
    return Lines(lines.letters[:stop], lines.ends, lines.first)


@dataclass(frozen=True)
class ReadFileName:
    """What the name of an HT-SELEX file says; None or "" where it says nothing.

    Attributes
    ----------
    tf
        The text before `_R<replicate>` or `_C<cycle>`.
    replicate, cycle
        Replicates count from 0; cycle 0 is the unselected library.
    left_flank, right_flank
        Constant bases beside the random insert, without the end markers 5 and 3.
    """

    tf: str | None
    replicate: int | None
    cycle: int | None
    left_flank: str
    right_flank: str


def parse_fastq_name(path: str | os.PathLike[str]) -> ReadFileName:
    """Read `<TF>_R<replicate>_C<cycle>_lf<LEFT>_rf<RIGHT>.fastq.gz`, any part of which may miss.

    The flank after `lf` starts with the end marker 5 and the one after `rf` with 3; neither is a
    base.
    """
    name = Path(path).name
    parts = re.match(r"(?P<tf>.+?)(?=_R[0-9]+(?![^_.])|_C[0-9]+(?![^_.]))", name)
    left = re.search(r"_lf5?([ACGTN]*)(?![^_.])", name)
    right = re.search(r"_rf3?([ACGTN]*)(?![^_.])", name)
    return ReadFileName(
        tf=parts["tf"] if parts else None,
        replicate=_last_number(r"_R([0-9]{1,4})(?![^_.])", name),
        cycle=_last_number(r"[_.]C([0-9]{1,4})(?![^_.])", name),
        left_flank=left[1] if left else "",
        right_flank=right[1] if right else "",
    )


def _last_number(pattern: str, name: str) -> int | None:
    found = re.findall(pattern, name)
    return int(found[-1]) if found else None
