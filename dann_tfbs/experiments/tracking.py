"""Runs recorded in MLflow, in such a way that MLflow can never cost anybody a run.

The run folder is the record that counts; MLflow is a view of it. Whatever MLflow raises is
reported once and the run goes on. Metrics that could not be sent are kept and sent later; what
is still missing at the end, the folder remembers (`tracking.json`), for `dann-tfbs track sync`.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dann_tfbs.experiments.tracked.opening import ID_TAG, known_run, new_run
from dann_tfbs.experiments.tracked.remembered import Entry, Remembered, held, recall, remember
from dann_tfbs.experiments.tracked.store import (
    Guard,
    chosen_uri,
    connected,
    experiment_id,
    legal,
    no_collection,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from dann_tfbs.experiments.tracked.epoch_log import Point
    from dann_tfbs.experiments.tracked.upload import Exporters, Known

FLUSH_SECONDS = 5.0
"""Metrics are sent at most this often …"""

RETRY_SECONDS = 60.0
"""… and after a failure not before this time, so that a dead server hardly slows a run."""

REST = 30.0
"""After sending metrics, this many times as long passes without, so that a slow server costs a
thirtieth of a training at most."""

METRICS_A_BATCH = 1000


class Tracker:
    """Tracking switched off: every call does nothing. Also the interface of other trackers."""

    run_id: str = ""
    """MLflow's name of the run; empty where nothing is recorded."""

    def start(
        self,
        experiment: str,
        run_name: str,
        params: Mapping[str, str],
        tags: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Begin a run, or go on with one that was interrupted.

        Parameters
        ----------
        experiment
            Name of the MLflow experiment; made where it does not exist.
        run_name
            Name to show for the run.
        params
            Settings under dotted keys.
        tags
            Short facts to filter runs by.
        folder
            The run folder, if there may be one from before an interruption.
        """

    def attach(self, folder: Path) -> None:
        """Remember in the run folder, which now exists, what MLflow has; hold it until the end."""

    def log(self, points: Sequence[Point]) -> None:
        """Record values of metrics (sent a little later, together with others)."""

    def log_run(self, folder: Path, exporters: Exporters) -> None:
        """Record all that a finished run folder tells and MLflow does not have yet.

        Parameters
        ----------
        folder
            The run folder.
        exporters
            Shared by all runs, so that those of one layout are traced once.
        """

    def finish(self, status: Literal["FINISHED", "FAILED", "KILLED"] = "FINISHED") -> None:
        """Send what is left and end the run."""


class MlflowTracker(Tracker):
    """Tracking in MLflow.

    Parameters
    ----------
    uri
        An MLflow tracking URI: a database (`sqlite:///…`, `postgresql://…`) or a server.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._guarded = Guard(uri)
        self._client: MlflowClient | None = None
        self._points: list[Point] = []
        self._next_flush = 0.0
        self._remembered: Remembered | None = None
        self._folder: Path | None = None
        self._hold = ExitStack()
        self._known: Known | None = None
        self._whole = False

    def start(
        self,
        experiment: str,
        run_name: str,
        params: Mapping[str, str],
        tags: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Begin a run; where that fails, it goes unrecorded until `track sync`."""
        with self._guarded("the run could not be started"), no_collection():
            from dann_tfbs.experiments.tracked.upload import Known, ask

            before = None if folder is None else recall(folder)
            self._remembered = before or Remembered()
            client = connected(self.uri)
            place = experiment_id(client, experiment, self.uri)
            found = None if before is None else known_run(client, place, before, self.uri)
            if found is None:
                labels = {**(tags or {}), ID_TAG: self._remembered.id}
                self.run_id, self._known = new_run(client, place, run_name, labels), Known()
            else:
                client.update_run(found, status="RUNNING")
                self.run_id, self._known = found, ask(client, found)
            self._client = client
        if self._client is None or self._known is None:
            return
        with self._guarded("parameters could not be recorded"):
            from dann_tfbs.experiments.tracked.upload import send_batches

            new = {key: v for key, v in params.items() if legal(key) not in self._known.params}
            send_batches(self._client, self.run_id, params=new)
            self._known.params |= {legal(key) for key in new}

    def attach(self, folder: Path) -> None:
        """Remember in the run folder, which now exists, what MLflow has; hold it until the end."""
        if self._folder is not None:
            return
        with self._guarded(f"{folder} could not be marked"):
            self._hold.enter_context(held(folder))
            self._folder = folder
            self._note(complete=False)

    def log(self, points: Sequence[Point]) -> None:
        """Record values of metrics (sent a little later, together with others)."""
        if self._client is None:
            return
        self._points += points
        if time.monotonic() >= self._next_flush:
            self._flush()

    def log_run(self, folder: Path, exporters: Exporters) -> None:
        """Record all that a finished run folder tells and MLflow does not have yet."""
        self.attach(folder)
        if self._client is None or self._known is None:
            return
        self._flush()
        with self._guarded(f"{folder} could not be recorded wholly"):
            from dann_tfbs.experiments.tracked.facts import facts_of
            from dann_tfbs.experiments.tracked.upload import has_model, send_facts, send_run_model

            facts = facts_of(folder)
            # What the caller knew at the start, such as the study, is not emptied.
            tags = {key: value for key, value in facts.tags.items() if value}
            send_facts(self._client, self.run_id, facts, tags, self._known)
            self._points.clear()
            if not has_model(self._client, self.run_id):
                send_run_model(self._client, self.run_id, folder, exporters)
            self._whole = True

    def finish(self, status: Literal["FINISHED", "FAILED", "KILLED"] = "FINISHED") -> None:
        """Send what is left and end the run."""
        gc.unfreeze()
        if self._client is not None:
            self._flush()
            with self._guarded("the end of the run could not be recorded"):
                self._client.set_terminated(self.run_id, status)
                if self._whole and status == "FINISHED":
                    self._note(complete=True)
        self._client = None
        self._hold.close()

    def _note(self, *, complete: bool) -> None:
        """Write into the folder what MLflow has."""
        if self._folder is None or self._remembered is None:
            return
        entry = Entry(run_id=self.run_id or None, complete=complete)
        self._remembered = self._remembered.noting(self.uri, entry)
        remember(self._folder, self._remembered)

    def _flush(self) -> None:
        began, pause = time.monotonic(), RETRY_SECONDS
        with self._guarded("metrics could not be recorded"):
            from dann_tfbs.experiments.tracked.upload import send_batches

            assert self._client is not None
            assert self._known is not None
            while self._points:
                batch = self._points[:METRICS_A_BATCH]
                send_batches(self._client, self.run_id, batch)
                self._known.points |= {(legal(p.name), p.step) for p in batch}
                del self._points[:METRICS_A_BATCH]
            pause = FLUSH_SECONDS
        ended = time.monotonic()
        self._next_flush = ended + max(pause, REST * (ended - began))


def make_tracker(tracking: Literal["mlflow", "off"] = "mlflow", uri: str | None = None) -> Tracker:
    """Return a tracker.

    Parameters
    ----------
    tracking
        `off`: nothing is recorded, MLflow is not even imported.
    uri
        MLflow tracking URI; None means as `chosen_uri` says.
    """
    return Tracker() if tracking == "off" else MlflowTracker(chosen_uri(uri))
