"""What test sets are made of, out of the test rows of prepared tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dann_tfbs import sequence
from dann_tfbs.data.genome import Genome
from dann_tfbs.data.intervals import Intervals, make_intervals
from dann_tfbs.data.records import NO_CYCLE, Records, make_records
from dann_tfbs.data.table import read_table, table_sequences
from dann_tfbs.errors import InputError
from dann_tfbs.testsets.genomic import TestPeaks, usable
from dann_tfbs.testsets.probes import Array
from dann_tfbs.testsets.reads import ReadFile

_TEST = "test"


def read_tables(paths: Sequence[Path]) -> list[tuple[Path, pa.Table]]:
    """Read the labelled rows of prepared tables.

    Raises
    ------
    InputError
        If there is no table, or none of its rows tests.
    """
    tables = []
    for path in paths:
        table = read_table(path)
        table = table.filter(pc.is_valid(table["label"]))
        if not pc.any(pc.equal(table["split"], _TEST)).as_py():
            raise InputError(
                "no labelled row is of the split 'test'.",
                path=path,
                remedy="Prepare it with a test split, or with --split all for a test table.",
            )
        tables.append((path, table))
    return tables


def assays_of(tables: Sequence[tuple[Path, pa.Table]]) -> set[str]:
    """Return the assays that the tables have bound test rows of."""
    return {
        assay for _, table in tables for assay in _test_rows(table, 1)["assay"].unique().to_pylist()
    }


def table_peaks(
    tables: Sequence[tuple[Path, pa.Table]], assay: str, genome: Genome, chroms: Sequence[str]
) -> dict[str, TestPeaks]:
    """Return the bound windows of each TF: those of the test split that lie on `chroms`.

    Raises
    ------
    InputError
        If bound rows have no coordinates, or windows differ in width.
    """
    found = {}
    for path, tf, table in _by_tf(tables, assay):
        bound = table.filter(pc.equal(table["label"], 1))
        if bound["start"].null_count:
            raise InputError(
                f"bound {assay} rows of {tf} have no coordinates.",
                path=path,
                remedy="Prepare the table from peaks with a genome.",
            )
        own = _intervals(bound)
        if len(np.unique(own.end - own.start)) > 1:
            raise InputError(
                f"the {assay} windows of {tf} differ in width.",
                path=path,
                remedy="Prepare the table with one window.",
            )
        tests = np.asarray(pc.equal(bound["split"], _TEST))
        shown = own.take(tests & np.isin(own.chrom.astype(str), list(chroms)))
        rows, dropped = usable(genome, shown, chroms)
        if len(rows):
            found[tf] = TestPeaks(shown.take(rows), own, dropped)
    return found


def table_reads(tables: Sequence[tuple[Path, pa.Table]], assay: str) -> list[ReadFile]:
    """Return bound reads, by replicate and cycle, and reads of unselected libraries."""
    files = []
    for _, tf, table in _by_tf(tables, assay):
        bound = _test_rows(table, 1)
        keys = bound.select(["group", "cycle"]).group_by(["group", "cycle"]).aggregate([])
        for key in sorted(keys.to_pylist(), key=str):
            group, cycle = key["group"], key["cycle"]
            rows = pc.equal(bound["group"], group)
            if cycle is not None:
                rows = pc.and_(rows, pc.equal(bound["cycle"], cycle))
            files.append(ReadFile(tf, False, _reads(bound.filter(rows), group, cycle)))
        inputs = _test_rows(table, 0)
        inputs = inputs.filter(pc.equal(inputs["source"], "input"))
        if len(inputs):
            files.append(ReadFile(tf, True, _reads(inputs, "input", 0)))
    return files


def _reads(table: pa.Table, group: str | None, cycle: int | None) -> Records:
    number = NO_CYCLE if cycle is None else int(cycle)
    return make_records(table_sequences(table), group=group or "", cycle=number)


def table_arrays(tables: Sequence[tuple[Path, pa.Table]], assay: str) -> list[Array]:
    """Return the probes of each TF, named by their tags; what is bound, the table says."""
    arrays = []
    for _, tf, table in _by_tf(tables, assay):
        rows = _test_rows(table)
        n = len(rows)
        arrays.append(
            Array(
                tf,
                "probes",
                np.array(rows["tag"].to_pylist(), dtype=object),
                table_sequences(rows),
                sequence.encode([""] * n),
                np.full(n, "", dtype=object),
                np.asarray(pc.equal(rows["label"], 1)),
                np.ones(n, dtype=bool),
            )
        )
    return arrays


def _by_tf(
    tables: Sequence[tuple[Path, pa.Table]], assay: str
) -> Iterator[tuple[Path, str, pa.Table]]:
    """Yield each TF's rows of an assay; a TF in two tables is an error."""
    seen: dict[str, Path] = {}
    for path, table in tables:
        table = table.filter(pc.equal(table["assay"], assay))
        for tf in sorted(table["tf"].unique().to_pylist()):
            if tf in seen:
                raise InputError(
                    f"holds {assay} rows of {tf}, as does {seen[tf]}.",
                    path=path,
                    remedy="Name one table for each TF and assay.",
                )
            seen[tf] = path
            yield path, tf, table.filter(pc.equal(table["tf"], tf))


def _test_rows(table: pa.Table, label: int | None = None) -> pa.Table:
    table = table.filter(pc.equal(table["split"], _TEST))
    return table if label is None else table.filter(pc.equal(table["label"], label))


def _intervals(table: pa.Table) -> Intervals:
    return make_intervals(
        np.array(table["chrom"].to_pylist(), dtype=object),
        table["start"].to_numpy(),
        table["end"].to_numpy(),
    )
