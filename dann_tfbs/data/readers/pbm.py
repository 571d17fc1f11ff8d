"""Protein-binding microarray tables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dann_tfbs.data.readers.encoding import located, text_sequences
from dann_tfbs.data.readers.table import Table, read_table
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import Sequences


@dataclass(frozen=True)
class PbmTable:
    """Spots of one array; row order has no meaning.

    Attributes
    ----------
    id_probe
        Name of each probe ("" where the file names none), object array of `str`, shape (n,).
    sequences
        The variable part of each probe.
    linkers
        The constant part of each probe (length 0 where absent).
    signal, background
        `float64`: mean intensities in the file's own unit, NaN where absent.
    control, flagged
        `bool`: control spots and bad spots.
    lines
        `int64`: 1-based line of each spot in the file.
    """

    id_probe: NDArray[np.object_]
    sequences: Sequences
    linkers: Sequences
    signal: NDArray[np.float64]
    background: NDArray[np.float64]
    control: NDArray[np.bool_]
    flagged: NDArray[np.bool_]
    lines: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.lines)

    def take(self, rows: NDArray[np.generic] | slice) -> PbmTable:
        """Return the given rows (index array, boolean mask or slice)."""
        return PbmTable(
            self.id_probe[rows],
            self.sequences.take(rows),
            self.linkers.take(rows),
            self.signal[rows],
            self.background[rows],
            self.control[rows],
            self.flagged[rows],
            self.lines[rows],
        )

    def for_training(self) -> tuple[PbmTable, dict[str, int]]:
        """Drop the spots that carry no usable measurement.

        Returns
        -------
        tuple of (PbmTable, dict)
            The rest, and the number of spots dropped for each reason: `control spot`, `flagged
            spot`, `no signal`, `empty sequence`; a spot counts for the first that holds.
        """
        reasons = {
            "control spot": self.control,
            "flagged spot": self.flagged,
            "no signal": ~np.isfinite(self.signal),
            "empty sequence": self.sequences.lengths == 0,
        }
        kept = np.ones(len(self), dtype=bool)
        dropped = {}
        for reason, wrong in reasons.items():
            dropped[reason] = int((kept & wrong).sum())
            kept &= ~wrong
        return self.take(kept), dropped


def read_pbm(path: str | os.PathLike[str]) -> PbmTable:
    """Read an array in the IBIS PBM table format, plain or gzip.

    The first line names the columns, in any order. `pbm_sequence` and `mean_signal_intensity` must
    be there; `linker_sequence`, `id_probe`, `control`, `flag` and `mean_background_intensity` may
    miss, others are not read.

    Raises
    ------
    InputError
        If the file cannot be read, lacks a column, or a cell cannot be used; it names the line.
    """
    table = read_table(path, header=True)
    n = len(table)
    place = {name: column for column, name in enumerate(table.header)}
    for name in ("pbm_sequence", "mean_signal_intensity"):
        if name not in place:
            raise InputError(
                f"has no column '{name}'.",
                path=path,
                line=1,
                remedy=f"The first line must name it; it names {', '.join(table.header[:12])}.",
            )

    def flags(name: str) -> NDArray[np.bool_]:
        return table.flags(place[name], name) if name in place else np.zeros(n, dtype=bool)

    def numbers(name: str) -> NDArray[np.float64]:
        return table.numbers(place[name], name) if name in place else np.full(n, np.nan)

    def texts(name: str) -> pa.Array:
        return table.columns[place[name]] if name in place else pa.repeat("", n)

    return PbmTable(
        id_probe=texts("id_probe").to_numpy(zero_copy_only=False),
        sequences=_encoded(table, texts("pbm_sequence")),
        linkers=_encoded(table, texts("linker_sequence")),
        signal=numbers("mean_signal_intensity"),
        background=numbers("mean_background_intensity"),
        control=flags("control"),
        flagged=flags("flag"),
        lines=table.lines,
    )


def _encoded(table: Table, texts: pa.Array) -> Sequences:
    try:
        return text_sequences(texts)
    except InputError as error:
        raise located(error, path=table.path, lines=table.lines) from None


def preprocessing(path: str | os.PathLike[str]) -> str:
    """Return how the signal of an array was prepared: the part of its name before the first `_`.

    IBIS has `QNZS` (quantile-normalised z-scores) and `SD` (spatially detrended signal); raw
    intensities are `RAW` by this project's convention. A name without `_` gives "".
    """
    prefix, underscore, _ = Path(path).name.partition("_")
    return prefix.upper() if underscore else ""
