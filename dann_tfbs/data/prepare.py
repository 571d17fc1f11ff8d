"""From raw files to a prepared folder: `table.parquet`, `manifest.json`, `quality.json` and `.png`.

The same files, recipe and seed give the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dann_tfbs import files
from dann_tfbs._version import __version__
from dann_tfbs.data import records
from dann_tfbs.data.assign_splits import assign_splits, in_some_split, split_rule
from dann_tfbs.data.collect import collect_positives, collect_targets
from dann_tfbs.data.genome import Genome
from dann_tfbs.data.negatives.choose import draw_negatives
from dann_tfbs.data.negatives.sampled import Sampled
from dann_tfbs.data.quality import draw_quality, quality_report
from dann_tfbs.data.readers.peaks import read_peaks
from dann_tfbs.data.recipe import Recipe
from dann_tfbs.data.records import NO_CYCLE, Records
from dann_tfbs.data.sources import SourceFile, discover, read_sheet
from dann_tfbs.data.table import (
    MANIFEST_FILE,
    SCHEMA,
    TABLE_FILE,
    TARGET,
    sequence_column,
    write_table,
)
from dann_tfbs.errors import InputError, OutputError
from dann_tfbs.settings import as_plain
from dann_tfbs.streams import stream

QUALITY_FILE = "quality.json"
QUALITY_FIGURE = "quality.png"

_OWN_FILES = {TABLE_FILE, MANIFEST_FILE, QUALITY_FILE, QUALITY_FIGURE}
_PLACES = {"ibis_root", "sheet", "genome", "blacklist"}


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
        The manifest, with the quality report under `quality`. It says what was used, not where it
        lay: raw files are named from the data folder (or sheet) on, and the recipe leaves out the
        places of data and genome, so that a moved copy gives the same bytes.

    Raises
    ------
    InputError
        If files are missing or bad, or negatives cannot be found in the number asked for.
    OutputError
        If the folder cannot be written.
    """
    _check_replaceable(out)
    sources = discover(recipe.ibis_root) if recipe.ibis_root else read_sheet(_given(recipe.sheet))
    genome = _open_genome(recipe)
    drawn = {assay: _draw(recipe, assay, sources, genome) for assay in recipe.assays}
    parts = [(part.records, part.labels) for part in drawn.values()]
    sides = dict(zip(drawn, assign_splits(recipe.split, parts, recipe.seed), strict=True))
    used = [source for part in drawn.values() for source in part.files]
    tables = [_labelled_table(recipe.tf, a, drawn[a], sides[a].names) for a in drawn]
    for number, (source, targets) in enumerate(collect_targets(recipe, sources, genome), 1):
        tables.append(_target_table(recipe.tf, source.assay, targets, number))
        used.append(source)
    table = pa.concat_tables(tables)
    quality = quality_report(table)
    manifest = {
        "dann_tfbs": __version__,
        "recipe": {k: v for k, v in as_plain(recipe).items() if k not in _PLACES},
        "rows": len(table),
        "counts": _counts(table),
        "assays": {a: drawn[a].report | {"split": sides[a].report} for a in drawn},
    } | _digests(recipe, used)
    _write(out, table, manifest, quality)
    return manifest | {"quality": quality}


def _check_replaceable(out: Path) -> None:
    """Refuse before the work what could not be written after it, or would destroy other files."""
    if out.is_dir():
        others = sorted(entry.name for entry in out.iterdir() if entry.name not in _OWN_FILES)
        if others:
            raise InputError(
                f"holds other files than a prepared folder ({', '.join(others[:5])}).",
                path=out,
                remedy="Choose another --out, or move them: the whole folder would be replaced.",
            )
    elif out.exists():
        raise InputError("is no folder.", path=out, remedy="Choose another --out.")
    parent = next(folder for folder in out.absolute().parents if folder.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(
            f"cannot be written, because {parent} cannot.", path=out, remedy="Choose another --out."
        )


def _write(out: Path, table: pa.Table, manifest: dict[str, Any], quality: dict[str, Any]) -> None:
    """Write the folder, and the digest of its table into the manifest."""
    try:
        with files.written_aside(out) as aside:
            aside.mkdir()
            write_table(aside / TABLE_FILE, table)
            manifest["table_sha256"] = files.sha256(aside / TABLE_FILE)
            files.write_json(aside / MANIFEST_FILE, manifest)
            files.write_json(aside / QUALITY_FILE, quality)
            draw_quality(table, quality, aside / QUALITY_FIGURE)
    except OutputError as error:
        # Named after the folder that the user knows, not the one written aside.
        raise OutputError(error.problem, path=out, remedy=error.remedy) from error


def _digests(recipe: Recipe, used: Sequence[SourceFile]) -> dict[str, Any]:
    """Return the SHA-256 of every file that was read."""
    return {
        "files": {_name(recipe, source): files.sha256(source.path) for source in used},
        "references": {
            key: {"name": path.name, "sha256": files.sha256(path)}
            for key, path in (("genome", recipe.genome), ("blacklist", recipe.blacklist))
            if path is not None
        },
    }


def _name(recipe: Recipe, source: SourceFile) -> str:
    root = recipe.ibis_root or _given(recipe.sheet).parent
    inside = source.path.is_relative_to(root)
    return (source.path.relative_to(root) if inside else source.path).as_posix()


def _given(path: Path | None) -> Path:
    if path is None:
        raise InputError("neither ibis_root nor sheet is given.")
    return path


def _open_genome(recipe: Recipe) -> Genome | None:
    if recipe.genome is None:
        return None
    blacklist = None if recipe.blacklist is None else read_peaks(recipe.blacklist).intervals
    return Genome(recipe.genome, blacklist)


@dataclass(frozen=True)
class _Drawn:
    """The rows of one assay, positives first, before they are split."""

    records: Records
    labels: NDArray[np.int8]
    kinds: NDArray[np.object_]
    report: dict[str, Any]
    files: list[SourceFile]


def _draw(
    recipe: Recipe, assay: str, sources: Sequence[SourceFile], genome: Genome | None
) -> _Drawn:
    rng = stream(recipe.seed, f"prepare {assay}")
    found = collect_positives(recipe, assay, sources, genome)
    rule = split_rule(recipe.split, found.positives)
    rows = np.flatnonzero(in_some_split(recipe.split, rule, found.positives))
    if not len(rows):
        raise InputError(
            f"no {assay} positive of {recipe.tf} lies on a numbered or sex chromosome.",
            key="split.by",
            remedy="Name test_chromosomes, or use hash.",
        )
    available = len(rows)
    if recipe.max_positives is not None and available > recipe.max_positives:
        rows = np.sort(rng.permutation(rows)[: recipe.max_positives])
    positives = found.positives.take(rows)
    negatives, read = draw_negatives(
        recipe, assay, sources, genome, found, len(positives), rule, rng
    )
    labels = np.repeat([1, 0], [len(positives), len(negatives.records)]).astype(np.int8)
    kinds = np.concatenate([np.full(len(positives), "positive", dtype=object), _kinds(negatives)])
    report = {
        "positives_available": available,
        "on_unused_chromosomes": len(found.positives) - available,
        "dropped": found.dropped,
        "negatives": negatives.report,
    }
    joined = records.concatenate([positives, negatives.records])
    return _Drawn(joined, labels, kinds, report, found.files + read)


def _kinds(negatives: Sampled) -> NDArray[np.object_]:
    """Return the kind of each negative, in the order in which `mix` joined them."""
    parts = negatives.report["parts"].items()
    columns = [np.full(part["count"], kind, dtype=object) for kind, part in parts]
    return np.concatenate([np.empty(0, dtype=object), *columns])


def _labelled_table(tf: str, assay: str, part: _Drawn, sides: NDArray[np.object_]) -> pa.Table:
    return _table(tf, assay, assay, part.records, pa.array(part.labels), part.kinds, sides)


def _target_table(tf: str, assay: str, targets: Records, number: int) -> pa.Table:
    """Make the unlabelled rows of the `number`-th target file."""
    same = np.full(len(targets), TARGET, dtype=object)
    labels = pa.nulls(len(targets), pa.int8())
    return _table(tf, assay, f"{assay}target{number}_", targets, labels, same, same)


def _table(
    tf: str,
    assay: str,
    tag: str,
    joined: Records,
    labels: pa.Array,
    kinds: NDArray[np.object_],
    sides: NDArray[np.object_],
) -> pa.Table:
    n = len(joined)
    place = joined.intervals
    nowhere = np.ones(n, dtype=bool) if place is None else place.start < 0
    numbers = pc.cast(pa.array(np.arange(1, n + 1)), pa.string())
    columns = {
        "tag": pc.binary_join_element_wise(tag, pc.utf8_lpad(numbers, 7, "0"), ""),
        "sequence": sequence_column(joined.sequences),
        "label": labels,
        "signal": pa.array(joined.signal, mask=np.isnan(joined.signal)),
        "tf": pa.repeat(tf, n),
        "assay": pa.repeat(assay, n),
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
