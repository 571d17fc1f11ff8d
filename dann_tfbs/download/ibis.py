"""The public data of IBIS: which archives there are, which are wanted, and getting them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from filelock import FileLock, Timeout

from dann_tfbs.download.archives import Track, stage_of, unpack
from dann_tfbs.download.fetch import (
    CONNECT_SECONDS,
    READ_SECONDS,
    UnreachableError,
    fetch,
    refuse_full_disk,
)
from dann_tfbs.errors import InputError
from dann_tfbs.files import write_text

DOIS = ("10.5281/zenodo.14174161", "10.5281/zenodo.14176443")
KNOWN_NAMES = (
    "IBIS.train_data.Leaderboard.v2.zip",
    "IBIS.train_data.Final.v1.zip",
    "IBIS.test_data.Leaderboard.v3.zip",
    "IBIS.test_data.Final.v1.zip",
)
"""Archives that the challenge names; the records may hold them in later versions."""

ZENODO = "https://zenodo.org"
ARCHIVES = "archives"
_LOCK = ".download.lock"


@dataclass(frozen=True)
class Archive:
    """One file of a record.

    Attributes
    ----------
    name, size, md5, url
        As the record states them.
    doi
        Of the record.
    """

    name: str
    size: int
    md5: str
    url: str
    doi: str

    @property
    def stage(self) -> str | None:
        """The stage that its name states."""
        return stage_of(self.name)


def listed(base_url: str = ZENODO) -> list[Archive]:
    """Ask Zenodo for the files of the IBIS records.

    Raises
    ------
    UnreachableError
        If there is no network; it says what to do by hand.
    InputError
        If an answer is no record.
    """
    found = []
    for doi in DOIS:
        number = doi.rpartition(".")[2]
        url = f"{base_url.rstrip('/')}/api/records/{number}"
        try:
            answer = requests.get(url, timeout=(CONNECT_SECONDS, READ_SECONDS))
        except requests.exceptions.RequestException as error:
            raise _by_hand(f"cannot be reached ({type(error).__name__})", base_url) from error
        if not answer.ok:
            raise _by_hand(f"answers {answer.status_code} {answer.reason}", url)
        found += _files(answer, doi, base_url)
    return found


def _files(answer: requests.Response, doi: str, base_url: str) -> list[Archive]:
    """Read the file list of a record, in either form that Zenodo has used."""
    try:
        record = answer.json()
        return [_archive(entry, record, doi, base_url) for entry in record["files"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"the answer is no record of Zenodo ({type(error).__name__}: {error}).",
            path=answer.url,
            remedy=f"Download the files by hand from https://doi.org/{doi}.",
        ) from error


def _archive(entry: dict[str, Any], record: dict[str, Any], doi: str, base_url: str) -> Archive:
    name = str(entry.get("key") or entry["filename"])
    if "/" in name or "\\" in name or name.startswith("."):
        raise ValueError(f"the file name '{name}' is unsafe")
    size = int(entry["size"] if "size" in entry else entry["filesize"])
    md5 = str(entry["checksum"]).removeprefix("md5:")
    url = entry.get("links", {}).get("self") if "key" in entry else None
    url = url or f"{base_url.rstrip('/')}/records/{record['id']}/files/{name}?download=1"
    return Archive(name, size, md5, url, doi)


def wanted(archives: Sequence[Archive], stage: str | None, track: Track | None) -> list[Archive]:
    """Choose by what the names state; an archive whose name states none holds all."""
    other = {"A2G": "G2A", "G2A": "A2G"}.get(track or "")
    return [
        archive
        for archive in archives
        if (stage is None or archive.stage in (None, stage))
        and (other is None or other not in archive.name)
    ]


def download(
    out: Path,
    *,
    stage: str | None = None,
    track: Track | None = None,
    base_url: str = ZENODO,
    progress: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> list[Archive]:
    """Download the archives and unpack them into the IBIS layout.

    Archives lie in `out/archives`; what they hold goes to `out/<stage>`. An archive that was
    unpacked before is neither downloaded nor unpacked again.

    Parameters
    ----------
    out
        Folder of the data.
    stage
        `Leaderboard` or `Final`; none means both.
    track
        Unpack only the assays that this track trains or tests on.
    base_url
        Of Zenodo.
    progress
        Whether to show bars.
    say
        Gets a line for every step.

    Returns
    -------
    list of Archive
        Those that were chosen.

    Raises
    ------
    InputError
        If another download into this folder is running, the disk is too small, or an archive cannot
        be had or unpacked.
    """
    folder = out / ARCHIVES
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(out):
        chosen = wanted(listed(base_url), stage, track)
        if not chosen:
            raise InputError("no archive of the records fits.", key="stage", remedy="Try --list.")
        todo = [archive for archive in chosen if not _is_done(folder, archive, track)]
        # Unpacked, an archive takes at least as much again: its members are compressed already.
        refuse_full_disk(out, sum(2 * archive.size - _have(folder, archive) for archive in todo))
        for archive in chosen:
            if archive not in todo:
                say(f"{archive.name}: there already")
                continue
            path = folder / archive.name
            fetch(archive.url, path, archive.md5, archive.size, progress=progress)
            _unpacked(path, out, archive.md5, track, say)
    return chosen


def unpack_by_hand(
    out: Path, *, track: Track | None = None, say: Callable[[str], None] = lambda _: None
) -> list[Path]:
    """Unpack the archives that were put into `out/archives` by hand, without any network.

    Raises
    ------
    InputError
        If there are none, or one cannot be unpacked.
    """
    folder = out / ARCHIVES
    found = sorted(folder.glob("*.zip"))
    if not found:
        raise InputError("holds no .zip archive.", path=folder, remedy="Put the archives there.")
    with _locked(out):
        for path in found:
            _unpacked(path, out, "by hand", track, say)
    return found


def _unpacked(
    path: Path, out: Path, md5: str, track: Track | None, say: Callable[[str], None]
) -> None:
    if path.suffix == ".zip":
        say(f"{path.name}: {unpack(path, out, track)} files unpacked")
    else:
        say(f"{path.name}: downloaded")
    write_text(_mark(path.parent, path.name), f"{md5} {track or 'all'}\n")


def _mark(folder: Path, name: str) -> Path:
    return folder / f".{name}.done"


def _is_done(folder: Path, archive: Archive, track: Track | None) -> bool:
    mark = _mark(folder, archive.name)
    if not mark.is_file():
        return False
    md5, _, tracks = mark.read_text("utf-8").strip().partition(" ")
    return md5 == archive.md5 and tracks in ("all", track)


def _have(folder: Path, archive: Archive) -> int:
    names = (archive.name, f"{archive.name}.partial")
    return max((folder / n).stat().st_size if (folder / n).exists() else 0 for n in names)


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Hold the folder's lock, or say that another download has it."""
    try:
        with FileLock(out / _LOCK, timeout=0):
            yield
    except Timeout as error:
        raise InputError(
            "another download into this folder is running.",
            path=out,
            remedy="Wait for it, or choose another --out.",
        ) from error


def _by_hand(what: str, url: str) -> UnreachableError:
    pages = " and ".join(f"https://doi.org/{doi}" for doi in DOIS)
    return UnreachableError(
        f"{what}.",
        path=url,
        remedy=f"Without network: download {', '.join(KNOWN_NAMES)} (or later versions) from "
        f"{pages} by hand, put them into OUT/{ARCHIVES}, and add --unpack-only.",
    )
