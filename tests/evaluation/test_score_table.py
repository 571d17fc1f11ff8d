import gzip

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dann_tfbs.errors import InputError
from dann_tfbs.evaluation import score_table
from dann_tfbs.evaluation.score_table import first_tags, in_units, read_score_table


def written(tmp_path, text, name="t.tsv"):
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def test_five_digits_become_whole_numbers_and_others_stay(tmp_path):
    path = written(tmp_path, "tag\tA\tB\tC\na\t0.1\t1\t0.123456\nb\t1e-5\t-2\t0.5\n")
    table = read_score_table(path)
    assert table.columns["A"].tolist() == [10_000, 1]
    assert table.columns["A"].dtype == np.int32
    assert table.columns["C"].tolist() == [0.123456, 0.5]
    assert in_units(table.columns["B"]).tolist() == [1, -2]
    assert len(table) == 2
    assert table.against_the_rules("A") is None
    assert table.against_the_rules("B") == "values outside [0, 1]"
    assert table.against_the_rules("C") == "more than five digits after the point"


def test_each_rule_that_a_column_breaks_is_named(tmp_path):
    text = "tag\tA\tB\tC\na\tinf\t0.123456\t1.00001\nb\t0.5\t1.2\t-0.00001\n"
    table = read_score_table(written(tmp_path, text))
    assert table.against_the_rules("A") == "values outside [0, 1]"
    assert table.against_the_rules("B") == (
        "values outside [0, 1] and more than five digits after the point"
    )
    assert table.against_the_rules("C") is None


def test_carriage_returns_alone_are_refused(tmp_path):
    with pytest.raises(InputError, match=":1: a carriage return stands inside the line"):
        read_score_table(written(tmp_path, "tag\tA\ra\t0.5\r"))
    with pytest.raises(InputError, match=r":2 \[A\]: the score .* of 'a' is no number"):
        read_score_table(written(tmp_path, "tag\tA\na\t0.5\rb\n"))


def test_infinite_and_huge_values_stay_as_they_are(tmp_path):
    table = read_score_table(written(tmp_path, "tag\tA\tB\na\tinf\t12345678\nb\t-inf\t0\n"))
    assert table.columns["A"].tolist() == [np.inf, -np.inf]
    assert table.columns["B"].tolist() == [12345678, 0]


@given(st.integers(0, 100_000))
def test_a_written_score_of_five_digits_is_kept_exactly(step):
    value = float(f"{step / 100_000:.5f}")
    column = score_table._compact(np.array([value]))
    assert column.dtype == np.int32
    assert column.tolist() == [step]
    assert in_units(column).tolist() == [value]


def test_blocks_that_differ_in_kind_are_joined(tmp_path, monkeypatch):
    monkeypatch.setattr(score_table, "_BLOCK_BYTES", 64)
    rows = [f"t{row:04}\t{row / 1000:.3f}\n" for row in range(100)]
    table = read_score_table(written(tmp_path, "tag\tA\n" + "".join(rows)))
    assert table.columns["A"].tolist() == [row * 100 for row in range(100)]
    rows[99] = "t0099\t0.1234567\n"
    table = read_score_table(written(tmp_path, "tag\tA\n" + "".join(rows)))
    assert table.columns["A"].tolist() == [row / 1000 for row in range(99)] + [0.1234567]
    assert table.tags.rows_of(pa.array(["t0042", "t0100"])).tolist() == [42, -1]


@pytest.mark.parametrize("name", ["t.tsv.gz", "t.tsv"])
def test_plain_and_gzip_with_windows_line_ends(tmp_path, name):
    path = written(tmp_path, "tag\tA\r\na\t0.25\r\nb\t1\r\n", name)
    assert read_score_table(path).columns["A"].tolist() == [25_000, 100_000]
    assert first_tags(path, 1).to_pylist() == ["a"]
    assert first_tags(path).to_pylist() == ["a", "b"]


def test_nodata_leaves_a_column_out_where_it_is_allowed(tmp_path, monkeypatch):
    monkeypatch.setattr(score_table, "_BLOCK_BYTES", 32)
    text = "tag\tA\tB\n" + "".join(f"t{row}\t0.5\t0.5\n" for row in range(9)) + "x\tnodata\t1\n"
    path = written(tmp_path, text)
    table = read_score_table(path, allow_no_data=True)
    assert table.incomplete == {"A": 11}
    assert list(table.columns) == ["B"]
    with pytest.raises(InputError, match=r":11 \[A\]: the score 'nodata' of 'x' is no number"):
        read_score_table(path)
    nan = written(tmp_path, text + "y\t1\tnan\n")
    with pytest.raises(InputError, match=r":12 \[B\]: the score 'nan' of 'y' is no number"):
        read_score_table(nan, allow_no_data=True)


def test_errors_in_a_gzip_file_name_the_line_too(tmp_path):
    path = written(tmp_path, "tag\tA\na\t1\nb\tx\n", "t.csv.gz")
    with pytest.raises(InputError, match="the header"):
        read_score_table(path)
    path = written(tmp_path, "tag,A\na,1\nb,x\n", "t.csv.gz")
    with pytest.raises(InputError, match=r":3 \[A\]: the score 'x' of 'b'"):
        read_score_table(path)
