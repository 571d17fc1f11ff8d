"""Downloading a file that an interruption only delays, by way of pooch."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Any

import pooch
import requests
from tqdm import tqdm

from dann_tfbs.errors import InputError

CONNECT_SECONDS, READ_SECONDS = 20, 120
_ATTEMPTS = 5  # in a row, each without a single new byte
_CHUNK = 1 << 14  # a connection that breaks loses less than this
_BROKEN = (
    requests.exceptions.ConnectionError,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.Timeout,
)


class UnreachableError(InputError):
    """The server cannot be reached, or the connection breaks again and again."""


def fetch(url: str, path: Path, md5: str, size: int, *, progress: bool = True) -> None:
    """Download a file and check it.

    A file that is there and whole is not downloaded again. What an interrupted download left in
    `<path>.partial` is continued where the server allows it.

    Parameters
    ----------
    url
        Where it is.
    path
        Where to put it; its folder must exist.
    md5, size
        What the server says of it: MD5 in hexadecimal, and bytes.
    progress
        Whether to show a bar on standard error.

    Raises
    ------
    InputError
        If the server refuses the file or what it sent has another checksum (which is deleted).
    UnreachableError
        If the connection breaks again and again; what came is kept.
    """
    pooch.get_logger().setLevel(logging.WARNING)
    partial = path.with_name(f"{path.name}.partial")
    try:
        pooch.retrieve(
            url,
            known_hash=f"md5:{md5}",
            fname=path.name,
            path=path.parent,
            downloader=_Resuming(partial, size, progress),
        )
    except ValueError as error:  # pooch's word for another checksum
        raise InputError(
            "what was downloaded has another checksum than the server states, and was deleted.",
            path=path,
            remedy="Run the command again; if it fails again, the server's file is damaged.",
        ) from error


class _Resuming:
    """A downloader for pooch that goes on where an earlier one stopped (pooch's own do not)."""

    def __init__(self, partial: Path, size: int, progress: bool) -> None:
        self.partial = partial
        self.size = size
        self.progress = progress

    def __call__(self, url: str, output_file: Any, _: Any) -> None:
        """Download `url`; called by pooch, with the temporary file that it will check."""
        failures = 0
        with tqdm(
            total=self.size,
            desc=self.partial.name.removesuffix(".partial"),
            unit="B",
            unit_scale=True,
            disable=not self.progress,
        ) as bar:
            while self._have() < self.size:
                before = self._have()
                try:
                    self._go_on(url, bar)
                except _BROKEN as error:
                    failures = 0 if self._have() > before else failures + 1
                    if failures == _ATTEMPTS:
                        raise UnreachableError(
                            f"the connection broke after {self._have():,} of {self.size:,} bytes "
                            f"({type(error).__name__}).",
                            path=url,
                            remedy="Run the command again: it goes on from there.",
                        ) from error
        os.replace(self.partial, output_file)

    def _have(self) -> int:
        return self.partial.stat().st_size if self.partial.exists() else 0

    def _go_on(self, url: str, bar: tqdm) -> None:
        have = self._have()
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with requests.get(
            url, headers=headers, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)
        ) as answer:
            if answer.status_code not in (200, 206):
                raise InputError(
                    f"the server answers {answer.status_code} {answer.reason}.",
                    path=url,
                    remedy="The file may have been moved; look at the record's page.",
                )
            # A server without ranges sends the whole file: begin anew.
            goes_on = answer.status_code == 206
            bar.n = have if goes_on else 0
            bar.refresh()
            with self.partial.open("ab" if goes_on else "wb") as out:
                for chunk in answer.iter_content(_CHUNK):
                    out.write(chunk)
                    bar.update(len(chunk))
        if self._have() < self.size:
            raise requests.exceptions.ConnectionError("the server closed the connection early")


def refuse_full_disk(folder: Path, needed: int) -> None:
    """Raise an InputError if the disk of a folder has fewer than `needed` free bytes."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise InputError(
            f"{needed / 2**30:.1f} GiB are needed, but {free / 2**30:.1f} GiB are free.",
            path=folder,
            remedy="Free some space, or choose another --out, --stage or --track.",
        )
