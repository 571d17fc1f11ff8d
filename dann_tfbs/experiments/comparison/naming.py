"""Names of runs that no study has named: their task, and the variant that sets them apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dann_tfbs.errors import InputError
from dann_tfbs.experiments.comparison.settings_differences import ABSENT, differing, in_words

TASK_KEYS = ("data.tf", "data.source", "data.target")
PLACES = ("data.path", "initial")
"""Where files lie says nothing of what is in them."""


@dataclass(frozen=True)
class Named:
    """Task and variant of a run."""

    task: str
    variant: str


def named(
    settings: Sequence[dict[str, Any]], folders: Sequence[str], by: Sequence[str] = ()
) -> list[Named]:
    """Name runs.

    Parameters
    ----------
    settings
        Of each run, under dotted keys.
    folders
        Name of each run's folder: its variant, where all runs are of one task.
    by
        Dotted keys that make the variants; empty means whatever differs among runs of a task, or
        the mode alone where that is enough.

    Raises
    ------
    InputError
        If no run has a key of `by`.
    """
    for key in by:
        if all(key not in own for own in settings):
            raise InputError(
                "no run has this setting.",
                key=key,
                remedy="Name one such as mode or training.epochs.",
            )
    tasks = [_task(own, by) for own in settings]
    if by:
        return [Named(t, _variant(own, by)) for t, own in zip(tasks, settings, strict=True)]
    if len(set(tasks)) == 1:
        return [Named(t, folder) for t, folder in zip(tasks, folders, strict=True)]
    keys = _telling_apart(settings, tasks)
    return [Named(t, _variant(own, keys)) for t, own in zip(tasks, settings, strict=True)]


def _task(own: dict[str, Any], by: Sequence[str]) -> str:
    """Return TF: source → target; what makes the variants is no part of the task."""
    tf, source, target = (
        "" if key in by else str(own.get(key) or "?").replace("both", "CHS+GHTS")
        for key in TASK_KEYS
    )
    step = " → ".join(part for part in (source, target) if part)
    return ": ".join(part for part in (tf, step) if part)


def _telling_apart(settings: Sequence[dict[str, Any]], tasks: Sequence[str]) -> list[str]:
    """Return the keys that differ among runs of one task, for any task; the mode if it suffices."""
    keys: dict[str, None] = {}
    for task in dict.fromkeys(tasks):
        own = [one for one, of in zip(settings, tasks, strict=True) if of == task]
        keys |= dict.fromkeys(key for key in differing(own) if key not in PLACES)
    pairs = [(task, own.get("mode")) for task, own in zip(tasks, settings, strict=True)]
    if not keys or ("mode" in keys and len(set(pairs)) == len(pairs)):
        return ["mode"]
    return list(keys)


def _variant(own: dict[str, Any], keys: Sequence[str]) -> str:
    parts = []
    for key in keys:
        value = _short(own.get(key, ABSENT))
        parts.append(value if key == "mode" else f"{key.rpartition('.')[2]}={value}")
    return ", ".join(parts)


def _short(value: Any) -> str:
    """Return a value as text; of alignments their kinds and weights."""
    if isinstance(value, list | tuple) and value and all(isinstance(e, dict) for e in value):
        entries = []
        for entry in value:
            kind, weight = str(entry.get("kind", "?")), entry.get("weight")
            entries.append(kind if weight is None else f"{kind} × {weight:g}")
        return " + ".join(entries)
    return "none" if value in ([], (), {}) else in_words(value)
