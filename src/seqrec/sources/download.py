"""Downloads that can be interrupted, and are checked before they are used."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import shutil
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import requests
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TransferSpeedColumn,
)

from seqrec.engine.locks import one_at_a_time
from seqrec.errors import ProjectError
from seqrec.services import redact

logger = logging.getLogger(__name__)

ATTEMPTS = 5
PAUSE_SECONDS = 1.0
TIMEOUT_SECONDS = 20.0
CHUNK_BYTES = 1 << 16


class _WebPageError(requests.RequestException):
    """The answer is a page for people, as of a network that wants a log-in first."""


def download(url: str, target: Path, md5: str | None) -> None:
    """Fetch a zip archive that is there whole, with the right content, or not at all.

    A broken download stays beside the target as ``.part`` and is resumed, in this call or in the
    next. Of two processes that want the same archive one fetches it and the other waits.

    Args:
        url: Where it is.
        target: Where it goes; its folder is made.
        md5: Checksum of the content; None if its publisher changes it.

    Raises:
        ProjectError: What failed and what to do.
    """
    lock = target.with_name(f".{target.name}.lock")
    with one_at_a_time(lock, f"{target} is being downloaded"):
        if not target.is_file():
            _download(url, target, md5)


def _download(url: str, target: Path, md5: str | None) -> None:
    part = target.with_name(f".{target.name}.part")
    by_hand = f"download it yourself and put it there as {target}"
    with _explained(redact(url), part, by_hand):
        _fetch_all(url, part)
    if wrong := _judge(part, md5):
        part.unlink()
        raise ProjectError(f"{redact(url)} {wrong}: try again, or {by_hand}")
    _keep(part, target)


def _judge(part: Path, md5: str | None) -> str | None:
    """Say what is wrong with an archive; None if it is the right one, as far as one can know."""
    if md5 is None:
        return None if zipfile.is_zipfile(part) else "is no zip archive"
    found = _md5(part)
    return None if found == md5 else f"has md5 {found} instead of {md5}"


@contextmanager
def _explained(url: str, part: Path, by_hand: str) -> Iterator[None]:
    """Have what goes wrong while the block runs told in one line."""
    try:
        yield
    except requests.HTTPError as error:
        raise ProjectError(f"{url} is not there (HTTP {error.args[0]}): {by_hand}") from error
    except _WebPageError as error:
        raise ProjectError(
            f"{url} answers with a web page instead of an archive: log in to this network if it "
            f"asks for that, or {by_hand}"
        ) from error
    except requests.RequestException as error:
        raise ProjectError(
            f"{url} cannot be reached ({type(error).__name__}): try again, it goes on where it "
            f"stopped, or {by_hand}"
        ) from error
    except OSError as error:
        raise ProjectError(f"{part} cannot be written: {_reason(error)}") from error


def check_md5(path: Path, md5: str) -> None:
    """Check a file that was put there by hand.

    Raises:
        ProjectError: It is another file, or a part of one.
    """
    if (found := _md5(path)) != md5:
        raise ProjectError(
            f"{path} has md5 {found} instead of {md5}: it is damaged or not complete; "
            "delete it and run again"
        )


def _fetch_all(url: str, part: Path) -> None:
    """Fetch what is missing, again after a connection breaks, as long as tries bring more."""
    attempt = 1
    before = -1
    with _progress() as progress:
        task = progress.add_task(part.name.removeprefix(".").removesuffix(".part"), total=None)
        while True:
            try:
                return _fetch_rest(url, part, progress, task)
            except (requests.HTTPError, _WebPageError, ValueError):  # ValueError: no address
                raise
            except requests.RequestException:
                size = _size(part)
                attempt = 1 if size > before else attempt + 1
                before = size
                if attempt == ATTEMPTS:
                    raise
                time.sleep(PAUSE_SECONDS * attempt)


def _fetch_rest(url: str, part: Path, progress: Progress, task: TaskID) -> None:
    have = _size(part)
    # gzip or not, the bytes of the file itself are counted and checked.
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:
            return  # it was complete
        if not answer.ok:
            raise requests.HTTPError(answer.status_code)
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            raise _WebPageError
        if answer.status_code != requests.codes.partial_content:
            have = 0
        length = int(answer.headers.get("Content-Length", 0))
        _check_room(part, length)
        progress.update(task, total=have + length or None, completed=have)
        with _open(part, have) as handle:
            for chunk in answer.iter_content(CHUNK_BYTES):
                handle.write(chunk)
                progress.advance(task, len(chunk))


def _size(part: Path) -> int:
    """Count the bytes that are there; a link is no part of a download and makes way."""
    if part.is_symlink():
        part.unlink()
    return part.stat().st_size if part.exists() else 0


def _open(part: Path, have: int) -> BinaryIO:
    """Open a part to go on with, or anew if there is nothing; never through a link."""
    how = os.O_APPEND if have else os.O_TRUNC
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | how
    return os.fdopen(os.open(part, flags, 0o666), "ab" if have else "wb")


def _check_room(part: Path, length: int) -> None:
    if length > shutil.disk_usage(part.parent).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _keep(part: Path, target: Path) -> None:
    with part.open("rb") as handle:
        os.fsync(handle.fileno())
    part.replace(target)
    logger.info("downloaded %s", target)


def _reason(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "the disk is full; make room and run again, it goes on where it stopped"
    return error.strerror or str(error)


def _md5(path: Path) -> str:
    """The publisher's checksums are md5: they guard against accidents, not against attackers."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    return Progress(*columns, TransferSpeedColumn(), transient=True)
