"""Test reads of HT-SELEX and SMiLE-seq: bound reads against unselected and other TFs' reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.data import records
from dann_tfbs.data.kmers import canonical_sequence_hash, distinct, is_among
from dann_tfbs.data.records import NO_CYCLE, Records
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import gc_content
from dann_tfbs.testsets.labelled import Labelled, labelled
from dann_tfbs.testsets.matching import balanced, draw_like, drawn_report


@dataclass(frozen=True)
class ReadFile:
    """The reads of one file.

    Attributes
    ----------
    tf
        Transcription factor; "" for a library of no TF in particular.
    is_input
        Whether it is an unselected library (cycle 0).
    reads
        Their `cycle` and `group` (replicate) are one for all.
    """

    tf: str
    is_input: bool
    reads: Records

    @property
    def cycle(self) -> int:
        """SELEX cycle, `NO_CYCLE` where there is none."""
        return int(self.reads.cycle[0]) if len(self.reads) else NO_CYCLE


def usable_reads(
    files: Sequence[ReadFile], *, one_file_only: bool
) -> tuple[list[ReadFile], dict[str, int]]:
    """Keep the reads that a test may show, each once.

    Parameters
    ----------
    files
        All files of the assay, inputs among them.
    one_file_only
        Drop reads that stand in more than one file, on either strand (HTS).

    Returns
    -------
    tuple
        The files with what is left, in order, and the number dropped by reason: `holds N`, `other
        length` than that of most bound reads, `repeated` in a file, `in several files`.
    """
    length = _usual_length([file for file in files if not file.is_input])
    dropped = dict.fromkeys(("holds N", "other length", "repeated", "in several files"), 0)
    kept, hashes = [], []
    for file in files:
        found = file.reads.sequences
        short = found.lengths != length
        unknown = ~short & (found.inside() & (found.codes == sequence.N)).any(axis=1)
        rows = np.flatnonzero(~short & ~unknown)
        cut = found.take(rows)
        whole = sequence.from_codes(cut.codes[:, :length])
        values = canonical_sequence_hash(whole)
        first = np.sort(np.unique(values, return_index=True)[1])
        dropped["holds N"] += int(unknown.sum())
        dropped["other length"] += int(short.sum())
        dropped["repeated"] += len(rows) - len(first)
        reads = replace(file.reads.take(rows[first]), sequences=whole.take(first))
        kept.append(replace(file, reads=reads))
        hashes.append(values[first])
    if one_file_only:
        shared = _in_several(hashes)
        for number, (file, values) in enumerate(zip(kept, hashes, strict=True)):
            several = is_among(values, shared)
            dropped["in several files"] += int(several.sum())
            kept[number] = replace(file, reads=file.reads.take(~several))
    return kept, dropped


def _usual_length(files: Sequence[ReadFile]) -> int:
    lengths = [file.reads.sequences.lengths for file in files]
    counts = np.bincount(np.concatenate([np.empty(0, dtype=np.int64), *lengths]), minlength=1)
    return int(counts.argmax())


def _in_several(hashes: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    ordered = np.sort(np.concatenate([np.empty(0, dtype=np.uint64), *hashes]))
    return distinct(ordered[1:][ordered[1:] == ordered[:-1]])


def read_parts(
    tf: str,
    files: Sequence[ReadFile],
    ratio: int,
    most: int | None,
    rng: np.random.Generator,
) -> tuple[Labelled, dict[str, Labelled], dict[str, Any]]:
    """Make the test set of one TF.

    Parameters
    ----------
    tf
        Whose test set.
    files
        What `usable_reads` left, of every TF.
    ratio
        Negatives per positive of each background.
    most
        Most positives, shared equally among cycles and, within a cycle, among replicates; none
        takes every read.
    rng
        Source of randomness.

    Returns
    -------
    tuple
        The positives, labelled by cycle (1 without cycles); the negatives by background (one
        without any is left out): `input`, the TF's own unselected library, else those of no TF;
        `aliens`, other TFs' reads, of each cycle in the cycle's own number. Both are GC-matched,
        and hold no positive read of the TF on either strand. Then the report.

    Raises
    ------
    InputError
        If no bound read of the TF is left.
    """
    own = [file for file in files if file.tf == tf and not file.is_input]
    shown = _balanced(own, most, rng)
    if not len(shown):
        raise InputError(
            f"no bound read of {tf} is left for a test.",
            remedy="Look whether its files repeat one another.",
        )
    known = canonical_sequence_hash(sequence.concatenate([f.reads.sequences for f in own]))
    libraries = [file for file in files if file.is_input and file.tf == tf] or [
        file for file in files if file.is_input and not file.tf
    ]
    gc = gc_content(shown.sequences)
    parts, reports = {}, {}
    pools = {"input": [(np.ones(len(shown), dtype=bool), libraries)], "aliens": []}
    for cycle in np.unique(shown.cycle).tolist():
        others = [f for f in files if f.tf not in ("", tf) and not f.is_input and f.cycle == cycle]
        pools["aliens"].append((shown.cycle == cycle, others))
    for background, drawn_from in pools.items():
        found, equal = [], 0
        for rows, pool_files in drawn_from:
            pool = records.concatenate([file.reads for file in pool_files])
            pool, lost = _unlike(pool, known)
            equal += lost
            if len(pool):
                wanted = ratio * int(rows.sum())
                chosen = draw_like(gc_content(pool.sequences), gc[rows], wanted, rng)
                found.append(pool.take(chosen))
        negatives = records.concatenate(found)
        negative_gc = gc_content(negatives.sequences)
        lost_by = {"read of a positive": equal}
        reports[background] = drawn_report(ratio * len(shown), gc, negative_gc, lost_by)
        if len(negatives):
            parts[background] = labelled(negatives.sequences, 0)
    label = np.where(shown.cycle == NO_CYCLE, 1, shown.cycle)
    has_cycles = bool((shown.cycle != NO_CYCLE).any())
    positives = labelled(shown.sequences, label, group=shown.group if has_cycles else None)
    counts = {str(c): int((label == c).sum()) for c in np.unique(label).tolist()}
    report = {
        "positives": {"count": len(shown), "by_label": counts},
        "backgrounds": reports,
    }
    return positives, parts, report


def _balanced(own: Sequence[ReadFile], most: int | None, rng: np.random.Generator) -> Records:
    """Draw the positives: equally many of every cycle, and in it of every file, where they can."""
    cycles = sorted({file.cycle for file in own})
    by_cycle = {cycle: [file.reads for file in own if file.cycle == cycle] for cycle in cycles}
    sizes = [sum(map(len, by_cycle[cycle])) for cycle in cycles]
    quotas = balanced(sizes, sum(sizes) if most is None else most)
    chosen = []
    for cycle, quota in zip(cycles, quotas, strict=True):
        shares = balanced([len(reads) for reads in by_cycle[cycle]], quota)
        for reads, share in zip(by_cycle[cycle], shares, strict=True):
            chosen.append(reads.take(np.sort(rng.permutation(len(reads))[:share])))
    joined = records.concatenate(chosen)
    # Files of one cycle can share reads where that is allowed (SMS): each stands once.
    first = np.unique(canonical_sequence_hash(joined.sequences), return_index=True)[1]
    return joined.take(np.sort(first))


def _unlike(pool: Records, known: NDArray[np.uint64]) -> tuple[Records, int]:
    """Drop reads that are known positives, and repeats; return the rest and the former's number."""
    values = canonical_sequence_hash(pool.sequences)
    first = np.sort(np.unique(values, return_index=True)[1])
    equal = is_among(values[first], known)
    return pool.take(first[~equal]), int(equal.sum())
