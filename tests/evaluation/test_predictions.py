import pyarrow as pa
import pytest

from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.predictions import read_predictions, scores_of


def read(tmp_path, text, name="p.tsv"):
    path = tmp_path / name
    path.write_text(text)
    return read_predictions(path)


def test_scores_come_in_the_order_of_the_answers(tmp_path):
    predictions = read(tmp_path, "tag\tMAX\tYY1\na\t0.1\t1\nb\t0.2\t0\nc\t1e-3\t0.5\n")
    assert scores_of(predictions, "MAX", pa.array(["c", "a"])).tolist() == [0.001, 0.1]
    assert scores_of(predictions, "YY1", pa.array(["b"])).tolist() == [0]


def test_csv_with_one_score_column_serves_any_tf(tmp_path):
    predictions = read(tmp_path, "tag,score\n7,-3.5\n8,inf\n", "p.csv")
    assert scores_of(predictions, "MAX", pa.array(["8", "7"])).tolist() == [float("inf"), -3.5]


def test_quotes_and_windows_line_ends_are_understood(tmp_path):
    predictions = read(tmp_path, '"tag","MAX"\r\n"a,b",0.25\r\n', "p.csv")
    assert scores_of(predictions, "MAX", pa.array(["a,b"])).tolist() == [0.25]


def test_a_column_of_another_tf_is_not_taken(tmp_path):
    predictions = read(tmp_path, "tag\tMAX\na\t0.1\n")
    assert scores_of(predictions, "", pa.array(["a"])).tolist() == [0.1]
    with pytest.raises(InputError, match="no column is called 'YY1'; there are MAX"):
        scores_of(predictions, "YY1", pa.array(["a"]))


def test_missing_tags_are_counted(tmp_path):
    predictions = read(tmp_path, "tag\tMAX\na\t0.1\n")
    with pytest.raises(InputError, match=r"2 of 3 tags .* have no prediction, the first is 'x'"):
        scores_of(predictions, "MAX", pa.array(["a", "x", "y"]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("tag\n", ":1: the header"),
        ("tag\tMAX\tMAX\na\t1\t1\n", ":1: the header"),
        ("tag\tMAX\na\t1\nb\tnodata\n", r":3 \[MAX\]: the score 'nodata' of 'b' is no number"),
        ("tag\tMAX\na\t1\nb\t\n", r":3 \[MAX\]: the score '' of 'b'"),
        ("tag\tMAX\tYY1\na\t1\t2\nb\t1\tnan\n", r":3 \[YY1\]: the score 'nan' of 'b'"),
        ("tag\tMAX\na\t1\nb\n", ":3: has 1 fields instead of 2"),
        ("tag\tMAX\na\t1\nb\t2\na\t3\n", ":4: the tag 'a' of line 2 stands again on line 4"),
    ],
)
def test_bad_predictions_are_explained(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, text)


def test_unknown_ending_and_missing_file_are_explained(tmp_path):
    with pytest.raises(InputError, match=r"the ending '\.txt'"):
        read(tmp_path, "tag\tMAX\n", "p.txt")
    with pytest.raises(InputError, match="there are no predictions here"):
        read_predictions(tmp_path / "none.tsv")
