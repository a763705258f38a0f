"""Kill training, scoring, promotion and the decision log at random moments, and look what is left.

    python tests/hostile/killing.py STORE FOLDER KILLS SEED

Each trial is a fork of this process, so that a kill costs no imports: it gets SIGKILL after a
random part of the time that the whole takes, until KILLS of them did. A fork of a training begins
where a step of it begins, so that most are killed while they write, and what came before is not
done again. After each, another fork looks at everything; at last the same is done again. Prints
one line of JSON per kind.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import random
import select
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.evaluation.report import TrainingReport
from fitmodel.model.fitmodel import load
from fitmodel.monitoring.log import DecisionLog
from fitmodel.scoring.batch import score_file
from fitmodel.tracking.connection import connected
from fitmodel.tracking.in_use import follow_champion
from fitmodel.tracking.promotion import promote
from fitmodel.tracking.registry import get_alias, list_versions
from fitmodel.training import STEPS, train

NAME, EXPERIMENT = "prospect-fit", "killing"
ATTRIBUTES = ("segment", "seats", "onboarding_package", "contract_term_months")
COPIES = 20  # of the deals, scored in chunks
MOST_TRIALS = 4  # for one kill: on a machine that is busy by turns many trials end too early


class Company:
    """Deals, a store, a folder of models, and prospects."""

    def __init__(self, store: str, folder: Path) -> None:
        sim = simulate_deals(600, seed=5, signal=2.0)  # of skill: else no model is in use
        self.store, self.folder, self.models = store, folder, folder / "models"
        self.spec = sim.spec.replace(
            tracking={"uri": store, "experiment": EXPERIMENT},
            attributes={"include": ATTRIBUTES, "actionable": ()},
        )
        self.deals, self.prospects = sim.deals, sim.deals.head(50).drop(columns=["churned_on"])
        many = pd.concat([sim.deals.drop(columns=["churned_on"])] * COPIES, ignore_index=True)
        many.to_parquet(folder / "prospects.parquet")

    def said(self, model: Any) -> list[float]:
        return load(model).predict(self.prospects, reasons=0)["early_churn_probability"].tolist()

    def registered(self, version: int | None) -> list[float]:
        os.environ["MLFLOW_TRACKING_URI"] = self.store
        return self.said(f"models:/{NAME}/{version}")

    # -- what is killed

    def train(self, tell: Callable[[str], None]) -> list[float]:
        run = train(self.deals, self.spec, models=self.models, progress=tell)
        assert run.run_id, run.warnings
        return self.said(run.bundle_path)

    def score(self, tell: Callable[[str], None]) -> str:
        tell("beginning")
        out = self.folder / "scored.csv"
        model = load(self.models / NAME)
        score_file(self.folder / "prospects.parquet", model, out, reasons=1, chunk_rows=1_000)
        return hashlib.sha256(out.read_bytes()).hexdigest()

    def promote(self, tell: Callable[[str], None]) -> int:
        tell("beginning")
        version = 2 if get_alias(NAME, "champion", self.store) == 1 else 1
        promote(NAME, version=version, force=True, reason="a trial", store=self.store)
        follow_champion(self.models, NAME, self.store)
        return version

    def log(self, tell: Callable[[str], None]) -> int:
        tell("beginning")
        log = DecisionLog(self.folder / "decisions.db", salt="salt")
        model = load(self.models / NAME)
        with (self.folder / "acknowledged").open("a") as acknowledged:
            for place, prospect in enumerate(self.prospects.to_dict("records")):
                name = f"{os.getpid()}-{place}"
                log.append(name, model.predict(prospect, reasons=0), prospect)
                log.decide(name, "signed", by="Kim")
                os.write(acknowledged.fileno(), f"{log.known_as(name)}\n".encode())
        return len(log.decisions())

    # -- what must hold whatever was killed

    def look(self, kind: str) -> None:
        """Everything opens; the newest version and the champion of the registry say something."""
        for file in (Path(self.store.removeprefix("sqlite:///")), self.folder / "decisions.db"):
            if file.exists():
                connection = sqlite3.connect(file)
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",), file
                connection.close()
        self.said(self.models / NAME)
        if kind in {"train", "promote"}:  # the others do not know the store
            champion = get_alias(NAME, "champion", self.store)
            for version in {champion, self.versions()[0]}:
                self.registered(version)
        out = self.folder / "scored.csv"
        if kind == "score" and out.exists():
            assert len(pd.read_csv(out)) == len(self.deals) * COPIES, "half a file"

    def look_closely(self) -> None:
        """Every version opens, every acknowledged decision is there, no run is left running."""
        for version in self.versions():
            self.registered(version)
        kept = set(DecisionLog(self.folder / "decisions.db").decisions()["prospect"])
        assert set((self.folder / "acknowledged").read_text().split()) <= kept
        with connected(self.store) as client:
            experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
            runs = client.search_runs([experiment])
        status = Counter(run.info.status for run in runs)
        assert set(status) <= {"FINISHED", "KILLED"}, status

    def versions(self) -> list[int]:
        return sorted((each.version for each in list_versions(NAME, self.store)), reverse=True)

    def leftovers(self) -> list[Path]:
        """Unfinished work lying about."""
        return [path for path in self.folder.rglob("*") if path.name.startswith(".writing-")]


def forked(work: Callable[[], Any]) -> Any:
    """What the work gives, done in a fork."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(work, writing)
    os.close(writing)
    with open(reading, "rb") as told:  # noqa: PTH123 - a pipe has no path
        answer = told.read()
    _, status = os.waitpid(child, 0)
    if status:
        raise SystemExit("a fork failed; it has said why")
    return json.loads(answer)


def _answer(work: Callable[[], Any], writing: int) -> None:
    code = 1
    try:
        os.write(writing, json.dumps(work()).encode())
        code = 0
    except BaseException:  # noqa: BLE001 - whoever started this stops
        traceback.print_exc()
    finally:
        os._exit(code)


class Killer:
    """Forks the process that it works in, and kills the fork, at the steps it is told of."""

    def __init__(
        self, company: Company, kind: str, plan: dict[str, tuple[int, float]], seed: int
    ) -> None:
        self.company, self.kind, self.plan = company, kind, dict(plan)
        self.draw = random.Random(seed)  # noqa: S311 - moments, no secret
        self.killed, self.is_fork = 0, False

    def at(self, step: str) -> None:
        """Kill the forks planned for this step; a fork returns at once and goes on."""
        kills, seconds = self.plan.pop(step, (0, 0.0))
        end = self.killed + kills
        for _ in range(MOST_TRIALS * kills):
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
        """How many were killed, and what the work gives that was not."""
        result = work(self.at)
        if self.is_fork:
            os._exit(0)
        return self.killed, result


def kill(child: int, seconds: float) -> bool:
    """Kill a fork at that moment; whether it was still at work."""
    process = os.pidfd_open(child)
    if not select.select([process], [], [], seconds)[0]:
        os.kill(child, signal.SIGKILL)
    os.close(process)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit("a fork failed before it was killed; it has said why")
    return os.WIFSIGNALED(status)


def planned(begun: dict[str, float], end: float, kills: int) -> dict[str, tuple[int, float]]:
    """Kills at each step and the seconds to draw from: an eighth each before writing, then most.

    Once it writes, it holds connections that a fork must not share.
    """
    steps = [step for step in begun if step != STEPS[-1]]
    ends = [begun[step] for step in steps[1:]] + [end]
    counts = [kills // 8] * (len(steps) - 1)
    counts.append(kills - sum(counts))
    return {
        step: (count, until - begun[step])
        for step, count, until in zip(steps, counts, ends, strict=True)
    }


def timed(work: Callable[[Callable[[str], None]], Any]) -> tuple[dict[str, float], float, Any]:
    """When each step began, when all ended, and what it gave."""
    begun: dict[str, float] = {}
    result = work(lambda step: begun.setdefault(step, time.monotonic()) and None)
    return begun, time.monotonic(), result


def try_out(company: Company, kind: str, kills: int, seed: int) -> dict[str, Any]:
    """Kill one kind of work so often; everything must be whole each time, and the repeat equal."""
    work = getattr(company, kind)
    begun, end, whole = forked(lambda: timed(work))
    killer = Killer(company, kind, planned(begun, end, kills), seed)
    killed, again = forked(lambda: killer.after(work))
    same = {
        "promote": lambda: get_alias(NAME, "champion", company.store) == again,
        "log": lambda: again > whole,
    }.get(kind, lambda: again == whole)
    return {"kind": kind, "killed": killed, "same again": forked(same),
            "left": len(company.leftovers()), "seconds": round(end - min(begun.values()), 2),
            }  # fmt: skip


def warm_up() -> None:
    """Do everything once elsewhere: what it imports is there in every fork."""
    with tempfile.TemporaryDirectory() as folder:
        company = Company(f"sqlite:///{folder}/mlflow.db", Path(folder))
        for kind in ("train", "score", "log"):
            getattr(company, kind)(lambda _step: None)
            company.look(kind)
    gc.freeze()  # so that no fork copies what it only looks through


def main(store: str, folder: str, kills: int, seed: int) -> None:
    """Try out every kind."""
    TrainingReport.figures = lambda _report: {}  # type: ignore[method-assign]  # drawing takes long
    warm_up()
    company = Company(store, Path(folder))
    for kind in ("train", "promote", "score", "log"):
        print(json.dumps(try_out(company, kind, kills, seed)), flush=True)  # noqa: T201 - a script
    forked(company.look_closely)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
