"""A run described: presets, defaults, what a wrong setting is told."""

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from dann_tfbs.config import PRESETS, Experiment
from dann_tfbs.errors import InputError
from dann_tfbs.settings import as_plain, flattened, read_yaml, validated

CONFIGS = Path(__file__).parent.parent / "configs"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"sed": 1},
            r"f\.yaml \[sed\]: there is no such key\. Known keys: adaptation, architecture, ",
        ),
        (
            {"training": {"epoch": 3}},
            r"f\.yaml \[training\.epoch\]: .* Known keys: augmentation, batch_positives, ",
        ),
        (
            {"training": {"augmentation": {"flip": 1}}},
            r"\[training\.augmentation\.flip\]: .*Known keys: reverse_complement_",
        ),
        ({"architecture": "tripel"}, r"'tripel' is no preset; known: double, triple"),
        ({"architecture": {"stem_widths": [8]}}, r"\[architecture\.stem_widths\]: .*must be odd"),
        ({"architecture": {"depthwise_width": 4}}, r"depthwise_width\]: .*must be odd"),
        ({"architecture": {"stem_widths": []}}, r"\[architecture\.stem_widths\]"),
        (
            {"training": {"batch_positives": 1.5}},
            r"\[training\.batch_positives\]: must be",
        ),
        ({"training": {"batch_positives": "half"}}, r"\[training\.batch_positives\]"),
        ({"training": {"learning_rate": 0}}, r"\[training\.learning_rate\]"),
        ({"training": {"epochs": 0}}, r"\[training\.epochs\]"),
        ({"data": {"source": "CHIP"}}, r"\[data\.source\]: .*'CHS'"),
        ({"data": 3}, r"\[data\]"),
        ({"seed": -1}, r"\[seed\]"),
    ],
)
def test_a_wrong_setting_names_its_key_and_what_is_possible(values, message):
    with pytest.raises(InputError, match=message):
        validated(Experiment, values, "f.yaml")


def test_settings_cannot_be_changed():
    experiment = Experiment()
    with pytest.raises(ValidationError, match="frozen"):
        experiment.seed = 1  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        experiment.training.epochs = 1  # type: ignore[misc]


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_taken_by_name(name):
    experiment = validated(Experiment, {"architecture": name}, "")
    assert experiment.architecture == PRESETS[name]


def test_the_default_is_the_published_training():
    training = Experiment().training
    assert (training.batch_size, training.learning_rate, training.end_factor) == (32, 0.009, 0.05)
    assert (training.schedule, 4 <= training.epochs <= 10) == ("linear", True)
    augmentation = training.augmentation
    assert augmentation.shift_probability == augmentation.reverse_complement_probability == 0.5
    assert augmentation.shift_fraction == 0.1


@pytest.mark.parametrize(
    ("data", "window", "scored"),
    [
        ({"target": "HTS"}, 40, 40),
        ({"target": "PBM"}, 35, 35),
        ({"target": "SMS", "window": 101}, 101, 40),
        ({"target": "PBM", "window": 101, "target_length": 36}, 101, 36),
    ],
)
def test_window_and_scored_length_are_the_targets_unless_they_are_given(data, window, scored):
    settings = validated(Experiment, {"data": data}, "").data
    assert (settings.training_window, settings.scored_length) == (window, scored)


def test_members_have_consecutive_seeds():
    assert Experiment(seed=5, seeds=3).member_seeds == [5, 6, 7]


def test_an_empty_file_means_all_defaults(tmp_path):
    (tmp_path / "c.yaml").write_text("# nothing\n")
    assert validated(Experiment, read_yaml(tmp_path / "c.yaml"), "") == Experiment()


def test_settings_survive_yaml():
    experiment = Experiment(
        architecture=PRESETS["single"], data={"path": "a/b", "tf": "YY1", "window": 99}, seeds=3
    )
    text = yaml.safe_dump(as_plain(experiment))
    assert validated(Experiment, yaml.safe_load(text), "") == experiment


def test_the_example_file_holds_every_key_at_its_default():
    values = read_yaml(CONFIGS / "baseline.yaml")
    assert validated(Experiment, values, "baseline.yaml") == Experiment()
    # The layout may be given key by key or as a preset's name.
    assert flattened(values).keys() == flattened(as_plain(Experiment())).keys()
