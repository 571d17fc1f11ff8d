"""Test sets of a whole package: `dann-tfbs benchmark build`. Equal data and seed, equal bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from dann_tfbs import files
from dann_tfbs._version import __version__
from dann_tfbs.assays import ASSAYS
from dann_tfbs.data.genome import Genome
from dann_tfbs.data.readers.peaks import read_peaks
from dann_tfbs.data.sources import SourceFile, discover
from dann_tfbs.data.split import chromosome_numbers
from dann_tfbs.data.table import table_file
from dann_tfbs.errors import InputError
from dann_tfbs.settings import as_plain
from dann_tfbs.streams import stream
from dann_tfbs.testsets import from_tables, raw
from dann_tfbs.testsets.genomic import genomic_parts
from dann_tfbs.testsets.official import PARTICIPANTS, TestSet
from dann_tfbs.testsets.probes import agree, probe_parts, probe_rows, renamed
from dann_tfbs.testsets.reads import read_parts, usable_reads
from dann_tfbs.testsets.settings import BuildSettings

MANIFEST_FILE = "manifest.json"
_KIND = "dann-tfbs test sets"
_PLACES = {"ibis_root", "prepared", "genome", "blacklist"}
RATIOS = {"HTS": 2, "SMS": 5, "PBM": 10}
"""Negatives per positive of each background; those of CHS and GHTS are `GenomicRatios`."""

UNLIKE = 0.12
"""Distance of GC histograms from which a GC-matched background is warned of."""


@dataclass
class _Data:
    """What the settings name, opened."""

    sources: list[SourceFile]
    tables: list[tuple[Path, pa.Table]]
    genome: Genome | None
    used: dict[Path, None] = field(default_factory=dict)

    def assays(self) -> list[str]:
        have = {source.assay for source in self.sources if source.role == "positive"}
        have |= from_tables.assays_of(self.tables)
        return [assay for assay in ASSAYS if assay in have]

    def note(self, sources: Sequence[SourceFile]) -> None:
        self.used |= dict.fromkeys(source.path for source in sources)


def build(settings: BuildSettings, out: Path, *, force: bool = False) -> dict[str, Any]:
    """Write test sets in the official format.

    Parameters
    ----------
    settings
        From what to build them.
    out
        The folder (see `TestSet.write` for what is in it); it appears as a whole or not at all.
    force
        Whether to replace test sets that were built there before.

    Returns
    -------
    dict
        The manifest, which is written as `manifest.json`: settings, digests of all files read, and
        for every TF and background what was asked for, found and dropped, with the distance of the
        GC histograms. `warnings` holds a sentence for each background that misses its ratio or
        the positives' GC content.

    Raises
    ------
    InputError
        If data are missing or bad, or nothing can be built of an assay; with `exact`, also where a
        background misses its ratio.
    OutputError
        If the folder cannot be written.
    """
    _check_replaceable(out, force)
    data = _opened(settings)
    assays = list(settings.assays) or data.assays()
    reports: dict[str, Any] = {}
    warnings: list[str] = []
    digests: dict[str, str] = {}
    with files.written_aside(out) as aside:
        aside.mkdir()
        for assay in assays:
            test, reports[assay] = _assay(settings, assay, data)
            warnings += _short(assay, reports[assay])
            short = [sentence for sentence in warnings if "negatives were found" in sentence]
            if settings.exact and short:
                raise InputError(
                    short[0],
                    key="exact",
                    remedy="Give more data, fewer positives (--max-positives), or allow it.",
                )
            tags = stream(settings.seed, "benchmark", assay, "tags")
            count = test.write(aside, tags, settings.stage)
            reports[assay]["sequences"] = count
            name = f"test/{assay}{PARTICIPANTS}"
            digests[name] = files.sha256(aside / name)
        manifest = {
            "kind": _KIND,
            "dann_tfbs": __version__,
            "settings": {k: v for k, v in as_plain(settings).items() if k not in _PLACES},
            "assays": reports,
            "warnings": warnings,
            "read": {_shown(settings, path): files.sha256(path) for path in data.used},
            "written": digests,
        }
        files.write_json(aside / MANIFEST_FILE, manifest)
    return manifest


def _check_replaceable(out: Path, force: bool) -> None:
    if not out.exists():
        return
    if not force:
        raise InputError("exists already.", path=out, remedy="Name another folder or add --force.")
    manifest = out / MANIFEST_FILE
    if not manifest.is_file() or _KIND not in manifest.read_text("utf-8"):
        raise InputError(
            "holds no test sets of an earlier build, and will not be replaced.",
            path=out,
            remedy="Name another folder, or remove this one yourself.",
        )


def _opened(settings: BuildSettings) -> _Data:
    sources = discover(settings.ibis_root) if settings.ibis_root else []
    tables = from_tables.read_tables(settings.prepared)
    genome = None
    if settings.genome is not None:
        listed = settings.blacklist
        genome = Genome(settings.genome, None if listed is None else read_peaks(listed).intervals)
    data = _Data(sources, tables, genome)
    data.used |= dict.fromkeys(p for p in (settings.genome, settings.blacklist) if p)
    data.used |= dict.fromkeys(table_file(path) for path, _ in tables)
    return data


def _assay(settings: BuildSettings, assay: str, data: _Data) -> tuple[TestSet, dict[str, Any]]:
    kinds = {"HTS": _reads, "SMS": _reads, "PBM": _probes}
    test, report = kinds.get(assay, _peaks)(settings, assay, data)
    if not test.datasets:
        raise InputError(
            f"there are no {assay} data to test on.",
            path=settings.ibis_root or settings.prepared[0],
            remedy="Choose among the assays that there are with --assay.",
        )
    return test, report


def _tested(settings: BuildSettings, assay: str, known: Sequence[str]) -> list[str]:
    """Return the TFs that get test sets."""
    missing = [tf for tf in settings.tfs if tf not in known]
    if missing:
        raise InputError(
            f"there are no {assay} test data of {', '.join(missing)}.",
            key="tfs",
            remedy=f"There are some of {', '.join(known) or 'no TF'}.",
        )
    return [tf for tf in known if not settings.tfs or tf in settings.tfs]


def _peaks(settings: BuildSettings, assay: str, data: _Data) -> tuple[TestSet, dict[str, Any]]:
    genome = data.genome
    if genome is None:
        raise InputError(
            f"{assay} test windows need a genome.",
            key="genome",
            remedy="Give its FASTA with --genome, or choose other assays with --assay.",
        )
    chroms = _chromosomes(settings, genome)
    peaks, used = raw.raw_peaks(settings, assay, data.sources, genome, chroms)
    for tf, own in from_tables.table_peaks(data.tables, assay, genome, chroms).items():
        if tf in peaks:
            raise _twice(assay, tf)
        peaks[tf] = own
    if not peaks:
        raise InputError(
            f"no {assay} peak lies on the test chromosomes {', '.join(chroms[:5])}.",
            key="test_chromosomes",
            remedy="Training files of IBIS hold odd chromosomes only: keep some of these out of "
            "training and name them with --test-chromosome.",
        )
    data.note(used)
    test, tfs = TestSet(assay), {}
    for tf in _tested(settings, assay, sorted(peaks)):
        rng = stream(settings.seed, "benchmark", assay, tf)
        positives, parts, tfs[tf] = genomic_parts(genome, tf, peaks, chroms, rng)
        test.add(tf, positives, parts)
    return test, {"chromosomes": chroms, "tfs": tfs}


def _chromosomes(settings: BuildSettings, genome: Genome) -> list[str]:
    if settings.test_chromosomes:
        genome.check_names(settings.test_chromosomes)
        return list(settings.test_chromosomes)
    names = [name for name in genome.lengths if "_" not in name]  # no alternative pieces
    numbers = chromosome_numbers(names)
    return [name for name in names if (numbers[name] or 1) % 2 == 0]


def _reads(settings: BuildSettings, assay: str, data: _Data) -> tuple[TestSet, dict[str, Any]]:
    found, flanks, used = raw.raw_reads(settings, assay, data.sources)
    from_prepared = from_tables.table_reads(data.tables, assay)
    for tf in {f.tf for f in from_prepared} & {f.tf for f in found if not f.is_input}:
        raise _twice(assay, tf)
    data.note(used)
    kept, dropped = usable_reads([*found, *from_prepared], one_file_only=assay == "HTS")
    bound = sorted({file.tf for file in kept if not file.is_input})
    most = settings.max_positives.get(assay)  # type: ignore[call-overload]
    test, tfs = TestSet(assay), {}
    for tf in _tested(settings, assay, bound):
        rng = stream(settings.seed, "benchmark", assay, tf)
        positives, parts, tfs[tf] = read_parts(tf, kept, RATIOS[assay], most, rng)
        test.add(tf, positives, parts)
    test.flanks = {tf: flanks[tf] for tf in tfs if tf in flanks}
    return test, {"dropped_reads": dropped, "tfs": tfs}


def _probes(settings: BuildSettings, assay: str, data: _Data) -> tuple[TestSet, dict[str, Any]]:
    arrays, used = raw.raw_arrays(settings, assay, data.sources)
    from_prepared = from_tables.table_arrays(data.tables, assay)
    for tf in {a.tf for a in from_prepared} & {a.tf for a in arrays}:
        raise _twice(assay, tf)
    arrays += from_prepared
    data.note(used)
    own_names = agree(arrays)
    if not own_names:
        arrays = renamed(arrays)
    rows = probe_rows(arrays)
    test, tfs = TestSet(assay, named=True), {}
    test.parts["all rows"] = rows
    for tf in _tested(settings, assay, sorted({array.tf for array in arrays})):
        rng = stream(settings.seed, "benchmark", assay, tf)
        own = [array for array in arrays if array.tf == tf]
        parts, tfs[tf] = probe_parts(own, rows, RATIOS[assay], rng)
        for background, part in parts.items():
            test.parts[tf, background] = part
            test.datasets[tf, background] = ((tf, background),)
    return test, {"rows": len(rows), "own_names": own_names, "tfs": tfs}


def _twice(assay: str, tf: str) -> InputError:
    return InputError(
        f"{assay} data of {tf} stand in the raw folder and in a prepared table.",
        key="prepared",
        remedy="Name one of them.",
    )


def _short(assay: str, report: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each background that has too few negatives or unlike ones."""
    sentences = []
    if not report.get("own_names", True):
        sentences.append(f"{assay}: a name stands for different probes, so all are renamed.")
    for tf, own in report["tfs"].items():
        sets = own.values() if assay == "PBM" else [own]
        for one in sets:
            for background, drawn in one["backgrounds"].items():
                name = f"{assay} {tf} {background}"
                if drawn["count"] < drawn["asked"]:
                    what = f"{drawn['count']} of {drawn['asked']} negatives were found"
                    sentences.append(f"{name}: {what} ({drawn['per_positive']:.2f} per positive).")
                if background != "shades" and (drawn["gc_distance"] or 0) > UNLIKE:
                    distance = f"GC content differs from the positives' ({drawn['gc_distance']})"
                    sentences.append(f"{name}: {distance}; the pool has too little of it.")
    return sentences


def _shown(settings: BuildSettings, path: Path) -> str:
    root = settings.ibis_root
    inside = root is not None and path.is_relative_to(root)
    return path.relative_to(root).as_posix() if inside and root else path.name
