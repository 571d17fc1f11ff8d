"""Which TFs are simulated: their matrices and their co-factors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from dann_tfbs.errors import InputError
from dann_tfbs.motifs import Matrix, read_meme
from dann_tfbs.simulation.binding import BindingModel
from dann_tfbs.simulation.settings import SimulationSettings

DEFAULT_TFS = ("FOXA1", "CEBPB")
CO_FACTORS = ("NFE2", "ELK1", "EGR2")
LONGEST = 30
"""Matrices must fit into a probe and a read together with some flank."""


def choose_factors(settings: SimulationSettings) -> list[tuple[BindingModel, BindingModel]]:
    """Return a (TF, co-factor) pair for each TF to simulate.

    A matrix stands for the TF that its name begins with, up to the first dot or space; of several
    matrices of a TF the first counts. Co-factors are built in and taken in turn, never the TF's
    own matrix.

    Raises
    ------
    InputError
        If a TF has no matrix, is named twice, or its matrix is longer than 30 columns.
    """
    with resources.as_file(resources.files(__package__) / "motifs.meme") as path:
        built_in = _by_tf(read_meme(path))
    own = built_in if settings.meme is None else _by_tf(read_meme(settings.meme))
    names = settings.tfs or (DEFAULT_TFS if settings.meme is None else tuple(own))
    if len(set(names)) < len(names):
        raise InputError("a TF is named twice.", key="tfs", remedy="Name each TF once.")
    pairs = []
    for turn, name in enumerate(names):
        if name not in own:
            raise InputError(
                f"there is no matrix of '{name}'.",
                path=settings.meme,
                key="tfs",
                remedy=f"Use {', '.join(own)}, or give a MEME file that has it.",
            )
        _check_length(own[name], settings.meme)
        partner = _co_factor(name, turn)
        pairs.append(
            (
                BindingModel(name, own[name].frequencies, settings.min_affinity),
                BindingModel(partner, built_in[partner].frequencies, settings.min_affinity),
            )
        )
    return pairs


def _co_factor(name: str, turn: int) -> str:
    """Return the co-factor of the TF in this place of the list."""
    others = [factor for factor in CO_FACTORS if factor != name]
    return others[turn % len(others)]


def _by_tf(matrices: Sequence[Matrix]) -> dict[str, Matrix]:
    """Return the first matrix of each TF; names become safe to use for folders."""
    found: dict[str, Matrix] = {}
    for matrix in matrices:
        found.setdefault(re.sub(r"[^A-Za-z0-9-]", "-", re.split(r"[. ]", matrix.name)[0]), matrix)
    return found


def _check_length(matrix: Matrix, path: Path | None) -> None:
    if len(matrix) > LONGEST:
        raise InputError(
            f"matrix {matrix.name} has {len(matrix)} columns, more than {LONGEST}.",
            path=path,
            remedy="Trim its uninformative ends.",
        )
