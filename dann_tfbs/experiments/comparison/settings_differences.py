"""Which settings tell variants apart, by dotted keys."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dann_tfbs.experiments.comparison.study import Study

UNREAD = ("name", "seed", "seeds", "device")
"""Keys that make no variant."""
ABSENT = "(not set)"
VARIES = "(depends on the task)"


@dataclass(frozen=True)
class Change:
    """A setting of a variant that the reference has otherwise."""

    variant: str
    key: str
    reference: str
    value: str


def changes(study: Study) -> list[Change]:
    """Return every setting in which a variant differs from the reference on the same task."""
    settings: dict[str, dict[str, dict[str, Any]]] = {}
    for one in study.outcomes:
        settings.setdefault(one.variant, {}).setdefault(one.task, one.settings)
    base = settings.get(study.reference, {})
    found = []
    for variant, by_task in settings.items():
        shared = [task for task in by_task if task in base and variant != study.reference]
        keys = {key: None for task in shared for key in differing([base[task], by_task[task]])}
        for key in keys:
            before, after = (
                [by[task].get(key, ABSENT) for task in shared] for by in (base, by_task)
            )
            found.append(Change(variant, key, _common(before), _common(after)))
    return found


def differing(many: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the keys whose values are not the same everywhere, in their order."""
    settings = list(many)
    keys = dict.fromkeys(key for one in settings for key in one if key not in UNREAD)
    return [key for key in keys if len({in_words(one.get(key, ABSENT)) for one in settings}) > 1]


def in_words(value: Any) -> str:
    """Return a value of a setting as short text."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _common(values: list[Any]) -> str:
    words = {in_words(value) for value in values}
    return words.pop() if len(words) == 1 else VARIES
