"""What decides the runs of a package's folder: the same command goes on, another is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dann_tfbs.errors import InputError
from dann_tfbs.experiments.package.layout import Package
from dann_tfbs.files import write_json
from dann_tfbs.settings import flattened
from dann_tfbs.submission.question import about_input

IDENTITY_FILE = "package.json"
LIBRARIES = "input libraries"
_LOCK = ".lock"


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold a package's folder, so that two commands at once cannot share it.

    Raises
    ------
    InputError
        If another command holds it, or the folder cannot be made.
    """
    lock = FileLock(out / _LOCK, timeout=0)
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise InputError(
            "another command works in this folder.",
            path=out,
            remedy="Wait for it, or choose another --out.",
        ) from error
    except OSError as error:
        raise InputError(f"the folder cannot be made ({error.strerror}).", path=out) from error
    try:
        yield
    finally:
        lock.release()


def file_facts(path: Path) -> dict[str, Any]:
    """Return size and a digest of both ends of a file; a moved copy has the same."""
    return {key: value for key, value in about_input(path).items() if key != "time"}


def training_files(package: Package) -> dict[str, dict[str, Any]]:
    """Return what is known of the files of each TF, by their place in the package.

    Of every TF, since others may be drawn from for negatives, as the input libraries are.
    """
    found = {tf: [p for own in files.values() for p in own] for tf, files in package.files.items()}
    if package.libraries:
        found[LIBRARIES] = list(package.libraries)
    return {
        name: {path.relative_to(package.data).as_posix(): file_facts(path) for path in paths}
        for name, paths in found.items()
    }


def open_folder(out: Path, identity: Mapping[str, Any], files: Mapping[str, Any]) -> None:
    """Take a folder for a package, or go on in one of the same settings and files.

    Parameters
    ----------
    out
        The folder.
    identity
        All that decides every run; nested plain values.
    files
        As `training_files` gives them; further TFs may come later.

    Raises
    ------
    InputError
        If the folder was begun with something else, or holds other things.
    """
    path = out / IDENTITY_FILE
    given = json.loads(json.dumps(identity))
    if not path.is_file():
        others = [entry.name for entry in out.iterdir() if entry.name != _LOCK]
        if others:
            raise InputError(
                f"holds something else ({', '.join(sorted(others)[:5])}).",
                path=out,
                remedy="Choose another --out.",
            )
        write_json(path, {"identity": given, "files": dict(files)})
        return
    known = json.loads(path.read_text("utf-8"))
    _refuse_changed(out, known["identity"], given)
    for tf, own in files.items():
        if known["files"].get(tf, own) != own:
            raise InputError(
                f"the training files of {tf} are no longer those that it was begun with.",
                path=out,
                remedy="Choose another --out.",
            )
    write_json(path, {"identity": given, "files": {**known["files"], **files}})


def _refuse_changed(out: Path, known: dict[str, Any], given: dict[str, Any]) -> None:
    before, now = flattened(known), flattened(given)
    changed = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    if changed:
        shown = ", ".join(f"{k} {before.get(k)!r}, now {now.get(k)!r}" for k in changed[:3])
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise InputError(
            f"was begun with other settings: {shown}{more}.",
            path=out,
            remedy="Give the settings that it was begun with, or choose another --out.",
        )
