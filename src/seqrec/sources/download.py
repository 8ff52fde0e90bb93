"""Downloads that can be interrupted, and are checked before they are used."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TransferSpeedColumn,
)

from seqrec.errors import ProjectError

logger = logging.getLogger(__name__)

ATTEMPTS = 5
PAUSE_SECONDS = 1.0
TIMEOUT_SECONDS = 20.0
CHUNK_BYTES = 1 << 16


def download(url: str, target: Path, md5: str | None) -> None:
    """Fetch a file that is there whole, with the right content, or not at all.

    A broken download stays beside the target as ``.part`` and is resumed, in this call or in the
    next.

    Args:
        url: Where it is.
        target: Where it goes; its folder is made.
        md5: Checksum of the content; None if its publisher changes it.

    Raises:
        ProjectError: What failed and what to do.
    """
    part = target.with_name(f".{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    by_hand = f"download it yourself and put it there as {target}"
    with _explained(url, part, by_hand):
        _fetch_all(url, part)
    if md5 and (found := _md5(part)) != md5:
        part.unlink()
        raise ProjectError(f"{url} has md5 {found} instead of {md5}: try again, or {by_hand}")
    _keep(part, target)


@contextmanager
def _explained(url: str, part: Path, by_hand: str) -> Iterator[None]:
    """Have what goes wrong while the block runs told in one line."""
    try:
        yield
    except requests.HTTPError as error:
        raise ProjectError(f"{url} is not there (HTTP {error.args[0]}): {by_hand}") from error
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
            except requests.HTTPError:
                raise
            except requests.RequestException:
                size = part.stat().st_size if part.exists() else 0
                attempt = 1 if size > before else attempt + 1
                before = size
                if attempt == ATTEMPTS:
                    raise
                time.sleep(PAUSE_SECONDS * attempt)


def _fetch_rest(url: str, part: Path, progress: Progress, task: TaskID) -> None:
    have = part.stat().st_size if part.exists() else 0
    # gzip or not, the bytes of the file itself are counted and checked.
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:
            return  # it was complete
        if not answer.ok:
            raise requests.HTTPError(answer.status_code)
        if answer.status_code != requests.codes.partial_content:
            have = 0
        length = int(answer.headers.get("Content-Length", 0))
        _check_room(part, length)
        progress.update(task, total=have + length or None, completed=have)
        with part.open("ab" if have else "wb") as handle:
            for chunk in answer.iter_content(CHUNK_BYTES):
                handle.write(chunk)
                progress.advance(task, len(chunk))


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
