"""Choosing among candidates by recorded numbers."""

import dataclasses
import json
import logging
import re

import numpy as np
import pytest

from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.metrics import auroc
from dann_tfbs.training.selection import RULES, Record, Risk, choose, dev, iwv

BLIND = [name for name in RULES if name != "oracle"]


def even(losses: list[float], repeats: int = 30) -> Risk:
    """Return the risk of equally weighted losses, enough of them to bear a comparison."""
    return Risk.of(losses * repeats, [1.0] * (len(losses) * repeats))


def made_up() -> list[Record]:
    """Return candidates of which every rule prefers another (iwv and dev the same)."""
    return [
        Record("a", 0.9, {"CHS": 0.6, "GHTS": 0.7}, even([0.5, 0.7]), oracle=0.6),
        Record("b", 0.8, {"CHS": 0.9, "GHTS": 0.6}, even([0.5, 0.6]), oracle=0.7),
        Record("c", 0.7, {"CHS": 0.7, "GHTS": 0.7}, even([0.1, 0.2]), oracle=0.8),
        Record("d", 0.6, {"CHS": 0.5, "GHTS": 0.5}, even([0.9, 0.9]), oracle=0.9),
    ]


@pytest.mark.parametrize(
    ("rule", "name", "scores"),
    [
        ("source", "a", [0.9, 0.8, 0.7, 0.6]),
        ("leave-one-assay-out", "b", [0.65, 0.75, 0.7, 0.5]),
        ("iwv", "c", [0.6, 0.55, 0.15, 0.9]),
        ("dev", "c", [0.6, 0.55, 0.15, 0.9]),
        ("oracle", "d", [0.6, 0.7, 0.8, 0.9]),
    ],
)
def test_every_rule_takes_the_candidate_that_is_best_by_its_own_numbers(rule, name, scores):
    chosen = choose(made_up(), rule)
    assert (chosen.name, chosen.rule, chosen.fallback) == (name, rule, None)
    assert list(chosen.scores) == ["a", "b", "c", "d"]
    assert list(chosen.scores.values()) == pytest.approx(scores)


@pytest.mark.parametrize("rule", RULES)
def test_the_first_among_equals_wins(rule):
    record = made_up()[0]
    twins = [dataclasses.replace(record, name=name) for name in ("second", "first")]
    assert choose(twins, rule).name == "second"


def test_only_oracle_is_marked_and_says_so_in_its_label():
    for rule in RULES:
        chosen = choose(made_up(), rule)
        assert chosen.oracle == (rule == "oracle")
        assert ("target labels" in chosen.label) == (rule == "oracle")


class Guarded(Record):
    """A record whose score on the target must not even be looked at."""

    def __getattribute__(self, name):
        assert name != "oracle", "a rule that may not has read the oracle's score"
        return super().__getattribute__(name)


@pytest.mark.parametrize("rule", BLIND)
@pytest.mark.parametrize("poison", [None, float("nan"), float("inf"), 1e9, "poison"])
def test_scores_on_the_target_never_change_what_another_rule_takes(rule, poison):
    poisoned = [
        Guarded(record.name, record.source_auroc, record.left_out, record.risk, poison)
        for record in made_up()
    ]
    assert choose(poisoned, rule) == choose(made_up(), rule)


def test_the_guard_of_the_test_above_works():
    with pytest.raises(AssertionError, match="may not"):
        choose([Guarded("a", oracle=0.5)], "oracle")


@pytest.mark.parametrize(
    ("rule", "left", "match"),
    [
        ("source", {"source_auroc": None}, r"source_auroc.*'b'.*Record the AUROC on held-out"),
        ("source", {"source_auroc": float("nan")}, r"source_auroc.*finite"),
        (
            "leave-one-assay-out",
            {"left_out": {"CHS": 0.5}},
            "CHS left out of b, CHS, GHTS out of a",
        ),
        (
            "leave-one-assay-out",
            {"left_out": {"CHS": 0.5, "GHTS": float("nan")}},
            r"left_out\.GHTS.*'b'",
        ),
        ("iwv", {"risk": None}, r"risk.*'b'.*importance weights \(Risk\.of\)"),
        ("dev", {"risk": Risk(100, 1.0, 0.1, 0.5, float("nan"))}, r"risk\.covariance.*'b'"),
        ("oracle", {"oracle": None}, r"oracle.*'b'.*labelled target"),
    ],
)
def test_a_missing_number_is_named_with_what_to_record(rule, left, match):
    records = made_up()
    records[1] = dataclasses.replace(records[1], **left)
    with pytest.raises(InputError, match=match):
        choose(records, rule)


def test_a_rule_asks_for_nothing_that_it_does_not_read():
    assert choose([Record("a", source_auroc=0.5)], "source").name == "a"
    assert choose([Record("a", risk=even([0.1]))], "iwv").name == "a"
    with pytest.raises(InputError, match=r"left_out.*two source assays or more"):
        choose([Record("a", source_auroc=0.5)], "leave-one-assay-out")


def test_records_must_be_there_and_told_apart():
    with pytest.raises(InputError, match="0 records"):
        choose([], "source")
    with pytest.raises(InputError, match="2 records with 1 different"):
        choose([Record("a", 0.5), Record("a", 0.6)], "source")
    with pytest.raises(InputError, match=r"'best'.*source, leave-one-assay-out, iwv, dev, oracle"):
        choose([Record("a", 0.5)], "best")


def test_weighted_risks_by_hand():
    losses, weights = [1.0, 2.0, 3.0, 2.0], [0.0, 1.0, 2.0, 2.0]
    record = Record("a", risk=Risk.of(losses, weights))
    # w · loss = 0 2 6 4, mean 3; w has mean 5/4 and variance 9/4 − 25/16 = 11/16.
    assert iwv(record) == pytest.approx(12 / 5)
    # cov = (0 + 2 + 12 + 8) / 4 − 3 · 5/4 = 7/4; η = −28/11; 3 + η / 4 = 26/11.
    assert dev(record) == pytest.approx(26 / 11)
    assert record.risk.effective_size == pytest.approx(25 / 9)


def test_dev_agrees_with_its_formula_and_varies_less_than_the_weighted_mean():
    rng = np.random.default_rng(0)
    controlled, plain = [], []
    for _ in range(200):
        x = rng.normal(size=400)
        weight, loss = np.exp(0.5 * x - 0.125), 1 + 0.1 * x**2
        record = Record("a", risk=Risk.of(loss, weight))
        eta = -np.cov(weight * loss, weight)[0, 1] / np.var(weight, ddof=1)
        assert dev(record) == pytest.approx(np.mean(weight * loss) + eta * (weight.mean() - 1))
        controlled.append(dev(record))
        plain.append(np.mean(weight * loss))
    # On the target x ~ N(0.5, 1), where the loss averages 1 + 0.1 · 1.25.
    assert np.mean(controlled) == pytest.approx(1.125, abs=0.01)
    assert np.std(controlled) < 0.5 * np.std(plain)


def test_equal_weights_leave_nothing_to_control():
    record = Record("a", risk=Risk.of([1.0, 3.0], [1.0, 1.0]))
    assert iwv(record) == dev(record) == 2.0
    assert record.risk.effective_size == 2.0


def test_a_risk_survives_json_unchanged():
    risk = Risk.of([0.1, 0.7, 0.3], [0.2, 1.9, 0.8])
    assert Risk(**json.loads(json.dumps(dataclasses.asdict(risk)))) == risk


@pytest.mark.parametrize(
    ("losses", "weights", "match"),
    [
        ([1.0], [1.0, 1.0], "do not match"),
        ([], [], "do not match"),
        ([[1.0]], [[1.0]], "do not match"),
        ([np.nan], [1.0], "finite"),
        ([1.0], [np.inf], "finite"),
        ([1.0, 1.0], [1.0, -1.0], "at least 0"),
        ([1.0, 1.0], [0.0, 0.0], "above 0"),
    ],
)
def test_a_risk_refuses_numbers_it_cannot_be_made_of(losses, weights, match):
    with pytest.raises(InputError, match=match):
        Risk.of(losses, weights)


def shifted(rng: np.random.Generator, mean: float, n: int = 4000):
    """Draw sequences from N(mean, 1), their labels, and the logits of two models.

    `left` knows the label better where x < 0.3, `right` where x ≥ 0.3.
    """
    x = rng.normal(mean, 1, size=n)
    labels = rng.integers(0, 2, size=n)
    signs = 2.0 * labels - 1
    known = {"left": x < 0.3, "right": x >= 0.3}
    logits = {
        name: np.where(where, 3 * signs, 0.3 * signs) + rng.normal(size=n)
        for name, where in known.items()
    }
    return x, labels, logits


@pytest.mark.parametrize("rule", ["iwv", "dev"])
def test_under_covariate_shift_weights_find_the_model_that_source_misses(rule):
    rng = np.random.default_rng(1)
    x, labels, logits = shifted(rng, 0.0)
    _, target_labels, target_logits = shifted(rng, 1.0)
    weights = np.exp(x - 0.5)  # N(1, 1) over N(0, 1)
    records = [
        Record(
            name,
            source_auroc=auroc(logits[name], labels),
            risk=Risk.of(np.logaddexp(0, logits[name] * (1 - 2.0 * labels)), weights),
            oracle=auroc(target_logits[name], target_labels),
        )
        for name in ("left", "right")
    ]
    assert choose(records, "source").name == "left"
    chosen = choose(records, rule)
    assert (chosen.name, chosen.fallback) == ("right", None)
    assert choose(records, "oracle").name == "right"
    losses = {
        name: np.logaddexp(0, target_logits[name] * (1 - 2.0 * target_labels)).mean()
        for name in ("left", "right")
    }
    assert chosen.scores == pytest.approx(losses, abs=0.05)
    # (Σw)² / Σw² of these weights is n / e in expectation.
    for size in chosen.effective_sizes.values():
        assert size == pytest.approx(4000 / np.e, rel=0.3)


def weighted(name: str, auroc: float, loss: float, weights: list[float]) -> Record:
    return Record(name, auroc, risk=Risk.of([loss] * len(weights), weights))


@pytest.mark.parametrize("rule", ["iwv", "dev"])
@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        ([1.0] * 29, r"of collapsed is 29\.0 of 29 sequences, below 30\.0"),
        ([40.0] * 40 + [0.0] * 960, r"of collapsed is 40\.0 of 1000 sequences, below 50\.0"),
        ([0.01] * 1000, r"of collapsed average 0\.01 where 1 is expected"),
        ([50.0] * 1000, r"of collapsed average 50 where 1 is expected"),
    ],
)
def test_collapsed_weights_of_one_candidate_give_way_to_source(rule, weights, reason, caplog):
    sound = weighted("sound", 0.9, 0.6, [1.0] * 100)
    collapsed = weighted("collapsed", 0.8, 0.1, weights)
    with caplog.at_level(logging.WARNING, "dann_tfbs"):
        chosen = choose([collapsed, sound], rule)
    assert chosen.name == "sound"
    assert chosen.rule == rule
    assert chosen.scores == {"collapsed": 0.8, "sound": 0.9}
    assert list(chosen.effective_sizes) == ["collapsed", "sound"]
    assert chosen.label == f"{rule} (fell back to source)"
    assert chosen.fallback is not None
    [warning] = [record.getMessage() for record in caplog.records]
    for text in (chosen.fallback, warning):
        assert re.search(reason, text)


@pytest.mark.parametrize(
    "weights", [[1.0] * 30, [20.0] * 50 + [0.0] * 950, [0.5] * 100, [2.0] * 100]
)
def test_weights_that_just_suffice_decide_without_a_warning(weights, caplog):
    with caplog.at_level(logging.WARNING, "dann_tfbs"):
        chosen = choose(
            [weighted("a", 0.9, 0.6, [1.0] * 100), weighted("b", 0.8, 0.1, weights)], "iwv"
        )
    assert (chosen.name, chosen.fallback) == ("b", None)
    assert not caplog.records


def test_a_fallback_needs_the_source_score():
    collapsed = Record("a", risk=Risk.of([1.0], [1.0]))
    with pytest.raises(InputError, match="source_auroc"):
        choose([collapsed], "iwv")
