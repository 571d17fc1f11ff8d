"""The domains of an audit: samples of a prepared table, assay by assay, and of unlabelled files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.assays import ASSAYS
from dann_tfbs.data.scoring_input import read_scoring_input
from dann_tfbs.data.table import TARGET, read_table, table_sequences
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import Sequences
from dann_tfbs.streams import stream

UNLABELLED = " unlabelled"
"""Follows the name of an assay whose labelled sequences are a domain too."""

_COLUMNS = ["sequence", "label", "tf", "assay", "split"]
_SPLITS = ["train", "validation", TARGET]  # never test


@dataclass(frozen=True)
class Domain:
    """Sequences of one assay.

    Attributes
    ----------
    sequences
        n sequences.
    labels
        1 bound, 0 unbound, −1 unlabelled; `int8`, shape (n,).
    """

    sequences: Sequences
    labels: NDArray[np.int8]

    def take(self, rows: NDArray[np.generic]) -> Domain:
        """Return the given rows (indices or a mask)."""
        return Domain(self.sequences.take(rows), self.labels[rows])


def read_domains(
    data: Path | None,
    unlabelled: Iterable[tuple[str, Path]],
    *,
    tf: str | None = None,
    most: int = 2000,
    length: int | None = None,
    seed: int = 0,
) -> dict[str, Domain]:
    """Draw a sample of each domain.

    Parameters
    ----------
    data
        Prepared table. Rows of its test split are never used, and those of the split `target` are
        unlabelled whatever they hold.
    unlabelled
        Assay (any name) and file of unlabelled sequences, see
        `dann_tfbs.data.scoring_input.read_scoring_input`; files of one name are one domain.
    tf
        TF of the table to use; needed where it holds several.
    most
        Sequences of a domain, drawn at random where there are more. Each domain draws from a
        stream of its own, so another domain beside it changes nothing.
    length
        Cut every sequence to its middle so many bp; None leaves them whole.
    seed
        Of the draws.

    Returns
    -------
    dict
        By assay. Unlabelled sequences of an assay that has labelled ones as well are a domain of
        their own, `<assay> unlabelled`: they may hold another share of bound ones.

    Raises
    ------
    InputError
        If the table or a file cannot be read, a sequence has no bases, or the TF is not clear.
    """
    found = {} if data is None else _of_table(data, tf, most, seed)
    pools: dict[str, list[Path]] = {}
    for name, path in unlabelled:
        labelled = name in found and (found[name].labels >= 0).any()
        pools.setdefault(name + UNLABELLED if labelled else name, []).append(path)
    for name, paths in pools.items():
        if name in found:
            raise InputError(
                f"the table holds unlabelled sequences of {name.removesuffix(UNLABELLED)} as well.",
                path=paths[0],
                key="--unlabelled",
                remedy="Give the file another name than that of the assay.",
            )
        sequences = _sample_of_files(paths, most, stream(seed, "audit", name))
        found[name] = Domain(sequences, np.full(len(sequences), -1, dtype=np.int8))
    if length is None:
        return found
    return {
        name: Domain(sequence.centre_crop(domain.sequences, length), domain.labels)
        for name, domain in found.items()
    }


def read_pool(path: Path, most: int, seed: int) -> Sequences:
    """Read unlabelled sequences, or a sample without replacement of many, in the file's order.

    The first rows would not do: arrays are often sorted by intensity.

    Raises
    ------
    InputError
        If the file cannot be read, holds no sequences or one without bases.
    """
    pool = read_domains(None, [("pool", path)], most=most, seed=seed)["pool"].sequences
    if not len(pool):
        raise InputError(
            "holds no sequences.", path=path, remedy="Give unlabelled ones of the target."
        )
    return pool


def _of_table(path: Path, tf: str | None, most: int, seed: int) -> dict[str, Domain]:
    table = read_table(path, _COLUMNS)
    table = _of_tf(table.filter(pc.is_in(table["split"], pa.array(_SPLITS))), tf, path)
    found = {}
    for assay in sorted(pc.unique(table["assay"]).to_pylist(), key=_place):
        rows = table.filter(pc.equal(table["assay"], assay))
        labels = rows["label"].fill_null(-1).to_numpy().clip(-1, 1).astype(np.int8)
        labels[pc.equal(rows["split"], TARGET).to_numpy().astype(bool)] = -1
        parts = {assay: labels >= 0, assay + UNLABELLED: labels < 0}
        parts = {name: mask for name, mask in parts.items() if mask.any()}
        for name, mask in parts.items():
            alone = name if len(parts) > 1 else assay
            drawn = _drawn(np.flatnonzero(mask), most, stream(seed, "audit", alone))
            found[alone] = Domain(
                _with_bases(table_sequences(rows.take(drawn)), path), labels[drawn]
            )
    return found


def _place(assay: str) -> tuple[int, str]:
    known = list(ASSAYS)
    return (known.index(assay) if assay in known else len(known), assay)


def _of_tf(table: pa.Table, tf: str | None, path: Path) -> pa.Table:
    known = sorted(pc.unique(table["tf"]).to_pylist())
    if tf is None and len(known) > 1:
        raise InputError(
            f"the table holds several TFs ({', '.join(known)}).",
            path=path,
            key="--tf",
            remedy="Name one.",
        )
    if tf is not None and tf not in known:
        raise InputError(
            f"the table holds no training rows of '{tf}'.",
            path=path,
            key="--tf",
            remedy=f"It holds {', '.join(known) or 'none at all'}.",
        )
    return table if tf is None else table.filter(pc.equal(table["tf"], tf))


def _drawn(rows: NDArray[np.int64], most: int, generator: np.random.Generator) -> NDArray[np.int64]:
    if len(rows) <= most:
        return rows
    return np.sort(generator.choice(rows, most, replace=False))


def _sample_of_files(paths: list[Path], most: int, generator: np.random.Generator) -> Sequences:
    """Draw from files of any size while holding little more than the sample."""
    kept, marks = sequence.concatenate([]), np.empty(0)
    for chunk in _chunks(paths):
        # The sequences with the smallest of random marks are a sample without replacement.
        marks = np.concatenate([marks, generator.random(len(chunk))])
        joined = sequence.concatenate([kept, chunk])
        rows = np.sort(np.argsort(marks, kind="stable")[:most])
        kept, marks = joined.take(rows), marks[rows]
    return kept


def _chunks(paths: list[Path]) -> Iterator[Sequences]:
    for path in paths:
        for _, chunk in read_scoring_input(path):
            yield _with_bases(chunk, path)


def _with_bases(sequences: Sequences, path: Path) -> Sequences:
    if (sequences.lengths == 0).any():
        raise InputError("holds a sequence without bases.", path=path, remedy="Remove it.")
    return sequences
