"""What a benchmark consists of: the official `benchmark.json` of an assay and stage.

Both the official package and `dann-tfbs benchmark build` write it. Paths may begin with
`__ROOTDIR__`, which stands for the folder where the package was unpacked.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.json

from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.tags import TagIndex
from dann_tfbs.testsets.official import CONFIG_FOLDER, FILE_NAME, ROOT_MARK

EVERY_BACKGROUND = "all"

_TAGS = re.compile(rb'"tags"\s*:\s*(\[[^\]]*\])')


@dataclass(frozen=True)
class Dataset:
    """One test set: the positives of a TF against one kind of negatives (background).

    Attributes
    ----------
    name
        Unique within the benchmark.
    tf
        As the benchmark names it.
    background
        What tables call it: as the benchmark does, with the name where a TF has several of one
        background.
    kind_of_negatives
        The background as the benchmark names it, by which scorers choose.
    fasta, answers
        The sequences (with flanks for HTS and SMS), and labels; None where the file names none.
    """

    name: str
    tf: str
    background: str
    kind_of_negatives: str
    fasta: Path | None
    answers: Path | None


@dataclass(frozen=True)
class ScorerEntry:
    """One metric that the benchmark asks for.

    Attributes
    ----------
    name
        The official name, for example `prroc_prauc`.
    alias
        The name to show.
    params
        Its parameters.
    backgrounds
        Those that it is meant for; `all` stands for every one.
    """

    name: str
    alias: str
    params: dict[str, Any]
    backgrounds: tuple[str, ...]

    def is_for(self, background: str) -> bool:
        """Return whether this metric is asked for on a background."""
        return background in self.backgrounds or EVERY_BACKGROUND in self.backgrounds


@dataclass(frozen=True)
class Definition:
    """A benchmark of one assay and stage.

    Attributes
    ----------
    path
        Its `benchmark.json`.
    label
        What tables call it: the assay's code, and the stage where several have one.
    kind
        Code of the assay.
    datasets, scorers
        As the file lists them.
    tfs
        TFs that submissions may hold.
    tags
        Arrow strings: tags that submissions must hold, exactly these; None where the file has none.
    """

    path: Path
    label: str
    kind: str
    datasets: tuple[Dataset, ...]
    scorers: tuple[ScorerEntry, ...]
    tfs: tuple[str, ...]
    tags: pa.Array | None

    @cached_property
    def tag_index(self) -> TagIndex | None:
        """The tags, ready to be compared; None where the file has none."""
        return None if self.tags is None else TagIndex(self.tags)


def read_definitions(
    path: Path, root: Path | None = None, stage: str | None = None
) -> list[Definition]:
    """Read one `benchmark.json`, or all below a folder.

    Parameters
    ----------
    path
        The file, or a folder with such files at any depth.
    root
        What `__ROOTDIR__` stands for. By default the folder that holds `BENCHMARK_CONFIGS` above
        the file, else the file's own folder.
    stage
        Only files in a folder of this name (`Leaderboard`, `Final`).

    Raises
    ------
    InputError
        If there is no such file, or one is no benchmark.
    """
    if path.is_dir():
        files = sorted(path.rglob(FILE_NAME))
    elif path.is_file():
        files = [path]
    else:
        raise InputError("there is no benchmark here.", path=path, remedy="Check the path.")
    found = [file for file in files if stage is None or stage in file.parts]
    if not found:
        of_stage = f" of the stage '{stage}'" if files else ""
        raise InputError(
            f"there is no {FILE_NAME}{of_stage} below this folder.",
            path=path,
            remedy=f"Give a {FILE_NAME}, or the folder of a package that holds {CONFIG_FOLDER}.",
        )
    definitions = [_read(file, root) for file in found]
    kinds = Counter(definition.kind for definition in definitions)
    return [
        replace(each, label=f"{each.kind} {each.path.parent.name}")
        if kinds[each.kind] > 1
        else each
        for each in definitions
    ]


def _read(path: Path, root: Path | None) -> Definition:
    content, tags = _content(path)
    root = root or _default_root(path)
    try:
        datasets = tuple(
            Dataset(
                str(entry["name"]),
                str(entry["tf"]),
                str(entry["background"]),
                str(entry["background"]),
                _resolved(entry.get("fasta_path"), path, root),
                _resolved(entry.get("answer_path"), path, root),
            )
            for entry in content["datasets"]
        )
        scorers = tuple(
            ScorerEntry(
                str(entry["name"]),
                str(entry.get("alias") or entry["name"]),
                dict(entry.get("params") or {}),
                tuple(entry.get("backgrounds") or [EVERY_BACKGROUND]),
            )
            for entry in content["scorers"]
        )
        kind = str(content["kind"])
        tfs = tuple(content.get("tfs") or dict.fromkeys(each.tf for each in datasets))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(
            f"is no benchmark of IBIS ({type(error).__name__}: {error}).",
            path=path,
            remedy="It needs name, kind, datasets (name, tf, background, fasta_path, answer_path) "
            "and scorers (name, alias, params, backgrounds).",
        ) from error
    if not datasets or not scorers:
        raise InputError(
            f"lists {len(datasets)} datasets and {len(scorers)} scorers.",
            path=path,
            remedy="A benchmark needs at least one of each.",
        )
    return Definition(path, kind, kind, _told_apart(datasets), scorers, tfs, tags)


def _content(path: Path) -> tuple[dict[str, Any], pa.Array | None]:
    """Parse the file; its up to 13 million tags go to Arrow and never become Python objects."""
    text = path.read_bytes()
    try:
        found = _TAGS.search(text)
        if found is not None:
            rest = json.loads(text[: found.start(1)] + b"null" + text[found.end(1) :])
            if isinstance(rest, dict) and "tags" in rest and rest["tags"] is None:
                return rest, _tags_of(found[1])
        content = json.loads(text)
        tags = content.get("tags") if isinstance(content, dict) else None
        return content, None if tags is None else pa.array(tags, pa.string())
    except (ValueError, TypeError) as error:
        raise InputError(
            f"is not in JSON ({error}).", path=path, remedy="Give an official benchmark.json."
        ) from error


def _tags_of(text: bytes) -> pa.Array | None:
    if not text[1:-1].strip():
        return None
    line = b'{"tags":' + text + b"}"
    table = pa.json.read_json(
        pa.BufferReader(line),
        pa.json.ReadOptions(use_threads=False, block_size=len(line) + 1),
        pa.json.ParseOptions(
            newlines_in_values=True, explicit_schema=pa.schema([("tags", pa.list_(pa.string()))])
        ),
    )
    return table["tags"].chunk(0).flatten()


def _default_root(path: Path) -> Path:
    above = path.resolve().parents
    for folder in above:
        if folder.name == CONFIG_FOLDER:
            return folder.parent
    return above[0]


def _resolved(text: str | None, path: Path, root: Path) -> Path | None:
    """Return a path of the file: below the root, absolute, or relative to the file's folder."""
    if not text:
        return None
    if text.startswith(ROOT_MARK):
        return root / text.removeprefix(ROOT_MARK).lstrip("/\\")
    return path.parent / text


def _told_apart(datasets: Sequence[Dataset]) -> tuple[Dataset, ...]:
    """Add the name to the background where several datasets of a TF have the same."""
    counts = Counter((each.tf, each.background) for each in datasets)
    return tuple(
        replace(each, background=f"{each.background} ({each.name})")
        if counts[each.tf, each.background] > 1
        else each
        for each in datasets
    )
