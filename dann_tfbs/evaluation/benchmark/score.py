"""Scores of submissions on benchmarks: every TF × background × metric, entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.answers import official_answers
from dann_tfbs.evaluation.benchmark import scorers
from dann_tfbs.evaluation.benchmark.definition import Dataset, Definition
from dann_tfbs.evaluation.benchmark.matrices import scan_fasta
from dann_tfbs.evaluation.benchmark.scorers import LabelledSet
from dann_tfbs.evaluation.benchmark.submissions import Team, assign, read_table
from dann_tfbs.evaluation.predictions import rows_of_answers

AAA = "AAA"
"""The entry of a team that is a table of scores."""


@dataclass(frozen=True)
class Cell:
    """One number that is compared among teams: benchmark × TF × background × metric."""

    benchmark: str
    tf: str
    background: str
    metric: str


@dataclass(frozen=True)
class Score:
    """The value of one entry of a team.

    Attributes
    ----------
    team, cell
        Whose, and of what.
    entry
        `AAA`, or a matrix's name.
    scoring
        How a matrix was scored, `besthit` or `sumocc`; empty for AAA.
    value
        The metric.
    positives, negatives
        Number of records.
    ranked
        Whether this entry stands for the team: its table of scores, else its best matrix.
    """

    team: str
    cell: Cell
    entry: str
    scoring: str
    value: float
    positives: int
    negatives: int
    ranked: bool = True

    @property
    def oracle(self) -> bool:
        """Whether this entry was chosen by its values on the test itself."""
        return self.ranked and bool(self.scoring)


@dataclass(frozen=True)
class Scores:
    """All that was scored.

    Attributes
    ----------
    teams
        Names, in the order of the command line.
    cells
        All cells of the benchmarks that at least one team has entered for.
    scores
        Values; a team without an entry has none.
    notes
        What a reader must know.
    """

    teams: tuple[str, ...]
    cells: tuple[Cell, ...]
    scores: tuple[Score, ...]
    notes: tuple[str, ...]


def score_teams(
    definitions: Sequence[Definition],
    teams: Sequence[Team],
    progress: Callable[[str], None] = lambda text: None,
) -> Scores:
    """Score teams on benchmarks.

    One table of scores is in memory at a time. Sequences are read only where a matrix needs them.

    Raises
    ------
    InputError
        If a submission or a file of a benchmark cannot be used.
    """
    tables = {team.name: assign(team, definitions) for team in teams}
    cells: list[Cell] = []
    found: list[Score] = []
    notes: list[str] = []
    for definition in definitions:
        here = {
            name: own[definition.label] for name, own in tables.items() if definition.label in own
        }
        scanning = _matrices_of(teams, definition)
        if not here and not scanning:
            notes.append(f"{definition.label}: no submission is about it; it is left out.")
            continue
        bench = _Benchmark(definition, keep_answers=len(here) + bool(scanning) > 1)
        cells += bench.cells()
        notes += bench.notes
        for name, path in here.items():
            progress(f"{definition.label}: {name}")
            found += bench.score_table(name, path)
        for tf, entries in scanning.items():
            progress(f"{definition.label}: matrices of {tf}")
            found += bench.score_matrices(tf, entries)
        notes += bench.notes_on_tables
    known = {tf for definition in definitions for tf in definition.tfs}
    for team in teams:
        strange = sorted({matrix.tf for matrix in team.matrices} - known)
        if strange:
            notes.append(
                f"{team.name}: no benchmark knows the TF {', '.join(strange)} of a matrix."
            )
    if not cells:
        raise InputError(
            "no submission is about any of these benchmarks.",
            remedy="Check the TFs of the submissions and of the benchmarks.",
        )
    names = tuple(team.name for team in teams)
    return Scores(names, tuple(cells), tuple(with_ranked_entries(found)), tuple(notes))


Entries = list[tuple[str, Any]]


def _matrices_of(teams: Sequence[Team], definition: Definition) -> dict[str, Entries]:
    """Return, for each TF of a benchmark, the teams' matrices of it."""
    found: dict[str, Entries] = {}
    for team in teams:
        for matrix in team.matrices:
            if matrix.tf in definition.tfs:
                found.setdefault(matrix.tf, []).append((team.name, matrix))
    return found


class _Benchmark:
    """One benchmark while it is scored.

    Its answers are read once and kept where several submissions need them.
    """

    def __init__(self, definition: Definition, keep_answers: bool) -> None:
        self.definition = definition
        self._keep_answers = keep_answers
        self.notes: list[str] = []
        self.notes_on_tables: list[str] = []
        self._answers: dict[str, tuple[pa.Array, LabelledSet]] = {}
        self._scorers = []
        for scorer in definition.scorers:
            problem = scorers.unsupported(scorer)
            if problem is None:
                self._scorers.append(scorer)
            else:
                self.notes.append(f"{definition.label}: {problem}; it is left out.")
        without = [each.name for each in definition.datasets if each.answers is None]
        if without:
            self.notes.append(f"{definition.label}: no answers for {', '.join(without)}.")
        self.datasets = [each for each in definition.datasets if each.answers is not None]

    def cells(self) -> list[Cell]:
        label = self.definition.label
        return [
            Cell(label, each.tf, each.background, scorer.alias)
            for each in self.datasets
            for scorer in self._scorers
            if scorer.is_for(each.kind_of_negatives)
        ]

    def score_table(self, team: str, path: Path) -> Iterator[Score]:
        table = read_table(path, self.definition)
        notes = [f"column {tf} holds nodata (line {n})" for tf, n in table.incomplete.items()]
        for tf in table.columns:
            problem = table.against_the_rules(tf)
            if problem is not None:
                notes.append(f"column {tf} would be refused officially: {problem}")
        lacking = [tf for tf in self.definition.tfs if tf not in table.columns]
        if lacking:
            notes.append(f"no scores for {', '.join(lacking)}, which count as last")
        self.notes_on_tables += [f"{team}, {self.definition.label}: {note}." for note in notes]
        for dataset in self.datasets:
            if dataset.tf in table.columns:
                tags, answers = self._labelled(dataset)
                rows = rows_of_answers(path, table.tags, tags)
                yield from self._score(
                    dataset, team, AAA, "", table.columns[dataset.tf][rows], answers
                )

    def score_matrices(self, tf: str, entries: Entries) -> Iterator[Score]:
        for dataset in self.datasets:
            if dataset.tf != tf:
                continue
            tags, answers = self._labelled(dataset)
            if dataset.fasta is None or not dataset.fasta.is_file():
                raise InputError(
                    f"the sequences of {dataset.name}, which matrices scan, are not here.",
                    path=dataset.fasta or self.definition.path,
                    remedy="Complete the package, or say with --root where it lies.",
                )
            found = scan_fasta(dataset.fasta, tags, [matrix for _, matrix in entries])
            for (team, matrix), by_scoring in zip(entries, found, strict=True):
                for scoring, scores in by_scoring.items():
                    yield from self._score(dataset, team, matrix.name, scoring, scores, answers)

    def _labelled(self, dataset: Dataset) -> tuple[pa.Array, LabelledSet]:
        found = self._answers.get(dataset.name)
        if found is None:
            found = _read_answers(dataset)
            if self._keep_answers:
                self._answers[dataset.name] = found
        return found

    def _score(
        self,
        dataset: Dataset,
        team: str,
        entry: str,
        scoring: str,
        scores: NDArray[Any],
        answers: LabelledSet,
    ) -> Iterator[Score]:
        asked = [scorer for scorer in self._scorers if scorer.is_for(dataset.kind_of_negatives)]
        try:
            values = scorers.values(asked, scores, answers)
        except InputError as error:
            raise InputError(
                f"{dataset.name} cannot be scored: {error.problem}",
                path=dataset.answers,
                remedy=error.remedy,
            ) from error
        positives = int((answers.labels > 0).sum())
        for metric, value in values.items():
            cell = Cell(self.definition.label, dataset.tf, dataset.background, metric)
            negatives = len(answers.labels) - positives
            yield Score(team, cell, entry, scoring, value, positives, negatives)


def _read_answers(dataset: Dataset) -> tuple[pa.Array, LabelledSet]:
    assert dataset.answers is not None  # others were left out
    if not dataset.answers.is_file():
        raise InputError(
            f"the answers of {dataset.name} are not here.",
            path=dataset.answers,
            remedy="Complete the package, or say with --root where it lies.",
        )
    tags, labels, groups = official_answers(dataset.answers)
    known = any(group is not None for group in groups)
    labelled = LabelledSet(labels.astype(np.int64), groups if known else None)
    return pa.array(tags, pa.string()), labelled


def with_ranked_entries(scores: Sequence[Score]) -> list[Score]:
    """Mark the entry that stands for each team on each benchmark and TF.

    That is its table of scores; without one, the matrix and scoring with the highest mean over
    backgrounds and metrics. The latter is a choice by the test itself, an oracle.
    """
    values: dict[tuple[str, str, str], dict[tuple[str, str], list[float]]] = {}
    for score in scores:
        place = (score.team, score.cell.benchmark, score.cell.tf)
        own = values.setdefault(place, {})
        own.setdefault((score.entry, score.scoring), []).append(score.value)
    best = {
        place: (AAA, "") if (AAA, "") in own else max(own, key=lambda entry: np.mean(own[entry]))
        for place, own in values.items()
    }
    return [
        replace(
            score,
            ranked=best[score.team, score.cell.benchmark, score.cell.tf]
            == (score.entry, score.scoring),
        )
        for score in scores
    ]
