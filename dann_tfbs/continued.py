"""Writing long outputs piece by piece, so that an interrupted command can go on where it stopped.

While a file `NAME` is being written, `.NAME.partial` beside it holds what is there, and
`.NAME.partial.json` says what was asked (the *question*) and how many records and bytes are
certain. The same question goes on from there; a torn end is cut off. Another question starts anew.
`NAME` itself appears, or is replaced, by a rename, when it is whole.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from dann_tfbs.errors import DannTfbsError, InputError, OutputError
from dann_tfbs.files import unwritable, write_json

NOTE_SECONDS = 5.0
"""Time between two notes of how far the file is; a killed process repeats at most so much."""

Question = Mapping[str, Any]
"""What an output depends on, as plain JSON values: only an equal question may go on."""


class ContinuedFile:
    """A file in the making."""

    def __init__(
        self, file: BinaryIO, note: Path, question: Question | None, records: int, size: int
    ) -> None:
        # One attribute: an interruption must not fall between the two numbers.
        self._whole = (records, size)
        self._file = file
        self._note = note
        self._question = question
        self._noted = time.monotonic()

    @property
    def records(self) -> int:
        """Number of records that stand in the file."""
        return self._whole[0]

    def write(self, text: bytes | memoryview, records: int) -> None:
        """Append whole lines, which hold so many records.

        Lines must be handed out in the same pieces whenever the same question is asked.
        """
        self._file.write(text)
        self._whole = (self._whole[0] + records, self._whole[1] + len(text))
        if time.monotonic() - self._noted > NOTE_SECONDS:
            self.note()

    def note(self) -> None:
        """Make certain what was written so far, and note how much that is."""
        if self._question is None:
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        records, size = self._whole
        write_json(
            self._note, {"question": dict(self._question), "records": records, "bytes": size}
        )
        self._noted = time.monotonic()


@contextmanager
def continued(
    path: Path, question: Question | None, say: Callable[[str], None] = lambda text: None
) -> Iterator[ContinuedFile]:
    """Open an output that goes on where an interrupted one stopped, and rename it when it is whole.

    Parameters
    ----------
    path
        The final file. Until the block succeeds, what stands there stays.
    question
        What the output depends on; None: start anew, and keep nothing of a failure.
    say
        Takes a line for the user: that the file is continued, or why it is begun anew.

    Yields
    ------
    ContinuedFile
        With the number of records that are there already. After an error of the input or before the
        first record nothing is kept.

    Raises
    ------
    InputError
        If another process is writing this file.
    OutputError
        If it cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    note = path.with_name(f".{path.name}.partial.json")
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise InputError(
            "another process is writing this file.",
            path=path,
            remedy="Wait for it, or write to another file.",
        ) from error
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        yield from _locked(path, partial, note, question, say)
    except OSError as error:
        if error.filename is not None and str(error.filename) not in map(
            str, (path, partial, note)
        ):
            raise  # of an input: let it pass to whoever can explain it
        raise unwritable(path, error) from error
    finally:
        with suppress(OSError):
            os.unlink(lock.lock_file)  # while it is held: nobody waits for it
        lock.release()


def _locked(
    path: Path,
    partial: Path,
    note: Path,
    question: Question | None,
    say: Callable[[str], None],
) -> Iterator[ContinuedFile]:
    records, size = _certain(partial, note, question, say)
    with open(partial, "r+b" if size else "wb") as file:
        file.truncate(size)
        file.seek(size)
        output = ContinuedFile(file, note, question, records, size)
        try:
            yield output
            file.flush()
            os.fsync(file.fileno())
        except BaseException as error:
            refused = isinstance(error, DannTfbsError) and not isinstance(error, OutputError)
            if question is None or refused or not output.records:
                _remove(partial, note)
            else:
                with suppress(OSError, OutputError):  # a full disk: the last note stands
                    output.note()
            raise
    os.replace(partial, path)
    _remove(note)


def _certain(
    partial: Path, note: Path, question: Question | None, say: Callable[[str], None]
) -> tuple[int, int]:
    """Return the number of records and bytes that an interrupted writer left for this question."""
    if not note.is_file() or question is None:
        return 0, 0
    try:
        left = json.loads(note.read_text("utf-8"))
        records, size, before = int(left["records"]), int(left["bytes"]), dict(left["question"])
        found = partial.stat().st_size
    except (OSError, ValueError, KeyError, TypeError):
        say(f"{partial}: cannot be continued (its note is damaged); starting anew.")
        return 0, 0
    asked = json.loads(json.dumps(dict(question)))
    other = sorted(key for key in {*before, *asked} if before.get(key) != asked.get(key))
    if other:
        say(f"{partial}: belongs to another question ({', '.join(other)}); starting anew.")
        return 0, 0
    if found < size:
        say(f"{partial}: is shorter than its note says; starting anew.")
        return 0, 0
    say(f"{partial}: going on after {records} records.")
    return records, size


def _remove(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
