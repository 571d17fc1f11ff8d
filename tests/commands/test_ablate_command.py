"""The command `ablate`, run as a user runs it."""

import os
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from planted import planted_table

from dann_tfbs.cli import app
from dann_tfbs.commands.ablate import STUDIES
from dann_tfbs.experiments.study.settings import chosen_source, read_study_settings
from dann_tfbs.experiments.study.units import _experiment
from dann_tfbs.experiments.study.variants import variants_of
from dann_tfbs.settings import read_yaml

CONFIGS = Path(__file__).parents[2] / "configs" / "ablations"


@pytest.fixture
def study_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # One address for each test: connections to a store are kept for the whole process.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    table = planted_table(tmp_path / "table", n=120, validation=40)
    task = {
        "name": "held-out",
        "tfs": ["FOXA1"],
        "source": "CHS",
        "target": "CHS",
        "train": {"path": str(table)},
    }
    values = {
        "name": "tiny",
        "question": "Is a small rate too small?",
        "settings": {"training.epochs": 1, "data.window": 24, "training.engine": "plain"},
        "factors": {"rate": {"tiny rate": {"training.learning_rate": 1e-6}}},
        "seeds": 2,
        "data": {"mine": {"tasks": [task]}},
    }
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def ablate(*arguments):
    return CliRunner().invoke(app, ["ablate", *map(str, arguments), "--workers", "0"])


def test_a_study_from_its_file_to_its_report(study_file):
    result = ablate(study_file, "--tracking", "off")
    assert result.exit_code == 0, result.output
    out = STUDIES / "tiny-mine"
    assert result.output.splitlines()[-1] == str(out)
    assert "tiny rate" in result.output
    assert "Is a small rate too small?" in (out / "report.html").read_text()
    again = ablate(study_file, "--tracking", "off")
    assert "2 trainings of 2 seeds each; 2 finished." in again.output


def test_mlflow_has_the_study_and_its_children(study_file):
    from mlflow import MlflowClient

    ablate(study_file, "--tracking", "off")  # recorded by the next command all the same
    assert ablate(study_file, "--quiet").exit_code == 0
    client = MlflowClient(os.environ["MLFLOW_TRACKING_URI"])
    [experiment] = [e for e in client.search_experiments() if e.name == "dann-tfbs"]
    found = client.search_runs([experiment.experiment_id])
    children = [run for run in found if "mlflow.parentRunId" in run.data.tags]
    [parent] = [run for run in found if "mlflow.parentRunId" not in run.data.tags]
    assert len(children) == 4
    assert {c.data.tags["mlflow.parentRunId"] for c in children} == {parent.info.run_id}
    assert {c.data.tags["variant"] for c in children} == {"reference", "tiny rate"}
    assert all("test/auroc" in child.data.metrics for child in children)
    assert parent.info.status == "FINISHED"


def test_what_would_be_run(study_file):
    result = ablate(study_file, "--dry-run")
    assert result.exit_code == 0
    assert "held-out-FOXA1: tiny rate" in result.output
    assert not Path("runs").exists()


def test_a_failure_is_told_and_exits_with_1(study_file):
    override = "factors={'rate': {'wild': {'training.learning_rate': 1.0e+30}}}"
    result = ablate(study_file, "--tracking", "off", "--set", override)
    assert result.exit_code == 1
    assert "held-out-FOXA1: wild failed: InputError" in result.output
    assert "1 of 2 trainings failed" in result.output


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--data", "other"], "no data 'other'"),
        (["--set", "sedes=3"], "there is no such key"),
        (["--set", "settings={'training.epoch': 3}"], "there is no such key"),
        (["--full"], "no full variant"),
        (["--slurm", "--scheduler", "tcp://x"], "exclude each other"),
    ],
)
def test_wrong_input_exits_with_2(study_file, arguments, problem):
    result = ablate(study_file, *arguments)
    assert result.exit_code == 2
    assert problem in result.output
    assert not Path("runs").exists()


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_studies_that_ship_are_right(path):
    """Every setting of every variant on every task is valid, in both lengths."""
    for full in (False, True):
        study = read_study_settings(path, full=full)
        assert chosen_source(study, "simulated") == "simulated"
        assert "real" in study.data
        base = read_yaml(study.base)
        for source in study.data.values():
            for task in source.tasks:
                for variant in variants_of(study, source):
                    _experiment(study, base, task, task.tfs[0], variant)
