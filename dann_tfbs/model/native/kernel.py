"""Building and loading the kernel of a layout.

The kernel is compiled once for each layout and kind of processor, in one to two seconds, and kept
in `$DANN_TFBS_CACHE` (else `$XDG_CACHE_HOME/dann-tfbs`, else `~/.cache/dann-tfbs`). Deleting that
folder is harmless; a user without a home who names none has no kernel. `$CXX` names another
compiler than `g++` or `clang++`.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import logging
import os
import platform
import shutil
import subprocess
from pathlib import Path

from dann_tfbs.config import Architecture
from dann_tfbs.errors import InputError, OutputError
from dann_tfbs.files import written_aside

SOURCE = Path(__file__).with_name("kernel.cpp")
FLAGS = ["-O3", "-march=native", "-std=gnu++17", "-shared", "-fPIC"]
MOST_WEIGHTS = 2**18
"""Of one pointwise convolution: the kernel holds those of a block on the stack."""
_SQUEEZE = {"none": 0, "expanded": 1, "output": 2}
_POINTER, _LONG, _INT, _FLOAT = ctypes.c_void_p, ctypes.c_long, ctypes.c_int, ctypes.c_float
_SIGNATURES = {
    "workspace": (_LONG, [_LONG] * 3),
    "forward": (None, [_POINTER] * 3 + [_LONG] * 5 + [_INT, _FLOAT, _FLOAT, _POINTER, _POINTER]),
    "backward": (None, [_POINTER] * 2 + [_LONG] * 3 + [_INT, _POINTER, _POINTER]),
    "score_workspace": (_LONG, [_LONG] * 2),
    "score": (
        None,
        [_POINTER] * 3 + [_LONG] * 2 + [_POINTER] + [_LONG] * 3 + [_FLOAT, _POINTER, _POINTER],
    ),
}

_log = logging.getLogger(__name__)


def covers(architecture: Architecture) -> bool:
    """Tell whether the kernel can compute this layout: the package's own, with mean pooling.

    Layouts of more than `MOST_WEIGHTS` are left to PyTorch, whose products are made for them.
    """
    own = architecture.backbone == "separable" and architecture.pooling == "mean"
    return own and architecture.channels**2 * architecture.expansion <= MOST_WEIGHTS


def load_kernel(architecture: Architecture, *, build: bool = True) -> ctypes.CDLL | None:
    """Return the kernel of a layout, built if need be; None where there is none.

    Parameters
    ----------
    architecture
        The layout.
    build
        Whether to compile a kernel that is not in the cache.

    Returns
    -------
    ctypes.CDLL or None
        The library, with the signatures of its functions set. None without a compiler or a place
        for the cache, for a layout that the kernel does not cover, for an uncached kernel with
        `build=False`, and, with one warning, when compiling fails.
    """
    if not covers(architecture):
        return None
    # `build` is no part of the key: a kernel that was not built yet must not stay missing.
    found = _loaded(_macros(architecture)) if build else None
    if found is None and not build:
        path = _library(_macros(architecture))
        found = _loaded(_macros(architecture)) if path is not None and path.is_file() else None
    return found


@functools.cache
def _loaded(macros: tuple[str, ...]) -> ctypes.CDLL | None:
    path = _library(macros)
    if path is None:
        return None
    try:
        if not path.is_file():
            _build(macros, path)
        try:
            library = ctypes.CDLL(str(path))
        except OSError:  # damaged, by a full disk for instance
            _build(macros, path)
            library = ctypes.CDLL(str(path))
    except (OSError, InputError, OutputError) as error:
        _log.warning("the compiled network is not available (%s); PyTorch computes it.", error)
        return None
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _macros(architecture: Architecture) -> tuple[str, ...]:
    inner = architecture.channels * architecture.expansion
    weighed = inner if architecture.squeeze == "expanded" else architecture.channels
    squeezed = 0
    if architecture.squeeze != "none":
        squeezed = max(weighed // architecture.squeeze_reduction, 1)
    values = {
        "CHANNELS": architecture.channels,
        "INNER": inner,
        "STEM_CHANNELS": architecture.stem_channels,
        "STEM_WIDTHS": ",".join(map(str, architecture.stem_widths)),
        "BLOCKS": architecture.blocks,
        "DEPTHWISE": architecture.depthwise_width,
        "SQUEEZE": _SQUEEZE[architecture.squeeze],
        "SQUEEZED": squeezed,
    }
    return tuple(f"-D{name}={value}" for name, value in values.items())


@functools.cache
def compiler() -> tuple[str, str] | None:
    """Return the path and the version of a C++ compiler; None where there is none."""
    for name in filter(None, (os.environ.get("CXX"), "g++", "clang++")):
        path = shutil.which(name)
        if path is not None:
            version = subprocess.run([path, "--version"], capture_output=True, text=True)
            if version.returncode == 0:
                return path, version.stdout
    return None


def _library(macros: tuple[str, ...]) -> Path | None:
    """Return where the kernel lies in the cache once it is built; None where it cannot be."""
    found, folder = compiler(), _cache_folder()
    if found is None or folder is None:
        return None
    parts = [SOURCE.read_text("utf-8"), *FLAGS, *macros, found[1], _processor()]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return folder / f"kernel-{digest[:32]}.so"


def _cache_folder() -> Path | None:
    named = os.environ.get("DANN_TFBS_CACHE")
    if named:
        return Path(named)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dann-tfbs"
    except RuntimeError:  # a user without a home, as containers have them
        return None


def _processor() -> str:
    """Return what `-march=native` depends on, so that machines may share a cache."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.platform() + platform.processor()
    first = [line for line in lines if line.startswith(("model name", "flags", "Features"))][:2]
    return "\n".join([platform.machine(), *first])


def _build(macros: tuple[str, ...], path: Path) -> None:
    found = compiler()
    assert found is not None
    with written_aside(path) as aside:
        command = [found[0], *FLAGS, *macros, str(SOURCE), "-o", str(aside)]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            lines = result.stderr.strip().splitlines()
            reason = next((line for line in lines if "error" in line), "no reason given")
            raise InputError(f"{Path(found[0]).name} failed: {reason}.")
