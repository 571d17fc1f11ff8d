"""Work shared among threads, with results in order and little in memory at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Generator[Result, None, None]:
    """Apply a function to items on several threads, and yield the results in the items' order.

    The function should spend its time without Python's lock, as NumPy and PyTorch do. Items are
    drawn and results handed out on the caller's thread; at most two items a thread are drawn
    ahead of the result that is waited for.

    Parameters
    ----------
    function
        Safe to call from several threads at once.
    items
        Drawn one by one.
    threads
        At least 1.

    Yields
    ------
    Result
        One for each item. An error of the items or of the function is raised where its result
        would stand, after the results before it.
    """
    drawn = iter(items)
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        failure: Exception | None = None
        ended = False
        while waiting or not ended:
            while not ended and len(waiting) < 2 * threads:
                try:
                    item = next(drawn)
                except StopIteration:
                    ended = True
                except Exception as error:
                    failure, ended = error, True
                else:
                    waiting.append(pool.submit(function, item))
            if waiting:
                yield waiting.popleft().result()
        if failure is not None:
            raise failure
    finally:
        # Also where the caller stops early: what has not begun never begins.
        pool.shutdown(cancel_futures=True)
