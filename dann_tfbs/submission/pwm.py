"""Checking a PWM submission: `>TF name`, five to thirty rows of four frequencies, a blank line."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from dann_tfbs.motifs import IBIS_ROWS, IBIS_SUM_TOLERANCE
from dann_tfbs.submission.expected import Expected
from dann_tfbs.submission.findings import Findings
from dann_tfbs.submission.text_blocks import is_gzip, text_blocks

MOST_PER_TF = 4
LONGEST_NAME = 30
DIGITS = 5

_BAD_IN_NAME = re.compile(r"[^A-Za-z0-9_]")
_DECIMAL = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+")
_BYTE_ORDER_MARK = "\ufeff"


def check_pwm(path: Path, expected: Expected, most: int = 10) -> Findings:
    """Check a file of matrices against the official rules and ours.

    Parameters
    ----------
    path
        The file, plain or gzip.
    expected
        TFs, if they are known.
    most
        Problems of a rule that are told in full.

    Raises
    ------
    InputError
        If the file cannot be read at all.
    """
    findings = Findings(path, most)
    if is_gzip(path):
        findings.add("plain text", "is compressed; the suite reads plain text: decompress it.")
    matrices = _Matrices(findings, expected)
    for number, text in _lines(path, findings):
        matrices.read(number, text)
    matrices.end()
    findings.about = f"PWM, {matrices.count} matrices of {len(matrices.of_tf)} TFs"
    return findings


def _lines(path: Path, findings: Findings) -> Iterator[tuple[int, str]]:
    for block, first in text_blocks(path):
        for number, line in enumerate(block.split(b"\n")[:-1], start=first):
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError as error:
                byte = line[error.start]
                findings.add("UTF-8", f"the byte 0x{byte:02x} is not UTF-8.", number)
                text = line.decode("utf-8", "replace")
            if number == 1 and text.startswith(_BYTE_ORDER_MARK):
                findings.add("byte order mark", "the file begins with a byte order mark.", 1, 1)
                text = text.removeprefix(_BYTE_ORDER_MARK)
            if text.endswith("\r"):
                if findings.counts["line ends"]:
                    findings.more("line ends", 1)
                else:
                    about = "the line ends in CR LF: write LF alone (counted once for each line)."
                    findings.add("line ends", about, number)
                text = text.rstrip("\r")
            yield number, text


class _Matrices:
    """What was read so far, and the matrix that is being read."""

    def __init__(self, findings: Findings, expected: Expected) -> None:
        self.count = 0
        self.of_tf: Counter[str] = Counter()
        self._names: dict[str, int] = {}
        self._findings = findings
        self._tfs = expected.tfs
        self._header = 0  # line of the current matrix's header; 0 where a header must come
        self._name = ""
        self._rows = 0
        self._begun = False

    def read(self, number: int, text: str) -> None:
        """Take the next line."""
        self._begun = True
        if text.startswith(">"):
            if self._header:
                about = "a blank line must stand before each further matrix."
                self._findings.add("blank line", about, number)
            self._end_matrix()
            self._begin(number, text)
        elif not text.strip():
            if not self._header:
                about = "a blank line stands where a header `>TF name` must stand."
                self._findings.add("header", about, number)
            self._end_matrix()
        elif not self._header:
            self._findings.add("header", f"{text!r} stands where `>TF name` must stand.", number)
            self._begin_nameless(number)
            self._read_row(number, text)
        else:
            self._read_row(number, text)

    def end(self) -> None:
        """Check what only the whole file tells."""
        self._end_matrix()
        if not self._begun:
            self._findings.add("empty file", "is empty.", 1)
        for tf in self._tfs or ():
            if tf not in self.of_tf:
                self._findings.add("missing TF", f"there is no matrix of {tf}.")

    def _begin(self, number: int, text: str) -> None:
        self._header, self._rows = number, 0
        self.count += 1
        fields = text[1:].split(" ")
        self._name = fields[-1]
        if len(fields) != 2:
            about = f"{text!r} is not `>TF name` with one space."
            self._findings.add("header", about, number)
            return
        tf, name = fields
        self.of_tf[tf] += 1
        if self.of_tf[tf] > MOST_PER_TF:
            about = f"matrix {self.of_tf[tf]} of {tf}; at most {MOST_PER_TF} are allowed."
            self._findings.add("matrices per TF", about, number)
        if self._tfs is not None and tf not in self._tfs:
            about = f"the benchmark has no TF '{tf}'."
            self._findings.add("unknown TF of a matrix", about, number, 1)
        self._check_name(number, name)

    def _begin_nameless(self, number: int) -> None:
        self._header, self._rows, self._name = number, 0, ""
        self.count += 1

    def _check_name(self, number: int, name: str) -> None:
        if not name:
            self._findings.add("empty name", "the matrix has no name.", number, 2)
            return
        if len(name) > LONGEST_NAME:
            about = f"the name '{name}' has {len(name)} characters, at most {LONGEST_NAME} count."
            self._findings.add("name", about.replace(" count", " are allowed"), number, 2)
        if bad := _BAD_IN_NAME.search(name):
            about = f"the name {name!r} holds {bad[0]!r}; allowed are A-Z a-z 0-9 _."
            self._findings.add("name", about, number, 2)
        if name in self._names:
            about = f"the name '{name}' stands on line {self._names[name]} too."
            self._findings.add("unique name", about, number, 2)
        self._names.setdefault(name, number)

    def _read_row(self, number: int, text: str) -> None:
        self._rows += 1
        fields = text.split(" ")
        if len(fields) != 4:
            about = f"{text!r} is not four numbers with single spaces between them."
            self._findings.add("four frequencies", about, number)
            return
        total = 0.0
        for place, field in enumerate(fields, start=1):
            try:
                value = float(field)
            except ValueError:
                about = f"{field!r} is no number."
                self._findings.add("four frequencies", about, number, place)
                return
            total += value
            after_point = field.partition(".")[2]
            if len(after_point) > DIGITS:
                about = f"{field} has {len(after_point)} characters after the point, not up to 5."
                self._findings.add("five digits", about, number, place)
            if not (0 <= value <= 1 and _DECIMAL.fullmatch(field)):
                about = f"{field!r} is not a frequency between 0 and 1, plainly written."
                self._findings.add("frequency", about, number, place)
        if not math.isnan(total) and abs(total - 1) > IBIS_SUM_TOLERANCE:
            about = f"the frequencies sum to {total:.6g}, not to 1 ± {IBIS_SUM_TOLERANCE}."
            self._findings.add("sum", about, number)

    def _end_matrix(self) -> None:
        fewest, most = IBIS_ROWS
        if self._header and not fewest <= self._rows <= most:
            about = f"the matrix '{self._name}' has {self._rows} rows, not {fewest} to {most}."
            self._findings.add("length", about, self._header)
        self._header = 0
