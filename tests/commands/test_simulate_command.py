import json

import pytest
from click.testing import CliRunner

from dann_tfbs.cli import app

SMALL = ["--peaks", "50", "--reads", "100", "--probes", "500"]


def run(*arguments):
    return CliRunner().invoke(app, ["simulate", *map(str, arguments)])


def test_command_writes_a_package(tmp_path):
    out = tmp_path / "sim"
    result = run(out, "--tf", "USF1", "--seed", "3", *SMALL)
    assert result.exit_code == 0, result.output
    truth = json.loads((out / "truth.json").read_text())
    assert list(truth["tfs"]) == ["USF1"]
    assert truth["settings"]["seed"] == 3
    assert truth["settings"]["reads"] == 100
    assert str(out) in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tf", "GATA9"], "no matrix of 'GATA9'"),
        (["--scale", "huge"], "'huge'"),
        (["--peaks", "3"], "x>=50"),
        (["--meme", "absent.meme"], "absent.meme"),
    ],
)
def test_wrong_usage_exits_with_2_and_writes_nothing(tmp_path, arguments, message):
    result = run(tmp_path / "sim", *arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert list(tmp_path.iterdir()) == []


def test_existing_folder_needs_force(tmp_path):
    result = run(tmp_path)
    assert result.exit_code == 2
    assert "--force" in result.output
