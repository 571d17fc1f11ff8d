"""Priors, rounds and batch statistics that adaptation adds to a training."""

import numpy as np
import pytest
import torch
from planted import planted_codes, planted_table, pool_rows, small_experiment
from safetensors.torch import load_file

from dann_tfbs import sequence
from dann_tfbs.adaptation.prior import estimate_prior
from dann_tfbs.adaptation.statistics import reestimated
from dann_tfbs.errors import InputError
from dann_tfbs.model.network import Network, initial_state, joined
from dann_tfbs.model.scoring import score
from dann_tfbs.run_folder import read_run
from dann_tfbs.training import adapting
from dann_tfbs.training.adapting import begin_epoch, build_alignments, epoch_priors
from dann_tfbs.training.batches import LabelledSet
from dann_tfbs.training.dataset import labelled_table
from dann_tfbs.training.material import LabelledStream, Material, Pool, gather
from dann_tfbs.training.train import train

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return planted_table(
        tmp_path_factory.mktemp("table"), n=160, validation=60, extra=pool_rows("HTS", 60)
    )


def adapted(**adaptation):
    return small_experiment(
        None, adaptation={"alignments": [{"kind": "mmd"}]} | adaptation, seeds=2
    )


def planted_set(n, share, rng, length=24):
    labels = (np.arange(n) < share * n).astype(np.float32)
    codes = torch.from_numpy(planted_codes(labels, length, rng))
    return LabelledSet(codes, torch.from_numpy(np.stack([labels, labels])))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two networks that know the motif."""
    table = planted_table(tmp_path_factory.mktemp("table"), validation=0)
    out = tmp_path_factory.mktemp("runs") / "run"
    experiment = small_experiment(table, seeds=2, training={"epochs": 5})
    train(experiment, out)
    network = Network(experiment.architecture, ["HTS"], 2)
    network.load_state_dict(joined([read_run(out / f"seed-{s}").weights for s in (0, 1)]))
    return network


def material_of(rng, share, n=800, held_out=400):
    data = planted_set(64, 0.5, rng)
    pool = planted_set(n, share, rng)
    own = planted_set(held_out, 0.5, rng) if held_out else None
    return Material(
        [LabelledStream((), "HTS", "CHS", ("HTS",), data)],
        {},
        [Pool("HTS", "HTS", pool.codes, {"CHS": data}, own)],
    )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"align": "all"}, [None, None]),
        ({"align": "background"}, [0, 0]),
        ({"align": "prior-corrected", "target_prior": 0.07}, [0.07, 0.07]),
    ],
)
def test_given_priors(rng, trained, settings, expected):
    for epoch in (1, 5):
        priors = epoch_priors(trained, material_of(rng, 0.1), adapted(**settings), epoch)
        assert priors == expected


@pytest.mark.parametrize("method", ["em", "bbse"])
@pytest.mark.parametrize("share", [0.05, 0.3])
def test_estimated_priors_are_near_the_truth_for_each_model(rng, trained, method, share):
    experiment = adapted(align="prior-corrected", target_prior=method)
    material = material_of(rng, share)
    priors = epoch_priors(trained, material, experiment, 2)
    assert priors == pytest.approx([share, share], abs=0.06)
    assert priors[0] != priors[1]
    assert not trained.training
    # Each is the estimate from the model's own scores.
    pool = material.pools[0]
    held_out = pool.held_out
    logits = [
        score(trained, "HTS", sequence.from_codes(codes.numpy()), "mean")[:, 1]
        for codes in (held_out.codes, pool.codes)
    ]
    own = estimate_prior(method, logits[0], held_out.labels[1].numpy(), logits[1])
    assert priors[1] == pytest.approx(own.share, abs=1e-6)


def test_before_anything_is_learnt_background_alone_is_aligned(rng, trained):
    experiment = adapted(align="prior-corrected")
    assert epoch_priors(trained, material_of(rng, 0.3), experiment, 1) == [0, 0]
    assert epoch_priors(trained, material_of(rng, 0.3, held_out=0), experiment, 3) == [0, 0]


def test_a_sorted_pool_is_sampled_all_over(rng, trained, monkeypatch):
    """An array's file may begin with its brightest spots; its order must tell no label."""
    monkeypatch.setattr(adapting, "MOST_FOR_PRIOR", 400)
    material = material_of(rng, 0.2, n=1600)
    experiment = adapted(align="prior-corrected", target_prior="bbse")
    priors = epoch_priors(trained, material, experiment, 2)
    assert priors == pytest.approx([0.2, 0.2], abs=0.1)
    assert priors == epoch_priors(trained, material, experiment, 3)


def test_priors_are_estimated_in_evaluation_mode_whatever_came_before(rng, trained):
    experiment, material = adapted(align="prior-corrected"), material_of(rng, 0.2)
    trained.eval()
    before = {key: value.clone() for key, value in trained.state_dict().items()}
    expected = epoch_priors(trained, material, experiment, 2)
    trained.train()
    assert epoch_priors(trained, material, experiment, 2) == expected
    assert all(torch.equal(value, before[key]) for key, value in trained.state_dict().items())


def test_scoring_pools_for_a_round_leaves_the_network_alone(rng, trained):
    experiment, material = adapted(), material_of(rng, 0.2, n=50)
    alignments = build_alignments(trained, experiment, material, CPU)
    (alignment,) = alignments
    seen = []

    def before_epoch(progress, network, score_pools):
        other = joined([initial_state(experiment.architecture, ["HTS"], s) for s in (0, 1)])
        seen.append((progress, score_pools(network.state_dict()), score_pools(other)))

    alignment.before_epoch = before_epoch
    trained.train()
    before = {key: value.clone() for key, value in trained.state_dict().items()}
    begin_epoch(trained, alignments, material, experiment, 2)
    assert not trained.training
    assert all(torch.equal(value, before[key]) for key, value in trained.state_dict().items())
    ((progress, (own,), (other,)),) = seen
    assert progress == 0.5
    codes = sequence.from_codes(material.pools[0].codes.numpy())
    np.testing.assert_allclose(own.numpy(), score(trained, "HTS", codes, "mean"), atol=1e-5)
    assert own.shape == (50, 2)
    assert not torch.equal(own, other)


def test_alignments_start_from_the_seed_of_each_model(rng, trained):
    material = material_of(rng, 0.2, n=10)
    entries = {"alignments": [{"kind": "dann"}, {"kind": "dann"}]}
    pair = small_experiment(None, adaptation=entries, seeds=2)
    alone = small_experiment(None, adaptation=entries, seed=1)
    both, one = (
        [build.state_dict() for build in build_alignments(network, experiment, material, CPU)]
        for network, experiment in (
            (trained, pair), (Network(alone.architecture, ["HTS"]), alone)
        )
    )  # fmt: skip
    for together, own in zip(both, one, strict=True):
        for key, value in together.items():
            assert torch.equal(value.chunk(2)[1], own[key]), key
    key = "discriminator.logits.weight"
    assert not torch.equal(both[0][key], both[1][key])
    first, second = both[0][key].chunk(2)
    assert not torch.equal(first, second)


def test_building_alignments_leaves_the_default_generator_alone(rng, trained):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    build_alignments(trained, adapted(), material_of(rng, 0.2, n=10), CPU)
    assert torch.equal(torch.rand(1), expected)


def adabn_runs(table, tmp_path, **values):
    states = {}
    for name, adabn in (("plain", False), ("adabn", True)):
        experiment = small_experiment(table, adaptation={"adabn": adabn}, **values)
        train(experiment, tmp_path / name)
        states[name] = {
            file: load_file(tmp_path / name / f"{file}.safetensors") for file in ("weights", "last")
        }
    return states


def test_adabn_changes_the_batch_statistics_alone_to_those_of_the_pool(table, tmp_path):
    states = adabn_runs(table, tmp_path, data={"source": "CHS"})
    for file in ("weights", "last"):
        plain, turned = states["plain"][file], states["adabn"][file]
        for key, value in plain.items():
            assert torch.equal(value, turned[key]) is not ("running" in key), (file, key)
    run = read_run(tmp_path / "adabn")
    experiment = run.experiment
    assert experiment.data.score_length == "train"
    material = gather(experiment, labelled_table(experiment.data, table), table, "CHS")
    # The stem by hand: both strands of every read, as it is scored, padded with N.
    codes = material.pools[0].codes
    other = torch.where(codes == 4, codes, 3 - codes).flip(1)
    bases = torch.eye(5, 4)[torch.cat([codes, other]).long()].movedim(2, 1).double()
    weight = run.weights["backbone.stem.convolutions.0.weight"].double()
    found = torch.nn.functional.conv1d(bases, weight, padding=weight.shape[2] // 2)
    norm = "backbone.stem.norm.running_"
    expected = found.mean((0, 2)), found.var((0, 2))
    for name, value in zip(("mean", "var"), expected, strict=True):
        torch.testing.assert_close(run.weights[norm + name].double(), value, rtol=1e-4, atol=1e-5)


def test_adabn_gives_every_model_its_own_statistics(table, tmp_path):
    values = {"data": {"source": "CHS"}}
    train(small_experiment(table, adaptation={"adabn": True}, seeds=2, **values), tmp_path / "pair")
    for seed in (0, 1):
        run = read_run(tmp_path / "pair" / f"seed-{seed}")
        network = Network(run.experiment.architecture, ["HTS"])
        network.load_state_dict(run.weights)
        material = gather(run.experiment, labelled_table(run.experiment.data, table), table, "CHS")
        again = reestimated(network, material.pools[0].codes)
        for key, value in run.weights.items():
            torch.testing.assert_close(again[key], value, rtol=1e-3, atol=1e-4)


def test_adabn_without_a_pool_of_the_target_is_refused_before_training(tmp_path):
    for extra in ([], pool_rows("PBM", 20)):
        table = planted_table(tmp_path / "table", n=40, validation=10, extra=extra)
        experiment = small_experiment(table, adaptation={"adabn": True}, data={"source": "CHS"})
        with pytest.raises(InputError, match=r"data\.unlabelled.*HTS"):
            train(experiment, tmp_path / "run")
        assert not (tmp_path / "run").exists()


def test_scores_of_the_validation_figure_are_those_of_the_adapted_run(table, tmp_path):
    from dann_tfbs import load
    from dann_tfbs.training.dataset import labelled_sequences

    experiment = small_experiment(table, adaptation={"adabn": True}, data={"source": "CHS"})
    outcome = train(experiment, tmp_path / "run")
    sequences, _ = labelled_sequences(labelled_table(experiment.data, table), ["CHS"], "validation")
    own = load(tmp_path / "run", "cpu").logits(sequences)
    np.testing.assert_allclose(outcome.validation.logits, own, atol=1e-4)
