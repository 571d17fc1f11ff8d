"""Studies end to end, on a tiny planted table."""

import json
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from planted import planted_table, rows

from dann_tfbs.errors import InputError
from dann_tfbs.experiments.comparison.study import read_study as read_comparison
from dann_tfbs.experiments.outcome import read_outcome, write_outcome
from dann_tfbs.experiments.study import tables as tables_module
from dann_tfbs.experiments.study import units as units_module
from dann_tfbs.experiments.study.cluster import Machines
from dann_tfbs.experiments.study.run_unit import run_unit
from dann_tfbs.experiments.study.settings import StudySettings
from dann_tfbs.experiments.study.study import finished, open_study, run_study
from dann_tfbs.experiments.study.units import unit_key, units_of
from dann_tfbs.experiments.tracked.epoch_log import read_epochs
from dann_tfbs.settings import validated

HERE = Machines(workers=0)


@pytest.fixture
def tables(tmp_path, rng):
    train = planted_table(tmp_path / "train", n=160, validation=40)
    test = planted_table(
        tmp_path / "test", n=8, validation=8, extra=rows("HTS", "test", 60, rng, length=20)
    )
    return train, test


@pytest.fixture
def make(tables, tmp_path):
    """Return a function from changes of a study to the study and its trainings."""
    train, test = tables

    def made(**changes):
        task = {
            "name": "t",
            "tfs": ["FOXA1"],
            "source": "CHS",
            "target": "HTS",
            "train": {"path": str(train)},
            "test": {"path": str(test)},
        }
        values = {
            "name": "tiny",
            "settings": {"training.epochs": 1, "data.window": 20, "training.engine": "plain"},
            "factors": {"rate": {"slow": {"training.learning_rate": 0.001}}},
            "seeds": 2,
            "data": {"mine": {"tasks": [task]}},
            **changes,
        }
        study = validated(StudySettings, values, "test")
        return study, units_of(study, study.data["mine"], tmp_path / "tables", lambda text: None)

    return made


def read_study(out):
    return list(read_comparison(out).outcomes)


def ran(study, units, out):
    """Run what is missing; return the variants that were run, and those that failed."""
    open_study(out, study, "mine", units)
    done = []
    failed = run_study(study, units, out, HERE, done.append)
    return [d.unit.variant for d in done], [d.unit.variant for d in failed]


def test_outcomes_of_every_variant(make, tmp_path):
    out = tmp_path / "out"
    assert ran(*make(), out) == (["reference", "slow"], [])
    first, second = read_study(out)
    assert (first.variant, second.variant, second.factor) == ("reference", "slow", "rate")
    assert first.task == "t-FOXA1"
    assert first.seeds == (0, 1)
    assert len(first.scores["auroc"]) == len(first.histories) == 2
    assert (first.positives, first.negatives, first.parameters) == (30, 30, 3402)
    assert second.settings["training.learning_rate"] == 0.001
    assert set(first.embedding.domain) == {"CHS (source)", "HTS (target)"}


def test_a_finished_training_is_not_repeated_and_names_may_change(make, tmp_path):
    out = tmp_path / "out"
    ran(*make(), out)
    factors = {
        "pace": {"slower": {"training.learning_rate": 0.001}},
        "batch": {"large": {"training.batch_size": 64}},
    }
    assert ran(*make(factors=factors), out) == (["large"], [])
    assert [o.variant for o in read_study(out)] == ["reference", "slower", "large"]
    # What the study no longer holds stays on the disk and out of the comparison.
    ran(*make(), out)
    assert [o.variant for o in read_study(out)] == ["reference", "slow"]


def test_key_knows_what_decides_the_result_and_nothing_else(make, monkeypatch, tables, rng):
    _, (unit, slow) = make()
    assert unit.key != slow.key
    same = unit.experiment.model_copy(update={"name": "another", "device": "cpu"})
    assert unit_key(same, unit.test) == unit.key
    _, (other_settings, _) = make(settings={"training.epochs": 2, "data.window": 20})
    assert other_settings.key != unit.key
    monkeypatch.setattr(units_module, "RESULTS_VERSION", 2)
    assert unit_key(unit.experiment, unit.test) != unit.key
    monkeypatch.undo()
    planted_table(tables[1], n=8, validation=8, extra=rows("HTS", "test", 62, rng, length=20))
    assert unit_key(unit.experiment, unit.test) != unit.key


def test_key_knows_the_code_of_a_class_of_ones_own(make, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    own = tmp_path / "own_backbone.py"
    code = "from dann_tfbs.model.network import Backbone\n\nclass Own(Backbone):\n    width = {}\n"
    own.write_text(code.format(1))
    factors = {"backbone": {"own": {"architecture.backbone": "own_backbone:Own"}}}
    keys = [make(factors=factors)[1][1].key for _ in range(2)]
    own.write_text(code.format(100))
    assert keys[0] == keys[1] != make(factors=factors)[1][1].key


def test_key_knows_the_content_of_further_files_not_their_place(make, tmp_path, rng):
    keys = []
    for place, n in (("a", 8), ("b", 8), ("a", 12)):
        companion = planted_table(tmp_path / place, n=n, validation=8)
        change = {
            "mode": "multihead",
            "heads.TARGET": {},
            "data.companions": {"X": [str(companion)]},
        }
        keys.append(make(factors={"f": {"companion": change}})[1][1].key)
    assert keys[0] == keys[1] != keys[2]


def test_a_training_runs_in_another_folder(tables, tmp_path, monkeypatch):
    """A worker on a cluster need not be where the command was given."""
    task = {
        "name": "t", "tfs": ["FOXA1"], "source": "CHS", "target": "HTS",
        "train": {"path": "train"}, "test": {"path": "test"},
    }  # fmt: skip
    values = {
        "name": "tiny",
        "settings": {"training.epochs": 1, "data.window": 20, "training.engine": "plain"},
        "factors": {"rate": {"slow": {"training.learning_rate": 0.001}}},
        "data": {"mine": {"tasks": [task]}},
        "seeds": 1,
    }
    monkeypatch.chdir(tmp_path)
    study = validated(StudySettings, values, "test")
    units = units_of(study, study.data["mine"], Path("tables"), lambda text: None)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert run_unit(units[0], tmp_path / "out")


def test_every_training_keeps_its_diary(make, tmp_path):
    _, (unit, _) = make()
    assert run_unit(unit, tmp_path / "out")
    for seed in (0, 1):
        points = read_epochs(tmp_path / "out" / "runs" / unit.key / "run" / f"seed-{seed}")
        names = {point.name for point in points}
        assert {"train/loss", "system/system_memory_usage_megabytes"} <= names


def test_answers_that_have_no_sequence_are_refused(tmp_path):
    (tmp_path / "HTS.fasta").write_text(">a\nACGT\n>b\nACGG\n")
    answers = tmp_path / "HTS_FOXA1.json"
    answers.write_text(json.dumps({"labels": {"a": 1, "b": 0}}))
    test = tables_module.TestSet(tmp_path / "HTS.fasta", answers, "FOXA1", "HTS")
    assert test.read()[1].tolist() == [1, 0]
    answers.write_text(json.dumps({"labels": {"a": 1, "b": 0, "c": 0}}))
    with pytest.raises(InputError, match="Are these the answers of that file"):
        test.read()


def test_a_failed_training_is_reported_and_tried_again(make, tmp_path):
    out = tmp_path / "out"
    factors = {"rate": {"wild": {"training.learning_rate": 1e30}, "slow": {"seed": 5}}}
    study, units = make(factors=factors)
    assert ran(study, units, out) == (["reference", "wild", "slow"], ["wild"])
    [record] = (out / "failed").glob("*.json")
    told = json.loads(record.read_text())
    assert told["variant"] == "wild"
    assert "diverged" in told["error"]
    assert "Traceback" in told["traceback"]
    assert ran(study, units, out) == (["wild"], ["wild"])
    assert ran(*make(), out) == (["slow"], [])
    assert not list((out / "failed").iterdir())


def test_an_interrupted_training_is_continued(make, tmp_path, monkeypatch):
    out = tmp_path / "out"
    study, units = make(settings={"training.epochs": 3, "data.window": 20})
    module = "dann_tfbs.experiments.study.run_unit"

    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("dann_tfbs.training.train._write_runs", killed)
        with pytest.raises(KeyboardInterrupt):
            run_unit(units[0], out)
    assert not finished(units[0], out)
    resumed = []

    def spy(experiment, folder, *, resume, on_epoch):
        from dann_tfbs.training.train import train

        resumed.append(resume)
        return train(experiment, folder, resume=resume, on_epoch=on_epoch)

    monkeypatch.setattr(f"{module}.train", spy)
    assert run_unit(units[0], out)
    assert resumed == [True]
    monkeypatch.undo()
    fresh = tmp_path / "fresh"
    assert run_unit(units[0], fresh)
    open_study(out, study, "mine", units)
    open_study(fresh, study, "mine", units)
    assert read_study(out)[0].scores == read_study(fresh)[0].scores


def test_settings_are_checked_before_anything_is_made(make, tmp_path):
    with pytest.raises(InputError, match=r"tiny: typo .*no such key"):
        make(factors={"f": {"typo": {"training.epoch": 3}}})
    assert not (tmp_path / "tables").exists()


def test_the_same_training_under_two_names(make):
    with pytest.raises(InputError, match="'again' and 'reference' are the same"):
        make(factors={"f": {"again": {"training.epochs": 1}}})


def test_a_folder_holds_one_study(make, tmp_path):
    study, units = make()
    open_study(tmp_path / "out", study, "mine", units)
    other, _ = make(name="other")
    with pytest.raises(InputError, match="holds the study tiny"):
        open_study(tmp_path / "out", other, "mine", units)


def test_rules_choose_among_the_variants(make, tables, tmp_path):
    factors = {"rate": {"useless": {"training.learning_rate": 1e-7}}}
    study, units = make(factors=factors, selection=["source", "oracle"])
    assert ran(study, units, tmp_path / "out") == (["reference", "useless"], [])
    found = {o.variant: o for o in read_study(tmp_path / "out")}
    assert list(found)[2:] == ["chosen by source", "chosen by oracle", "a random choice"]
    assert found["chosen by oracle"].oracle
    assert not found["chosen by source"].oracle
    assert found["chosen by source"].settings["chosen"] == "reference"
    assert found["chosen by source"].scores == found["reference"].scores
    a, b = (found[name].scores["auroc"][0] for name in ("reference", "useless"))
    assert found["a random choice"].scores["auroc"][0] == pytest.approx((a + b) / 2)


def test_choices_of_an_earlier_state_do_not_stay(make, tmp_path):
    out = tmp_path / "out"
    factors = {"rate": {"slow": {"training.learning_rate": 0.001}}}
    ran(*make(selection=["source"]), out)
    assert (out / "choices.json").is_file()
    factors["rate"]["wild"] = {"training.learning_rate": 1e30}
    assert ran(*make(selection=["source"], factors=factors), out)[1] == ["wild"]
    assert not (out / "choices.json").is_file()


def test_the_oracle_chooses_by_the_metric_of_the_study(make, tmp_path):
    out = tmp_path / "out"
    study, units = make(selection=["oracle"], metric="auprc")
    ran(study, units, out)
    for unit, auprc, auroc in zip(units, (0.2, 0.3), (0.9, 0.8), strict=True):
        folder = out / "runs" / unit.key
        scores = {"auroc": (auroc, auroc), "auprc": (auprc, auprc)}
        outcome = read_outcome(folder / "outcome.json").model_copy(update={"scores": scores})
        write_outcome(folder, outcome)
    ran(study, units, out)
    [choice] = [o for o in read_study(out) if o.variant == "chosen by oracle"]
    assert choice.settings["chosen"] == "slow"


def test_rules_choose_where_two_variants_are_one_training(make, tables, tmp_path):
    task = {
        "tfs": ["FOXA1"], "source": "CHS", "target": "HTS",
        "train": {"path": str(tables[0])}, "test": {"path": str(tables[1])},
    }  # fmt: skip
    slow = {"training.learning_rate": 0.001}
    tasks = [{**task, "name": "one"}, {**task, "name": "two", "settings": slow}]
    study, units = make(selection=["source"], data={"mine": {"tasks": tasks}})
    assert ran(study, units, tmp_path / "out")[1] == []
    chosen = [o for o in read_study(tmp_path / "out") if o.variant == "chosen by source"]
    assert [o.task for o in chosen] == ["one-FOXA1", "two-FOXA1"]


def test_what_rules_lack_is_told_before_anything_is_trained(make, tmp_path):
    study, units = make(selection=["dev"])
    with pytest.raises(InputError, match="dev needs unlabelled sequences"):
        open_study(tmp_path / "out", study, "mine", units)
    study, units = make(selection=["source"])
    data = units[1].experiment.data.model_copy(update={"path": tmp_path / "other"})
    units[1] = replace(units[1], experiment=units[1].experiment.model_copy(update={"data": data}))
    with pytest.raises(InputError, match="'slow' learns from another table"):
        open_study(tmp_path / "out", study, "mine", units)


def test_adapting_needs_a_pool(make):
    with pytest.raises(InputError, match="no unlabelled sequences are named"):
        make(factors={"f": {"adabn": {"adaptation.adabn": True}}})


def test_a_worker_killed_in_mid_study(make, tmp_path):
    """Nothing is lost, nothing is done twice."""
    out = tmp_path / "out"
    factors = {"seed": {f"seed {n}": {"seed": n} for n in (10, 20, 30)}}
    study, units = make(factors=factors, seeds=1)
    open_study(out, study, "mine", units)
    done = []

    def on_done(one):
        done.append(one.unit.variant)
        if len(done) == 1:  # the others are under way, or about to be
            workers = psutil.Process().children(recursive=True)
            leaf = [
                p for p in workers if "spawn_main" in " ".join(p.cmdline()) and not p.children()
            ]
            leaf[0].kill()

    assert run_study(study, units, out, Machines(workers=2), on_done) == []
    assert sorted(done) == ["reference", "seed 10", "seed 20", "seed 30"]
    assert len(read_study(out)) == 4


def test_a_wrong_setting_of_a_simulation_is_named(make):
    task = {"name": "t", "tfs": ["FOXA1"], "source": "CHS", "target": "HTS"}
    data = {"mine": {"simulate": {"scale": "small", "peeks": 3}, "tasks": [task]}}
    with pytest.raises(InputError, match=r"simulate\.peeks"):
        make(data=data)
