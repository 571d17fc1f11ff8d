"""Transcription-factor binding models that transfer between assays."""

from dann_tfbs._version import __version__

__all__ = ["__version__"]
