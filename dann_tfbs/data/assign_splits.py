"""The split of every row of a prepared table, as a recipe says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.data import split
from dann_tfbs.data.intervals import Intervals
from dann_tfbs.data.recipe import SplitSettings
from dann_tfbs.data.records import Records
from dann_tfbs.errors import InputError


def used_chromosomes(settings: SplitSettings, intervals: Intervals) -> list[str]:
    """Return the chromosomes of positives that land in some split, in order of appearance."""
    if settings.by in ("auto", "chromosome"):
        names = _by_chromosome(settings, intervals, 0).names
        intervals = intervals.take(names != split.UNUSED)
    return list(dict.fromkeys(intervals.chrom.tolist()))


def _by_chromosome(settings: SplitSettings, intervals: Intervals, seed: int) -> split.Split:
    rule = {"test": settings.test_chromosomes} if settings.test_chromosomes else "ibis"
    return split.split_by_chromosome(intervals, rule, settings.validation, seed)


def assign_splits(
    settings: SplitSettings, joined: Records, labels: NDArray[np.int8], seed: int
) -> split.Split:
    """Put every record on a side; records without coordinates follow the positives' shares."""
    n = len(joined)
    by = settings.by
    has_place = np.zeros(n, dtype=bool)
    if joined.intervals is not None:
        has_place = joined.intervals.start >= 0
    if by == "auto":
        by = "chromosome" if has_place[labels == 1].all() else "hash"
    if by == "all":
        names = np.full(n, settings.name, dtype=object)
        return split.Split(names, {"by": by, "counts": {settings.name: n}, "warnings": []})
    if by == "hash":
        fractions = {
            "train": 1 - settings.test - settings.validation * (1 - settings.test),
            "validation": settings.validation * (1 - settings.test),
            "test": settings.test,
        }
        sides = split.split_by_hash(joined.sequences, fractions, seed)
        return split.Split(sides.names, {"by": by} | sides.report)
    if by == "group":
        return _by_group(settings, joined, seed)
    if joined.intervals is None or not has_place[labels == 1].all():
        raise InputError(
            "positives without coordinates cannot be split by chromosome.",
            key="split.by",
            remedy="Use hash.",
        )
    sides = _by_chromosome(settings, joined.intervals, seed)
    names = sides.names.copy()
    if not has_place.all():
        positive = names[(labels == 1) & (names != split.UNUSED)]
        fractions = {
            side: float((positive == side).mean()) for side in ("train", "validation", "test")
        }
        rest = split.split_by_hash(joined.sequences.take(~has_place), fractions, seed)
        names[~has_place] = rest.names
    return split.Split(names, {"by": by} | sides.report)


def _by_group(settings: SplitSettings, joined: Records, seed: int) -> split.Split:
    """Whole replicates test; the rest trains and validates by hash."""
    tests = np.array([name.endswith(settings.test_groups) for name in joined.group], dtype=bool)
    if not tests.any() or tests.all():
        raise InputError(
            f"{', '.join(settings.test_groups)} hold {tests.sum()} of {len(tests)} rows.",
            key="split.test_groups",
            remedy=f"The groups are {', '.join(sorted(set(joined.group)))}.",
        )
    names = np.full(len(joined), "test", dtype=object)
    fractions = {"train": 1 - settings.validation, "validation": settings.validation}
    rest = split.split_by_hash(joined.sequences.take(~tests), fractions, seed)
    names[~tests] = rest.names
    return split.Split(names, {"by": "group"} | rest.report)
