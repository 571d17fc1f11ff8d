import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dann_tfbs import sequence
from dann_tfbs.simulation.binding import BindingModel
from dann_tfbs.simulation.probes import (
    Design,
    de_bruijn,
    make_design,
    quantile_z_scores,
    signals,
)
from dann_tfbs.simulation.settings import SCALES, SimulationSettings


@given(st.integers(2, 5), st.integers(0, 1000))
def test_de_bruijn_holds_every_word_once(order, seed):
    circle = de_bruijn(order, np.random.default_rng(seed))
    wrapped = np.concatenate([circle, circle[: order - 1]])
    words = np.lib.stride_tricks.sliding_window_view(wrapped, order)
    assert len(circle) == 4**order
    assert len(np.unique(words, axis=0)) == 4**order


def test_probes_lose_no_word_at_their_cuts():
    # 65,536 8-mers fill 2340 probes of 28 words and 16 places of one more.
    design = make_design("ME", 2341, np.random.default_rng(0))
    words = np.lib.stride_tricks.sliding_window_view(design.probes, 8, axis=1).reshape(-1, 8)
    assert len(np.unique(words, axis=0)) == 65_536
    assert len(words) == 2341 * 28


def test_the_largest_array_has_a_design():
    largest = SCALES["full"]["probes"]
    design = make_design("ME", largest, np.random.default_rng(0))
    assert len(np.unique(design.probes, axis=0)) == largest == 40_330


def test_a_site_counts_less_near_the_glass():
    site = "TGTTTACATAA"
    fill = "CGCGCGCGCGCG"
    probes = [site + 2 * fill, 2 * fill + site, 35 * "A"]
    design = Design("ME", sequence.encode(probes * 400).codes)
    frequencies = np.full((len(site), 4), 0.02)
    frequencies[np.arange(len(site)), sequence.encode([site]).codes[0]] = 0.94
    quiet = SimulationSettings(pbm_noise=0, pbm_background=1e-9, pbm_concentration=0.01)
    found = signals(design, BindingModel("X", frequencies), quiet, np.random.default_rng(0))
    # Far from saturation the signal above the floor of 1500·exp(.25·g) goes with the height of
    # the site, .5 + .5 · start / 49: starts 25 and 49. Both kinds of probe have GC g = 1/√2.
    floor = 1500 * np.exp(0.25 / np.sqrt(2))
    near, far = found[0] - floor, found[1] - floor
    assert near / far == pytest.approx((0.5 + 0.5 * 25 / 49) / 1.0, rel=0.03)


def test_arrays_get_the_mean_profile_as_z_scores():
    # Sorted rows 1 2 9 and 3 4 5 have the mean profile 2 3 7: mean 4, sd sqrt(14 / 3).
    found = quantile_z_scores(np.array([[9.0, 1, 2], [3, 5, 4]]))
    sd = np.sqrt(14 / 3)
    np.testing.assert_allclose(found, [[3 / sd, -2 / sd, -1 / sd], [-2 / sd, 3 / sd, -1 / sd]])
    assert found.mean() == pytest.approx(0)
