"""`dann-tfbs select`: tables of candidates, the choice, and what each rule may read."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from planted import planted_codes, planted_table, rows, small_experiment

from dann_tfbs.commands.evaluate import evaluate
from dann_tfbs.commands.predict import predict
from dann_tfbs.commands.select import select
from dann_tfbs.data.table import SCHEMA, TABLE_FILE, write_table
from dann_tfbs.errors import InputError
from dann_tfbs.run_folder import find_runs, read_run
from dann_tfbs.sequence import decode, from_codes
from dann_tfbs.training.train import train

IDLE = {"learning_rate": 1e-7, "epochs": 1}


def run(*arguments):
    result = CliRunner().invoke(select, [str(word) for word in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table of two genomic assays with a test of HTS, a pool, a good, an idle and a twin run."""
    folder = tmp_path_factory.mktemp("select")
    rng = np.random.default_rng(5)
    test = rows("HTS", "test", 60, rng)
    table = planted_table(folder / "table", ("CHS", "GHTS"), n=160, validation=80, extra=test)
    train(small_experiment(table, data={"source": "CHS"}), folder / "good")
    train(small_experiment(table, data={"source": "CHS"}, training=IDLE, seed=9), folder / "idle")
    train(small_experiment(table, data={"source": "both"}, seeds=2), folder / "twins")
    pool = planted_codes((np.arange(400) % 2 == 0).astype(int), 24, rng)
    (folder / "pool.txt").write_text("\n".join(decode(from_codes(pool))) + "\n")
    (folder / "answers.json").write_text(
        json.dumps({"labels": {r["tag"]: r["label"] for r in test}})
    )
    fasta = "".join(f">{r['tag']}\n{r['sequence']}\n" for r in reversed(test))
    (folder / "test.fasta").write_text(fasta)
    return folder


def best_of(folder, key="validation_auroc"):
    return [max(r[key] for r in read_run(run).metrics["history"]) for run in find_runs(folder)]


def test_source_takes_the_run_that_is_best_on_held_out_rows(folder, tmp_path):
    result = run(folder / "idle", folder / "good", "--json", tmp_path / "s.json")
    assert result.output.splitlines()[-1] == str(folder / "good")
    assert f"{folder / 'good'} (chosen)" in result.output
    assert "oracle" not in result.output
    found = json.loads((tmp_path / "s.json").read_text())
    assert found["chosen"] == str(folder / "good")
    assert found["rule"] == found["label"] == "source"
    assert found["reads_target_labels"] is False
    # One source assay: the numbers are those that training has seen.
    assert found["held_out"] == {"CHS": 80}
    for candidate, name in zip(found["candidates"], ("idle", "good"), strict=True):
        assert candidate["source_auroc"] == pytest.approx(best_of(folder / name)[0], abs=1e-6)
        assert f"{candidate['source_auroc']:.4f}" in result.output
    assert list(tmp_path.iterdir()) == [tmp_path / "s.json"]


def test_candidates_of_other_sources_are_scored_on_the_same_rows(folder, tmp_path):
    run(folder / "good", folder / "twins", "--json", tmp_path / "s.json")
    found = json.loads((tmp_path / "s.json").read_text())
    assert found["held_out"] == {"CHS": 80, "GHTS": 80}
    # A mean over seeds; AUROCs of the two assays apart are near that of both together.
    twins = found["candidates"][1]["source_auroc"]
    assert twins == pytest.approx(np.mean(best_of(folder / "twins")), abs=0.03)


@pytest.mark.parametrize("rule", ["iwv", "dev"])
def test_weighted_rules_show_risks_and_effective_sizes(folder, tmp_path, rule):
    words = ["--select", rule, "--unlabelled", folder / "pool.txt", "--json", tmp_path / "s.json"]
    result = run(folder / "good", folder / "idle", *words)
    found = json.loads((tmp_path / "s.json").read_text())
    assert found["label"] == rule
    assert found["chosen"] == str(folder / "good") == result.output.splitlines()[-1]
    good, idle = found["candidates"]
    assert found["scores"] == {c["name"]: c[rule] for c in (good, idle)}
    assert good[rule] < idle[rule]
    assert good["risk"]["mean_weight"] == idle["risk"]["mean_weight"]
    (size,) = set(found["effective_sizes"].values())
    assert 40 < size < 80
    assert f"{size:.1f}" in result.output
    assert f"{good[rule]:.4f}" in result.output
    assert found["weights"] == {
        "candidate": str(folder / "good"), "length": 24, "unlabelled": 400, "clipped": 0.0,
    }  # fmt: skip


def test_collapsed_weights_give_way_to_source_and_say_so(folder, tmp_path):
    (tmp_path / "pool.txt").write_text(("A" * 24 + "\n") * 300)
    words = [
        "--select",
        "iwv",
        "--unlabelled",
        tmp_path / "pool.txt",
        "--json",
        tmp_path / "s.json",
    ]
    result = run(folder / "idle", folder / "good", *words)
    assert result.output.splitlines()[-1] == str(folder / "good")
    assert "Chosen by iwv (fell back to source)" in result.output
    assert "The held-out source AUROC decided instead: the" in result.output
    found = json.loads((tmp_path / "s.json").read_text())
    assert found["fallback"]
    assert found["rule"] == "iwv"


def test_every_candidate_is_trained_again_without_each_assay(folder, tmp_path):
    words = ["--select", "leave-one-assay-out", "--json", tmp_path / "s.json"]
    first = run(folder / "idle", folder / "good", *words)
    assert first.output.splitlines()[-1] == str(folder / "good")
    found = json.loads((tmp_path / "s.json").read_text())
    idle, good = (candidate["left_out"] for candidate in found["candidates"])
    assert set(good) == set(idle) == {"CHS", "GHTS"}
    assert np.mean(list(good.values())) > 0.8 > np.mean(list(idle.values()))
    assert "without CHS" in first.output
    work = tmp_path / "s-trainings"
    trained = {path: path.stat().st_mtime_ns for path in work.rglob("weights.safetensors")}
    assert len(trained) == 4
    before = (tmp_path / "s.json").read_bytes()
    again = run(folder / "idle", folder / "good", *words)
    assert again.output == "\n".join(
        line for line in first.output.split("\n") if not line.startswith("training ")
    )
    assert trained == {path: path.stat().st_mtime_ns for path in work.rglob("weights.safetensors")}
    assert (tmp_path / "s.json").read_bytes() == before


def test_leaving_out_keeps_nothing_without_a_file_to_keep_it_beside(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(folder / "idle", "--select", "leave-one-assay-out")
    assert not list(tmp_path.iterdir())


def test_one_assay_cannot_be_left_out(folder, tmp_path):
    table = planted_table(tmp_path / "table", n=80, validation=40)
    with pytest.raises(InputError, match=r"holds 1 assay.*\(CHS\).*takes two.*source, iwv or dev"):
        run(folder / "idle", "--data", table, "--select", "leave-one-assay-out")


def test_the_oracle_reads_labels_and_is_marked_wherever_it_is_shown(folder, tmp_path):
    words = ["--select", "oracle", "--answers", folder / "table", "--json", tmp_path / "s.json"]
    result = run(folder / "idle", folder / "good", *words)
    mark = "(reads target labels)"
    assert f"oracle AUROC {mark}" in result.output
    assert f"Chosen by oracle {mark}: {folder / 'good'}" in result.output
    found = json.loads((tmp_path / "s.json").read_text())
    assert found["label"] == f"oracle {mark}"
    assert found["reads_target_labels"] is True
    score = found["candidates"][1][f"oracle AUROC {mark}"]

    scores, report = tmp_path / "scores.csv", tmp_path / "report.json"
    runner = CliRunner()
    command = [str(folder / "good"), str(folder / "test.fasta"), "--out", str(scores)]
    assert runner.invoke(predict, command).exit_code == 0
    command = [str(scores), str(folder / "answers.json"), "--json", str(report), "--resamples", "0"]
    assert runner.invoke(evaluate, command).exit_code == 0
    (row,) = json.loads(report.read_text())["rows"]
    assert score == pytest.approx(row["metrics"]["auroc"]["value"], abs=1e-9)

    words[3], words[5] = folder / "answers.json", tmp_path / "t.json"
    run(folder / "idle", folder / "good", *words, "--unlabelled", folder / "test.fasta")
    assert json.loads((tmp_path / "t.json").read_text())["scores"] == found["scores"]
    with pytest.raises(InputError, match=r"labels, but no sequences.*--unlabelled"):
        run(folder / "good", *words)
    with pytest.raises(InputError, match=r"60 of 60 tags have no sequence"):
        run(folder / "good", *words, "--unlabelled", folder / "pool.txt")


@pytest.mark.parametrize("rule", ["source", "iwv", "dev", "leave-one-assay-out"])
def test_no_other_rule_sees_what_the_test_holds(folder, tmp_path, rule):
    poisoned = tmp_path / "poisoned"
    poisoned.mkdir()
    made = pq.read_table(folder / "table" / TABLE_FILE).to_pylist()
    for row in made:
        if row["split"] == "test":
            row |= {"label": 1 - row["label"], "sequence": "not DNA at all"}
    write_table(poisoned / TABLE_FILE, pa.Table.from_pylist(made, schema=SCHEMA))
    words = ["--unlabelled", folder / "pool.txt"] if rule in ("iwv", "dev") else []
    texts = []
    for name in ("table", poisoned):
        json_path = tmp_path / f"{len(texts)}.json"
        run(folder / "idle", *words, "--select", rule, "--data", folder / name, "--json", json_path)
        texts.append(json_path.read_text())
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["--select", "iwv"], "--unlabelled: iwv weights source sequences.*--unlabelled FILE"),
        (["--select", "oracle"], "--answers: oracle reads labels"),
        (["--answers", "a.json"], "source reads no target labels.*only --select oracle"),
        (["--select", "dev", "--unlabelled", "p", "--answers", "a"], "dev reads no target labels"),
        (["--unlabelled", "pool.txt"], "source reads no unlabelled sequences"),
    ],
)
def test_options_that_a_rule_does_not_read_or_lacks(folder, words, match):
    with pytest.raises(InputError, match=match):
        run(folder / "good", *words)


def test_candidates_must_be_comparable(folder, tmp_path):
    other = planted_table(tmp_path / "table", ("CHS",), n=80, validation=40)
    train(small_experiment(other, training=IDLE), tmp_path / "other")
    with pytest.raises(InputError, match=r"did not learn from the table of .*--data"):
        run(folder / "good", tmp_path / "other")
    assert run(folder / "good", tmp_path / "other", "--data", other).exit_code == 0
    train(small_experiment(other, data={"target": "SMS"}, training=IDLE), tmp_path / "sms")
    with pytest.raises(InputError, match=r"has the target SMS, .* has HTS"):
        run(tmp_path / "other", tmp_path / "sms")
    with pytest.raises(InputError, match="no finished run"):
        run(folder / "table")


def test_something_must_be_held_out(folder, tmp_path):
    table = planted_table(tmp_path / "table", ("CHS", "GHTS"), n=80, validation=0)
    with pytest.raises(InputError, match="validation split"):
        run(folder / "good", "--data", table)


def test_an_empty_pool_is_refused(folder, tmp_path):
    (tmp_path / "empty.txt").write_text("")
    with pytest.raises(InputError, match=r"empty\.txt"):
        run(folder / "good", "--select", "dev", "--unlabelled", tmp_path / "empty.txt")
