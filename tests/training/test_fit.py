"""Choice of the best epoch, divergence, and the engines of a step."""

import logging

import numpy as np
import pytest
import torch
from planted import planted_codes, small_experiment

from dann_tfbs.config import Architecture
from dann_tfbs.errors import InputError
from dann_tfbs.model.network import Network, initial_state
from dann_tfbs.training import engine
from dann_tfbs.training.batches import LabelledSet
from dann_tfbs.training.engine import WORTH_COMPILING, training_forward
from dann_tfbs.training.fit import _log_loss, best_epoch, fit


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
        labelled,
        None,
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


def test_a_training_that_diverges_is_an_error_with_a_remedy(labelled, tmp_path):
    experiment = small_experiment(None, training={"learning_rate": float("inf")})
    with pytest.raises(InputError, match=r"training\.learning_rate: .*diverged.*Lower it"):
        fit(
            experiment,
            labelled,
            None,
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
        labelled,
        labelled if validation else None,
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


def forward_of(name, sequences=1):
    network = Network(Architecture(stem_widths=(3,), blocks=1), ["HTS"])
    return network, training_forward(network, "HTS", name, sequences)


@pytest.mark.parametrize(
    ("sequences", "compiler", "compiled"),
    [(WORTH_COMPILING, "/usr/bin/g++", 1), (WORTH_COMPILING - 1, "/usr/bin/g++", 0),
     (WORTH_COMPILING, None, 0)],
)  # fmt: skip
def test_auto_compiles_long_runs_where_there_is_a_compiler(
    monkeypatch, sequences, compiler, compiled
):
    calls = []
    monkeypatch.setattr(engine.shutil, "which", lambda name: compiler)
    monkeypatch.setattr(engine.torch, "compile", lambda f: calls.append(f) or f)
    network, forward = forward_of("auto", sequences)
    assert len(calls) == compiled
    x = torch.randint(0, 4, (4, 1, 9))
    torch.testing.assert_close(forward(x), network(x, "HTS"), rtol=1e-4, atol=1e-5)


def test_a_compiler_that_fails_is_reported_once_and_training_goes_on(monkeypatch, caplog):
    from torch._dynamo.exc import BackendCompilerFailed

    def broken(*_: object) -> torch.Tensor:
        raise BackendCompilerFailed(lambda: None, RuntimeError("no compiler"), None)

    monkeypatch.setattr(engine.torch, "compile", lambda f: broken)
    network, forward = forward_of("compiled")
    network.eval()
    x = torch.randint(0, 4, (4, 1, 9))
    with caplog.at_level(logging.WARNING):
        first, second = forward(x), forward(x)
    assert torch.equal(first, network(x, "HTS"))
    assert torch.equal(second, first)
    assert len(caplog.records) == 1
    assert "training goes on uncompiled" in caplog.text
