import errno
import hashlib
import os
import threading
from pathlib import Path

import pytest

from dann_tfbs import files
from dann_tfbs.errors import OutputError


def names_in(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_a_new_file_appears_whole_and_its_folders_are_made(tmp_path):
    path = tmp_path / "a" / "b" / "scores.json"
    files.write_json(path, {"b": 1, "a": [0.5, None]})
    assert path.read_text() == '{\n  "a": [\n    0.5,\n    null\n  ],\n  "b": 1\n}\n'
    assert names_in(path.parent) == ["scores.json"]


def test_text_is_utf8_whatever_the_locale(tmp_path):
    files.write_text(tmp_path / "x", "τ ≥ 0\n")
    assert (tmp_path / "x").read_bytes() == "τ ≥ 0\n".encode()


def test_nothing_is_visible_before_the_block_ends(tmp_path):
    path = tmp_path / "x"
    path.write_text("old")
    with files.written_aside(path) as aside:
        aside.write_text("new")
        assert path.read_text() == "old"
        assert aside.stat().st_dev == path.stat().st_dev
    assert path.read_text() == "new"


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ValueError, MemoryError])
def test_an_interrupted_write_leaves_the_old_file(tmp_path, interruption):
    path = tmp_path / "x"
    path.write_text("old")

    def write() -> None:
        with files.written_aside(path) as aside:
            aside.write_text("half")
            raise interruption

    with pytest.raises(interruption):
        write()
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["x"]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "stale").write_text("from an earlier run")
    with files.written_aside(folder) as aside:
        aside.mkdir()
        (aside / "weights").write_text("new")
        assert names_in(folder) == ["stale"]
    assert names_in(folder) == ["weights"]
    assert names_in(tmp_path) == ["run"]


def test_an_interrupted_folder_leaves_the_old_one(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "weights").write_text("old")

    def write() -> None:
        with files.written_aside(folder) as aside:
            aside.mkdir()
            (aside / "weights").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert (folder / "weights").read_text() == "old"
    assert names_in(tmp_path) == ["run"]


def test_a_folder_that_cannot_be_put_in_place_leaves_the_old_one(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "weights").write_text("old")
    replace = os.replace

    def refusing(source: Path, target: Path) -> None:
        if Path(target) == folder and (Path(source) / "weights").read_text() == "new":
            raise OSError(errno.EIO, "Input/output error", str(source))
        replace(source, target)

    monkeypatch.setattr(os, "replace", refusing)

    def write() -> None:
        with files.written_aside(folder) as aside:
            aside.mkdir()
            (aside / "weights").write_text("new")

    with pytest.raises(OutputError):
        write()
    assert (folder / "weights").read_text() == "old"
    assert names_in(tmp_path) == ["run"]


def test_a_file_does_not_replace_a_folder(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        files.write_text(tmp_path / "run", "x")
    assert (tmp_path / "run").is_dir()
    assert names_in(tmp_path) == ["run"]


def test_a_file_where_a_folder_is_needed_is_an_output_error(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError, match=r"taken/x: cannot be written .* Check that the folder"):
        files.write_text(tmp_path / "taken" / "x", "text")
    assert (tmp_path / "taken").read_text() == "a file"


def test_a_folder_without_permission_is_an_output_error(powerless):
    with pytest.raises(OutputError, match=r"x: cannot be written \(Permission denied\)"):
        files.write_text(powerless / "x", "text")


@pytest.mark.parametrize("named", [True, False])
def test_a_full_disk_is_an_output_error_and_leaves_the_old_file(tmp_path, monkeypatch, named):
    path = tmp_path / "x"
    path.write_text("old")

    def write_text(self: Path, text: str, **_: object) -> int:
        self.touch()
        details = (str(self),) if named else ()
        raise OSError(errno.ENOSPC, "No space left on device", *details)

    monkeypatch.setattr(Path, "write_text", write_text)
    with pytest.raises(OutputError) as caught:
        files.write_text(path, "new")
    assert str(caught.value) == (
        f"{path}: cannot be written (No space left on device). Check that the folder is writable "
        "and the disk has space; what stands there was not changed."
    )
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["x"]


def test_an_error_about_an_input_is_not_blamed_on_the_output(tmp_path):
    def write() -> None:
        with files.written_aside(tmp_path / "x"):
            (tmp_path / "missing.fa").read_text()

    with pytest.raises(FileNotFoundError, match=r"missing\.fa"):
        write()
    assert names_in(tmp_path) == []


def test_forgetting_to_write_is_an_error_and_not_a_silent_success(tmp_path):
    (tmp_path / "x").write_text("old")
    with pytest.raises(OutputError), files.written_aside(tmp_path / "x"):
        pass
    assert (tmp_path / "x").read_text() == "old"


def test_two_writers_at_once_leave_one_whole_file(tmp_path):
    path = tmp_path / "x"
    texts = [letter * 200_000 for letter in "AB"]
    together = threading.Barrier(2)

    def write(text: str) -> None:
        with files.written_aside(path) as aside:
            aside.write_text(text[: len(text) // 2])
            together.wait(timeout=10)
            aside.write_text(text)

    writers = [threading.Thread(target=write, args=(text,)) for text in texts]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert path.read_text() in texts
    assert names_in(tmp_path) == ["x"]


def test_sha256_of_a_known_text(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert files.sha256(tmp_path / "x") == known
    assert hashlib.sha256(b"abc").hexdigest() == known
