"""Bad PWM submissions: each problem with its line and whose rule it is."""

import numpy as np
import pytest

from dann_tfbs.errors import InputError
from dann_tfbs.motifs import Matrix, read_ibis_pwm
from dann_tfbs.submission.matrices import in_steps, write_pwm
from dann_tfbs.submission.validate import validate

ROW = "0.1 0.2 0.3 0.4\n"
GOOD = f">GABPA one\n{ROW * 5}\n>GABPA two\n{ROW * 30}"


@pytest.fixture
def check(tmp_path):
    def checked(text, tfs=("GABPA",)):
        path = tmp_path / "pwm.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        findings = validate(path, tfs=tfs)
        return findings, {(p.rule, p.line, p.column) for p in findings.problems}

    return checked


def test_a_good_file_has_no_problem(check):
    findings, found = check(GOOD)
    assert found == set()
    assert "PWM, 2 matrices of 1 TFs; 0 errors" in findings.summary()


@pytest.mark.parametrize(
    ("old", "new", "place", "origin"),
    [
        (">GABPA one", "> GABPA one", ("header", 1, None), "official"),
        (">GABPA one", ">GABPA\tone", ("header", 1, None), "official"),
        (">GABPA one", ">GABPA", ("header", 1, None), "official"),
        (">GABPA one", ">GABPA " + "n" * 31, ("name", 1, 2), "official"),
        (">GABPA one", ">GABPA on-e", ("name", 1, 2), "official"),
        (">GABPA one", ">GABPA ", ("empty name", 1, 2), "ours"),
        (">GABPA two", ">GABPA one", ("unique name", 8, 2), "official"),
        ("\n\n>", "\n>", ("blank line", 7, None), "official"),
        ("\n\n>", "\n\n\n>", ("header", 8, None), "official"),
        (ROW + "\n", "\n", ("length", 1, None), "official"),
        ("two\n", "two\n" + ROW, ("length", 8, None), "official"),
        (ROW, "0.1 0.2 0.3 0.39\n", ("sum", 2, None), "official"),
        (ROW, "0.1 0.2 0.3 0.400001\n", ("five digits", 2, 4), "official"),
        (ROW, "0.1 0.2 0.3\n", ("four frequencies", 2, None), "official"),
        (ROW, "0.1\t0.2\t0.3\t0.4\n", ("four frequencies", 2, None), "official"),
        (ROW, "0.1  0.2 0.3 0.4\n", ("four frequencies", 2, None), "official"),
        (ROW, "0.1 x 0.3 0.4\n", ("four frequencies", 2, 2), "official"),
        (ROW, "-0.1 0.4 0.3 0.4\n", ("frequency", 2, 1), "ours"),
        (ROW, "nan 0.4 0.3 0.4\n", ("frequency", 2, 1), "ours"),
        (ROW, "1e-1 0.2 0.3 0.4\n", ("frequency", 2, 1), "ours"),
        (ROW, ROW.replace("\n", "\r\n"), ("line ends", 2, None), "ours"),
    ],
)
def test_one_problem_at_its_place(check, old, new, place, origin):
    findings, found = check(GOOD.replace(old, new, 1))
    assert found == {place}
    assert findings.problems[0].origin == origin
    assert findings.errors == 1


@pytest.mark.parametrize(("last", "legal"), [("0.4014", True), ("0.3986", True), ("0.4016", False)])
def test_the_sum_has_a_tolerance(check, last, legal):
    assert (check(GOOD.replace("0.4\n", f"{last}\n"))[1] == set()) == legal


def test_tfs(check):
    five = "\n".join(f">GABPA n{n}\n{ROW * 5}" for n in range(5))
    findings, found = check(five + f"\n>YY1 y\n{ROW * 5}", tfs=("GABPA", "LEF1"))
    assert found == {
        ("matrices per TF", 29, None),
        ("unknown TF of a matrix", 36, 1),
        ("missing TF", None, None),
    }
    assert (findings.errors, findings.warnings) == (1, 2)


def test_a_row_before_any_header_and_a_blank_first_line(check, tmp_path):
    path = tmp_path / "rows.txt"
    path.write_text(ROW * 5 + "\n" + GOOD)
    findings = validate(path, kind="pwm")
    assert [(p.rule, p.line) for p in findings.problems] == [("header", 1)]
    assert check("\n" + GOOD)[1] == {("header", 1, None)}


def test_an_empty_file(tmp_path):
    (tmp_path / "none.txt").write_text("")
    findings = validate(tmp_path / "none.txt", kind="pwm")
    assert [(p.rule, p.origin) for p in findings.problems] == [("empty file", "official")]


def matrix(name, rows, rng):
    frequencies = rng.random((rows, 4))
    return Matrix(name, frequencies / frequencies.sum(axis=1, keepdims=True))


def test_matrices_become_a_valid_submission(tmp_path, rng):
    matrices = [
        matrix("GABPA.H13CORE.0.P.B", 12, rng),
        matrix("GABPA.H13CORE.1.P.B", 3, rng),
        matrix("MA0001.1 YY1 " + "x" * 40, 35, rng),
        matrix("MA0001.1 YY1 " + "x" * 40 + "y", 30, rng),
        matrix("NOTGABPA.H13", 9, rng),
        *(matrix(f"GABPA.{n}", 8, rng) for n in range(4)),
    ]
    said = []
    findings = write_pwm(tmp_path / "pwm.txt", matrices, ["GABPA", "YY1", "LEF1"], said.append)
    assert findings.errors == 0
    assert {(p.rule, p.text) for p in findings.problems} == {
        ("missing TF", "there is no matrix of LEF1.")
    }
    assert sum("left out" in line for line in said) == 2
    assert any("cut from 35 to 30 rows" in line for line in said)
    assert any("2 uniform rows added" in line for line in said)
    written = read_ibis_pwm(tmp_path / "pwm.txt")
    assert [(m.tf, len(m)) for m in written] == [
        ("GABPA", 12), ("GABPA", 5), ("GABPA", 8), ("GABPA", 8), ("YY1", 30), ("YY1", 30),
    ]  # fmt: skip
    np.testing.assert_allclose(written[0].frequencies, matrices[0].frequencies, atol=1e-5)
    np.testing.assert_allclose(written[1].frequencies[3:], 0.25)


def test_rounded_rows_sum_to_one_exactly(rng):
    frequencies = rng.dirichlet([0.3] * 4, size=2000)
    steps = in_steps(frequencies)
    assert (steps.sum(axis=1) == 100_000).all()
    assert steps.min() >= 0
    assert np.abs(steps - frequencies * 100_000).max() < 1


def test_the_less_informative_end_is_cut(tmp_path):
    frequencies = np.full((32, 4), 0.25)
    frequencies[2:] = [1, 0, 0, 0]
    write_pwm(tmp_path / "pwm.txt", [Matrix("YY1.x", frequencies)], ["YY1"])
    (written,) = read_ibis_pwm(tmp_path / "pwm.txt")
    np.testing.assert_array_equal(written.frequencies, frequencies[2:])


def test_no_matrix_of_any_tf_is_an_error(tmp_path, rng):
    with pytest.raises(InputError, match="no matrix is of YY1"):
        write_pwm(tmp_path / "pwm.txt", [matrix("A", 8, rng)], ["YY1"])
