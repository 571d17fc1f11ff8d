"""Test probes of microarrays: bound ones against GC-matched ones that are bound by no rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.sequence import Sequences, gc_content
from dann_tfbs.testsets.labelled import Labelled, labelled, numbered
from dann_tfbs.testsets.matching import draw_like, drawn_report


@dataclass(frozen=True)
class Array:
    """One array of one TF.

    Attributes
    ----------
    tf, background
        Transcription factor, and what its test set is called: `QNZS`, `SD` or the array's name.
    names
        Name of each probe, object array of `str`, shape (n,): its tag.
    probes, linkers
        The variable and the constant part.
    spots
        `id_spot=…;row=…;col=…` of each probe, or "".
    bound, measured
        `bool`, shape (n,): bound by the array's rule; whether there is a signal at all.
    """

    tf: str
    background: str
    names: NDArray[np.object_]
    probes: Sequences
    linkers: Sequences
    spots: NDArray[np.object_]
    bound: NDArray[np.bool_]
    measured: NDArray[np.bool_]


def agree(arrays: Sequence[Array]) -> bool:
    """Tell whether a name stands for the same probe in all arrays."""
    known: dict[str, str] = {}
    return all(
        known.setdefault(name, text) == text
        for array in arrays
        for name, text in zip(array.names, _texts(array), strict=True)
    )


def renamed(arrays: Sequence[Array]) -> list[Array]:
    """Name every different probe of some arrays `PROBE000001` and so on, by its letters."""
    whole = [sequence.encode(_texts(array)) for array in arrays]
    _, number = numbered(sequence.concatenate(whole))
    names = np.array([f"PROBE{value + 1:06d}" for value in number.tolist()], dtype=object)
    ends = np.cumsum([len(array.names) for array in arrays])
    nowhere = [np.full(len(array.names), "", dtype=object) for array in arrays]
    return [
        replace(array, names=own, spots=spots)
        for array, own, spots in zip(arrays, np.split(names, ends[:-1]), nowhere, strict=True)
    ]


def probe_rows(arrays: Sequence[Array]) -> Labelled:
    """Return every probe once: the rows of the participants' FASTA, linker first.

    Names must agree (see `agree`).
    """
    rows: dict[str, tuple[str, str]] = {}
    for array in arrays:
        for name, text, spot, linker in zip(
            array.names, _texts(array), array.spots, sequence.decode(array.linkers), strict=True
        ):
            if name not in rows:
                header = ";".join(part for part in (spot, f"linker={linker}") if part)
                rows[name] = (text, f"{name} {header}")
    heads = [header for _, header in rows.values()]
    return labelled(sequence.encode([text for text, _ in rows.values()]), 0, header=heads)


def _texts(array: Array) -> list[str]:
    linkers, probes = sequence.decode(array.linkers), sequence.decode(array.probes)
    return [linker + probe for linker, probe in zip(linkers, probes, strict=True)]


def probe_parts(
    arrays: Sequence[Array],
    rows: Labelled,
    ratio: int,
    rng: np.random.Generator,
) -> tuple[dict[str, Labelled], dict[str, Any]]:
    """Make the test sets of one TF.

    Parameters
    ----------
    arrays
        All of one TF.
    rows
        What `probe_rows` returned.
    ratio
        Negatives per positive.
    rng
        Source of randomness.

    Returns
    -------
    tuple
        By background: bound probes (label 1) and GC-matched ones that no array of the TF has bound
        (label 0); a background without bound probes is left out. Then the report of each. A probe
        of several spots is bound if one of them is.
    """
    number = {head.split(" ", 1)[0]: row for row, head in enumerate(rows.header)}
    index = [np.array([number[name] for name in array.names], dtype=np.int64) for array in arrays]
    ever = np.zeros(len(rows), dtype=bool)
    for array, place in zip(arrays, index, strict=True):
        ever[place[array.bound]] = True
    parts: dict[str, Labelled] = {}
    reports: dict[str, Any] = {}
    for array, place in zip(arrays, index, strict=True):
        gc = np.full(len(rows), np.nan)
        gc[place] = gc_content(array.probes)
        bound = np.unique(place[array.bound])
        if not len(bound):
            reports[array.background] = {"positives": {"count": 0}, "backgrounds": {}}
            continue
        unbound = np.unique(place[array.measured])
        unbound = unbound[~ever[unbound]]
        grey = len(np.unique(place[array.measured])) - len(unbound) - len(bound)
        drawn = unbound[draw_like(gc[unbound], gc[bound], ratio * len(bound), rng)]
        chosen = np.concatenate([drawn, bound])
        label = np.repeat([0, 1], [len(drawn), len(bound)])
        parts[array.background] = labelled(
            rows.sequences.take(chosen), label, header=rows.header[chosen].tolist()
        )
        lost = {"bound by another rule": grey}
        drawn_from = drawn_report(ratio * len(bound), gc[bound], gc[drawn], lost)
        reports[array.background] = {
            "positives": {"count": len(bound)},
            "backgrounds": {array.background: drawn_from},
        }
    return parts, reports
