import numpy as np
import pytest

from dann_tfbs.errors import InputError
from dann_tfbs.motifs import Matrix, get_matrix, read_ibis_pwm, read_meme

HEAD = "MEME version 4\n\nALPHABET= ACGT\n\n"
ROW = "0.1234567890123456\t0.3765432109876544\t0.25 0.25\n"


def written(tmp_path, text):
    path = tmp_path / "matrices.txt"
    path.write_text(text)
    return path


def motif(name, rows, width=None):
    return (
        f"MOTIF {name}\nletter-probability matrix: alength= 4 w= {width or len(rows)}\n"
        + "".join(rows)
        + "\n"
    )


def test_meme_keeps_order_names_and_full_precision(tmp_path):
    path = written(tmp_path, HEAD + motif("B.1  second", [ROW]) + motif("A", [ROW, ROW]))
    first, second = read_meme(path)
    assert (first.name, second.name) == ("B.1 second", "A")
    assert first.frequencies.dtype == np.float64
    assert first.frequencies.tolist() == [[0.1234567890123456, 0.3765432109876544, 0.25, 0.25]]
    assert (len(first), len(second)) == (1, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no MOTIF line"),
        (HEAD + motif("A", [ROW]) + motif("A", [ROW]), ":9: the matrix 'A' stands here and on"),
        (HEAD + motif("A", [ROW], width=3), "is not in MEME format"),
        (
            HEAD + motif("A", [ROW], width=3).rstrip(),
            ":5: the matrix 'A' has fewer rows than its `w=`",
        ),
        (HEAD + motif("A", [ROW, "3 4 1 2\n"]), ":5: row 2 of the matrix 'A' sums to 10"),
        (HEAD + motif("A", ["0.5 0.5\n"]), "is not in MEME format"),
        (HEAD + "MOTIF A\nletter-probability matrix:\n0 0 0 1\n", "is not in MEME format"),
    ],
)
def test_bad_meme_files_are_explained(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_meme(written(tmp_path, text))


def test_missing_file_is_explained(tmp_path):
    with pytest.raises(InputError, match=r"none\.meme: does not exist"):
        read_meme(tmp_path / "none.meme")


FIVE = "0.1 0.2 0.3 0.4\n" * 5


def test_ibis_pwm_by_hand(tmp_path):
    first, second = read_ibis_pwm(
        written(tmp_path, f">GABPA m_1\n{FIVE}\n>USF1 x\n{FIVE}1 0 0 0\n")
    )
    assert (first.tf, first.name, len(first)) == ("GABPA", "m_1", 5)
    assert (second.tf, second.name) == ("USF1", "x")
    assert second.frequencies[5].tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n", "holds no matrix"),
        (FIVE, ":1: a row stands before the first header"),
        (f">GABPA  m\n{FIVE}", ":1: the header '>GABPA  m' is not"),
        (f">GABPA {'m' * 31}\n{FIVE}", "1 to 30 characters"),
        (f">A m\n{FIVE}\n>B m\n{FIVE}", ":8: the matrix name 'm' is used twice"),
        (">A m\n0.1 0.2 0.3 0.4\n", ":1: the matrix 'm' has 1 rows. Give 5 to 30"),
        (f">A m\n{FIVE}0.5 0.5 0\n", ":7: the row '0.5 0.5 0' is not four frequencies"),
        (f">A m\n{FIVE}0.5 0.5 nan 0\n", ":7: the row"),
        (f">A m\n{FIVE}0.5 x 0 0.5\n", ":7: the row"),
        (f">A m\n{FIVE}0.5 0.6 -0.1 0\n", ":7: the row"),
        (f">A m\n{FIVE}0.5 0.2 0.1 0.1\n", ":7: the frequencies sum to 0.9"),
    ],
)
def test_bad_ibis_pwm_files_are_explained(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_ibis_pwm(written(tmp_path, text))


def test_get_matrix_finds_a_name_or_its_first_word():
    matrices = [Matrix(name, np.full((1, 4), 0.25)) for name in ("MA1 Arnt", "MA2 Max", "MA2")]
    assert get_matrix(matrices, "MA1").name == "MA1 Arnt"
    assert get_matrix(matrices, "MA2").name == "MA2"
    with pytest.raises(InputError, match=r"no matrix is called 'max'. Available: MA2 Max"):
        get_matrix(matrices, "max")
    with pytest.raises(InputError, match="2 matrices are called 'X'"):
        get_matrix(
            [Matrix("X 1", matrices[0].frequencies), Matrix("X 2", matrices[0].frequencies)], "X"
        )
