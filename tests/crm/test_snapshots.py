"""A snapshot store has one complete file per day, also after concurrent or killed writers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from fitmodel.cli.main import app
from fitmodel.crm.reading import open_deals
from fitmodel.crm.snapshots import keep_snapshot
from fitmodel.exceptions import DealsError

PIPELINE = pd.DataFrame({"deal_id": ["D0", "D1"], "plan": ["free", None], "seats": [3, 4]})


def test_a_second_snapshot_of_a_day_changes_nothing_unless_requested(tmp_path):
    first = keep_snapshot(PIPELINE, tmp_path, "deal_id", day=date(2026, 3, 1))
    before = first.path.read_bytes()
    more = pd.concat([PIPELINE, PIPELINE.assign(deal_id=["n1", "n2"])]).assign(plan="x")
    again = keep_snapshot(more, tmp_path, "deal_id", day=date(2026, 3, 1))

    assert first.rows == again.rows == len(PIPELINE)  # of what is in the store
    assert (first.was_there, again.was_there, again.days) == (False, True, 1)
    assert first.path.read_bytes() == before
    keep_snapshot(
        PIPELINE.assign(plan="x"), tmp_path, "deal_id", day=date(2026, 3, 1), replace=True
    )
    assert pq.read_table(first.path)["plan"].to_pylist() == ["x", "x"]


def test_the_store_can_be_read_as_a_history_table(tmp_path, make_spec, deals_of):
    for day, plan in ((1, "free"), (5, "gold"), (10, "won"), (20, "gone")):
        frame = PIPELINE.assign(plan=plan, seats=day if day > 1 else None)
        keep_snapshot(frame, tmp_path, "deal_id", day=date(2026, 3, day))
    keys = {"table": str(tmp_path), "id": "deal_id", "day": "snapshot_on"}
    spec = make_spec(None, history={"snapshots": keys})
    deals = deals_of(["2026-03-10", "2026-02-01"], plan=["gone", "gone"], seats=[20, 20])

    opened = open_deals(deals, spec)

    assert opened.file.table["plan"].fillna("?").tolist() == ["gold", "?"]
    assert opened.file.table["seats"].fillna(-1).tolist() == [5, -1]
    assert "1 of 2 deal(s) have no row before their closing" in "\n".join(
        map(str, opened.file.findings)
    )


def test_concurrent_writers_of_one_day_leave_one_complete_file(tmp_path):
    def write(number):
        return keep_snapshot(
            PIPELINE.assign(plan=str(number)), tmp_path, "deal_id", day=date(2026, 3, 1)
        )

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(write, range(8)))

    assert sum(not each.was_there for each in done) == 1
    assert len(set(pq.read_table(done[0].path)["plan"].to_pylist())) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no kill -9")
def test_a_killed_writer_leaves_no_partial_file(tmp_path):
    code = (
        "import os, signal, pandas as pd\n"
        "import fitmodel.crm.snapshots as store\n"
        "def stopped(*_):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        "store.sync_folder = stopped if WHEN == 'after' else store.sync_folder\n"
        "write = store.write_file\n"
        "def half(path, content):\n    write(path, content[:20]); stopped()\n"
        "store.write_file = half if WHEN == 'before' else write\n"
        f"store.keep_snapshot(pd.DataFrame({{'deal_id': ['D0']}}), {str(tmp_path)!r}, 'deal_id')\n"
    )
    for when, expected in (("before", 0), ("after", 1)):
        done = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", f"WHEN = {when!r}\n{code}"], check=False, timeout=60
        )
        assert done.returncode == -signal.SIGKILL
        files = list(tmp_path.glob("*.parquet"))
        assert len(files) == expected
    assert pq.read_table(files[0])["deal_id"].to_pylist() == ["D0"]
    assert keep_snapshot(
        PIPELINE, tmp_path, "deal_id"
    ).was_there  # the lock was released when its owner died


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (PIPELINE.rename(columns={"deal_id": "id"}), "there is no column 'deal_id' of ids"),
        (PIPELINE.assign(deal_id=["D0", None]), "1 of 2 row.s. have no id, for example row 1"),
        (PIPELINE.assign(deal_id=["D0", "D0 "]), "1 row.s. repeat the id of an earlier row.*'D0'"),
        (PIPELINE.assign(snapshot_on="x"), "has a column 'snapshot_on'"),
    ],
)
def test_a_pipeline_that_cannot_be_read_back_is_refused(tmp_path, frame, message):
    with pytest.raises(DealsError, match=message):
        keep_snapshot(frame, tmp_path, "deal_id")
    assert not list(tmp_path.glob("*.parquet"))


@pytest.mark.slow
def test_a_pipeline_is_stored_trained_on_and_scored_by_the_command_line(
    tmp_path, monkeypatch, store_in
):
    """Commands: snapshot, init, attributes, check, train, score."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    closed = pd.Timestamp("2024-01-10") + pd.to_timedelta(random.integers(0, 380, 300), "D")
    plan = random.choice(["free", "gold"], 300)
    left = random.random(300) < np.where(plan == "free", 0.7, 0.05)
    deals = pd.DataFrame(
        {
            "deal_id": [f"D{number:03}" for number in range(300)],
            "closed_on": closed,
            "churned_on": (closed + pd.Timedelta(days=70)).where(left),
            "plan": plan,
            "seats": random.integers(1, 50, 300),
        }
    )

    def as_exported(day):
        """The CRM's table on a day: the plan of customers who left is overwritten."""
        known = deals[deals["closed_on"] - pd.Timedelta(days=40) <= day]
        gone = known["churned_on"] <= day
        return known.assign(plan=known["plan"].mask(gone, "none")).drop(columns="churned_on")

    def run(*arguments):
        done = CliRunner().invoke(app, list(arguments))
        assert done.exit_code == 0, done.output
        return done.output

    for day in pd.date_range("2023-12-05", "2025-02-01", freq="30D"):
        as_exported(day).drop(columns="closed_on").to_csv("pipeline.csv", index=False)
        output = run("snapshot", "pipeline.csv", "--id", "deal_id", "--day", f"{day:%Y-%m-%d}")
        assert "written" in output
    today = as_exported(pd.Timestamp("2025-12-31"))
    today.assign(churned_on=deals["churned_on"]).to_csv("deals.csv", index=False)
    prospects = pd.DataFrame({"deal_id": ["P1", "P2"], "plan": ["free", "gold"], "seats": [9, 9]})
    prospects.to_csv("prospects.csv", index=False)
    run("snapshot", "prospects.csv", "--id", "deal_id", "--day", "2025-12-30")
    Path("fitmodel.toml").write_text(
        '[deals]\nid = "deal_id"\nclosed_on = "closed_on"\nchurned_on = "churned_on"\n'
        'observed_until = "2025-12-31"\n'
        '[history.snapshots]\ntable = "snapshots"\nid = "deal_id"\nday = "snapshot_on"\n'
        '[learning]\ncomponents = ["logistic"]\nreplicates = 3\npenalties = [10.0]\n'
        f'[tracking]\nuri = "{store_in(tmp_path)}"\n'
    )

    run("attributes", "deals.csv", "-o", "known.csv")
    checked = run("check", "deals.csv")
    run("train", "deals.csv", "--models", "models")
    run("score", "prospects.csv", "--model", "models/prospect-fit", "-o", "scored.csv")

    assert pd.read_csv("known.csv")["plan"].tolist() == deals["plan"].tolist()
    assert f"plan: {int(left.sum())} of 300 deals have another value today" in checked
    scored = pd.read_csv("scored.csv").set_index("deal_id")["early_churn_probability"]
    assert scored["P1"] > 0.3
    assert scored["P2"] < 0.2
