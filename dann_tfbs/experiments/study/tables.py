"""The data of a study's tasks: prepared tables, tests and unlabelled sequences, each made once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from filelock import FileLock
from numpy.typing import NDArray
from pydantic import ValidationError

from dann_tfbs import files, sequence
from dann_tfbs._version import __version__
from dann_tfbs.data.prepare import prepare
from dann_tfbs.data.readers.pbm import read_pbm
from dann_tfbs.data.recipe import Recipe
from dann_tfbs.data.scoring_input import read_scoring_input
from dann_tfbs.data.table import MANIFEST_FILE, read_table, table_file, table_sequences
from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.answers import read_answers
from dann_tfbs.experiments.study.settings import DataSource
from dann_tfbs.sequence import Sequences
from dann_tfbs.settings import validated
from dann_tfbs.simulation.package import simulate
from dann_tfbs.simulation.settings import SCALES, SimulationSettings


@dataclass(frozen=True)
class TestSet:
    """Where the labelled sequences of a test lie: a prepared folder, or a FASTA with answers.

    Attributes
    ----------
    path
        The prepared folder or the FASTA.
    answers
        The answers of a FASTA; None for a prepared folder, whose split `test` tests.
    tf, assay
        What the answers are about.
    """

    path: Path
    answers: Path | None
    tf: str
    assay: str

    def digest(self) -> str:
        """Digest of everything that decides the scores."""
        inputs = [table_file(self.path), *([] if self.answers is None else [self.answers])]
        return " ".join(files.sha256(path) for path in inputs)

    def read(self) -> tuple[Sequences, NDArray[np.int64]]:
        """Return n sequences and their labels, 0 or 1, shape (n,).

        Raises
        ------
        InputError
            If they cannot be read, or one class is missing.
        """
        if self.answers is None:
            table = read_table(self.path)
            wanted = [("split", "test"), ("tf", self.tf), ("assay", self.assay)]
            for column, value in wanted:
                table = table.filter(pc.equal(table[column], value))
            table = table.filter(pc.is_valid(table["label"]))
            sequences, labels = table_sequences(table), table["label"].to_numpy().astype(int)
        else:
            answers = read_answers(self.answers, self.tf, self.assay)
            label_of = dict(
                zip(answers.tags.to_pylist(), (answers.labels > 0).tolist(), strict=True)
            )
            parts, found = [], []
            for tags, chunk in read_scoring_input(self.path):
                parts.append(chunk.take(np.array([tag in label_of for tag in tags], dtype=bool)))
                found += [int(label_of[tag]) for tag in tags if tag in label_of]
            if len(found) != len(label_of):
                raise InputError(
                    f"{len(found)} sequences of {self.path} have one of the {len(label_of)} tags.",
                    path=self.answers,
                    remedy="Are these the answers of that file?",
                )
            sequences, labels = sequence.concatenate(parts), np.array(found, dtype=int)
        if not 0 < labels.sum() < len(labels):
            raise InputError(
                f"{labels.sum()} of {len(labels)} test sequences of {self.tf} in {self.assay} "
                "are bound.",
                path=self.path,
                remedy="A test needs bound and unbound ones.",
            )
        return sequences, labels


def data_root(source: DataSource, work: Path) -> Path | None:
    """Return the folder of a study's raw data, simulated where that is asked for; None without one.

    It is absolute if `work` is.

    Raises
    ------
    InputError
        If there is no such folder.
    """
    if source.simulate is not None:
        return _simulated(source.simulate, work)
    if source.root is None:
        return None
    root = Path(os.path.abspath(os.path.expandvars(source.root)))
    if not root.is_dir():
        raise InputError(
            "there are no data here.",
            path=source.root,
            remedy="Set the environment variable, or take other data by --data.",
        )
    return root


def _simulated(given: Mapping[str, Any], work: Path) -> Path:
    values = dict(given)
    scale = values.pop("scale", "small")
    if scale not in SCALES:
        raise InputError(f"'{scale}' is no scale.", remedy=f"Known: {', '.join(SCALES)}.")
    try:
        settings = SimulationSettings.model_validate({**SCALES[scale], **values})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in ("simulate", *first["loc"]))
        raise InputError(f"{first['msg']}.", key=key) from error
    folder = work / f"simulated-{_short([settings.model_dump(mode='json'), __version__])}"
    work.mkdir(parents=True, exist_ok=True)
    with FileLock(work / ".simulated.lock"):
        if not folder.is_dir():
            simulate(folder, settings)
    return folder


def prepared(values: Mapping[str, Any], folder: Path, name: str) -> Path:
    """Return the prepared folder of a recipe, made where it is missing or its raw files changed.

    Parameters
    ----------
    values
        Keys of `Recipe`.
    folder
        Holds all prepared folders of the study.
    name
        Begins the name of this one; its digest follows.
    """
    recipe = validated(Recipe, values, name)
    out = folder / f"{name}-{_short([recipe.model_dump(mode='json'), __version__])}"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f".{out.name}.lock"):
        if not (out / MANIFEST_FILE).is_file() or _stale(out, recipe):
            prepare(recipe, out)
    return out


def _stale(out: Path, recipe: Recipe) -> bool:
    """Tell whether a raw file is no longer what the table was made of."""
    known = json.loads((out / MANIFEST_FILE).read_text("utf-8"))["files"]
    root = recipe.ibis_root or Path(recipe.sheet or "").parent
    return any(
        not (root / name).is_file() or files.sha256(root / name) != digest
        for name, digest in known.items()
    )


def pool_file(root: Path, pattern: str, target: str, folder: Path, name: str) -> Path:
    """Return a text file of all sequences of a raw file of the target, without labels."""
    found = sorted(root.glob(pattern))
    if len(found) != 1:
        raise InputError(
            f"{len(found)} files are called so, not one.", path=root / pattern, key="unlabelled"
        )
    out = folder / f"{name}-{files.sha256(found[0])[:12]}.txt"
    with FileLock(folder / f".{out.name}.lock"):
        if not out.is_file():
            if target == "PBM":
                sequences = read_pbm(found[0]).sequences
            else:
                sequences = sequence.concatenate([c for _, c in read_scoring_input(found[0])])
            files.write_text(out, "\n".join(sequence.decode(sequences)) + "\n")
    return out


def _short(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]
