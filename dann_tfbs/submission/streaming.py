"""Scoring whole files: a chunk at a time, written as it goes, continued after an interruption."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, nullcontext
from pathlib import Path

from dann_tfbs.continued import Question
from dann_tfbs.data.scoring_input import Chunk
from dann_tfbs.predictions import Scores, continue_predictions
from dann_tfbs.scorers import Scorer, one_torch_thread, score_table


def score_file(
    out: Path,
    columns: Sequence[str],
    question: Question,
    chunks: Callable[[], Iterable[Chunk]],
    scorers: Sequence[Scorer],
    threads: int,
    say: Callable[[str], None],
    *,
    torch: bool = True,
) -> int:
    """Score a stream of sequences into a table; a few chunks are in memory at a time.

    Parameters
    ----------
    out
        `.tsv` or `.csv`, with or without `.gz`.
    columns
        Names of the score columns, one for each scorer.
    question
        What the table depends on (`dann_tfbs.submission.question`). What an interrupted call with
        the same question wrote is kept, and those sequences are not scored again.
    chunks
        Reads the sequences from the start; always the same chunks.
    scorers
        Models, side by side.
    threads
        Threads that score.
    say
        Takes a line for the user about what is continued.
    torch
        Whether a scorer uses PyTorch.

    Returns
    -------
    int
        Number of rows of the table.
    """
    with ExitStack() as stack:

        def scores_after(records: int) -> Iterable[Scores]:
            stack.enter_context(one_torch_thread() if torch else nullcontext())
            rest = _without_first(chunks(), records)
            return stack.enter_context(closing(score_table(rest, scorers, threads)))

        return continue_predictions(out, columns, question, scores_after, say)


def _without_first(chunks: Iterable[Chunk], records: int) -> Iterator[Chunk]:
    """Leave out so many sequences; tables are written by whole chunks, so chunks fall whole."""
    for tags, sequences in chunks:
        if records >= len(tags):
            records -= len(tags)
            continue
        yield tags[records:], sequences.take(slice(records, None))
        records = 0
