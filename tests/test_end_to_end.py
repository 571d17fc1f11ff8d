"""From raw assays to numbers by the commands alone: a trained network predicts another assay."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from click.testing import CliRunner

from dann_tfbs import load
from dann_tfbs.cli import app
from dann_tfbs.data.table import TABLE_FILE
from dann_tfbs.evaluation.controls import GcContent
from dann_tfbs.evaluation.metrics import auroc
from dann_tfbs.sequence import encode


def dann_tfbs(*words: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Simulated ChIP-seq of a TF, prepared; a network and its permuted control; their scores."""
    work = tmp_path_factory.mktemp("work")
    threads = torch.get_num_threads()
    assays, table = work / "assays", work / "table"
    dann_tfbs("simulate", assays, "--tf", "FOXA1", "--peaks", 600, "--reads", 1000,
              "--probes", 500)  # fmt: skip
    dann_tfbs("prepare", "--ibis-root", assays, "--genome", assays / "genome.fa", "--tf", "FOXA1",
              "--assay", "CHS", "--target", "HTS", "--ratio", 2, "--out", table)  # fmt: skip
    for name, permute in (("true", "false"), ("permuted", "true")):
        dann_tfbs("train", "--data", table, "--target", "HTS", "--seeds", 2, "--out", work / name,
                  "--set", f"data.permute_labels={permute}", "--set", "training.epochs=6",
                  "--device", "cpu", "--tracking", "off", "--quiet")  # fmt: skip
        for assay in ("HTS", "CHS"):
            dann_tfbs("predict", work / name, assays / "test" / f"{assay}_participants.fasta",
                      "--out", work / f"{name}-{assay}.tsv")  # fmt: skip
            answers = assays / "test" / "answers" / f"{assay}_FOXA1.json"
            dann_tfbs("evaluate", work / f"{name}-{assay}.tsv", answers, "--resamples", 100,
                      "--no-table", "--json", work / f"{name}-{assay}.json")  # fmt: skip
    yield work
    torch.set_num_threads(threads)


def auroc_of(report: Path) -> float:
    rows = json.loads(report.read_text())["rows"]
    return next(row["metrics"]["auroc"]["value"] for row in rows if "auroc" in row["metrics"])


def gc_auroc(work: Path, assay: str) -> float:
    """Return the AUROC of GC content, in the direction of the training table."""
    table = pq.read_table(
        work / "table" / TABLE_FILE, columns=["sequence", "label", "split"]
    ).to_pylist()
    train = [row for row in table if row["split"] == "train"]
    gc = GcContent().fit(encode(r["sequence"] for r in train), [r["label"] for r in train])
    tests = work / "assays" / "test"
    labels = json.loads((tests / "answers" / f"{assay}_FOXA1.json").read_text())["labels"]
    lines = (tests / f"{assay}_participants.fasta").read_text().splitlines()
    texts = {head[1:].split()[0]: s for head, s in zip(lines[::2], lines[1::2], strict=True)}
    return auroc(gc.score(encode(texts[tag] for tag in labels)), list(labels.values()))


def test_the_network_beats_gc_content_and_its_permuted_control_on_another_assay(work):
    # Measured: network .80, permuted labels .49, GC content .49.
    network, control = (auroc_of(work / f"{name}-HTS.json") for name in ("true", "permuted"))
    assert network > 0.72
    assert abs(control - 0.5) < 0.08
    assert network > gc_auroc(work, "HTS") + 0.15
    assert network > control + 0.15


def test_it_beats_them_on_held_out_chromosomes_of_its_own_assay(work):
    # Measured: network .75, permuted labels .49, GC content .56.
    network, control = (auroc_of(work / f"{name}-CHS.json") for name in ("true", "permuted"))
    assert network > 0.68
    assert abs(control - 0.5) < 0.08
    assert network > gc_auroc(work, "CHS") + 0.1
    assert network > control + 0.15


def test_the_loaded_ensemble_scores_as_the_command_did(work):
    lines = (work / "assays" / "test" / "HTS_participants.fasta").read_text().splitlines()[:40]
    tags, texts = [line[1:].split()[0] for line in lines[::2]], lines[1::2]
    scores = dict(line.split("\t") for line in (work / "true-HTS.tsv").read_text().splitlines())
    expected = [float(scores[tag]) for tag in tags]
    assert load(work / "true").predict(texts) == pytest.approx(expected, abs=6e-6)
