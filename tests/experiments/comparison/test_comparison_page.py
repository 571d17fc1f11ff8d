"""The report: what it shows, that it stands alone, and that nothing in a name becomes markup."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from made_outcomes import rich, shifted, study

from dann_tfbs.experiments.comparison.compared import compared
from dann_tfbs.experiments.comparison.heat import difference_heat, score_heat
from dann_tfbs.experiments.comparison.page import html
from dann_tfbs.experiments.comparison.strips import Dot, Scale, axis, scale_of, strip
from dann_tfbs.experiments.comparison.study import Failure
from dann_tfbs.experiments.comparison.svg import INK, inline, panel
from dann_tfbs.experiments.comparison.write import write_comparison

NAME = "a <b>bold</b> & $odd_name$ | one"
EFFECTS = {NAME: [0.01, 0.02, 0.03], "worse": [-0.01, -0.02, -0.03], "oracle's": [0.05, 0.05, 0.06]}


def made_study(**values):
    outcomes = [rich(one, i) for i, one in enumerate(shifted(EFFECTS))]
    outcomes = [
        one.model_copy(
            update={
                "oracle": one.variant == "oracle's",
                "parameters": 500_000 if one.variant == NAME else one.parameters,
                "settings": one.settings | {"note": f"<i>{one.variant}</i>"},
            }
        )
        for one in outcomes
    ]
    failure = Failure(variant="lost", task="A", error="E: <x>", traceback="line 1\n<script>x")
    return study(outcomes, failures=(failure,), **values)


@pytest.fixture(scope="module")
def page() -> str:
    return html([compared(made_study())])


def test_everything_that_there_is_to_show_is_shown(page: str):
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert titles == [
        "Against the reference", "By task", "Ranks", "Precision–recall and ROC", "Training",
        "Embedding", "Size of the network", "Settings that differ", "Failed runs",
        "Where this comes from",
    ]  # fmt: skip
    assert "1 is higher" in page or "are higher" in page
    # Curves 2, training 4, embeddings 4 variants × 2, size 1.
    assert page.count("<figure") == 2 + 4 + 8 + 1
    assert "12 outcomes of 24 trainings; 0.3 hours" in page
    assert "E: &lt;x&gt;" in page


def test_what_is_missing_takes_its_section_along():
    bare = html([compared(study(shifted({"new": [0.01, 0.02, 0.03]})))])
    titles = re.findall(r"<h2>(.*?)</h2>", bare)
    assert titles == ["Against the reference", "By task", "Ranks", "Where this comes from"]
    assert "<figure" not in bare


def test_names_and_settings_never_become_markup(page: str):
    for mark in ("<b>bold", "<i>", "<script>x"):
        assert mark not in page
    assert "a &lt;b&gt;bold&lt;/b&gt; &amp; $odd_name$ | one" in page


def test_an_oracle_is_labelled_wherever_it_stands(page: str):
    shown = page.replace("runs/oracle&#39;s", "")
    settings = shown.count("&lt;i&gt;oracle&#39;s&lt;/i&gt;")
    note = shown.count("no honest result: oracle&#39;s")
    assert note == 1
    labelled = shown.count("oracle&#39;s (oracle)")
    assert shown.count("oracle&#39;s") == labelled + settings + note
    assert labelled > 8


def test_the_page_asks_for_nothing_from_elsewhere(page: str):
    assert not re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', page)
    assert "@import" not in page
    assert not re.findall(r"url\((?!#)", page)


def test_names_inside_figures_do_not_clash(page: str):
    names = re.findall(r'\bid="([^"]*)"', page)
    assert len(names) == len(set(names))
    used = re.findall(r'(?:<use href="#|url\(#)([^")]*)', page)
    assert used
    assert set(used) <= set(names)


def test_a_figure_takes_the_ink_of_the_page_and_keeps_its_numbers():
    figure, axes = panel()
    axes.plot([0, 1], [0.875, 0.925], color=INK)
    axes.set_yticks([0.875, 0.925])
    svg = inline(figure, "one", 'a "title" & more')
    root = ElementTree.fromstring(svg)
    assert root.get("aria-label") == 'a "title" & more'
    assert ">0.875</text>" in svg
    assert INK not in svg
    assert "currentColor" in svg
    assert inline(figure, "two", "") != inline(figure, "one", "")


def test_a_strip_shows_units_interval_and_zero():
    scale = scale_of([-0.02, 0.06, float("nan")])
    assert scale.low < -0.02 < 0.06 < scale.high
    svg = strip(scale, [Dot(0.01, "A <x>"), Dot(0.01, "B"), Dot(float("nan"), "C")], 0.02,
                (0.0, 0.04), kind="up", zero=True)  # fmt: skip
    root = ElementTree.fromstring(svg)
    dots = root.findall("circle")
    assert [dot.find("title").text for dot in dots] == ["A <x>", "B"]
    assert dots[0].get("cx") == dots[1].get("cx")
    assert dots[0].get("cy") != dots[1].get("cy")  # none hides another
    bar = root.find("line[@class='bar up']")
    assert float(bar.get("x1")) == scale.place(0.0) == float(root.find("line").get("x1"))
    assert ">+0.02</text>" in axis(scale, signed=True)


def test_ranks_run_from_left_to_right():
    scale = Scale(0.6, 3.4)
    assert scale.place(1) < scale.place(2) < scale.place(3)
    ticks = re.findall(r">(\d+)</text>", axis(scale, whole=True))
    assert ticks == ["1", "2", "3"]


def test_heat_maps_are_coloured_by_sign_and_from_worst_to_best():
    found = compared(study(shifted({"up": [0.01, 0.02, 0.03], "down": [-0.03] * 3})))
    differences = difference_heat(found, found.main)
    (_, _, up), (_, _, down) = differences.rows
    assert [cell.text for cell in up] == ["+.010", "+.020", "+.030"]
    assert all("0 114 178" in cell.colour for cell in up)
    assert all("213 94 0" in cell.colour for cell in down)
    assert up[2].colour.endswith("/ 0.75)")
    scores = score_heat(found, found.main)
    assert [name for name, _, _ in scores.rows] == ["plain", "up", "down"]
    assert scores.rows[1][2][0].text == ".720 ±.014"
    assert scores.rows[1][2][0].colour.endswith("/ 0.75)")
    assert scores.rows[2][2][0].colour.endswith("/ 0.05)")


def test_a_missing_score_is_a_dash_without_colour():
    made = shifted({"up": [0.01, 0.02, 0.03]})[:-1]
    found = compared(study(made))
    cell = score_heat(found, found.main).rows[1][2][2]
    assert (cell.text, cell.colour) == ("–", "")


def test_several_studies_make_one_page_with_links_to_each(tmp_path: Path):
    made = [rich(one).model_copy(update={"embedding": None}) for one in shifted({"new": [0.1]})]
    two = [compared(study(made, name=name)) for name in ("first", "second <2>")]
    write_comparison(tmp_path, two)
    page = (tmp_path / "report.html").read_text()
    assert '<a href="#s0">first</a><a href="#s1">second &lt;2&gt;</a>' in page
    assert page.count("<h1>") == 2
    names = re.findall(r'\bid="([^"]*)"', page)
    assert len(names) == len(set(names))
    document = (tmp_path / "comparison.md").read_text()
    assert document.count("# first\n") == 1
    assert "second &lt;2>" in document
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "comparison.csv", "comparison.md", "differences.csv", "report.html",
    ]  # fmt: skip


def test_equal_studies_give_equal_bytes():
    first, again = (
        html([compared(study([rich(one) for one in shifted({"new": [0.1]})]))]) for _ in range(2)
    )
    assert "data:image/png" in first
    assert first == again
