"""A folder goes on with the same command, and refuses another."""

import pytest

from dann_tfbs.errors import InputError
from dann_tfbs.experiments.package.identity import (
    LIBRARIES,
    locked,
    open_folder,
    training_files,
)
from dann_tfbs.experiments.package.layout import Package

SETTINGS = {"track": "G2A", "settings": {"HTS": {"training": {"epochs": 6}, "heads": ()}}}


def test_the_same_settings_go_on_and_others_are_named(tmp_path):
    open_folder(tmp_path, SETTINGS, {"A": {"a.peaks": 1}})
    open_folder(tmp_path, SETTINGS, {"A": {"a.peaks": 1}})
    other = {"track": "G2A", "settings": {"HTS": {"training": {"epochs": 2}, "heads": ()}}}
    with pytest.raises(InputError, match=r"settings\.HTS\.training\.epochs 6, now 2.*--out"):
        open_folder(tmp_path, other, {"A": {"a.peaks": 1}})


def test_further_tfs_may_come_but_files_may_not_change(tmp_path):
    open_folder(tmp_path, SETTINGS, {"A": {"a.peaks": 1}})
    open_folder(tmp_path, SETTINGS, {"B": {"b.peaks": 1}})
    open_folder(tmp_path, SETTINGS, {"A": {"a.peaks": 1}, "B": {"b.peaks": 1}})
    with pytest.raises(InputError, match=r"training files of A are no longer"):
        open_folder(tmp_path, SETTINGS, {"A": {"a.peaks": 2}})


def test_another_folder_is_not_taken(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InputError, match=r"something else \(thesis\.tex\)"):
        open_folder(tmp_path, SETTINGS, {})


def test_two_commands_at_once_do_not_share_a_folder(tmp_path):
    with locked(tmp_path / "out"):
        with pytest.raises(InputError, match="another command works"), locked(tmp_path / "out"):
            pass
        assert (tmp_path / "out").is_dir()
    with locked(tmp_path / "out"):
        pass


def test_a_moved_copy_has_the_same_files_and_an_edited_one_has_not(tmp_path):
    def package(name, reads, library):
        root = tmp_path / name
        file, own = root / "train" / "HTS" / "A" / "a.fastq", root / "input" / "HTS" / "i.fastq"
        for path, text in ((file, reads), (own, library)):
            path.parent.mkdir(parents=True)
            path.write_text(text)
        return Package("A2G", "Final", root, {"A": {"HTS": (file,)}}, {}, {}, (own,))

    first = training_files(package("one", "ACGT", "TTTT"))
    assert {name: list(files) for name, files in first.items()} == {
        "A": ["train/HTS/A/a.fastq"],
        LIBRARIES: ["input/HTS/i.fastq"],
    }
    assert training_files(package("two", "ACGT", "TTTT")) == first
    assert training_files(package("three", "ACGA", "TTTT"))["A"] != first["A"]
    assert training_files(package("four", "ACGT", "TTTA"))[LIBRARIES] != first[LIBRARIES]
