"""Run folders stand alone, and loading one runs nothing that it holds."""

import json
import pickle
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from dann_tfbs.config import Experiment
from dann_tfbs.errors import InputError, OutputError
from dann_tfbs.model.network import initial_state
from dann_tfbs.run_folder import find_runs, is_run, read_run, write_run


def make_run(folder, experiment=None):
    experiment = experiment or Experiment(architecture="single")
    states = [initial_state(experiment.architecture, ["HTS"], seed) for seed in (1, 2)]
    write_run(folder, experiment, *states, {"best_epoch": 2}, {"seed": 0})
    return folder


def test_a_run_is_read_back(tmp_path):
    experiment = Experiment(architecture="single", data={"tf": "MAX", "path": "somewhere"}, seed=4)
    run = read_run(make_run(tmp_path / "run", experiment))
    assert run.experiment == experiment
    assert run.metrics == {"best_epoch": 2}
    expected = initial_state(experiment.architecture, ["HTS"], 1)
    assert run.weights.keys() == expected.keys()
    assert all(torch.equal(run.weights[key], expected[key]) for key in expected)
    last = load_file(tmp_path / "run" / "last.safetensors")
    assert torch.equal(
        last["heads.HTS.logit.weight"],
        initial_state(experiment.architecture, ["HTS"], 2)["heads.HTS.logit.weight"],
    )
    assert json.loads((tmp_path / "run" / "provenance.json").read_text()) == {"seed": 0}


def test_runs_are_found_alone_or_in_a_folder(tmp_path):
    runs = [make_run(tmp_path / "all" / name) for name in ("seed-1", "seed-0")]
    (tmp_path / "all" / "unfinished").mkdir()
    (tmp_path / "all" / "unfinished" / "config.yaml").write_text("seed: 0\n")
    (tmp_path / "all" / "config.yaml").write_text("seeds: 2\n")
    assert find_runs(runs[0]) == [runs[0]]
    assert find_runs(tmp_path / "all") == sorted(runs)
    assert not is_run(tmp_path / "all" / "unfinished")


@pytest.mark.parametrize("missing", ["weights.safetensors", "config.yaml", None])
def test_an_unfinished_or_absent_run_is_an_error_with_a_remedy(tmp_path, missing):
    folder = tmp_path / "run"
    if missing is not None:
        (make_run(folder) / missing).unlink()
    with pytest.raises(InputError, match=r"run: there is no finished run here.*--resume"):
        find_runs(folder)


def test_damaged_weights_are_named(tmp_path):
    file = make_run(tmp_path / "run") / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(InputError, match=r"weights\.safetensors: the weights cannot be read"):
        read_run(tmp_path / "run")


def test_pickled_weights_are_refused_without_being_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "trapped"), "w"))

    folder = make_run(tmp_path / "run")
    (folder / "weights.safetensors").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(InputError, match="cannot be read"):
        read_run(folder)
    torch.save({"a": Trap()}, folder / "weights.safetensors")
    with pytest.raises(InputError, match="cannot be read"):
        read_run(folder)
    (folder / "config.yaml").write_text(
        f"name: !!python/object/apply:builtins.open ['{tmp_path / 'trapped'}', 'w']\n"
    )
    with pytest.raises(InputError, match=r"config\.yaml:1: is not valid YAML"):
        read_run(folder)
    assert not (tmp_path / "trapped").exists()


def test_settings_of_another_version_are_named(tmp_path):
    folder = make_run(tmp_path / "run")
    with open(folder / "config.yaml", "a") as file:
        file.write("momentum: 3\n")
    with pytest.raises(InputError, match=r"config\.yaml \[momentum\]: there is no such key"):
        read_run(folder)


def test_the_weights_are_written_last(tmp_path, monkeypatch):
    import dann_tfbs.run_folder as module

    def full_disk(tensors, path):
        if path.name == "weights.safetensors":
            raise OSError(28, "No space left on device", str(path))
        save_file(tensors, path)

    monkeypatch.setattr(module, "save_file", full_disk)
    with pytest.raises(OutputError, match=r"weights\.safetensors: cannot be written"):
        make_run(tmp_path / "run")
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"config.yaml", "metrics.json", "provenance.json", "last.safetensors"}
    assert not is_run(tmp_path / "run")


def test_a_run_can_be_moved(tmp_path):
    make_run(tmp_path / "run")
    shutil.move(tmp_path / "run", tmp_path / "elsewhere")
    assert read_run(tmp_path / "elsewhere").experiment.architecture.blocks == 1


def test_runs_of_an_ensemble_come_in_the_order_of_their_seeds(tmp_path):
    for seed in (10, 2, 0):
        make_run(tmp_path / f"seed-{seed}")
    assert [folder.name for folder in find_runs(tmp_path)] == ["seed-0", "seed-2", "seed-10"]
