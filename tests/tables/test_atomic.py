"""Workspaces are removed after use; those of dead processes are removed by the sweep."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import filelock
import pandas as pd
import pytest

from fitmodel.tables.atomic import sweep, workspace, write_file, write_folder, write_table

if TYPE_CHECKING:
    from pathlib import Path

HOUR, WEEK = 3600, 7 * 24 * 3600
HERE = "".join(letter if letter.isalnum() else "_" for letter in socket.gethostname())


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def leftover(parent: Path, host: str, process: int, age: float) -> Path:
    folder = parent / f".writing-{host}-{process}-00112233"
    folder.mkdir()
    (folder / "half.json").write_text("{")
    os.utime(folder, (time.time() - age,) * 2)
    return folder


def test_a_workspace_is_removed_after_use_and_after_an_error(tmp_path: Path) -> None:
    with workspace(tmp_path) as folder:
        write_file(folder / "a", b"1")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileExistsError), workspace(tmp_path) as folder:
        write_file(folder, b"a folder is there already")
    assert list(tmp_path.iterdir()) == []


def test_write_file_never_overwrites(tmp_path: Path) -> None:
    write_file(tmp_path / "a", b"old")
    with pytest.raises(FileExistsError):
        write_file(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_table_is_on_the_disk_before_it_replaces_another(tmp_path, name, monkeypatch) -> None:
    target, table = tmp_path / name, pd.DataFrame({"x": [1, 2]})
    target.write_text("old")
    synced: list[str] = []
    real_sync = os.fsync

    def sync(descriptor: int) -> None:
        synced.append(target.read_text() if target.read_bytes() == b"old" else "new")
        real_sync(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    write_table(target, table)

    assert synced[0] == "old"
    read = pd.read_csv if name == "a.csv" else pd.read_parquet
    pd.testing.assert_frame_equal(read(target), table)
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("host", "alive", "age", "swept"),
    [
        (HERE, False, 2 * HOUR, True),
        (HERE, False, HOUR / 2, False),
        (HERE, True, 2 * HOUR, False),
        (HERE, True, 2 * WEEK, True),
        ("another", False, 2 * HOUR, False),
        ("another", False, 2 * WEEK, True),
    ],
)
def test_only_workspaces_of_dead_processes_are_removed(
    tmp_path: Path, host: str, alive: bool, age: float, swept: bool
) -> None:
    folder = leftover(tmp_path, host, os.getpid() if alive else dead_process(), age)
    sweep(tmp_path)
    assert folder.exists() is not swept


WRITER = """
import sys
from pathlib import Path
from fitmodel.tables.atomic import workspace
with workspace(Path(sys.argv[1])) as folder:
    (folder / "half.json").write_text("{")
    print(folder.name, flush=True)
    sys.stdin.read()
"""


def test_a_killed_writer_leaves_a_folder_that_the_next_writer_removes(tmp_path: Path) -> None:
    """While it lives it is never removed, however old it is."""
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(  # noqa: S603 - the program above
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        folder = tmp_path / writer.stdout.readline().decode().strip()
        for age in (0, 2 * WEEK):
            os.utime(folder, (time.time() - age,) * 2)
            sweep(tmp_path)
            assert (folder / "half.json").exists()
        writer.kill()
    os.utime(folder, (time.time() - 60,) * 2)

    with workspace(tmp_path) as mine:
        assert {each.name for each in tmp_path.iterdir()} == {mine.name}
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_just_made_is_not_removed(tmp_path: Path) -> None:
    """Its writer may be about to take the lock."""
    folder = leftover(tmp_path, HERE, os.getpid(), 1)
    (folder / ".lock").touch()
    os.utime(folder)
    sweep(tmp_path)
    assert folder.exists()


def test_a_free_lock_of_another_machine_is_no_proof(tmp_path: Path) -> None:
    """Not every network disk shares locks between machines."""
    folder = leftover(tmp_path, "another", 1, 0)
    (folder / ".lock").touch()
    os.utime(folder, (time.time() - 2 * HOUR,) * 2)
    sweep(tmp_path)
    assert folder.exists()


@pytest.mark.parametrize(
    "error", [NotImplementedError(), OSError(errno.ENOLCK, "No locks available")], ids=repr
)
def test_a_disk_without_locks_can_be_written(tmp_path: Path, monkeypatch, error) -> None:
    """The folder has no lock file, so it is judged by its process and its age."""

    def refuse(lock: filelock.FileLock, **_: object) -> None:
        (tmp_path / lock.lock_file).touch()
        raise error

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    with workspace(tmp_path) as folder:
        assert list(folder.iterdir()) == []
        os.utime(folder, (time.time() - 2 * HOUR,) * 2)
        sweep(tmp_path)
        assert folder.exists()
    write_folder(tmp_path, {"a.csv": "one"})
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_other_folders_are_never_removed(tmp_path: Path) -> None:
    unfamiliar = tmp_path / ".writing-mine"
    unfamiliar.mkdir()
    os.utime(unfamiliar, (0, 0))
    sweep(tmp_path)
    assert unfamiliar.exists()


def test_writing_a_folder_overwrites_files_and_keeps_the_others(tmp_path):
    folder = tmp_path / "new" / "report"
    write_folder(folder, {"a.csv": "one", "b.html": "two"})
    write_folder(folder, {"a.csv": "three"})

    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "a.csv": "three",
        "b.html": "two",
    }


def test_if_one_file_cannot_be_written_the_folder_does_not_change(tmp_path):
    write_folder(tmp_path, {"a.csv": "one"})
    with pytest.raises(OSError, match="name too long"):
        write_folder(tmp_path, {"a.csv": "two", "b" * 300: "x"})

    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "one"
