"""Classes of a user's own, named `module:Class` in a configuration."""

from __future__ import annotations

import hashlib
import importlib
import inspect
from typing import Any

from dann_tfbs.errors import InputError


def imported(name: str, key: str) -> Any:
    """Return what `module:Class` names.

    Parameters
    ----------
    name
        The module, a colon, and the name in it.
    key
        The key of the configuration, for the error message.

    Raises
    ------
    InputError
        If there is no colon, or the module cannot be imported or lacks the name.
    """
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:  # whatever a user's module may raise
        raise InputError(
            f"'{name}' cannot be imported ({error}).",
            key=key,
            remedy="Write module:Class, with the folder of the module on PYTHONPATH.",
        ) from error


def source_digest(name: str) -> str:
    """Return the SHA-256 of the file that holds the class which `module:Class` names.

    Of what that file imports nothing is known.

    Raises
    ------
    InputError
        As `imported`, or if its source cannot be read.
    """
    found = imported(name, "module:Class")
    try:
        module = inspect.getmodule(found)
        source = inspect.getsource(module if module is not None else found)
    except (OSError, TypeError) as error:
        raise InputError(f"the source of '{name}' cannot be read ({error}).") from error
    return hashlib.sha256(source.encode()).hexdigest()
