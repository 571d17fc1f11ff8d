"""What is wrong with a submission: every problem with its place, its rule and whose rule it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Origin = Literal["official", "ours"]
Severity = Literal["error", "warning"]

RULES: dict[str, tuple[Origin, Severity]] = {
    # Either format.
    "plain text": ("official", "error"),
    "UTF-8": ("official", "error"),
    "empty file": ("official", "error"),
    "byte order mark": ("ours", "error"),
    "line ends": ("ours", "error"),
    "unknown TF": ("official", "error"),
    "missing TF": ("official", "warning"),
    "too many problems": ("ours", "error"),
    # AAA.
    "tag column": ("official", "error"),
    "TF columns": ("official", "error"),
    "column name": ("ours", "error"),
    "repeated column": ("ours", "error"),
    "too few fields": ("official", "error"),
    "too many fields": ("ours", "error"),
    "empty value": ("official", "error"),
    "number": ("official", "error"),
    "range": ("official", "error"),
    "five digits": ("official", "error"),
    "nodata": ("official", "error"),
    "no complete column": ("official", "error"),
    "NaN": ("ours", "error"),
    "white space": ("ours", "error"),
    "plain decimal": ("ours", "error"),
    "missing tag": ("official", "error"),
    "extra tag": ("official", "error"),
    "repeated tag": ("ours", "error"),
    "no rows": ("ours", "error"),
    "constant column": ("ours", "warning"),
    # PWM.
    "header": ("official", "error"),
    "name": ("official", "error"),
    "empty name": ("ours", "error"),
    "unique name": ("official", "error"),
    "blank line": ("official", "error"),
    "four frequencies": ("official", "error"),
    "frequency": ("ours", "error"),
    "sum": ("official", "error"),
    "length": ("official", "error"),
    "matrices per TF": ("official", "error"),
    "unknown TF of a matrix": ("official", "warning"),
}
"""Each rule: whether the official suite has it, and whether breaking it makes a file unusable."""


@dataclass(frozen=True)
class Problem:
    """One problem.

    Attributes
    ----------
    rule
        A key of `RULES`.
    text
        What is wrong.
    line, column
        1-based line of the file and field of the line; None where the file as a whole is meant.
    """

    rule: str
    text: str
    line: int | None = None
    column: int | None = None

    @property
    def origin(self) -> Origin:
        """Whose rule it is."""
        return RULES[self.rule][0]

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return RULES[self.rule][1]


class Findings:
    """All problems of a file: each rule's first ones in full, the others as a number.

    Parameters
    ----------
    path
        The file.
    most
        Problems of a rule that are kept.

    Attributes
    ----------
    counts
        Problems of each rule, shown or not.
    about
        What the file holds, for the last line.
    """

    def __init__(self, path: Path, most: int = 10) -> None:
        self.path = path
        self.counts: Counter[str] = Counter()
        self.about = ""
        self._most = most
        self._shown: dict[str, list[Problem]] = {}

    def add(self, rule: str, text: str, line: int | None = None, column: int | None = None) -> None:
        """Note a problem."""
        self.counts[rule] += 1
        kept = self._shown.setdefault(rule, [])
        if len(kept) < self._most:
            kept.append(Problem(rule, text, line, column))

    def more(self, rule: str, times: int) -> None:
        """Count further problems of a rule whose first ones were noted."""
        self.counts[rule] += times

    def room(self, rule: str) -> int:
        """Return how many further problems of a rule would be kept in full."""
        return self._most - len(self._shown.get(rule, []))

    @property
    def problems(self) -> list[Problem]:
        """The problems kept, by line; those without a line first."""
        kept = [problem for problems in self._shown.values() for problem in problems]
        return sorted(kept, key=lambda problem: (problem.line or 0, problem.column or 0))

    @property
    def errors(self) -> int:
        """Number of errors."""
        return sum(n for rule, n in self.counts.items() if RULES[rule][1] == "error")

    @property
    def warnings(self) -> int:
        """Number of warnings."""
        return self.counts.total() - self.errors

    @property
    def official_errors(self) -> int:
        """Number of errors for which the official suite would refuse the file."""
        return sum(n for rule, n in self.counts.items() if RULES[rule] == ("official", "error"))

    def lines(self) -> Iterator[str]:
        """Yield what to print: a line for each problem, then the numbers."""
        for problem in self.problems:
            place = ":".join(
                str(part) for part in (self.path, problem.line, problem.column) if part is not None
            )
            mark = f"{problem.severity} [{problem.origin}: {problem.rule}]"
            yield f"{place}: {mark} {problem.text}"
        for rule, kept in self._shown.items():
            if hidden := self.counts[rule] - len(kept):
                origin, severity = RULES[rule]
                yield f"{self.path}: {severity} [{origin}: {rule}] and {hidden} more of this rule"
        yield self.summary()

    def summary(self) -> str:
        """Return the last line: what the file holds and how many problems it has."""
        verdict = "cannot be submitted" if self.errors else "can be submitted"
        if self.errors and not self.official_errors:
            verdict = "breaks rules of ours only"
        return (
            f"{self.path}: {self.about}; {_number(self.errors, 'error')}, "
            f"{_number(self.warnings, 'warning')}: {verdict}"
        )


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
