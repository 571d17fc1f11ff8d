"""Whatever scores sequences, behind one small contract: trained runs and matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from numpy.typing import NDArray

from dann_tfbs.sequence import Sequences

if TYPE_CHECKING:
    from dann_tfbs.evaluation.matrix_scan import Scoring
    from dann_tfbs.model.scoring import Strands


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
    return Scorer(column, lambda batch: model.predict(batch, cast("Strands | None", strands)))


def matrix_scorer(path: Path, name: str, scoring: Scoring, overhang: bool) -> Scorer:
    """Return the scorer of a matrix of a MEME file, by best hit or summed occupancy.

    Scores are mapped to [0, 1] within the matrix's own range, which keeps their order.
    """
    from dann_tfbs.evaluation.matrix_scan import scan, to_unit_interval
    from dann_tfbs.motifs import get_matrix, read_meme

    matrix = get_matrix(read_meme(path), name)
    column = matrix.tf or name.split(".")[0]
    return Scorer(
        column,
        lambda batch: to_unit_interval(
            scan(batch, matrix, scoring, overhang=overhang), matrix, scoring
        ),
    )
