import numpy as np
import pytest

from dann_tfbs.errors import InputError
from dann_tfbs.experiments.outcome import (
    OUTCOME_FILE,
    Outcome,
    curves_of,
    read_outcome,
    scores_of,
    write_outcome,
)


def test_curves_by_hand():
    # Down the ranking: +, −, +, −: the ROC rises to 1/2 at 0 and to 1 at 1/2.
    curves = curves_of([4.0, 3.0, 2.0, 1.0], [1, 0, 1, 0])
    rates = curves.true_positive_rate
    assert (rates[0], rates[99], rates[100], rates[200]) == (0.5, 0.5, 1.0, 1.0)
    # Recall 1/2 is reached without an error; recall 1 with one error among three.
    assert curves.precision[100] == 1.0
    assert curves.precision[200] == pytest.approx(2 / 3, abs=1e-5)


def test_ties_are_one_step():
    curves = curves_of([1.0, 1.0], [1, 0])
    assert curves.true_positive_rate[100] == 0.5
    assert curves.precision == (0.5,) * 201


def test_scores_of_every_model():
    logits = np.array([[2.0, 0.0], [1.0, 1.0], [0.0, 2.0]])
    assert scores_of(logits, [1, 0, 0])["auroc"] == (1.0, 0.0)


def test_written_and_read_back(tmp_path):
    outcome = Outcome(
        variant="reference",
        task="t",
        tf="FOXA1",
        source="CHS",
        target="HTS",
        mode="baseline",
        seeds=(0, 1),
        scores={"auroc": (0.5, 0.75)},
        settings={"training.epochs": 4},
    )
    write_outcome(tmp_path, outcome)
    assert read_outcome(tmp_path / OUTCOME_FILE) == outcome
    (tmp_path / OUTCOME_FILE).write_text('{"varient": 1}')
    with pytest.raises(InputError, match="variant"):
        read_outcome(tmp_path / OUTCOME_FILE)
