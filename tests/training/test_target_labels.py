"""No label of the target reaches a training: poisoning them all changes no bit of the weights."""

import numpy as np
import pyarrow as pa
import pytest
from planted import planted_table, pool_rows, rows, small_experiment, weights, without_speed

from dann_tfbs.data.table import SCHEMA, write_table
from dann_tfbs.training.train import train

ADAPTATIONS = {
    "dann": {"alignments": [{"kind": "dann"}, {"kind": "mcc"}]},
    "self_training": {
        "alignments": [{"kind": "self_training", "warm_up": 0.2, "bound": 0.2, "unbound": 0.4}]
    },
    "adabn": {"adabn": True},
    "contrastive": {"alignments": [{"kind": "contrastive"}, {"kind": "cdan"}], "align": "all"},
    "em": {"alignments": [{"kind": "mmd"}], "align": "prior-corrected", "target_prior": "em"},
    "bbse": {"alignments": [{"kind": "mmd"}], "align": "prior-corrected", "target_prior": "bbse"},
}


def labelled_otherwise(listed, poison):
    """Give every row the label that `poison` makes of its number; True leaves it as it is."""
    return [row | {"label": poison(number)} for number, row in enumerate(listed)]


def written(folder, poison):
    """A table, a Parquet file and a FASTA file whose target labels are poisoned."""
    rng = np.random.default_rng(8)
    test = rows("HTS", "test", 40, rng)
    given = rows("HTS", "test", 50, rng, length=20)
    poisoned = [
        *labelled_otherwise(pool_rows("HTS", 60), poison),
        *labelled_otherwise(test, poison),
    ]
    table = planted_table(folder, n=64, validation=60, extra=poisoned)
    file = folder / "given.parquet"
    write_table(file, pa.Table.from_pylist(labelled_otherwise(given, poison), schema=SCHEMA))
    lines = [
        f">read{number} label={poison(number)}\n{row['sequence']}\n"
        for number, row in enumerate(pool_rows("PBM", 25, 18))
    ]
    (folder / "probes.fa").write_text("".join(lines))
    data = {"unlabelled": {"HTS": file, "PBM": folder / "probes.fa"}, "source": "CHS"}
    return {"path": table, "data": data}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    poisons = {
        "none": lambda number: None,
        "alternating": lambda number: number % 2,
        "flipped": lambda number: 1 - number % 2,
    }
    return {
        name: written(tmp_path_factory.mktemp(name), poison) for name, poison in poisons.items()
    }


@pytest.mark.parametrize("name", ADAPTATIONS)
def test_poisoned_labels_of_the_target_change_nothing(tables, tmp_path, name):
    outcomes = []
    for poison, given in tables.items():
        experiment = small_experiment(
            given["path"],
            mode="multihead",
            heads={"HTS": {}},
            data=given["data"],
            adaptation=ADAPTATIONS[name],
            training={"epochs": 2},
        )
        trained = train(experiment, tmp_path / poison)
        outcomes.append((weights(tmp_path / poison), without_speed(trained.histories)))
    assert outcomes == [outcomes[0]] * len(tables)


def test_the_sequences_of_the_pool_do_change_something(tables, tmp_path):
    """So that the test above could fail: a pool that is read decides the weights."""
    found = []
    for number, share in enumerate((0.1, 0.9)):
        table = planted_table(
            tmp_path / f"t{number}", n=64, validation=60, extra=pool_rows("HTS", 60, share=share)
        )
        experiment = small_experiment(table, mode="dann", heads={"HTS": {}})
        train(experiment, tmp_path / str(number))
        found.append(weights(tmp_path / str(number)))
    assert found[0] != found[1]
