"""Which records train, which validate and which test."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.data.intervals import Intervals
from dann_tfbs.data.kmers import canonical_sequence_hash, is_among, mix, sequence_hash
from dann_tfbs.data.near_duplicates import SHARED_K, components, shares_between
from dann_tfbs.data.overlap import rows_by_chromosome
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import Sequences

TRAIN, VALIDATION, TEST, UNUSED = "train", "validation", "test", "unused"
BLOCK = 1_000_000
_LARGE_COMPONENT = 0.2
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50}
_SEX = {"X", "Y", "Z", "W"}


@dataclass(frozen=True)
class Split:
    """The side of each record.

    Attributes
    ----------
    names
        Name of the split of each record, object array of `str`, shape (n,).
    report
        `counts` by split, `warnings` (sentences), and what else the rule has to tell.
    """

    names: NDArray[np.object_]
    report: dict[str, Any]


def chromosome_numbers(names: Iterable[str]) -> dict[str, int | None]:
    """Return the number that each chromosome name denotes, None where it denotes none.

    `chr7`, `7`, the arms `chr2L` and `chr2R`, and unplaced or alternative pieces of a chromosome
    (`chr6_GL000250v2_alt`, which resembles chromosome 6) count as that chromosome. Roman numerals
    are read where no name holds an Arabic number and some name but X is a Roman one, as in yeast.
    """
    names = list(names)
    bare = {name: re.sub(r"^chr", "", name, flags=re.IGNORECASE) for name in names}
    arabic = {name: re.fullmatch(r"(\d{1,3})[LR]?(_.*)?", short) for name, short in bare.items()}
    if any(arabic.values()):
        return {name: int(match[1]) if match else None for name, match in arabic.items()}
    roman = {name: _roman(short) for name, short in bare.items()}
    if set(bare.values()) & {"X"} and sum(map(bool, roman.values())) == 1:
        return dict.fromkeys(names)
    return roman


def _roman(text: str) -> int | None:
    if not re.fullmatch(r"L?X{0,3}(IX|IV|V?I{0,3})", text) or not text:
        return None
    values = [_ROMAN[letter] for letter in text]
    following = [*values[1:], 0]
    return sum(-a if a < b else a for a, b in zip(values, following, strict=True))


def split_by_chromosome(
    intervals: Intervals,
    rule: str | Mapping[str, Sequence[str]] = "ibis",
    validation: float | str | Sequence[str] = (),
    seed: int = 0,
) -> Split:
    """Put whole chromosomes on one side.

    Parameters
    ----------
    intervals
        Coordinates of the n records.
    rule
        `ibis`: chromosomes of odd number train, those of even number test (chr1 … chr22; Roman
        numerals in yeast), sex chromosomes train, others (mitochondrial, unplaced) are unused.
        Or names of chromosomes by split, such as `{"test": ["chr8"]}`: all others train.
    validation
        Chromosomes of the training side that validate instead; or the share, from 0 to 1, of its
        1-Mb blocks (by the middle of an interval) that do: blocks keep neighbours together, and a
        hash of name and number decides, so that adding records moves none.
    seed
        Chooses among the hashes of blocks.

    Returns
    -------
    Split
        Records without coordinates are unused; `chromosomes` in the report names the sides.

    Raises
    ------
    InputError
        If a chromosome stands in two splits, no record lies on those named for a split, or
        `validation` is no share.
    """
    groups = rows_by_chromosome(intervals.chrom)
    stated = {TEST: []} if isinstance(rule, str) else {k: list(v) for k, v in rule.items()}
    if isinstance(rule, str) and rule != "ibis":
        raise InputError(
            f"there is no split rule {rule!r}.",
            remedy="Use 'ibis', or list chromosomes by split.",
        )
    share = validation if isinstance(validation, float | int) else 0.0
    if not 0 <= share < 1:
        raise InputError(
            f"the validation share is {share}.", remedy="Give a share from 0 to below 1."
        )
    if not isinstance(validation, float | int):
        named = [validation] if isinstance(validation, str) else validation
        stated[VALIDATION] = [*stated.get(VALIDATION, []), *named]
    side_of = _sides(groups, stated, by_number=isinstance(rule, str))
    names = np.full(len(intervals), UNUSED, dtype=object)
    for chrom, rows in groups.items():
        side = side_of.get(chrom, UNUSED)
        names[rows] = side
        if side == TRAIN and share:
            middle = (intervals.start[rows] + intervals.end[rows]) // 2
            names[rows[_held_out_blocks(chrom, middle // BLOCK, share, seed)]] = VALIDATION
    return Split(names, {"counts": _counts(names), "warnings": [], "chromosomes": side_of})


def _sides(
    groups: Iterable[str], stated: Mapping[str, Sequence[str]], by_number: bool
) -> dict[str, str]:
    present = [name for name in groups if name]
    side_of: dict[str, str] = {}
    for split, chroms in stated.items():
        if chroms and not set(chroms) & set(present):
            raise InputError(
                f"no record lies on {', '.join(chroms)}, stated as {split}.",
                key=split,
                remedy=f"The records lie on {', '.join(sorted(present)[:8])}.",
            )
        for chrom in chroms:
            if side_of.setdefault(chrom, split) != split:
                raise InputError(
                    f"chromosome {chrom} is stated both as {side_of[chrom]} and {split}.",
                    key=split,
                    remedy="Leave it in one of them.",
                )
    numbers = chromosome_numbers(present)
    for chrom in present:
        number = numbers[chrom]
        if not by_number:
            side = TRAIN
        elif number is not None:
            side = TRAIN if number % 2 else TEST
        else:
            side = TRAIN if chrom.removeprefix("chr") in _SEX else UNUSED
        side_of.setdefault(chrom, side)
    return side_of


def _held_out_blocks(
    chrom: str, blocks: NDArray[np.int64], share: float, seed: int
) -> NDArray[np.bool_]:
    distinct, which = np.unique(blocks, return_inverse=True)
    digests = [
        hashlib.sha256(f"{seed}:{chrom}:{block}".encode()).digest() for block in distinct.tolist()
    ]
    held_out = [int.from_bytes(digest[:8], "big") / 2**64 < share for digest in digests]
    return np.array(held_out, dtype=bool)[which]


def split_by_hash(
    sequences: Sequences, fractions: Mapping[str, float], seed: int, k: int = SHARED_K
) -> Split:
    """Split by a stable hash, with near-duplicates on one side.

    Sequences that share a k-mer on either strand, or equal one another or their reverse complement,
    are linked, and linked ones are linked on: a component. The smallest canonical hash in a
    component decides its side, so that adding sequences moves only those that they link to.
    Sequences shorter than `k` are linked by equality alone (see `near_duplicates.shares_kmer`).

    Parameters
    ----------
    sequences
        n sequences.
    fractions
        Share of each split, summing to 1.
    seed
        Another seed gives another split.
    k
        Length of a shared k-mer in bp.

    Returns
    -------
    Split
        The report holds `components` and `largest_component` (records); it warns where that is
        more than a fifth of all, as happens where repeats chain records together.

    Raises
    ------
    InputError
        If the fractions are negative or do not sum to 1.
    """
    shares = np.array(list(fractions.values()), dtype=np.float64)
    if not len(shares) or (shares < 0).any() or abs(shares.sum() - 1) > 1e-6:
        raise InputError(
            f"the split fractions {dict(fractions)} do not sum to 1.",
            key="fractions",
            remedy="Give shares of zero or more that sum to 1.",
        )
    component = components(sequences, k)
    number = int(component.max(initial=-1)) + 1
    smallest = np.full(number, np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(smallest, component, canonical_sequence_hash(sequences))
    # Hashed again: the smallest of many hashes is small, and would favour the first split.
    salt = mix(np.array([seed % 2**64], dtype=np.uint64))
    position = (mix(smallest ^ salt) >> np.uint64(11)).astype(np.float64) / 2**53
    side = np.searchsorted(np.cumsum(shares)[:-1], position, side="right")
    names = np.array(list(fractions), dtype=object)[side][component]
    largest = int(np.bincount(component).max(initial=0))
    warnings = []
    if largest > _LARGE_COMPONENT * len(sequences) and largest > 1:
        warnings.append(
            f"{largest} of {len(sequences)} sequences are linked by shared {k}-mers and stand on "
            "one side: repeats chain them together, and the split is far from the asked shares."
        )
    report = {
        "counts": _counts(names),
        "warnings": warnings,
        "components": number,
        "largest_component": largest,
    }
    return Split(names, report)


def leakage(
    sequences: Sequences, splits: NDArray[np.object_], k: int = SHARED_K
) -> dict[str, dict[str, int]]:
    """Count the records of one split that are known from another.

    Parameters
    ----------
    sequences
        n sequences.
    splits
        Name of the split of each; `unused` ones are left out.
    k
        Length of a shared k-mer in bp.

    Returns
    -------
    dict
        For each pair of splits, keyed `"<held out> in <training>"` (train before validation before
        test before others): the held-out records that equal a record of the other split (`exact`),
        only its reverse complement (`reverse_complement`), and that share a k-mer with one on
        either strand or equal it (`shared_kmer`).
    """
    kept = splits != UNUSED
    sequences, splits = sequences.take(kept), splits[kept]
    ranks = {TRAIN: 0, VALIDATION: 1, TEST: 2}
    ordered = sorted(set(splits.tolist()), key=lambda name: (ranks.get(name, 3), name))
    number = {name: side for side, name in enumerate(ordered)}
    sides = np.array([number[name] for name in splits.tolist()], dtype=np.int64)
    similar = shares_between(sequences, sides, k)
    result = {}
    for earlier, later in combinations(ordered, 2):
        rows, partners = similar[number[later], number[earlier]]
        asked, known = sequences.take(rows), sequences.take(partners)
        # Equal sequences are similar too, so it is enough to look among these.
        exact = is_among(sequence_hash(asked), sequence_hash(known))
        either = is_among(canonical_sequence_hash(asked), canonical_sequence_hash(known))
        result[f"{later} in {earlier}"] = {
            "exact": int(exact.sum()),
            "reverse_complement": int((either & ~exact).sum()),
            "shared_kmer": len(rows),
        }
    return result


def _counts(names: NDArray[np.object_]) -> dict[str, int]:
    return dict(sorted(Counter(names.tolist()).items()))
