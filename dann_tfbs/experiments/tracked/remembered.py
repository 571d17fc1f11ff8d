"""What a folder remembers of MLflow: its run in each store, and whether that is complete."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import Field

from dann_tfbs.errors import InputError
from dann_tfbs.experiments.tracked.store import store_name
from dann_tfbs.files import write_text
from dann_tfbs.settings import StrictSettings, read_json

TRACKING_FILE = "tracking.json"
LOCK_FILE = ".tracking.lock"


class Entry(StrictSettings):
    """What one store has of a folder."""

    run_id: str | None = None
    """MLflow's name of the run; none where it could not be made."""
    complete: bool = False
    """Whether everything has arrived."""
    parent: str | None = None
    """MLflow's name of the study's run."""


class Remembered(StrictSettings):
    """The content of `tracking.json`."""

    id: str = Field(default_factory=lambda: uuid.uuid4().hex)
    """A name that no other folder has. It is a tag of the run in MLflow, by which a run is found
    again whose making was interrupted before MLflow's answer was noted."""
    stores: dict[str, Entry] = Field({})
    """By tracking URI, without password."""

    def at(self, uri: str) -> Entry:
        """Return what a store has."""
        return self.stores.get(store_name(uri), Entry())

    def noting(self, uri: str, entry: Entry) -> Remembered:
        """Return the same with another entry for a store."""
        stores = {**self.stores, store_name(uri): entry}
        return self.model_copy(update={"stores": stores})


def recall(folder: Path) -> Remembered | None:
    """Return what a folder remembers; None where it was never tracked.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    file = folder / TRACKING_FILE
    return read_json(Remembered, file) if file.is_file() else None


def remember(folder: Path, remembered: Remembered) -> None:
    """Write what is known, all or nothing."""
    text = json.dumps(remembered.model_dump(mode="json"), indent=2)
    write_text(folder / TRACKING_FILE, text + "\n")


class BusyError(InputError):
    """Another process is recording the folder."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes from recording the same folder meanwhile.

    Raises
    ------
    BusyError
        At once, if another process does so.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK_FILE, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise BusyError("another process is recording this.", path=folder) from error
    try:
        yield
    finally:
        lock.release()
