import json

import pytest
from click.testing import CliRunner

from dann_tfbs.commands.evaluate import evaluate
from dann_tfbs.errors import InputError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "PBM_MAX.json").write_text('{"labels": {"a": 1, "b": 0, "c": 1, "d": 0}}')
    (tmp_path / "p.tsv").write_text("tag\tMAX\nd\t0.1\nc\t0.2\nb\t0.3\na\t0.4\n")
    return tmp_path


def run(*arguments):
    result = CliRunner().invoke(evaluate, [str(x) for x in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_report_is_printed_and_written(folder):
    out = folder / "report.json"
    result = run(folder / "p.tsv", folder / "PBM_MAX.json", "--resamples", 20, "--json", out)
    assert result.exit_code == 0
    assert "| MAX | PBM " in result.output
    (row,) = json.loads(out.read_text())["rows"]
    # Ranking + − + −: three of the four pairs are in order.
    assert row["metrics"]["auroc"]["value"] == 0.75
    assert row["metrics"]["auroc"]["low"] <= 0.75 <= row["metrics"]["auroc"]["high"]
    assert (row["n_positive"], row["n_negative"]) == (2, 2)


def test_the_seed_decides_and_the_table_can_be_left_out(folder):
    texts = []
    for seed in (1, 1):
        out = folder / "report.json"
        result = run(
            folder / "p.tsv", folder / "PBM_MAX.json", "--seed", seed, "--resamples", 50,
            "--no-table", "--json", out,
        )  # fmt: skip
        assert result.output == ""
        texts.append(out.read_bytes())
    assert texts[0] == texts[1]


def test_bad_input_passes_as_input_error_and_writes_nothing(folder):
    out = folder / "report.json"
    with pytest.raises(InputError, match="'XYZ' is no known assay"):
        run(folder / "p.tsv", folder / "PBM_MAX.json", "--assay", "XYZ", "--json", out)
    with pytest.raises(InputError, match="no column is called 'YY1'"):
        run(folder / "p.tsv", folder / "PBM_MAX.json", "--tf", "YY1", "--json", out)
    assert not out.exists()
