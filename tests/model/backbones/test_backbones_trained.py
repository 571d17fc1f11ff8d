"""Whole trainings of every built-in backbone on a tiny planted table."""

import numpy as np
import pytest
import torch
from planted import (
    StopError,
    planted_codes,
    planted_table,
    pool_rows,
    small_experiment,
    stop_after,
    weights,
    without_speed,
)
from safetensors.torch import load_file

from dann_tfbs import load
from dann_tfbs.evaluation.metrics import auroc
from dann_tfbs.sequence import decode, from_codes
from dann_tfbs.training.train import train

LAYOUT = {"stem_widths": [9], "stem_channels": 8, "blocks": 1, "depthwise_width": 3}
SETTINGS = {
    "legnet": {"block_sizes": [16, 8, 8], "width": 5},
    "convnext": {"blocks": 2},
    "embedding": {"kmer": 3, "dimension": 4},
    "lstm": {"hidden": 6},
}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return planted_table(tmp_path_factory.mktemp("table"), n=480, extra=pool_rows("HTS", 40))


def experiment_of(table, backbone, **values):
    layout = {**LAYOUT, "backbone": backbone, "backbone_settings": SETTINGS[backbone]}
    return small_experiment(table, **{"architecture": layout, "data": {"source": "CHS"}, **values})


@pytest.mark.parametrize("backbone", SETTINGS)
def test_it_learns_the_planted_motif_and_predicts_and_resumes(table, tmp_path, backbone):
    # Blocks that start as good as absent take longer.
    epochs = 8 if backbone == "convnext" else 4
    experiment = experiment_of(table, backbone, training={"epochs": epochs})
    whole = train(experiment, tmp_path / "whole")
    records = whole.histories[0]
    assert records[-1]["train_loss"] < records[0]["train_loss"]
    assert max(record["validation_auroc"] for record in records) > 0.9

    labels = np.arange(200) % 2
    codes = planted_codes(labels, 24, np.random.default_rng(11))
    scores = load(tmp_path / "whole").predict(decode(from_codes(codes)))
    assert auroc(scores, labels) > 0.9

    with pytest.raises(StopError):
        train(experiment, tmp_path / "parts", on_epoch=stop_after(2))
    parts = train(experiment, tmp_path / "parts", resume=True)
    assert weights(tmp_path / "parts") == weights(tmp_path / "whole")
    assert without_speed(parts.histories) == without_speed(whole.histories)


@pytest.mark.parametrize("backbone", ["legnet", "embedding", "lstm"])
def test_adabn_changes_the_batch_statistics_alone(table, tmp_path, backbone):
    values = {"training": {"epochs": 1}}
    train(experiment_of(table, backbone, **values), tmp_path / "plain")
    train(experiment_of(table, backbone, adaptation={"adabn": True}, **values), tmp_path / "adabn")
    plain, turned = (
        load_file(tmp_path / name / "weights.safetensors") for name in ("plain", "adabn")
    )
    for key, value in plain.items():
        assert torch.equal(value, turned[key]) is not ("running" in key), key


@pytest.mark.parametrize("backbone", SETTINGS)
def test_it_can_be_aligned(table, tmp_path, backbone):
    trained = train(
        experiment_of(
            table,
            backbone,
            mode="dann",
            heads={"HTS": {}},
            seeds=2,
            training={"epochs": 1},
        ),
        tmp_path / "run",
    )
    assert all(np.isfinite(records[-1]["dann_loss"]) for records in trained.histories)
