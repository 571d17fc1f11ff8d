"""Test sets that runs are scored on when they are compared: sequences, and their answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.data.scoring_input import read_scoring_input
from dann_tfbs.data.table import read_table, table_sequences
from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.answers import in_order_of, read_answers
from dann_tfbs.sequence import Sequences

TEST = "test"


@dataclass(frozen=True)
class LabelledTest:
    """A test of one TF and assay.

    Attributes
    ----------
    path
        Where its answers lie.
    tf, assay
        What it is about; empty where nothing says so, which any run may be scored on.
    sequences
        n sequences.
    bound
        Shape (n,).
    """

    path: Path
    tf: str
    assay: str
    sequences: Sequences
    bound: NDArray[np.bool_]


def read_tests(tests: Sequence[Path], answers: Sequence[Path]) -> list[LabelledTest]:
    """Read tests.

    Parameters
    ----------
    tests
        Files of sequences, each with answers of its own, and prepared tables, which hold theirs
        (split `test`).
    answers
        One for each file of sequences, in the same order.

    Raises
    ------
    InputError
        If their numbers differ, a file cannot be read, or a tag has no sequence.
    """
    files = [path for path in tests if not _is_table(path)]
    if len(files) != len(answers):
        raise InputError(
            f"{len(files)} --test without answers of their own, but {len(answers)} --answers.",
            key="--answers",
            remedy="Give one for each; a prepared folder needs none.",
        )
    pairs = dict(zip(files, answers, strict=True))
    found = []
    for path in tests:
        found += _of_table(path) if _is_table(path) else [_of_file(path, pairs[path])]
    return found


def fitting_test(
    tests: Sequence[LabelledTest], tf: str | None, assay: str, run: Path
) -> LabelledTest:
    """Return the one test that fits a run.

    Raises
    ------
    InputError
        If none or several do.
    """
    found = [one for one in tests if one.tf in ("", tf) and one.assay in ("", assay)]
    if len(found) != 1:
        raise InputError(
            f"{len(found)} tests are of its TF {tf} and target {assay}.",
            path=run,
            key="--test",
            remedy="Give exactly one for each TF and target; a name such as HTS_FOXA1.json says "
            "what answers are about.",
        )
    return found[0]


def _is_table(path: Path) -> bool:
    return path.is_dir() or path.suffix == ".parquet"


def _of_file(path: Path, answers: Path) -> LabelledTest:
    labelled = read_answers(answers)
    chunks = list(read_scoring_input(path))
    tags = pa.array([tag for names, _ in chunks for tag in names], pa.string())
    found = sequence.concatenate([part for _, part in chunks])
    sequences = in_order_of(labelled, tags, found, f"Are these the answers of {path}?")
    tf, assay = str(labelled.tf[0]), str(labelled.assay[0])
    return _checked(LabelledTest(answers, tf, assay, sequences, labelled.labels > 0))


def _of_table(path: Path) -> list[LabelledTest]:
    rows = read_table(path, ["sequence", "label", "tf", "assay", "split"])
    rows = rows.filter(pc.and_(pc.equal(rows["split"], TEST), pc.is_valid(rows["label"])))
    kinds = rows.group_by(["tf", "assay"]).aggregate([]).to_pylist()
    if not kinds:
        raise InputError(
            "holds no labelled rows of the split test.",
            path=path,
            remedy="Prepare a table with a test, or give files as --test and --answers.",
        )
    found = []
    for kind in kinds:
        same = pc.and_(pc.equal(rows["tf"], kind["tf"]), pc.equal(rows["assay"], kind["assay"]))
        own = rows.filter(same)
        bound = own["label"].to_numpy() > 0
        test = LabelledTest(path, kind["tf"], kind["assay"], table_sequences(own), bound)
        if 0 < bound.sum() < len(bound):  # what lacks one class is the test of nobody
            found.append(test)
    return found


def _checked(test: LabelledTest) -> LabelledTest:
    if not 0 < test.bound.sum() < len(test.bound):
        raise InputError(
            f"{test.bound.sum()} of {len(test.bound)} sequences are bound.",
            path=test.path,
            remedy="A curve needs bound and unbound ones.",
        )
    return test
