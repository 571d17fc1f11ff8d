import math

import numpy as np
import pyarrow as pa
import pytest

from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.answers import Answers
from dann_tfbs.evaluation.bootstrap import Interval
from dann_tfbs.evaluation.evaluate import evaluate
from dann_tfbs.evaluation.predictions import Predictions
from dann_tfbs.evaluation.report import Report, Row


def make(tmp_path, rows, scores, assay="HTS", split="test", tf="USF1"):
    """Build answers from (label, background, group) and their predictions in reversed order."""
    n = len(rows)
    labels, backgrounds, groups = zip(*rows, strict=True)
    tags = [f"t{i}" for i in range(n)]
    answers = Answers(
        tmp_path / "answers.json",
        pa.array(tags),
        np.array(labels, dtype=float),
        np.array(backgrounds, dtype=object),
        np.array(groups, dtype=object),
        *(np.full(n, value, dtype=object) for value in (tf, assay, split)),
    )
    column = np.array(scores[::-1], dtype=float)
    return answers, Predictions(tmp_path / "p.tsv", pa.array(tags[::-1]), {tf or "score": column})


ROWS = [
    (1, "positive", "R0"),
    (3, "positive", "R0"),
    (0, "input", None),
    (0, "input", None),
    (0, "aliens", None),
]
SCORES = [2.0, 4.0, 1.0, 0.0, 3.0]


def test_each_background_stands_against_all_positives(tmp_path):
    report = evaluate(*make(tmp_path, ROWS, SCORES), np.random.default_rng(0), 10)
    assert [row.background for row in report.rows] == ["aliens", "input", "all", "positive"]
    assert report.row("USF1", "HTS", "aliens").metrics["auroc"].value == 0.5
    assert report.row("USF1", "HTS", "input").metrics["auroc"].value == 1.0
    whole = report.row("USF1", "HTS")
    assert (whole.n_positive, whole.n_negative) == (2, 3)
    assert whole.metrics["auroc"].value == pytest.approx(5 / 6)
    assert set(whole.metrics) == {"auroc", "auprc", "mauroc", "mauprc"}
    tau = report.rows[-1]
    assert (tau.n_positive, tau.n_negative) == (2, 0)
    assert tau.metrics["kendall_tau"].value == 1.0


def test_one_kind_of_negatives_gives_one_row(tmp_path):
    made = make(tmp_path, ROWS[:4], SCORES[:4], assay="PBM")
    report = evaluate(*made, np.random.default_rng(0), 0)
    assert [row.background for row in report.rows] == ["input"]
    assert report.row("USF1", "PBM") is report.rows[0]
    assert set(report.rows[0].metrics) == {"auroc", "auprc"}


def test_tau_needs_several_cycles(tmp_path):
    rows = [(2, "positive", "R0"), (2, "positive", "R0"), (0, "input", None)]
    report = evaluate(*make(tmp_path, rows, [1, 2, 0]), np.random.default_rng(0), 0)
    assert [row.background for row in report.rows] == ["input"]


def test_a_set_of_positives_alone_still_has_tau(tmp_path):
    report = evaluate(*make(tmp_path, ROWS[:2], [2, 1]), np.random.default_rng(0), 0)
    assert [row.metrics["kendall_tau"].value for row in report.rows] == [-1.0]


def test_a_set_that_allows_no_metric_is_explained(tmp_path):
    with pytest.raises(InputError, match="USF1 × CHS × test has 2 positives and 0 negatives"):
        evaluate(*make(tmp_path, ROWS[:2], [2, 1], assay="CHS"), np.random.default_rng(0), 0)


def test_table_and_json_mark_training_rows(tmp_path):
    seen = evaluate(*make(tmp_path, ROWS, SCORES, split="train"), np.random.default_rng(0), 0)
    assert "TRAINING rows" in seen.to_table().splitlines()[2]
    assert "no test of the model" in seen.to_table()
    assert all(row["seen_in_training"] for row in seen.to_json()["rows"])
    unseen = evaluate(*make(tmp_path, ROWS, SCORES), np.random.default_rng(0), 0)
    assert "TRAINING" not in unseen.to_table()
    assert unseen.to_json()["notes"] == []


def test_table_by_hand():
    rows = [
        Row("A", "PBM", "test", "probes", 1200, 3, {"auroc": Interval(0.75, 0.5, 1.0)}),
        Row("B", "HTS", "", "positive", 2, 0, {"kendall_tau": Interval(-1.0, math.nan, math.nan)}),
    ]
    assert Report(rows, 10).to_table().splitlines() == [
        "| TF | assay | split | background | positives | negatives | AUROC                   "
        "| Kendall τ |",
        "|----|-------|-------|------------|-----------|-----------|-------------------------"
        "|-----------|",
        "| A  | PBM   | test  | probes     | 1,200     | 3         | 0.7500 [0.5000, 1.0000] "
        "|           |",
        "| B  | HTS   |       | positive   | 2         | 0         |                         "
        "| -1.0000   |",
    ]
    assert Report(rows, 10).to_json()["rows"][1]["metrics"]["kendall_tau"] == {
        "value": -1.0,
        "low": None,
        "high": None,
    }
    with pytest.raises(InputError, match="0 rows answer to B × HTS × all"):
        Report(rows, 10).row("B", "HTS")
