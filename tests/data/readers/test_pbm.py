import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dann_tfbs.data.readers.pbm import preprocessing, read_pbm
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import decode

NAMES = (
    "id_spot", "row", "col", "control", "id_probe", "pbm_sequence", "linker_sequence",
    "mean_signal_intensity", "mean_background_intensity", "flag",
)  # fmt: skip
FILE_ORDER = tuple(range(len(NAMES)))
SPOTS = [
    ("1", "1", "1", "FALSE", "P1", "ACGTA", "CCTG", "10.5", "1.5", "0"),
    ("2", "1", "2", "TRUE", "ctl", "", "CCTG", "99", "", "0"),
    ("3", "1", "3", "false", "P3", "acgtn", "", "-2e1", "NA", "1"),
    ("4", "2", "1", "FALSE", "P4", "TTTTT", "", "", "2", "0"),
    ("5", "2", "2", "FALSE", "P5", "GGGGG", "", "7", "2", "0"),
]


def write(path, spots, order=FILE_ORDER, mark="#"):
    table = [NAMES, *spots]
    path.write_text(mark + "\n".join("\t".join(row[i] for i in order) for row in table) + "\n")
    return path


def test_all_columns(tmp_path):
    table = read_pbm(write(tmp_path / "RAW_x.tsv", SPOTS))
    assert table.id_probe.tolist() == ["P1", "ctl", "P3", "P4", "P5"]
    assert decode(table.sequences) == ["ACGTA", "", "ACGTN", "TTTTT", "GGGGG"]
    assert decode(table.linkers) == ["CCTG", "CCTG", "", "", ""]
    np.testing.assert_array_equal(table.signal, [10.5, 99, -20, np.nan, 7])
    np.testing.assert_array_equal(table.background, [1.5, np.nan, np.nan, 2, 2])
    assert table.control.tolist() == [False, True, False, False, False]
    assert table.flagged.tolist() == [False, False, True, False, False]
    assert table.lines.tolist() == [2, 3, 4, 5, 6]


def test_training_drops_and_counts(tmp_path):
    table, dropped = read_pbm(write(tmp_path / "RAW_x.tsv", SPOTS)).for_training()
    assert table.id_probe.tolist() == ["P1", "P5"]
    assert decode(table.sequences) == ["ACGTA", "GGGGG"]
    assert dropped == {
        "control spot": 1,
        "flagged spot": 1,
        "no signal": 1,
        "empty sequence": 0,
    }


@given(st.permutations(range(len(NAMES))), st.permutations(SPOTS), st.sampled_from(["#", "# ", ""]))
def test_columns_and_rows_in_any_order(tmp_path_factory, order, spots, mark):
    table = read_pbm(write(tmp_path_factory.mktemp("pbm") / "x.tsv", spots, order, mark))
    signal = dict(zip(table.id_probe.tolist(), table.signal.tolist(), strict=True))
    assert signal == pytest.approx(
        {"P1": 10.5, "ctl": 99, "P3": -20, "P4": np.nan, "P5": 7}, nan_ok=True
    )


def test_two_columns_are_enough(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_text("mean_signal_intensity\tpbm_sequence\n3\tACG\n#note\n4\tACGT\n")
    table = read_pbm(path)
    assert table.signal.tolist() == [3, 4]
    assert decode(table.sequences) == ["ACG", "ACGT"]
    assert not table.control.any()
    assert not table.flagged.any()
    assert table.linkers.lengths.tolist() == [0, 0]
    assert table.lines.tolist() == [2, 4]


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        (3, "maybe", r":3: control is 'maybe', not TRUE, FALSE, 0 or 1"),
        (9, "2", r":3: flag is '2'"),
        (7, "high", r":3: mean_signal_intensity is 'high', not a number\. Correct"),
        (7, "inf", r":3: mean_signal_intensity is 'inf', not a number"),
        (8, "1,5", r":3: mean_background_intensity is '1,5'"),
        (5, "AC*", r":3: the sequence holds the character '\*'"),
        (0, "1\t1", r":3: the row has 11 tab-separated cells, expected 10"),
    ],
)
def test_bad_cells_name_the_line(tmp_path, column, cell, message):
    bad = list(SPOTS[4])
    bad[column] = cell
    path = write(tmp_path / "bad.tsv", [SPOTS[0], tuple(bad)])
    with pytest.raises(InputError, match=r"bad\.tsv" + message):
        read_pbm(path)


@pytest.mark.parametrize("beside", ["4", "NA"])
def test_numbers_of_every_form(tmp_path, beside):
    forms = ["+5", "5.", ".5", "1e3", "-2E-1", beside]
    path = tmp_path / "x.tsv"
    path.write_text(
        "pbm_sequence\tmean_signal_intensity\n" + "".join(f"ACG\t{form}\n" for form in forms)
    )
    expected = [5, 5, 0.5, 1000, -0.2, 4 if beside == "4" else np.nan]
    np.testing.assert_array_equal(read_pbm(path).signal, expected)


def test_a_missing_column_is_named(tmp_path):
    path = tmp_path / "bad.tsv"
    path.write_text("#pbm_sequence\tsignal\nACG\t3\n")
    with pytest.raises(InputError, match=r"no column 'mean_signal_intensity'.*pbm_sequence, sig"):
        read_pbm(path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("QNZS_YWI_B.tsv", "QNZS"), ("a/SD_x.tsv.gz", "SD"), ("raw_x.tsv", "RAW"), ("x.tsv", "")],
)
def test_preprocessing_is_the_prefix(name, expected):
    assert preprocessing(name) == expected
