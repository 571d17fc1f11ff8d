"""From outcomes to what is said of each variant."""

import csv
import io

import numpy as np
import pytest
from made_outcomes import outcome, shifted, study, written

from dann_tfbs.errors import InputError
from dann_tfbs.experiments.comparison import words
from dann_tfbs.experiments.comparison.compared import compared
from dann_tfbs.experiments.comparison.settings_differences import changes
from dann_tfbs.experiments.comparison.shown import common_outcomes, shown_variants
from dann_tfbs.experiments.comparison.study import read_study
from dann_tfbs.experiments.comparison.tables import differences_csv, document, overview, scores_csv
from dann_tfbs.experiments.outcome import write_outcomes

BETTER = [0.01, 0.02, 0.03, 0.04, 0.05]
WORSE = [-0.02, -0.01, -0.02, -0.01, -0.02]
MIXED = [0.01, -0.02, 0.02, -0.01, 0.001]


def row_of(found, variant):
    return found.main.rows[found.axes.variants.index(variant)]


def test_differences_are_paired_and_averaged_over_tfs():
    found = compared(study(shifted({"good": BETTER, "bad": WORSE, "same": MIXED})))
    good = row_of(found, "good")
    assert good.difference.value == pytest.approx(0.03)
    assert 0.01 < good.difference.low < 0.03 < good.difference.high < 0.05
    assert (good.better, good.worse, good.pairs, good.left_out) == (5, 0, 10, 0)
    assert good.seed_sd == pytest.approx(0, abs=1e-12)  # seeds differ alike for both
    assert good.p == 2 / 32
    assert good.adjusted_p == pytest.approx(6 / 32)  # three variants are tested
    assert [row_of(found, v).verdict for v in ("good", "bad", "same", "plain")] == [1, -1, 0, 0]
    assert [found.axes.variants[i] for i in found.order()] == ["plain", "good", "same", "bad"]
    headline = words.headline(found)
    assert "1 is higher (good +0.0300 [" in headline
    assert "1 is lower (bad -0.0160 [" in headline
    assert "for 1 the interval includes 0" in headline


def test_equal_seeds_give_equal_intervals_and_streams_do_not_depend_on_the_others():
    uneven = [0.0113, 0.0271, 0.0318, 0.0447, 0.0532, 0.0759, 0.0961, 0.0034]
    alone = compared(study(shifted({"good": uneven}, base=0.4)))
    beside = compared(study(shifted({"bad": [-0.01] * 8, "good": uneven}, base=0.4)))
    other = compared(study(shifted({"good": uneven}, base=0.4)), seed=1)
    assert row_of(alone, "good").difference == row_of(beside, "good").difference
    assert row_of(alone, "good").difference != row_of(other, "good").difference


def test_tasks_of_a_tf_move_together():
    two = [
        outcome(variant, "A", [0.7 + step], task=f"A: CHS → {target}", target=target)
        for variant, steps in (("plain", (0, 0)), ("new", (0.04, 0.02)))
        for target, step in zip(("HTS", "PBM"), steps, strict=True)
    ]
    found = compared(study([*two, *shifted({"new": [0.0, 0.06, 0.0]}, seeds=1)[1:3],
                            *shifted({"new": [0.0, 0.06, 0.0]}, seeds=1)[4:]]))  # fmt: skip
    # Means of TFs A (of two tasks), B and C: .03, .06, 0. Of the four tasks it would be .03.
    assert row_of(found, "new").difference.value == pytest.approx(0.03)
    assert found.main.by_tf[1] == pytest.approx([0.03, 0.06, 0.0])


def test_what_lacks_a_partner_is_left_out_and_counted():
    made = shifted({"new": BETTER})
    made = [one for one in made if (one.variant, one.tf) not in {("plain", "A"), ("new", "B")}]
    made[-1] = outcome("new", "E", [0.95])  # the second seed is missing
    found = compared(study(made))
    new = row_of(found, "new")
    assert (new.pairs, new.left_out) == (5, 2 + 2 + 1)
    assert new.difference.value == pytest.approx((0.03 + 0.04 + 0.05) / 3)
    text = overview(found)
    assert "5 (5 left out)" in text
    assert "counted beside the pairs" in text
    # In B the reference is alone, so the missing variant has the worst rank.
    assert found.main.ranks[:, 1].tolist() == [1, 2]


def test_with_two_tfs_there_is_no_interval_but_the_spread_over_seeds():
    made = [outcome("plain", tf, [0.70, 0.72]) for tf in "AB"]
    made += [outcome("new", "A", [0.72, 0.76]), outcome("new", "B", [0.72, 0.78])]
    found = compared(study(made))
    # Seed 0: .02 and .02; seed 1: .04 and .06. Means .02 and .05, sd .0212.
    assert row_of(found, "new").seed_sd == pytest.approx(0.03 / np.sqrt(2))
    text = overview(found)
    assert "+0.0350 ± 0.0212" in text
    assert "an interval over TFs means nothing" in text
    assert "the unit is the seed" in text
    assert "nothing follows for other TFs" in text
    assert "[" not in text


def test_captions_name_the_unit_and_what_few_tfs_can_show():
    text = overview(compared(study(shifted({"good": BETTER}))))
    assert "Unit resampled: the TF (n = 5)" in text
    assert "5 TFs give no p below 0.062, so none below .05" in text
    assert "holds the truth in about 84% of cases" in text
    three = overview(compared(study(shifted({"good": BETTER[:3]}))))
    assert "No signed-rank test: it needs 5 TFs." in three


def test_an_oracle_is_called_so_everywhere_and_has_no_rank():
    made = shifted({"good": BETTER, "bad": WORSE})
    made = [one.model_copy(update={"oracle": one.variant == "good"}) for one in made]
    found = compared(study(made))
    assert np.isnan(row_of(found, "good").rank)
    assert row_of(found, "plain").rank == 1
    texts = [overview(found), document([found])]
    for text in texts:
        assert text.replace("good (oracle)", "").count("good") == 1  # the note that explains it
        assert "no honest result: good" in text
    assert [one.label for one in shown_variants(found)][1] == "good (oracle)"
    rows = list(csv.DictReader(io.StringIO(scores_csv([found]))))
    assert {row["oracle"] for row in rows if row["variant"] == "good"} == {"True"}


def test_held_out_scores_are_no_test_and_the_tables_say_so():
    text = overview(compared(study(shifted({"good": BETTER}, test="held-out source"))))
    assert "All scores are measured on held-out sequences of the source" in text


def test_a_reference_that_failed_leaves_scores_without_differences():
    found = compared(study(shifted({"good": BETTER}), reference="gone"))
    text = overview(found)
    assert "The reference gone has no finished run" in text
    assert np.isnan(row_of(found, "good").difference.value)
    assert "0.8400" in text
    assert "resampled" not in text


def test_the_same_seed_twice_is_refused():
    made = [*shifted({"good": BETTER}), outcome("good", "A", [0.5])]
    with pytest.raises(InputError, match="seed 0 of good × A: CHS → HTS stands twice"):
        compared(study(made))


def test_a_missing_metric_is_named():
    with pytest.raises(InputError, match="no outcome has the metric kendall"):
        compared(study(shifted({"good": BETTER}), metric="kendall"))


def test_the_tables_in_csv_hold_every_score_and_every_difference():
    made = shifted({"good": BETTER})
    made[0] = made[0].model_copy(update={"together": {"auroc": 0.75}})
    found = compared(study(made))
    rows = list(csv.DictReader(io.StringIO(scores_csv([found]))))
    assert len(rows) == 10 * 2 * 2 + 1  # outcomes × seeds × metrics, and one of all seeds
    (one,) = [r for r in rows if r["variant"] == "good" and r["task"].startswith("C")
              and (r["seed"], r["metric"]) == ("1", "auroc")]  # fmt: skip
    assert float(one["score"]) == pytest.approx(0.7 + 0.1 + 0.02 + 0.03)
    assert one["reference"] == "False"
    rows = list(csv.DictReader(io.StringIO(differences_csv([found]))))
    assert [r["scope"] for r in rows if r["metric"] == "auroc"] == ["task"] * 5 + ["TF"] * 5 + [
        "all TFs"
    ]
    (last,) = [r for r in rows if (r["scope"], r["metric"]) == ("all TFs", "auprc")]
    assert float(last["difference"]) == pytest.approx(0.03)
    assert float(last["p"]) == 2 / 32
    assert (last["better"], last["pairs"]) == ("5", "10")


def test_names_cannot_break_a_table():
    name = "a | b\n<script>"
    table = overview(compared(study(shifted({name: BETTER})))).split("\n\n")[1]
    assert len({line.replace("\\|", "").count("|") for line in table.splitlines()}) == 1
    assert "<script>" not in table


def test_settings_that_differ_on_the_same_task_are_listed():
    made = shifted({"long": BETTER[:2], "mixed": BETTER[:2]})
    made = [
        one.model_copy(
            update={
                "settings": {
                    "data.tf": one.tf,
                    "seed": len(one.variant),
                    "training.epochs": 9 if one.variant == "long" else 6,
                    "data.window": {"A": 40, "B": 50}[one.tf] if one.variant == "mixed" else 30,
                    **({"head": 1} if one.variant == "mixed" else {}),
                }
            }
        )
        for one in made
    ]
    found = [(c.variant, c.key, c.reference, c.value) for c in changes(study(made))]
    assert found == [
        ("long", "training.epochs", "6", "9"),
        ("mixed", "data.window", "30", "(depends on the task)"),
        ("mixed", "head", "(not set)", "1"),
    ]


def test_a_study_is_read_with_its_choices_and_without_what_it_no_longer_has(tmp_path):
    made = shifted({"good": BETTER})
    folder = written(tmp_path, made)
    # Left over from before the settings changed.
    (folder / "runs" / "old").mkdir()
    (folder / "runs" / "old" / "outcome.json").write_text("{}")
    choice = made[0].model_copy(update={"variant": "chosen by source", "factor": "choice"})
    write_outcomes(folder / "choices.json", [choice])
    (folder / "failed").mkdir()
    for name, variant in (("a", "good"), ("b", "bad")):
        (folder / "failed" / f"{name}.json").write_text(
            f'{{"variant": "{variant}", "task": "A: CHS → HTS", "error": "E: x", "traceback": "T",'
            ' "settings": {}}'
        )
    found = read_study(folder)
    assert len(found.outcomes) == len(made) + 1
    assert {one.variant for one in found.outcomes} == {"plain", "good", "chosen by source"}
    # What failed first and finished later is no failure.
    assert [(one.variant, one.error) for one in found.failures] == [("bad", "E: x")]
    text = overview(compared(found))
    assert "1 run failed: bad × A: CHS → HTS." in text


def test_a_study_without_a_finished_run_says_so(tmp_path):
    with pytest.raises(InputError, match="no run of this study has finished"):
        read_study(written(tmp_path, []))


def test_curves_are_averaged_over_the_same_tasks_only():
    made = shifted({"all": BETTER, "most": BETTER, "one": BETTER})
    made = [
        one
        for one in made
        if not (one.variant == "most" and one.tf == "A")
        and not (one.variant == "one" and one.tf != "B")
    ]
    found = compared(study(made))
    kept, outcomes = common_outcomes(found, shown_variants(found), lambda one: True)
    assert {one.variant for one in kept} == {"plain", "all", "most"}
    assert {tuple(one.tf for one in by.values()) for by in outcomes.values()} == {tuple("BCDE")}
