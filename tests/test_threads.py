"""Work shared among threads."""

import os
import threading

import pytest

from dann_tfbs.threads import available_cores, ordered_map


def test_results_keep_the_order_of_the_items_whichever_is_ready_first():
    last_done = threading.Event()

    def work(item):
        if item == 0:
            assert last_done.wait(10)
        if item == 2:
            last_done.set()
        return item * item

    assert list(ordered_map(work, range(3), 2)) == [0, 1, 4]


def test_threads_work_at_the_same_time():
    meeting = threading.Barrier(3, timeout=10)
    assert sorted(ordered_map(lambda _: meeting.wait(), range(3), 3)) == [0, 1, 2]


@pytest.mark.parametrize("threads", [1, 3])
def test_at_most_two_items_a_thread_are_drawn_ahead(threads):
    drawn = []

    def items():
        for item in range(50):
            drawn.append(item)
            yield item

    results = ordered_map(lambda item: item, items(), threads)
    assert drawn == []
    for number, result in enumerate(results):
        assert result == number
        assert len(drawn) <= number + 2 * threads
    assert len(drawn) == 50


def test_an_error_stands_in_the_place_of_its_result():
    def work(item):
        if item == 3:
            raise ValueError("the third")
        return item

    results = ordered_map(work, range(100), 2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="the third"):
        next(results)


def test_an_error_of_the_items_comes_after_the_results_before_it():
    def items():
        yield 1
        yield 2
        raise ValueError("line 3")

    results = ordered_map(lambda item: item, items(), 4)
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(ValueError, match="line 3"):
        next(results)


def test_an_earlier_error_of_the_function_wins_over_a_later_one_of_the_items():
    def items():
        yield 1
        raise ValueError("later")

    def fail(item):
        raise KeyError("earlier")

    with pytest.raises(KeyError, match="earlier"):
        list(ordered_map(fail, items(), 4))


def test_whoever_stops_early_leaves_no_thread_and_begins_nothing_more():
    begun, going = [], threading.Event()

    def work(item):
        begun.append(item)
        if item:
            going.wait(10)
        return item

    results = ordered_map(work, range(100), 2)
    assert next(results) == 0
    # Items 1 and 2 hold both threads, item 3 waits for one.
    threading.Timer(0.05, going.set).start()
    results.close()
    assert set(begun) <= {0, 1, 2}
    assert not [t for t in threading.enumerate() if t.name.startswith("ThreadPoolExecutor")]


def test_no_items_give_no_results():
    assert list(ordered_map(len, [], 2)) == []


def test_the_cores_are_those_of_this_process():
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
