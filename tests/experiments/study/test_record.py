"""A study's record in MLflow, where the store goes away."""

from dann_tfbs.errors import DannTfbsError
from dann_tfbs.experiments.study import record
from dann_tfbs.experiments.study.record import StudyRecord


def test_a_lost_store_is_not_waited_for_again_and_again(tmp_path, monkeypatch):
    asked = []

    def fails(*args, **kwargs):
        asked.append("outcome")
        return False

    def unreached(uri):
        asked.append("store")
        raise DannTfbsError("down")

    monkeypatch.setattr(record, "start_study", lambda *args: "parent")
    monkeypatch.setattr(record, "record_outcome", fails)
    monkeypatch.setattr(record, "reached", unreached)
    found = StudyRecord(tmp_path, "http://127.0.0.1:9")
    for number in range(5):
        found.add(tmp_path / str(number))
    found.finish("FINISHED", {})
    assert asked == ["outcome", "store", "store"]


def test_a_store_that_is_back_is_told_all(tmp_path, monkeypatch):
    told = []
    answers = iter([False, True, True])

    def records(folder, uri, parent):
        told.append(folder.name)
        return next(answers)

    def unreached(uri):
        raise DannTfbsError("down")

    folders = [tmp_path / name for name in ("a", "b")]
    monkeypatch.setattr(record, "start_study", lambda *args: "parent")
    monkeypatch.setattr(record, "record_outcome", records)
    monkeypatch.setattr(record, "outcome_folders", lambda study: folders)
    monkeypatch.setattr(record, "finish_parent", lambda *args, **kwargs: told.append("end"))
    monkeypatch.setattr(record, "reached", unreached)
    found = StudyRecord(tmp_path, "http://127.0.0.1:9")
    for folder in folders:
        found.add(folder)
    monkeypatch.setattr(record, "reached", lambda uri: None)
    found.finish("FINISHED", {})
    assert told == ["a", "a", "b", "end"]
