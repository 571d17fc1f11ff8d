import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from dann_tfbs.assays import ASSAYS
from dann_tfbs.evaluation.separability import Pair, Separability
from dann_tfbs.experiments.embedding_figures import (
    LABELS,
    MOST_POINTS,
    View,
    colour_of,
    embedding_picture,
    main_axes,
    separability_bars,
)
from dann_tfbs.experiments.figures import PALETTE, save_figure


@pytest.fixture
def view(rng):
    features = {"CHS": rng.normal(size=(30, 5)), "HTS": rng.normal(size=(20, 5)) + 2}
    labels = {"CHS": np.arange(30) % 2, "HTS": np.full(20, -1)}
    return View("before", features, labels)


def legend(axes):
    handles, names = axes.get_legend_handles_labels()
    return {
        name: to_hex(handle.get_facecolor()[0]).upper()
        for name, handle in zip(names, handles, strict=True)
    }


def points(axes):
    """Return the points of a panel with the colour of each, without the legend's."""
    found = {}
    for drawn in axes.collections:
        places = np.asarray(drawn.get_offsets())
        colours = [to_hex(colour).upper() for colour in drawn.get_facecolors()]
        for index, place in enumerate(map(tuple, places)):
            found[place] = colours[index % len(colours)]
    return found


def test_every_sequence_is_drawn_by_assay_and_by_label(view, rng):
    figure = embedding_picture([view], rng)
    left, right = figure.axes
    assert legend(left) == {"CHS": colour_of(["CHS"])["CHS"], "HTS": colour_of(["HTS"])["HTS"]}
    assert list(legend(right)) == ["bound", "unbound", "unlabelled"]
    projected, shares = main_axes(view.features)
    by_assay, by_label = points(left), points(right)
    assert len(by_assay) == len(by_label) == 50
    for name, places in projected.items():
        for place, label in zip(places, view.labels[name], strict=True):
            assert by_assay[tuple(place)] == legend(left)[name]
            assert by_label[tuple(place)] == legend(right)[LABELS[label][0]]
    assert left.get_xlabel() == f"First component ({shares[0]:.1%} of variance)"
    assert left.get_xlim() == right.get_xlim()
    assert left.get_ylim() == right.get_ylim()


def test_a_row_for_each_embedding_with_axes_of_its_own(view, rng):
    after = View("after", {k: v * [1, 5, 1, 1, 1] for k, v in view.features.items()}, view.labels)
    figure = embedding_picture([view, after], rng)
    assert len(figure.axes) == 4
    assert [panel.texts[0].get_text() for panel in figure.axes[::2]] == ["before", "after"]


def test_a_large_domain_is_thinned(rng):
    n = MOST_POINTS + 500
    view = View("", {"CHS": rng.normal(size=(n, 3))}, {"CHS": np.zeros(n)})
    assert len(points(embedding_picture([view], rng).axes[0])) == MOST_POINTS


def test_the_first_axis_is_where_the_domains_differ(rng):
    features = {"a": rng.normal(size=(200, 4)), "b": rng.normal(size=(200, 4))}
    features["b"][:, :3] += 5  # three columns move together
    projected, shares = main_axes(features)
    gap = np.abs(projected["a"].mean(axis=0) - projected["b"].mean(axis=0))
    assert gap[0] > 2 > 0.5 > gap[1]
    assert 1 > shares[0] > shares[1] > 0
    turned = main_axes({name: -values for name, values in features.items()})[0]
    np.testing.assert_allclose(np.abs(turned["a"]), np.abs(projected["a"]), atol=1e-9)


def test_embeddings_of_one_channel_and_of_none_that_varies():
    projected, shares = main_axes({"a": np.array([[1.0]]), "b": np.array([[3.0]])})
    assert np.vstack([projected["a"], projected["b"]]).tolist() == [[-1, 0], [1, 0]]
    assert shares.tolist() == [1, 0]
    assert main_axes({"a": np.ones((3, 2))})[1].tolist() == [0, 0]


def test_an_assay_keeps_its_colour_and_no_two_share_one():
    assert colour_of(["PBM"])["PBM"] == colour_of(["CHS", "PBM"])["PBM"]
    names = [*ASSAYS, "HTS unlabelled", "PBM unlabelled"]
    assert set(colour_of(names).values()) == set(PALETTE)
    assert len({*colour_of(["CHS", "PBM", "x", "y", "z"]).values()}) == 5


def test_bars_begin_at_chance():
    found = {
        "GC": Separability(0.6, 1 / 2, (Pair("CHS", "HTS", 0.6, 0.7),)),
        "run": Separability(0.4, 1 / 2, (Pair("CHS", "HTS", 0.4, 0.4),)),
    }
    axes = separability_bars(found, ["run"]).axes[0]
    gc, run = (bar[0] for bar in axes.containers)
    assert (gc.get_y(), gc.get_height()) == (0.5, pytest.approx(0.1))
    assert (run.get_y(), run.get_height()) == (0.5, pytest.approx(-0.1))
    assert to_hex(run.get_facecolor()).upper() == PALETTE[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["CHS –\nHTS"]
    assert axes.get_ylim()[0] < 0.4


def test_saved_figures_are_pictures_and_repeat(tmp_path, view):
    pair = (Pair("CHS", "HTS", 0.9, 0.95),)
    for name in ("a", "b"):
        picture = embedding_picture([view], np.random.default_rng(0))
        save_figure(picture, tmp_path / f"embedding-{name}.png")
        bars = separability_bars({"run": Separability(0.9, 0.5, pair)}, ["run"])
        save_figure(bars, tmp_path / f"bars-{name}.png")
    for kind in ("embedding", "bars"):
        first, second = (tmp_path / f"{kind}-{name}.png" for name in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()
        with Image.open(first) as image:
            colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 24)}
        assert (0x00, 0x72, 0xB2) in colours
