"""Unpacking the archives of IBIS into its folder layout, and nowhere else."""

from __future__ import annotations

import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

from dann_tfbs.assays import ASSAYS
from dann_tfbs.download.fetch import refuse_full_disk
from dann_tfbs.errors import InputError
from dann_tfbs.files import written_aside

Track = Literal["A2G", "G2A"]
STAGES = ("Leaderboard", "Final")
_CONFIGS = "BENCHMARK_CONFIGS"
_LITTER = "__MACOSX"
_ROLES = ("train", "test")


def stage_of(name: str) -> str | None:
    """Return the stage that an archive's name states."""
    return next((stage for stage in STAGES if stage.lower() in name.lower()), None)


def unpack(archive: Path, out: Path, track: Track | None = None) -> int:
    """Unpack an archive below `out`; return the number of files.

    Files of an assay go to `<stage>/train/<ASSAY>/…` or `<stage>/test/…`, by the archive's name;
    benchmark definitions to `<stage>/BENCHMARK_CONFIGS/…`, and folders that stand beside them keep
    their names, because definitions refer to them; others to `<stage>/other/<archive>/…`.

    Parameters
    ----------
    archive
        A zip file.
    out
        Folder of the data.
    track
        Leave out the assays that this track does not use; none keeps all.

    Raises
    ------
    InputError
        Before anything is written, if a member would land elsewhere (an absolute path, `..`, a
        link), two would land in one place, or the disk is too small; later if the archive is
        damaged.
    """
    try:
        with zipfile.ZipFile(archive) as found:
            wanted = _destinations(archive, found, track)
            refuse_full_disk(out, sum(member.file_size for member, _ in wanted))
            for member, place in wanted:
                with (
                    written_aside(out / place) as aside,
                    found.open(member) as inside,
                    aside.open("wb") as copy,
                ):
                    shutil.copyfileobj(inside, copy, 1 << 20)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise InputError(
            f"is no whole zip archive ({error}).",
            path=archive,
            remedy="Delete it and run the command again.",
        ) from error
    return len(wanted)


def _destinations(
    archive: Path, found: zipfile.ZipFile, track: Track | None
) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    wanted: dict[PurePosixPath, zipfile.ZipInfo] = {}
    root = _root_of_configs(found.namelist())
    for member in found.infolist():
        place = destination(archive.name, member, track, root)
        if place is None:
            continue
        if place in wanted:
            raise _unsafe(archive, member.filename, f"lands on {wanted[place].filename}")
        wanted[place] = member
    return [(member, place) for place, member in wanted.items()]


def _root_of_configs(names: Sequence[str]) -> PurePosixPath | None:
    """Return the folder inside an archive that `__ROOTDIR__` stands for; None where it has none."""
    for parts in (PurePosixPath(name).parts for name in names):
        if _CONFIGS in parts:
            return PurePosixPath(*parts[: parts.index(_CONFIGS)])
    return None


def destination(
    archive: str,
    member: zipfile.ZipInfo,
    track: Track | None = None,
    root: PurePosixPath | None = None,
) -> PurePosixPath | None:
    """Return where a member goes, relative to the data's folder; None where it is not wanted.

    `root` is the folder inside the archive that holds `BENCHMARK_CONFIGS`, if there is one.

    Raises
    ------
    InputError
        If its name is unsafe.
    """
    name = member.filename
    path = PurePosixPath(name)
    if stat.S_ISLNK(member.external_attr >> 16):
        raise _unsafe(archive, name, "is a link")
    if path.is_absolute() or ".." in path.parts or re.search(r"[\\:\0]", name):
        raise _unsafe(archive, name, "is no plain relative path")
    if member.is_dir() or _LITTER in path.parts or path.name == ".DS_Store":
        return None
    stage = PurePosixPath(stage_of(archive) or "other")
    if _CONFIGS in path.parts:
        return stage.joinpath(*path.parts[path.parts.index(_CONFIGS) :])
    role = "test" if "test" in archive.lower() else "train"
    for number, part in enumerate(path.parts):
        assay = part.split("_")[0].split(".")[0]
        if assay in ASSAYS:
            if not _of_track(assay, role, track):
                return None
            inside = path.relative_to(root) if root and path.is_relative_to(root) else None
            if inside and inside.parts[0] != part and inside.parts[0] not in _ROLES:
                return stage / inside
            return stage.joinpath(role, *path.parts[number:])
    return stage.joinpath("other", PurePosixPath(archive).stem, *path.parts)


def _of_track(assay: str, role: str, track: Track | None) -> bool:
    """Tell whether a track trains (or tests) on an assay: A2G trains on the artificial ones."""
    if track is None:
        return True
    learns = "artificial" if track == "A2G" else "genomic"
    return (ASSAYS[assay].kind == learns) == (role == "train")


def _unsafe(archive: str | Path, name: str, why: str) -> InputError:
    return InputError(
        f"the member '{name}' {why}; nothing was unpacked.",
        path=archive,
        remedy="This is no archive of IBIS: look where it came from.",
    )
