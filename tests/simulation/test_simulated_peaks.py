import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dann_tfbs.errors import InputError
from dann_tfbs.simulation.factors import choose_factors
from dann_tfbs.simulation.package import make_genome
from dann_tfbs.simulation.peaks import _best_apart, chs_peaks, ghts_peaks, near, windows
from dann_tfbs.simulation.settings import SimulationSettings

SETTINGS = SimulationSettings(peaks=150, tfs=("CEBPB",))


@pytest.fixture(scope="module")
def world():
    pairs = choose_factors(SETTINGS)
    return make_genome(pairs, SETTINGS), *pairs[0]


def peaks_of(world, **changes):
    genome, factor, partner = world
    settings = SETTINGS.model_copy(update=changes)
    return chs_peaks(genome, factor, partner, 300, settings, np.random.default_rng(0))


def gc(codes):
    return ((codes == 1) | (codes == 2)).mean()


def test_summits_stand_on_sites_with_the_stated_jitter(world):
    genome, factor, _ = world
    peaks = peaks_of(world, indirect_share=0.0, summit_jitter=0.0)
    middle = windows(genome, peaks)[:, 140:161]
    assert (factor.affinities(middle).max(axis=1) >= 0.1).all()
    blurred = windows(genome, peaks_of(world, indirect_share=0.0))[:, 140:161]
    assert 0.1 < (factor.affinities(blurred).max(axis=1) >= 0.1).mean() < 0.8


def test_indirect_peaks_lack_the_site_and_have_the_co_factor(world):
    genome, factor, partner = world
    codes = windows(genome, peaks_of(world, indirect_share=0.8, chs_gc_bias=0.0))[:, 75:226]
    direct = windows(genome, peaks_of(world, indirect_share=0.0, chs_gc_bias=0.0))[:, 75:226]
    assert np.median(factor.occupancy(codes)) < 0.3 * np.median(factor.occupancy(direct))
    assert np.median(partner.occupancy(codes)) > 2 * np.median(partner.occupancy(direct))


def test_co_factors_raise_binding_in_chs_only(world):
    genome, _, partner = world
    with_boost = windows(genome, peaks_of(world, cofactor_boost=50.0, indirect_share=0.0))
    without = windows(genome, peaks_of(world, cofactor_boost=0.0, indirect_share=0.0))
    assert partner.occupancy(with_boost).mean() > 1.2 * partner.occupancy(without).mean()


def test_fragment_bias_shifts_the_composition(world):
    genome, factor, _ = world
    low, high = (
        gc(
            windows(
                genome,
                ghts_peaks(
                    genome,
                    factor,
                    300,
                    SETTINGS.model_copy(update={"ghts_gc_bias": bias}),
                    np.random.default_rng(1),
                ),
            )
        )
        for bias in (-15.0, 15.0)
    )
    assert low < high - 0.05


def test_windows_hold_no_gap_and_do_not_overlap(world):
    genome, *_ = world
    peaks = peaks_of(world)
    assert len(peaks) == 300
    assert windows(genome, peaks).max() < 4
    for chrom in np.unique(peaks.chrom):
        assert np.diff(peaks.summit[peaks.chrom == chrom]).min() >= 100


def test_too_few_places_is_an_error(world):
    genome, factor, partner = world
    with pytest.raises(InputError, match=r"holds \d+ places for 76500 peaks.*less specific"):
        chs_peaks(genome, factor, partner, 90_000, SETTINGS, np.random.default_rng(0))


@given(st.lists(st.integers(0, 2000), max_size=60), st.integers(0, 99))
def test_champions_are_apart(positions, seed):
    where = np.array(positions, dtype=np.int64)
    score = np.random.default_rng(seed).random(len(where))
    best = _best_apart(where, score, 100)
    assert (np.diff(where[best]) >= 100).all()
    if len(where):
        assert score.argmax() in best


@given(
    st.lists(st.integers(0, 300), max_size=20),
    st.lists(st.integers(0, 300), max_size=20),
    st.integers(0, 50),
)
def test_near_is_any_pair_within_the_distance(query, reference, distance):
    found = near(np.array(query, dtype=np.int64), np.array(reference, dtype=np.int64), distance)
    assert found.tolist() == [any(abs(q - r) <= distance for r in reference) for q in query]
