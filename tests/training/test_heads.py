"""Settings of heads: negatives, windows, weights, what is frozen, and where a run starts."""

import numpy as np
import pytest
import torch
from planted import planted_table, pool_rows, rows, small_experiment, weights
from safetensors.torch import load_file

from dann_tfbs.errors import InputError
from dann_tfbs.model.native.kernel import compiler
from dann_tfbs.model.network import initial_state
from dann_tfbs.sequence import decode, from_codes
from dann_tfbs.training.dataset import labelled_table
from dann_tfbs.training.material import gather
from dann_tfbs.training.train import train

ENGINES = [
    "plain",
    pytest.param(
        "native",
        marks=pytest.mark.skipif(compiler() is None, reason="there is no C++ compiler here"),
    ),
]
HEADS = {"HTS": {}, "PBM": {"window": 18}}
SHORT = {"epochs": 1}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """32 bound peaks, 32 random and 48 shuffled negatives; reads with negatives of their own."""
    rng = np.random.default_rng(4)
    shuffled = [
        row | {"source": "shuffled"} for row in rows("CHS", "train", 96, rng) if not row["label"]
    ]
    reads = [
        row | {"source": "input" if row["source"] == "random" else row["source"]}
        for row in rows("HTS", "train", 30, rng)
    ]
    return planted_table(
        tmp_path_factory.mktemp("table"),
        n=64,
        validation=20,
        extra=[*shuffled, *reads, *pool_rows("HTS", 40)],
    )


@pytest.fixture(scope="module")
def baseline(table, tmp_path_factory):
    """A run of two seeds to start from."""
    out = tmp_path_factory.mktemp("runs") / "baseline"
    train(small_experiment(table, seeds=2, data={"source": "CHS"}, training=SHORT), out)
    return out


def experiment_of(table, mode="multihead", **values):
    training = SHORT | values.pop("training", {})
    return small_experiment(table, mode=mode, data={"source": "CHS"}, training=training, **values)


def streams_of(table, heads, mode="multihead", seed=0):
    experiment = experiment_of(table, mode=mode, heads=heads, seed=seed)
    material = gather(experiment, labelled_table(experiment.data, table), table, "CHS")
    return {stream.name: stream.data for stream in material.streams}


def texts(data):
    return decode(from_codes(data.codes.numpy()))


def sequences_of(table, **wanted):
    return [
        row["sequence"]
        for row in labelled_table(small_experiment(table).data, table).to_pylist()
        if all(row[key] == value for key, value in ({"split": "train"} | wanted).items())
    ]


@pytest.mark.parametrize(("ratio", "kept"), [(0.5, 16), (1, 32), (2, 64), (2.5, 80), (9, 80)])
def test_negatives_are_thinned_to_the_ratio_and_positives_kept(table, ratio, kept):
    data = streams_of(table, {"HTS": {"negatives_per_positive": ratio}})[()]
    labels = data.labels[0]
    assert (int(labels.sum()), len(labels)) == (32, 32 + kept)
    bound = [text for text, label in zip(texts(data), labels, strict=True) if label == 1]
    assert bound == sequences_of(table, assay="CHS", label=1)
    unbound = [text for text, label in zip(texts(data), labels, strict=True) if label == 0]
    assert set(unbound) <= set(sequences_of(table, assay="CHS", label=0))
    assert len(set(unbound)) == kept


def test_thinned_negatives_are_a_random_part_the_same_for_every_seed(table):
    heads = {"HTS": {"negatives_per_positive": 1}, "PBM": {"negatives_per_positive": 1}}
    first, second = (streams_of(table, heads, seed=seed) for seed in (0, 1))
    assert texts(first[()]) == texts(second[()])
    # Another head another part, of both kinds.
    assert set(texts(first[()])) != set(texts(first["PBM",]))
    shuffled = set(sequences_of(table, source="shuffled"))
    assert 0 < len(shuffled & set(texts(first[()]))) < 32


def test_a_head_learns_from_the_kinds_of_negatives_that_it_asks_for(table):
    heads = {"HTS": {"negatives": ["shuffled"]}, "PBM": {"negatives": ["random"]}}
    streams = streams_of(table, heads)
    for name, kind in (((), "shuffled"), (("PBM",), "random")):
        data = streams[name]
        unbound = [t for t, y in zip(texts(data), data.labels[0], strict=True) if y == 0]
        assert sorted(t.strip("N") for t in unbound) == sorted(
            sequences_of(table, assay="CHS", source=kind)
        )
        assert int(data.labels[0].sum()) == 32
    # Reads have no negatives of that kind: their positives alone teach nothing.
    assert ("HTS", "own") not in streams


def test_kinds_of_several_assays_may_be_mixed(table):
    streams = streams_of(table, {"HTS": {"negatives": ["shuffled", "input"]}})
    assert {name: len(data) for name, data in streams.items()} == {(): 80, ("HTS", "own"): 30}


@pytest.mark.parametrize("kind", ["shaded", "positive"])
def test_an_unknown_kind_of_negatives_is_an_error_that_lists_the_kinds(table, kind):
    with pytest.raises(InputError, match=f"heads.*kind {kind}.*input, random, shuffled"):
        streams_of(table, {"HTS": {"negatives": ["random", kind]}})


def test_heads_have_windows_of_their_own(table):
    heads = {"HTS": {}, "PBM": {"window": 18}, "SMS": {"window": 99}}
    streams = streams_of(table, heads)
    assert [streams[name].codes.shape[1] for name in ((), ("PBM",))] == [24, 18]
    whole = sequences_of(table, assay="CHS")
    assert texts(streams["PBM",]) == [text[3:21] for text in whole]
    trained = experiment_of(table, heads=heads)
    assert (trained.window_of("HTS"), trained.window_of("SMS")) == (24, 99)


def test_no_window_is_beyond_the_longest_sequence(table, tmp_path):
    heads = {"HTS": {}, "SMS": {"window": 99}}
    trained = train(experiment_of(table, heads=heads), tmp_path / "run")
    assert trained.experiment.window_of("SMS") == 24


def test_the_baseline_takes_the_settings_of_its_one_head(table):
    data = streams_of(table, {"HTS": {"negatives_per_positive": 1, "window": 10}}, "baseline")[()]
    assert tuple(data.codes.shape) == (64, 10)


def state_of(folder, name="last.safetensors"):
    return load_file(folder / name)


def same(state, other, part):
    keys = [key for key in state if key.startswith(part)]
    assert keys
    return all(torch.equal(state[key], other[key]) for key in keys)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_frozen_head_stays_as_it_is(table, tmp_path, engine):
    heads = HEADS | {"PBM": {"window": 18, "frozen": True}}
    experiment = experiment_of(table, heads=heads, training={"engine": engine})
    train(experiment, tmp_path / "run")
    start = initial_state(experiment.architecture, ["HTS", "PBM"], 0)
    end = state_of(tmp_path / "run")
    assert same(end, start, "heads.PBM")
    assert not same(end, start, "heads.HTS")
    assert not same(end, start, "backbone.stem.convolutions")


@pytest.mark.parametrize("statistics", ["source", "batch", "shared"])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_frozen_backbone_stays_as_it_is_with_its_statistics(
    table, baseline, tmp_path, engine, statistics
):
    """Whatever is aligned; heads go on learning."""
    experiment = experiment_of(
        table,
        mode="dann",
        heads=HEADS,
        initial=baseline / "seed-0",
        frozen_backbone=True,
        adaptation={
            "alignments": [{"kind": "dann"}, {"kind": "entropy"}],
            "statistics": statistics,
        },
        training={"engine": engine},
    )
    train(experiment, tmp_path / "run")
    end, start = state_of(tmp_path / "run"), state_of(baseline / "seed-0", "weights.safetensors")
    assert same(end, start, "backbone.")
    assert not same(end, start, "heads.HTS")


def test_nothing_left_to_train_is_an_error(table, tmp_path):
    experiment = experiment_of(table, heads={"HTS": {"frozen": True}}, frozen_backbone=True)
    with pytest.raises(InputError, match=r"heads.*nothing is left to train"):
        train(experiment, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_starts_from_another_ones_backbone_and_heads_and_draws_the_rest(
    table, baseline, tmp_path
):
    """A learning rate of next to nothing leaves the start in view."""
    heads = {"PBM": {"window": 18}, "HTS": {}}
    experiment = experiment_of(
        table, heads=heads, seeds=2, initial=baseline, training={"learning_rate": 1e-30}
    )
    train(experiment, tmp_path / "run")
    for seed in (0, 1):
        end = state_of(tmp_path / "run" / f"seed-{seed}")
        start = state_of(baseline / f"seed-{seed}", "weights.safetensors")
        assert same(end, start, "heads.HTS")
        assert same(end, start, "backbone.blocks.0.depthwise.")
        fresh = initial_state(experiment.architecture, list(experiment.head_settings), seed)
        assert same(end, fresh, "heads.PBM")


def test_one_run_serves_as_the_start_of_all_models(table, baseline, tmp_path):
    experiment = experiment_of(
        table, heads=HEADS, seeds=3, initial=baseline / "seed-1", training={"learning_rate": 1e-30}
    )
    train(experiment, tmp_path / "run")
    start = state_of(baseline / "seed-1", "weights.safetensors")
    ends = [state_of(tmp_path / "run" / f"seed-{seed}") for seed in range(3)]
    assert all(same(end, start, "heads.HTS") for end in ends)
    assert not same(ends[0], ends[1], "heads.PBM")


def test_the_start_of_another_layout_or_number_is_refused(table, baseline, tmp_path):
    layout = {"stem_widths": [9], "stem_channels": 8, "blocks": 1, "depthwise_width": 5}
    for values, message in [
        ({"seeds": 2, "architecture": layout}, r"initial.*another layout.*`architecture`"),
        ({"seeds": 3}, r"initial.*2 runs here for 3 models.*Give one run"),
        ({"seeds": 1}, r"initial.*2 runs here for 1 models"),
    ]:
        experiment = experiment_of(table, heads=HEADS, initial=baseline, **values)
        with pytest.raises(InputError, match=message):
            train(experiment, tmp_path / "run")
    with pytest.raises(InputError, match="no finished run here"):
        train(experiment_of(table, initial=tmp_path / "absent"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_another_start_is_another_run_to_resume(table, baseline, tmp_path):
    from planted import StopError, stop_after

    def experiment(run):
        return experiment_of(table, initial=baseline / run, training={"epochs": 2})

    with pytest.raises(StopError):
        train(experiment("seed-0"), tmp_path / "run", on_epoch=stop_after(1))
    with pytest.raises(InputError, match="belongs to other settings or other data"):
        train(experiment("seed-1"), tmp_path / "run", resume=True)
    train(experiment("seed-0"), tmp_path / "run", resume=True)
    train(experiment("seed-0"), tmp_path / "whole")
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")
