"""Atomic writes (into a temporary folder first, then one rename), and file locks.

A reader never sees a half-written file or folder, whatever stops the writer: a full disk, Ctrl-C or
a power failure. A writer holds a lock in its folder as long as it lives. A later writer removes
what a killed writer left behind: its lock is free.
"""

from __future__ import annotations

import contextlib
import errno
import io
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

    import pandas as pd

_PREFIX = ".writing-"
_NAME = re.compile(r"\.writing-(?P<host>\w+)-(?P<process>\d{1,9})-[0-9a-f]{8}")
_LOCK = ".lock"
_LOCK_SECONDS = 2.0  # a later writer that looks at a lock holds it for a moment
_YOUNG_SECONDS = 5.0  # a new folder has no lock for a moment
_DEAD_OWNER_SECONDS = 3600.0
_UNKNOWN_OWNER_SECONDS = 7 * 24 * 3600.0


def write_file(path: Path, content: bytes) -> None:
    """Write a new file and sync it to disk; ``FileExistsError`` if it exists."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_folder(folder: Path, files: Mapping[str, str]) -> None:
    """Write text files into a folder, replacing existing ones; if one fails, none is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    with workspace(folder) as temporary:
        for name, text in files.items():
            write_file(temporary / name, text.encode())
        for name in files:
            (temporary / name).replace(folder / name)
    sync_folder(folder)


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table, whole or not at all: as CSV if the file's name ends so, else as Parquet."""
    if path.suffix.lower() == ".csv":
        content = table.to_csv(index=False).encode()
    else:
        buffer = io.BytesIO()
        table.to_parquet(buffer, index=False)
        content = buffer.getvalue()
    with workspace(path.parent) as draft:
        write_file(draft / path.name, content)
        (draft / path.name).replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Sync the entries of a folder to disk; does nothing on Windows, which cannot."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def workspace(parent: Path) -> Iterator[Path]:
    """Make a temporary folder in the same file system, and remove it at the end."""
    sweep(parent)
    folder = parent / f"{_PREFIX}{host_name()}-{os.getpid()}-{secrets.token_hex(4)}"
    folder.mkdir()
    try:
        with _locked_if_possible(folder / _LOCK):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _locked_if_possible(lock: Path) -> Iterator[None]:
    """Hold a new lock. A disk without locks gets no lock file: a free one would look abandoned."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(file_lock(lock, wait=_LOCK_SECONDS))
        except (NotImplementedError, OSError):  # an OSError if a network disk has no lock service
            with contextlib.suppress(OSError):
                lock.unlink(missing_ok=True)
        yield


def sweep(parent: Path) -> None:
    """Remove the temporary folders of writers that have clearly ended."""
    for folder in parent.glob(f"{_PREFIX}*"):
        if _is_dead(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_dead(folder: Path) -> bool:
    # Without a lock: a process id is meaningless on another machine, and not reliable in a
    # container that shares the disk. So the folder must be unchanged for an hour and its process
    # gone, or unchanged for a week.
    owner = _NAME.fullmatch(folder.name)
    try:
        age = time.time() - folder.stat().st_mtime
    except FileNotFoundError:  # its writer has just finished
        return False
    if owner is None:
        return False
    is_ours, is_held = owner["host"] == host_name(), _is_held(folder / _LOCK)
    if is_held or (is_ours and is_held is False):
        return not is_held and age > _YOUNG_SECONDS
    if age < _DEAD_OWNER_SECONDS:
        return False
    return age > _UNKNOWN_OWNER_SECONDS or (is_ours and not is_running(int(owner["process"])))


def _is_held(lock: Path) -> bool | None:
    """Return whether a process holds a lock; None if that cannot be known."""
    if not lock.exists():
        return None
    try:
        with file_lock(lock, wait=False):
            return False
    except BlockingIOError:
        return True
    except (NotImplementedError, OSError):
        return None


def is_running(process: int) -> bool:
    """Return whether a process of this machine is running; on Windows always True.

    On Windows, `os.kill` would end the process.
    """
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs under another user
        return True
    return True


def host_name() -> str:
    """Return the name of this machine, in letters, digits and underscores."""
    return "".join(character if character.isalnum() else "_" for character in socket.gethostname())


@contextlib.contextmanager
def file_lock(path: Path, *, wait: bool | float) -> Iterator[None]:
    """Lock a file, which is created if necessary; the lock ends with the process.

    Parameters
    ----------
    path : Path
        The lock file. It is left in place afterwards on POSIX systems.
    wait : bool or float
        Whether to wait until no other process holds the lock, or for how many seconds.

    Raises
    ------
    BlockingIOError
        If another process holds the lock, or has just removed the file, and this does not wait
        (any longer).
    FileNotFoundError
        If the folder does not exist.
    """
    if not path.parent.is_dir():  # the library would create the folder
        raise FileNotFoundError(errno.ENOENT, "there is no folder for the lock", str(path))
    lock = FileLock(path)
    try:
        lock.acquire(timeout=-1 if wait is True else float(wait))
    except Timeout as error:
        raise BlockingIOError(f"another process has locked or removed {path}") from error
    try:
        yield
    finally:
        lock.release()
