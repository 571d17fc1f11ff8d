"""Outputs that go on where an interrupted writer stopped."""

import gzip
import json
import multiprocessing

import numpy as np
import pytest

from dann_tfbs import continued as module
from dann_tfbs.continued import continued
from dann_tfbs.errors import InputError, OutputError
from dann_tfbs.predictions import continue_predictions

QUESTION = {"input": "x.fa", "runs": ["1", "2"]}


class Stop(BaseException):
    """As Ctrl-C: no error that anything handles."""


def pieces(path, question, *, fail_after=None, error=Stop, say=lambda text: None):
    """Write ten lines in pieces of two, from where the file is; return how many were written."""
    written = 0
    with continued(path, question, say) as output:
        for number in range(output.records, 10, 2):
            if fail_after is not None and written == fail_after:
                raise error("stop")
            output.write(b"line %d\nline %d\n" % (number, number + 1), 2)
            written += 2
    return written


WHOLE = b"".join(b"line %d\n" % n for n in range(10))


def test_an_interrupted_file_goes_on(tmp_path):
    path, said = tmp_path / "out.tsv", []
    path.write_text("old")
    with pytest.raises(Stop):
        pieces(path, QUESTION, fail_after=4)
    assert path.read_text() == "old"
    with pytest.raises(Stop):
        pieces(path, QUESTION, fail_after=2, say=said.append)
    assert pieces(path, QUESTION, say=said.append) == 4
    assert path.read_bytes() == WHOLE
    assert [line.split(": ")[1] for line in said] == [
        "going on after 4 records.",
        "going on after 6 records.",
    ]
    assert list(tmp_path.iterdir()) == [path]


def test_what_stands_behind_the_note_is_cut_off(tmp_path):
    path = tmp_path / "out.tsv"
    with pytest.raises(Stop):
        pieces(path, QUESTION, fail_after=6)
    with open(tmp_path / ".out.tsv.partial", "ab") as partial:
        partial.write(b"line 6\nlin")
    assert pieces(path, QUESTION) == 4
    assert path.read_bytes() == WHOLE


def test_another_question_starts_anew_and_says_what_differs(tmp_path):
    path, said = tmp_path / "out.tsv", []
    with pytest.raises(Stop):
        pieces(path, QUESTION, fail_after=6)
    assert pieces(path, {**QUESTION, "runs": ["3"], "strands": "max"}, say=said.append) == 10
    assert path.read_bytes() == WHOLE
    assert "belongs to another question (runs, strands); starting anew" in said[0]


@pytest.mark.parametrize("harm", ["note", "shorter"])
def test_what_cannot_be_continued_starts_anew(tmp_path, harm):
    path, said = tmp_path / "out.tsv", []
    with pytest.raises(Stop):
        pieces(path, QUESTION, fail_after=6)
    if harm == "note":
        (tmp_path / ".out.tsv.partial.json").write_text('{"records": ')
    else:
        (tmp_path / ".out.tsv.partial").write_bytes(b"line 0\n")
    assert pieces(path, QUESTION, say=said.append) == 10
    assert path.read_bytes() == WHOLE
    assert said[0].endswith("starting anew.")


@pytest.mark.parametrize(
    ("question", "fail_after", "error"),
    [(None, 6, Stop), (QUESTION, 0, Stop), (QUESTION, 6, InputError)],
)
def test_nothing_is_kept_that_nobody_could_go_on_from(tmp_path, question, fail_after, error):
    with pytest.raises(error):
        pieces(tmp_path / "out.tsv", question, fail_after=fail_after, error=error)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_what_is_there(tmp_path):
    path = tmp_path / "out.tsv"

    def full(text):
        return OSError(28, "No space left on device")

    with pytest.raises(OutputError, match=r"out\.tsv: cannot be written \(No space left"):
        pieces(path, QUESTION, fail_after=4, error=full)
    assert pieces(path, QUESTION) == 6
    assert path.read_bytes() == WHOLE


def test_an_error_about_another_file_passes_as_it_is(tmp_path):
    def absent(text):
        return FileNotFoundError(2, "No such file", "input.fa")

    with pytest.raises(FileNotFoundError):
        pieces(tmp_path / "out.tsv", QUESTION, error=absent, fail_after=0)


def _write_too(path, result):
    try:
        pieces(path, QUESTION)
    except InputError as error:
        result.put(str(error))


def test_two_writers_of_one_file(tmp_path):
    path = tmp_path / "out.tsv"
    context = multiprocessing.get_context("fork")
    result = context.Queue()
    with continued(path, QUESTION) as output:
        output.write(WHOLE, 10)
        other = context.Process(target=_write_too, args=(path, result))
        other.start()
        message = result.get(timeout=20)
        other.join()
    assert "another process is writing this file" in message
    assert path.read_bytes() == WHOLE
    assert list(tmp_path.iterdir()) == [path]


def test_the_note_is_written_while_the_file_grows(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "NOTE_SECONDS", 0)
    with continued(tmp_path / "out.tsv", QUESTION) as output:
        output.write(b"one\n", 1)
        note = json.loads((tmp_path / ".out.tsv.partial.json").read_text())
        assert (note["records"], note["bytes"]) == (1, 4)
        assert (tmp_path / ".out.tsv.partial").read_bytes() == b"one\n"


@pytest.mark.parametrize("ending", ["tsv", "csv", "tsv.gz", "csv.gz"])
@pytest.mark.parametrize("stop", [1, 3])
def test_continued_predictions_are_the_same_bytes(tmp_path, ending, stop):
    every = [([f"t{n}{k}" for k in range(5)], np.full((5, 2), n / 10)) for n in range(6)]

    def chunks(records, last=None):
        assert records % 5 == 0
        for number, chunk in enumerate(every[records // 5 :], start=records // 5):
            if number == last:
                raise Stop
            yield chunk

    whole, path = tmp_path / f"whole.{ending}", tmp_path / f"p.{ending}"
    assert continue_predictions(whole, ["A", "B"], None, chunks) == 30
    with pytest.raises(Stop):
        continue_predictions(path, ["A", "B"], QUESTION, lambda done: chunks(done, stop))
    assert not path.exists()
    assert continue_predictions(path, ["A", "B"], QUESTION, chunks) == 30
    assert path.read_bytes() == whole.read_bytes()
    text = whole.read_bytes()
    text = gzip.decompress(text) if ending.endswith("gz") else text
    assert text.count(b"\n") == 31
