"""Settings in and out: overrides by dotted keys, YAML, errors that say where."""

import pytest

from dann_tfbs.errors import InputError
from dann_tfbs.settings import flattened, read_yaml, with_overrides


def test_overrides_reach_inside_and_are_read_as_yaml():
    values = {"training": {"epochs": 4, "batch_size": 8}, "seed": 1}
    changed = with_overrides(
        values, ["training.epochs=7", "data.tf=YY1", "architecture.stem_widths=[3, 5]", "seed = 2"]
    )
    assert changed == {
        "training": {"epochs": 7, "batch_size": 8},
        "data": {"tf": "YY1"},
        "architecture": {"stem_widths": [3, 5]},
        "seed": 2,
    }
    assert values == {"training": {"epochs": 4, "batch_size": 8}, "seed": 1}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seed", r"--set: 'seed' has no '='.*key=value"),
        ("seed=[1", r"seed: '\[1' is not valid YAML"),
        ("architecture.blocks=2", "'architecture' holds a plain value"),
    ],
)
def test_a_wrong_override_is_an_error(override, message):
    with pytest.raises(InputError, match=message):
        with_overrides({"architecture": "double"}, [override])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"seed: 1\ndata: [1\nname: x\n", r"c\.yaml:3: is not valid YAML"),
        (b"seed: 1\n\tseeds: 2\n", r"c\.yaml:2: is not valid YAML"),
        (b"- seed\n", r"c\.yaml: must hold keys with values"),
        (b"\xff\xfe\x00", r"c\.yaml: is not valid YAML"),
        (None, r"c\.yaml: cannot be read \(No such file"),
    ],
)
def test_a_file_that_is_no_mapping_names_the_line(tmp_path, text, message):
    path = tmp_path / "c.yaml"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(InputError, match=message):
        read_yaml(path)


def test_flattened_joins_keys_by_dots():
    assert flattened({"a": {"b": {"c": 1}, "d": [2]}, "e": None}) == {
        "a.b.c": 1,
        "a.d": [2],
        "e": None,
    }
