"""The split of every row of a prepared table, as a recipe says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.data import split
from dann_tfbs.data.recipe import SplitSettings
from dann_tfbs.data.records import Records
from dann_tfbs.data.split import Split
from dann_tfbs.errors import InputError

Rule = Literal["chromosome", "hash", "group", "all"]
SPLITS = (split.TRAIN, split.VALIDATION, split.TEST)


def split_rule(settings: SplitSettings, positives: Records) -> Rule:
    """Return the rule in force for an assay with these positives.

    Raises
    ------
    InputError
        If chromosomes are asked for and a positive has no coordinates.
    """
    placed = has_place(positives).all()
    if settings.by == "auto" and not settings.test_chromosomes:
        return "chromosome" if placed else "hash"
    rule: Rule = "chromosome" if settings.by == "auto" else settings.by
    if rule == "chromosome" and not placed:
        raise InputError(
            "positives without coordinates cannot be split by chromosome.",
            key="split.by",
            remedy="Use hash.",
        )
    return rule


def has_place(found: Records) -> NDArray[np.bool_]:
    """Tell which records have coordinates."""
    if found.intervals is None:
        return np.zeros(len(found), dtype=bool)
    return np.asarray(found.intervals.start >= 0)


def in_some_split(settings: SplitSettings, rule: Rule, found: Records) -> NDArray[np.bool_]:
    """Tell which records the rule puts into a split: those on other chromosomes are left out.

    By the IBIS rule these are sequences that are neither numbered nor sex chromosomes, such as the
    mitochondrial one. Records without coordinates are always put somewhere.
    """
    used = np.ones(len(found), dtype=bool)
    if rule == "chromosome" and not settings.test_chromosomes and found.intervals is not None:
        used = split.split_by_chromosome(found.intervals).names != split.UNUSED
    return used | ~has_place(found)


def assign_splits(
    settings: SplitSettings,
    parts: Sequence[tuple[Records, NDArray[np.int8]]],
    seed: int,
) -> list[Split]:
    """Put every record on a side.

    Parameters
    ----------
    settings
        The recipe's.
    parts
        Records and labels (1 bound, 0 unbound) of each assay. Assays that are split by hash are
        split together, so that relatives keep together also across assays.
    seed
        Chooses among the hashes.

    Returns
    -------
    list of Split
        One for each part; the report holds the rule as `by`.

    Raises
    ------
    InputError
        If the settings do not fit the records.
    """
    rules = [split_rule(settings, found.take(labels == 1)) for found, labels in parts]
    hashed = [found for (found, _), rule in zip(parts, rules, strict=True) if rule == "hash"]
    together = iter(_by_hash(settings, hashed, seed))
    sides = []
    for (found, labels), rule in zip(parts, rules, strict=True):
        if rule == "hash":
            side = next(together)
        elif rule == "chromosome":
            side = _by_chromosome(settings, found, labels, seed)
        elif rule == "group":
            side = _by_group(settings, found, labels, seed)
        else:
            side = Split(np.full(len(found), settings.name, dtype=object), {"warnings": []})
        counts = {name: int((side.names == name).sum()) for name in SPLITS}
        sides.append(Split(side.names, side.report | {"by": rule, "counts": counts}))
    return sides


def _by_hash(settings: SplitSettings, parts: Sequence[Records], seed: int) -> list[Split]:
    rest = 1 - settings.test
    shares = (rest * (1 - settings.validation), rest * settings.validation, settings.test)
    joined = sequence.concatenate([part.sequences for part in parts])
    whole = split.split_by_hash(joined, dict(zip(SPLITS, shares, strict=True)), seed)
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    return [Split(names, whole.report) for names in np.split(whole.names, ends[:-1])]


def _by_chromosome(
    settings: SplitSettings, found: Records, labels: NDArray[np.int8], seed: int
) -> Split:
    """Whole chromosomes test; records without coordinates follow the positives' shares."""
    if found.intervals is None:
        raise ValueError("no record has coordinates")
    rule = {split.TEST: settings.test_chromosomes} if settings.test_chromosomes else "ibis"
    sides = split.split_by_chromosome(found.intervals, rule, settings.validation, seed)
    names = sides.names.copy()
    _spread_like_positives(names, ~has_place(found), found, labels, seed)
    return Split(names, sides.report)


def _by_group(
    settings: SplitSettings, found: Records, labels: NDArray[np.int8], seed: int
) -> Split:
    """Whole groups test; the rest trains and validates by hash."""
    groups = sorted(set(found.group[labels == 1]))
    tested = [name for name in groups if name.endswith(settings.test_groups)]
    if not tested or len(tested) == len(groups):
        raise InputError(
            f"{', '.join(settings.test_groups)} name {len(tested)} of {len(groups)} groups.",
            key="split.test_groups",
            remedy=f"Name some, not all, of {', '.join(groups)}.",
        )
    known = np.isin(found.group.astype(str), groups)
    tests = np.isin(found.group.astype(str), tested)
    names = np.full(len(found), split.TEST, dtype=object)
    fractions = {split.TRAIN: 1 - settings.validation, split.VALIDATION: settings.validation}
    rest = split.split_by_hash(found.sequences.take(known & ~tests), fractions, seed)
    names[known & ~tests] = rest.names
    _spread_like_positives(names, ~known, found, labels, seed)
    return Split(names, {"warnings": rest.report["warnings"], "test_groups": tested})


def _spread_like_positives(
    names: NDArray[np.object_],
    rows: NDArray[np.bool_],
    found: Records,
    labels: NDArray[np.int8],
    seed: int,
) -> None:
    """Set the sides of `rows` in `names`, by hash, in the shares that the positives have."""
    positive = names[labels == 1]
    shares = {name: float((positive == name).mean()) for name in SPLITS}
    names[rows] = split.split_by_hash(found.sequences.take(rows), shares, seed).names
