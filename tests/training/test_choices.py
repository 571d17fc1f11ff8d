"""The source and the way of scoring that training chooses by itself."""

import json

import numpy as np
import pyarrow as pa
import pytest
import torch
from planted import planted_table, rows, small_experiment

from dann_tfbs.data.table import SCHEMA
from dann_tfbs.errors import InputError
from dann_tfbs.training.choices import Candidate, best_source, score_lengths, with_score_length
from dann_tfbs.training.dataset import labelled_set, labelled_table, source_candidates
from dann_tfbs.training.train import train


def table_of(*assays: str) -> pa.Table:
    rng = np.random.default_rng(0)
    made = [row for assay in assays for row in rows(assay, "train", 2, rng)]
    return pa.Table.from_pylist(made, schema=SCHEMA)


@pytest.mark.parametrize(
    ("source", "assays", "expected"),
    [
        ("auto", ["GHTS", "CHS"], ["CHS", "GHTS", "both"]),
        ("auto", ["GHTS", "HTS"], ["GHTS"]),
        ("auto", ["PBM"], ["PBM"]),
        ("auto", ["HTS"], ["HTS"]),
        ("auto", ["PBM", "SMS", "HTS"], ["SMS", "PBM"]),
        ("both", ["CHS", "GHTS"], ["both"]),
        ("HTS", ["CHS", "HTS"], ["HTS"]),
    ],
)
def test_candidates_follow_from_the_table(source, assays, expected):
    assert source_candidates(source, table_of(*assays), "HTS") == expected


@pytest.mark.parametrize(
    ("source", "assays", "message"),
    [
        ("both", ["CHS"], r"no training rows of GHTS.*It holds CHS"),
        ("SMS", ["CHS", "HTS"], r"no training rows of SMS.*It holds CHS, HTS"),
    ],
)
def test_a_source_that_the_table_lacks_is_an_error(source, assays, message):
    with pytest.raises(InputError, match=message):
        source_candidates(source, table_of(*assays), "HTS")


def test_the_highest_mean_wins_and_the_first_among_equals():
    made_up = [
        {"source": "CHS", "mean_auroc": 0.8},
        {"source": "GHTS", "mean_auroc": 0.9},
        {"source": "both", "mean_auroc": 0.9},
    ]
    assert best_source(made_up) == "GHTS"


@pytest.fixture(scope="module")
def chosen(tmp_path_factory):
    """GHTS carries the motif and CHS only noise: a source must be chosen."""
    rng = np.random.default_rng(5)
    none = np.empty(0, dtype=np.uint8)
    noise = [
        row
        for split, n in (("train", 100), ("validation", 200))
        for row in rows("CHS", split, n, rng, motif=none)
    ]
    folder = tmp_path_factory.mktemp("auto")
    path = planted_table(folder / "table", ("GHTS",), extra=noise)
    experiment = small_experiment(path, training={"epochs": 2}, seeds=2)
    return train(experiment, folder / "run")


def test_auto_takes_the_source_that_predicts_both_held_out_sets_best(chosen):
    table = {row["source"]: row for row in chosen.source_scores}
    assert list(table) == ["CHS", "GHTS", "both"]
    assert chosen.experiment.data.source == max(table, key=lambda s: table[s]["mean_auroc"])
    assert chosen.experiment.data.source in ("GHTS", "both")
    assert table["GHTS"]["GHTS_auroc"] > 0.9
    assert table["CHS"]["GHTS_auroc"] < table["GHTS"]["GHTS_auroc"] - 0.1
    for row in table.values():
        assert row["held_out_split"] == "validation"
        assert row["mean_auroc"] == pytest.approx((row["CHS_auroc"] + row["GHTS_auroc"]) / 2)
        # The labels of CHS are noise: one sd of this AUROC is .041, and a mean of two models.
        assert abs(row["CHS_auroc"] - 0.5) < 0.15


def test_the_whole_table_and_the_choice_are_stored_in_every_run(chosen):
    for folder in chosen.folders:
        metrics = json.loads((folder / "metrics.json").read_text())
        assert metrics["source_scores"] == chosen.source_scores
        assert f"source: {chosen.experiment.data.source}" in (folder / "config.yaml").read_text()


def test_validation_of_the_chosen_source_is_what_its_history_says(chosen):
    from dann_tfbs.evaluation.metrics import auroc

    for member, records in enumerate(chosen.histories):
        value = auroc(chosen.validation.logits[:, member], chosen.validation.labels[member])
        assert value == pytest.approx(max(r["validation_auroc"] for r in records), abs=1e-6)


def test_auto_without_held_out_rows_names_the_assay(tmp_path):
    path = planted_table(tmp_path / "table", ("CHS", "GHTS"), n=40, validation=0)
    experiment = small_experiment(path, training={"epochs": 1})
    with pytest.raises(InputError, match=r"data\.source.*held-out.*of CHS.*name the source"):
        train(experiment, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def candidate(monkeypatch, logits_by_width: dict[int, list[float]], **data) -> Candidate:
    """Return a candidate whose scores are made up, by the width it is shown."""
    experiment = small_experiment(None, data={"source": "CHS", "window": 24} | data)
    monkeypatch.setattr(
        Candidate,
        "logits",
        lambda _, sequences: np.array(logits_by_width[sequences.width])[:, None],
    )
    return Candidate(experiment, None, torch.device("cpu"))  # type: ignore[arg-type]


def held_out(n: int = 4) -> pa.Table:
    made = rows("CHS", "validation", n, np.random.default_rng(0), length=24)
    return pa.Table.from_pylist(made, schema=SCHEMA)


def test_short_targets_are_imitated_by_cut_sequences_as_they_are_and_padded(monkeypatch):
    # Labels are 1 0 1 0. As they are: 3 of 4 pairs in order; padded back to 24: all.
    made_up = {10: [4, 3, 2, 1], 24: [4, 1, 3, 2]}
    scores = score_lengths(candidate(monkeypatch, made_up, target_length=10), held_out())
    assert scores == {"own": 0.75, "train": 1.0}


@pytest.mark.parametrize(
    "data", [{"target_length": 24}, {"target_length": 10, "score_length": "own"}, {}]
)
def test_no_choice_of_length_where_none_is_needed(monkeypatch, data):
    # Without target_length the target is HTS, 40 bp, longer than the window.
    assert score_lengths(candidate(monkeypatch, {}, **data), held_out()) == {}


def test_no_choice_of_length_without_held_out_positives_and_negatives(monkeypatch):
    assert score_lengths(candidate(monkeypatch, {}, target_length=10), held_out(1)) == {}


def test_the_control_of_permuted_labels_chooses_by_permuted_labels(monkeypatch):
    n = 40
    true = [float(i % 2 == 0) for i in range(n)]
    found = candidate(monkeypatch, {10: true, 24: true}, target_length=10, permute_labels=True)
    assert 0.2 < score_lengths(found, held_out(n))["own"] < 0.8


@pytest.mark.parametrize(
    ("given", "scores", "expected"),
    [
        ("auto", {"own": 0.8, "train": 0.9}, "train"),
        ("auto", {"own": 0.9, "train": 0.9}, "own"),
        ("auto", {}, "own"),
        ("train", {}, "train"),
        ("own", {"own": 0.1, "train": 0.9}, "own"),
    ],
)
def test_the_better_way_is_stored(given, scores, expected):
    experiment = small_experiment(None, data={"score_length": given})
    assert with_score_length(experiment, scores).data.score_length == expected


def test_sequences_are_cut_to_the_window_or_surrounded_by_n():
    from dann_tfbs.sequence import decode, encode, from_codes

    data = labelled_set(
        encode(["ACGTACG", "AC"]), np.array([1, 0], dtype=np.float32), 5, [0, 1], permute=False
    )
    assert decode(from_codes(data.codes.numpy())) == ["CGTAC", "NACNN"]
    assert data.labels.tolist() == [[1, 0], [1, 0]]


def test_several_tfs_must_be_told_apart(tmp_path):
    rng = np.random.default_rng(1)
    extra = [row | {"tf": "CEBPB"} for row in rows("CHS", "train", 6, rng)]
    unlabelled = [row | {"label": None} for row in rows("CHS", "train", 4, rng)]
    path = planted_table(tmp_path, n=10, validation=4, extra=extra + unlabelled)
    with pytest.raises(InputError, match=r"data\.tf.*several TFs \(CEBPB, FOXA1\).*data\.tf=CEBPB"):
        labelled_table(small_experiment(path).data, path)
    for tf, n in (("CEBPB", 6), ("FOXA1", 14)):
        table = labelled_table(small_experiment(path, data={"tf": tf}).data, path)
        assert len(table) == n
        assert set(table["tf"].to_pylist()) == {tf}
