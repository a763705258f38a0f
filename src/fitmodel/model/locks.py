"""A file that one process at a time may hold."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def held(path: Path, *, wait: bool) -> Iterator[None]:
    """Hold a file, made where it is absent; a process that dies lets go of it.

    Parameters
    ----------
    path : Path
    wait : bool
        Whether to wait until nobody else holds it.

    Raises
    ------
    BlockingIOError
        Without `wait`, if another process holds it, or has just removed it.
    """
    try:
        import fcntl
    except ImportError:  # Windows has no such lock, and goes without
        yield
        return
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        if not wait and not _is_still(path, file.fileno()):
            raise BlockingIOError(f"{path} was removed")
        yield


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
