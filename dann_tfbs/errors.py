"""Errors that a user can act on: what is wrong, where, and what to do about it."""

from __future__ import annotations

from os import PathLike


class DannTfbsError(Exception):
    """Base of every error that the package raises on purpose.

    Parameters
    ----------
    problem
        One sentence that says what is wrong.
    path
        The file concerned, if any.
    line
        Its 1-based line (or record) number, if known.
    key
        The configuration key or column concerned, if any.
    remedy
        What the user can do about it.
    """

    exit_code = 1

    def __init__(
        self,
        problem: str,
        *,
        path: str | PathLike[str] | None = None,
        line: int | None = None,
        key: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.problem = problem
        self.path = None if path is None else str(path)
        self.line = line
        self.key = key
        self.remedy = remedy
        super().__init__(self._text())

    def _text(self) -> str:
        place = self.path or ""
        if self.line is not None:
            place = f"{place}:{self.line}" if place else f"line {self.line}"
        if self.key is not None:
            place = f"{place} [{self.key}]" if place else self.key
        text = f"{place}: {self.problem}" if place else self.problem
        return f"{text} {self.remedy}" if self.remedy else text


class InputError(DannTfbsError):
    """A file, a setting or a combination of them that cannot be used (exit code 2)."""

    exit_code = 2


class OutputError(DannTfbsError):
    """An output that cannot be written: permissions, a full disk (exit code 1)."""
