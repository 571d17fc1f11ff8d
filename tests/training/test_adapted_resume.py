"""A training with alignments that was stopped and resumed is the uninterrupted one."""

import sys
import textwrap

import numpy as np
import pyarrow as pa
import pytest
import torch
from planted import (
    StopError,
    planted_table,
    pool_rows,
    rows,
    small_experiment,
    stop_after,
    weights,
    without_speed,
)
from safetensors.torch import load_file

from dann_tfbs.adaptation.choose import BUILT_IN
from dann_tfbs.data.table import SCHEMA, TABLE_FILE, read_table, write_table
from dann_tfbs.errors import InputError
from dann_tfbs.training.train import train

OFTEN = {"warm_up": 0.2, "bound": 0.2, "unbound": 0.4, "rounds": 2}
HEADS = {"HTS": {}, "PBM": {"window": 18}}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    extra = [*rows("HTS", "train", 34, np.random.default_rng(2)), *pool_rows("HTS", 40)]
    return planted_table(tmp_path_factory.mktemp("table"), n=64, validation=40, extra=extra)


def experiment_of(table, *alignments, **values):
    adaptation = {"alignments": list(alignments)} | values.pop("adaptation", {})
    return small_experiment(
        table,
        mode="multihead",
        heads=HEADS,
        adaptation=adaptation,
        data={"source": "CHS"},
        training={"epochs": 3} | values.pop("training", {}),
        **values,
    )


def check_resume(experiment, tmp_path):
    """Stop after each epoch; return the uninterrupted training."""
    whole = train(experiment, tmp_path / "whole")
    for _ in range(2):
        with pytest.raises(StopError):
            train(
                experiment,
                tmp_path / "parts",
                on_epoch=stop_after(1),
                resume=(tmp_path / "parts").exists(),
            )
    parts = train(experiment, tmp_path / "parts", resume=True)
    assert weights(tmp_path / "parts") == weights(tmp_path / "whole")
    assert without_speed(parts.histories) == without_speed(whole.histories)
    name = "checkpoint-CHS.safetensors"
    one, other = load_file(tmp_path / "whole" / name), load_file(tmp_path / "parts" / name)
    assert one.keys() == other.keys()
    assert all(torch.equal(value, other[key]) for key, value in one.items())
    return whole, one


@pytest.mark.parametrize("kind", BUILT_IN)
def test_every_alignment_resumes_to_the_bit(table, tmp_path, kind):
    settings = OFTEN if kind == "self_training" else {"schedule": "linear"}
    check_resume(experiment_of(table, {"kind": kind, **settings}, seeds=2), tmp_path)


def test_all_state_together_resumes_to_the_bit(table, tmp_path):
    """Discriminator, memory, teacher, priors, and schedules of learning rates."""
    experiment = experiment_of(
        table,
        {"kind": "dann", "learning_rate": 0.02, "warm_up": 0.3},
        {"kind": "contrastive", "memory": 50},
        {"kind": "self_training", **OFTEN},
        adaptation={"align": "prior-corrected", "statistics": "shared", "adabn": True},
        training={"schedule": "onecycle"},
        seeds=2,
    )
    _, checkpoint = check_resume(experiment, tmp_path)
    of = {key.partition("/")[2]: v for key, v in checkpoint.items() if key.startswith("alignments")}
    memory = next(value for key, value in of.items() if key.endswith("memory.labels"))
    assert memory.shape == (100,)
    assert (memory != -1).all(), "the memory fills only in training mode"
    labels = next(value for key, value in of.items() if key.endswith("2.labels"))
    assert labels.shape == (2, 40)
    # Floors of 20 % and 40 % of 40 sequences.
    assert [(labels == label).sum(1).tolist() for label in (1, 0)] == [[8, 8], [16, 16]]
    assert next(v for key, v in of.items() if key.endswith("rounds_done")) == 2


@pytest.mark.parametrize("memory", [0, 7])
def test_memories_of_any_size_are_checkpointed(table, tmp_path, memory):
    check_resume(experiment_of(table, {"kind": "contrastive", "memory": memory}), tmp_path)


@pytest.mark.parametrize(
    "values",
    [
        {"adaptation": {"align": "all"}},
        {"adaptation": {"statistics": "batch"}},
        {"adaptation": {"alignments": [{"kind": "dann", "weight": 0.5}]}},
        {"head_weights": "size"},
    ],
)
def test_other_settings_of_adaptation_may_not_continue(table, tmp_path, values):
    with pytest.raises(StopError):
        train(experiment_of(table, {"kind": "dann"}), tmp_path / "run", on_epoch=stop_after(1))
    with pytest.raises(InputError, match="belongs to other settings"):
        train(experiment_of(table, {"kind": "dann"}, **values), tmp_path / "run", resume=True)


def test_other_unlabelled_sequences_may_not_continue_but_the_same_elsewhere_may(tmp_path):
    table = planted_table(tmp_path / "table", n=48, validation=20)
    texts = {name: "\n".join(row["sequence"] for row in pool_rows("HTS", n)) for name, n in
             (("a.txt", 30), ("b.txt", 31))}  # fmt: skip
    for name, text in texts.items():
        (tmp_path / name).write_text(text)

    def experiment(assay, name):
        data = {"source": "CHS", "unlabelled": {assay: tmp_path / name}}
        adaptation = {"alignments": [{"kind": "mmd"}]}
        return small_experiment(table, data=data, adaptation=adaptation)

    with pytest.raises(StopError):
        train(experiment("HTS", "a.txt"), tmp_path / "run", on_epoch=stop_after(1))
    for other in (("HTS", "b.txt"), ("PBM", "a.txt")):
        with pytest.raises(InputError, match="belongs to other settings or other data"):
            train(experiment(*other), tmp_path / "run", resume=True)
    (tmp_path / "moved.txt").write_text(texts["a.txt"])
    trained = train(experiment("HTS", "moved.txt"), tmp_path / "run", resume=True)
    assert len(trained.histories[0]) == 2


def test_other_companions_may_not_continue_but_the_same_elsewhere_may(table, tmp_path):
    def companion(name, n):
        folder = planted_table(tmp_path / name, ("CHS", "HTS"), n=n, validation=0)
        listed = [row | {"tf": "YY1"} for row in read_table(folder).to_pylist()]
        write_table(folder / TABLE_FILE, pa.Table.from_pylist(listed, schema=SCHEMA))
        return folder

    def experiment(folder):
        data = {"source": "CHS", "companions": {"YY1": [folder]}}
        return small_experiment(table, mode="multihead", heads={"HTS": {}}, data=data)

    with pytest.raises(StopError):
        train(experiment(companion("a", 32)), tmp_path / "run", on_epoch=stop_after(1))
    with pytest.raises(InputError, match="belongs to other settings or other data"):
        train(experiment(companion("b", 36)), tmp_path / "run", resume=True)
    trained = train(experiment(companion("c", 32)), tmp_path / "run", resume=True)
    assert len(trained.histories[0]) == 2


USERS = '''


import torch
from torch import nn

from dann_tfbs.adaptation.contract import Alignment, AlignmentSettings


class Pull(Alignment):
    """Pull the target's mean towards a learnt place; count the epochs."""

    class Settings(AlignmentSettings):
        kind: str = "pull"
        start: float = 0.5

    def __init__(self, settings, shape):
        super().__init__(settings, shape)
        self.place = nn.Parameter(settings.start * torch.randn(shape.members, shape.channels))
        self.learning_rate = 0.1
        self.register_buffer("epochs", torch.zeros(shape.members))

    def before_epoch(self, progress, network, score_pools):
        sizes = [len(scores) for scores in score_pools(network.state_dict())]
        SEEN.append((progress, network.training, sizes))
        self.epochs += 1

    def loss(self, batch):
        means = torch.stack([part.average.mean(0) for part in batch.target]).mean(0)
        value = ((means - self.place) ** 2).sum(1)
        self.measured = {"distance": value.detach(), "epochs": self.epochs}
        return self.strength(batch.progress) * value


SEEN = []
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of a user's own, on the path."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "users_pull.py").write_text(textwrap.dedent(USERS))
    monkeypatch.syspath_prepend(folder)
    yield "users_pull"
    sys.modules.pop("users_pull", None)


def test_an_alignment_of_a_users_own_trains_and_resumes(table, tmp_path, module):
    alignment = {"kind": f"{module}:Pull", "start": 0.25, "schedule": "constant"}
    whole, checkpoint = check_resume(experiment_of(table, alignment, seeds=2), tmp_path)
    records = whole.histories[1]
    assert [record["Pull_epochs"] for record in records] == [1, 2, 3]
    assert records[-1]["Pull_distance"] < records[0]["Pull_distance"]
    place = checkpoint["alignments/0.place"]
    assert place.shape == (2, 8)
    # Each model's start is that of its seed, and moves.
    from dann_tfbs.adaptation.choose import build_alignment
    from dann_tfbs.adaptation.contract import Shape

    torch.manual_seed(7919)
    start = build_alignment(alignment, Shape(["CHS"], 8, 1)).place
    assert 0 < (place[0] - start).abs().max() < 1


def test_before_an_epoch_the_network_is_in_evaluation_mode(table, tmp_path, module):
    """In the first epoch and in a resumed one too, so that all epochs are alike."""
    check_resume(experiment_of(table, {"kind": f"{module}:Pull"}), tmp_path)
    seen = sys.modules[module].SEEN
    thirds = [0, 1 / 3, 2 / 3]
    assert [progress for progress, _, _ in seen] == thirds * 2
    assert not any(training for _, training, _ in seen)
    assert all(sizes == [40] for _, _, sizes in seen)


def test_an_unknown_alignment_is_refused_before_the_folder_is_taken(table, tmp_path):
    for alignment, message in [
        ({"kind": "dan"}, "there is no alignment 'dan'.*Known kinds: dann"),
        ({"kind": "dann", "lambda": 3}, "alignment dann.*lambda.*no such key.*Known keys"),
        ({"kind": "users_absent:Pull"}, "users_absent:Pull.*cannot be imported"),
    ]:
        with pytest.raises(InputError, match=message):
            train(experiment_of(table, alignment), tmp_path / "run")
    assert not (tmp_path / "run").exists()
