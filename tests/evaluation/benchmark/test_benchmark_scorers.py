import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.benchmark.definition import ScorerEntry
from dann_tfbs.evaluation.benchmark.scorers import CURVES, LabelledSet, unsupported, values

GOLDEN = Path(__file__).parents[1] / "golden"


def entry(name, **params):
    return ScorerEntry(name, name, params, ("all",))


def golden(name):
    with open(GOLDEN / name, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def cases():
    found = defaultdict(list)
    for row in golden("prroc_cases.tsv"):
        found[row["case"]].append((float(row["score"]), int(float(row["label"]))))
    return found


@pytest.mark.parametrize(("case", "pairs"), cases().items())
def test_every_official_name_gives_the_value_of_prroc(case, pairs):
    expected = {row["subset"]: row for row in golden("prroc_values.tsv") if row["case"] == case}
    scores, labels = np.array(pairs).T
    found = values([entry(name) for name in CURVES], scores, LabelledSet(labels.astype(int), None))
    for column, name in (("auroc", "prroc_rocauc"), ("auprc_integral", "prroc_prauc")):
        each = {subset: float(row[column]) for subset, row in expected.items()}
        assert found[name] == pytest.approx(each["all"], abs=1e-9)
        assert found[f"{name}_top50"] == pytest.approx(each["top50"], abs=1e-9)
        assert found[f"{name}_top25"] == pytest.approx(each["top25"], abs=1e-9)
        assert found[f"{name}_averaged"] == pytest.approx(sum(each.values()) / 3, abs=1e-9)
    assert found["scikit_rocauc"] == found["prroc_rocauc"]


def test_kendall_is_averaged_over_replicates():
    answers = LabelledSet(np.array([1, 2, 1, 3, 0]), [0, 0, 1, 1, None])
    scores = np.array([1, 2, 5, 5, 9])
    assert values([entry("kendalltau")], scores, answers) == {"kendalltau": 0.5}
    alone = LabelledSet(np.array([1, 2]), None)
    assert values([entry("kendalltau")], np.array([2, 1]), alone) == {"kendalltau": -1.0}


def test_unknown_scorers_are_named():
    assert unsupported(entry("prroc_prauc", type="integral")) is None
    assert unsupported(entry("prroc_prauc", type="Integral")) is None
    assert unsupported(entry("kendalltau")) is None
    assert "'davisgoadrich' is not known" in unsupported(entry("prroc_prauc", type="davisgoadrich"))
    assert "'constant_scorer' is not known" in unsupported(entry("constant_scorer", cons=42))


def test_a_set_of_one_class_is_explained():
    with pytest.raises(InputError, match="2 positives and 0 negatives"):
        values([entry("prroc_rocauc")], np.array([1, 2]), LabelledSet(np.array([1, 1]), None))
