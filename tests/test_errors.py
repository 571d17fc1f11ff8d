from pathlib import Path

import pytest

from dann_tfbs.errors import DannTfbsError, InputError, OutputError


@pytest.mark.parametrize(
    ("details", "text"),
    [
        ({}, "is empty."),
        ({"path": Path("a/x.fa")}, "a/x.fa: is empty."),
        ({"line": 3}, "line 3: is empty."),
        ({"path": "x.fa", "line": 3}, "x.fa:3: is empty."),
        ({"key": "data.tf"}, "data.tf: is empty."),
        ({"path": "c.yaml", "key": "data.tf"}, "c.yaml [data.tf]: is empty."),
        (
            {"path": "c.yaml", "line": 7, "key": "tf", "remedy": "Name one."},
            "c.yaml:7 [tf]: is empty. Name one.",
        ),
    ],
)
def test_the_text_says_where_what_and_how_to_mend_it(details, text):
    assert str(InputError("is empty.", **details)) == text


def test_the_parts_stay_readable_for_programs():
    error = InputError("is empty.", path=Path("x.fa"), line=0, remedy="Fill it.")
    assert (error.problem, error.path, error.line, error.remedy) == (
        "is empty.",
        "x.fa",
        0,
        "Fill it.",
    )
    assert str(error) == "x.fa:0: is empty. Fill it."


def test_exit_codes_separate_what_the_user_gave_from_what_the_machine_refused():
    assert InputError("x").exit_code == 2
    assert OutputError("x").exit_code == 1
    assert issubclass(InputError, DannTfbsError)
    assert issubclass(OutputError, DannTfbsError)
