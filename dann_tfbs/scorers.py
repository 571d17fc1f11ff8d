"""Whatever scores sequences, behind one small contract: trained runs and matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from numpy.typing import NDArray

from dann_tfbs.model.scoring import Strands
from dann_tfbs.sequence import Sequences


@dataclass(frozen=True)
class Scorer:
    """A function from sequences to scores, with the name of its score column.

    Attributes
    ----------
    column
        Name of the column, usually the TF.
    score
        Sequences to scores, shape (n,), higher for stronger binding.
    """

    column: str
    score: Callable[[Sequences], NDArray[Any]]


def run_scorer(runs: Sequence[Path], strands: str | None, device: str) -> Scorer:
    """Return the scorer of a run or an ensemble; scores lie in (0, 1)."""
    from dann_tfbs.trained import load

    model = load(runs, device)
    column = model.experiment.data.tf or "score"
    return Scorer(column, lambda batch: model.predict(batch, cast(Strands | None, strands)))


def matrix_scorer(meme: Path, name: str, scan: str) -> Scorer:
    """Return the scorer of a matrix: `best-hit` or `occupancy`, over both strands.

    Scores are the official scanner's own (integer best hit; summed occupancy), not mapped to
    [0, 1].
    """
    from dann_tfbs.evaluation.matrix_scan import best_hit, sum_occupancy
    from dann_tfbs.motifs import get_matrix, read_meme

    matrix = get_matrix(read_meme(meme), name)
    if scan == "best-hit":
        return Scorer(name.split(".")[0], lambda batch: best_hit(batch, matrix))
    return Scorer(name.split(".")[0], lambda batch: sum_occupancy(batch, matrix))
