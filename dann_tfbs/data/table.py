"""The prepared table: one Parquet file that training, prediction and evaluation read.

A prepared folder holds `table.parquet` and `manifest.json` (settings, seed, counts, digests).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dann_tfbs import files, sequence
from dann_tfbs.data.readers.encoding import text_sequences
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import Sequences

TABLE_FILE = "table.parquet"
MANIFEST_FILE = "manifest.json"
TARGET = "target"
"""Source and split of unlabelled rows of the assay to be predicted."""

_ROW_GROUP = 1 << 18
_MOST_LETTERS = 1 << 30
_LETTER_TABLE = sequence.LETTERS.encode().ljust(256, b"?")

SCHEMA = pa.schema(
    [
        pa.field("tag", pa.string(), nullable=False, metadata={"about": "unique row name"}),
        pa.field("sequence", pa.string(), nullable=False, metadata={"about": "letters ACGTN"}),
        pa.field("label", pa.int8(), metadata={"about": "1 bound, 0 unbound, null unlabelled"}),
        pa.field("signal", pa.float64(), metadata={"about": "measured intensity, if any"}),
        pa.field("tf", pa.string(), nullable=False),
        pa.field("assay", pa.string(), nullable=False, metadata={"about": "CHS GHTS HTS SMS PBM"}),
        pa.field(
            "source",
            pa.string(),
            nullable=False,
            metadata={"about": "positive, target, or the kind of negative (aliens, shades, …)"},
        ),
        pa.field(
            "split", pa.string(), nullable=False, metadata={"about": "train validation test target"}
        ),
        pa.field("group", pa.string(), metadata={"about": "replicate or file"}),
        pa.field("cycle", pa.int16(), metadata={"about": "SELEX cycle, if any"}),
        pa.field("chrom", pa.string(), metadata={"about": "chromosome, if any"}),
        pa.field("start", pa.int64(), metadata={"about": "0-based start, if any"}),
        pa.field("end", pa.int64(), metadata={"about": "exclusive end, if any"}),
    ]
)


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table of `SCHEMA` as Parquet; equal tables give equal bytes."""
    with files.written_aside(path) as aside:
        pq.write_table(table.cast(SCHEMA), aside, compression="zstd", row_group_size=_ROW_GROUP)


def table_file(path: Path) -> Path:
    """Return the file of a table that is named by its folder or by the file itself."""
    return path / TABLE_FILE if path.is_dir() else path


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a prepared table from its folder or its Parquet file.

    Raises
    ------
    InputError
        If there is no such table, it is not Parquet, or a column is missing.
    """
    file = table_file(path)
    if not file.is_file():
        raise InputError(
            "there is no prepared table.", path=file, remedy="Make one with `dann-tfbs prepare`."
        )
    try:
        names = pq.read_schema(file).names
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"is not a Parquet file ({error}).", path=file) from error
    missing = [name for name in columns or SCHEMA.names if name not in names]
    if missing:
        raise InputError(
            f"the columns {', '.join(missing)} are missing.",
            path=file,
            remedy="Make the table with `dann-tfbs prepare`.",
        )
    try:
        return pq.read_table(file, columns=columns or SCHEMA.names)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"is damaged ({' '.join(str(error).split())}).",
            path=file,
            remedy="Make it again with `dann-tfbs prepare`.",
        ) from error


def table_sequences(table: pa.Table) -> Sequences:
    """Return the `sequence` column as codes.

    Raises
    ------
    InputError
        If a character is no IUPAC nucleotide letter; `line` is the 1-based number of the row.
    """
    parts, rows = [], 0
    for chunk in table["sequence"].chunks:
        try:
            parts.append(text_sequences(chunk))
        except InputError as error:
            raise InputError(
                error.problem, line=rows + (error.line or 1), remedy=error.remedy
            ) from error
        rows += len(chunk)
    return parts[0] if len(parts) == 1 else sequence.concatenate(parts)


def sequence_column(sequences: Sequences) -> pa.ChunkedArray:
    """Return sequences as the column that `table_sequences` reads."""
    chunks = []
    # Arrow counts the letters of a chunk of text in 31 bits.
    at_once = max(min(_ROW_GROUP, _MOST_LETTERS // max(sequences.width, 1)), 1)
    for first in range(0, len(sequences), at_once):
        part = sequences.take(slice(first, first + at_once))
        letters = np.frombuffer(bytearray(part.codes).translate(_LETTER_TABLE), dtype=np.uint8)
        if int(part.lengths.min()) < part.width:
            letters = letters[part.inside().reshape(-1)]
        offsets = np.append(0, np.cumsum(part.lengths, dtype=np.int64)).astype(np.int32)
        buffers = [pa.py_buffer(offsets), pa.py_buffer(letters)]
        chunks.append(pa.StringArray.from_buffers(len(part), *buffers))
    return pa.chunked_array(chunks, pa.string())


def prepared_target(path: Path) -> str | None:
    """Return the assay that a prepared folder was made to predict; None where it does not say."""
    manifest = path / MANIFEST_FILE
    if not manifest.is_file():
        return None
    try:
        target: str | None = json.loads(manifest.read_text("utf-8"))["recipe"]["target"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            "is not a manifest of a prepared folder.",
            path=manifest,
            remedy="Make the folder anew with `dann-tfbs prepare`.",
        ) from error
    return target
