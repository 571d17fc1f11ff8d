"""MLflow's own pages, served from a database to this machine by a process of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from dann_tfbs.errors import DannTfbsError, InputError
from dann_tfbs.experiments.tracked.store import QUIET, sqlite_file, without_password

HOST = "127.0.0.1"
START_SECONDS = 60.0
END_SECONDS = 5.0

_LEAN = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""No workers for evaluation jobs, which these pages never start."""


class Pages:
    """A running server.

    Attributes
    ----------
    address
        Where to look.
    """

    def __init__(self, process: subprocess.Popen[bytes], address: str, output: IO[bytes]) -> None:
        self._process = process
        self._output = output
        self.address = address

    def wait(self) -> None:
        """Return on Ctrl-C.

        Raises
        ------
        DannTfbsError
            If the server ends by itself.
        """
        with suppress(KeyboardInterrupt):
            self._process.wait()
            raise DannTfbsError(f"MLflow's server ended: {self.last_words()}.")

    def last_words(self) -> str:
        """Return the last line that the server wrote."""
        self._output.seek(0)
        lines = self._output.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "without a word")

    def answers(self) -> bool:
        """Tell whether the server is ready."""
        try:
            with urllib.request.urlopen(f"{self.address}/health", timeout=1):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def ended(self) -> bool:
        """Tell whether the server has ended by itself."""
        return self._process.poll() is not None

    def end(self) -> None:
        """End the server and its workers."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_SECONDS)
                return


@contextmanager
def shown(uri: str, port: int) -> Iterator[Pages]:
    """Serve a database's pages on this machine for the time of a block.

    Parameters
    ----------
    uri
        The database: `sqlite:///…`, `postgresql://…`.
    port
        Port on 127.0.0.1.

    Yields
    ------
    Pages
        Once the server answers.

    Raises
    ------
    InputError
        If there is no such database, it is a server itself, or the port is taken.
    DannTfbsError
        If the server does not start.
    """
    _check(uri, port)
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri]
    command += ["--host", HOST, "--port", str(port), "--workers", "1"]
    file = sqlite_file(uri)
    if file is not None:
        # Runs name their files by themselves; this keeps MLflow from making a folder `mlruns` here.
        place = (file.parent.resolve() / "mlflow-artifacts").as_uri()
        command += ["--default-artifact-root", place, "--no-serve-artifacts"]
    with tempfile.TemporaryFile() as output, _ended_in_order():
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=QUIET | _LEAN | os.environ,
            start_new_session=True,  # Ctrl-C comes here alone, and ends the server in order
        )
        pages = Pages(process, f"http://{HOST}:{port}", output)
        try:
            last = time.monotonic() + START_SECONDS
            while not pages.answers():
                if pages.ended() or time.monotonic() > last:
                    raise DannTfbsError(f"MLflow's server did not start: {pages.last_words()}.")
                time.sleep(0.1)
            yield pages
        finally:
            pages.end()


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Treat a request to end (SIGTERM) as Ctrl-C meanwhile, so that the server ends too."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _check(uri: str, port: int) -> None:
    if uri.startswith(("http://", "https://")):
        raise InputError(
            f"{without_password(uri)} is a server already.", remedy="Open it in a browser."
        )
    file: Path | None = sqlite_file(uri)
    if file is not None and not file.is_file():
        raise InputError(
            "there is no such database.",
            path=file,
            remedy="Train something here first, or send runs to it: dann-tfbs track sync.",
        )
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise InputError(
                f"port {port} is taken ({error.strerror}).",
                key="--port",
                remedy=f"Choose another: --port {port + 1 if port < 65535 else 5000}.",
            ) from error
