"""Atomic writes: into a temporary place first, then one rename; and file locks.

A reader never sees a half-written file or folder, whatever stops the writer: a full disk,
Ctrl-C or the power. What a killed writer left behind is swept by a later one, and only when
its owner is clearly dead.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import socket
import time
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


_PREFIX = ".writing-"
_NAME = re.compile(r"\.writing-(?P<host>\w+)-(?P<process>\d{1,9})-[0-9a-f]{8}")
_DEAD_OWNER_SECONDS = 3600.0
_UNKNOWN_OWNER_SECONDS = 7 * 24 * 3600.0


def write_file(path: Path, content: bytes) -> None:
    """Write a new file and sync it to disk; ``FileExistsError`` if it exists."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_folder(folder: Path, files: Mapping[str, str]) -> None:
    """Write text files into a folder, over earlier ones; none before all could be written."""
    folder.mkdir(parents=True, exist_ok=True)
    with workspace(folder) as draft:
        for name, text in files.items():
            write_file(draft / name, text.encode())
        for name in files:
            (draft / name).replace(folder / name)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the folder's own entries, where the system can (not on Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def workspace(parent: Path) -> Iterator[Path]:
    """Open a private folder in the same file system; its contents are removed at the end."""
    sweep(parent)
    folder = parent / f"{_PREFIX}{host_name()}-{os.getpid()}-{secrets.token_hex(4)}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Remove the workspaces of writers that are clearly dead; leave every other one alone."""
    for folder in parent.glob(f"{_PREFIX}*"):
        if _is_dead(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_dead(folder: Path) -> bool:
    # A process number says nothing about another machine, and little about a container that
    # shares the disk: so the owner must be gone AND have been silent, or silent for a week.
    owner = _NAME.fullmatch(folder.name)
    try:
        silent = time.time() - folder.stat().st_mtime
    except FileNotFoundError:  # its writer has just finished
        return False
    if owner is None or silent < _DEAD_OWNER_SECONDS:
        return False
    is_ours = owner["host"] == host_name()
    return silent > _UNKNOWN_OWNER_SECONDS or (is_ours and not is_running(int(owner["process"])))


def is_running(process: int) -> bool:
    """Whether a process of this machine lives; on Windows, where asking would end it, always."""
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs, as someone else
        return True
    return True


def host_name() -> str:
    """Name of this machine in letters, digits and underscores."""
    return "".join(letter if letter.isalnum() else "_" for letter in socket.gethostname())


@contextlib.contextmanager
def file_lock(path: Path, *, wait: bool) -> Iterator[None]:
    """Lock a file, which is made where it is absent; the lock ends with the process.

    Parameters
    ----------
    path : Path
        The lock file. It is left in place afterwards on POSIX systems.
    wait : bool
        Whether to wait until no other process holds the lock.

    Raises
    ------
    BlockingIOError
        Without `wait`, if another process holds the lock, or has just removed the file.
    FileNotFoundError
        There is no such folder.
    """
    if not path.parent.is_dir():  # the library would make the folder
        raise FileNotFoundError(errno.ENOENT, "there is no folder for the lock", str(path))
    lock = FileLock(path)
    try:
        lock.acquire(blocking=wait)
    except Timeout as error:
        raise BlockingIOError(f"another process has locked or removed {path}") from error
    try:
        yield
    finally:
        lock.release()
