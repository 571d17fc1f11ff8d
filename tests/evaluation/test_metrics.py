import csv
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from dann_tfbs.errors import InputError
from dann_tfbs.evaluation import metrics

GOLDEN = Path(__file__).parent / "golden"
SHARES = {"all": 1.0, "top50": 0.5, "top25": 0.25}


def rows_of(name):
    with open(GOLDEN / name, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def golden_cases():
    cases = defaultdict(list)
    for row in rows_of("prroc_cases.tsv"):
        cases[row["case"]].append((float(row["score"]), float(row["label"])))
    return {name: np.array(pairs).T for name, pairs in cases.items()}


def best_share(scores, labels, share):
    """Return the rows of the best-scoring ⌈share · n⌉ records of each class."""
    order = np.argsort(-scores, kind="stable")
    classes = (order[labels[order] > 0], order[~(labels[order] > 0)])
    return np.sort(np.concatenate([rows[: int(np.ceil(share * len(rows)))] for rows in classes]))


CASES = golden_cases()
EXPECTED = rows_of("prroc_values.tsv")


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: f"{row['case']}-{row['subset']}")
def test_areas_equal_prroc(row):
    scores, labels = CASES[row["case"]]
    kept = best_share(scores, labels, SHARES[row["subset"]])
    assert metrics.auroc(scores[kept], labels[kept]) == pytest.approx(
        float(row["auroc"]), abs=1e-12
    )
    assert metrics.auprc(scores[kept], labels[kept]) == pytest.approx(
        float(row["auprc_integral"]), abs=1e-12
    )


@pytest.mark.parametrize("case", CASES)
def test_means_over_shares_equal_the_mean_of_prroc_values(case):
    scores, labels = CASES[case]
    rows = [row for row in EXPECTED if row["case"] == case]
    assert metrics.mauroc(scores, labels) == pytest.approx(
        sum(float(row["auroc"]) for row in rows) / 3, abs=1e-12
    )
    assert metrics.mauprc(scores, labels) == pytest.approx(
        sum(float(row["auprc_integral"]) for row in rows) / 3, abs=1e-12
    )


def test_areas_by_hand():
    # Ranking + − +: of the two pairs one is in order. Precision is 1 up to recall 1/2, then
    # t/(t + 1) for t from 1 to 2, whose integral is 1 − ln(3/2), over two positives.
    assert metrics.auroc([3, 2, 1], [1, 0, 1]) == 0.5
    assert metrics.auprc([3, 2, 1], [1, 0, 1]) == pytest.approx(
        0.5 + (1 - math.log(1.5)) / 2, abs=1e-15
    )


def test_a_tie_of_both_classes_is_one_step():
    # One pair is in order, one is tied: (1 + ½)/2. The tied step rises from (tp 0, fp 0) to (1, 1)
    # at precision ½.
    assert metrics.auroc([2, 2, 1], [1, 0, 0]) == 0.75
    assert metrics.auprc([2, 2, 1], [1, 0, 0]) == 0.5


def test_labels_may_be_cycles():
    scores = [0.9, 0.1, 0.5, 0.4]
    assert metrics.auprc(scores, [4, 0, 1, 2]) == metrics.auprc(scores, [1, 0, 1, 1])


def test_infinite_scores_rank_like_numbers():
    labels = [1, 0, 1, 0, 1]
    with_infinities = metrics.all_metrics(
        [math.inf, math.inf, 0, -math.inf, -math.inf], labels, metrics.CURVE_METRICS
    )
    assert with_infinities == metrics.all_metrics([9, 9, 0, -9, -9], labels, metrics.CURVE_METRICS)


def test_extreme_imbalance_keeps_its_precision():
    # One positive at rank 10⁶: the step from fp₀ = 10⁶ − 1 adds 1 − (10⁶ − 1) ln(1 + 1/(10⁶ − 1)).
    n = 10**6
    scores = np.arange(n, dtype=float)[::-1]
    labels = np.zeros(n)
    labels[-1] = 1
    series = 1 / (2 * (n - 1)) - 1 / (3 * (n - 1) ** 2)
    assert metrics.auprc(scores, labels) == pytest.approx(series, rel=1e-9)
    assert metrics.auroc(scores, labels) == 0.0


binary_sets = st.lists(
    st.tuples(st.integers(-4, 4), st.integers(0, 1)), min_size=2, max_size=40
).filter(lambda pairs: 0 < sum(label for _, label in pairs) < len(pairs))


def split_columns(pairs):
    columns = np.array(pairs, dtype=float).T
    return columns[0], columns[1]


@given(binary_sets)
def test_auroc_is_the_share_of_pairs_in_order(pairs):
    scores, labels = split_columns(pairs)
    good, bad = scores[labels > 0][:, None], scores[labels == 0]
    share = ((good > bad) + 0.5 * (good == bad)).mean()
    assert metrics.auroc(scores, labels) == pytest.approx(share, abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(binary_sets)
def test_auprc_is_the_integral_of_precision_over_recall(pairs):
    scores, labels = split_columns(pairs)
    total, tp, fp = 0.0, 0.0, 0.0
    for value in sorted(set(scores), reverse=True):
        positives = ((scores == value) & (labels > 0)).sum()
        negatives = ((scores == value) & (labels == 0)).sum()
        if positives:
            slope = negatives / positives
            total += quad(
                lambda t, tp=tp, fp=fp, slope=slope: t / (t + fp + slope * (t - tp)),
                tp,
                tp + positives,
            )[0]
        tp, fp = tp + positives, fp + negatives
    assert metrics.auprc(scores, labels) == pytest.approx(total / labels.sum(), abs=1e-9)


@given(binary_sets, st.randoms(use_true_random=False))
def test_metrics_depend_on_the_order_of_scores_only(pairs, random):
    scores, labels = split_columns(pairs)
    shuffled = pairs.copy()
    random.shuffle(shuffled)
    other_scores, other_labels = split_columns(shuffled)
    assert metrics.all_metrics(scores, labels, metrics.CURVE_METRICS) == metrics.all_metrics(
        np.exp(other_scores), other_labels, metrics.CURVE_METRICS
    )


@given(binary_sets)
def test_capped_counts_equal_metrics_of_the_best_share(pairs):
    scores, labels = split_columns(pairs)
    subsets = [best_share(scores, labels, share) for share in metrics.SHARES]
    expected = np.mean([metrics.auprc(scores[rows], labels[rows]) for rows in subsets])
    assert metrics.mauprc(scores, labels) == pytest.approx(expected, abs=1e-12)


@given(binary_sets, st.sampled_from([np.int32, np.int64, np.uint8]))
def test_counting_whole_numbers_equals_sorting_them(pairs, kind):
    scores, labels = split_columns(pairs)
    whole = (scores + 4).astype(kind)
    for marks in (labels, labels.astype(int), labels.astype(bool)):
        counted = metrics.all_metrics(whole, marks, metrics.CURVE_METRICS)
        assert counted == metrics.all_metrics(scores, labels, metrics.CURVE_METRICS)


def test_whole_numbers_too_far_apart_are_sorted():
    scores = np.array([2**40, 0, -(2**40)])
    assert metrics.auroc(scores, [1, 0, 1]) == 0.5
    assert metrics.auprc(scores, [1, 0, 1]) == metrics.auprc([3, 2, 1], [1, 0, 1])


def naive_share(scores, labels, share):
    """Return the best-scoring ⌈share · n⌉ of positives and of negatives, the official way."""
    parts = []
    for label in (1, 0):
        own = sorted(scores[labels == label])
        count = -(-len(own) // round(1 / share))
        parts += [(score, label) for score in own[len(own) - count :]]
    return split_columns(parts)


@given(binary_sets)
def test_mauroc_equals_pairs_counted_in_each_share(pairs):
    scores, labels = split_columns(pairs)
    values = []
    for share in metrics.SHARES:
        own, marks = naive_share(scores, labels, share)
        good, bad = own[marks > 0][:, None], own[marks == 0]
        values.append(((good > bad) + 0.5 * (good == bad)).mean())
    assert metrics.mauroc(scores, labels) == pytest.approx(np.mean(values), abs=1e-12)


def test_ties_at_the_cut_of_a_share_do_not_matter():
    # The best half holds one of two positives tied at 2, whichever it is, and one negative at 1.
    assert metrics.mauroc([2, 2, 1, 1, 1], [1, 1, 0, 0, 0]) == 1.0
    # All tied: whatever the cut keeps, ½.
    assert metrics.mauroc([1] * 7, [1, 0, 1, 0, 1, 0, 0]) == 0.5


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([1, 2], [1, 1], "2 positives and 0 negatives"),
        ([1, 2], [0, 0], "0 positives and 2 negatives"),
        ([], [], "0 positives and 0 negatives"),
        ([1, math.nan], [0, 1], "1 scores are NaN, the first in record 2"),
        ([1, 2], [math.nan, 1], "labels are NaN, the first in record 1"),
        ([1, 2, 3], [0, 1], r"shape \(3,\) and labels \(2,\)"),
    ],
)
def test_unusable_sets_are_explained(scores, labels, message):
    with pytest.raises(InputError, match=message):
        metrics.auroc(scores, labels)


def test_an_unknown_metric_is_explained():
    with pytest.raises(InputError, match=r"'f1' is no known metric.*auroc, auprc"):
        metrics.all_metrics([1, 2], [0, 1], ["f1"])
