"""Kill training, scoring, promotion and the decision log at random moments, and look what is left.

    python tests/hostile/killing.py STORE FOLDER KILLS SEED

Each trial is a fork of this process, so that a kill costs no imports: it is killed (SIGKILL) after
a random part of the time that the whole takes, training also at a random moment of its writing.
A second fork then looks at everything and does the same again. Prints one line of JSON per kind.
Training, which takes longest, is killed half as often.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.outcomes import recut
from fitmodel.model.fitmodel import load
from fitmodel.monitoring.log import DecisionLog
from fitmodel.scoring.places import score_places
from fitmodel.tracking.in_use import follow_champion
from fitmodel.tracking.promotion import promote
from fitmodel.tracking.registry import get_alias, list_versions
from fitmodel.training import STEPS, train

NAME = "prospect-fit"
PATIENCE = 120.0  # seconds for one trial


class Company:
    """Deals, a store, a folder of models, and prospects."""

    def __init__(self, store: str, folder: Path) -> None:
        sim = simulate_deals(700, seed=5, signal=2.0)
        self.store, self.folder, self.models = store, folder, folder / "models"
        self.spec = sim.spec.replace(tracking={"uri": store})
        self.deals, self.prospects = sim.deals, sim.deals.head(50).drop(columns=["churned_on"])
        self.earlier = recut(sim.deals, self.spec, sim.deals["closed_on"].quantile(0.95))
        many = pd.concat([sim.deals.drop(columns=["churned_on"])] * 60, ignore_index=True)
        many.to_parquet(folder / "prospects.parquet")

    def said(self, model: Any) -> list[float]:
        return load(model).predict(self.prospects, reasons=0)["early_churn_probability"].tolist()

    def use(self, model: str) -> list[float]:
        os.environ["MLFLOW_TRACKING_URI"] = self.store
        return self.said(model)

    # -- what is killed

    def train(self, tell: Callable[[str], None]) -> list[float]:
        run = train(self.deals, self.spec, models=self.models, progress=tell)
        assert run.run_id, run.warnings
        return self.said(run.bundle_path)

    def score(self, _tell: Callable[[str], None]) -> str:
        import hashlib

        out = self.folder / "scored.csv"
        model = load(self.models / NAME)
        score_places(str(self.folder / "prospects.parquet"), model, str(out), reasons=1)
        return hashlib.sha256(out.read_bytes()).hexdigest()

    def promote(self, _tell: Callable[[str], None]) -> int:
        version = 2 if get_alias(NAME, "champion", self.store) == 1 else 1
        promote(NAME, version=version, force=True, reason="a trial", store=self.store)
        follow_champion(self.models, NAME, self.store)
        return version

    def log(self, tell: Callable[[str], None]) -> int:
        log = DecisionLog(self.folder / "decisions.db", salt="salt")
        model = load(self.models / NAME)
        rows = self.prospects.to_dict("records")
        for place, prospect in enumerate(rows):
            name = f"{os.getpid()}-{place}"
            log.append(name, model.predict(prospect, reasons=0), prospect)
            log.decide(name, "signed", by="Kim")
            tell(log.known_as(name))
        return len(log.decisions())

    # -- what must hold whatever was killed

    def look(self, kind: str = "promote") -> dict[str, Any]:
        for file in (Path(self.store.removeprefix("sqlite:///")), self.folder / "decisions.db"):
            if file.exists():
                connection = sqlite3.connect(file)
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",), file
                connection.close()
        self.said(self.models / NAME)
        if kind in {"score", "log"}:  # they do not know the store
            return {}
        champion = get_alias(NAME, "champion", self.store)
        versions = [version.version for version in list_versions(NAME, self.store)]
        assert champion in versions
        for version in versions:
            self.use(f"models:/{NAME}/{version}")
        return {"champion": champion, "said": self.use(f"models:/{NAME}@champion")}

    def leftovers(self) -> list[Path]:
        """Unfinished work lying about."""
        return [path for path in self.folder.rglob("*") if path.name.startswith(".")]


def forked(work: Callable[[Callable[[str], None]], Any], kill: Callable[[list[str]], bool]) -> Any:
    """Do the work in a fork; ask of what it has told whether to kill it. None where it was."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _run(work, writing)
    os.close(writing)
    told = _listen(reading, child, kill)
    os.close(reading)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return told, None
    if status:
        raise SystemExit("\n".join(told))
    return told[:-1], json.loads(told[-1])


def _run(work: Callable[[Callable[[str], None]], Any], writing: int) -> None:
    code = 1
    try:
        result = work(lambda text: _tell(writing, text))
        _tell(writing, json.dumps(result))
        code = 0
    except BaseException:  # noqa: BLE001 - told to the parent, which stops
        _tell(writing, traceback.format_exc())
    finally:
        os._exit(code)


def _tell(writing: int, text: str) -> None:
    os.write(writing, text.encode() + b"\n")


def _listen(reading: int, child: int, kill: Callable[[list[str]], bool]) -> list[str]:
    heard, end = b"", time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if kill(heard.decode().splitlines()):
            os.kill(child, signal.SIGKILL)
            end = time.monotonic() + 5
            kill = never
        if select.select([reading], [], [], 0.002)[0]:
            part = os.read(reading, 65_536)
            if not part:
                break
            heard += part
    return heard.decode().rpartition("\n")[0].splitlines()


def never(_told: list[str]) -> bool:
    return False


def after(seconds: float, step: str | None = None) -> Callable[[list[str]], bool]:
    """Kill so long after the beginning, or after a step was told."""
    begun: list[float] = [] if step else [time.monotonic()]

    def due(told: list[str]) -> bool:
        if not begun and step in told:
            begun.append(time.monotonic())
        return bool(begun) and time.monotonic() > begun[0] + seconds

    return due


def try_out(company: Company, kind: str, kills: int, draw: random.Random) -> dict[str, Any]:
    """Kill one kind of work so often; everything must be whole each time, and the repeat equal."""
    work = getattr(company, kind)
    start = time.monotonic()
    _, whole = forked(work, never)
    took = time.monotonic() - start
    killed, acknowledged = 0, []
    for trial in range(kills):
        late = kind == "train" and trial % 2 == 0
        moment = (
            after(draw.uniform(0, took / 4), STEPS[4]) if late else after(draw.uniform(0, took))
        )
        told, answer = forked(work, moment)
        killed += int(answer is None)
        acknowledged += told if kind == "log" else []
        forked(lambda _tell: company.look(kind), never)
        if kind == "score":
            out = company.folder / "scored.csv"
            assert not out.exists() or len(pd.read_csv(out)) == 700 * 60, "half a file"
    for path in company.leftovers():  # an hour later
        os.utime(path, (0, time.time() - 4000))
    _, again = forked(work, never)
    if kind == "log":
        kept = set(DecisionLog(company.folder / "decisions.db").decisions()["prospect"])
        assert set(acknowledged) <= kept, "a decision that was acknowledged is gone"
    same = {
        "promote": lambda: forked(lambda _tell: company.look(), never)[1]["champion"] == again,
        "log": lambda: again > whole,
    }.get(kind, lambda: again == whole)()
    left = len(company.leftovers())
    return {"kind": kind, "killed": killed, "of": kills, "same again": same, "left": left,
            "seconds": round(took, 2)}  # fmt: skip


def main(store: str, folder: str, kills: int, seed: int) -> None:
    """Try out every kind."""
    company, draw = Company(store, Path(folder)), random.Random(seed)  # noqa: S311 - moments, no secret
    for kind in ("train", "score", "promote", "log"):
        times = kills // 2 if kind == "train" else kills
        print(json.dumps(try_out(company, kind, times, draw)), flush=True)  # noqa: T201 - a script


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
