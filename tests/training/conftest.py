"""Data of the training tests."""

import numpy as np
import pytest
import torch
from planted import planted_codes

from dann_tfbs.training.batches import LabelledSet


@pytest.fixture
def labelled(rng: np.random.Generator) -> LabelledSet:
    """Planted sequences for two models."""
    labels = (np.arange(64) % 2).astype(np.float32)
    codes = torch.from_numpy(planted_codes(labels, 24, rng))
    return LabelledSet(codes, torch.from_numpy(np.stack([labels, labels])))
