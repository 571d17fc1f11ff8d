"""Transcription-factor binding models that transfer between assays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dann_tfbs._version import __version__

if TYPE_CHECKING:
    from dann_tfbs.trained import load

__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    """Import `load` at its first use: it needs PyTorch, which a glance at the help must not."""
    if name == "load":
        from dann_tfbs.trained import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
