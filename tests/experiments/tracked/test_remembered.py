import pytest

from dann_tfbs.errors import InputError
from dann_tfbs.experiments.tracked.remembered import (
    BusyError,
    Entry,
    Remembered,
    held,
    recall,
    remember,
)


def test_what_is_remembered_is_recalled_store_by_store(tmp_path):
    assert recall(tmp_path) is None
    first = Remembered()
    assert first.id != Remembered().id
    remember(tmp_path, first.noting("http://me:pw@a", Entry(run_id="r")))
    found = recall(tmp_path)
    remember(tmp_path, found.noting("http://b", Entry(run_id="s", complete=True)))
    found = recall(tmp_path)
    assert found.id == first.id
    assert found.at("http://you:other@a") == Entry(run_id="r")
    assert found.at("http://b").complete
    assert found.at("http://c") == Entry()
    assert "pw" not in (tmp_path / "tracking.json").read_text()


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "tracking.json").write_text("{")
    with pytest.raises(InputError, match=r"tracking\.json"):
        recall(tmp_path)


def test_a_folder_is_held_by_one_at_a_time(tmp_path):
    with held(tmp_path), pytest.raises(BusyError, match="another process"), held(tmp_path):
        pass
    with held(tmp_path):
        pass
