"""Classes of a user's own, named `module:Class` in a configuration."""

from __future__ import annotations

import importlib
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
