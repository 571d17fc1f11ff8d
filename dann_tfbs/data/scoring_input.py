"""Sequences to score, streamed from whatever a user has: FASTA, FASTQ, text or a table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dann_tfbs.data.readers.fasta import read_fasta
from dann_tfbs.data.readers.opening import first_byte
from dann_tfbs.data.readers.reads import read_sequences
from dann_tfbs.data.table import TABLE_FILE, table_sequences
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import Sequences

CHUNK = 1 << 14
"""Sequences a chunk: enough for long array operations, few enough to share among threads."""

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
        path = path / TABLE_FILE
        if not path.is_file():
            raise InputError(
                "there is no prepared table.", path=path, remedy="Give a file or prepared folder."
            )
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
    names, batches = _batches(path, chunk_size, split)
    start, seen = 1, set()
    for batch in batches:
        table = pa.Table.from_batches([batch])
        numbers = range(start, start + len(table))
        if "tag" not in names:
            table = table.append_column("tag", pa.array([f"row{number}" for number in numbers]))
        sequences = _checked_sequences(table, path, start)
        tags = _checked_tags(table, path, start)
        start += len(table)
        if split is not None:
            seen.update(pc.unique(table["split"]).to_pylist())
            rows = np.flatnonzero(pc.equal(table["split"], split).to_numpy().astype(bool))
            tags, sequences = [tags[row] for row in rows], sequences.take(rows)
        if tags:
            yield tags, sequences
    if split is not None and split not in seen:
        raise InputError(
            f"there is no row of the split '{split}'.",
            path=path,
            key="--split",
            remedy=f"The splits are {', '.join(sorted(map(str, seen)))}.",
        )


def _batches(
    path: Path, chunk_size: int, split: str | None
) -> tuple[list[str], Iterator[pa.RecordBatch]]:
    """Return the names of all columns, and batches of those needed."""
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"cannot be read as Parquet ({error}).", path=path) from error
    schema = file.schema_arrow
    for name in ("sequence", *(["split"] if split is not None else [])):
        if name not in schema.names:
            raise InputError(
                f"there is no column `{name}`.",
                path=path,
                remedy=f"The columns are {', '.join(schema.names)}.",
            )
    kind = schema.field("sequence").type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise InputError(
            f"the column `sequence` holds {kind}.", path=path, remedy="It must hold text."
        )
    columns = [name for name in ("tag", "sequence", "split") if name in schema.names]
    return schema.names, _undamaged(file.iter_batches(chunk_size, columns=columns), path)


def _undamaged(batches: Iterator[pa.RecordBatch], path: Path) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"is damaged ({reason}).", path=path, remedy="Copy or make it again."
        ) from error


def _checked_tags(table: pa.Table, path: Path, first: int) -> list[str]:
    """Return the tags of a batch whose first row has this number; numbers become text."""
    _refuse_nulls(table, "tag", path, first)
    try:
        tags: list[str] = table["tag"].cast(pa.string()).to_pylist()
    except pa.ArrowException as error:
        raise InputError(
            f"the column `tag` holds {table['tag'].type}.", path=path, remedy="It must hold text."
        ) from error
    return tags


def _refuse_nulls(table: pa.Table, name: str, path: Path, first: int) -> None:
    if table[name].null_count:
        row = first + int(np.argmax(table[name].is_null().to_numpy()))
        raise InputError(f"row {row} has no {name}.", path=path, remedy="Remove such rows.")


def _checked_sequences(table: pa.Table, path: Path, first: int) -> Sequences:
    """Return the sequences of a batch whose first row has this number."""
    _refuse_nulls(table, "sequence", path, first)
    try:
        return table_sequences(table)
    except InputError as error:
        row = first - 1 + (error.line or 1)
        raise InputError(
            f"row {row}: {error.problem}", path=path, key="sequence", remedy=error.remedy
        ) from error
