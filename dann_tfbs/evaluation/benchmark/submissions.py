"""Whose entries are scored: teams, and the files that each hands in.

A file begins with `>` where it holds matrices (the IBIS PWM format); any other is a table of scores
(AAA). Which benchmark a table is about is read from its tags.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dann_tfbs.data.readers.opening import first_byte
from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.benchmark.definition import Definition
from dann_tfbs.evaluation.score_table import ScoreTable, column_names, first_tags, read_score_table
from dann_tfbs.evaluation.tags import TagIndex
from dann_tfbs.motifs import Matrix, read_ibis_pwm

_ENDINGS = (".tsv", ".txt", ".pwm", ".csv", ".tsv.gz", ".csv.gz")
_SHOWN = 3


@dataclass(frozen=True)
class Team:
    """One participant, or one run.

    Attributes
    ----------
    name
        What tables and ranks call it.
    tables
        Its tables of scores, not yet read.
    matrices
        Its matrices.
    """

    name: str
    tables: tuple[Path, ...]
    matrices: tuple[Matrix, ...]


def read_teams(arguments: Sequence[str]) -> list[Team]:
    """Turn `PATH` or `NAME=PATH` into teams; a folder is one team with all files in it.

    Raises
    ------
    InputError
        If a path does not exist, a folder holds no entry, a matrix file breaks its format, or two
        teams have one name.
    """
    teams: dict[str, Team] = {}
    for argument in arguments:
        name, path = _named(argument)
        if name in teams:
            raise InputError(
                f"two submissions are called '{name}'.",
                path=path,
                remedy="Write NAME=PATH to name one of them.",
            )
        files = _files(path)
        tables = tuple(file for file in files if first_byte(file) != b">")
        matrices = [each for file in files if file not in tables for each in read_ibis_pwm(file)]
        teams[name] = Team(name, tables, tuple(matrices))
    return list(teams.values())


def _named(argument: str) -> tuple[str, Path]:
    name, mark, rest = argument.partition("=")
    if mark and name and not Path(argument).exists():
        return name, Path(rest)
    path = Path(argument)
    if path.is_dir():
        return path.resolve().name, path
    return next((path.name.removesuffix(x) for x in reversed(_ENDINGS) if path.name.endswith(x)),
                path.stem), path  # fmt: skip


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError("there is no submission here.", path=path, remedy="Check the path.")
    files = [x for x in sorted(path.iterdir()) if x.is_file() and x.name.endswith(_ENDINGS)]
    if not files:
        raise InputError(
            "the folder holds no submission.",
            path=path,
            remedy=f"A folder is one team; put its files ({', '.join(_ENDINGS)}) into it. For a "
            "folder of teams, name each: FOLDER/*.",
        )
    return files


def assign(team: Team, definitions: Sequence[Definition]) -> dict[str, Path]:
    """Return the team's table for each benchmark, by the benchmark's label.

    A table belongs to the benchmark that knows its tags and TFs; where that does not tell, to the
    one whose assay its name holds.

    Raises
    ------
    InputError
        If a table belongs to none or to several, or two tables to one.
    """
    tables: dict[str, Path] = {}
    for path in team.tables:
        label = _benchmark_of(path, definitions).label
        if label in tables:
            raise InputError(
                f"the team '{team.name}' has another table for {label}, {tables[label].name}.",
                path=path,
                remedy="Give one table for each benchmark, or name two teams with NAME=PATH.",
            )
        tables[label] = path
    return tables


def _benchmark_of(path: Path, definitions: Sequence[Definition]) -> Definition:
    if len(definitions) == 1:
        return definitions[0]
    tfs, tags = set(column_names(path)[1:]), first_tags(path)
    fitting = [
        each
        for each in definitions
        if tfs & set(each.tfs)
        and (each.tag_index is None or (each.tag_index.rows_of(tags) >= 0).any())
    ]
    if len(fitting) != 1:
        words = re.split(r"[^A-Z0-9]+", path.name.upper())
        named = [each for each in fitting or definitions if each.kind.upper() in words]
        fitting = named or fitting
    if len(fitting) != 1:
        found = ", ".join(each.label for each in fitting) or "none"
        raise InputError(
            f"the table could not be matched with one benchmark (its tags and TFs fit: {found}).",
            path=path,
            remedy="Name the file after its assay, for example HTS.tsv, choose one --stage, or "
            "score against one benchmark.json.",
        )
    return fitting[0]


def read_table(path: Path, definition: Definition) -> ScoreTable:
    """Read a table for a benchmark, and hold it to the rules that decide what its scores are.

    Raises
    ------
    InputError
        As `read_score_table`; or if a column is a TF that the benchmark lacks, or the tags are not
        exactly those of the benchmark.
    """
    strange = [name for name in column_names(path)[1:] if name not in definition.tfs]
    if strange:
        raise InputError(
            f"the benchmark {definition.label} knows no TF {', '.join(strange)}.",
            path=path,
            line=1,
            key=strange[0],
            remedy=f"Its TFs are {', '.join(definition.tfs)}; leave other columns out.",
        )
    table = read_score_table(path, allow_no_data=True)
    if definition.tag_index is not None and not table.tags.same_tags(definition.tag_index):
        raise _other_tags(path, table.tags, definition.tag_index, definition.label)
    return table


def _other_tags(path: Path, given: TagIndex, wanted: TagIndex, label: str) -> InputError:
    missing, extra = wanted.without(given), given.without(wanted)
    parts = []
    if missing:
        parts.append(f"{len(missing):,} tags are missing ({_some([tag for tag, _ in missing])})")
    if extra:
        places = [f"{tag} on line {row + 2}" for tag, row in extra]
        parts.append(f"{len(extra):,} tags are not in the benchmark ({_some(places)})")
    return InputError(
        f"the tags are not those of {label}: {'; '.join(parts)}.",
        path=path,
        line=extra[0][1] + 2 if extra and not missing else None,
        remedy="Score every record of the benchmark's participants' FASTA, and nothing else.",
    )


def _some(texts: Sequence[str]) -> str:
    return ", ".join(texts[:_SHOWN]) + (", …" if len(texts) > _SHOWN else "")
