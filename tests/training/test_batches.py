"""What an epoch shows, and in what composition."""

import numpy as np
import pytest
import torch

from dann_tfbs.config import Augmentation, TrainingSettings
from dann_tfbs.errors import InputError
from dann_tfbs.streams import stream
from dann_tfbs.training import batches
from dann_tfbs.training.augment import augment, draw_augmentation
from dann_tfbs.training.batches import LabelledSet, draw_epoch, epoch_batches, steps_per_epoch

STILL = Augmentation(shift_probability=0, reverse_complement_probability=0)


def labels_of(positives: int, negatives: int, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(np.repeat([1.0, 0.0], [positives, negatives])).astype(np.float32)


def test_table_is_one_pass_in_random_order(rng):
    rows = draw_epoch(labels_of(8, 24, rng), 8, "table", rng)
    assert rows.shape == (4, 8)
    assert sorted(rows.ravel()) == list(range(32))
    assert rows.ravel().tolist() != list(range(32))


def test_an_incomplete_last_batch_is_left_out_but_not_the_only_one(rng):
    rows = draw_epoch(labels_of(10, 9, rng), 8, "table", rng)
    assert rows.shape == (2, 8)
    assert len(set(rows.ravel())) == 16
    assert draw_epoch(labels_of(2, 3, rng), 8, "table", rng).shape == (1, 5)


@pytest.mark.parametrize(("share", "positives"), [(0.25, 2), (0.5, 4), (0.01, 1), (0.99, 7)])
def test_a_share_is_exact_in_every_batch(share, positives, rng):
    labels = labels_of(56, 300, rng)
    rows = draw_epoch(labels, 8, share, rng)
    assert rows.shape == (56 // positives, 8)
    assert (labels[rows].sum(axis=1) == positives).all()
    # Every positive once.
    drawn = rows[labels[rows] > 0]
    assert sorted(drawn) == sorted(np.flatnonzero(labels))


def test_negatives_are_used_up_before_any_returns(rng):
    labels = labels_of(20, 15, rng)
    rows = draw_epoch(labels, 4, 0.5, rng)
    negatives = rows[labels[rows] == 0]
    counts = np.bincount(negatives, minlength=35)[labels == 0]
    assert len(negatives) == 20
    assert sorted(counts) == [1] * 10 + [2] * 5


def test_fewer_positives_than_a_batch_needs_are_repeated(rng):
    labels = labels_of(3, 40, rng)
    rows = draw_epoch(labels, 16, 0.5, rng)
    assert rows.shape == (1, 16)
    assert sorted(np.bincount(rows[labels[rows] > 0], minlength=43)[labels > 0]) == [2, 3, 3]


@pytest.mark.parametrize("composition", ["table", 0.5])
@pytest.mark.parametrize(("positives", "negatives"), [(0, 9), (9, 0)])
def test_a_missing_class_is_an_error_with_the_counts(composition, positives, negatives, rng):
    with pytest.raises(InputError, match=f"there are {positives} and {negatives}.*Check tf"):
        draw_epoch(labels_of(positives, negatives, rng), 4, composition, rng)


def numbered_set(n: int, members: int) -> LabelledSet:
    """Sequences that spell their own number in base four, and labels that follow from it."""
    digits = np.arange(n)[:, None] // 4 ** np.arange(10) % 4
    labels = np.stack([(np.arange(n) + member) % 2 for member in range(members)])
    return LabelledSet(
        torch.from_numpy(digits.astype(np.uint8)), torch.from_numpy(labels.astype(np.float32))
    )


def number(codes: torch.Tensor) -> np.ndarray:
    return (codes.numpy().astype(int) * 4 ** np.arange(10)).sum(axis=-1)


def test_sequences_keep_their_labels_and_members_their_own_draws(monkeypatch):
    monkeypatch.setattr(batches, "STEPS_AT_ONCE", 2)
    settings = TrainingSettings(batch_size=6, augmentation=STILL)
    shown = list(epoch_batches(numbered_set(30, 2), settings, [4, 9], 3))
    rows = np.stack([number(codes) for codes, _ in shown])
    labels = np.stack([values.numpy() for _, values in shown])
    assert rows.shape == (5, 6, 2)
    assert np.array_equal(labels, (rows + np.arange(2)) % 2)
    for member, seed in enumerate((4, 9)):
        expected = draw_epoch(
            np.arange(30) % 2 - 0.0 if member == 0 else (np.arange(30) + 1) % 2 - 0.0,
            6,
            "table",
            stream(seed, "batches", 3),
        )
        assert np.array_equal(rows[:, :, member], expected)
    assert not np.array_equal(rows[..., 0], rows[..., 1])


def test_a_member_sees_what_it_sees_alone_and_epochs_differ():
    settings = TrainingSettings(batch_size=4)
    data = numbered_set(20, 1)
    pair = LabelledSet(data.codes, data.labels.repeat(2, 1))

    def shown(data: LabelledSet, seeds: list[int], epoch: int) -> torch.Tensor:
        return torch.stack([codes for codes, _ in epoch_batches(data, settings, seeds, epoch)])

    together = shown(pair, [1, 2], 1)
    assert torch.equal(together[:, :, 1:], shown(data, [2], 1))
    assert not torch.equal(shown(data, [2], 1), shown(data, [2], 2))


def test_augmentation_is_applied_to_the_drawn_rows():
    settings = TrainingSettings(batch_size=5)
    data = numbered_set(10, 1)
    codes = torch.cat([codes for codes, _ in epoch_batches(data, settings, [0], 1)])[:, 0]
    rows = draw_epoch(data.labels[0].numpy(), 5, "table", stream(0, "batches", 1)).ravel()
    shifts, flips = draw_augmentation(settings.augmentation, 10, 10, stream(0, "augmentation", 1))
    expected = augment(data.codes[rows], torch.from_numpy(shifts), torch.from_numpy(flips))
    assert torch.equal(codes, expected)
    assert not torch.equal(codes, data.codes[rows])


@pytest.mark.parametrize(("composition", "steps"), [("table", 7), (0.25, 5)])
def test_number_of_steps(composition, steps, rng):
    settings = TrainingSettings(batch_size=8, batch_positives=composition)
    assert steps_per_epoch(labels_of(10, 50, rng), settings) == steps
