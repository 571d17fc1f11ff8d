"""The yardstick of the speed measurements learns what the package's loop learns."""

import numpy as np
import pytest
import reference_loop
import torch
from planted import planted_codes, small_experiment

from dann_tfbs.config import PRESETS
from dann_tfbs.training.batches import LabelledSet
from dann_tfbs.training.fit import fit
from dann_tfbs.training.material import single

WINDOW = 24


def fitted_losses(experiment, codes, labels, tmp_path):
    """Losses of the package's loop: the mean over the steps of each epoch."""
    data = LabelledSet(torch.from_numpy(codes), torch.from_numpy(labels[None]))
    cpu = torch.device("cpu")
    fitted = fit(
        experiment, single(experiment, data), checkpoint=tmp_path / "c", identity="", device=cpu
    )
    return [record["train_loss"] for record in fitted.history[0]]


@pytest.mark.parametrize(
    ("epochs", "steps", "preset"),
    [(20, 1, "double"), (2, 10, "single-narrow")],
    ids=["every step", "several steps an epoch"],
)
def test_the_reference_and_the_package_lose_the_same_under_the_same_draws(
    rng, tmp_path, epochs, steps, preset
):
    labels = (np.arange(16 * steps) % 3 == 0).astype(np.float32)
    codes = planted_codes(labels, WINDOW, rng)
    codes[:, :2] = 4  # N
    experiment = small_experiment(
        None,
        architecture=PRESETS[preset].model_dump(),
        training={"epochs": epochs, "engine": "plain"},
    )
    settings = experiment.training
    draws = reference_loop.package_draws(labels, WINDOW, settings, 0, epochs)
    losses, rate = reference_loop.train_reference(
        codes, labels, experiment.architecture, settings, 0, epochs, draws
    )
    assert len(losses) == epochs * steps
    assert rate > 0
    assert np.ptp(losses) > 0.1
    np.testing.assert_allclose(
        np.reshape(losses, (epochs, steps)).mean(1),
        fitted_losses(experiment, codes, labels, tmp_path),
        rtol=1e-4,
    )


def test_the_reference_learns_by_draws_of_its_own(rng):
    labels = (np.arange(320) % 2).astype(np.float32)
    codes = planted_codes(labels, WINDOW + 6, rng)
    codes[:, :3] = codes[:, -3:] = 4  # cropped away
    experiment = small_experiment(None)
    losses, _ = reference_loop.train_reference(
        codes, labels, experiment.architecture, experiment.training, 0, 3, window=WINDOW
    )
    assert len(losses) == 60
    assert np.mean(losses[-10:]) < np.mean(losses[:10]) - 0.05


def test_items_are_cropped_shifted_and_turned_as_they_are_drawn():
    codes = np.array([[4, 0, 1, 2, 3, 3, 4]], dtype=np.uint8)
    augmentation = small_experiment(None).training.augmentation
    data = reference_loop.SequenceDataset(codes, np.ones(1, np.float32), 5, augmentation, 0)
    bases = [
        x.argmax(0).tolist() for x, _ in (data[0, 0, False], data[0, 1, False], data[0, 1, True])
    ]
    assert bases == [[0, 1, 2, 3, 3], [3, 0, 1, 2, 3], [0, 1, 2, 3, 0]]
