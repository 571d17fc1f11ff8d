"""The prepared table: one Parquet file that training, prediction and evaluation read.

A prepared folder holds `table.parquet` and `manifest.json` (settings, seed, counts, digests).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dann_tfbs import files, sequence
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import Sequences

TABLE_FILE = "table.parquet"
MANIFEST_FILE = "manifest.json"
TARGET = "target"
"""Source and split of unlabelled rows of the assay to be predicted."""

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
        pq.write_table(table.cast(SCHEMA), aside, compression="zstd", row_group_size=1 << 18)


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a prepared table from its folder or its Parquet file.

    Raises
    ------
    InputError
        If there is no such table, it is not Parquet, or a column is missing.
    """
    file = path / TABLE_FILE if path.is_dir() else path
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
    """Return the `sequence` column as codes."""
    column = table["sequence"].combine_chunks().cast(pa.large_string())
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    lengths = pc.binary_length(column).to_numpy(zero_copy_only=False)
    offsets = np.frombuffer(column.buffers()[1], dtype=np.int64)
    first = offsets[column.offset] if len(column) else 0
    data = column.buffers()[2]
    letters = np.frombuffer(data, dtype=np.uint8) if data is not None else np.empty(0, np.uint8)
    return sequence.from_flat(letters[first : first + int(lengths.sum())], lengths)


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
