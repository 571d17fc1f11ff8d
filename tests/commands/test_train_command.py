"""`dann-tfbs train`: options to settings, folders, resuming, and what MLflow is told."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner
from planted import planted_table

from dann_tfbs import load
from dann_tfbs.cli import app

FAST = [
    "--set", "training.epochs=2", "--set", "training.batch_size=16", "--set", "data.window=24",
    "--set", "architecture={stem_widths: [9], stem_channels: 8, blocks: 1, depthwise_width: 3}",
]  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return planted_table(tmp_path_factory.mktemp("data"), n=160, validation=80)


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def run(*arguments, tracking="off"):
    words = ["train", *map(str, arguments), "--tracking", tracking]
    return CliRunner().invoke(app, words, catch_exceptions=False)


def config_of(folder):
    return yaml.safe_load((folder / "config.yaml").read_text())


def test_a_run_is_trained_and_reported(table, tmp_path):
    out = tmp_path / "run"
    result = run("--data", table, "--out", out, *FAST, "--device", "cpu")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    metrics = json.loads((out / "metrics.json").read_text())
    best = max(r["validation_auroc"] for r in metrics["history"])
    assert f"AUROC {best:.4f}" in lines[-2]
    assert lines[-1] == str(out)
    assert any(line.split()[0] == "total" for line in lines)
    assert {p.name for p in (out / "figures").iterdir()} == {"loss.png", "pr.png", "roc.png"}


def test_options_win_over_the_file_and_set_wins_over_both(table, tmp_path):
    (tmp_path / "c.yaml").write_text(
        "seed: 3\ntraining: {epochs: 9, learning_rate: 0.001}\ndata: {target: PBM, source: HTS}\n"
    )
    out = tmp_path / "run"
    options = ["--seed", 5, "--source", "CHS", "--target", "SMS", "--seeds", 2, "--quiet"]
    result = run(
        "--config", tmp_path / "c.yaml", "--data", table, "--out", out, *options, *FAST,
        "--set", "data.target=HTS",
    )  # fmt: skip
    assert result.output == f"{out}\n"
    settings = config_of(out / "seed-6")
    assert (settings["seed"], settings["seeds"]) == (6, 1)
    assert (settings["data"]["source"], settings["data"]["target"]) == ("CHS", "HTS")
    assert settings["training"]["epochs"] == 2
    assert settings["training"]["learning_rate"] == 0.001
    assert config_of(out)["seeds"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "training.epoch=3"], "command line [training.epoch]: there is no such key."),
        (["--set", "seed"], "--set: 'seed' has no '='."),
        (["--config", "absent.yaml"], "absent.yaml: cannot be read"),
        (["--target", "XYZ"], "command line [data.target]"),
        (["--seed", "-1"], "command line [seed]"),
        (["--resume", "absent"], "absent/config.yaml: cannot be read"),
        (["--resume", "absent", "--out", "other"], "--resume takes the settings"),
        (["--threads", "0"], "0 is not in the range"),
        (["--device", "abacus"], "Use auto or cpu."),
        (["--set", "data.tf=YY1"], "no training rows of 'YY1'"),
    ],
)
def test_wrong_input_exits_with_2_and_leaves_nothing(
    table, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    result = run("--data", table, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_runs_get_folders_of_their_own_in_runs(table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    named = [*FAST, "--set", "training.epochs=1", "--source", "CHS", "--quiet", "--data", table]
    assert run(*named).output == "runs/baseline-CHS-to-HTS\n"
    assert run(*named).output == "runs/baseline-CHS-to-HTS-2\n"
    assert run(*named, "--set", "name=mine").output == "runs/mine\n"


def test_the_target_is_what_the_data_were_prepared_for_unless_it_is_given(tmp_path):
    table = planted_table(tmp_path / "table", n=32, validation=16)
    manifest = table / "manifest.json"
    manifest.write_text('{"recipe": {"target": "PBM"}}')
    options = ["--data", table, *FAST, "--set", "training.epochs=1", "--quiet"]
    for number, (given, expected) in enumerate(
        [([], "PBM"), (["--target", "SMS"], "SMS"), (["--set", "data.target=HTS"], "HTS")]
    ):
        out = tmp_path / f"run-{number}"
        assert run(*options, *given, "--out", out).exit_code == 0
        assert config_of(out)["data"]["target"] == expected
    manifest.write_text("{")
    result = run(*options, "--out", tmp_path / "another")
    assert result.exit_code == 2
    assert "manifest.json: is not a manifest" in result.stderr


def test_a_stopped_run_is_continued_with_its_own_settings(table, tmp_path, monkeypatch):
    import dann_tfbs.training.fit as fit_module

    whole, parts = tmp_path / "whole", tmp_path / "parts"
    options = ["--data", table, *FAST, "--quiet"]
    run(*options, "--out", whole)
    save = fit_module.save_progress

    def interrupted(*arguments):
        save(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fit_module, "save_progress", interrupted)
        result = run(*options, "--out", parts)
    assert (result.exit_code, result.stderr) == (130, "Error: interrupted.\n")
    assert run("--resume", parts, "--quiet").exit_code == 0
    name = "weights.safetensors"
    assert (parts / name).read_bytes() == (whole / name).read_bytes()
    again = run("--resume", parts)
    assert again.exit_code == 2
    assert "the run is finished" in again.stderr


def test_without_data_the_built_in_set_is_used_and_said_so(table, tmp_path, monkeypatch):
    import dann_tfbs.experiments.built_in as built_in

    monkeypatch.chdir(tmp_path)
    asked = []
    monkeypatch.setattr(
        built_in, "built_in_data", lambda folder, target: asked.append((folder, target)) or table
    )
    result = run(*FAST, "--quiet", "--target", "PBM")
    assert "built-in simulated set" in result.stderr
    assert [(str(folder), target) for folder, target in asked] == [("runs/built-in", "PBM")]
    (out,) = (tmp_path / "runs").iterdir()
    assert config_of(out)["data"]["path"] == str(table)


def test_tracking_off_does_not_import_mlflow(table, tmp_path):
    words = [
        "train", "--data", str(table), "--out", str(tmp_path / "run"), *FAST, "--tracking", "off",
        "--quiet",
    ]  # fmt: skip
    code = (
        f"import sys; from dann_tfbs.cli import app\napp({words!r}, standalone_mode=False)\n"
        "print('LOADED', *[m for m in sys.modules if m.startswith('mlflow')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "LOADED"
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_every_model_is_one_mlflow_run_with_all_that_belongs_to_it(table, tmp_path, monkeypatch):
    from mlflow import MlflowClient, pytorch

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    out = tmp_path / "out"
    result = run("--data", table, "--out", out, *FAST, "--seeds", 2, "--quiet", tracking="mlflow")
    assert result.exit_code == 0
    client = MlflowClient(uri)
    (experiment,) = [e for e in client.search_experiments() if e.name == "dann-tfbs"]
    found = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert sorted(found) == ["out/seed-0", "out/seed-1"]
    tracked = found["out/seed-1"]
    assert tracked.info.status == "FINISHED"
    assert tracked.data.params["seed"] == "1"
    assert tracked.data.params["training.batch_size"] == "16"
    assert tracked.data.params["architecture.stem_channels"] == "8"
    history = json.loads((out / "seed-1" / "metrics.json").read_text())["history"]
    # The source was chosen by itself: its epochs are told as a candidate's and as the chosen one's.
    for candidate in ("", "with CHS/"):
        for name, key in (("train/loss", "train_loss"), ("validation/auroc", "validation_auroc")):
            points = client.get_metric_history(tracked.info.run_id, candidate + name)
            assert [p.step for p in points] == [1, 2]
            assert [p.value for p in points] == pytest.approx([r[key] for r in history])
    assert client.get_metric_history(tracked.info.run_id, "system/process_cpu_seconds")
    assert (tracked.data.params["data.source"], tracked.data.tags["source"]) == ("CHS", "CHS")
    assert len(tracked.inputs.dataset_inputs) == 1
    names = {file.path for file in client.list_artifacts(tracked.info.run_id)}
    assert {"config.yaml", "metrics.json", "loss.png", "pr.png", "roc.png"} <= names

    model_id = tracked.outputs.model_outputs[0].model_id
    folder = client.get_logged_model(model_id).artifact_location.removeprefix("file://")
    model = pytorch.load_model(folder)
    codes = np.random.default_rng(1).integers(0, 5, (7, 24))
    texts = ["".join("ACGTN"[code] for code in row) for row in codes]
    with torch.no_grad():
        scores = model(torch.from_numpy(codes)).numpy()
    np.testing.assert_allclose(scores, load(out / "seed-1").predict(texts), atol=1e-6)
