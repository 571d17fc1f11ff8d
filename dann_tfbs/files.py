"""Writing outputs so that an interrupted run never leaves a half-written file behind."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dann_tfbs.errors import OutputError


@contextmanager
def written_aside(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it into place when the block succeeds.

    Parameters
    ----------
    path
        The final file or folder. An existing file is replaced at once; an existing folder is
        replaced as a whole.

    Yields
    ------
    Path
        A fresh path in the same folder: write the file, or make the folder, there.

    Raises
    ------
    OutputError
        If the folder cannot be made or written, or the disk is full. `path` is then unchanged.
    """
    final = Path(path)
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        holder = Path(
            tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".partial", dir=final.parent)
        )
    except OSError as error:
        raise unwritable(final, error) from error
    aside = holder / final.name
    try:
        yield aside
        if final.is_dir() and aside.is_dir():
            _replace_folder(aside, final, holder / "replaced")
        else:
            os.replace(aside, final)
    except OSError as error:
        # An error about another file is an input's: let it pass to whoever can explain it.
        if error.filename is not None and str(holder) not in str(error.filename):
            raise
        raise unwritable(final, error) from error
    finally:
        shutil.rmtree(holder, ignore_errors=True)


def _replace_folder(new: Path, final: Path, old: Path) -> None:
    """Put `new` in the place of the folder `final`, which moves to `old`; or change nothing."""
    os.replace(final, old)
    try:
        os.replace(new, final)
    except OSError:
        os.replace(old, final)
        raise


def unwritable(path: Path, error: OSError) -> OutputError:
    """Return the error that says why `path` was not written."""
    return OutputError(
        f"cannot be written ({error.strerror or error}).",
        path=path,
        remedy="Check that the folder is writable and the disk has space; what stands there was "
        "not changed.",
    )


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` as UTF-8, all or nothing."""
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` to `path` as indented JSON with sorted keys, all or nothing."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 digest of a file's bytes in hexadecimal."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
