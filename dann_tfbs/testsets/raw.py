"""What test sets are made of, out of raw files in the IBIS layout."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatch

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.data import intervals as iv
from dann_tfbs.data.genome import Genome
from dann_tfbs.data.intervals import Intervals
from dann_tfbs.data.load import load_source
from dann_tfbs.data.pbm_labels import positives as bound_spots
from dann_tfbs.data.readers.fastq import parse_fastq_name
from dann_tfbs.data.readers.opening import first_byte
from dann_tfbs.data.readers.pbm import preprocessing, read_pbm
from dann_tfbs.data.readers.peaks import peak_windows, read_peaks
from dann_tfbs.data.readers.table import read_table
from dann_tfbs.data.sources import SourceFile, stem
from dann_tfbs.errors import InputError
from dann_tfbs.testsets.genomic import TestPeaks, usable
from dann_tfbs.testsets.probes import Array
from dann_tfbs.testsets.reads import ReadFile
from dann_tfbs.testsets.settings import BuildSettings

_PLACE = ("id_spot", "row", "col")


def chosen(
    settings: BuildSettings, assay: str, sources: Sequence[SourceFile]
) -> dict[str, list[SourceFile]]:
    """Return the files that test, by TF: bound ones whose names fit the assay's pattern."""
    pattern = settings.files.get(assay, "*")  # type: ignore[call-overload]
    found: dict[str, list[SourceFile]] = {}
    of_assay = [s for s in sources if s.assay == assay and s.role == "positive"]
    for source in of_assay:
        if fnmatch(source.path.name, pattern):
            found.setdefault(source.tf, []).append(source)
    if of_assay and not found:
        raise InputError(
            f"no {assay} file has a name that fits '{pattern}'.",
            path=settings.ibis_root,
            key="files",
            remedy=f"There is {of_assay[0].path.name}, for one.",
        )
    return found


def raw_peaks(
    settings: BuildSettings,
    assay: str,
    sources: Sequence[SourceFile],
    genome: Genome,
    chroms: Sequence[str],
) -> tuple[dict[str, TestPeaks], list[SourceFile]]:
    """Read the peaks of each TF on the chromosomes that test.

    Of several files of a TF the one with most peaks there is shown; negatives keep clear of the
    peaks of all. Of peaks whose windows overlap, the one of the highest pileup is kept. A TF
    without peaks on these chromosomes is left out.

    Raises
    ------
    InputError
        If a file holds no peaks but sequences, or leaves the genome.
    """
    found: dict[str, TestPeaks] = {}
    used: list[SourceFile] = []
    for tf, files in chosen(settings, assay, sources).items():
        everything = [s for s in sources if s.assay == assay and s.tf == tf]
        own, shown = [], []
        for source in (s for s in everything if s.role == "positive"):
            windows, whole = _windows(source, settings.window, genome, chroms)
            own += [whole, windows]
            if source in files:
                shown.append(windows)
            used.append(source)
        best = max(shown, key=len)  # the first of equal ones
        rows, dropped = usable(genome, best, chroms)
        if len(rows):
            found[tf] = TestPeaks(best.take(rows), iv.concatenate(own), dropped)
    return found, used


def _windows(
    source: SourceFile, window: int, genome: Genome, chroms: Sequence[str]
) -> tuple[Intervals, Intervals]:
    """Return windows around summits, highest pileup first, and whole peaks."""
    if first_byte(source.path) == b">":
        raise InputError(
            "holds sequences, but test windows are drawn around peaks of a genome.",
            path=source.path,
            remedy="Give peaks (.peaks, BED or narrowPeak), or choose other assays with --assay.",
        )
    peaks = read_peaks(source.path)
    here = np.isin(peaks.intervals.chrom.astype(str), list(chroms))
    genome.check_names(set(peaks.intervals.chrom[here]))
    windows = peak_windows(peaks, window).take(here)
    order = np.argsort(-np.nan_to_num(peaks.score[here]), kind="stable")
    return windows.take(order), peaks.intervals.take(here)


def raw_reads(
    settings: BuildSettings, assay: str, sources: Sequence[SourceFile]
) -> tuple[list[ReadFile], dict[str, tuple[str, str]], list[SourceFile]]:
    """Read bound reads and unselected libraries; return them with the flanks of each TF.

    A TF whose files name different flanks has none: what is scanned must not differ in constant
    bases.
    """
    found, used = [], []
    flanks: dict[str, set[tuple[str, str]]] = {}
    files = [source for own in chosen(settings, assay, sources).values() for source in own]
    libraries = [s for s in sources if s.assay == assay and s.role == "input"]
    for source in [*files, *libraries]:
        found.append(ReadFile(source.tf, source.role == "input", load_source(source).records))
        used.append(source)
        if source.role == "positive":
            name = parse_fastq_name(source.path)
            flanks.setdefault(source.tf, set()).add((name.left_flank, name.right_flank))
    return found, {tf: own.pop() for tf, own in flanks.items() if len(own) == 1}, used


def raw_arrays(
    settings: BuildSettings, assay: str, sources: Sequence[SourceFile]
) -> tuple[list[Array], list[SourceFile]]:
    """Read every spot of the arrays that test, flagged and control spots too, as IBIS does."""
    arrays, used = [], []
    for tf, files in chosen(settings, assay, sources).items():
        rules = [preprocessing(source.path) or "SD" for source in files]
        for source, rule in zip(files, rules, strict=True):
            name = rule if rules.count(rule) == 1 else stem(source.path)
            arrays.append(_array(tf, name, rule, source))
            used.append(source)
    return arrays, used


def _array(tf: str, background: str, rule: str, source: SourceFile) -> Array:
    table = read_pbm(source.path)
    measured = np.isfinite(table.signal)
    bound = np.zeros(len(table), dtype=bool)
    bound[measured] = bound_spots(table.signal[measured], rule)
    names = table.id_probe
    if (names == "").any():
        raise InputError(
            "a probe has no name.",
            path=source.path,
            line=int(table.lines[int(np.argmax(names == ""))]),
            key="id_probe",
            remedy="Tags are the names of the probes: fill the column.",
        )
    return Array(
        tf,
        background,
        names,
        table.sequences,
        table.linkers,
        _spots(source, len(table)),
        bound,
        measured,
    )


def _spots(source: SourceFile, n: int) -> NDArray[np.object_]:
    table = read_table(source.path, header=True)
    columns = [name for name in _PLACE if name in table.header]
    cells = [table.columns[table.header.index(name)].to_pylist() for name in columns]
    texts = [
        ";".join(f"{name}={cell}" for name, cell in zip(columns, row, strict=True))
        for row in (zip(*cells, strict=True) if cells else [()] * n)
    ]
    return np.array(texts, dtype=object)
