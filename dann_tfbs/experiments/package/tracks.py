"""The tracks of the IBIS challenge, and the TFs that each of its stages names."""

from __future__ import annotations

from typing import Literal, get_args

from dann_tfbs.assays import ASSAYS

Track = Literal["G2A", "A2G"]
Stage = Literal["Leaderboard", "Final"]

TRACKS: tuple[str, ...] = get_args(Track)
STAGES: tuple[str, ...] = get_args(Stage)

OFFICIAL_TFS: dict[tuple[str, str], tuple[str, ...]] = {
    ("G2A", "Leaderboard"): ("PRDM5", "SP140", "ZNF362", "ZNF407", "GABPA"),
    ("A2G", "Leaderboard"): ("NACC2", "TIGD3", "RORB", "LEF1", "NFKB1"),
    ("G2A", "Final"): (
        "USF3", "ZBED2", "MYF6", "SALL3", "CAMTA1", "ZNF367", "ZNF648", "ZNF518B", "ZBED5",
        "ZNF251", "ZNF493", "ZNF20", "LEUTX", "PRDM13", "ZNF395",
    ),
    ("A2G", "Final"): (
        "GCM1", "MKX", "MSANTD1", "TPRX1", "ZFTA", "MYPOP", "CREB3L3", "FIZ1", "ZNF500", "ZNF780B",
        "ZNF831", "ZNF286B", "ZBTB47", "ZNF721", "SP140L",
    ),
}  # fmt: skip
"""TFs by track and stage. Other names are remarked upon, and used."""


def source_assays_of(track: Track) -> tuple[str, ...]:
    """Return the assays that a track trains on."""
    return _of_kind("genomic" if track == "G2A" else "artificial")


def target_assays_of(track: Track) -> tuple[str, ...]:
    """Return the assays that a track predicts."""
    return _of_kind("artificial" if track == "G2A" else "genomic")


def _of_kind(kind: str) -> tuple[str, ...]:
    return tuple(code for code, assay in ASSAYS.items() if assay.kind == kind)
