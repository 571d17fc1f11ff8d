"""Checking an AAA table: `tag`, then a column of scores for each TF.

The table is read in blocks of bytes. What is written plainly is checked a block at a time; only
what stands out is looked at by itself. What is kept of every line is a 64-bit number of its tag.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.submission.expected import Expected
from dann_tfbs.submission.findings import Findings
from dann_tfbs.submission.tag_keys import absent, keys_at, repeats
from dann_tfbs.submission.text_blocks import is_gzip, lines_of, text_blocks
from dann_tfbs.submission.values import plain_values, problems_of_value

MOST_ODD = 1_000_000
"""Odd values that are looked at one by one; a table with more is not read further."""

_TAB, _NEWLINE = 9, 10
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def check_aaa(path: Path, expected: Expected, most: int = 10) -> Findings:
    """Check a table of predictions against the official rules and ours.

    Parameters
    ----------
    path
        The table, plain or gzip.
    expected
        Tags and TFs, as far as they are known.
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
    table = _Table(findings)
    for block, first in text_blocks(path):
        table.read(block, first)
        if table.odd > MOST_ODD:
            findings.add("too many problems", "the check ends here.", first + block.count(b"\n"))
            break
    if not table.begun:
        findings.add("empty file", "is empty.", 1)
        return findings
    _check_columns(table, findings, expected)
    if table.odd <= MOST_ODD:
        _check_tags(path, np.concatenate([*table.keys, np.empty(0, np.uint64)]), findings, expected)
    findings.about = f"AAA, {table.rows} rows, {len(table.names)} TFs"
    return findings


class _Table:
    """What was read of a table so far.

    Attributes
    ----------
    names
        Names of the score columns.
    keys
        The tag's number of every line after the header, in pieces.
    rows
        Lines after the header.
    odd
        Values that had to be looked at by themselves.
    no_data
        Index of each column that holds `nodata`.
    compared
        Rows whose values were checked.
    varied
        Whether a column holds more than one value in them, shape (columns,).
    """

    def __init__(self, findings: Findings) -> None:
        self.names: list[str] = []
        self.keys: list[NDArray[np.uint64]] = []
        self.rows = 0
        self.odd = 0
        self.compared = 0
        self.no_data: set[int] = set()
        self.begun = False
        self.varied = np.zeros(0, dtype=bool)
        self._first: NDArray[np.uint64] | None = None
        self._findings = findings

    def read(self, block: bytes, first: int) -> None:
        """Check whole lines, of which the first has this number."""
        block = self._as_unix(block, first)
        self._check_letters(block, first)
        if not self.begun:
            self.begun = True
            header, _, block = block.partition(b"\n")
            self._read_header(header)
            first += 1
        if block:
            self._read_rows(block, first)

    def _as_unix(self, block: bytes, first: int) -> bytes:
        if b"\r" not in block:
            return block
        times = block.count(b"\r\n")
        if times:
            line = first + block.count(b"\n", 0, block.index(b"\r\n"))
            if not self._findings.counts["line ends"]:
                text = "the line ends in CR LF: write LF alone (counted once for each line)."
                self._findings.add("line ends", text, line)
                times -= 1
            self._findings.more("line ends", times)
        block = block.replace(b"\r\n", b"\n")
        if b"\r" in block:
            line = first + block.count(b"\n", 0, block.index(b"\r"))
            self._findings.add("line ends", "a carriage return stands inside the line.", line)
        return block

    def _check_letters(self, block: bytes, first: int) -> None:
        if block.isascii():
            return
        try:
            block.decode("utf-8")
        except UnicodeDecodeError as error:
            line = first + block.count(b"\n", 0, error.start)
            self._findings.add("UTF-8", f"the byte 0x{block[error.start]:02x} is not UTF-8.", line)

    def _read_header(self, header: bytes) -> None:
        if header.startswith(_BYTE_ORDER_MARK):
            self._findings.add("byte order mark", "the file begins with a byte order mark.", 1, 1)
            header = header.removeprefix(_BYTE_ORDER_MARK)
        tag, *self.names = header.decode("utf-8", "replace").split("\t")
        if tag != "tag":
            self._findings.add("tag column", f"the first column is {tag!r}, not 'tag'.", 1, 1)
        if not self.names:
            text = "there is no column of a TF: separate `tag` and the TFs by tabs."
            self._findings.add("TF columns", text, 1)
        for place, name in enumerate(self.names):
            if not name.strip() or name != name.strip():
                text = f"{name!r} is empty or has white space around it."
                self._findings.add("column name", text, 1, place + 2)
            elif name in self.names[:place]:
                before = self.names.index(name) + 2
                text = f"'{name}' is also the name of column {before}."
                self._findings.add("repeated column", text, 1, place + 2)
        self.varied = np.zeros(len(self.names), dtype=bool)

    def _read_rows(self, block: bytes, first: int) -> None:
        letters = np.frombuffer(block + b"\0" * 8, dtype=np.uint8)
        ends = np.flatnonzero(letters == _NEWLINE)
        tabs = np.flatnonzero(letters == _TAB)
        starts = np.concatenate([[0], ends[:-1] + 1])
        count = len(self.names)
        numbers = np.arange(first, first + len(ends))
        self.rows += len(ends)
        regular = tabs.reshape(len(ends), count) if len(tabs) == len(ends) * count else None
        if regular is None or (
            count and ((regular[:, 0] < starts) | (regular[:, -1] >= ends)).any()
        ):
            regular, kept = self._regular(starts, ends, tabs, numbers, block)
        else:
            kept = np.ones(len(ends), dtype=bool)
        first_tabs = np.searchsorted(tabs, starts)
        tag_ends = np.minimum(np.append(tabs, len(letters))[first_tabs], ends)
        self.keys.append(keys_at(letters, starts, tag_ends - starts))
        if count and len(regular):
            self._check_values(letters, regular, ends[kept], numbers[kept], block)

    def _regular(
        self,
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        tabs: NDArray[np.int64],
        numbers: NDArray[np.int64],
        block: bytes,
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Note the lines with another number of fields; return tabs and places of the others."""
        count = len(self.names)
        found = np.searchsorted(tabs, ends) - np.searchsorted(tabs, starts)
        for row in np.flatnonzero(found != count).tolist():
            line = int(numbers[row])
            fields = int(found[row]) + 1
            if not block[starts[row] : ends[row]].strip():
                self._findings.add("too few fields", "the line is blank.", line)
            else:
                rule = "too few fields" if fields <= count else "too many fields"
                text = f"the line has {fields} fields, the header {count + 1}."
                self._findings.add(rule, text, line)
        kept = found == count
        return tabs[np.repeat(kept, found)].reshape(-1, count), kept

    def _check_values(
        self,
        letters: NDArray[np.uint8],
        tabs: NDArray[np.int64],
        ends: NDArray[np.int64],
        numbers: NDArray[np.int64],
        block: bytes,
    ) -> None:
        starts = tabs + 1
        stops = np.concatenate([tabs[:, 1:], ends[:, None]], axis=1)
        forms, plain = plain_values(letters, starts, stops - starts)
        if self._first is None:
            self._first = forms[0].copy()
        self.compared += len(forms)
        self.varied |= (forms != self._first).any(axis=0)
        if plain.all():
            return
        odd = np.argwhere(~plain)
        self.odd += len(odd)
        for row, column in odd.tolist():
            text = block[starts[row, column] : stops[row, column]].decode("utf-8", "replace")
            for rule, problem in problems_of_value(text):
                if rule == "nodata":
                    if column in self.no_data:
                        continue  # once a column, as the suite says it
                    self.no_data.add(column)
                where = f"{self.names[column]}: {problem}"
                self._findings.add(rule, where, int(numbers[row]), column + 2)


def _check_columns(table: _Table, findings: Findings, expected: Expected) -> None:
    if expected.tfs is not None:
        for place, name in enumerate(table.names):
            if name not in expected.tfs:
                text = f"the benchmark has no TF '{name}'."
                findings.add("unknown TF", text, 1, place + 2)
        for name in expected.tfs:
            if name not in table.names:
                findings.add("missing TF", f"there is no column of {name}.", 1)
    if table.names and len(table.no_data) == len(table.names):
        findings.add("no complete column", "no column is complete: nothing can be scored.")
    if table.compared > 1:
        for place in np.flatnonzero(~table.varied).tolist():
            if place in table.no_data:
                continue  # rejected anyway
            text = f"{table.names[place]}: all {table.compared} values are equal."
            findings.add("constant column", text, 1, place + 2)


def _check_tags(
    path: Path, keys: NDArray[np.uint64], findings: Findings, expected: Expected
) -> None:
    """Compare the tags of all lines, from line 2 on, with those of the benchmark."""
    if not len(keys):
        findings.add("no rows", "there are no rows after the header.", 1)
    again, before = repeats(keys)
    extra = np.empty(0, dtype=np.intp)
    if expected.keys is not None:
        extra = absent(keys, expected.keys)
        missing = absent(expected.keys, keys)
        told = missing[: findings.room("missing tag")].tolist()
        for place, tag in zip(told, expected.tags_at(told), strict=True):
            text = f"the tag '{tag}', number {place + 1} of {expected.source}, has no row."
            findings.add("missing tag", text)
        findings.more("missing tag", len(missing) - len(told))
    shown = again[: findings.room("repeated tag")], extra[: findings.room("extra tag")]
    lines = lines_of(path, (np.concatenate(shown) + 2).tolist())
    for place, first in zip(shown[0].tolist(), before.tolist(), strict=False):
        tag = lines[place + 2].split("\t")[0]
        text = f"the tag '{tag}' stands on line {first + 2} too; the suite takes the last one."
        findings.add("repeated tag", text, place + 2, 1)
    for place in shown[1].tolist():
        tag = lines[place + 2].split("\t")[0]
        findings.add("extra tag", f"the benchmark has no tag '{tag}'.", place + 2, 1)
    findings.more("repeated tag", len(again) - len(shown[0]))
    findings.more("extra tag", len(extra) - len(shown[1]))
