"""`dann-tfbs adapt`: new runs from finished ones, with and without a further training."""

import hashlib
import json
import shutil

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from planted import planted_codes, planted_table, small_experiment
from safetensors.numpy import load_file

from dann_tfbs.commands.adapt import adapt
from dann_tfbs.commands.predict import predict
from dann_tfbs.errors import InputError
from dann_tfbs.experiments.adapting_run import Request, training_settings
from dann_tfbs.run_folder import Run, read_run
from dann_tfbs.sequence import decode, from_codes
from dann_tfbs.trained import load
from dann_tfbs.training.train import train


def run(*arguments, tracking="off"):
    words = [*map(str, arguments), "--tracking", tracking]
    result = CliRunner().invoke(adapt, words)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def write_pool(path, n=300, length=24):
    """A pool unlike the table: rich in GC, a tenth bound."""
    rng = np.random.default_rng(11)
    codes = planted_codes((np.arange(n) % 10 == 0).astype(int), length, rng)
    poor = (codes == 0) & (rng.random(codes.shape) < 0.6)
    poor[::10] = False
    codes[poor] = 2
    path.write_text("\n".join(decode(from_codes(codes))) + "\n")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table, a pool, a single run and an ensemble of two."""
    folder = tmp_path_factory.mktemp("adapt")
    table = planted_table(folder / "table", n=160, validation=80)
    write_pool(folder / "pool.txt")
    train(small_experiment(table, seed=3), folder / "single")
    train(small_experiment(table, seeds=2), folder / "pair")
    return folder


def contents(path):
    return {
        file.relative_to(path).as_posix(): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def config_of(path):
    return yaml.safe_load((path / "config.yaml").read_text())


def provenance_of(path):
    return json.loads((path / "provenance.json").read_text())


def test_batch_statistics_alone_change_and_the_old_run_stays(folder, tmp_path):
    before = contents(folder / "single")
    result = run(folder / "single", folder / "pool.txt", "--out", tmp_path / "new")
    assert result.exit_code == 0
    assert contents(folder / "single") == before
    old = load_file(folder / "single" / "weights.safetensors")
    new = load_file(tmp_path / "new" / "weights.safetensors")
    assert old.keys() == new.keys()
    changed = {key for key in old if not np.array_equal(old[key], new[key])}
    assert changed == {key for key in old if "running" in key}
    config = config_of(tmp_path / "new")
    assert config["adaptation"]["adabn"] is True
    assert config["data"]["unlabelled"] == {"HTS": str(folder / "pool.txt")}
    assert config["initial"] is None
    provenance = provenance_of(tmp_path / "new")
    assert provenance["started_from"] == {
        "run": str(folder / "single"),
        "weights_sha256": sha256(folder / "single" / "weights.safetensors"),
    }
    assert provenance["adapted"]["unlabelled_sha256"] == sha256(folder / "pool.txt")
    assert provenance["adapted"]["sequences"] == 300
    assert provenance["data_sha256"] == provenance_of(folder / "single")["data_sha256"]
    assert json.loads((tmp_path / "new" / "metrics.json").read_text()) == json.loads(
        before["metrics.json"]
    )
    lines = result.output.splitlines()
    assert lines[-1] == str(tmp_path / "new")
    texts = (folder / "pool.txt").read_text().split()
    scores = [load(path).logits(texts)[:, 0] for path in (folder / "single", tmp_path / "new")]
    ranks = [np.argsort(np.argsort(one)) for one in scores]
    assert float(lines[0].split()[-1]) == pytest.approx(np.corrcoef(*ranks)[0, 1], abs=1e-4)


def test_it_is_what_training_with_adabn_gives(folder, tmp_path):
    run(folder / "single", folder / "pool.txt", "--out", tmp_path / "new")
    # The written settings describe the run: training by them gives the same weights.
    train(read_run(tmp_path / "new").experiment, tmp_path / "trained")
    for name in ("weights.safetensors", "last.safetensors"):
        assert (tmp_path / "new" / name).read_bytes() == (tmp_path / "trained" / name).read_bytes()


def test_the_new_folder_stands_alone_and_predicts(folder, tmp_path):
    shutil.copytree(folder / "single", tmp_path / "old")
    run(tmp_path / "old", folder / "pool.txt", "--out", tmp_path / "new", "--quiet")
    shutil.rmtree(tmp_path / "old")
    shutil.move(tmp_path / "new", tmp_path / "moved")
    out = tmp_path / "scores.csv"
    words = [str(tmp_path / "moved"), str(folder / "pool.txt"), "--out", str(out)]
    assert CliRunner().invoke(predict, words, catch_exceptions=False).exit_code == 0
    assert len(out.read_text().splitlines()) == 301


def test_the_same_inputs_give_the_same_bytes(folder, tmp_path):
    for name in ("a", "b"):
        run(folder / "pair", folder / "pool.txt", "--out", tmp_path / name)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_an_ensemble_stays_one_and_its_models_stay_apart(folder, tmp_path):
    result = run(folder / "pair", folder / "pool.txt", "--out", tmp_path / "pair", "--quiet")
    assert result.output == f"{tmp_path / 'pair'}\n"
    assert [p.name for p in sorted((tmp_path / "pair").iterdir())] == ["seed-0", "seed-1"]
    assert load(tmp_path / "pair").network.members == 2
    for seed in (0, 1):
        name = f"seed-{seed}"
        alone = tmp_path / f"alone-{seed}"
        run(folder / "pair" / name, folder / "pool.txt", "--out", alone)
        own, new = (load_file(p / "weights.safetensors") for p in (alone, tmp_path / "pair" / name))
        for key in own:
            np.testing.assert_allclose(new[key], own[key], rtol=1e-4, atol=1e-5)
        started = provenance_of(tmp_path / "pair" / name)["started_from"]
        assert started["weights_sha256"] == sha256(folder / "pair" / name / "weights.safetensors")
        assert config_of(tmp_path / "pair" / name)["seed"] == seed


def test_a_large_pool_is_sampled_not_cut(folder, tmp_path, monkeypatch):
    """A sorted file must not be read from its beginning alone."""
    monkeypatch.setattr("dann_tfbs.experiments.adapting_run.MOST_FOR_STATISTICS", 200)
    texts = ["A" * 24] * 500 + ["C" * 24] * 500
    (tmp_path / "sorted.txt").write_text("\n".join(texts))
    (tmp_path / "other_way.txt").write_text("\n".join(texts[::-1]))
    (tmp_path / "begin.txt").write_text("\n".join(texts[:200]))
    means = {}
    for name in ("sorted", "other_way", "begin"):
        run(folder / "single", tmp_path / f"{name}.txt", "--out", tmp_path / name, "--quiet")
        state = load_file(tmp_path / name / "weights.safetensors")
        means[name] = next(v for k, v in sorted(state.items()) if k.endswith("running_mean"))
    spread = np.abs(means["sorted"] - means["begin"]).max()
    assert np.abs(means["sorted"] - means["other_way"]).max() < 0.3 * spread


def test_a_further_training_starts_from_the_run(folder, tmp_path):
    before = contents(folder / "pair")
    words = [folder / "pair", folder / "pool.txt", "--alignment", "coral", "--epochs", 1]
    quiet = ["--quiet", "--set", "training.learning_rate=1e-9"]
    result = run(*words, "--out", tmp_path / "new", *quiet)
    assert result.exit_code == 0
    assert contents(folder / "pair") == before
    for seed in (0, 1):
        old = folder / "pair" / f"seed-{seed}"
        new = tmp_path / "new" / f"seed-{seed}"
        config = config_of(new)
        assert config["initial"] == str(folder / "pair")
        assert config["adaptation"]["alignments"] == [{"kind": "coral"}]
        assert config["adaptation"]["adabn"] is False
        assert config["mode"] == "baseline"
        assert (config["seed"], config["seeds"], config["training"]["epochs"]) == (seed, 1, 1)
        assert provenance_of(new)["started_from"] == {
            "run": str(old),
            "weights_sha256": sha256(old / "weights.safetensors"),
        }
        # With next to no learning rate the weights stay those of the run.
        weights = [load_file(path / "weights.safetensors") for path in (old, new)]
        for key in weights[0]:
            if not key.endswith(("running_mean", "running_var", "tracked")):
                np.testing.assert_allclose(weights[1][key], weights[0][key], atol=1e-5)
        (record,) = json.loads((new / "metrics.json").read_text())["history"]
        assert any("coral" in key for key in record)
    again = run(*words, "--out", tmp_path / "again", *quiet)
    assert again.exit_code == 0
    for path in ("seed-0", "seed-1"):
        first, second = (
            tmp_path / name / path / "weights.safetensors" for name in ("new", "again")
        )
        assert first.read_bytes() == second.read_bytes()


def test_a_training_may_end_with_the_pools_statistics(folder, tmp_path):
    words = [folder / "single", folder / "pool.txt", "--epochs", 1, "--seed", 8, "--quiet"]
    kinds = ["--alignment", "dann", "--alignment", "adabn"]
    run(*words, *kinds, "--out", tmp_path / "new")
    config = config_of(tmp_path / "new")
    assert config["adaptation"]["alignments"] == [{"kind": "dann"}]
    assert config["adaptation"]["adabn"] is True
    assert config["seed"] == 8


def test_settings_of_alignments_can_be_given(folder, tmp_path):
    entry = "{kind: coral, weight: 0.25}"
    words = [folder / "single", folder / "pool.txt", "--epochs", 1, "--quiet"]
    run(*words, "--set", f"adaptation.alignments=[{entry}]", "--out", tmp_path / "new")
    alignments = config_of(tmp_path / "new")["adaptation"]["alignments"]
    assert alignments == [{"kind": "coral", "weight": 0.25}]


@pytest.mark.parametrize(
    ("kind", "mode"), [("coral", "multihead"), ("dann", "dann"), ("cdan", "dann")]
)
def test_the_mode_says_what_the_run_is(folder, kind, mode, tmp_path):
    for old in ("multihead", "dann"):
        heads = {"HTS": {}, "PBM": {"window": 20}}
        experiment = small_experiment(folder / "table", mode=old, heads=heads)
        found = training_settings(
            tmp_path / "run",
            [Run(tmp_path / "run", experiment, {})],
            folder / "pool.txt",
            Request([kind], data=folder / "table"),
        )
        assert found.mode == mode
        assert [entry["kind"] for entry in found.alignments] == [kind]
        assert list(found.heads) == ["HTS", "PBM"]


def test_the_default_folder_is_named_after_run_and_alignment(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    result = run(folder / "single", folder / "pool.txt", "--quiet")
    assert result.output == "runs/single-adabn\n"
    assert load("runs/single-adabn").experiment.adaptation.adabn
    with pytest.raises(InputError, match=r"single-adabn: the run folder exists.*--out"):
        run(folder / "single", folder / "pool.txt")


def test_scoring_may_be_set_without_training(folder, tmp_path):
    words = ["--set", "data.score_length=train", "--set", "prediction.strands=max", "--quiet"]
    run(folder / "single", folder / "pool.txt", *words, "--out", tmp_path / "new")
    config = config_of(tmp_path / "new")
    assert config["data"]["score_length"] == "train"
    assert config["prediction"]["strands"] == "max"


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["--epochs", 2], r"--epochs.*adabn trains nothing.*--alignment"),
        (["--data", "table"], r"--data.*adabn trains nothing"),
        (["--set", "training.epochs=2"], r"training\.epochs: adabn trains nothing"),
        (["--alignment", "coarl"], r"'coarl'.*Known kinds"),
        (["--set", "data.score_length=long"], r"data\.score_length"),
    ],
)
def test_what_makes_no_sense_is_refused(folder, tmp_path, words, match):
    with pytest.raises(InputError, match=match):
        run(folder / "single", folder / "pool.txt", *words, "--out", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_wrong_inputs_are_explained(folder, tmp_path):
    out = ["--out", tmp_path / "new"]
    with pytest.raises(InputError, match=r"no finished run here.*dann-tfbs train"):
        run(tmp_path / "none", folder / "pool.txt", *out)
    (tmp_path / "empty.txt").write_text("")
    with pytest.raises(InputError, match=r"empty\.txt: .*"):
        run(folder / "single", tmp_path / "empty.txt", *out)
    with pytest.raises(InputError, match=r"empty\.txt"):
        run(folder / "single", tmp_path / "empty.txt", "--alignment", "coral", *out)
    with pytest.raises(InputError, match="inside the run"):
        run(folder / "single", folder / "pool.txt", "--out", folder / "single" / "new")
    assert not (tmp_path / "new").exists()


def test_statistics_of_another_target_need_its_head_and_go_by_its_window(folder, tmp_path):
    other = ["--set", "data.target=PBM", "--out", tmp_path / "new"]
    with pytest.raises(InputError, match=r"data\.target.*no head for PBM.*heads are HTS"):
        run(folder / "single", folder / "pool.txt", *other)
    assert not (tmp_path / "new").exists()
    heads = {"HTS": {"window": 24}, "PBM": {"window": 18}}
    two = small_experiment(folder / "table", mode="multihead", heads=heads, training={"epochs": 1})
    train(two, tmp_path / "two")
    run(tmp_path / "two", folder / "pool.txt", *other, "--quiet")
    assert config_of(tmp_path / "new")["data"]["window"] == 18


def test_a_training_needs_the_table_of_the_run(folder, tmp_path):
    shutil.copytree(folder / "table", tmp_path / "table")
    train(small_experiment(tmp_path / "table", training={"epochs": 1}), tmp_path / "run")
    words = [tmp_path / "run", folder / "pool.txt", "--alignment", "moments", "--epochs", 1]
    planted_table(tmp_path / "table", n=80, validation=40)
    with pytest.raises(InputError, match=r"not the table any more.*--data"):
        run(*words, "--out", tmp_path / "new")
    shutil.rmtree(tmp_path / "table")
    with pytest.raises(InputError, match=r"is not here.*--data"):
        run(*words, "--out", tmp_path / "new")
    # Statistics need no table.
    run(*words[:2], "--out", tmp_path / "statistics", "--quiet")
    run(*words, "--data", folder / "table", "--out", tmp_path / "new", "--quiet")
    assert config_of(tmp_path / "new")["data"]["path"] == str(folder / "table")


def test_runs_of_other_settings_are_no_ensemble(folder, tmp_path):
    shutil.copytree(folder / "single", tmp_path / "mixed" / "a")
    table = folder / "table"
    train(small_experiment(table, data={"window": 20}), tmp_path / "mixed" / "b")
    with pytest.raises(InputError, match="differs from"):
        run(tmp_path / "mixed", folder / "pool.txt", "--out", tmp_path / "new")


def test_an_adapted_run_is_recorded(folder, tmp_path, monkeypatch):
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    out = tmp_path / "new"
    run(folder / "single", folder / "pool.txt", "--out", out, "--quiet", tracking="mlflow")
    client = MlflowClient(uri)
    (experiment,) = [e for e in client.search_experiments() if e.name == "dann-tfbs"]
    (tracked,) = client.search_runs([experiment.experiment_id])
    assert tracked.info.run_name == "new"
    assert tracked.info.status == "FINISHED"
    assert tracked.data.tags["adapted"] == "adabn"
    assert tracked.data.params["adaptation.adabn"] == "True"
    names = {file.path for file in client.list_artifacts(tracked.info.run_id)}
    assert {"config.yaml", "metrics.json"} <= names
    assert len(tracked.outputs.model_outputs) == 1
