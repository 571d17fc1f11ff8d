import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dann_tfbs import sequence
from dann_tfbs.errors import InputError
from dann_tfbs.evaluation import matrix_scan
from dann_tfbs.motifs import Matrix, read_ibis_pwm

GOLDEN = Path(__file__).parent / "golden"
SKEWED = Matrix("skewed", np.array([[0.7, 0.1, 0.1, 0.1], [0.0, 0.5, 0.25, 0.25]]))


def golden_values():
    with open(GOLDEN / "pwm_values.tsv", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.mark.parametrize("matrix", read_ibis_pwm(GOLDEN / "pwm_matrices.txt"), ids=lambda m: m.tf)
def test_scores_equal_the_official_scanner(matrix):
    lines = (GOLDEN / "pwm_sequences.fasta").read_text().split()
    sequences = sequence.encode(lines[1::2])
    expected = [row for row in golden_values() if row["matrix"] == matrix.tf]
    assert [row["sequence"] for row in expected] == [line[1:] for line in lines[::2]]
    hits = matrix_scan.best_hit(sequences, matrix)
    assert hits.tolist() == [int(row["best_hit"]) for row in expected]
    sums = matrix_scan.sum_occupancy(sequences, matrix)
    assert sums == pytest.approx([float(row["sum_occupancy"]) for row in expected], rel=2.5e-5)


def test_occupancy_by_hand():
    # AC on the plus strand; GT on the minus strand reads G, then T of the matrix's second row.
    scale = (1 + 4e-5) ** 2
    plus = (0.7 + 1e-5) * (0.5 + 1e-5)
    minus = (0.1 + 1e-5) * (0.25 + 1e-5)
    found = matrix_scan.sum_occupancy(sequence.encode(["AC"]), SKEWED)
    assert found[0] == pytest.approx((plus + minus) / scale, rel=1e-12)


def naive(text, matrix):
    """Score every window in turn, with log₂ weights that are not rounded."""
    complement = dict(zip("ACGT", "TGCA", strict=True))
    hits, total = [], 0.0
    for strand in (text, "".join(complement.get(x, "N") for x in reversed(text))):
        for start in range(len(text) - len(matrix) + 1):
            window = strand[start : start + len(matrix)]
            if "N" in window:
                continue
            values = [
                row["ACGT".index(x)] for row, x in zip(matrix.frequencies, window, strict=True)
            ]
            hits.append(sum(1e5 * math.log2((f + 1e-5) / 0.25) for f in values))
            total += math.prod((f + 1e-5) / (1 + 4e-5) for f in values)
    return hits, total


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("ACGTN", min_size=0, max_size=9), min_size=1, max_size=5))
def test_scan_equals_a_window_by_window_loop(texts):
    sequences = sequence.encode(texts)
    hits = matrix_scan.best_hit(sequences, SKEWED)
    sums = matrix_scan.sum_occupancy(sequences, SKEWED)
    worst = matrix_scan.integer_weights(SKEWED).min(axis=1).sum()
    for row, text in enumerate(texts):
        expected, total = naive(text, SKEWED)
        assert hits[row] == pytest.approx(max(expected, default=worst), abs=2)
        assert sums[row] == pytest.approx(total, rel=1e-9)


def test_both_strands_score_alike():
    rng = np.random.default_rng(2)
    sequences = sequence.from_codes(rng.integers(0, 5, (20, 12)).astype(np.uint8))
    opposite = sequence.reverse_complement(sequences)
    for scoring in matrix_scan.SCORINGS:
        np.testing.assert_allclose(
            matrix_scan.scan(sequences, SKEWED, scoring),
            matrix_scan.scan(opposite, SKEWED, scoring),
        )


def test_sequences_without_a_window_score_lowest():
    sequences = sequence.encode(["A", "NNNN", "", "TT"])
    assert matrix_scan.sum_occupancy(sequences, SKEWED)[:3].tolist() == [0.0, 0.0, 0.0]
    for scoring in matrix_scan.SCORINGS:
        scores = matrix_scan.scan(sequences, SKEWED, scoring)
        assert (scores[:3] == matrix_scan.score_range(SKEWED, scoring)[0]).all()
        assert scores[3] > scores[0]


def test_pieces_do_not_change_scores(monkeypatch):
    rng = np.random.default_rng(7)
    sequences = sequence.from_codes(rng.integers(0, 4, (50, 30)).astype(np.uint8))
    whole = [matrix_scan.scan(sequences, SKEWED, scoring) for scoring in matrix_scan.SCORINGS]
    monkeypatch.setattr(matrix_scan, "_CELLS", 100)
    for scoring, expected in zip(matrix_scan.SCORINGS, whole, strict=True):
        assert (matrix_scan.scan(sequences, SKEWED, scoring) == expected).all()


@pytest.mark.parametrize("scoring", matrix_scan.SCORINGS)
def test_unit_interval_keeps_the_order_and_ignores_neighbours(scoring):
    rng = np.random.default_rng(9)
    sequences = sequence.from_codes(rng.integers(0, 4, (200, 15)).astype(np.uint8))
    matrix = Matrix("random", rng.dirichlet(np.ones(4), size=6))
    scores = matrix_scan.scan(sequences, matrix, scoring)
    mapped = matrix_scan.to_unit_interval(scores, matrix, scoring)
    assert 0 <= mapped.min() < mapped.max() <= 1
    order = np.argsort(scores, kind="stable")
    steps, mapped_steps = np.diff(scores[order]), np.diff(mapped[order])
    assert ((steps > 1e-9) <= (mapped_steps > 0)).all()
    assert mapped[3] == matrix_scan.to_unit_interval(scores[3:4], matrix, scoring)[0]


def test_unknown_scoring_is_explained():
    with pytest.raises(InputError, match=r"'best' is no known scoring. Use one of best_hit"):
        matrix_scan.scan(sequence.encode(["ACGT"]), SKEWED, "best")


def test_overhang_scores_positions_outside_as_background():
    # ACG against a read that holds only its last two letters: A is outside.
    matrix = Matrix("m", np.array([[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 0]]))
    reads = sequence.encode(["CGCC", "TTTT"])
    match = round(1e5 * np.log2((1 + 1e-5) / 0.25))
    assert matrix_scan.best_hit(reads, matrix, overhang=True)[0] == pytest.approx(2 * match, abs=2)
    assert matrix_scan.best_hit(reads, matrix)[0] < 0
    # One window has the factors 1/4 · 1 · 1; TTTT matches one base at most.
    occupancy = matrix_scan.sum_occupancy(reads, matrix, overhang=True)
    assert occupancy[0] > 0.25
    assert occupancy[0] > occupancy[1]
    with_flanks = sequence.encode(["ACGCC"])
    assert (
        matrix_scan.best_hit(with_flanks, matrix, overhang=True)[0]
        == matrix_scan.best_hit(with_flanks, matrix)[0]
    )
