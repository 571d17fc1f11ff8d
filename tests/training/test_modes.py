"""Modes are one code path: what differs is what the settings add."""

import pytest
import torch
from planted import planted_table, pool_rows, rows, small_experiment, weights, without_speed
from safetensors.torch import load_file

from dann_tfbs.model.native.kernel import compiler
from dann_tfbs.training.train import train

ENGINES = [
    "plain",
    pytest.param(
        "native",
        marks=pytest.mark.skipif(compiler() is None, reason="there is no C++ compiler here"),
    ),
]
HEADS = {"HTS": {}, "PBM": {"window": 18}}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Peaks, and unlabelled reads and probes."""
    pools = [*pool_rows("HTS", 52), *pool_rows("PBM", 30, 18)]
    return planted_table(tmp_path_factory.mktemp("table"), n=96, validation=40, extra=pools)


def common(histories, names):
    return [[{k: r[k] for k in names} for r in h] for h in histories]


def state_of(out):
    return load_file(out / "last.safetensors")


@pytest.mark.parametrize("engine", ENGINES)
def test_multihead_with_the_head_of_the_target_is_the_baseline(table, tmp_path, engine):
    settings = {"seeds": 2, "training": {"engine": engine}}
    one = train(small_experiment(table, mode="baseline", **settings), tmp_path / "baseline")
    other = train(
        small_experiment(table, mode="multihead", heads={"HTS": {}}, **settings),
        tmp_path / "multihead",
    )
    assert weights(tmp_path / "multihead") == weights(tmp_path / "baseline")
    assert without_speed(other.histories) == without_speed(one.histories)
    assert other.experiment.data.window == one.experiment.data.window


def test_the_baseline_and_its_one_head_agree_where_the_head_has_settings(table, tmp_path):
    """A window beyond the longest sequence is cut for both."""
    head = {"HTS": {"window": 40, "negatives_per_positive": 0.5}}
    for mode in ("baseline", "multihead"):
        trained = train(small_experiment(table, mode=mode, heads=head), tmp_path / mode)
        assert trained.experiment.window_of("HTS") == 24
    assert weights(tmp_path / "multihead") == weights(tmp_path / "baseline")


@pytest.mark.parametrize("statistics", ["source", "batch"])
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", ["dann", "cdan"])
def test_dann_of_weight_0_is_multihead(table, tmp_path, engine, statistics, kind):
    settings = {"seeds": 2, "heads": HEADS, "training": {"engine": engine}}
    plain = train(small_experiment(table, mode="multihead", **settings), tmp_path / "multihead")
    adaptation = {"alignments": [{"kind": kind, "weight": 0}], "statistics": statistics}
    adapted = train(
        small_experiment(table, mode="dann", adaptation=adaptation, **settings), tmp_path / "dann"
    )
    assert weights(tmp_path / "dann") == weights(tmp_path / "multihead")
    names = set(plain.histories[0][0]) - {"sequences_per_second"}
    assert "validation_auroc_PBM" in names
    assert common(adapted.histories, names) == common(plain.histories, names)
    # The discriminator does learn meanwhile.
    first, last = (adapted.histories[0][epoch][f"{kind}_domain_loss"] for epoch in (0, -1))
    assert last < first


@pytest.mark.parametrize("engine", ENGINES)
def test_shared_statistics_are_moved_by_the_pool_and_only_they(table, tmp_path, engine):
    states = {}
    for statistics in ("batch", "shared"):
        adaptation = {"alignments": [{"kind": "dann", "weight": 0}], "statistics": statistics}
        experiment = small_experiment(
            table, mode="dann", heads=HEADS, adaptation=adaptation, training={"engine": engine}
        )
        train(experiment, tmp_path / statistics)
        states[statistics] = state_of(tmp_path / statistics)
    for key, value in states["batch"].items():
        running = "running" in key or "num_batches" in key
        assert torch.equal(value, states["shared"][key]) is not running, key


@pytest.mark.parametrize("engine", ENGINES)
def test_dann_of_weight_1_is_another_model(table, tmp_path, engine):
    for weight in (0, 1):
        adaptation = {"alignments": [{"kind": "dann", "weight": weight}]}
        experiment = small_experiment(
            table, mode="dann", heads=HEADS, adaptation=adaptation, training={"engine": engine}
        )
        train(experiment, tmp_path / str(weight))
    zero, one = (state_of(tmp_path / str(weight)) for weight in (0, 1))
    key = "backbone.stem.convolutions.0.weight"
    assert not torch.equal(zero[key], one[key])


def test_a_second_head_has_its_own_numbers_and_window(table, tmp_path):
    trained = train(small_experiment(table, mode="multihead", heads=HEADS), tmp_path / "run")
    record = trained.histories[0][-1]
    assert record["train_loss"] == pytest.approx(
        (record["train_loss_HTS"] + record["train_loss_PBM"]) / 2, abs=1e-6
    )
    for metric in ("loss", "auroc", "auprc"):
        assert record[f"validation_{metric}"] != record[f"validation_{metric}_PBM"]
    assert list(trained.experiment.head_settings) == ["HTS", "PBM"]
    assert trained.experiment.window_of("PBM") == 18


def test_labelled_sequences_of_a_heads_own_assay_join_it_in_multihead_alone(tmp_path, rng):
    """Rows of the target's assay in the table change nothing for the baseline."""
    own = [r for split in ("train", "validation") for r in rows("HTS", split, 64, rng)]
    without = planted_table(tmp_path / "without", n=96, validation=40)
    with_own = planted_table(tmp_path / "with", n=96, validation=40, extra=own)
    changed = {}
    for mode in ("baseline", "multihead"):
        heads = {} if mode == "baseline" else {"HTS": {}}
        for name, path in (("without", without), ("with", with_own)):
            experiment = small_experiment(path, mode=mode, heads=heads, data={"source": "CHS"})
            train(experiment, tmp_path / f"{mode}-{name}")
        changed[mode] = weights(tmp_path / f"{mode}-with") != weights(tmp_path / f"{mode}-without")
    assert changed == {"baseline": False, "multihead": True}
