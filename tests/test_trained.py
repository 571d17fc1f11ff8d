"""`load(run).predict(sequences)`."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from planted import random_run
from safetensors.torch import load_file, save_file

from dann_tfbs import load, sequence
from dann_tfbs.errors import InputError
from dann_tfbs.model.network import Network
from dann_tfbs.scorers import run_scorer

SEQUENCES = ["ACGTTGACTCATTAGC", "TTTTGACAGGCA", "GATTACA" * 9, "C"]


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, dtype=np.float64)))


def test_scores_are_those_of_the_network_on_both_strands(tmp_path):
    folder = random_run(tmp_path / "run")
    model = load(folder, "cpu")
    network = Network(model.experiment.architecture, ["HTS"])
    network.load_state_dict(load_file(folder / "weights.safetensors"))
    network.eval()
    logits = []
    for text in SEQUENCES:
        opposite = text.translate(str.maketrans("ACGT", "TGCA"))[::-1]
        codes = [["ACGT".index(letter) for letter in side] for side in (text, opposite)]
        with torch.no_grad():
            logits.append(network(torch.tensor(codes)[:, None], "HTS").numpy())
    pairs = np.array(logits)[:, :, 0]
    assert np.ptp(pairs) > 0.05
    np.testing.assert_allclose(model.predict(SEQUENCES), sigmoid(pairs.mean(1)), atol=1e-6)
    np.testing.assert_allclose(model.predict(SEQUENCES, "max"), sigmoid(pairs.max(1)), atol=1e-6)
    np.testing.assert_allclose(model.predict(SEQUENCES, "forward"), sigmoid(pairs[:, 0]), atol=1e-6)


def test_the_run_says_how_strands_are_joined_unless_the_caller_does(tmp_path):
    folder = random_run(tmp_path / "run", prediction={"strands": "max"})
    model = load(folder)
    assert np.array_equal(model.predict(SEQUENCES), model.predict(SEQUENCES, "max"))
    assert not np.array_equal(model.predict(SEQUENCES), model.predict(SEQUENCES, "mean"))


def test_short_sequences_are_padded_where_the_run_says_so(tmp_path):
    own = load(random_run(tmp_path / "own"))
    train = load(random_run(tmp_path / "train", data={"score_length": "train"}))
    padded = ["NN" + SEQUENCES[0] + "NN", "NNNN" + SEQUENCES[1] + "NNNN", SEQUENCES[2]]
    np.testing.assert_allclose(train.predict(SEQUENCES[:3]), own.predict(padded), atol=1e-7)
    assert abs(train.predict(SEQUENCES[:1]) - own.predict(SEQUENCES[:1])) > 1e-4


def test_text_and_codes_score_alike_in_any_case(tmp_path):
    model = load(random_run(tmp_path / "run"))
    expected = model.predict(SEQUENCES)
    assert np.array_equal(model.predict(sequence.encode(SEQUENCES)), expected)
    assert np.array_equal(model.predict(text.lower() for text in SEQUENCES), expected)
    with pytest.raises(InputError, match="sequence 2 holds the character '!'"):
        model.predict(["ACG", "A!"])


def test_an_ensemble_is_the_mean_logit_of_its_runs(tmp_path):
    folders = [random_run(tmp_path / "all" / f"seed-{seed}", seed) for seed in range(3)]
    alone = np.hstack([load(folder).logits(SEQUENCES) for folder in folders])
    assert alone.std(axis=1).min() > 1e-3
    for runs in (tmp_path / "all", folders, [str(folder) for folder in folders]):
        model = load(runs)
        np.testing.assert_allclose(model.logits(SEQUENCES), alone, atol=1e-5)
        np.testing.assert_allclose(model.predict(SEQUENCES), sigmoid(alone.mean(1)), atol=1e-5)


@pytest.mark.parametrize(
    "values",
    [
        {"architecture": "triple"},
        {"prediction": {"strands": "max"}},
        {"data": {"tf": "YY1"}},
        {"data": {"target": "PBM"}},
        {"data": {"window": 30}},
        {"data": {"score_length": "train"}},
    ],
)
def test_runs_that_differ_are_no_ensemble(tmp_path, values):
    one, two = random_run(tmp_path / "a"), random_run(tmp_path / "b", **values)
    with pytest.raises(InputError, match=r"b: differs from .*a in layout.*score the others apart"):
        load([one, two])


def test_runs_of_other_seeds_and_sources_are_an_ensemble(tmp_path):
    one = random_run(tmp_path / "a")
    two = random_run(tmp_path / "b", 1, data={"source": "GHTS"}, training={"epochs": 9})
    assert load([one, two]).network.members == 2


def test_weights_of_another_layout_are_refused(tmp_path):
    folder = random_run(tmp_path / "a")
    other = random_run(tmp_path / "b", architecture="triple")
    (folder / "weights.safetensors").write_bytes((other / "weights.safetensors").read_bytes())
    with pytest.raises(InputError, match=r"a/weights\.safetensors: .*not those of the settings"):
        load(folder)
    state = load_file(random_run(tmp_path / "c") / "weights.safetensors")
    save_file(dict(list(state.items())[1:]), tmp_path / "c" / "weights.safetensors")
    with pytest.raises(InputError, match="not those of the settings"):
        load(tmp_path / "c")


def test_no_run_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no run was given"):
        load([])
    with pytest.raises(InputError, match="there is no finished run here"):
        load(tmp_path)


def test_a_device_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"the device 'abacus' cannot be used.*Use auto or cpu"):
        load(random_run(tmp_path / "run"), "abacus")


def test_a_scorer_names_its_column_after_the_tf(tmp_path):
    scorer = run_scorer([random_run(tmp_path / "run")], "max", "cpu")
    assert scorer.column == "MAX"
    batch = sequence.encode(SEQUENCES)
    assert np.array_equal(scorer.score(batch), load(tmp_path / "run").predict(batch, "max"))
    nameless = random_run(tmp_path / "nameless", data={"tf": None})
    assert run_scorer([nameless], None, "cpu").column == "score"


def test_loading_needs_no_training_code_and_no_mlflow(tmp_path):
    folder = random_run(tmp_path / "run")
    code = (
        f"import sys; from dann_tfbs import load; load({str(folder)!r}).predict(['ACGT'])\n"
        "print(*[m for m in sys.modules if m.startswith(('mlflow', 'dann_tfbs.training'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
