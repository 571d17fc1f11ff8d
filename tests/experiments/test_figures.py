import sys

import numpy as np
import pytest
from PIL import Image

from dann_tfbs.experiments.figures import (
    MOST_POINTS,
    PALETTE,
    loss_curves,
    pr_curve,
    roc_curve,
    save_figure,
)

LABELS = [1, 0, 4, 0, 0]
SCORES = {"model": [0.9, 0.8, 0.7, 0.1, 0.1]}


def drawn(figure, line: int, panel: int = 0) -> list[tuple[float, float]]:
    x, y = figure.axes[panel].lines[line].get_data()
    return [(round(float(a), 9), round(float(b), 9)) for a, b in zip(x, y, strict=True)]


def legend(figure, panel: int = 0) -> list[str]:
    return [text.get_text() for text in figure.axes[panel].get_legend().get_texts()]


def test_precision_and_recall_of_five_sequences():
    figure = pr_curve(SCORES, LABELS)
    third = round(2 / 3, 9)
    # the two lowest scores are tied and are one step
    assert drawn(figure, 0) == [(0.5, 1), (0.5, 0.5), (1, third), (1, 0.4)]
    assert legend(figure)[1] == "prevalence (0.400)"
    assert drawn(figure, 1) == [(0, 0.4), (1, 0.4)]
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("Recall", "Precision")


def test_rates_of_five_sequences():
    figure = roc_curve(SCORES, LABELS)
    third = round(1 / 3, 9)
    assert drawn(figure, 0) == [(0, 0), (0, 0.5), (third, 0.5), (third, 1), (1, 1)]
    # of the 2 × 3 pairs, (0.9, *) are all right and (0.7, *) but one
    assert legend(figure) == ["model (AUROC 0.833)", "chance (0.500)"]


def test_constant_scores_lie_on_the_diagonal():
    assert drawn(roc_curve({"model": np.zeros(5)}, LABELS), 0) == [(0, 0), (1, 1)]
    assert drawn(pr_curve({"model": np.zeros(5)}, LABELS), 0) == [(1, 0.4)]


def test_a_long_curve_is_thinned_and_keeps_its_ends(rng):
    labels = rng.random(50_000) < 0.1
    figure = roc_curve({"model": rng.random(50_000)}, labels)
    points = drawn(figure, 0)
    assert len(points) == MOST_POINTS
    assert (points[0], points[-1]) == ((0, 0), (1, 1))


def test_more_models_than_colours_differ_by_their_line_style():
    names = [f"m{i}" for i in range(len(PALETTE) + 1)]
    figure = roc_curve(dict.fromkeys(names, SCORES["model"]), LABELS)
    styles = [(line.get_color(), line.get_linestyle()) for line in figure.axes[0].lines[:-1]]
    assert len(set(styles)) == len(names)


def records(*losses: float) -> list[dict[str, float]]:
    return [{"epoch": epoch, "train_loss": loss} for epoch, loss in enumerate(losses, 1)]


def test_losses_of_one_model():
    figure = loss_curves([records(0.7, 0.5)])
    assert len(figure.axes) == 1
    assert drawn(figure, 0) == [(1, 0.7), (2, 0.5)]
    assert legend(figure) == ["training"]


def test_losses_of_several_models_have_their_median():
    figure = loss_curves([records(0.7, 0.5), records(0.6, 0.1), records(0.1, 0.2)])
    assert drawn(figure, -1) == [(1, 0.6), (2, 0.2)]
    assert legend(figure) == ["training, median of 3 seeds"]


def test_validation_areas_have_a_panel_of_their_own():
    history = [[{"epoch": 1, "train_loss": 0.7, "validation_auroc": 0.8, "learning_rate": 0.1}]]
    figure = loss_curves(history)
    assert drawn(figure, 0, panel=1) == [(1, 0.8)]
    assert (legend(figure, 0), legend(figure, 1)) == (["training"], ["AUROC"])


@pytest.mark.parametrize("draw", [pr_curve, roc_curve])
def test_a_saved_figure_is_a_picture_with_something_on_it(tmp_path, draw):
    for name in ("a.png", "b.png"):
        save_figure(draw(SCORES, LABELS), tmp_path / name)
    with Image.open(tmp_path / "a.png") as picture:
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 24)}
    assert (0x00, 0x72, 0xB2) in colours
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_drawing_leaves_pyplot_alone():
    loss_curves([records(0.7, 0.5)])
    assert (
        "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()
    )
