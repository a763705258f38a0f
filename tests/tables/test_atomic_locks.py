"""One process at a time holds a file lock; the lock of a dead process is released."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fitmodel.tables.atomic import file_lock

HOLD = """
import sys
from pathlib import Path
from fitmodel.tables.atomic import file_lock
with file_lock(Path(sys.argv[1]), wait=True):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_held_by_another_process_is_refused_until_that_process_is_killed(
    tmp_path: Path,
) -> None:
    lock = tmp_path / "lock"
    with subprocess.Popen(  # noqa: S603 - the program above
        [sys.executable, "-c", HOLD, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(BlockingIOError), file_lock(lock, wait=False):
            pass
        other.kill()
        other.wait()
        with (
            file_lock(lock, wait=True),
            pytest.raises(BlockingIOError),
            file_lock(lock, wait=False),
        ):
            pass


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps a file that is open")
def test_a_lock_file_removed_while_it_is_being_locked_is_created_again(
    tmp_path: Path, monkeypatch
) -> None:
    import fcntl

    lock = tmp_path / "lock"
    own = fcntl.flock

    def removed_first(file, how) -> None:
        lock.unlink(missing_ok=True)
        own(file, how)

    monkeypatch.setattr(fcntl, "flock", removed_first)
    with pytest.raises(BlockingIOError, match="removed"), file_lock(lock, wait=False):
        pass


def test_a_lock_is_released_after_its_block_and_after_an_error(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with pytest.raises(KeyError), file_lock(lock, wait=False):
        raise KeyError
    with file_lock(lock, wait=False):
        pass


def test_a_lock_in_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), file_lock(tmp_path / "absent" / "lock", wait=False):
        pass
