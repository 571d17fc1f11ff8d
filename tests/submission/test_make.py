"""From runs to submissions, and going on after an interruption or a kill."""

import os
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner

from dann_tfbs.cli import app
from dann_tfbs.config import Experiment
from dann_tfbs.data import scoring_input
from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.predictions import read_predictions
from dann_tfbs.model.network import initial_state
from dann_tfbs.run_folder import write_run
from dann_tfbs.submission import make
from dann_tfbs.submission.make import make_submission
from dann_tfbs.submission.participants import assay_of, find_participants, repeated_records
from dann_tfbs.trained import TrainedModel, load


def make_run(folder, tf, target, seed):
    experiment = Experiment(
        architecture="single",
        data={"tf": tf, "target": target, "window": 20, "score_length": "own"},
    )
    state = initial_state(experiment.architecture, [target], seed)
    write_run(folder, experiment, state, state, {}, {})
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for seed in range(2):
        make_run(folder / "GABPA" / f"seed-{seed}", "GABPA", "HTS", seed)
    make_run(folder / "PRDM5", "PRDM5", "HTS", 3)
    make_run(folder / "PRDM5-PBM", "PRDM5", "PBM", 4)
    return [folder / name for name in ("GABPA", "PRDM5", "PRDM5-PBM")]


@pytest.fixture
def package(tmp_path, rng):
    """Return a package with sequences of HTS and PBM."""
    folder = tmp_path / "package" / "test"
    folder.mkdir(parents=True)
    for assay, count in (("HTS", 60), ("PBM", 20)):
        texts = ["".join(rng.choice(list("ACGT"), 30)) for _ in range(count)]
        records = [f">{assay.lower()}{n:04} x=1\n{text}\n" for n, text in enumerate(texts)]
        (folder / f"{assay}_participants.fasta").write_text("".join(records))
    return tmp_path / "package"


def submit(*arguments):
    return CliRunner().invoke(app, ["submit", *map(str, arguments)], catch_exceptions=False)


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_assay_gets_a_valid_table(runs, package, tmp_path):
    out = tmp_path / "out"
    done = submit("make", *runs, "--ibis-root", package, "--out", out)
    assert done.exit_code == 0, done.output
    assert set(files_of(out)) == {"HTS_aaa.tsv", "HTS_aaa.json", "PBM_aaa.tsv", "PBM_aaa.json"}
    assert "there is no column of GABPA" in done.stdout  # PBM has no run of it: a warning
    assert "PBM_aaa.tsv: AAA, 20 rows, 1 TFs; 0 errors, 1 warning" in done.stdout
    found = read_predictions(out / "HTS_aaa.tsv")
    assert list(found.scores) == ["GABPA", "PRDM5"]
    lines = (package / "test" / "HTS_participants.fasta").read_text().splitlines()
    assert found.tags.to_pylist() == [line[1:].split()[0] for line in lines[::2]]
    for column, run in zip(found.scores, runs, strict=False):
        expected = load(run).predict(lines[1::2])
        np.testing.assert_allclose(found.scores[column], expected, atol=6e-6)
    again = submit("make", *runs, "--ibis-root", package, "--out", out)
    assert again.stderr.count("is there already") == 2


def test_finished_tables_of_other_runs_are_made_again(runs, package, tmp_path):
    hts = {"HTS": package / "test" / "HTS_participants.fasta"}
    said = []
    make_submission(runs[:1], hts, tmp_path / "out", say=said.append)
    before = (tmp_path / "out" / "HTS_aaa.tsv").read_bytes()
    (made,) = make_submission(runs[:2], hts, tmp_path / "out", say=said.append)
    assert not said
    assert made.runs == {"GABPA": runs[0], "PRDM5": runs[1]}
    assert made.path.read_bytes() != before


def test_the_columns_stand_as_the_benchmark_names_them(runs, package, tmp_path):
    hts = {"HTS": package / "test" / "HTS_participants.fasta"}
    tfs = {"HTS": ["LEF1", "PRDM5", "GABPA"]}
    (made,) = make_submission(runs[:2], hts, tmp_path, tfs=tfs)
    assert list(read_predictions(made.path).scores) == ["PRDM5", "GABPA"]
    assert [p.text for p in made.findings.problems] == ["there is no column of LEF1."]


def test_records_of_one_tag_get_one_row(runs, tmp_path, monkeypatch):
    read = partial(scoring_input.read_scoring_input, chunk_size=2)
    monkeypatch.setattr(make, "read_scoring_input", read)
    fasta = tmp_path / "HTS_participants.fasta"
    fasta.write_text(">a\nACGTACGTAC\n>b\nGGGTACGTAC\n>a x\nACGTACGTAC\n>a\nACGTACGTAC\n>c\nAAAA\n")
    assert repeated_records(fasta).tolist() == [2, 3]
    said = []
    (made,) = make_submission(runs[:1], {"HTS": fasta}, tmp_path / "out", say=said.append)
    assert read_predictions(made.path).tags.to_pylist() == ["a", "b", "c"]
    assert "2 records repeat a tag" in said[0]
    fasta.write_text(fasta.read_text() + ">b\nACGT\n")
    with pytest.raises(InputError, match="record 6: the tag 'b' stands for two sequences"):
        make_submission(runs[:1], {"HTS": fasta}, tmp_path / "out")
    fasta.write_text(">a\nACGT\n>\nACGT\n")
    with pytest.raises(InputError, match="record 2 has no tag"):
        repeated_records(fasta)


@pytest.mark.parametrize(
    ("chosen", "tfs", "message"),
    [
        ([0, 0], None, "predicts GABPA in HTS, as"),
        ([2], None, "predicts PBM, of which there are no participants' sequences"),
        ([0], {"HTS": ["PRDM5"]}, "predicts GABPA, which the benchmark of HTS does not have"),
    ],
)
def test_runs_that_cannot_be_submitted_are_refused(runs, package, tmp_path, chosen, tfs, message):
    hts = {"HTS": package / "test" / "HTS_participants.fasta"}
    with pytest.raises(InputError, match=message):
        make_submission([runs[n] for n in chosen], hts, tmp_path / "out", tfs=tfs)
    assert not (tmp_path / "out").exists()


def test_a_run_without_a_tf_is_refused(package, tmp_path):
    hts = {"HTS": package / "test" / "HTS_participants.fasta"}
    run = make_run(tmp_path / "run", None, "HTS", 0)
    with pytest.raises(InputError, match=r"\[data\.tf\]: names no TF"):
        make_submission([run], hts, tmp_path / "out")


def test_participants_of_two_stages(package, tmp_path):
    for stage in ("Leaderboard", "Final"):
        folder = package / stage
        folder.mkdir()
        (folder / "SMS_participants.fasta").write_text(">a\nACGT\n")
    with pytest.raises(InputError, match="is of SMS, as"):
        find_participants(package)
    found = find_participants(package, "Final")
    assert found == {"SMS": package / "Final" / "SMS_participants.fasta"}
    with pytest.raises(InputError, match=r"no <ASSAY>_participants\.fasta here"):
        find_participants(tmp_path / "runs")
    with pytest.raises(InputError, match="does not begin with an assay"):
        assay_of(tmp_path / "test.fasta")


def test_a_package_with_benchmarks_names_the_tfs(runs, package, tmp_path):
    folder = package / "BENCHMARK_CONFIGS" / "HTS" / "Final"
    folder.mkdir(parents=True)
    (folder / "benchmark.json").write_text('{"tags": ["a"], "tfs": ["PRDM5", "LEF1"]}')
    done = submit("make", runs[1], "--ibis-root", package, "--out", tmp_path / "out")
    assert done.exit_code == 0
    assert "there is no column of LEF1" in done.stdout
    refused = submit("make", runs[0], "--ibis-root", package, "--out", tmp_path / "out")
    assert refused.exit_code == 2
    assert "the benchmark of HTS does not have" in refused.stderr


@pytest.mark.parametrize(
    "arguments",
    [[], ["run"], ["run", "--fasta", "a", "--ibis-root", "b"], ["--matrix", "m.meme"],
     ["run", "--matrix", "m.meme", "--tfs", "A"]],
)  # fmt: skip
def test_arguments_that_do_not_go_together(arguments):
    assert submit("make", *arguments, "--out", "out").exit_code == 2


def test_validate_ends_with_2_where_there_is_an_error(tmp_path):
    table, fasta = tmp_path / "HTS_aaa.tsv", tmp_path / "HTS_participants.fasta"
    fasta.write_text(">a\nACGT\n>b\nACGT\n")
    table.write_text("tag\tYY1\na\t0.5\nb\t0.25\n")
    good = submit("validate", table, "--fasta", fasta, "--tfs", "YY1, LEF1")
    assert good.exit_code == 0
    assert "warning [official: missing TF] there is no column of LEF1" in good.stdout
    table.write_text("tag\tYY1\na\t0.5\nb\t1.25\n")
    bad = submit("validate", table, "--benchmark", fasta)
    assert bad.exit_code == 2
    assert f"{table}:3:2: error [official: range] YY1: 1.25 is not" in bad.stdout
    assert submit("validate", table, "--kind", "pwm").exit_code == 2
    assert submit("validate", table, "--fasta", fasta, "--benchmark", fasta).exit_code == 2
    assert submit("validate", tmp_path / "absent").exit_code == 2


def test_an_interrupted_submission_goes_on(runs, package, tmp_path, monkeypatch):
    read = partial(scoring_input.read_scoring_input, chunk_size=7)
    monkeypatch.setattr(make, "read_scoring_input", read)
    hts = {"HTS": package / "test" / "HTS_participants.fasta"}
    whole, out = tmp_path / "whole", tmp_path / "out"
    make_submission(runs[:2], hts, whole, threads=1)
    predict, scored = TrainedModel.predict, []

    def interrupted(model, batch, strands=None):
        if len(scored) == 9:
            raise KeyboardInterrupt
        scored.append(len(batch))
        return predict(model, batch, strands)

    with monkeypatch.context() as patch:
        patch.setattr(TrainedModel, "predict", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make_submission(runs[:2], hts, out, threads=1)
    assert sorted(files_of(out)) == [".HTS_aaa.tsv.partial", ".HTS_aaa.tsv.partial.json"]
    said = []
    make_submission(runs[:2], hts, out, threads=2, say=said.append)
    assert "going on after 28 records" in said[0]  # 4 chunks of 7, of both models
    assert files_of(out)["HTS_aaa.tsv"] == files_of(whole)["HTS_aaa.tsv"]


# A command whose scoring takes its time, so that a signal finds it at work.
SLOW = """
import sys, time
from dann_tfbs import continued
from dann_tfbs.cli import app
from dann_tfbs.data import scoring_input
from dann_tfbs.trained import TrainedModel
continued.NOTE_SECONDS = 0
scoring_input.read_scoring_input.__defaults__ = (4, None)
predict = TrainedModel.predict
def slow(*arguments):
    time.sleep(0.1)
    return predict(*arguments)
TrainedModel.predict = slow
app(sys.argv[1:], prog_name="dann-tfbs")
"""


@pytest.mark.parametrize(("ending", "how"), [("tsv.gz", signal.SIGKILL), ("tsv", signal.SIGINT)])
def test_a_killed_command_goes_on(runs, package, tmp_path, monkeypatch, ending, how):
    fasta, out = package / "test" / "HTS_participants.fasta", tmp_path / f"p.{ending}"
    words = ["predict", runs[1], fasta, "--threads", 1, "--device", "cpu", "--out"]
    command = [sys.executable, "-c", SLOW, *map(str, [*words, out])]
    killed = subprocess.Popen(command, stderr=subprocess.PIPE)
    note = out.with_name(f".{out.name}.partial.json")
    limit = time.monotonic() + 60
    while not note.is_file() and time.monotonic() < limit:
        time.sleep(0.02)
    os.kill(killed.pid, how)
    killed.communicate(timeout=30)
    assert killed.returncode == (-9 if how == signal.SIGKILL else 130)
    assert not out.exists()
    with open(out.with_name(f".{out.name}.partial"), "ab") as file:
        file.write(b"hts")  # the torn end of a line

    read = partial(scoring_input.read_scoring_input, chunk_size=4)
    monkeypatch.setattr(scoring_input, "read_scoring_input", read)
    whole = tmp_path / f"whole.{ending}"
    for path in (out, whole):
        done = CliRunner().invoke(app, list(map(str, [*words, path])), catch_exceptions=False)
        assert f"60 sequences scored: {path}" in done.stdout
        assert ("going on after" in done.stderr) == (path == out)
    assert out.read_bytes() == whole.read_bytes()
    assert not list(tmp_path.glob(".*"))
