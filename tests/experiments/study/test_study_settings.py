import pytest

from dann_tfbs.errors import InputError
from dann_tfbs.experiments.study.settings import StudySettings, chosen_source, read_study_settings
from dann_tfbs.experiments.study.variants import variants_of
from dann_tfbs.settings import validated

DATA = {"mine": {"tasks": [{"name": "t", "tfs": ["A"], "source": "CHS", "target": "HTS"}]}}
FACTORS = {
    "epochs": {"2 epochs": {"training.epochs": 2}, "4 epochs": {"training.epochs": 4}},
    "rate": {"slow": {"training.learning_rate": 0.001}, "ratio 3": {"prepare.ratio": 3}},
}


def study(**values):
    return validated(StudySettings, {"name": "s", "data": DATA, **values}, "test")


def variants(**values):
    made = study(**values)
    return variants_of(made, made.data["mine"])


def test_one_at_a_time_changes_one_factor_each():
    found = variants(factors=FACTORS, reference="plain")
    assert [(v.name, v.factor) for v in found] == [
        ("plain", ""),
        ("2 epochs", "epochs"),
        ("4 epochs", "epochs"),
        ("slow", "rate"),
        ("ratio 3", "rate"),
    ]
    assert found[0].training == {}
    assert found[1].training == {"training.epochs": 2}
    assert found[4].training == {}
    assert found[4].recipe == {"ratio": 3}


def test_grid_combines_and_begins_with_its_reference():
    found = variants(factors=FACTORS, design="grid")
    assert [v.name for v in found] == [
        "2 epochs, slow",
        "2 epochs, ratio 3",
        "4 epochs, slow",
        "4 epochs, ratio 3",
    ]
    assert found[0].factor == ""
    assert found[3].training == {"training.epochs": 4}
    assert found[3].recipe == {"ratio": 3}


def test_list_takes_variants_as_given():
    found = variants(design="list", variants={"a": {}, "b": {"seed": 3}})
    assert [v.name for v in found] == ["a", "b"]


def test_data_may_add_factors():
    data = {"mine": DATA["mine"] | {"factors": {"source": {"both": {"data.source": "both"}}}}}
    made = study(factors=FACTORS, data=data)
    assert variants_of(made, made.data["mine"])[-1].name == "both"


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"factors": FACTORS, "design": "list"}, "takes variants"),
        ({"variants": {"a": {}}}, "takes factors"),
        ({"factors": {"empty": {}}}, "no values"),
        ({"factors": FACTORS, "name": "a/b"}, "folder"),
        ({"factors": FACTORS, "sedes": 3}, "no such key"),
    ],
)
def test_wrong_studies_are_refused(values, problem):
    with pytest.raises(InputError, match=problem):
        study(**values)


def test_two_variants_of_one_name():
    with pytest.raises(InputError, match="two variants are called 'x'"):
        variants(factors={"a": {"x": {"seed": 1}}, "b": {"x": {"seed": 2}}})


def test_file_with_base_overrides_and_full(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(
        "name: s\nbase: base.yaml\nseeds: 2\nfactors: {f: {x: {seed: 1}}}\n"
        "data: {mine: {tasks: [{name: t, tfs: [A], source: CHS, target: HTS}]}}\n"
        "full: {seeds: 9}\n"
    )
    read = read_study_settings(path, ("metric=auprc",), full=False)
    assert (read.seeds, read.metric, read.base) == (2, "auprc", tmp_path / "base.yaml")
    assert read_study_settings(path, full=True).seeds == 9


def test_the_first_data_that_are_there(monkeypatch, tmp_path):
    task = DATA["mine"]["tasks"]
    made = study(
        factors=FACTORS,
        data={"real": {"root": "$NO_SUCH_DATA", "tasks": task}, "simulated": {"tasks": task}},
    )
    assert chosen_source(made, None) == "simulated"
    monkeypatch.setenv("NO_SUCH_DATA", str(tmp_path))
    assert chosen_source(made, None) == "real"
    monkeypatch.setenv("NO_SUCH_DATA", "")
    assert chosen_source(made, None) == "simulated"
    with pytest.raises(InputError, match="no data 'other'"):
        chosen_source(made, "other")
