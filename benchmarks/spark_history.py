"""History of a million deals in Spark, with the numbers that pandas gives on one machine.

    python benchmarks/spark_history.py [--deals 1000000] [--sample 20000] [--cores 2]

Each deal has three changes and two activities. Spark reads Parquet and writes Parquet; the memory
is that of Spark and its Python workers together. Needs Java 17 and the extra spark.

One machine plays the cluster: it cannot show what moving rows between machines costs.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import subprocess
import tempfile
import time
import warnings
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from _needs import need
from spark import session

import fitmodel
from fitmodel.crm.columns import columns_of
from fitmodel.crm.prospects import add_history
from fitmodel.model.fitmodel import FitModel

if TYPE_CHECKING:
    from collections.abc import Iterator

TODAY = dt.date(2026, 6, 30)
SPEC = {
    "deals": {
        "id": "deal_id", "closed_on": "closed_on", "churned_on": "churned_on",
        "observed_until": "2026-06-30",
    },
    "history": {
        "fields": {
            "table": "fields", "id": "deal", "field": "field", "value": "new", "old_value": "old",
            "changed_at": "at", "fields": ["plan", "seats"],
        }
    },
    "events": {
        "calls": {
            "table": "calls", "id": "deal", "at": "at", "kind": "kind", "who": "who",
            "kinds": ["call", "mail"], "recorded_from": "2020-01-01",
        }
    },
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deals", type=int, default=1_000_000)
    parser.add_argument("--sample", type=int, default=20_000)
    parser.add_argument("--cores", type=int, default=2)
    asked = parser.parse_args()
    need("pyspark", program="java")
    warnings.filterwarnings("ignore")
    spec = fitmodel.DealSpec(**SPEC)
    model = FitModel.__new__(FitModel)  # only its contract is asked for
    model.manifest = {"spec": spec.to_dict()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tables = make_tables(asked.deals)
        for table, frame in tables.items():
            frame.to_parquet(folder / f"{table}.parquet", row_group_size=100_000)
        known = add_sample(tables, asked.sample, model)
        del tables
        with memory() as megabytes:
            spark = session(folder, asked.cores)
            begun = time.perf_counter()
            frames = {
                table: spark.read.parquet(str(folder / f"{table}.parquet"))
                for table in ("deals", "fields", "calls")
            }
            df = spark.add_history(frames.pop("deals"), model, frames, as_of=TODAY)
            df.write.parquet(str(folder / "result"))
            seconds = time.perf_counter() - begun
            spark.stop()
        result = pd.read_parquet(folder / "result").set_index("deal_id")
    print(f"{asked.deals:,} deals, {3 * asked.deals:,} changes, {2 * asked.deals:,} activities")
    print(f"Spark, {asked.cores} cores: {seconds:.0f} s; most memory {max(megabytes):,.0f} MB")
    print(f"rows: {len(result):,}; of {len(known):,} deals: {compare(result, known, spec)}")


def make_tables(deals: int) -> dict[str, pd.DataFrame]:
    """Deals, their changes and their activities, some of them after the closing."""
    random = np.random.default_rng(0)
    ids = pd.array([f"D{number:07}" for number in range(deals)], dtype="str")
    closed = np.datetime64("2024-01-01") + random.integers(0, 800, deals)

    def around(repeats: int) -> tuple[np.ndarray, np.ndarray]:
        deal = np.repeat(np.arange(deals), repeats)
        seconds = random.integers(-120 * 86_400, 60 * 86_400, len(deal))
        at = (closed[deal].astype("datetime64[s]") + seconds).astype("datetime64[us]")
        order = random.permutation(len(deal))
        return deal[order], at[order]

    def chosen(values: list[str], number: int) -> pd.Series:
        return pd.Series(
            pd.array(values, dtype="str").take(random.integers(0, len(values), number))
        )

    deal, at = around(3)
    fields = pd.DataFrame(
        {
            "deal": ids.take(deal), "field": chosen(["plan", "seats"], len(deal)),
            "old": chosen(["1", "2", "3"], len(deal)), "new": chosen(["4", "5", "6"], len(deal)),
            "at": at,
        }
    )  # fmt: skip
    deal, at = around(2)
    calls = pd.DataFrame(
        {
            "deal": ids.take(deal), "at": at, "kind": chosen(["call", "mail"], len(deal)),
            "who": chosen(["Ann", "Bob", "Cid"], len(deal)),
        }
    )  # fmt: skip
    columns = {"deal_id": ids, "closed_on": closed.astype("datetime64[us]")}
    table = pd.DataFrame(columns | {"plan": chosen(["7", "8"], deals), "seats": "9"})
    return {"deals": table, "fields": fields, "calls": calls}


def add_sample(tables: dict[str, pd.DataFrame], size: int, model: FitModel) -> pd.DataFrame:
    """What pandas gives to some of the deals."""
    deals = tables["deals"].sample(min(size, len(tables["deals"])), random_state=1)
    wanted = set(deals["deal_id"])
    given = {name: tables[name][tables[name]["deal"].isin(wanted)] for name in ("fields", "calls")}
    return add_history(deals, model, tables=given, as_of=TODAY).set_index("deal_id")


def compare(result: pd.DataFrame, known: pd.DataFrame, spec: fitmodel.DealSpec) -> str:
    """Whether all columns of the history are the same."""
    same = result.loc[known.index]
    differ = [
        name
        for name in columns_of(spec)
        if not same[name].astype(object).fillna("?").astype(str).equals(
            known[name].astype(object).fillna("?").astype(str)
        )
    ]  # fmt: skip
    return f"{len(columns_of(spec))} columns, " + (f"{differ} differ" if differ else "all the same")


@contextmanager
def memory() -> Iterator[list[float]]:
    """Note every second the memory of this process and of all that it started."""
    noted, done = [0.0], Event()

    def note() -> None:
        while not done.wait(1):
            listed = subprocess.run(
                ["/bin/ps", "-eo", "pid=,ppid=,rss="], capture_output=True, text=True, check=True
            ).stdout
            rows = [tuple(map(int, line.split())) for line in listed.splitlines()]
            mine, grown = {os.getpid()}, True
            while grown:
                more = {pid for pid, parent, _ in rows if parent in mine} - mine
                mine, grown = mine | more, bool(more)
            noted.append(sum(size for pid, _, size in rows if pid in mine) / 1024)

    thread = Thread(target=note)
    thread.start()
    try:
        yield noted
    finally:
        done.set()
        thread.join()


if __name__ == "__main__":
    main()
