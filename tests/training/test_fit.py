"""Choice of the best epoch, divergence, and the engines of a step."""

import numpy as np
import pytest
import torch
from planted import planted_codes, small_experiment

from dann_tfbs.config import Architecture
from dann_tfbs.errors import InputError
from dann_tfbs.model.native.average import NativeAverage
from dann_tfbs.model.native.kernel import compiler
from dann_tfbs.model.network import Network, initial_state
from dann_tfbs.training import engine
from dann_tfbs.training.batches import LabelledSet
from dann_tfbs.training.engine import WORTH_BUILDING, use_engine
from dann_tfbs.training.fit import _log_loss, best_epoch, fit
from dann_tfbs.training.material import single
from dann_tfbs.training.optimisation import flattened


@pytest.fixture
def labelled(rng: np.random.Generator) -> LabelledSet:
    """Planted sequences for two models."""
    labels = (np.arange(64) % 2).astype(np.float32)
    codes = torch.from_numpy(planted_codes(labels, 24, rng))
    return LabelledSet(codes, torch.from_numpy(np.stack([labels, labels])))


def records(metric: str, values: list[float]) -> list[dict[str, float]]:
    return [{"epoch": i + 1.0, f"validation_{metric}": v} for i, v in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "best"),
    [([0.5, 0.9, 0.7], 1), ([0.5, 0.9, 0.9], 1), ([0.2], 0), ([0.1, 0.2, 0.3], 2), ([0, 0], 0)],
)
def test_best_epoch_is_the_earliest_of_the_highest(values, best):
    assert best_epoch(records("auroc", values), "auroc") == best


def test_best_epoch_goes_by_the_metric_that_is_asked_for():
    rows = [
        {"validation_auroc": 0.9, "validation_auprc": 0.1},
        {"validation_auroc": 0.8, "validation_auprc": 0.4},
    ]
    assert (best_epoch(rows, "auroc"), best_epoch(rows, "auprc")) == (0, 1)


def test_best_epoch_is_the_last_without_validation():
    assert best_epoch([{"train_loss": 1.0}, {"train_loss": 2.0}], "auroc") == 1


def test_log_loss_by_hand():
    logits, labels = np.array([0.0, 2.0, -1.0]), np.array([1.0, 0.0, 0.0])
    expected = (np.log(2) + np.log(1 + np.e**2) + np.log(1 + np.e**-1)) / 3
    assert _log_loss(logits, labels) == pytest.approx(expected)
    assert _log_loss(np.array([800.0]), np.array([0.0])) == 800


def test_the_recorded_loss_is_the_mean_cross_entropy_of_each_model(labelled, tmp_path):
    """One batch of all sequences, so that the first loss is that of the initial weights."""
    still = {"shift_probability": 0, "reverse_complement_probability": 0}
    experiment = small_experiment(
        None, seeds=2, training={"epochs": 1, "batch_size": 64, "augmentation": still}
    )
    fitted = fit(
        experiment,
        single(experiment, labelled),
        checkpoint=tmp_path / "c",
        identity="",
        device=torch.device("cpu"),
    )
    bound = labelled.labels[0].numpy() == 1
    for member, seed in enumerate((0, 1)):
        network = Network(experiment.architecture, ["HTS"])
        network.load_state_dict(initial_state(experiment.architecture, ["HTS"], seed))
        logits = network.train()(labelled.codes[:, None], "HTS")[:, 0].detach().numpy()
        p = 1 / (1 + np.exp(-logits.astype(np.float64)))
        expected = -(np.log(p[bound]).sum() + np.log(1 - p[~bound]).sum()) / 64
        (record,) = fitted.history[member]
        assert record["train_loss"] == pytest.approx(expected, rel=1e-5)
        assert record["learning_rate"] == 0.009


@pytest.mark.parametrize("size", [16, 64])  # of 64 sequences: in the first steps, or in the last
def test_a_training_that_diverges_is_an_error_with_a_remedy(labelled, tmp_path, size):
    training = {"learning_rate": float("inf"), "epochs": 1, "batch_size": size}
    experiment = small_experiment(None, training=training)
    with pytest.raises(InputError, match=r"training\.learning_rate: .*diverged.*Lower it"):
        fit(
            experiment,
            single(experiment, labelled),
            checkpoint=tmp_path / "c",
            identity="",
            device=torch.device("cpu"),
        )
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("validation", [True, False])
def test_best_weights_are_those_of_the_best_epoch(labelled, tmp_path, monkeypatch, validation):
    experiment = small_experiment(None, seeds=2, training={"epochs": 3})
    # Model 0 is best after the second epoch, model 1 after the first.
    made_up = iter([[0.5, 0.9], [0.8, 0.7], [0.6, 0.6]])
    monkeypatch.setattr(
        "dann_tfbs.training.fit._validation_scores",
        lambda *_: [{"validation_auroc": v} for v in next(made_up)] if validation else [],
    )
    after_epoch = []

    def on_epoch(_records: object) -> None:
        from safetensors.torch import load_file

        after_epoch.append(load_file(tmp_path / "c"))

    fitted = fit(
        experiment,
        single(experiment, labelled, labelled if validation else None),
        checkpoint=tmp_path / "c",
        identity="",
        device=torch.device("cpu"),
        on_epoch=on_epoch,
    )
    key = "heads.HTS.logit.weight"
    halves = [state[f"network/{key}"].chunk(2) for state in after_epoch]
    best = (1, 0) if validation else (2, 2)
    for member in range(2):
        assert torch.equal(fitted.best[member][key], halves[best[member]][member])
        assert torch.equal(fitted.last[member][key], halves[2][member])
    assert not torch.equal(halves[0][0], halves[2][0])


LAYOUT = Architecture(stem_widths=(3,), stem_channels=2, blocks=0)


def engine_of(name, sequences=1, layout=LAYOUT):
    network = Network(layout, ["HTS"])
    use_engine(network, name, sequences, flattened(list(network.backbone.parameters())))
    return network.fast


@pytest.mark.skipif(compiler() is None, reason="there is no C++ compiler here")
def test_auto_is_native_for_all_but_short_runs():
    assert isinstance(engine_of("auto", WORTH_BUILDING), NativeAverage)
    assert engine_of("auto", WORTH_BUILDING - 1) is None
    assert isinstance(engine_of("native", 1), NativeAverage)
    assert engine_of("plain", WORTH_BUILDING) is None


def test_auto_is_plain_where_there_is_no_compiler_or_the_layout_takes_the_maximum(monkeypatch):
    assert engine_of("auto", WORTH_BUILDING, Architecture(pooling="max")) is None
    monkeypatch.setattr(engine, "compiler", lambda: None)
    assert engine_of("auto", WORTH_BUILDING) is None
    with pytest.raises(InputError, match=r"training.engine: the native engine needs"):
        engine_of("native")


@pytest.mark.parametrize("name", ["native", "compiled"])
def test_max_pooling_is_refused_by_name(name):
    with pytest.raises(InputError, match="mean pooling"):
        engine_of(name, layout=Architecture(pooling="max"))


@pytest.mark.skipif(compiler() is None, reason="there is no C++ compiler here")
def test_engines_learn_the_same_under_the_same_draws(tmp_path, labelled):
    losses = {}
    for name in ("plain", "native"):
        experiment = small_experiment(None, seeds=2, training={"epochs": 3, "engine": name})
        fitted = fit(
            experiment,
            single(experiment, labelled, labelled),
            checkpoint=tmp_path / name,
            identity="",
            device=torch.device("cpu"),
        )
        losses[name] = [[r["train_loss"] for r in records] for records in fitted.history]
    np.testing.assert_allclose(losses["native"], losses["plain"], rtol=1e-3)
