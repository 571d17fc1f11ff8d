"""`dann-tfbs train --ibis-root`, run as a user runs it, on a tiny simulated package."""

import json
import shutil

import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner

from dann_tfbs.cli import app
from dann_tfbs.data.scoring_input import read_scoring_input
from dann_tfbs.simulation.package import simulate
from dann_tfbs.simulation.settings import SimulationSettings

# So small a genome has too few 1-Mb blocks to hold one out.
TINY = [
    "--prepare", "split.by=hash", "--prepare", "max_positives=40", "--prepare", "ratio=2",
    "--set", "training.epochs=1", "--set", "training.engine=plain", "--set", "data.window=30",
    "--set", "architecture={stem_widths: [9], stem_channels: 8, blocks: 1, depthwise_width: 3}",
    "--workers", "0", "--tracking", "off", "--device", "cpu",
]  # fmt: skip


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A simulated package of two TFs and five assays; tests must not change it."""
    root = tmp_path_factory.mktemp("simulated") / "ibis"
    simulate(root, SimulationSettings(peaks=60, reads=200, probes=500))
    return root


@pytest.fixture(scope="module")
def package(whole, tmp_path_factory):
    """The same with two assays to be predicted: PBM and CHS."""
    root = tmp_path_factory.mktemp("package") / "ibis"
    shutil.copytree(whole, root)
    for code in ("HTS", "SMS", "GHTS"):
        (root / "test" / f"{code}_participants.fasta").unlink()
    return root


def run(root, out, *more, track="G2A"):
    words = ["train", "--ibis-root", root, "--track", track, "--stage", "Final", "--out", out]
    return CliRunner().invoke(app, [*map(str, words), *TINY, *map(str, more)])


def rows_of(result):
    return [line for line in result.output.splitlines() if line.startswith("|")][2:]


@pytest.fixture(scope="module")
def finished(package, tmp_path_factory):
    """A finished G2A folder of two seeds, with what the command printed."""
    out = tmp_path_factory.mktemp("finished") / "out"
    return out, run(package, out, "--seeds", "2")


def weights(out):
    files = sorted((out / "runs").rglob("weights.safetensors"))
    return {file.relative_to(out): file.read_bytes() for file in files}


def test_every_tf_is_trained_and_submitted(finished, package):
    out, result = finished
    assert result.exit_code == 0, result.output
    assert [row.split(" | ")[:2] for row in rows_of(result)] == [
        ["| CEBPB", "PBM"],
        ["| FOXA1", "PBM"],
    ]
    assert "2 TFs; 0 errors, 0 warnings: can be submitted" in result.output
    assert "Not among the TFs of G2A Final: CEBPB, FOXA1." in result.output
    lines = (out / "submission" / "PBM_aaa.tsv").read_text().splitlines()
    assert lines[0] == "tag\tFOXA1\tCEBPB"  # as the benchmark names them
    chunks = list(read_scoring_input(package / "test" / "PBM_participants.fasta"))
    assert len(lines) - 1 == sum(len(tags) for tags, _ in chunks)


def test_sources_are_chosen_among_genomic_assays_by_held_out_data(finished):
    out, result = finished
    for row in rows_of(result):
        tf, _, source, auroc, *_ = row.strip("| ").split(" | ")
        runs = [out / "runs" / f"{tf}-PBM" / f"seed-{seed}" for seed in (0, 1)]
        metrics = [json.loads((run / "metrics.json").read_text()) for run in runs]
        scores = {own["source"]: own["mean_auroc"] for own in metrics[0]["source_scores"]}
        assert set(scores) == {"CHS", "GHTS", "both"}
        assert source == max(scores, key=scores.get)
        best = [own["history"][own["best_epoch"] - 1]["validation_auroc"] for own in metrics]
        assert float(auroc) == pytest.approx(np.mean(best), abs=1e-4)


def test_the_same_command_goes_on_where_it_was_interrupted(finished, package):
    out = finished[0]
    before = weights(out)
    cut_off = out / "runs" / "FOXA1-PBM"
    for file in cut_off.rglob("weights.safetensors"):
        file.unlink()
    kept = out / "runs" / "CEBPB-PBM" / "seed-0" / "metrics.json"
    time = kept.stat().st_mtime_ns
    result = run(package, out, "--seeds", "2")
    assert result.exit_code == 0, result.output
    assert "2 trainings; 1 finished." in result.output
    assert weights(out) == before
    assert kept.stat().st_mtime_ns == time
    assert "PBM_aaa.tsv: is there already, of the same runs and sequences." in result.output


def test_a_command_for_one_tf_keeps_the_others_in_the_submission(finished, package):
    out = finished[0]
    before = (out / "submission" / "PBM_aaa.tsv").read_bytes()
    result = run(package, out, "--seeds", "2", "--tf", "FOXA1")
    assert result.exit_code == 0, result.output
    assert len(rows_of(result)) == 1
    assert (out / "submission" / "PBM_aaa.tsv").read_bytes() == before


def test_other_settings_are_refused_and_change_nothing(finished, package):
    out = finished[0]
    result = run(package, out, "--seeds", "2", "--set", "training.learning_rate=0.5")
    assert result.exit_code == 2
    assert "PBM.training.learning_rate 0.009, now 0.5" in result.output
    assert "choose another --out" in result.output


def test_a_tf_that_fails_does_not_stop_the_others(package, tmp_path):
    root, out = tmp_path / "ibis", tmp_path / "out"
    shutil.copytree(package, root)
    for file in (root / "train").glob("*HTS/CEBPB/*.peaks"):
        file.write_text("#CHROM\tSTART\tEND\tabs_summit\nchr1\ttwo\t3\t4\n")
    result = run(root, out)
    assert result.exit_code == 1
    assert "CEBPB in PBM failed: InputError" in result.output
    assert "1 of 2 trainings failed" in result.output
    assert "Traceback" in (out / "failed" / "CEBPB-PBM.txt").read_text()
    assert (out / "submission" / "PBM_aaa.tsv").read_text().startswith("tag\tFOXA1\n")
    assert "1 TFs; 0 errors, 1 warning: can be submitted" in result.output
    shutil.rmtree(root / "train")
    shutil.copytree(package / "train", root / "train")
    result = run(root, out)
    assert result.exit_code == 2
    assert "training files of CEBPB are no longer those" in result.output


def test_the_other_track_learns_from_reads_and_adapts_to_what_participants_had(package, tmp_path):
    out = tmp_path / "out"
    result = run(package, out, "--mode", "dann", "--tf", "FOXA1", track="A2G")
    assert result.exit_code == 0, result.output
    (row,) = rows_of(result)
    tf, target, source, *_ = row.strip("| ").split(" | ")
    assert (tf, target) == ("FOXA1", "CHS")
    assert source in ("HTS", "SMS", "PBM")
    config = yaml.safe_load((out / "runs" / "FOXA1-CHS" / "config.yaml").read_text())
    participants = str(package / "test" / "CHS_participants.fasta")
    assert config["data"]["unlabelled"] == {"CHS": participants}
    header = (out / "submission" / "CHS_aaa.tsv").read_text().partition("\n")[0]
    assert header == "tag\tFOXA1"
    assert "1 TFs; 0 errors, 1 warning: can be submitted" in result.output  # CEBPB is wanted too


def test_a_wrong_folder(tmp_path):
    result = run(tmp_path, tmp_path / "out")
    assert result.exit_code == 2
    assert "there is no train/<ASSAY>/<TF>/ here" in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--ibis-root", ".", "--stage", "Final"], "--ibis-root needs --track and --stage"),
        (["--track", "G2A"], "--track goes with --ibis-root"),
        (["--tf", "FOXA1"], "--tf goes with --ibis-root"),
        (["--workers", "0"], "--workers goes with --ibis-root"),
    ],
)
def test_options_that_do_not_go_together(words, message):
    result = CliRunner().invoke(app, ["train", *words])
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "table"], "leave --data out"),
        (["--target", "HTS"], "leave --target out"),
        (["--unlabelled", "pool.txt"], "do not go with --ibis-root"),
        (["--source", "HTS"], "G2A does not train on HTS"),
        (["--prepare", "ratios=2"], "there is no such key"),
        (["--tf", "GCM1"], "no training data of GCM1"),
    ],
)
def test_settings_are_checked_before_anything_is_made(package, tmp_path, words, message):
    result = run(package, tmp_path / "out", *words)
    assert result.exit_code == 2
    assert message in result.output
    assert not (tmp_path / "out").exists()
