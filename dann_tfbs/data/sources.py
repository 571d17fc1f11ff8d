"""Which raw files there are and what each one is: found in an IBIS folder or listed in a sheet."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from dann_tfbs.assays import ASSAYS
from dann_tfbs.data.readers.fastq import parse_fastq_name
from dann_tfbs.errors import InputError

Role = Literal["positive", "input", "control", "target"]
ROLES: tuple[str, ...] = get_args(Role)

_SEQUENCE_FILES = (".fasta", ".fa", ".fastq", ".fq", ".txt", ".seq")
_KNOWN_FILES = {
    "CHS": (".peaks", ".bed", ".narrowpeak", ".fasta", ".fa"),
    "GHTS": (".peaks", ".bed", ".narrowpeak", ".fasta", ".fa"),
    "HTS": _SEQUENCE_FILES,
    "SMS": _SEQUENCE_FILES,
    "PBM": (".tsv", ".txt"),
}
_NO_PROTEIN = "CONTROL"


@dataclass(frozen=True)
class SourceFile:
    """One raw file and what it holds.

    Attributes
    ----------
    path
        The file.
    tf
        Transcription factor; "" for a library of no TF in particular.
    assay
        Code in `dann_tfbs.assays.ASSAYS`.
    replicate, cycle
        As the file's name or the sheet gives them, None where neither does.
    role
        `positive` (bound), `input` (unselected library), `control` (selected without protein) or
        `target` (unlabelled sequences of the assay to be predicted).
    """

    path: Path
    tf: str
    assay: str
    replicate: int | None
    cycle: int | None
    role: Role


def stem(path: str | os.PathLike[str]) -> str:
    """Return a file's name without `.gz` and one format suffix; other dots belong to the name."""
    return Path(_plain_name(Path(path))).stem


def discover(root: str | os.PathLike[str]) -> list[SourceFile]:
    """Find the training files of a folder in the IBIS layout.

    Parameters
    ----------
    root
        A folder with `train/<ASSAY>/<TF>/<file>` and possibly `input/<ASSAY>/<file>`, or the folder
        that holds `<ASSAY>/<TF>/<file>` itself. The TF is the folder's name; replicate and cycle
        come from the file's name.

    Returns
    -------
    list of SourceFile
        In the order of assays, TFs and names. Files of `train` are positives, except cycle 0, which
        is that TF's input. Files of `input` are inputs, except later cycles, which are controls;
        they belong to the TF they name, or to none (`CONTROL_…` and names without replicate and
        cycle).

    Raises
    ------
    InputError
        If `root` is no folder or holds no file in this layout.
    """
    sources = [_source(path, folder) for path, folder in _candidates(root) if _known(path, folder)]
    if not sources:
        raise InputError(
            "holds no data in the IBIS layout.",
            path=root,
            remedy="Expected train/<ASSAY>/<TF>/<file> with an assay of "
            f"{', '.join(ASSAYS)}; describe any other layout by a sample sheet.",
        )
    return sources


def skipped(root: str | os.PathLike[str]) -> list[Path]:
    """List what `discover` passes over: files of unknown format and folders of unknown assay."""
    train, library = _roots(Path(root))
    folders = [
        entry
        for folder in (train, library)
        for entry in _entries(folder)
        if entry.name not in ASSAYS and entry not in (train, library)
    ]
    return folders + [path for path, folder in _candidates(root) if not _known(path, folder)]


@dataclass(frozen=True)
class _Folder:
    """Where in the layout a file lies."""

    assay: str
    tf: str
    is_library: bool


def _roots(root: Path) -> tuple[Path, Path]:
    if not root.is_dir():
        raise InputError("is no folder.", path=root, remedy="Give the folder of the data set.")
    train = root / "train"
    return (train if train.is_dir() else root), root / "input"


def _candidates(root: str | os.PathLike[str]) -> list[tuple[Path, _Folder]]:
    """List every file below an assay folder, in a fixed order."""
    train, library = _roots(Path(root))
    found: list[tuple[Path, _Folder]] = []
    for top, is_library in ((train, False), (library, True)):
        for assay in ASSAYS:
            for entry in _entries(top / assay):
                if entry.is_dir():
                    folder = _Folder(assay, entry.name, is_library)
                    found += [(path, folder) for path in _entries(entry)]
                else:
                    found.append((entry, _Folder(assay, "", is_library)))
    return found


def _entries(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _plain_name(path: Path) -> str:
    return path.name[:-3] if path.name.lower().endswith(".gz") else path.name


def _known(path: Path, folder: _Folder) -> bool:
    suffix = Path(_plain_name(path)).suffix.lower()
    has_owner = bool(folder.tf) or folder.is_library
    return path.is_file() and suffix in _KNOWN_FILES[folder.assay] and has_owner


def _source(path: Path, folder: _Folder) -> SourceFile:
    replicate, cycle = None, None
    tf = folder.tf
    if folder.assay == "HTS" or folder.is_library:
        name = parse_fastq_name(path)
        replicate, cycle = name.replicate, name.cycle
        tf = tf or name.tf or ""
    elif folder.assay == "GHTS":
        # Only `.C<n>`: the name also holds the well of a plate, such as `_C10_`.
        cycles = re.findall(r"\.C([0-9]{1,4})(?![^.])", path.name)
        cycle = int(cycles[-1]) if cycles else None
    role: Role = "positive"
    if folder.is_library:
        role = "control" if cycle else "input"
    elif cycle == 0:
        role = "input"
    if tf.upper() == _NO_PROTEIN:
        tf = ""
    return SourceFile(path, tf, folder.assay, replicate, cycle, role)


def read_sheet(path: str | os.PathLike[str]) -> list[SourceFile]:
    """Read a sample sheet: one raw file a line.

    Parameters
    ----------
    path
        Tab-separated text with the header `path tf assay replicate cycle role`, in any order. Only
        `path` and `assay` are required: `role` is `positive` and the others are empty where absent,
        but an HTS file's replicate and cycle are then taken from its name.
        A relative path is relative to the sheet's folder.

    Raises
    ------
    InputError
        If a column or a file is missing or a value is not allowed; it names the line.
    """
    # Imported here: the table reader needs pyarrow, which finding files does not.
    from dann_tfbs.data.readers.table import read_table

    table = read_table(path, header=True)
    unknown = sorted(set(table.header) - {"path", "tf", "assay", "replicate", "cycle", "role"})
    missing = [name for name in ("path", "assay") if name not in table.header]
    if unknown or missing:
        what = f"misses {', '.join(missing)}" if missing else f"has unknown {', '.join(unknown)}"
        raise InputError(
            f"the header {what}.",
            path=path,
            line=1,
            remedy="Columns are path, tf, assay, replicate, cycle, role, separated by tabs.",
        )
    columns = dict(zip(table.header, (column.to_pylist() for column in table.columns), strict=True))
    sources: dict[Path, SourceFile] = {}
    for row, line in enumerate(table.lines.tolist()):
        cells = {name: column[row].strip() for name, column in columns.items()}
        source = _sheet_row(cells, Path(path), line)
        if source.path in sources:
            raise InputError(
                f"'{cells['path']}' is listed twice.", path=path, line=line, remedy="Remove one."
            )
        sources[source.path] = source
    return list(sources.values())


def _sheet_row(cells: dict[str, str], sheet: Path, line: int) -> SourceFile:
    role = cells.get("role") or "positive"
    for value, allowed, key in ((cells["assay"], tuple(ASSAYS), "assay"), (role, ROLES, "role")):
        if value not in allowed:
            raise InputError(
                f"'{value}' is no known {key}.",
                path=sheet,
                line=line,
                key=key,
                remedy=f"Use one of {', '.join(allowed)}.",
            )
    tf = cells.get("tf", "")
    if role == "positive" and not tf:
        raise InputError(
            "a positive file needs a tf.", path=sheet, line=line, key="tf", remedy="Name the TF."
        )
    file = sheet.parent / cells["path"]
    if not os.path.isfile(file):  # unlike Path.is_file, no error for an impossible name
        raise InputError(
            f"the file '{cells['path']}' does not exist.",
            path=sheet,
            line=line,
            key="path",
            remedy=f"Relative paths start at {sheet.parent}.",
        )
    replicate = _count(cells.get("replicate", ""), "replicate", sheet, line)
    cycle = _count(cells.get("cycle", ""), "cycle", sheet, line)
    if cells["assay"] == "HTS":
        name = parse_fastq_name(file)
        replicate = name.replicate if replicate is None else replicate
        cycle = name.cycle if cycle is None else cycle
    return SourceFile(file, tf, cells["assay"], replicate, cycle, cast(Role, role))


def _count(text: str, key: str, sheet: Path, line: int) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,4}", text):
        raise InputError(
            f"'{text}' is no {key}.",
            path=sheet,
            line=line,
            key=key,
            remedy="Give a whole number from 0 on, or leave the cell empty.",
        )
    return int(text)
