"""`dann-tfbs compare`: studies and runs, with and without a test."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from made_outcomes import shifted, written
from planted import planted_codes, planted_table, random_run, rows, small_experiment

from dann_tfbs.commands.compare import compare
from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.metrics import auroc
from dann_tfbs.run_folder import METRICS_FILE
from dann_tfbs.sequence import decode, from_codes
from dann_tfbs.trained import load
from dann_tfbs.training.train import train


def run(*arguments):
    result = CliRunner().invoke(compare, [str(word) for word in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def table_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table with a test, a run of two seeds, a hardly trained one, and the test as files."""
    folder = tmp_path_factory.mktemp("compare")
    rng = np.random.default_rng(5)
    test = rows("HTS", "test", 60, rng)
    table = planted_table(folder / "table", n=96, validation=40, extra=test)
    train(small_experiment(table, data={"source": "CHS"}, seeds=2), folder / "good")
    idle = {"learning_rate": 1e-7, "epochs": 1}
    train(small_experiment(table, data={"source": "CHS"}, training=idle, seeds=2), folder / "idle")
    labels = {row["tag"]: row["label"] for row in test}
    (folder / "HTS_FOXA1.json").write_text(json.dumps({"labels": labels}))
    fasta = "".join(f">{row['tag']}\n{row['sequence']}\n" for row in reversed(test))
    (folder / "test.fasta").write_text(fasta)
    return folder


def test_a_study_is_printed_and_written_beside_itself(tmp_path):
    study = written(tmp_path / "study", shifted({"new": [0.01, 0.02, 0.03]}))
    result = run(study)
    assert "| new " in result.output
    assert "+0.0200 [" in result.output
    assert result.output.splitlines()[-1] == str(study / "report.html")
    for name in ("comparison.md", "comparison.csv", "differences.csv", "report.html"):
        assert (study / name).stat().st_size > 500
    assert "+0.0200 [" in (study / "comparison.md").read_text()


def test_the_reference_and_the_metric_of_a_study_can_be_changed(tmp_path):
    study = written(tmp_path / "study", shifted({"new": [0.01, 0.02, 0.03]}))
    result = run(study, "--reference", "new", "--metric", "auprc", "--out", tmp_path / "out")
    assert "Against new, by AUPRC" in result.output
    assert "-0.0200 [" in result.output
    assert (tmp_path / "out" / "report.html").is_file()
    assert not (study / "report.html").exists()
    with pytest.raises(InputError, match=r"'nwe' is none of the variants. They are plain, new"):
        run(study, "--reference", "nwe")


def test_several_studies_stand_in_one_report_where_a_folder_is_named(tmp_path):
    made = shifted({"new": [0.01, 0.02, 0.03]})
    studies = [written(tmp_path / n, made, name=n) for n in ("one", "two")]
    result = run(*studies, "--out", tmp_path / "out")
    assert "# one\n" in result.output
    assert "# two\n" in result.output
    rows_of = table_of(tmp_path / "out" / "comparison.csv")
    assert {row["study"] for row in rows_of} == {"one", "two"}
    run(*studies)
    assert all((study / "report.html").is_file() for study in studies)


def test_runs_are_compared_on_the_validation_scores_of_their_best_epoch(folder, tmp_path):
    result = run(folder / "idle", folder / "good", "--out", tmp_path)
    assert "held-out sequences of the source" in result.output
    assert "| idle (reference)" in result.output
    found = table_of(tmp_path / "comparison.csv")
    assert {row["test"] for row in found} == {"held-out source"}
    for name in ("good", "idle"):
        for seed in (0, 1):
            metrics = json.loads((folder / name / f"seed-{seed}" / METRICS_FILE).read_text())
            best = max(record["validation_auroc"] for record in metrics["history"])
            (row,) = [
                row
                for row in found
                if (row["variant"], row["seed"], row["metric"]) == (name, str(seed), "auroc")
            ]
            assert float(row["score"]) == pytest.approx(best)
            assert row["task"] == "FOXA1: CHS → HTS"
    page = (tmp_path / "report.html").read_text()
    assert "held-out source" in page
    assert "<h2>Training</h2>" in page


@pytest.mark.parametrize("kind", ["files", "table"])
def test_runs_are_scored_on_a_test(folder, tmp_path, kind):
    files = ["--test", folder / "test.fasta", "--answers", folder / "HTS_FOXA1.json"]
    table = ["--test", folder / "table"]
    result = run(
        folder / "idle", folder / "good", *(files if kind == "files" else table),
        "--label", "before", "--label", "after", "--out", tmp_path,
    )  # fmt: skip
    assert "held-out" not in result.output
    found = table_of(tmp_path / "comparison.csv")
    assert {row["variant"] for row in found} == {"before", "after"}
    labels = json.loads((folder / "HTS_FOXA1.json").read_text())["labels"]
    texts = dict(
        record.split("\n")[:2] for record in (folder / "test.fasta").read_text().split(">")[1:]
    )
    logits = load(folder / "good", "cpu").logits([texts[tag] for tag in labels])
    expected = [auroc(column, list(labels.values())) for column in logits.T]
    expected.append(auroc(logits.mean(axis=1), list(labels.values())))
    scores = [
        float(row["score"])
        for row in found
        if (row["variant"], row["metric"]) == ("after", "auroc")
    ]
    assert scores == pytest.approx(expected, abs=1e-6)
    assert {(row["positives"], row["negatives"]) for row in found} == {("30", "30")}
    assert "Precision–recall and ROC" in (tmp_path / "report.html").read_text()


def test_runs_of_several_tfs_are_compared_by_what_differs(tmp_path):
    rng = np.random.default_rng(1)
    paths, tests = [], []
    for number, tf in enumerate(("MAX", "ELF3", "GATA1")):
        for strands in ("mean", "forward"):
            path = tmp_path / f"{tf}-{strands}"
            paths.append(random_run(path, number, data={"tf": tf}, prediction={"strands": strands}))
        labels = np.arange(40) % 2
        texts = decode(from_codes(planted_codes(labels, 20, rng)))
        fasta = tmp_path / f"{tf}.fasta"
        fasta.write_text("".join(f">{i}\n{text}\n" for i, text in enumerate(texts)))
        answers = tmp_path / f"HTS_{tf}.json"
        answers.write_text(json.dumps({"labels": {str(i): int(x) for i, x in enumerate(labels)}}))
        tests += ["--test", fasta, "--answers", answers]
    result = run(*paths, *tests, "--by", "prediction.strands")
    assert "| strands=mean (reference)" in result.output
    assert "| strands=forward " in result.output
    assert "the TF (n = 3)" in result.output
    assert run(*paths, *tests).output == result.output  # it is all that differs
    with pytest.raises(InputError, match="2 tests are of its TF MAX and target HTS"):
        run(*paths, *tests, *tests[:4])
    with pytest.raises(InputError, match="0 tests are of its TF ELF3"):
        run(*paths, *tests[:4])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--label", "one"], "one --label for each RUN"),
        (["--label", "a", "--label", "b", "--by", "mode"], "no --by"),
    ],
)
def test_labels_must_fit(folder, arguments, message):
    assert message in run(folder / "idle", folder / "good", *arguments).output


def test_what_cannot_be_compared_is_refused(folder, tmp_path):
    study = written(tmp_path / "study", shifted({"new": [0.01]}))
    assert "not both at once" in run(study, folder / "good").output
    assert "are for RUNS" in run(study, "--by", "mode").output
    with pytest.raises(InputError, match=r"is none of the variants. They are good"):
        run(folder / "good", "--reference", "bad")
    with pytest.raises(InputError, match="the seed 0 of good × FOXA1: CHS → HTS stands twice"):
        run(folder / "good", folder / "good")
    with pytest.raises(InputError, match="1 --test without answers of their own, but 0 --answers"):
        run(folder / "good", "--test", folder / "test.fasta")
    with pytest.raises(InputError, match=r"no validation auroc. Score it on a test"):
        run(random_run(tmp_path / "bare"))
    values = yaml.safe_load((study / "study.yaml").read_text()) | {"metric": "accuracy"}
    (study / "study.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(InputError, match="metric"):
        run(study)
