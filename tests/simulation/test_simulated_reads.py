import numpy as np
import pytest

from dann_tfbs import sequence
from dann_tfbs.simulation import reads
from dann_tfbs.simulation.binding import BindingModel
from dann_tfbs.simulation.settings import SimulationSettings

CORE = "TGACGTCA"
FREQUENCIES = np.full((8, 4), 0.02)
FREQUENCIES[np.arange(8), sequence.encode([CORE]).codes[0]] = 0.94
MODEL = BindingModel("X", FREQUENCIES)


def core_share(codes):
    return np.mean([CORE in text for text in sequence.decode(sequence.from_codes(codes))])


def cycles(**changes):
    rng = np.random.default_rng(0)
    return reads.hts_cycles(reads.make_library(rng), MODEL, 300, SimulationSettings(**changes), rng)


def test_cycles_enrich_the_planted_site():
    shares = [core_share(codes) for codes in cycles()]
    assert shares == sorted(shares)
    assert shares[0] > 0.1
    assert shares[3] > 0.6


def test_without_stringency_nothing_is_enriched():
    assert max(core_share(codes) for codes in cycles(hts_carry_over=1e6)) < 0.06


def test_drift_alone_changes_composition_with_the_cycle():
    settings = {"hts_carry_over": 1e6, "hts_drift": 1.0}
    counts = [np.bincount(codes.ravel(), minlength=4) / codes.size for codes in cycles(**settings)]
    far, near = np.abs(counts[3] - 0.25).sum(), np.abs(counts[0] - 0.25).sum()
    assert far > 1.5 * near


def test_a_cycle_holds_each_molecule_once():
    for codes in cycles():
        assert len(np.unique(codes, axis=0)) == len(codes) == 300


def test_noise_share_of_smile_seq_reads_is_unselected():
    rng = np.random.default_rng(1)
    library = reads.make_library(rng)
    share = {
        noise: core_share(
            reads.sms_reads(library, MODEL, 400, SimulationSettings(sms_noise=noise), rng)
        )
        for noise in (0.0, 0.5)
    }
    assert share[0.5] == pytest.approx(share[0.0] / 2, abs=0.08)


def test_flanks_are_those_beside_the_insert():
    insert = sequence.encode(["ACGT"]).codes
    text = sequence.decode(sequence.from_codes(reads.with_flanks(insert, 3)))
    assert text == [reads.LEFT_FLANK[-3:] + "ACGT" + reads.RIGHT_FLANK[:3]]
