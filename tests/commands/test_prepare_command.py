import json

import numpy as np
import pytest
from click.testing import CliRunner

from dann_tfbs.cli import app
from dann_tfbs.data.table import read_table


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(1)
    for place, n in (("train/SMS/MYC/a.txt", 60), ("input/SMS/b.txt", 900)):
        (tmp_path / "data" / place).parent.mkdir(parents=True)
        reads = ["".join(rng.choice(list("ACGT"), 40)) for _ in range(n)]
        (tmp_path / "data" / place).write_text("\n".join(reads) + "\n")
    (tmp_path / "data/train/SMS/MYC/readme.doc").write_text("no data")
    (tmp_path / "data/train/SELEX").mkdir()
    return tmp_path / "data"


def prepare(data, *more):
    out = data.parent / "out"
    words = ["prepare", "--ibis-root", data, "--tf", "MYC", "--assay", "SMS", "--out", out, *more]
    return CliRunner().invoke(app, [str(word) for word in words]), out


def test_counts_go_to_stdout_and_notes_to_stderr(data):
    result, out = prepare(data)
    assert result.exit_code == 0
    table = read_table(out).to_pylist()
    train = sum(r["split"] == "train" and r["label"] == 1 for r in table)
    assert f"{train:>9,}  SMS train positive" in result.stdout.splitlines()
    assert result.stdout.splitlines()[-1] == f"Prepared: {out}"
    assert sum(r["label"] == 0 for r in table) == 300
    (note,) = [line for line in result.stderr.splitlines() if line.startswith("Note")]
    assert note.startswith("Note: 2 passed over, of unknown kind: ")
    assert "train/SELEX" in note
    assert "train/SMS/MYC/readme.doc" in note


def test_quiet_leaves_warnings_only(data):
    rich = "G" * 20
    (data / "train/SMS/MYC/a.txt").write_text(
        "".join(rich + "".join(np.random.default_rng(i).choice(list("ACGT"), 20)) + "\n"
                for i in range(40))
    )  # fmt: skip
    result, out = prepare(data, "--quiet", "--set", "gc_match=false")
    assert result.exit_code == 0
    assert result.stdout == ""
    warnings = result.stderr.splitlines()
    assert any("SMS: GC content alone separates" in line for line in warnings)
    assert all(line.startswith("Warning: ") for line in warnings)
    saved = json.loads((out / "quality.json").read_text())["assays"]["SMS"]["warnings"]
    assert {f"Warning: SMS: {warning}" for warning in saved} <= set(warnings)


def test_options_win_over_the_file_and_set_over_both(data, tmp_path):
    config = tmp_path / "recipe.yaml"
    config.write_text("tf: MAX\nratio: 7\nseed: 5\nsplit: {test: 0.3, by: all}\n")
    result, out = prepare(
        data, "--config", config, "--ratio", "3", "--split", "hash", "--seed", "6",
        "--negatives", "input=2, shuffle", "--set", "seed=8", "--set", "split.validation=0.2",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    saved = json.loads((out / "manifest.json").read_text())["recipe"]
    assert (saved["tf"], saved["ratio"], saved["seed"]) == ("MYC", 3, 8)
    assert saved["negatives"] == {"input": 2, "shuffle": 1}
    assert saved["split"]["by"] == "hash"
    assert saved["split"]["test"] == 0.3
    assert saved["split"]["validation"] == 0.2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--assay", "HTS"], "there is no HTS file of MYC. HTS files exist for: no TF"),
        (["--tf", "SOX2"], "SMS files exist for: MYC"),
        (["--files", "x*"], "whose name fits 'x*'. There are: a.txt"),
        (["--negatives", "aliens"], "no files for negatives of kind 'aliens'"),
        (["--negatives", "gc=1"], "negatives of kind gc need a genome"),
        (["--negatives", "input=much"], "'input=much' is not kind=weight"),
        (["--negatives", "output=1"], "[negatives]: Input should be 'random', 'gc'"),
        (["--negatives", "input=-1"], "weights of zero or more"),
        (["--ratio", "100"], "6000 negatives were asked for, but 900 candidates are left"),
        (["--ratio", "lots"], "ratio"),
        (["--split", "random"], "split.by"),
        (["--split", "chromosome"], "positives without coordinates"),
        (["--sheet", "s.tsv"], "give either ibis_root or sheet"),
        (["--set", "window"], "Write key=value"),
        (["--config", "none.yaml"], "none.yaml: cannot be read"),
    ],
)
def test_bad_input_exits_with_2_and_says_what_to_do(data, more, message):
    result, out = prepare(data, *more)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert not out.exists()


def test_a_plain_split_in_the_file_is_refused_and_not_crashed_on(data, tmp_path):
    (tmp_path / "r.yaml").write_text("split: hash\n")
    result, _ = prepare(data, "--config", tmp_path / "r.yaml", "--split", "all")
    assert result.exit_code == 2
    assert "'split' holds a plain value" in result.stderr
