"""Every mode with every alignment, trained on a tiny planted table with unlabelled reads."""

import json
import math

import numpy as np
import pytest
import torch
from planted import planted_table, pool_rows, rows, small_experiment, weights
from safetensors.torch import load_file

from dann_tfbs.adaptation.choose import BUILT_IN
from dann_tfbs.training.train import train

OFTEN = {"warm_up": 0.3, "bound": 0.2, "unbound": 0.4}
"""Self-training begins with the second of two epochs."""
SETTINGS = {"self_training": OFTEN}
MEASURED = {
    "dann": {"domain_loss", "domain_accuracy", "domain_chance", "lambda"},
    "cdan": {"domain_loss", "domain_accuracy", "domain_chance", "lambda"},
    "self_training": {"labelled"},
}
"""What is recorded beside the loss; others record themselves under their own name."""
HEADS = {"HTS": {}, "PBM": {"window": 18}}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Peaks, labelled reads for the contrastive loss, unlabelled reads and probes."""
    rng = np.random.default_rng(2)
    extra = [*rows("HTS", "train", 40, rng), *pool_rows("HTS", 50), *pool_rows("PBM", 30, 17)]
    return planted_table(tmp_path_factory.mktemp("table"), n=112, validation=24, extra=extra)


def adapted(table, kind, mode="multihead", **values):
    alignment = {"kind": kind, "schedule": "constant", **SETTINGS.get(kind, {})}
    training = {"epochs": 2} | values.pop("training", {})
    return small_experiment(
        table,
        mode=mode,
        heads={} if mode == "baseline" else HEADS,
        adaptation={"alignments": [alignment]},
        data={"source": "CHS"},
        training=training,
        **values,
    )


@pytest.mark.parametrize("mode", ["baseline", "multihead", "dann"])
@pytest.mark.parametrize("kind", BUILT_IN)
def test_it_trains_and_records(table, tmp_path, mode, kind):
    trained = train(adapted(table, kind, mode), tmp_path / "run")
    (records,) = trained.histories
    assert records[-1]["train_loss"] < records[0]["train_loss"]
    expected = {f"{kind}_{name}" for name in ("loss", *MEASURED.get(kind, {kind}))}
    for record in records:
        assert expected <= record.keys()
        assert all(math.isfinite(value) for value in record.values())
    adversarial = kind in ("dann", "cdan")
    assert ("dann_lambda" in records[0]) is (kind == "dann" or (mode == "dann" and not adversarial))
    if adversarial:
        assert records[0][f"{kind}_domain_chance"] == pytest.approx(1 / 3)
        assert records[0][f"{kind}_lambda"] == 1
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["history"] == records


@pytest.mark.parametrize("kind", BUILT_IN)
def test_it_changes_the_model(table, tmp_path, kind):
    """An alignment that is never reached would leave the weights of weight 0."""
    for weight in (0, 1):
        experiment = adapted(table, kind)
        settings = experiment.adaptation.alignments[0] | {"weight": weight}
        adaptation = experiment.adaptation.model_copy(update={"alignments": (settings,)})
        train(experiment.model_copy(update={"adaptation": adaptation}), tmp_path / str(weight))
    assert weights(tmp_path / "0")[1] != weights(tmp_path / "1")[1]


@pytest.mark.parametrize("kind", BUILT_IN)
def test_models_side_by_side_are_those_of_their_seeds(table, tmp_path, kind):
    """Of the second seed, whose thinned negatives, draws and start are its own."""
    heads = HEADS | {"PBM": {"window": 18, "negatives_per_positive": 0.5}}
    histories = []
    for name, seeds in (("pair", {"seeds": 2}), ("alone", {"seed": 1})):
        experiment = adapted(table, kind, **seeds)
        values = experiment.model_dump(mode="json") | {"heads": heads}
        trained = train(type(experiment).model_validate(values), tmp_path / name)
        histories.append(trained.histories[-1])
    for together, own in zip(*histories, strict=True):
        assert together.keys() == own.keys()
        for name in together.keys() - {"sequences_per_second", f"{kind}_labelled"}:
            assert together[name] == pytest.approx(own[name], rel=2e-3, abs=5e-3), name
    # Sums in another order differ in the last digits, and steps of Adam near zero with them.
    both = [load_file(tmp_path / name / "last.safetensors") for name in ("pair/seed-1", "alone")]
    for key, value in both[0].items():
        torch.testing.assert_close(value, both[1][key], rtol=0.05, atol=0.02)


def test_several_alignments_act_together(table, tmp_path):
    adaptation = {"alignments": [{"kind": "coral"}, {"kind": "mcc"}], "align": "all"}
    experiment = small_experiment(
        table, mode="dann", heads=HEADS, adaptation=adaptation, data={"source": "CHS"}
    )
    trained = train(experiment, tmp_path / "run")
    names = trained.histories[0][-1].keys()
    assert {"dann_loss", "coral_loss", "mcc_loss"} <= names


def test_two_alignments_of_a_kind_are_recorded_apart(table, tmp_path):
    adaptation = {"alignments": [{"kind": "dann"}, {"kind": "mmd"}, {"kind": "dann", "hidden": 0}]}
    experiment = small_experiment(table, adaptation=adaptation, data={"source": "CHS"})
    record = train(experiment, tmp_path / "run").histories[0][-1]
    assert {"dann_loss", "mmd_loss", "dann_2_loss", "dann_2_lambda"} <= record.keys()
    assert record["dann_loss"] != record["dann_2_loss"]


def test_the_strength_follows_its_schedule_step_by_step(table, tmp_path):
    """The record of an epoch is the mean over its steps."""
    alignment = {"kind": "dann", "schedule": "linear", "warm_up": 0.5, "weight": 0.4}
    experiment = small_experiment(
        table, adaptation={"alignments": [alignment]}, data={"source": "CHS"}
    )
    trained = train(experiment, tmp_path / "run")
    steps = 7
    progress = np.arange(2 * steps) / (2 * steps)
    expected = np.where(progress < 0.5, 0, 0.4 * (progress - 0.5) / 0.5).reshape(2, steps).mean(1)
    lambdas = [record["dann_lambda"] for record in trained.histories[0]]
    assert lambdas == pytest.approx(expected.tolist(), abs=1e-6)


def test_the_discriminator_has_a_learning_rate_of_its_own(table, tmp_path):
    """At a rate of next to nothing it learns nothing, and the network the same as without."""
    losses = {}
    for rate in (1e-9, 0.05):
        alignment = {"kind": "dann", "weight": 0, "learning_rate": rate}
        experiment = small_experiment(
            table,
            adaptation={"alignments": [alignment]},
            data={"source": "CHS"},
            training={"epochs": 6},
        )
        trained = train(experiment, tmp_path / str(rate))
        losses[rate] = trained.histories[0][-1]
    assert losses[1e-9]["train_loss"] == losses[0.05]["train_loss"]
    assert losses[0.05]["dann_domain_loss"] < losses[1e-9]["dann_domain_loss"] - 0.05
