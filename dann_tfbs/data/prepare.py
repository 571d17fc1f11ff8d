"""From raw files to a prepared folder: `table.parquet`, `manifest.json`, `quality.json` and `.png`.

The same files, recipe and seed give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dann_tfbs import files
from dann_tfbs._version import __version__
from dann_tfbs.config import as_plain
from dann_tfbs.data import records, split
from dann_tfbs.data.assign_splits import assign_splits
from dann_tfbs.data.collect import collect_positives
from dann_tfbs.data.genome import Genome
from dann_tfbs.data.negatives.choose import draw_negatives
from dann_tfbs.data.negatives.sampled import Sampled
from dann_tfbs.data.quality import draw_quality, quality_report
from dann_tfbs.data.readers.peaks import read_peaks
from dann_tfbs.data.recipe import Recipe
from dann_tfbs.data.records import NO_CYCLE, Records
from dann_tfbs.data.sources import SourceFile, discover, read_sheet
from dann_tfbs.data.table import MANIFEST_FILE, SCHEMA, TABLE_FILE, write_table
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import decode
from dann_tfbs.streams import stream

QUALITY_FILE = "quality.json"
QUALITY_FIGURE = "quality.png"


def prepare(recipe: Recipe, out: Path) -> dict[str, Any]:
    """Make a prepared folder.

    Parameters
    ----------
    recipe
        What goes into it.
    out
        The folder; an existing prepared folder is replaced once the new one is complete.

    Returns
    -------
    dict
        The manifest, with the quality report under `quality`.

    Raises
    ------
    InputError
        If files are missing or bad, or negatives cannot be found in the number asked for.
    """
    sources = discover(recipe.ibis_root) if recipe.ibis_root else read_sheet(_given(recipe.sheet))
    genome = _open_genome(recipe)
    tables, reports, used = [], {}, []
    for assay in recipe.assays:
        table, report, read = _prepare_assay(recipe, assay, sources, genome)
        tables.append(table)
        reports[assay] = report
        used += read
    table = pa.concat_tables(tables)
    quality = quality_report(table)
    manifest = {
        "dann_tfbs": __version__,
        "recipe": as_plain(recipe),
        "rows": len(table),
        "counts": _counts(table),
        "assays": reports,
        "files": {str(s.path): files.sha256(s.path) for s in used},
    }
    if out.exists() and not (out / TABLE_FILE).is_file():
        raise InputError(
            "exists and is no prepared folder.", path=out, remedy="Choose another --out."
        )
    with files.written_aside(out) as aside:
        aside.mkdir()
        write_table(aside / TABLE_FILE, table)
        manifest["table_sha256"] = files.sha256(aside / TABLE_FILE)
        files.write_json(aside / MANIFEST_FILE, manifest)
        files.write_json(aside / QUALITY_FILE, quality)
        draw_quality(table, quality, aside / QUALITY_FIGURE)
    return manifest | {"quality": quality}


def _given(path: Path | None) -> Path:
    if path is None:
        raise InputError("neither ibis_root nor sheet is given.")
    return path


def _open_genome(recipe: Recipe) -> Genome | None:
    if recipe.genome is None:
        return None
    blacklist = None if recipe.blacklist is None else read_peaks(recipe.blacklist).intervals
    return Genome(recipe.genome, blacklist)


def _prepare_assay(
    recipe: Recipe, assay: str, sources: Sequence[SourceFile], genome: Genome | None
) -> tuple[pa.Table, dict[str, Any], list[SourceFile]]:
    rng = stream(recipe.seed, f"prepare {assay}")
    found = collect_positives(recipe, assay, sources, genome)
    available = len(found.positives)
    if recipe.max_positives is not None and available > recipe.max_positives:
        kept = np.sort(rng.permutation(available)[: recipe.max_positives])
        found.positives = found.positives.take(kept)
    negatives, read = draw_negatives(recipe, assay, sources, genome, found, rng)
    joined = records.concatenate([found.positives, negatives.records])
    labels = np.repeat([1, 0], [len(found.positives), len(negatives.records)]).astype(np.int8)
    sides = assign_splits(recipe.split, joined, labels, recipe.seed)
    report = {
        "positives_available": available,
        "dropped": found.dropped,
        "negatives": negatives.report,
        "split": sides.report,
    }
    kinds = np.concatenate(
        [np.full(len(found.positives), "positive", dtype=object), _kinds(negatives)]
    )
    table = _table(recipe.tf, assay, joined, labels, kinds, sides.names)
    table = table.filter(pa.array(sides.names != split.UNUSED))
    return table, report, found.files + read


def _kinds(negatives: Sampled) -> NDArray[np.object_]:
    """Return the kind of each negative, in the order in which `mix` joined them."""
    parts = negatives.report["parts"]
    counts = [part["count"] for part in parts.values()]
    return np.repeat(np.array(list(parts), dtype=object), counts)


def _table(
    tf: str,
    assay: str,
    joined: Records,
    labels: NDArray[np.int8],
    kinds: NDArray[np.object_],
    sides: NDArray[np.object_],
) -> pa.Table:
    n = len(joined)
    place = joined.intervals
    nowhere = np.ones(n, dtype=bool) if place is None else place.start < 0
    columns = {
        "tag": [f"{assay}{number:07d}" for number in range(1, n + 1)],
        "sequence": decode(joined.sequences),
        "label": labels,
        "signal": pa.array(joined.signal, mask=np.isnan(joined.signal)),
        "tf": [tf] * n,
        "assay": [assay] * n,
        "source": kinds,
        "split": sides,
        "group": joined.group,
        "cycle": pa.array(joined.cycle, mask=joined.cycle == NO_CYCLE),
        "chrom": pa.nulls(n) if place is None else pa.array(place.chrom, mask=nowhere),
        "start": pa.nulls(n) if place is None else pa.array(place.start, mask=nowhere),
        "end": pa.nulls(n) if place is None else pa.array(place.end, mask=nowhere),
    }
    return pa.table({name: columns[name] for name in SCHEMA.names}).cast(SCHEMA)


def _counts(table: pa.Table) -> dict[str, int]:
    """Return the number of rows by assay, split and source."""
    grouped = table.group_by(["assay", "split", "source"]).aggregate([([], "count_all")])
    return {
        f"{row['assay']} {row['split']} {row['source']}": row["count_all"]
        for row in sorted(grouped.to_pylist(), key=lambda r: (r["assay"], r["split"], r["source"]))
    }
