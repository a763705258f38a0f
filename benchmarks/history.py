"""What history and events are worth, what today's values pretend, and rows per second.

python benchmarks/history.py            both tables
python benchmarks/history.py quality    AUC as of closing, with today's values, and without
python benchmarks/history.py speed 10   seconds for 10 million rows beside pandas and DuckDB
python benchmarks/history.py csv 10     the same rows from Parquet and from CSV
python benchmarks/history.py events 0.2 counts and silence of events beside pandas and featuretools,
                                        FEATURETOOLS_PYTHON: a Python with it, pyarrow, pandas < 3

The history is simulated: it cannot show how much that of a real CRM is worth.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from _needs import has
from _own_memory import own_memory

if TYPE_CHECKING:
    from collections.abc import Collection

    from fitmodel.datasets.simulation import Simulation

DEALS, NEW_DEALS = 5_000, 4_000
FIELDS = 5
WINDOW = 90
OVERWRITTEN = ("seats", "decision_maker_known")


def quality() -> None:
    """Train three times on one table of deals; ask each about deals nobody trained on."""
    from sklearn.metrics import roc_auc_score

    import fitmodel
    from fitmodel.crm.prospects import add_history
    from fitmodel.crm.reading import open_deals

    sim = fitmodel.simulate_deals(DEALS, seed=1, history=True)
    new = fitmodel.simulate_deals(NEW_DEALS, seed=2, history=True)
    spec = sim.spec.replace(learning={"components": ["logistic"]})
    plain = spec.replace(history={}, events={})
    without = plain.replace(attributes={"exclude": list(OVERWRITTEN)})
    left = _left_early(new)
    standing = open_deals(new.deals, sim.spec, new.tables).file.table
    print(
        f"AUC; {DEALS:,} deals to learn from, {NEW_DEALS:,} prospects as they were before closing"
    )
    print(f"{'':34}{'its own report':>16}{'on prospects':>14}")
    with tempfile.TemporaryDirectory() as folder:
        for name, contract, tables in (
            ("as of closing, with the events", spec, sim.tables),
            ("today's values (the leak)", plain, None),
            ("without the overwritten columns", without, None),
        ):
            models = Path(folder) / name.split()[0]
            allow = OVERWRITTEN if contract is plain else ()
            store = {"uri": f"sqlite:///{folder}/{models.name}.db"}
            run = fitmodel.train(
                sim.deals, contract.replace(tracking=store), models=models, tables=tables,
                allow=allow,
            )  # fmt: skip
            prospects = standing
            if tables is not None:
                given = dict(new.tables)
                prospects = add_history(new.deals, run.model, tables=given)
            probability = run.model.predict(prospects, reasons=0)["early_churn_probability"]
            promised = run.report.metrics["roc_auc"].value
            print(f"{name:34}{promised:16.3f}{roc_auc_score(left, probability):14.3f}")
    print(f"{'the true probability':50}{roc_auc_score(left, new.true_probability):14.3f}")


def _left_early(sim: Simulation) -> np.ndarray:
    from fitmodel.deals.months import add_months

    closed = sim.deals["closed_on"].to_numpy().astype("datetime64[D]")
    end = add_months(closed, sim.spec.label.horizon_months)
    return sim.true_churned_on.to_numpy().astype("datetime64[D]") <= end


def make_rows(folder: Path, millions: float) -> None:
    """Write a history of so many rows, and its deals."""
    random = np.random.default_rng(0)
    rows = int(millions * 1e6)
    deals = rows // 50
    closed = np.datetime64("2024-01-01") + random.integers(0, 700, deals)
    deal = random.integers(0, deals, rows)
    at = closed[deal].astype("datetime64[s]") + random.integers(-100 * 86_400, 60 * 86_400, rows)
    ids = pd.array([f"D{number:07}" for number in range(deals)], dtype="str")
    value = random.integers(0, 50, rows)
    pd.DataFrame(
        {
            "deal": ids.take(deal),
            "field": pd.array([f"field_{n}" for n in range(FIELDS)], dtype="str").take(
                random.integers(0, FIELDS, rows)
            ),
            "new": pd.array([str(n) for n in range(50)], dtype="str").take(value),
            "at": at.astype("datetime64[us]"),
        }
    ).to_parquet(folder / "history.parquet")
    pd.DataFrame(
        {"deal_id": ids, "closed_on": closed.astype("datetime64[us]"), "churned_on": pd.NaT}
    ).to_parquet(folder / "deals.parquet")


SPEC = {
    "deals": {
        "id": "deal_id", "closed_on": "closed_on", "churned_on": "churned_on",
        "observed_until": "2026-06-30",
    },
    "history": {
        "fields": {
            "table": "history.parquet", "id": "deal", "field": "field", "value": "new",
            "changed_at": "at",
        }
    },
}  # fmt: skip


def by_fitmodel(folder: Path, history: str = "history.parquet") -> pd.DataFrame:
    """Values, changes and days of each field as of closing."""
    import fitmodel
    from fitmodel.crm.reading import open_deals

    deals = pd.read_parquet(folder / "deals.parquet")
    table = open_deals(deals, fitmodel.DealSpec(**SPEC), {"fields": folder / history}).file.table
    return table.set_index("deal_id")[[f"field_{n}" for n in range(FIELDS)]]


def by_fitmodel_csv(folder: Path) -> pd.DataFrame:
    """The same from a CSV file."""
    return by_fitmodel(folder, "history.csv")


def make_csv(folder: Path) -> None:
    """Write the history as CSV too, some rows at a time."""
    with pq.ParquetFile(folder / "history.parquet") as file:
        schema = file.schema_arrow
        with pacsv.CSVWriter(folder / "history.csv", schema) as writer:
            for batch in file.iter_batches():
                writer.write_batch(batch)


def by_pandas(folder: Path) -> pd.DataFrame:
    """The same values by ``merge_asof``, field by field; no changes, no days."""
    deals = pd.read_parquet(folder / "deals.parquet").sort_values("closed_on")
    history = pd.read_parquet(folder / "history.parquet").sort_values("at")
    columns = {}
    for name, rows in history.groupby("field"):
        joined = pd.merge_asof(
            deals, rows, left_on="closed_on", right_on="at", left_by="deal_id", right_by="deal",
            allow_exact_matches=False,
        )  # fmt: skip
        columns[name] = joined.set_index("deal_id")["new"]
    return pd.DataFrame(columns)


def by_duckdb(folder: Path) -> pd.DataFrame:
    """The same values by ``ASOF JOIN``; no changes, no days."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("set threads = 1")
        deals, history = folder / "deals.parquet", folder / "history.parquet"
        columns = {}
        for number in range(FIELDS):
            joined = connection.execute(
                f"""select d.deal_id, h.new from '{deals}' d asof left join
                (select * from '{history}' where field = 'field_{number}') h
                on d.deal_id = h.deal and d.closed_on > h.at"""  # noqa: S608 - our own paths
            ).df()
            columns[f"field_{number}"] = joined.set_index("deal_id")["new"]
    return pd.DataFrame(columns)


def events_by_fitmodel(folder: Path) -> pd.DataFrame:
    """Events of the last 90 days before closing, and days since the last."""
    import fitmodel
    from fitmodel.crm.reading import open_deals

    deals = pd.read_parquet(folder / "deals.parquet")
    section = {
        "table": "history.parquet", "id": "deal", "at": "at", "windows_days": [WINDOW],
        "recorded_from": "2020-01-01",
    }  # fmt: skip
    spec = fitmodel.DealSpec(deals=SPEC["deals"], events={"calls": section})
    table = open_deals(deals, spec, {"calls": folder / "history.parquet"}).file.table
    return table.set_index("deal_id")[[f"calls_count_{WINDOW}d", "calls_days_since_last"]].set_axis(
        ["count", "days"], axis=1
    )


def events_by_pandas(folder: Path) -> pd.DataFrame:
    """The same by a merge of all events with their deals."""
    deals = pd.read_parquet(folder / "deals.parquet")
    events = pd.read_parquet(folder / "history.parquet").merge(
        deals, left_on="deal", right_on="deal_id"
    )
    events = events[events["at"] < events["closed_on"]]
    since = events["closed_on"] - pd.Timedelta(days=WINDOW)
    counts = events[events["at"] >= since].groupby("deal_id").size()
    last = events.groupby("deal_id")["at"].max().dt.normalize()
    silence = (deals.set_index("deal_id")["closed_on"] - last).dt.days
    ids = deals["deal_id"]
    return pd.DataFrame(
        {"count": counts.reindex(ids, fill_value=0), "days": silence.reindex(ids)}
    ).astype(float)


def events_by_featuretools(folder: Path) -> pd.DataFrame:
    """The count by featuretools: a cutoff time for each deal, and a training window."""
    import featuretools as ft

    deals = pd.read_parquet(folder / "deals.parquet")
    events = pd.read_parquet(folder / "history.parquet").reset_index(names="row")
    known = ft.EntitySet("crm")
    known.add_dataframe(dataframe_name="deals", dataframe=deals[["deal_id"]], index="deal_id")
    known.add_dataframe(dataframe_name="events", dataframe=events, index="row", time_index="at")
    known.add_relationship("deals", "deal_id", "events", "deal")
    # what lies at the cutoff counts there, and does not here
    before = deals["closed_on"] - pd.Timedelta(microseconds=1)
    cutoffs = pd.DataFrame({"deal_id": deals["deal_id"], "time": before})
    counts, _ = ft.dfs(
        entityset=known, target_dataframe_name="deals", cutoff_time=cutoffs,
        agg_primitives=["count"], trans_primitives=[], training_window=f"{WINDOW} days",
        include_cutoff_time=True, n_jobs=1,
    )  # fmt: skip
    return counts[["COUNT(events)"]].astype(float).set_axis(["count"], axis=1)


VALUES = {"fitmodel": by_fitmodel, "pandas merge_asof": by_pandas, "DuckDB asof join": by_duckdb}
EVENTS = {
    "fitmodel events": events_by_fitmodel,
    "pandas merge": events_by_pandas,
    "featuretools": events_by_featuretools,
}
FILES = {"fitmodel": by_fitmodel, "fitmodel, CSV": by_fitmodel_csv}
WAYS = VALUES | EVENTS | FILES
OTHER_PYTHON = {"featuretools": "FEATURETOOLS_PYTHON"}
PACKAGES = {
    "fitmodel": "fitmodel.crm.reading",
    "fitmodel, CSV": "fitmodel.crm.reading",
    "fitmodel events": "fitmodel.crm.reading",
    "DuckDB asof join": "duckdb",
    "featuretools": "featuretools",
}
"""What each way imports, which is not timed."""


def is_installed(way: str) -> bool:
    """Whether a way can run here; if not, that is printed."""
    if way not in OTHER_PYTHON:
        return has(PACKAGES.get(way, "pandas").split(".")[0], way)
    if OTHER_PYTHON[way] not in os.environ:
        print(f"{way} is left out: {OTHER_PYTHON[way]} names no Python")
    return OTHER_PYTHON[way] in os.environ


def speed(millions: float, ways: Collection[str]) -> None:
    """Time each way in a process of its own, and compare what they say."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_rows(folder, millions)
        if "fitmodel, CSV" in ways:
            make_csv(folder)
        print(f"{millions:g} million rows, Parquet; rows a second of processor time")
        heads = ("seconds", "processor", "rows a second", "peak MB", "own MB")
        print(f"{'':20}" + "".join(f"{head:>14}" for head in heads))
        run = [way for way in ways if is_installed(way)]
        for way in run:
            python = os.environ.get(OTHER_PYTHON.get(way, ""), sys.executable)
            subprocess.run(  # noqa: S603 - this file itself
                [python, __file__, "one", way, name, str(millions)], check=True
            )
        values = [pd.read_pickle(folder / f"{way}.pickle").sort_index() for way in run]  # noqa: S301
        same = all(
            (as_text(values[0][list(other)]) == as_text(other)).all(axis=None)
            for other in values[1:]
        )
        print(f"all say the same: {same}")


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Values as text: what is the text 7 in Parquet is the number 7 in CSV."""
    return table.astype("str").fillna("?").replace(r"\.0$", "", regex=True)


def one(way: str, folder: Path, millions: float) -> None:
    """One way: its time, and the most memory that the process had, also without mapped files."""
    import_module(PACKAGES.get(way, "pandas"))
    begun, used = time.perf_counter(), time.process_time()
    with own_memory() as own:
        result = WAYS[way](folder)
    seconds, processor = time.perf_counter() - begun, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result.to_pickle(folder / f"{way}.pickle")
    speed = millions * 1e6 / processor
    figures = (f"{seconds:.1f}", f"{processor:.1f}", f"{speed:,.0f}", f"{peak:,.0f}")
    print(f"{way:20}" + "".join(f"{each:>14}" for each in (*figures, f"{max(own):,.0f}")))


def main() -> None:
    """Run what is asked for."""
    asked = sys.argv[1:]
    if asked[:1] == ["one"]:
        one(asked[1], Path(asked[2]), float(asked[3]))
        return
    if not asked or asked[0] == "quality":
        quality()
    millions = float(asked[1]) if len(asked) > 1 else None
    if not asked or asked[0] == "speed":
        speed(millions or 10, VALUES)
    if not asked or asked[0] == "csv":
        speed(millions or 10, FILES)
    if not asked or asked[0] == "events":
        speed(millions or 0.2, EVENTS)


if __name__ == "__main__":
    main()
