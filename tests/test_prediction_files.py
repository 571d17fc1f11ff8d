"""Files of predictions: five digits, all or nothing, streamed."""

import numpy as np
import pytest

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
            (aside,) = tmp_path.glob(".p.tsv.*/p.tsv")
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


def test_an_error_in_the_input_leaves_the_old_file(tmp_path):
    path = tmp_path / "p.tsv"
    path.write_text("old")

    def chunks():
        yield ["a"], np.array([0.5])
        raise InputError("holds the character '!'.", path="x.fa", line=7)

    with pytest.raises(InputError, match=r"x\.fa:7"):
        write_predictions(path, "MAX", chunks())
    assert path.read_text() == "old"


def test_tags_and_scores_must_pair_up(tmp_path):
    with pytest.raises(ValueError, match="shorter"):
        write_predictions(tmp_path / "p.tsv", "MAX", [(["a", "b"], np.array([0.5]))])


def test_an_output_that_cannot_be_written_is_an_error_and_consumes_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    chunks = iter([(["a"], np.array([0.5]))])
    with pytest.raises(OutputError, match=r"p\.tsv: cannot be written"):
        write_predictions(tmp_path / "file" / "p.tsv", "MAX", chunks)
    assert len(list(chunks)) == 1


def test_an_unknown_ending_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"p\.txt \[--out\]: the ending is neither"):
        write_predictions(tmp_path / "p.txt", "MAX", iter([]))
