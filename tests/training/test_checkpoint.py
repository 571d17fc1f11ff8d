"""The state of an unfinished training on disk."""

import pytest
import torch

from dann_tfbs.errors import InputError
from dann_tfbs.training.checkpoint import Progress, load_progress, save_progress


@pytest.fixture
def progress() -> Progress:
    weights = {"stem.weight": torch.tensor([[1.5, -2.0]]), "norm.count": torch.tensor(3)}
    return Progress(
        weights,
        {key: value + 1 for key, value in weights.items()},
        {"0.memory": torch.tensor([[0.25]])},
        {"0.exp_avg": torch.tensor([0.1]), "11.step": torch.tensor(7.0)},
        [[{"epoch": 1.0, "train_loss": 0.1 + 0.2}]],
    )


def test_what_was_saved_is_read_back(progress, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    save_progress(path, progress, "run 1")
    again = load_progress(path, "run 1")
    assert again.epoch == 1
    assert again.history == progress.history
    for name in ("network", "best", "optimizer"):
        before, after = getattr(progress, name), getattr(again, name)
        assert before.keys() == after.keys()
        assert all(torch.equal(before[key], after[key]) for key in before)
        assert all(before[key].dtype == after[key].dtype for key in before)


def test_another_run_may_not_continue(progress, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    save_progress(path, progress, "run 1")
    with pytest.raises(InputError, match=r"checkpoint\.safetensors: .*other settings"):
        load_progress(path, "run 2")


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"x" * 99])
def test_a_damaged_file_is_named_with_a_remedy(progress, tmp_path, damage):
    path = tmp_path / "checkpoint.safetensors"
    save_progress(path, progress, "run 1")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=r"checkpoint\.safetensors: .*cannot be read.*Delete it"):
        load_progress(path, "run 1")
