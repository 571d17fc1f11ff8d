"""Answers of a test: the tag, label and circumstances of every sequence."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dann_tfbs.assays import ASSAYS
from dann_tfbs.data.table import read_table
from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.tags import refuse_repeated_tags
from dann_tfbs.sequence import Sequences

POSITIVE = "positive"
"""Background of a positive record, and the `source` that prepared tables give to positives."""

UNNAMED = "negatives"
"""Background of negatives whose origin the answers do not state."""

_COLUMNS = ["tag", "label", "tf", "assay", "source", "split", "group", "cycle"]


@dataclass(frozen=True)
class Answers:
    """The labels of one test file, column by column, each of length n.

    Attributes
    ----------
    path
        The file, for messages.
    tags
        Arrow strings, unique within a TF and assay.
    labels
        `float64`: positive where above 0; the SELEX cycle of a positive where known, else 1.
    background
        Object array of `str`: the kind of each negative, `POSITIVE` for positives.
    group
        Object array: replicate, or None.
    tf, assay, split
        Object arrays of `str`, empty where unknown.
    """

    path: Path
    tags: pa.Array
    labels: NDArray[np.float64]
    background: NDArray[np.object_]
    group: NDArray[np.object_]
    tf: NDArray[np.object_]
    assay: NDArray[np.object_]
    split: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.generic]) -> Answers:
        """Return the given rows (index array or boolean mask)."""
        index = np.flatnonzero(rows) if rows.dtype == bool else rows
        return Answers(
            self.path,
            self.tags.take(pa.array(index)),
            self.labels[index],
            self.background[index],
            self.group[index],
            self.tf[index],
            self.assay[index],
            self.split[index],
        )


def read_answers(path: Path, tf: str | None = None, assay: str | None = None) -> Answers:
    """Read the answers of a test.

    Formats: the official JSON `{"labels": {tag: int}, "groups": {tag: replicate | null}}`; a
    prepared table (Parquet file or folder), of which unlabelled rows are left out; or text
    `tag<TAB>label`, with or without that header. JSON and text do not name TF, assay and
    background: they come from `tf` and `assay`, else from a file name
    `<ASSAY>_<TF>[_<background>].json`.

    Parameters
    ----------
    path
        The file.
    tf, assay
        Of a prepared table: keep only these rows. Else: what the answers are about.

    Raises
    ------
    InputError
        If the file cannot be read, a tag is repeated, a label is no number of at least 0, or
        nothing is left.
    """
    if path.is_dir() or path.suffix == ".parquet":
        return _from_table(path, tf, assay)
    if path.suffix == ".json":
        tags, labels, groups = official_answers(path)
    else:
        tags, labels, groups = _from_text(path)
    if not tags:
        raise InputError("holds no labels.", path=path, remedy="Give at least one tag and label.")
    return _about_one_tf(path, tags, labels, groups, tf, assay)


def in_order_of(answers: Answers, tags: pa.Array, sequences: Sequences, remedy: str) -> Sequences:
    """Return the sequence of every answer, by its tag.

    Parameters
    ----------
    answers
        The answers, n.
    tags, sequences
        Sequences in any order, and the tag of each.
    remedy
        What to do where a tag has no sequence.

    Raises
    ------
    InputError
        If a tag has no sequence.
    """
    places = pc.index_in(answers.tags, value_set=tags)
    if places.null_count:
        row = int(np.argmax(pc.is_null(places).to_numpy(zero_copy_only=False)))
        raise InputError(
            f"{places.null_count} of {len(places)} tags have no sequence, the first is "
            f"'{answers.tags[row].as_py()}'.",
            path=answers.path,
            remedy=remedy,
        )
    return sequences.take(places.to_numpy())


def choose_split(answers: Answers, split: str | None = None) -> Answers:
    """Keep the rows of one split.

    Parameters
    ----------
    answers
        Of any splits.
    split
        Its name, or `all`. By default the `test` rows if there are any, else all rows.

    Raises
    ------
    InputError
        If no row is of this split.
    """
    if split is None:
        split = "test" if (answers.split == "test").any() else "all"
    if split == "all":
        return answers
    rows = answers.split == split
    if not rows.any():
        known = ", ".join(sorted(name for name in set(answers.split) if name))
        raise InputError(
            f"no labelled row is of the split '{split}'.",
            path=answers.path,
            remedy=f"The splits are {known}." if known else "These answers know no splits.",
        )
    return answers.take(rows)


def official_answers(path: Path) -> tuple[list[str], NDArray[np.float64], list[object]]:
    """Read an official answer file `{"labels": {tag: int}, "groups": {tag: replicate | null}}`.

    Returns
    -------
    tags, labels, groups
        Tag, label and replicate (or None) of each record.

    Raises
    ------
    InputError
        If the file cannot be read, a tag is repeated, or a label is no number of at least 0.
    """
    if not path.is_file():
        raise InputError("there are no answers here.", path=path, remedy="Check the path.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_unique_keys)
        labels = content["labels"]
        values = np.array(list(labels.values()), dtype=np.float64)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"is not an answer file ({error}).",
            path=path,
            line=getattr(error, "lineno", None),
            remedy='Give {"labels": {"tag": 0, …}} with each tag once.',
        ) from error
    _check_labels(path, list(labels), values)
    groups = content.get("groups") or {}
    return list(labels), values, [groups.get(tag) for tag in labels]


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Build a dictionary and refuse a key that stands twice, of which JSON would drop one."""
    built = dict(pairs)
    if len(built) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise ValueError(f"the tag '{counts.most_common(1)[0][0]}' stands twice")
    return built


def _from_text(path: Path) -> tuple[list[str], NDArray[np.float64], list[object]]:
    if not path.is_file():
        raise InputError("there are no answers here.", path=path, remedy="Check the path.")
    tags: list[str] = []
    labels: list[float] = []
    lines: dict[str, int] = {}
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        fields = text.split("\t")
        if not text.strip() or (number == 1 and fields[1:2] == ["label"]):
            continue
        try:
            tag, label = fields[0], float(fields[1])
        except (IndexError, ValueError) as error:
            raise InputError(
                f"{text!r} is not `tag<TAB>label`.",
                path=path,
                line=number,
                remedy="Write a tag, a tab and a number on each line.",
            ) from error
        if tag in lines:
            raise InputError(
                f"the tag '{tag}' also stands on line {lines[tag]}.",
                path=path,
                line=number,
                remedy="Give each tag once.",
            )
        lines[tag] = number
        tags.append(tag)
        labels.append(label)
    values = np.array(labels, dtype=np.float64)
    _check_labels(path, tags, values, lines)
    return tags, values, [None] * len(tags)


def _check_labels(
    path: Path,
    tags: list[str],
    values: NDArray[np.float64],
    lines: dict[str, int] | None = None,
) -> None:
    wrong = ~((values >= 0) & np.isfinite(values))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            f"the label {values[row]:g} of '{tags[row]}' is no number of at least 0.",
            path=path,
            line=None if lines is None else lines[tags[row]],
            remedy="Use 0 for unbound, 1 or the SELEX cycle for bound.",
        )


def _about_one_tf(
    path: Path,
    tags: list[str],
    labels: NDArray[np.float64],
    groups: list[object],
    tf: str | None,
    assay: str | None,
) -> Answers:
    """Build answers of one TF and assay, which the file's name may state."""
    n = len(tags)
    words = path.stem.split("_", 2)
    named = words if len(words) > 1 and words[0] in ASSAYS else ["", ""]
    background = named[2] if len(named) > 2 else UNNAMED
    column = np.full(n, background, dtype=object)
    column[labels > 0] = POSITIVE
    group = np.empty(n, dtype=object)
    group[:] = groups
    return Answers(
        path,
        pa.array(tags, pa.string()),
        labels,
        column,
        group,
        np.full(n, tf or named[1], dtype=object),
        np.full(n, assay or named[0], dtype=object),
        np.full(n, "", dtype=object),
    )


def _from_table(path: Path, tf: str | None, assay: str | None) -> Answers:
    table = read_table(path, _COLUMNS)
    table = table.filter(pc.is_valid(table["label"]))
    for key, wanted in (("tf", tf), ("assay", assay)):
        if wanted is not None:
            known = sorted(pc.unique(table[key]).to_pylist())
            table = table.filter(pc.equal(table[key], wanted))
            if not len(table):
                raise InputError(
                    f"no labelled row has {key} '{wanted}'.",
                    path=path,
                    key=key,
                    remedy=f"The table holds {', '.join(known) or 'no labels at all'}.",
                )
    if not len(table):
        raise InputError(
            "no row has a label.", path=path, remedy="Evaluate on a table that holds labels."
        )
    tags = table["tag"].combine_chunks()
    refuse_repeated_tags(path, tags)
    labels = table["label"].to_numpy().astype(np.float64)
    cycle = pc.fill_null(table["cycle"], 0).to_numpy()
    labels = np.where((labels > 0) & (cycle > 0), cycle, labels).astype(np.float64)
    background = _strings(table["source"])
    background[labels > 0] = POSITIVE
    return Answers(
        path,
        tags,
        labels,
        background,
        np.array(table["group"].to_pylist(), dtype=object),
        _strings(table["tf"]),
        _strings(table["assay"]),
        _strings(table["split"]),
    )


def _strings(column: pa.ChunkedArray) -> NDArray[np.object_]:
    return np.array(pc.fill_null(column, "").to_numpy(zero_copy_only=False), dtype=object)
