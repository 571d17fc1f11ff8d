"""Whatever scores sequences, behind one small contract: trained runs and matrices."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.errors import InputError
from dann_tfbs.sequence import Sequences
from dann_tfbs.threads import ordered_map

if TYPE_CHECKING:
    from dann_tfbs.evaluation.matrix_scan import Scoring
    from dann_tfbs.model.scoring import Strands

NAMELESS = "score"
"""Column of a run that names no TF."""


@dataclass(frozen=True)
class Scorer:
    """A function from sequences to scores, with the name of its score column.

    Attributes
    ----------
    column
        Name of the column, usually the TF.
    score
        Sequences to scores, shape (n,), higher for stronger binding. May be called from several
        threads at once.
    """

    column: str
    score: Callable[[Sequences], NDArray[Any]]


def run_scorer(runs: Sequence[Path], strands: str | None, device: str) -> Scorer:
    """Return the scorer of a run or an ensemble; scores lie in (0, 1)."""
    from dann_tfbs.trained import load

    model = load(runs, device, build=True)
    column = model.experiment.data.tf or NAMELESS
    return Scorer(column, lambda batch: model.predict(batch, cast("Strands | None", strands)))


def separate_scorers(runs: Sequence[Path], strands: str | None, device: str) -> list[Scorer]:
    """Return a scorer for each run or folder of seeds, under names that tell them apart.

    A column is named after its TF; columns that share a TF, or have none, after their folders.

    Raises
    ------
    InputError
        If two columns would have one name.
    """
    scorers = [run_scorer([run], strands, device) for run in runs]
    shared = Counter(scorer.column for scorer in scorers)
    named = [
        scorer
        if scorer.column != NAMELESS and shared[scorer.column] == 1
        # As the user wrote it: links are not followed.
        else replace(scorer, column=os.path.basename(os.path.abspath(run)))
        for scorer, run in zip(scorers, runs, strict=True)
    ]
    column, times = Counter(["tag", *(scorer.column for scorer in named)]).most_common(1)[0]
    if times > 1:
        those = [str(run) for run, own in zip(runs, named, strict=True) if own.column == column]
        raise InputError(
            f"the column '{column}' would stand twice in the table ({', '.join(those)}).",
            key="--separate",
            remedy="Rename a folder: runs of one TF are told apart by the names of their folders.",
        )
    return named


def score_table(
    chunks: Iterable[tuple[list[str], Sequences]], scorers: Sequence[Scorer], threads: int
) -> Generator[tuple[list[str], NDArray[Any]], None, None]:
    """Score a stream of sequences with several models, on several threads.

    Parameters
    ----------
    chunks
        Tags and sequences.
    scorers
        One for each column.
    threads
        Number of threads; each scores a chunk with one model at a time.

    Yields
    ------
    tuple of list of str and numpy.ndarray
        The tags and scores of each chunk in the order of the input, shape (n, scorers).
    """
    tasks = ((tags, part, scorer) for tags, part in chunks for scorer in scorers)
    done = ordered_map(lambda task: (task[0], task[2].score(task[1])), tasks, threads)
    with closing(done):
        while columns := list(islice(done, len(scorers))):
            yield columns[0][0], np.column_stack([scores for _, scores in columns])


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let each PyTorch operation run on the thread that calls it, while several threads score."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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
