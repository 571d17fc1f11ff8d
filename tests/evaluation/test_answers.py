import json

import pyarrow as pa
import pytest

from dann_tfbs.data.table import SCHEMA, write_table
from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.answers import choose_split, read_answers


def table_of(path, rows):
    blank = dict.fromkeys(SCHEMA.names) | {"sequence": "ACGT", "group": "R0"}
    write_table(path, pa.Table.from_pylist([blank | row for row in rows], schema=SCHEMA))
    return path


def row(tag, label, source, split="test", assay="HTS", **more):
    return {
        "tag": tag, "label": label, "source": source, "split": split, "tf": "USF1", "assay": assay,
        **more,
    }  # fmt: skip


def test_official_json_takes_tf_assay_and_background_from_its_name(tmp_path):
    path = tmp_path / "HTS_USF1_input.json"
    path.write_text(json.dumps({"labels": {"a": 3, "b": 0}, "groups": {"a": 1, "b": None}}))
    answers = read_answers(path)
    assert answers.tags.to_pylist() == ["a", "b"]
    assert answers.labels.tolist() == [3, 0]
    assert answers.group.tolist() == [1, None]
    assert answers.background.tolist() == ["positive", "input"]
    assert set(answers.tf) == {"USF1"}
    assert set(answers.assay) == {"HTS"}


def test_options_go_before_the_name(tmp_path):
    path = tmp_path / "some_file.json"
    path.write_text('{"labels": {"a": 1, "b": 0}}')
    answers = read_answers(path, tf="MAX", assay="CHS")
    assert (answers.tf[0], answers.assay[0], answers.background[1]) == ("MAX", "CHS", "negatives")


def test_text_with_and_without_header(tmp_path):
    for head in ("", "tag\tlabel\n"):
        path = tmp_path / "answers.tsv"
        path.write_text(head + "a\t1\nb\t0\n")
        answers = read_answers(path)
        assert answers.tags.to_pylist() == ["a", "b"]
        assert answers.labels.tolist() == [1, 0]


def test_table_gives_cycles_and_drops_unlabelled_rows(tmp_path):
    path = table_of(
        tmp_path / "table.parquet",
        [
            row("a", 1, "positive", cycle=4),
            row("b", 0, "input", cycle=0),
            row("c", None, "target"),
            row("d", 0, "aliens", cycle=4),
            row("e", 1, "positive", assay="PBM"),
        ],
    )
    answers = read_answers(path, assay="HTS")
    assert answers.tags.to_pylist() == ["a", "b", "d"]
    assert answers.labels.tolist() == [4, 0, 0]
    assert answers.background.tolist() == ["positive", "input", "aliens"]
    assert read_answers(path).labels.tolist() == [4, 0, 0, 1]
    with pytest.raises(InputError, match=r"no labelled row has tf 'MAX'. The table holds USF1"):
        read_answers(path, tf="MAX")


def test_test_rows_are_the_default_where_there_are_any(tmp_path):
    path = table_of(
        tmp_path / "table.parquet",
        [
            row("a", 1, "positive"),
            row("b", 0, "input", "train"),
            row("c", 0, "input", "validation"),
        ],
    )
    answers = read_answers(path)
    assert choose_split(answers).tags.to_pylist() == ["a"]
    assert choose_split(answers, "train").tags.to_pylist() == ["b"]
    assert len(choose_split(answers, "all")) == 3
    assert choose_split(choose_split(answers, "train")).tags.to_pylist() == ["b"]
    with pytest.raises(InputError, match=r"'holdout'. The splits are test, train, validation"):
        choose_split(answers, "holdout")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", '{"labels": {"x": 1, "x": 0}}', "the tag 'x' stands twice"),
        ("a.json", '{"labels": {"x": 1,\n "y" 0}}', r"a\.json:2: is not an answer file"),
        ("a.json", '{"answers": {}}', "is not an answer file"),
        ("a.json", "[1]", "is not an answer file"),
        ("a.json", '{"labels": {}}', "holds no labels"),
        ("a.json", '{"labels": {"x": -1}}', "the label -1 of 'x'"),
        ("a.tsv", "x\t1\ny 0\n", r"a\.tsv:2: 'y 0' is not"),
        ("a.tsv", "x\t1\ny\t0\nx\t0\n", r"a\.tsv:3: the tag 'x' also stands on line 1"),
        ("a.tsv", "tag\tlabel\nx\tnan\n", r"a\.tsv:2: the label nan of 'x'"),
        ("a.tsv", "", "holds no labels"),
    ],
)
def test_bad_answers_are_explained(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_answers(path)


def test_repeated_tags_of_a_table_are_refused(tmp_path):
    path = table_of(
        tmp_path / "t.parquet", [row(tag, 0, "input") for tag in ("a", "b", "c", "b", "a")]
    )
    with pytest.raises(InputError, match="'b' of row 2 stands again on row 4; 2 tags are repeated"):
        read_answers(path)


def test_missing_answers_are_explained(tmp_path):
    with pytest.raises(InputError, match=r"none\.json: there are no answers here"):
        read_answers(tmp_path / "none.json")
