"""Fill the disk up while a training or a promotion writes, and look what is left.

A fork fills the disk but for a random room, up to what the whole has written, and goes on. It ends
well or with an error of ours; with room again everything opens, and the same gives the same.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from company import Company, forked

from fitmodel.exceptions import FitModelError

WRITES = {"train": "writing", "promote": "beginning"}  # the step from which on a kind writes
MIN_ROOM = 200_000  # bytes to choose from: a promotion writes over what there is


class Filler:
    """Forks the process that it works in, and lets the fork go on with so little room."""

    def __init__(self, company: Company, kind: str, rooms: list[int], notes: Path) -> None:
        self.company, self.kind, self.rooms, self.notes = company, kind, rooms, notes
        self.is_fork = False
        self.ends: list[str] = []

    def at(self, step: str) -> None:
        """Try every room at the step that writes; a fork returns at once and goes on."""
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
        """How the forks ended, and what the work gives with room enough."""
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
    """Fill the disk of a folder but for so many bytes."""
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
    """Fill the disk up so often while it writes; everything must be whole, the repeat equal."""
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
