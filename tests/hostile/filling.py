"""Fill the disk while a training or a promotion writes, and check what is left.

A fork fills the disk except for a random number of bytes, at most what the whole work writes, and
continues. It succeeds or ends with one of fitmodel's errors. With enough space again everything
opens, and the same work gives the same result.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from company import OPENING, Company, forked

from fitmodel.exceptions import FitModelError

# the step at which each kind of work begins to write
WRITES = {"train": OPENING, "promote": "beginning"}
MIN_ROOM = 200_000  # bytes to choose from, because a promotion overwrites existing files


class Filler:
    """Forks its own process, and lets the fork continue with a given number of free bytes."""

    def __init__(self, company: Company, kind: str, rooms: list[int], notes: Path) -> None:
        self.company, self.kind, self.rooms, self.notes = company, kind, rooms, notes
        self.is_fork = False
        self.ends: list[str] = []

    def at(self, step: str) -> None:
        """Try each number of free bytes at the step that writes; a fork returns and continues."""
        if step != WRITES[self.kind] or self.is_fork:
            return
        for room in self.rooms:
            filler = fill(self.company.folder, room)
            self.note = self.notes / f"{self.kind}-{len(self.ends)}"
            child = os.fork()
            if child == 0:
                self.is_fork = True
                return
            _, status = os.waitpid(child, 0)
            filler.unlink()
            left = self.company.leftovers()
            if status or left:
                raise SystemExit(f"with room for {room} bytes: {left or 'a fork failed'}")
            self.ends.append(self.note.read_text())
            forked(lambda: self.company.look(self.kind))

    def after(self, work: Callable[[Callable[[str], None]], Any]) -> tuple[list[str], Any]:
        """How the forks ended, and the result of the work with enough space."""
        try:
            result = work(self.at)
        except FitModelError as error:
            if not self.is_fork:
                raise
            self._end(f"{type(error).__name__}: {error}")
        if self.is_fork:
            self._end("done")
        return self.ends, result

    def _end(self, how: str) -> None:
        self.note.write_text(how)
        os._exit(0)


def fill(folder: Path, room: int) -> Path:
    """Fill the disk of a folder except for a given number of bytes."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            file.truncate(max(file.tell() - room, 0))
    return filler


def try_out_filling(
    company: Company, kind: str, times: int, seed: int, notes: Path
) -> dict[str, Any]:
    """Fill the disk many times during the work; everything must be complete, the repeat equal."""
    work, draw = getattr(company, kind), random.Random(seed)  # noqa: S311 - rooms, no secret
    before = shutil.disk_usage(company.folder).used
    whole = forked(lambda: work(lambda _step: None))
    written = max(shutil.disk_usage(company.folder).used - before, MIN_ROOM)
    rooms = [0, *(draw.randrange(written) for _ in range(times - 1))]
    filler = Filler(company, kind, rooms, notes)
    ends, again = forked(lambda: filler.after(work))
    same = forked(company.champion) == again if kind == "promote" else again == whole
    return {"kind": kind, "ends": ends, "same again": same,
            "left": len(company.leftovers()), "written": written}  # fmt: skip
