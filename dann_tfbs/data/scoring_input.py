"""Sequences to score, streamed from whatever a user has: FASTA, FASTQ, text or a table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dann_tfbs.data.readers.fasta import read_fasta
from dann_tfbs.data.readers.opening import first_byte
from dann_tfbs.data.readers.reads import read_sequences
from dann_tfbs.data.table import table_sequences
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import Sequences

CHUNK = 32768

Chunk = tuple[list[str], Sequences]


def read_scoring_input(
    path: Path, chunk_size: int = CHUNK, split: str | None = None
) -> Iterator[Chunk]:
    """Stream tags and sequences.

    Parameters
    ----------
    path
        FASTA (IBIS participants' files included: the tag is the first word of the header), FASTQ
        or text with one sequence a line (the tag is `seq` and the 1-based number), or a Parquet
        table or prepared folder (columns `sequence` and, if present, `tag`).
    chunk_size
        Most sequences a chunk.
    split
        Only rows of this split of a prepared table.

    Yields
    ------
    tuple of list of str and Sequences
        Tags and sequences in file order.

    Raises
    ------
    InputError
        If the file cannot be read; see the readers.
    """
    if path.is_dir():
        path = path / "table.parquet"
    if path.suffix in (".parquet", ".pq"):
        return _from_parquet(path, chunk_size, split)
    if split is not None:
        raise InputError("only a prepared table has splits.", path=path, key="--split")
    if first_byte(path) == b">":
        return ((chunk.names, chunk.sequences) for chunk in read_fasta(path, chunk_size))
    return _numbered(read_sequences(path, chunk_size))


def _numbered(batches: Iterator[Sequences]) -> Iterator[Chunk]:
    start = 1
    for batch in batches:
        yield [f"seq{number}" for number in range(start, start + len(batch))], batch
        start += len(batch)


def _from_parquet(path: Path, chunk_size: int, split: str | None) -> Iterator[Chunk]:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"cannot be read as Parquet ({error}).", path=path) from error
    names = file.schema_arrow.names
    if "sequence" not in names or (split is not None and "split" not in names):
        raise InputError(
            "there is no column `sequence`" + (" and `split`." if split else "."),
            path=path,
            remedy=f"The columns are {', '.join(names)}.",
        )
    columns = [name for name in ("tag", "sequence", "split") if name in names]
    start = 1
    for batch in file.iter_batches(chunk_size, columns=columns):
        table = pa.Table.from_batches([batch])
        numbers = range(start, start + len(table))
        start += len(table)
        if "tag" not in names:
            table = table.append_column("tag", pa.array([f"row{number}" for number in numbers]))
        if split is not None:
            table = table.filter(pa.compute.equal(table["split"], split))
        if len(table):
            yield table["tag"].to_pylist(), table_sequences(table)
