"""Files of predictions: five digits, all or nothing, streamed."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dann_tfbs.errors import InputError, OutputError
from dann_tfbs.evaluation.predictions import read_predictions
from dann_tfbs.predictions import write_predictions


def test_tsv_has_five_digits(tmp_path):
    path = tmp_path / "p.tsv"
    chunks = [(["a", "b"], np.array([0, 1.0])), (["c"], np.array([0.123456], dtype=np.float32))]
    assert write_predictions(path, "MAX", chunks) == 3
    assert path.read_bytes() == b"tag\tMAX\na\t0.00000\nb\t1.00000\nc\t0.12346\n"


def test_csv_has_twelve_digits_and_any_range(tmp_path):
    path = tmp_path / "p.csv"
    write_predictions(path, "MAX", [(["a", "b"], np.array([-3.25, 1 / 3]))])
    assert path.read_text() == "tag,MAX\na,-3.25\nb,0.333333333333\n"


def test_several_columns_stand_in_their_order(tmp_path):
    path = tmp_path / "p.tsv"
    chunks = [(["a", "b"], np.array([[0, 1.0], [0.5, 0.25]])), (["c"], np.array([[1, 0.0]]))]
    assert write_predictions(path, ["MAX", "YY1"], chunks) == 3
    assert path.read_text().splitlines() == [
        "tag\tMAX\tYY1",
        "a\t0.00000\t1.00000",
        "b\t0.50000\t0.25000",
        "c\t1.00000\t0.00000",
    ]


# Half-way between two texts, exactly (odd multiples of 1/64) or as nearly as can be.
NEAR_TIES = st.builds(
    lambda step, off: float(np.clip((step + 0.5) / 1e5 + off * 2.0**-53, 0, 1)),
    st.integers(0, 99_999),
    st.integers(-4, 4),
)
IN_UNIT_INTERVAL = st.floats(0, 1) | NEAR_TIES | st.integers(0, 64).map(lambda n: n / 64)


@given(st.lists(st.tuples(IN_UNIT_INTERVAL, st.floats(0, 1, width=32)), min_size=1))
def test_five_decimals_are_rounded_as_python_rounds_them(tmp_path_factory, pairs):
    path = tmp_path_factory.getbasetemp() / "rounded.tsv"
    write_predictions(path, ["one", "two"], [([""] * len(pairs), np.array(pairs))])
    expected = [f"\t{one:.5f}\t{two:.5f}" for one, two in np.abs(pairs)]
    assert path.read_text().splitlines()[1:] == expected


@given(tags=st.lists(st.text('ab"\t,\n ;é'), min_size=1))
@pytest.mark.parametrize("ending", ["tsv", "csv"])
def test_the_csv_module_writes_the_same(tmp_path_factory, tags, ending):
    path = tmp_path_factory.getbasetemp() / f"quoted.{ending}"
    scores = np.linspace(0, 1, len(tags))
    write_predictions(path, "a,b\tc", [(tags, scores)])
    expected = io.StringIO()
    separator, digits = ("\t", ".5f") if ending == "tsv" else (",", ".12g")
    rows = csv.writer(expected, delimiter=separator, lineterminator="\n")
    rows.writerow(["tag", "a,b\tc"])
    rows.writerows((tag, format(score, digits)) for tag, score in zip(tags, scores, strict=True))
    assert path.read_bytes().decode() == expected.getvalue()


@pytest.mark.parametrize("ending", ["tsv", "csv"])
def test_odd_tags_are_read_back(tmp_path, ending):
    path = tmp_path / f"p.{ending}"
    tags = ["chr1:5-9", "a,b", 'say "c"', "d\te", "'f'"]
    write_predictions(path, "MAX", [(tags, np.linspace(0, 1, 5))])
    found = read_predictions(path)
    assert found.tags.to_pylist() == tags
    np.testing.assert_allclose(found.scores["MAX"], np.linspace(0, 1, 5), atol=1e-5)


def test_chunks_are_taken_one_by_one(tmp_path):
    path, seen = tmp_path / "p.tsv", []

    def chunks():
        for number in range(3):
            # What came before lies in the file beside the final one, apart from the last buffer.
            (aside,) = tmp_path.glob(".p.tsv.partial")
            seen.append(aside.stat().st_size)
            tags = [f"{number}-{i:05}" for i in range(20_000)]
            yield tags, np.zeros(len(tags))

    assert write_predictions(path, "MAX", chunks()) == 60_000
    row = len("0-10000\t0.00000\n")
    assert seen[0] == 0
    assert 19_000 * row < seen[1] < 20_001 * row
    assert 39_000 * row < seen[2] < 40_001 * row


@pytest.mark.parametrize("chunks", [[], [([], np.empty(0))]])
def test_nothing_to_score_is_an_error_and_leaves_the_old_file(tmp_path, chunks):
    path = tmp_path / "p.tsv"
    path.write_text("old")
    with pytest.raises(InputError, match=r"p\.tsv: there was nothing to score.*--split"):
        write_predictions(path, "MAX", chunks)
    assert path.read_text() == "old"


@pytest.mark.parametrize("value", [-0.001, 1.001, np.inf])
def test_aaa_values_lie_between_0_and_1(tmp_path, value):
    path = tmp_path / "p.tsv"
    with pytest.raises(InputError, match=r"p\.tsv: .*between 0 and 1.*Write a \.csv"):
        write_predictions(path, "MAX", [(["a", "b"], np.array([0.5, value]))])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["tsv", "csv"])
def test_a_score_that_is_no_number_is_named_and_the_old_file_stays(tmp_path, ending):
    path = tmp_path / f"p.{ending}"
    path.write_text("old")
    with pytest.raises(InputError, match=r"the score of 'c' is not a number.*weights"):
        write_predictions(
            path, "MAX", [(["a"], np.array([0.5])), (["b", "c"], np.array([0.5, np.nan]))]
        )
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_score_that_is_no_number_names_its_column(tmp_path):
    chunks = [(["a", "b"], np.array([[0.5, 0.5], [0.5, np.nan]]))]
    with pytest.raises(InputError, match=r"p\.tsv \[YY1\]: the score of 'b' is not a number"):
        write_predictions(tmp_path / "p.tsv", ["MAX", "YY1"], chunks)


def test_an_error_in_the_input_leaves_the_old_file(tmp_path):
    path = tmp_path / "p.tsv"
    path.write_text("old")

    def chunks():
        yield ["a"], np.array([0.5])
        raise InputError("holds the character '!'.", path="x.fa", line=7)

    with pytest.raises(InputError, match=r"x\.fa:7"):
        write_predictions(path, "MAX", chunks())
    assert path.read_text() == "old"


def test_scores_must_pair_up_with_tags_and_columns(tmp_path):
    with pytest.raises(ValueError, match=r"scores of shape .* for 2 tags and 1 columns"):
        write_predictions(tmp_path / "p.tsv", "MAX", [(["a", "b"], np.array([0.5]))])
    with pytest.raises(ValueError, match=r"scores of shape .* for 1 tags and 1 columns"):
        write_predictions(tmp_path / "p.tsv", "MAX", [(["a"], np.array([[0.5, 0.5]]))])


def test_an_output_that_cannot_be_written_is_an_error_and_consumes_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    chunks = iter([(["a"], np.array([0.5]))])
    with pytest.raises(OutputError, match=r"p\.tsv: cannot be written"):
        write_predictions(tmp_path / "file" / "p.tsv", "MAX", chunks)
    assert len(list(chunks)) == 1


def test_an_unknown_ending_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"p\.txt \[--out\]: the ending is neither"):
        write_predictions(tmp_path / "p.txt", "MAX", iter([]))
