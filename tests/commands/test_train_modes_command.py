"""`dann-tfbs train --mode …` with unlabelled files, then `predict` and `evaluate` on the run."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner
from planted import planted_table, pool_rows, rows

from dann_tfbs.cli import app
from dann_tfbs.config import Experiment
from dann_tfbs.settings import read_yaml, validated

CONFIGS = Path(__file__).parents[2] / "configs"
FAST = [
    "--set", "training.epochs=2", "--set", "training.batch_size=16", "--set", "data.window=24",
    "--set", "architecture={stem_widths: [9], stem_channels: 8, blocks: 1, depthwise_width: 3}",
    "--device", "cpu", "--tracking", "off",
]  # fmt: skip


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A prepared table; unlabelled reads and probes; labelled reads to predict, with answers."""
    work = tmp_path_factory.mktemp("work")
    planted_table(work / "table", n=160, validation=60)
    for name, listed in (("reads", pool_rows("HTS", 60)), ("probes", pool_rows("PBM", 40, 17))):
        (work / f"{name}.txt").write_text("\n".join(row["sequence"] for row in listed))
    test = rows("HTS", "test", 60, np.random.default_rng(6), length=20)
    fasta = [f">{row['tag']}\n{row['sequence']}\n" for row in test]
    (work / "HTS_participants.fasta").write_text("".join(fasta))
    answers = {"labels": {row["tag"]: row["label"] for row in test}}
    (work / "HTS_FOXA1.json").write_text(json.dumps(answers))
    return work


def invoke(*words):
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def train(work, out, *options):
    return invoke("train", "--data", work / "table", "--out", out, *FAST, *options)


def history_of(run):
    return json.loads((run / "metrics.json").read_text())["history"]


MODES = {
    "multihead": [],
    "dann": ["--unlabelled", "reads.txt"],
}


@pytest.mark.parametrize("mode", MODES)
def test_a_mode_trains_predicts_and_is_evaluated(work, tmp_path, monkeypatch, mode):
    monkeypatch.chdir(work)
    out = tmp_path / "run"
    result = train(work, out, "--mode", mode, *MODES[mode], "--set", "training.epochs=4",
                   "--set", "data.window=20")  # fmt: skip
    assert result.exit_code == 0, result.output
    # What tells the assays apart is shown where they were to be made alike.
    shown = {file.name for file in (out / "figures").iterdir()}
    audited = {"audit.json", "embedding.png", "separability.png"}
    assert shown & audited == (audited if mode == "dann" else set())
    assert "heads.PBM.logit.weight" in result.output
    settings = yaml.safe_load((out / "config.yaml").read_text())
    assert settings["mode"] == mode
    assert list(settings["heads"]) == ["HTS", "SMS", "PBM"]
    assert settings["heads"]["PBM"]["negatives_per_positive"] == 1
    names = history_of(out)[-1].keys()
    assert {"train_loss_SMS", "validation_auroc_PBM"} <= names
    assert ("dann_domain_accuracy" in names) is (mode == "dann")
    figures = {path.name for path in (out / "figures").iterdir()}
    assert {"loss.png", "pr.png", "roc.png"} <= figures

    for word in ("predictions.tsv", "again.tsv"):
        done = invoke("predict", out, work / "HTS_participants.fasta", "--out", tmp_path / word)
        assert done.exit_code == 0, done.output
    assert (tmp_path / "again.tsv").read_bytes() == (tmp_path / "predictions.tsv").read_bytes()
    done = invoke("evaluate", tmp_path / "predictions.tsv", work / "HTS_FOXA1.json",
                  "--resamples", 20, "--no-table", "--json", tmp_path / "report.json")  # fmt: skip
    assert done.exit_code == 0, done.output
    (row, *_) = json.loads((tmp_path / "report.json").read_text())["rows"]
    values = {name: metric["value"] for name, metric in row["metrics"].items()}
    assert values["auroc"] > 0.8, values


def test_files_are_given_by_assay_and_the_plain_one_is_the_targets(work, tmp_path):
    out = tmp_path / "run"
    given = ["--unlabelled", work / "reads.txt", "--unlabelled", f"PBM={work / 'probes.txt'}"]
    result = train(work, out, "--mode", "dann", "--target", "SMS", *given, "--quiet")
    assert result.exit_code == 0, result.output
    settings = yaml.safe_load((out / "config.yaml").read_text())
    assert settings["data"]["unlabelled"] == {
        "SMS": str(work / "reads.txt"),
        "PBM": str(work / "probes.txt"),
    }
    assert history_of(out)[0]["dann_domain_chance"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--mode", "dann"], "data.unlabelled: adaptation needs unlabelled sequences"),
        (["--mode", "dann", "--unlabelled", "absent.txt"], "absent.txt"),
        (["--mode", "dann", "--unlabelled", "XYZ=reads.txt"], "--unlabelled [data.unlabelled"),
        (["--mode", "dan"], "'dan' is not one of"),
        (["--mode", "baseline", "--set", "heads={PBM: {}}"], "the target's head only"),
        (["--mode", "multihead", "--set", "heads={PBM: {}}"], "the target HTS has no head"),
        (["--set", "adaptation.alignments=[{kind: dan}]", "--unlabelled", "reads.txt"],
         "there is no alignment 'dan'"),
        (["--set", "adaptation.alignments=[{weight: 1}]"], "every alignment needs its `kind`"),
        (["--set", "adaptation.target_prior=2"], "between 0 and 1"),
    ],
)  # fmt: skip
def test_wrong_input_exits_with_2_and_leaves_nothing(work, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(work)
    result = train(work, tmp_path / "run", *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["multihead", "dann"])
def test_the_example_files_are_valid_and_train(work, tmp_path, name):
    """Windows of the files are longer than the sequences here, and are cut."""
    path = CONFIGS / f"{name}.yaml"
    experiment = validated(Experiment, read_yaml(path), str(path))
    assert experiment.mode == name
    out = tmp_path / "run"
    given = ["--unlabelled", f"HTS={work / 'reads.txt'}"] if name == "dann" else []
    result = train(work, out, "--config", path, *given, "--quiet")
    assert result.exit_code == 0, result.output
    first, last = history_of(out)
    assert last["train_loss"] < first["train_loss"]


def test_an_adapted_run_is_resumed_by_the_command(work, tmp_path, monkeypatch):
    import dann_tfbs.training.fit as fit_module

    whole, parts = tmp_path / "whole", tmp_path / "parts"
    options = ["--mode", "dann", "--unlabelled", work / "reads.txt", "--quiet", "--seeds", 2]
    assert train(work, whole, *options).exit_code == 0
    save = fit_module.save_progress

    def interrupted(*arguments):
        save(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fit_module, "save_progress", interrupted)
        assert train(work, parts, *options).exit_code == 130
    assert invoke("train", "--resume", parts, "--quiet", "--tracking", "off").exit_code == 0
    for seed in (0, 1):
        name = f"seed-{seed}/weights.safetensors"
        assert (parts / name).read_bytes() == (whole / name).read_bytes()


def test_unlabelled_files_alone_are_matched_by_moments(work, tmp_path):
    out = tmp_path / "run"
    result = train(work, out, "--target", "HTS", "--unlabelled", work / "reads.txt")
    assert result.exit_code == 0, result.output
    assert "matching the moments" in result.stderr
    settings = yaml.safe_load((out / "config.yaml").read_text())
    assert settings["adaptation"]["alignments"] == [{"kind": "moments", "weight": 0.1}]
    assert "moments_loss" in history_of(out)[-1]
    asked = tmp_path / "asked"
    result = train(work, asked, "--target", "HTS", "--unlabelled", work / "reads.txt",
                   "--set", "adaptation.adabn=true")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert yaml.safe_load((asked / "config.yaml").read_text())["adaptation"]["alignments"] == []
