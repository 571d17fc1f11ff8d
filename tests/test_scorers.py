"""Tables of several models, and what their columns are called."""

import numpy as np
import pytest
import torch

from dann_tfbs import sequence
from dann_tfbs.config import Experiment
from dann_tfbs.errors import InputError
from dann_tfbs.model.network import initial_state
from dann_tfbs.run_folder import write_run
from dann_tfbs.scorers import Scorer, one_torch_thread, score_table, separate_scorers


def make_run(folder, tf, seed=0):
    experiment = Experiment(architecture="single", data={"tf": tf, "window": 20})
    state = initial_state(experiment.architecture, ["HTS"], seed)
    write_run(folder, experiment, state, state, {}, {})
    return folder


def names(*runs):
    return [scorer.column for scorer in separate_scorers(runs, None, "cpu")]


def test_columns_are_named_after_the_tf_and_by_the_folder_where_that_is_not_enough(tmp_path):
    one, two = make_run(tmp_path / "max-1", "MAX"), make_run(tmp_path / "max-2", "MAX")
    other, nameless = make_run(tmp_path / "b", "YY1"), make_run(tmp_path / "none", None)
    seeds = make_run(tmp_path / "seeds" / "seed-0", "REST").parent
    assert names(one, other) == ["MAX", "YY1"]
    assert names(one, other, two, seeds) == ["max-1", "YY1", "max-2", "REST"]
    assert names(nameless) == ["none"]


def test_the_folder_has_a_name_however_it_is_written(tmp_path, monkeypatch):
    run = make_run(tmp_path / "mine", None)
    (tmp_path / "link").symlink_to(run)
    monkeypatch.chdir(run)
    assert names(run / ".." / "mine", tmp_path / "link") == ["mine", "link"]
    assert names(type(run)(".")) == ["mine"]


@pytest.mark.parametrize(
    ("folders", "column"),
    [
        (("a/run", "b/run"), "run"),
        (("a/run", "a/run"), "run"),
        (("tag", "other"), "tag"),
    ],
)
def test_columns_of_one_name_are_refused(tmp_path, folders, column):
    runs = [make_run(tmp_path / folder, "MAX") for folder in folders]
    message = rf"--separate: the column '{column}' would stand twice .*{folders[0]}.* Rename"
    with pytest.raises(InputError, match=message):
        names(*runs)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_table_has_a_column_for_each_scorer_in_the_order_of_the_input(threads):
    def length(batch):
        return batch.lengths.astype(float)

    scorers = [Scorer("length", length), Scorer("square", lambda batch: length(batch) ** 2)]
    texts = ["A" * (n + 1) for n in range(20)]
    chunks = [
        ([f"t{n}" for n in range(start, start + 3)], sequence.encode(texts[start : start + 3]))
        for start in range(0, 18, 3)
    ]
    found = list(score_table(iter(chunks), scorers, threads))
    assert [tags for tags, _ in found] == [tags for tags, _ in chunks]
    expected = np.array([[n + 1, (n + 1) ** 2] for n in range(18)])
    assert np.array_equal(np.concatenate([scores for _, scores in found]), expected)


def test_torch_keeps_to_one_thread_inside_and_has_its_own_number_back_outside():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_torch_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
