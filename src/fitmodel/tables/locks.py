"""A file lock that one process at a time can hold."""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def held(path: Path, *, wait: bool) -> Iterator[None]:
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
