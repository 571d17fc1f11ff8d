"""Participants' sequences of a package: `<ASSAY>_participants.fasta`, one record a tag."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.assays import ASSAYS
from dann_tfbs.data.readers.fasta import read_fasta
from dann_tfbs.data.scoring_input import Chunk
from dann_tfbs.errors import InputError
from dann_tfbs.submission.expected import Expected, tag_keys
from dann_tfbs.submission.tag_keys import repeats
from dann_tfbs.testsets.official import FILE_NAME, PARTICIPANTS

_ENDINGS = (PARTICIPANTS, f"{PARTICIPANTS}.gz")


def assay_of(path: Path) -> str:
    """Return the assay that the name of a participants' file begins with.

    Raises
    ------
    InputError
        If it begins with none.
    """
    code = path.name.split("_")[0].split(".")[0]
    if code not in ASSAYS:
        raise InputError(
            f"the name does not begin with an assay ({', '.join(ASSAYS)}).",
            path=path,
            remedy="Name the file <ASSAY>_participants.fasta.",
        )
    return code


def by_assay(files: Iterable[Path]) -> dict[str, Path]:
    """Return participants' files by assay, in the order of the assays.

    Raises
    ------
    InputError
        If two files are of one assay, or a name tells none.
    """
    found: dict[str, Path] = {}
    for file in files:
        code = assay_of(file)
        if code in found and found[code] != file:
            raise InputError(
                f"is of {code}, as {found[code]} is.",
                path=file,
                remedy="Name one file for each assay; a package of several stages needs --stage.",
            )
        found[code] = file
    return {code: found[code] for code in ASSAYS if code in found}


def find_participants(root: Path, stage: str | None = None) -> dict[str, Path]:
    """Find the participants' files of a package, anywhere in its folder.

    Parameters
    ----------
    root
        The package.
    stage
        `Leaderboard` or `Final`: only files in a folder of this name, where there are such.

    Raises
    ------
    InputError
        If there is no file, or more than one of an assay.
    """
    files = sorted(path for path in root.rglob(f"*{PARTICIPANTS}*") if _named_so(path))
    files = of_stage(files, root, stage)
    if not files:
        raise InputError(
            "there is no <ASSAY>_participants.fasta here.",
            path=root,
            remedy="Give the folder of the test data, or the files by --fasta.",
        )
    return by_assay(files)


def find_benchmarks(root: Path, stage: str | None = None) -> dict[str, Path]:
    """Find the `benchmark.json` of each assay in a package; assays without one are left out."""
    found = {}
    for code in ASSAYS:
        files = [path for path in root.rglob(FILE_NAME) if code in path.relative_to(root).parts]
        files = of_stage(sorted(files), root, stage)
        if len(files) == 1:
            found[code] = files[0]
    return found


def of_stage(files: list[Path], root: Path, stage: str | None) -> list[Path]:
    """Keep the files in a folder called after the stage; all of them where there is none."""
    if stage is None:
        return files
    own = [
        path
        for path in files
        if stage.lower() in (part.lower() for part in path.relative_to(root).parts[:-1])
    ]
    return own or files


def _named_so(path: Path) -> bool:
    return path.name.endswith(_ENDINGS)


def repeated_records(path: Path) -> NDArray[np.intp]:
    """Return the 0-based numbers of records whose tag stood before, ascending.

    Raises
    ------
    InputError
        If a record has no tag, or records of one tag hold different sequences.
    """
    every = tag_keys(path)
    if (every == 0).any():
        raise InputError(
            f"record {int(np.argmax(every == 0)) + 1} has no tag.",
            path=path,
            remedy="Every header needs a word after '>'.",
        )
    again, _ = repeats(every)
    if len(again):
        _refuse_different(path, set(Expected(None, None, path).tags_at(again.tolist())))
    return again


def _refuse_different(path: Path, tags: set[str]) -> None:
    """Refuse repeated records of other sequences than their tag's first record."""
    known: dict[str, bytes] = {}
    number = 0
    for chunk in read_fasta(path):
        for row, tag in enumerate(chunk.names):
            if tag not in tags:
                continue
            text = chunk.sequences.codes[row, : chunk.sequences.lengths[row]].tobytes()
            if known.setdefault(tag, text) != text:
                raise InputError(
                    f"record {number + row + 1}: the tag '{tag}' stands for two sequences.",
                    path=path,
                    remedy="A tag stands for one sequence.",
                )
        number += len(chunk.lines)


def without_records(chunks: Iterable[Chunk], left_out: NDArray[np.intp]) -> Iterator[Chunk]:
    """Stream chunks without the records of these 0-based numbers (ascending)."""
    start = 0
    for tags, sequences in chunks:
        stop = start + len(tags)
        low, high = np.searchsorted(left_out, (start, stop))
        if low == high:
            yield tags, sequences
        else:
            kept = np.setdiff1d(np.arange(len(tags)), left_out[low:high] - start)
            yield [tags[row] for row in kept.tolist()], sequences.take(kept)
        start = stop
