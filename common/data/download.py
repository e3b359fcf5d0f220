"""Fetch a file from its official address: checksum, atomic, resumable, and quick to give up."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pooch
import requests
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from urllib3.exceptions import ReadTimeoutError

from common.data.context import DataContext
from common.data.prepared import exclusive, writable_folder
from common.errors import CorruptDataError, MissingDataError

# Seconds to connect and between two reads. A machine without a network must hear of it at once.
TIMEOUT = (5.0, 20.0)
_ATTEMPTS = 3  # a transfer that breaks off goes on from where it broke
_CHUNK = 1 << 18


@dataclass(frozen=True)
class RemoteFile:
    """An official file.

    Attributes:
        url: its address.
        checksum: "md5:..." or "sha256:...", as published.
        megabytes: its size, for the message before the fetch.
    """

    url: str
    checksum: str
    megabytes: int

    @property
    def filename(self) -> str:
        """Last part of the address."""
        return self.url.rsplit("/", 1)[-1]


def fetch(
    remote: RemoteFile, context: DataContext, *, set_name: str, alternative: str = ""
) -> Path:
    """Path of the verified file under `context.downloads`, fetched if it is not there yet.

    The bytes gather in `<file>.part`; a later call goes on from there (HTTP Range). The file takes
    its name only once its checksum has been found right.

    Args:
        remote: what to fetch.
        context: where to, and whether fetching is allowed.
        set_name: for messages.
        alternative: a sentence about another way, added when the set cannot be had.

    Raises:
        MissingDataError: if fetching is not allowed or fails.
        CorruptDataError: if what came has the wrong checksum; it is deleted.
    """
    target = context.downloads / remote.filename
    if not target.exists() and not context.download:
        raise MissingDataError(
            f"{set_name}: {remote.filename}", _remedy(remote, target, alternative)
        )
    with exclusive(target.with_name(target.name + ".lock")), writable_folder(target.parent):
        if not target.exists():
            context.announce(would_fetch(remote, context))
        pooch.get_logger().setLevel("ERROR")  # it would repeat the announcement
        try:
            pooch.retrieve(
                remote.url,
                known_hash=remote.checksum,
                fname=target.name,
                path=target.parent,
                downloader=_Resuming(remote, target, context),
            )
        except ValueError as error:
            raise CorruptDataError(
                f"What came from {remote.url} does not have the published checksum "
                f"{remote.checksum}; it was deleted. Try again; if it stays so, get the file "
                f"elsewhere and put it at {target}."
            ) from error
        except requests.RequestException as error:
            raise MissingDataError(
                f"{set_name}: {remote.filename}",
                f"{remote.url} could not be fetched ({_reason(error)}). What has come is kept, and "
                "the next call goes on from there. " + _remedy(remote, target, alternative),
            ) from error
    return target


def would_fetch(remote: RemoteFile, context: DataContext) -> str:
    """What is about to be fetched, from where and to where."""
    source = f"{remote.filename} ({remote.megabytes} MB) from {remote.url}"
    return context.fetch_message(source)


@dataclass(frozen=True)
class _Resuming:
    """A pooch downloader that keeps what it has."""

    remote: RemoteFile
    target: Path
    context: DataContext

    def __call__(self, url: str, output_file: str, _pooch: object) -> None:
        part = self.target.with_name(self.target.name + ".part")
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._continue(url, part)
                break
            except requests.exceptions.ChunkedEncodingError:
                # No connection at all is final; one that broke off in between is worth going on.
                if attempt == _ATTEMPTS:
                    raise
        os.replace(part, output_file)

    def _continue(self, url: str, part: Path) -> None:
        have = part.stat().st_size if part.exists() else 0
        headers = {"Range": f"bytes={have}-"} if have else {}
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                return  # all bytes are there already
            response.raise_for_status()
            if response.status_code != requests.codes.partial_content:
                have = 0  # the server cannot resume
            expected = have + int(response.headers.get("Content-Length", 0))
            with open(part, "ab" if have else "wb") as file, self._bar(have, expected) as bar:
                for chunk in response.iter_content(_CHUNK):
                    file.write(chunk)
                    bar.advance(bar.task_ids[0], len(chunk))
        if part.stat().st_size < expected:
            raise requests.exceptions.ChunkedEncodingError("the transfer broke off")

    def _bar(self, have: int, expected: int) -> Progress:
        progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            disable=not self.context.progress,
        )
        progress.add_task(self.remote.filename, total=expected or None, completed=have)
        return progress


def _reason(error: requests.RequestException) -> str:
    # requests reports a time-out in the middle of a body as a ConnectionError about one
    stalled = isinstance(error.args[0] if error.args else None, ReadTimeoutError)
    if stalled or isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.HTTPError):
        return f"the server answered {error.response.status_code}"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the transfer broke off"
    return "no connection"


def _remedy(remote: RemoteFile, target: Path, alternative: str) -> str:
    by_hand = (
        f"Get it from {remote.url} (checksum {remote.checksum}, {remote.megabytes} MB) and put it "
        f"at {target}."
    )
    return f"{by_hand} {alternative}".strip()
