"""Records of candidates against their definitions, on models of random weights."""

import numpy as np
import pytest
from planted import planted_codes, small_experiment

from dann_tfbs import load
from dann_tfbs.embedding import embeddings
from dann_tfbs.evaluation.metrics import auroc
from dann_tfbs.experiments.candidates import (
    HeldOut,
    held_out_sequences,
    read_candidates,
    source_auroc,
    weighted_risks,
)
from dann_tfbs.model.network import initial_state
from dann_tfbs.run_folder import write_run
from dann_tfbs.sequence import centre_crop, decode, from_codes
from dann_tfbs.streams import stream
from dann_tfbs.training.importance import importance_weights

WINDOW = 24


def write_model(folder, *seeds, **data):
    """Write a run of random weights for each seed."""
    experiment = small_experiment(folder, data={"tf": "FOXA1", "source": "CHS", **data})
    for seed in seeds:
        state = initial_state(experiment.architecture, ["HTS"], seed)
        own = experiment.model_copy(update={"seed": seed})
        write_run(folder / f"seed-{seed}", own, state, state, {}, {})
    return folder


def drawn(rng, n=300, length=40):
    labels = (rng.random(n) < 0.4).astype(np.float32)
    return HeldOut(from_codes(planted_codes(labels.astype(int), length, rng)), labels)


def test_source_auroc_is_a_mean_over_assays_and_seeds_at_the_window(tmp_path, rng):
    model = load(write_model(tmp_path / "run", 0, 1))
    held_out = {"CHS": drawn(rng), "GHTS": drawn(rng, 200)}
    expected = []
    for part in held_out.values():
        logits = model.logits(centre_crop(part.sequences, WINDOW))
        expected.append([auroc(logits[:, member], part.labels) for member in (0, 1)])
    assert source_auroc(model, held_out) == pytest.approx(np.mean(expected), abs=1e-6)


@pytest.mark.parametrize("score_length", ["own", "train"])
def test_risks_are_losses_at_the_targets_length_weighted_by_the_first_embedding(
    tmp_path, rng, score_length
):
    for name, seeds in (("first", (0, 1)), ("second", (2,)), ("third", (3, 4))):
        write_model(tmp_path / name, *seeds, score_length=score_length)
    pool = from_codes(rng.choice(4, (500, 20), p=[0.3, 0.2, 0.2, 0.3]).astype(np.uint8))
    file = tmp_path / "pool.txt"
    file.write_text("\n".join(decode(pool)))
    held_out = {"CHS": drawn(rng)}
    candidates = read_candidates([tmp_path / name for name in ("first", "second", "third")])
    risks, weighting = weighted_risks(candidates, held_out, file, seed=4)
    assert (weighting.candidate, weighting.length) == (str(tmp_path / "first"), 20)
    assert weighting.unlabelled == 500

    source, labels = centre_crop(held_out["CHS"].sequences, 20), held_out["CHS"].labels
    first = candidates[0].model
    here, there = embeddings(first, source), embeddings(first, pool)
    weights = np.mean(
        [
            importance_weights(here[:, m], there[:, m], stream(4, "importance", m)).weights
            for m in (0, 1)
        ],
        axis=0,
    )
    for candidate, risk in zip(candidates, risks, strict=True):
        p = 1 / (1 + np.exp(-candidate.model.logits(source).astype(np.float64)))
        losses = -np.where(labels[:, None] == 1, np.log(p), np.log(1 - p)).mean(axis=1)
        assert risk.mean_weighted_loss == pytest.approx(np.mean(weights * losses), rel=1e-5)
        assert risk.mean_weight == pytest.approx(weights.mean(), rel=1e-6)
    # Another candidate beside them changes no number.
    fewer, _ = weighted_risks(candidates[:2], held_out, file, seed=4)
    assert fewer == risks[:2]


def test_held_out_rows_are_those_of_every_source(tmp_path):
    from planted import planted_table

    from dann_tfbs.training.dataset import labelled_table

    path = planted_table(tmp_path / "table", ("CHS", "GHTS", "SMS"), n=20, validation=10)
    write_model(tmp_path / "chs", 0)
    write_model(tmp_path / "both", 0, source="both")
    candidates = read_candidates([tmp_path / "chs", tmp_path / "both"])
    table = labelled_table(candidates[0].model.experiment.data, path)
    assert list(held_out_sequences(candidates[:1], table)) == ["CHS"]
    assert list(held_out_sequences(candidates, table)) == ["CHS", "GHTS"]
