"""`embeddings(model, sequences)`: what the heads of a trained model see."""

import numpy as np
import pytest
import torch
from planted import random_run

from dann_tfbs import load, sequence
from dann_tfbs.embedding import embeddings
from dann_tfbs.errors import InputError


@pytest.fixture
def batch(rng):
    return sequence.encode("".join(rng.choice(list("ACGT"), n)) for n in rng.integers(8, 60, 40))


@pytest.mark.parametrize("strands", ["mean", "forward"])
@pytest.mark.parametrize("score_length", ["own", "train"])
def test_the_head_makes_the_runs_own_logits_of_the_embedding(
    tmp_path, batch, strands, score_length
):
    values = {"prediction": {"strands": strands}, "data": {"score_length": score_length}}
    model = load(random_run(tmp_path / "run", **values))
    found = embeddings(model, batch)
    assert found.dtype == np.float32
    assert found.shape == (40, 1, model.experiment.architecture.channels)
    with torch.no_grad():
        logits = model.network.heads["HTS"].of_average(torch.from_numpy(found)).numpy()
    assert np.ptp(logits) > 0.05
    np.testing.assert_allclose(logits, model.logits(batch), atol=1e-5)


def test_a_member_of_an_ensemble_is_embedded_as_alone(tmp_path, batch):
    folders = [random_run(tmp_path / f"seed-{seed}", seed) for seed in range(2)]
    both = embeddings(load(folders), batch)
    for member, folder in enumerate(folders):
        np.testing.assert_allclose(
            both[:, member], embeddings(load(folder), batch)[:, 0], atol=1e-6
        )
    assert np.abs(both[:, 0] - both[:, 1]).max() > 0.01


def test_neither_strand_nor_company_changes_an_embedding(tmp_path, batch):
    model = load(random_run(tmp_path / "run"))
    found = embeddings(model, batch)
    opposite = embeddings(model, sequence.reverse_complement(batch))
    np.testing.assert_allclose(opposite, found, atol=1e-6)
    rows = np.array([30, 2, 17])
    np.testing.assert_allclose(embeddings(model, batch.take(rows)), found[rows], atol=1e-6)


def test_no_sequences_and_an_empty_sequence(tmp_path):
    model = load(random_run(tmp_path / "run"))
    assert embeddings(model, sequence.encode([])).shape == (0, 1, 12)
    with pytest.raises(InputError, match="sequence 2 of the batch has no bases"):
        embeddings(model, sequence.encode(["ACGT", ""]))
