"""HT-SELEX, SMiLE-seq and microarrays of a package: training files and test sets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.data.gc_match import match_gc
from dann_tfbs.data.pbm_labels import positives
from dann_tfbs.simulation import probes, reads, writers
from dann_tfbs.simulation.binding import BindingModel
from dann_tfbs.simulation.settings import SimulationSettings
from dann_tfbs.streams import stream
from dann_tfbs.testsets.labelled import Labelled, as_negatives, first_of_each, join, labelled
from dann_tfbs.testsets.official import TestSet
from dann_tfbs.testsets.probes import Array, probe_parts, probe_rows

TRAIN_DESIGN = "ME"
TEST_DESIGN = "HK"

_TEST_REPLICATES = (1, 2)
_HTS_RATIO = 2
_SMS_RATIO = 5
_PBM_RATIO = 10
_INPUT_POOL = 2
_FLAGGED_SHARE = 0.01
_CONTROL_SHARE = 0.02


def write_hts(out: Path, factors: Sequence[BindingModel], settings: SimulationSettings) -> None:
    """Write HT-SELEX: cycles 1–4 of replicate 0 and their input; a test set of two replicates.

    Test positives are half as many as the reads of a file, balanced over cycles and replicates, 1
    and 2, which are libraries of their own. Their label is the cycle. Backgrounds, two per
    positive, GC-matched: `input` (cycle 0 of the same libraries) and `aliens` (the other TFs').
    """
    flanks = f"lf5{reads.LEFT_FLANK}_rf3{reads.RIGHT_FLANK}"
    n = settings.reads // (2 * len(_TEST_REPLICATES) * len(reads.CYCLES))
    selected, unselected = {}, {}
    for factor in factors:
        tf = factor.name
        rng = stream(settings.seed, "HTS", tf)
        library = reads.make_library(rng)
        rounds = reads.hts_cycles(library, factor, settings.reads, settings, rng)
        for cycle, codes in zip(reads.CYCLES, rounds, strict=True):
            name = f"{tf}_R0_C{cycle}_{flanks}.fastq.gz"
            writers.write_fastq(out / "train" / "HTS" / tf / name, codes)
        name = f"{tf}_R0_C0_{flanks}.fastq.gz"
        codes = reads.input_reads(library, settings.reads, rng)
        writers.write_fastq(out / "input" / "HTS" / name, codes)

        rng = stream(settings.seed, "HTS", tf, "test")
        selected[tf], unselected[tf] = _test_rounds(factor, n, len(factors) > 1, settings, rng)
    _write_read_test("HTS", out, selected, unselected, _HTS_RATIO, settings)


def _test_rounds(
    factor: BindingModel,
    n: int,
    with_aliens: bool,
    settings: SimulationSettings,
    rng: np.random.Generator,
) -> tuple[list[Labelled], Labelled]:
    """Return (positives, spare reads to be aliens) and input reads of the test replicates.

    Every cycle is selected from a pool of its own: a read seen in two files is no test read.
    """
    each = n * (1 + _HTS_RATIO) if with_aliens else n
    shown, spare, unselected = [], [], []
    for replicate in _TEST_REPLICATES:
        library = reads.make_library(rng)
        for cycle in reads.CYCLES:
            codes = reads.hts_cycles(library, factor, each, settings, rng, cycles=[cycle])[0]
            shown.append(labelled(codes[:n], cycle, group=f"R{replicate}"))
            spare.append(labelled(codes[n:], 0))
            codes = reads.input_reads(library, _INPUT_POOL * _HTS_RATIO * n, rng)
            unselected.append(labelled(codes, 0))
    return [join(shown), join(spare)], join(unselected)


def write_sms(out: Path, factors: Sequence[BindingModel], settings: SimulationSettings) -> None:
    """Write SMiLE-seq: a file of bound reads per TF, one input library, and a test set.

    Test positives are a quarter as many as the reads of a file. Backgrounds, five per positive,
    GC-matched: `input` and `aliens`.
    """
    rng = stream(settings.seed, "SMS", "input")
    library = reads.make_library(rng)
    codes = reads.input_reads(library, settings.reads, rng)
    writers.write_fastq(out / "input" / "SMS" / "input_40N.fastq.gz", codes)
    n = settings.reads // 4
    supply = n * (1 + _SMS_RATIO) if len(factors) > 1 else n
    selected, unselected = {}, {}
    for factor in factors:
        rng = stream(settings.seed, "SMS", factor.name)
        bound = reads.biased(library, settings.sms_composition, rng)
        codes = reads.sms_reads(bound, factor, settings.reads, settings, rng)
        name = f"SIM380-{factor.name}-DBD.fastq.gz"
        writers.write_fastq(out / "train" / "SMS" / factor.name / name, codes)
        codes = reads.sms_reads(bound, factor, supply, settings, rng)
        selected[factor.name] = [labelled(codes[:n], 1), labelled(codes[n:], 0)]
        codes = reads.input_reads(library, _INPUT_POOL * _SMS_RATIO * n, rng)
        unselected[factor.name] = labelled(codes, 0)
    _write_read_test("SMS", out, selected, unselected, _SMS_RATIO, settings)


def _write_read_test(
    assay: str,
    out: Path,
    selected: dict[str, list[Labelled]],
    unselected: dict[str, Labelled],
    ratio: int,
    settings: SimulationSettings,
) -> None:
    """Write the test set of a read assay from each TF's (positives, spare) and input reads."""
    test = TestSet(assay)
    for tf, (own, _) in selected.items():
        rng = stream(settings.seed, assay, tf, "backgrounds")
        shown = first_of_each(own)
        parts = {}
        pool = first_of_each(unselected[tf], own.sequences)
        parts["input"] = _gc_matched(pool, shown, ratio * len(shown), rng)
        others = [as_negatives(join(parts)) for name, parts in selected.items() if name != tf]
        if others:
            pool = first_of_each(join(others), own.sequences)
            parts["aliens"] = _gc_matched(pool, shown, ratio * len(shown), rng)
        test.add(tf, shown, parts)
    test.write(out, stream(settings.seed, assay, "tags"))


def _gc_matched(pool: Labelled, shown: Labelled, n: int, rng: np.random.Generator) -> Labelled:
    """Draw up to `n` of a pool as negatives whose GC content follows that of the positives."""
    gc, wanted = sequence.gc_content(pool.sequences), sequence.gc_content(shown.sequences)
    return pool.take(match_gc(gc, wanted, min(n, len(pool)), rng))


def write_pbm(out: Path, factors: Sequence[BindingModel], settings: SimulationSettings) -> None:
    """Write microarrays: design ME to train on, design HK as the test set.

    Each TF has a table `SD_*.tsv` (detrended signal) and `QNZS_*.tsv` (quantile-normalised
    z-scores of all TFs' arrays). One spot in a hundred is flagged, with a spoilt signal, and two
    per cent more are controls. The test set has neither; its positives are z ≥ 4 (`QNZS`) and the
    SD rule of IBIS (`SD`), its negatives ten per positive, GC-matched, positive by neither rule.
    """
    _write_arrays(out, factors, settings)
    _write_array_test(out, factors, settings)


def _signals(
    design: probes.Design, factors: Sequence[BindingModel], settings: SimulationSettings
) -> NDArray[np.float64]:
    """Return the intensity of each probe on each TF's array, shape (TFs, probes)."""
    return np.stack(
        [
            probes.signals(
                design, factor, settings, stream(settings.seed, "PBM", design.name, factor.name)
            )
            for factor in factors
        ]
    )


def _design(name: str, settings: SimulationSettings) -> probes.Design:
    return probes.make_design(name, settings.probes, stream(settings.seed, "PBM", name, "design"))


def _write_arrays(out: Path, factors: Sequence[BindingModel], settings: SimulationSettings) -> None:
    """Write the training tables, controls and flagged spots among them."""
    design = _design(TRAIN_DESIGN, settings)
    rng = stream(settings.seed, "PBM", "spots")
    n_control = round(_CONTROL_SHARE * len(design.probes))
    codes = np.concatenate(
        [design.probes, rng.integers(0, 4, (n_control, probes.PROBE), dtype=np.uint8)]
    )
    control = np.arange(len(codes)) >= len(design.probes)
    names = np.array(
        [*_probe_names(design), *(f"control_{i + 1}" for i in range(n_control))], dtype=object
    )
    detrended = _signals(probes.Design(design.name, codes), factors, settings)
    flagged = rng.random(detrended.shape) < _FLAGGED_SHARE
    detrended[flagged] *= np.exp(2 * rng.standard_normal(int(flagged.sum())))
    z = probes.quantile_z_scores(detrended)
    order = rng.permutation(len(codes))
    for number, factor in enumerate(factors):
        for prefix, signal in (("SD", detrended[number]), ("QNZS", z[number])):
            writers.write_pbm(
                out / "train" / "PBM" / factor.name / f"{prefix}_SIM{number + 1:03d}.tsv",
                names[order].tolist(),
                codes[order],
                probes.LINKER,
                signal[order],
                np.full(len(order), settings.pbm_background * 1000),
                control[order],
                flagged[number, order],
            )


def _write_array_test(
    out: Path, factors: Sequence[BindingModel], settings: SimulationSettings
) -> None:
    """Write the probes of the test design as FASTA, and each TF's answers."""
    design = _design(TEST_DESIGN, settings)
    n = len(design.probes)
    names = np.array(_probe_names(design), dtype=object)
    places = [divmod(spot, writers.SPOTS_PER_ROW) for spot in range(n)]
    spots = np.array(
        [
            f"id_spot={spot + 1};row={row + 1};col={column + 1}"
            for spot, (row, column) in enumerate(places)
        ],
        dtype=object,
    )
    linkers = sequence.encode([probes.LINKER] * n)
    detrended = _signals(design, factors, settings)
    z = probes.quantile_z_scores(detrended)

    def array(tf: str, rule: str, signal: NDArray[np.float64]) -> Array:
        bound = positives(signal, rule)
        codes = sequence.from_codes(design.probes)
        measured = np.ones(n, dtype=bool)
        return Array(tf, rule, names, codes, linkers, spots, bound, measured)

    arrays = {
        factor.name: [
            array(factor.name, "QNZS", z[number]),
            array(factor.name, "SD", detrended[number]),
        ]
        for number, factor in enumerate(factors)
    }
    rows = probe_rows(arrays[factors[0].name])
    test = TestSet("PBM", named=True)
    test.parts["all rows"] = rows
    for tf, own in arrays.items():
        rng = stream(settings.seed, "PBM", tf, "backgrounds")
        parts, _ = probe_parts(own, rows, _PBM_RATIO, rng)
        for rule, part in parts.items():
            test.parts[tf, rule] = part
            test.datasets[tf, rule] = ((tf, rule),)
    test.write(out, stream(settings.seed, "PBM", "tags"))


def _probe_names(design: probes.Design) -> list[str]:
    return [f"{design.name}{number + 1:05d}" for number in range(len(design.probes))]
