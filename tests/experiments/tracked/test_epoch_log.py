import json

from dann_tfbs.experiments.tracked.epoch_log import EpochLog, Point, read_epochs


def test_a_diary_is_read_back_with_its_times(tmp_path):
    folder = tmp_path / "run"
    assert read_epochs(folder) == []
    log = EpochLog(folder)
    told = log.add(1, {"train/loss": 0.5}, {"system/x": 3.0})
    told += log.add(2, {"train/loss": float("nan")}, {"system/x": 4.0})
    found = read_epochs(folder)
    assert [(p.name, p.step) for p in found] == [(p.name, p.step) for p in told]
    assert found[:2] == told[:2]
    times = [json.loads(line)["time"] for line in (folder / "epochs.jsonl").open()]
    assert [p.time for p in found] == [times[0], times[0], times[1], times[1]]


def test_epochs_of_all_candidates_are_counted_on_for_the_machine(tmp_path):
    log = EpochLog(tmp_path)
    for source in ("CHS", "GHTS"):
        for epoch in (1, 2):
            log.add(epoch, {f"with {source}/train/loss": 1.0}, {"system/x": 1.0})
    # After an interruption another process goes on.
    assert [p.step for p in EpochLog(tmp_path).add(3, {"a": 1.0}, {"b": 1.0})] == [3, 5]


def test_a_line_that_an_interruption_cut_costs_no_other(tmp_path):
    EpochLog(tmp_path).add(1, {"a": 1.0}, {})
    with (tmp_path / "epochs.jsonl").open("a") as handle:
        handle.write('{"time": 1, "epo')
    EpochLog(tmp_path).add(2, {"a": 2.0}, {})
    assert [(p.name, p.value, p.step) for p in read_epochs(tmp_path)] == [("a", 1, 1), ("a", 2, 2)]
    assert isinstance(read_epochs(tmp_path)[0], Point)
