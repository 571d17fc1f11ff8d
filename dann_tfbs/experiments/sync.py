"""Run folders and studies that MLflow does not have yet, found in a tree and sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dann_tfbs.errors import DannTfbsError, InputError
from dann_tfbs.experiments.comparison.write import MARKDOWN_FILE, PAGE_FILE
from dann_tfbs.experiments.recorded import finish_parent, send_outcome, send_run, start_study
from dann_tfbs.experiments.study_folder import RUN, is_study, outcome_folders
from dann_tfbs.experiments.tracked.remembered import BusyError, Remembered, recall
from dann_tfbs.experiments.tracked.store import patience, reached, reason_of
from dann_tfbs.run_folder import find_runs, is_run

_NO_RUNS = ("mlflow-artifacts", "figures")
"""Names of folders that hold copies of files of runs, or none."""


@dataclass
class Synced:
    """What became of the runs of a tree.

    Attributes
    ----------
    sent
        Runs that were sent, wholly or what was missing.
    complete
        Runs that MLflow had already.
    busy
        Runs that another process is recording.
    failed
        Runs that could not be sent.
    """

    sent: int = 0
    complete: int = 0
    busy: int = 0
    failed: int = 0

    def __str__(self) -> str:
        text = f"{self.sent} sent, {self.complete} already complete"
        text += f", {self.busy} being recorded by another process" if self.busy else ""
        return text + (f", {self.failed} failed" if self.failed else "")


def sync(paths: Sequence[Path], uri: str, report: Callable[[str], None]) -> Synced:
    """Send all that MLflow lacks of the finished runs and studies at some paths.

    Parameters
    ----------
    paths
        Run folders, folders of seeds, study folders, or trees of these.
    uri
        MLflow tracking URI.
    report
        Told in one line of everything that is sent or fails.

    Raises
    ------
    InputError
        If a path does not exist or holds no finished run.
    DannTfbsError
        If the store cannot be reached, at the start or any more.
    """
    found = dict.fromkeys(item for path in paths for item in _found(path))
    reached(uri)
    synced = Synced()
    for folder in found:
        if is_study(folder):
            _sync_study(folder, uri, synced, report)
        else:
            _attempt(folder, uri, synced, report, lambda f: int(send_run(f, uri)), 1)
    return synced


def _found(path: Path) -> list[Path]:
    if not path.is_dir():
        raise InputError("there is no such folder.", path=path, remedy="Name a folder of runs.")
    found = list(_walk(path))
    if not found:
        raise InputError(
            "there is no finished run here.",
            path=path,
            remedy="Name run folders, studies or a folder of them; an unfinished run needs "
            "`dann-tfbs train --resume`.",
        )
    return found


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the studies and run folders of a tree, the studies as a whole."""
    if is_study(folder) or is_run(folder):
        yield folder
        return
    for inner in sorted(folder.iterdir()):
        if inner.is_dir() and inner.name not in _NO_RUNS and not inner.name.startswith("."):
            yield from _walk(inner)


def _sync_study(study: Path, uri: str, synced: Synced, report: Callable[[str], None]) -> None:
    folders = outcome_folders(study)
    sizes = {folder: len(find_runs(folder / RUN)) for folder in folders}
    entry = (recall(study) or Remembered()).at(uri)
    if entry.complete and all(_complete(f, uri, entry.run_id) for f in folders):
        synced.complete += sum(sizes.values())
        return
    parent = start_study(study, uri)
    if parent is None:
        reached(uri)  # says why, if it is the store
        report(f"{study}: failed; its runs are left for the next time.")
        synced.failed += sum(sizes.values())
        return
    before = synced.failed, synced.busy
    for folder, size in sizes.items():
        _attempt(folder, uri, synced, report, lambda f: send_outcome(f, uri, parent=parent), size)
    whole = (synced.failed, synced.busy) == before
    files = [file for file in (study / MARKDOWN_FILE, study / PAGE_FILE) if file.is_file()]
    finish_parent(uri, parent, files=files, folder=study if whole else None)


def _complete(folder: Path, uri: str, parent: str | None) -> bool:
    """Tell whether MLflow has all runs of an outcome, below its study."""
    entries = [(recall(run) or Remembered()).at(uri) for run in find_runs(folder / RUN)]
    return all(entry.complete and entry.parent == parent for entry in entries)


def _attempt(
    folder: Path,
    uri: str,
    synced: Synced,
    report: Callable[[str], None],
    send: Callable[[Path], int],
    runs: int,
) -> None:
    """Send one folder and count what became of its runs; a lost store ends everything."""
    try:
        with patience():
            sent = send(folder)
    except BusyError:
        synced.busy += runs
    except Exception as error:
        reached(uri)
        synced.failed += runs
        report(f"{folder}: failed ({_line(error)})")
    else:
        synced.sent += sent
        synced.complete += runs - sent
        if sent:
            report(f"{folder}: sent")


def _line(error: Exception) -> str:
    return str(error) if isinstance(error, DannTfbsError) else reason_of(error)
