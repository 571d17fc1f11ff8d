"""Records of candidates as columns of a table and as plain values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from dann_tfbs.training.selection import Record, dev, iwv

Column = tuple[str, Callable[[Record], str]]
ORACLE = "oracle AUROC (reads target labels)"
"""How numbers that were read off labels of the target are named, wherever they are shown."""


def columns(records: Sequence[Record]) -> list[Column]:
    """Return title and text of every column after the name; the text is empty where unrecorded."""
    assays = list(dict.fromkeys(assay for record in records for assay in record.left_out))

    def of_risk(number: Callable[[Record], float], digits: int) -> Callable[[Record], str]:
        return lambda record: "" if record.risk is None else f"{number(record):.{digits}f}"

    def effective(record: Record) -> float:
        return record.risk.effective_size if record.risk else 0.0

    def mean_weight(record: Record) -> float:
        return record.risk.mean_weight if record.risk else 0.0

    def without(assay: str) -> Callable[[Record], str]:
        return lambda record: _text(record.left_out.get(assay))

    return [
        ("source AUROC", lambda record: _text(record.source_auroc)),
        *((f"without {assay}", without(assay)) for assay in assays),
        ("IWV risk", of_risk(iwv, 4)),
        ("DEV risk", of_risk(dev, 4)),
        ("effective size", of_risk(effective, 1)),
        ("mean weight", of_risk(mean_weight, 2)),
        (ORACLE, lambda record: _text(record.oracle)),
    ]


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def plain(record: Record) -> dict[str, Any]:
    """Return what is recorded, ready for JSON."""
    values: dict[str, Any] = {
        "name": record.name,
        "source_auroc": record.source_auroc,
        "left_out": dict(record.left_out),
    }
    if record.risk is not None:
        values["risk"] = asdict(record.risk) | {"effective_size": record.risk.effective_size}
        values |= {"iwv": iwv(record), "dev": dev(record)}
    if record.oracle is not None:
        values[ORACLE] = record.oracle
    return values
