import json

import pytest
from tiny_benchmark import write_package

from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.benchmark.definition import read_definitions


def test_a_tree_is_found_and_its_root_guessed(tmp_path):
    found = read_definitions(write_package(tmp_path))
    assert [each.label for each in found] == ["CHS", "GHTS", "HTS", "PBM", "SMS"]
    hts = found[2]
    assert hts.tfs == ("ALPHA", "BETA")
    assert hts.tags.to_pylist() == [f"haaaaa{x}" for x in "abcdef"]
    assert [each.background for each in hts.datasets] == ["input", "positives"] * 2
    assert hts.datasets[0].answers == tmp_path / "BENCHMARK_DATA/HTS/HTS_ALPHA_input.json"
    kendall = hts.scorers[2]
    assert (kendall.name, kendall.is_for("positives"), kendall.is_for("input")) == (
        "kendalltau", True, False,
    )  # fmt: skip
    assert found[0].scorers[0].is_for("shades")


def test_the_root_can_be_told(tmp_path):
    file = write_package(tmp_path, ["SMS"]) / "SMS" / "Final" / "benchmark.json"
    (found,) = read_definitions(file, tmp_path / "elsewhere")
    assert found.datasets[0].fasta == tmp_path / "elsewhere/BENCHMARK_DATA/SMS/sequences.fasta"


def test_without_a_folder_of_configurations_paths_start_at_the_file(tmp_path):
    content = {
        "name": "own", "kind": "PBM", "scorers": [{"name": "prroc_rocauc"}],
        "datasets": [
            {"name": "one", "tf": "A", "background": "all", "fasta_path": "__ROOTDIR__/x.fasta",
             "answer_path": "answers/one.json"},
            {"name": "two", "tf": "A", "background": "all", "fasta_path": None,
             "answer_path": None},
        ],
    }  # fmt: skip
    (tmp_path / "benchmark.json").write_text(json.dumps(content))
    (found,) = read_definitions(tmp_path)
    assert found.datasets[0].fasta == tmp_path / "x.fasta"
    assert found.datasets[0].answers == tmp_path / "answers/one.json"
    assert found.datasets[1].answers is None
    # Two sets of one TF and background are told apart; what is left out has the official default.
    assert [each.background for each in found.datasets] == ["all (one)", "all (two)"]
    assert [each.kind_of_negatives for each in found.datasets] == ["all", "all"]
    assert (found.tfs, found.tags, found.tag_index) == (("A",), None, None)
    assert (found.scorers[0].alias, found.scorers[0].backgrounds) == ("prroc_rocauc", ("all",))


def test_stages_are_told_apart_and_chosen(tmp_path):
    write_package(tmp_path, ["CHS"], "Final")
    write_package(tmp_path, ["CHS"], "Leaderboard")
    assert [each.label for each in read_definitions(tmp_path)] == ["CHS Final", "CHS Leaderboard"]
    assert [each.label for each in read_definitions(tmp_path, stage="Final")] == ["CHS"]
    with pytest.raises(InputError, match=r"no benchmark\.json of the stage 'Finale'"):
        read_definitions(tmp_path, stage="Finale")


def test_tags_inside_metainfo_are_not_the_tags(tmp_path):
    file = write_package(tmp_path, ["CHS"]) / "CHS" / "Final" / "benchmark.json"
    content = json.loads(file.read_text())
    file.write_text(
        json.dumps({"metainfo": {"tags": ["x"]}} | content | {"metainfo": {"tags": ["x"]}})
    )
    assert len(read_definitions(file)[0].tags) == 6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not in JSON"),
        ('{"tags": [1, 2]}', "is not in JSON"),
        ("[]", "is no benchmark of IBIS"),
        ('{"kind": "CHS", "datasets": [{"name": "x"}], "scorers": []}', "is no benchmark of IBIS"),
        ('{"kind": "CHS", "datasets": [], "scorers": []}', "lists 0 datasets and 0 scorers"),
    ],
)
def test_what_is_no_benchmark_is_explained(tmp_path, text, message):
    (tmp_path / "benchmark.json").write_text(text)
    with pytest.raises(InputError, match=message):
        read_definitions(tmp_path / "benchmark.json")


def test_missing_files_are_explained(tmp_path):
    with pytest.raises(InputError, match="there is no benchmark here"):
        read_definitions(tmp_path / "none.json")
    with pytest.raises(InputError, match=r"there is no benchmark\.json below this folder"):
        read_definitions(tmp_path)
