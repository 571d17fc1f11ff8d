"""Checking a submission of either kind: official rules and ours, all problems at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from dann_tfbs.submission.aaa import check_aaa
from dann_tfbs.submission.expected import read_expected
from dann_tfbs.submission.findings import Findings
from dann_tfbs.submission.pwm import check_pwm
from dann_tfbs.submission.text_blocks import text_blocks

Kind = Literal["aaa", "pwm"]


def validate(
    path: Path,
    benchmark: Path | None = None,
    tfs: Sequence[str] | None = None,
    kind: Kind | None = None,
    most: int = 10,
) -> Findings:
    """Check a submission.

    Parameters
    ----------
    path
        An AAA table or a file of matrices.
    benchmark
        `benchmark.json`, or participants' FASTA: the tags (and TFs) that must be there. Without it
        the form alone is checked.
    tfs
        TFs of the benchmark, where `benchmark` does not name them or others are meant.
    kind
        None: a file that begins with `>` holds matrices.
    most
        Problems of a rule that are told in full.

    Raises
    ------
    InputError
        If a file cannot be read at all. What is wrong with the submission is no error here.
    """
    expected = read_expected(benchmark, tfs)
    if (kind or _kind_of(path)) == "pwm":
        return check_pwm(path, expected, most)
    return check_aaa(path, expected, most)


def _kind_of(path: Path) -> Kind:
    for block, _ in text_blocks(path):
        return "pwm" if block.lstrip(b"\xef\xbb\xbf \r\n").startswith(b">") else "aaa"
    return "aaa"
