"""Settings as typed, immutable data: unknown keys are refused; YAML and dotted keys in and out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from dann_tfbs.errors import InputError

Settings = TypeVar("Settings", bound="StrictSettings")


class StrictSettings(BaseModel):
    """Base of all settings: immutable, every key known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def validated(kind: type[Settings], values: Mapping[str, Any], origin: str) -> Settings:
    """Turn nested values into settings.

    Parameters
    ----------
    kind
        The settings class.
    values
        Nested mapping of keys to values.
    origin
        Where the values come from (a file name), for the error message.

    Raises
    ------
    InputError
        Naming the first offending key, what is wrong with it and the keys that exist.
    """
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        key = _dotted(kind, first["loc"]) or None
        if first["type"] == "extra_forbidden":
            known = ", ".join(_known_keys(kind, first["loc"][:-1]))
            raise InputError(
                "there is no such key.", path=origin, key=key, remedy=f"Known keys: {known}."
            ) from error
        message = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{message}.", path=origin, key=key) from error


def _dotted(kind: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """Return the dotted key of an error; what follows a plain key names a type, not a key."""
    parts: list[str] = []
    inner: Any = kind
    for part in location:
        inside = _below(inner, part)
        if inside is None:
            break
        parts.append(str(part))
        inner = inside
    return ".".join(parts)


def _known_keys(kind: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    inner: Any = kind
    for part in location:
        inner = _below(inner, part)
    return sorted(inner.model_fields)


def _below(annotation: Any, key: int | str) -> Any:
    """Return the type of what stands under a key; None where a type has no keys."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(key))
        return annotation if field is None else field.annotation
    if get_origin(annotation) is dict:
        return get_args(annotation)[1]
    return None


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises
    ------
    InputError
        If the file is missing, is not YAML, or holds something else than a mapping.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror}).", path=path) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        raise InputError(
            f"is not valid YAML ({getattr(error, 'problem', error)}).",
            path=path,
            line=None if mark is None else mark.line + 1,
        ) from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise InputError("must hold keys with values.", path=path)
    return values


def read_json(kind: type[Settings], path: Path) -> Settings:
    """Read settings that were written as JSON.

    Raises
    ------
    InputError
        If the file is missing, is no JSON object, or holds something else than these settings.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror}).", path=path) from error
    except ValueError as error:
        raise InputError(f"is not valid JSON ({error}).", path=path) from error
    if not isinstance(values, dict):
        raise InputError("must hold keys with values.", path=path)
    return validated(kind, values, str(path))


def with_overrides(values: Mapping[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """Return nested values with `key.inner=value` settings applied; values are read as YAML.

    Raises
    ------
    InputError
        If a setting has no `=`, is no YAML, or goes below a key that holds a plain value.
    """
    settings: dict[str, Any] = {}
    for override in overrides:
        key, separator, text = override.partition("=")
        if not separator:
            raise InputError(f"'{override}' has no '='.", key="--set", remedy="Write key=value.")
        try:
            settings[key.strip()] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise InputError(f"'{text}' is not valid YAML.", key=key) from error
    return with_values(values, settings)


def with_values(values: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested values with the settings of dotted keys applied.

    Raises
    ------
    InputError
        If a key goes below one that holds a plain value.
    """
    result = _copied(values)
    for key, value in settings.items():
        *parents, last = key.split(".")
        place = result
        for parent in parents:
            inner = place.setdefault(parent, {})
            if not isinstance(inner, dict):
                raise InputError(f"'{parent}' holds a plain value, not keys.", key=key)
            place = inner
        place[last] = value
    return result


def _copied(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _copied(v) if isinstance(v, Mapping) else v for k, v in values.items()}


def as_plain(settings: BaseModel) -> dict[str, Any]:
    """Return settings as nested plain values, ready for YAML or JSON."""
    plain: dict[str, Any] = settings.model_dump(mode="json")
    return plain


def flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values as one level of dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        flat |= flattened(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return flat
