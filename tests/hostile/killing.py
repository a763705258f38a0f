"""Kill training, scoring, promotion and the decision log at random moments.

Each trial is a fork, so that a kill costs no imports. It gets SIGKILL after a random part of the
duration of the whole work, until the given number of forks was killed. A fork of a training begins
at one of its steps, so that most forks are killed while they write and earlier steps are not
repeated. After each kill another fork checks everything; at the end the same work is done again.
"""

from __future__ import annotations

import os
import random
import select
import signal
import time
from collections.abc import Callable
from typing import Any

from company import OPENING, Company, forked

MAX_TRIALS = 4  # per kill: on a machine with a varying load many trials end too early


class Killer:
    """Forks its own process and kills the fork, at each step of the work that is reported to it."""

    def __init__(
        self, company: Company, kind: str, plan: dict[str, tuple[int, float]], seed: int
    ) -> None:
        self.company, self.kind, self.plan = company, kind, dict(plan)
        self.draw = random.Random(seed)  # noqa: S311 - moments, no secret
        self.killed, self.is_fork = 0, False

    def at(self, step: str) -> None:
        """Kill the forks planned for this step; a fork returns at once and continues."""
        kills, seconds = self.plan.pop(step, (0, 0.0))
        end = self.killed + kills
        for _ in range(MAX_TRIALS * kills):
            if self.killed == end:
                break
            start, child = time.monotonic(), os.fork()
            if child == 0:
                self.is_fork = True
                self.plan.clear()
                return
            if kill(child, self.draw.uniform(0, seconds)):
                self.killed += 1
            else:
                seconds = time.monotonic() - start
            forked(lambda: self.company.look(self.kind))
        for path in self.company.leftovers():  # an hour later
            os.utime(path, (0, time.time() - 4000))

    def after(self, work: Callable[[Callable[[str], None]], Any]) -> tuple[int, Any]:
        """Number of killed forks, and the result of the work that was not killed."""
        result = work(self.at)
        if self.is_fork:
            os._exit(0)
        return self.killed, result


def kill(child: int, seconds: float) -> bool:
    """Kill a fork after a delay; return whether it was still working."""
    process = os.pidfd_open(child)
    if not select.select([process], [], [], seconds)[0]:
        os.kill(child, signal.SIGKILL)
    os.close(process)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit("a fork failed before it was killed; it has said why")
    return os.WIFSIGNALED(status)


def planned(begun: dict[str, float], end: float, kills: int) -> dict[str, tuple[int, float]]:
    """Number of kills per step and the range of seconds: an eighth per step before writing.

    Once the work writes, it has open connections that a fork must not share.
    """
    names = list(begun)
    steps = names[: names.index(OPENING) + 1] if OPENING in names else names
    ends = [begun[step] for step in steps[1:]] + [end]
    counts = [kills // 8] * (len(steps) - 1)
    counts.append(kills - sum(counts))
    return {
        step: (count, until - begun[step])
        for step, count, until in zip(steps, counts, ends, strict=True)
    }


def timed(work: Callable[[Callable[[str], None]], Any]) -> tuple[dict[str, float], float, Any]:
    """Start of each step, end of the work, and its result."""
    begun: dict[str, float] = {}
    result = work(lambda step: begun.setdefault(step, time.monotonic()) and None)
    return begun, time.monotonic(), result


def try_out(company: Company, kind: str, kills: int, seed: int) -> dict[str, Any]:
    """Kill one kind of work many times; everything must be complete, the repeat equal."""
    work = getattr(company, kind)
    begun, end, whole = forked(lambda: timed(work))
    killer = Killer(company, kind, planned(begun, end, kills), seed)
    killed, again = forked(lambda: killer.after(work))
    same = {
        "promote": lambda: company.champion() == again,
        "log": lambda: again > whole,
    }.get(kind, lambda: again == whole)
    return {"kind": kind, "killed": killed, "same again": forked(same),
            "left": len(company.leftovers()), "seconds": round(end - min(begun.values()), 2),
            }  # fmt: skip
