"""Whole trainings on a tiny planted table."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from planted import (
    StopError,
    planted_table,
    small_experiment,
    stop_after,
    weights,
    without_speed,
)

from dann_tfbs.data.table import SCHEMA, TABLE_FILE, write_table
from dann_tfbs.errors import InputError
from dann_tfbs.model.native.kernel import compiler
from dann_tfbs.training.train import train


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return planted_table(tmp_path_factory.mktemp("table"))


@pytest.fixture(scope="module")
def finished(table, tmp_path_factory):
    """One training that several tests compare with; with its folder."""
    out = tmp_path_factory.mktemp("runs") / "run"
    return train(small_experiment(table), out), out


def test_the_planted_motif_is_learnt(finished):
    trained, out = finished
    records = trained.histories[0]
    assert max(r["validation_auroc"] for r in records) > 0.9
    assert records[-1]["train_loss"] < records[0]["train_loss"]
    metrics = json.loads((out / "metrics.json").read_text())
    values = [r["validation_auroc"] for r in records]
    assert metrics["best_epoch"] == values.index(max(values)) + 1
    assert metrics["history"] == records


def test_permuted_labels_teach_nothing(table, finished, tmp_path):
    experiment = small_experiment(table, data={"permute_labels": True}, seeds=3)
    trained = train(experiment, tmp_path / "run")
    last = [records[-1]["validation_auroc"] for records in trained.histories]
    # One sd of an AUROC of 100 against 100 random sequences is .041, of a mean of three .024.
    assert abs(np.mean(last) - 0.5) < 0.1
    assert np.mean(last) < finished[0].histories[0][-1]["validation_auroc"] - 0.3
    labels = trained.validation.labels
    assert (labels.sum(axis=1) == 100).all()
    assert not np.array_equal(labels[0], labels[1])


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(table, finished, tmp_path):
    again = train(small_experiment(table), tmp_path / "again")
    train(small_experiment(table, seed=1), tmp_path / "other")
    assert weights(tmp_path / "again") == weights(finished[1])
    assert without_speed(again.histories) == without_speed(finished[0].histories)
    assert weights(tmp_path / "other")[0] != weights(finished[1])[0]


def test_models_side_by_side_are_those_of_their_seeds(table, finished, tmp_path):
    pair = train(small_experiment(table, seeds=2), tmp_path / "pair")
    assert [folder.name for folder in pair.folders] == ["seed-0", "seed-1"]
    first, alone = pair.histories[0][-1], finished[0].histories[0][-1]
    assert first["train_loss"] == pytest.approx(alone["train_loss"], abs=0.02)
    assert first["validation_auroc"] == pytest.approx(alone["validation_auroc"], abs=0.02)
    provenance = json.loads((pair.folders[1] / "provenance.json").read_text())
    assert (provenance["seed"], provenance["trained_with_seeds"]) == (1, [0, 1])


def test_the_test_split_is_never_used(table, finished, tmp_path):
    rows = pq.read_table(table / TABLE_FILE).to_pylist()
    for row in rows:
        if row["split"] == "test":
            row["label"] = 1 - row["label"]
            row["sequence"] = "not DNA at all"
            row["tf"] = "another"
    poisoned = tmp_path / "poisoned"
    poisoned.mkdir()
    write_table(poisoned / TABLE_FILE, pa.Table.from_pylist(rows, schema=SCHEMA))
    train(small_experiment(poisoned), tmp_path / "run")
    assert weights(tmp_path / "run") == weights(finished[1])


@pytest.mark.parametrize("schedule", ["linear", "onecycle"])
def test_a_resumed_training_is_the_uninterrupted_one(table, tmp_path, schedule):
    experiment = small_experiment(
        table, seeds=2, training={"epochs": 3, "schedule": schedule, "batch_positives": 0.4}
    )
    whole = train(experiment, tmp_path / "whole")
    for epochs in (1, 1):
        with pytest.raises(StopError):
            train(
                experiment,
                tmp_path / "parts",
                on_epoch=stop_after(epochs),
                resume=(tmp_path / "parts").exists(),
            )
        assert list((tmp_path / "parts").glob("seed-*")) == []
    parts = train(experiment, tmp_path / "parts", resume=True)
    assert weights(tmp_path / "parts") == weights(tmp_path / "whole")
    assert without_speed(parts.histories) == without_speed(whole.histories)
    assert len(parts.histories[0]) == 3


@pytest.fixture(scope="module")
def stopped(table, tmp_path_factory):
    """The folder of a training that stopped after its first epoch."""
    out = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.raises(StopError):
        train(small_experiment(table), out, on_epoch=stop_after(1))
    return out


@pytest.mark.parametrize(
    "values",
    [
        {"seed": 1},
        {"training": {"learning_rate": 0.1}},
        {"training": {"epochs": 3}},
        {"data": {"permute_labels": True}},
        {"data": {"window": 20}},
        {"prediction": {"strands": "max"}},
    ],
)
def test_other_settings_may_not_continue(table, stopped, values):
    with pytest.raises(InputError, match=r"checkpoint-CHS.*belongs to other settings"):
        train(small_experiment(table, **values), stopped, resume=True)


def test_other_data_may_not_continue_but_the_same_data_elsewhere_may(table, stopped, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(stopped, out)
    other = planted_table(tmp_path / "other", n=300)
    with pytest.raises(InputError, match="belongs to other settings or other data"):
        train(small_experiment(other), out, resume=True)
    moved = tmp_path / "moved"
    shutil.copytree(table, moved)
    assert len(train(small_experiment(moved), out, resume=True).histories[0]) == 2


def test_a_damaged_checkpoint_is_an_error(table, stopped, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(stopped, out)
    file = out / "checkpoint-CHS.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(InputError, match=r"checkpoint-CHS.*cannot be read"):
        train(small_experiment(table), out, resume=True)


def test_folders_are_taken_once(table, finished, tmp_path):
    experiment = small_experiment(table)
    with pytest.raises(InputError, match=r"run folder exists.*--resume"):
        train(experiment, finished[1])
    with pytest.raises(InputError, match="the run is finished"):
        train(experiment, finished[1], resume=True)
    with pytest.raises(InputError, match="no run to resume"):
        train(experiment, tmp_path / "absent", resume=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file.*(exists|cannot be made)"):
        train(experiment, tmp_path / "file")


def test_a_second_training_into_the_same_folder_is_refused_while_the_first_runs(table, tmp_path):
    experiment = small_experiment(table, training={"epochs": 1})
    refused = []

    def another(_source, _records):
        with pytest.raises(InputError, match="the run folder exists"):
            train(experiment, tmp_path / "run")
        refused.append(True)

    train(experiment, tmp_path / "run", on_epoch=another)
    assert refused == [True]


def test_an_ensemble_that_was_half_written_can_be_resumed(table, tmp_path):
    experiment = small_experiment(table, seeds=2)
    whole = train(experiment, tmp_path / "run")
    expected = weights(tmp_path / "run")
    shutil.rmtree(whole.folders[1])
    train(experiment, tmp_path / "run", resume=True)
    assert weights(tmp_path / "run") == expected


def test_without_validation_rows_the_last_epoch_is_taken(tmp_path):
    table = planted_table(tmp_path / "table", n=64, validation=0)
    trained = train(small_experiment(table), tmp_path / "run")
    best, last = weights(tmp_path / "run")
    assert best == last
    assert trained.validation is None
    assert "validation_auroc" not in trained.histories[0][0]


def test_bad_data_is_refused_before_the_folder_is_taken(table, tmp_path):
    out = tmp_path / "run"
    for values, message in [
        ({"data": {"path": None}}, r"data\.path.*--data"),
        ({"data": {"path": tmp_path / "nothing"}}, "no prepared table"),
        ({"data": {"tf": "CEBPB"}}, r"data\.tf.*no training rows of 'CEBPB'.*holds FOXA1"),
        ({"data": {"source": "GHTS"}}, r"data\.source.*no training rows of GHTS.*holds CHS"),
        ({"data": {"source": "both"}}, "no training rows of GHTS"),
        ({"device": "abacus"}, "'abacus' cannot be used.*Use auto or cpu"),
    ]:
        with pytest.raises(InputError, match=message):
            train(small_experiment(table, **values), out)
    assert not out.exists()


def test_a_table_without_negatives_is_refused(tmp_path):
    table = planted_table(tmp_path / "table", n=40)
    rows = [r for r in pq.read_table(table / TABLE_FILE).to_pylist() if r["label"] == 1]
    write_table(table / TABLE_FILE, pa.Table.from_pylist(rows, schema=SCHEMA))
    with pytest.raises(InputError, match=r"training on CHS needs both positives and negatives"):
        train(small_experiment(table), tmp_path / "run")


def test_the_window_is_no_longer_than_the_longest_training_sequence(table, tmp_path):
    experiment = small_experiment(table, data={"window": 301}, training={"epochs": 1})
    trained = train(experiment, tmp_path / "run")
    assert trained.experiment.data.window == 24
    assert trained.experiment.data.tf == "FOXA1"


@pytest.mark.skipif(compiler() is None, reason="there is no C++ compiler here")
@pytest.mark.parametrize("engine", ["native", pytest.param("compiled", marks=pytest.mark.slow)])
def test_a_compiled_training_is_close_to_the_plain_one_and_resumes_to_the_bit(
    engine, table, finished, tmp_path
):
    """`compiled` takes half a minute."""
    experiment = small_experiment(table, training={"engine": engine})
    whole = train(experiment, tmp_path / "whole")
    with pytest.raises(StopError):
        train(experiment, tmp_path / "parts", on_epoch=stop_after(1))
    train(experiment, tmp_path / "parts", resume=True)
    assert weights(tmp_path / "parts") == weights(tmp_path / "whole")
    plain = finished[0].histories[0]
    for own, other in zip(whole.histories[0], plain, strict=True):
        assert own["train_loss"] == pytest.approx(other["train_loss"], abs=0.02)
        assert own["validation_auroc"] == pytest.approx(other["validation_auroc"], abs=0.02)
