"""`dann-tfbs predict`: from files to files."""

import json
import shutil
from functools import partial

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from click.testing import CliRunner
from planted import planted_table

from dann_tfbs import load
from dann_tfbs.cli import app
from dann_tfbs.config import Experiment
from dann_tfbs.data import scoring_input
from dann_tfbs.data.table import TABLE_FILE
from dann_tfbs.evaluation.predictions import read_predictions
from dann_tfbs.model.network import initial_state
from dann_tfbs.run_folder import write_run
from dann_tfbs.trained import TrainedModel

MEME = """MEME version 4

ALPHABET= ACGT

MOTIF MAX.TEST
letter-probability matrix: alength= 4 w= 4 nsites= 20
 0.05 0.85 0.05 0.05
 0.85 0.05 0.05 0.05
 0.05 0.85 0.05 0.05
 0.05 0.05 0.85 0.05
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    experiment = Experiment(
        architecture="single", data={"tf": "MAX", "window": 20, "score_length": "own"}
    )
    for seed in range(2):
        state = initial_state(experiment.architecture, ["HTS"], seed)
        state["heads.HTS.logit.weight"] *= 20
        write_run(folder / f"seed-{seed}", experiment, state, state, {}, {})
    return folder


@pytest.fixture
def sequences(rng):
    return {f"s{i}": "".join(rng.choice(list("ACGT"), rng.integers(5, 60))) for i in range(40)}


@pytest.fixture
def fasta(tmp_path, sequences):
    path = tmp_path / "test.fasta"
    path.write_text("".join(f">{tag} about it\n{text}\n" for tag, text in sequences.items()))
    return path


def run(*arguments):
    return CliRunner().invoke(app, ["predict", *map(str, arguments)], catch_exceptions=False)


def read_in_chunks_of(size, monkeypatch):
    read = partial(scoring_input.read_scoring_input, chunk_size=size)
    monkeypatch.setattr(scoring_input, "read_scoring_input", read)


def test_fasta_to_aaa(runs, fasta, sequences, tmp_path):
    out = tmp_path / "p.tsv"
    result = run(runs / "seed-0", fasta, "--out", out)
    assert result.output == f"40 sequences scored: {out}\n"
    expected = load(runs / "seed-0").predict(sequences.values())
    assert np.ptp(expected) > 0.01
    lines = [f"{tag}\t{score:.5f}" for tag, score in zip(sequences, expected, strict=True)]
    assert out.read_text().splitlines() == ["tag\tMAX", *lines]


def test_an_ensemble_by_folder_or_by_name(runs, fasta, sequences, tmp_path):
    run(runs, fasta, "--out", tmp_path / "one.csv", "--tf", "YY1", "--strands", "max")
    run(runs / "seed-0", runs / "seed-1", fasta, "--out", tmp_path / "two.csv", "--strands", "max",
        "--tf", "YY1")  # fmt: skip
    found = read_predictions(tmp_path / "one.csv")
    expected = load(runs).predict(sequences.values(), "max")
    np.testing.assert_allclose(found.scores["YY1"], expected, atol=1e-6)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_a_score_does_not_depend_on_the_rest_of_the_file(runs, fasta, sequences, tmp_path):
    run(runs, fasta, "--out", tmp_path / "all.csv")
    scores = read_predictions(tmp_path / "all.csv")
    turned = tmp_path / "turned.fasta"
    some = list(sequences.items())[::-3]
    turned.write_text("".join(f">{tag}\n{text}\n" for tag, text in some))
    run(runs, turned, "--out", tmp_path / "some.csv")
    found = read_predictions(tmp_path / "some.csv")
    known = dict(zip(scores.tags.to_pylist(), scores.scores["MAX"], strict=True))
    assert found.tags.to_pylist() == [tag for tag, _ in some]
    np.testing.assert_allclose(found.scores["MAX"], [known[tag] for tag, _ in some], atol=1e-6)


def test_text_and_a_split_of_a_table(runs, tmp_path):
    (tmp_path / "plain.txt").write_text("ACGTACGTT\ngattaca\n")
    run(runs, tmp_path / "plain.txt", "--out", tmp_path / "plain.csv")
    found = read_predictions(tmp_path / "plain.csv")
    assert found.tags.to_pylist() == ["seq1", "seq2"]
    np.testing.assert_allclose(found.scores["MAX"], load(runs).predict(["ACGTACGTT", "GATTACA"]))

    table = planted_table(tmp_path / "table", n=20, validation=10)
    run(runs, table, "--split", "validation", "--out", tmp_path / "table.csv")
    rows = [r for r in pq.read_table(table / TABLE_FILE).to_pylist() if r["split"] == "validation"]
    found = read_predictions(tmp_path / "table.csv")
    assert found.tags.to_pylist() == [r["tag"] for r in rows]
    expected = load(runs).predict([r["sequence"] for r in rows])
    np.testing.assert_allclose(found.scores["MAX"], expected, atol=1e-6)


def test_separate_models_give_a_column_each_that_evaluate_reads(
    runs, fasta, sequences, tmp_path, monkeypatch
):
    read_in_chunks_of(7, monkeypatch)
    other = tmp_path / "other"
    experiment = Experiment(architecture="single", data={"tf": "YY1", "window": 20})
    state = initial_state(experiment.architecture, ["HTS"], 5)
    write_run(other, experiment, state, state, {}, {})
    out = tmp_path / "both.tsv"
    result = run("--separate", runs, other, fasta, "--out", out, "--threads", 3)
    assert result.output == f"40 sequences scored: {out}\n"
    found = read_predictions(out)
    assert list(found.scores) == ["MAX", "YY1"]
    assert found.tags.to_pylist() == list(sequences)
    for column, folder in (("MAX", runs), ("YY1", other)):
        expected = load(folder).predict(sequences.values())
        np.testing.assert_allclose(found.scores[column], expected, atol=1e-5)

    # Bound by MAX is what its own column ranks first: its AUROC is 1, that of the other is not.
    ranked = [tag for _, tag in sorted(zip(found.scores["MAX"], sequences, strict=True))]
    labels = tmp_path / "labels.tsv"
    labels.write_text("".join(f"{tag}\t{int(n >= 30)}\n" for n, tag in enumerate(ranked)))
    aurocs = {}
    for tf in ("MAX", "YY1"):
        report = tmp_path / f"{tf}.json"
        arguments = ["evaluate", out, labels, "--tf", tf, "--json", report, "--resamples", 0]
        done = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        aurocs[tf] = json.loads(report.read_text())["rows"][0]["metrics"]["auroc"]["value"]
    assert aurocs["MAX"] > 0.99 > aurocs["YY1"]


def test_the_number_of_threads_does_not_change_the_file(runs, fasta, tmp_path, monkeypatch):
    read_in_chunks_of(3, monkeypatch)
    for threads in (1, 4):
        run(runs, fasta, "--out", tmp_path / f"{threads}.csv", "--threads", threads)
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "4.csv").read_bytes()


def test_an_interruption_leaves_the_old_file(runs, fasta, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(TrainedModel, "predict", interrupted)
    (tmp_path / "p.tsv").write_text("old")
    result = run(runs, fasta, "--out", tmp_path / "p.tsv")
    assert result.exit_code == 130
    assert (tmp_path / "p.tsv").read_text() == "old"
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("scan", ["best_hit", "occupancy"])
def test_a_matrix_is_a_model_too(fasta, tmp_path, scan):
    (tmp_path / "m.meme").write_text(MEME)
    fasta.write_text(">site\nTTTTCACGTTTTT\n>opposite\nTTTTCGTGTTTTT\n>none\nTTTTTTTTTTTTT\n")
    out = tmp_path / "p.tsv"
    result = run(fasta, "--meme", tmp_path / "m.meme", "--matrix", "MAX.TEST", "--scan", scan,
                 "--out", out)  # fmt: skip
    assert result.exit_code == 0
    found = read_predictions(out)
    site, opposite, none = found.scores["MAX"]
    assert site > none
    assert opposite > none


def arguments_of(case: str, runs, fasta, tmp_path) -> list:
    bad = tmp_path / "bad.fasta"
    bad.write_text(">a\nACGT\n>b\nAC!T\n")
    meme = tmp_path / "m.meme"
    meme.write_text(MEME)
    copy = tmp_path / "copy" / "seed-0"
    shutil.copytree(runs / "seed-0", copy)
    out = ["--out", tmp_path / "p.tsv"]
    return {
        "no run": [fasta, *out],
        "not a run": [tmp_path, fasta, *out],
        "no input": [runs, tmp_path / "absent.fasta", *out],
        "bad letter": [runs, bad, *out],
        "ending": [runs, fasta, "--out", tmp_path / "p.txt"],
        "split of fasta": [runs, fasta, "--split", "test", *out],
        "matrix and run": [runs, fasta, "--meme", meme, "--matrix", "MAX.TEST", *out],
        "matrix without file": [fasta, "--matrix", "MAX.TEST", *out],
        "unknown matrix": [fasta, "--meme", meme, "--matrix", "YY1", *out],
        "separate seeds": ["--separate", runs / "seed-0", copy, fasta, *out],
        "separate and a name": ["--separate", runs, fasta, "--tf", "YY1", *out],
        "separate matrix": ["--separate", fasta, "--meme", meme, "--matrix", "MAX.TEST", *out],
        "device": [runs, fasta, "--device", "abacus", *out],
    }[case]


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("no run", "Name at least one RUN before INPUT"),
        ("not a run", "there is no finished run here"),
        ("no input", "absent.fasta"),
        ("bad letter", "bad.fasta:3"),
        ("ending", "neither .tsv nor .csv"),
        ("split of fasta", "only a prepared table has splits"),
        ("matrix and run", "no RUN"),
        ("matrix without file", "needs --meme and --matrix"),
        ("unknown matrix", "YY1"),
        ("separate seeds", "the column 'seed-0' would stand twice"),
        ("separate and a name", "does not go with --tf"),
        ("separate matrix", "--separate needs at least one RUN"),
        ("device", "'abacus' cannot be used"),
    ],
)
def test_wrong_input_exits_with_2_and_keeps_the_old_file(runs, fasta, tmp_path, case, message):
    (tmp_path / "p.tsv").write_text("old")
    result = run(*arguments_of(case, runs, fasta, tmp_path))
    assert result.exit_code == 2
    assert message in result.stderr
    assert (tmp_path / "p.tsv").read_text() == "old"
    assert not list(tmp_path.glob(".*"))


def test_an_unwritable_output_exits_with_1(runs, fasta, tmp_path):
    (tmp_path / "file").write_text("")
    result = run(runs, fasta, "--out", tmp_path / "file" / "p.tsv")
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr


def test_a_run_whose_weights_are_not_finite_gives_no_predictions(runs, fasta, tmp_path):
    experiment = Experiment(architecture="single", data={"tf": "MAX", "window": 20})
    state = initial_state(experiment.architecture, ["HTS"], 0)
    state["heads.HTS.logit.weight"] *= torch.nan
    write_run(tmp_path / "bad", experiment, state, state, {}, {})
    result = run(tmp_path / "bad", fasta, "--out", tmp_path / "p.tsv")
    assert result.exit_code == 2
    assert "the score of 's0' is not a number" in result.stderr


def test_the_input_is_not_overwritten(runs, fasta, tmp_path):
    before = fasta.read_bytes()
    table = tmp_path / "linked.tsv"
    table.symlink_to(fasta)
    result = CliRunner().invoke(app, ["predict", str(runs), str(fasta), "--out", str(table)])
    assert (result.exit_code, fasta.read_bytes()) == (2, before)
    assert "is the input too" in result.output
