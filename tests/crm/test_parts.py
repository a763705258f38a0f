"""A table read in parts gives exactly the same numbers as one read at once."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

from fitmodel.crm import _opening
from fitmodel.crm.reading import open_deals
from fitmodel.crm.timeline import provenance, timeline
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.exceptions import DealsError
from fitmodel.tables import _csv_files


@pytest.fixture
def tiny_parts(monkeypatch):
    """Turn on reading in many small parts."""

    def on():
        monkeypatch.setattr(_opening, "MAX_ROWS_IN_ONE_PART", 3)
        monkeypatch.setattr(_opening, "PART_ROWS", 5)
        monkeypatch.setattr(_opening, "MAX_PARTS", 7)
        monkeypatch.setattr(_opening, "PIECE_ROWS", 4)

    return on


@pytest.fixture(scope="module")
def sim():
    """Simulated deals with bad rows, unknown deals, ties and a missing id in their tables."""
    sim = simulate_deals(60, seed=4, history=True)
    fields, calls = sim.tables["fields"], sim.tables["activities"]
    some = fields.iloc[3:9]
    bad = some.assign(**{sim.spec.history["fields"].id: [None, "X1", "X2", None, "X1", "X3"]})
    again = fields.iloc[10:14].assign(**{sim.spec.history["fields"].value: ["1", "2", "3", "4"]})
    late = calls.iloc[:3].assign(**{sim.spec.events["activities"].at: pd.NaT})
    sim.tables["fields"] = pd.concat([fields, bad, again], ignore_index=True)
    sim.tables["activities"] = pd.concat([calls, late], ignore_index=True)
    return sim


def _provenance_of(opened):
    """Findings without their examples, which may come from another part."""
    return [(each.column, each.count, each.message) for each in opened.file.findings]


def _same(whole, parts):
    pd.testing.assert_frame_equal(parts.result.frame, whole.result.frame, check_exact=True)
    assert _provenance_of(parts) == _provenance_of(whole)
    assert parts.spec == whole.spec


@pytest.mark.parametrize("form", ["frame", "parquet", "csv", "folder", "sqlite"])
def test_every_kind_of_source_gives_the_same_result_in_parts(sim, tiny_parts, tmp_path, form):
    opened = {}
    for name, table in sim.tables.items():
        path = tmp_path / f"{name}.{form}"
        if form == "frame":
            opened[name] = table
        elif form == "csv":
            table.to_csv(path, index=False)
        elif form == "sqlite":
            with closing(sqlite3.connect(path)) as connection:
                table.astype("str").to_sql(name, connection, index=False)
        elif form == "folder":
            path.mkdir()
            for number in range(3):
                table.iloc[number::3].to_parquet(path / f"{number}.parquet")
        else:
            table.to_parquet(path)
        opened.setdefault(name, f"sqlite:///{path}/{name}" if form == "sqlite" else path)
    whole = open_deals(sim.deals, sim.spec, opened)
    tiny_parts()

    parts = open_deals(sim.deals, sim.spec, opened)

    _same(whole, parts)
    logs = [each.tables.logs["fields"] for each in (whole, parts)]
    assert len(logs[0]) == len(logs[1])
    assert [isinstance(each.times.base, np.memmap) for each in logs] == [False, True]
    reported = [provenance(each.today, each.spec, each.result) for each in (whole, parts)]
    pd.testing.assert_frame_equal(*reported)
    deal = str(sim.deals[sim.spec.deals.id].iloc[7])
    records = [
        timeline(each.today, each.spec, each.tables, each.result, deal).records
        for each in (whole, parts)
    ]
    pd.testing.assert_frame_equal(*records)


@pytest.mark.parametrize("shape", ["versions", "snapshots"])
def test_versions_and_snapshots_give_the_same_result_in_parts(
    make_spec, deals_of, tiny_parts, tmp_path, shape
):
    days = pd.date_range("2026-01-01", periods=12, freq="6D")
    table = pd.concat(
        pd.DataFrame(
            {
                "deal": f"D{number}",
                "from": days,
                "to": [*days[1:], None if number % 2 else days[-1] + pd.Timedelta(days=1)],
                "plan": [("a", "b", None)[(number + position // 3) % 3] for position in range(12)],
                "seats": [number + position // 4 for position in range(12)],
            }
        )
        for number in range(9)
    )
    keys = {"valid_from": "from", "valid_to": "to"} if shape == "versions" else {"day": "from"}
    section = {"table": "t", "id": "deal", **keys, "stage": "plan", "stages": ["a", "b", "c"]}
    spec = make_spec(None, history={"fields": section})
    table.to_parquet(tmp_path / "t.parquet")
    deals = deals_of(["2026-02-20"] * 9, plan=["z"] * 9, seats=[0] * 9)
    whole = open_deals(deals, spec, {"fields": tmp_path / "t.parquet"})
    tiny_parts()

    _same(whole, open_deals(deals, spec, {"fields": tmp_path / "t.parquet"}))


def test_the_form_of_dates_and_amounts_is_decided_on_the_whole_table(
    make_spec, deals_of, tiny_parts, tmp_path
):
    days = [f"{1 + n % 28:02}/02/2026 1:{n % 60:02} PM" for n in range(40)]
    table = pd.DataFrame(
        {
            "deal": [f"D{n % 5}" for n in range(40)],
            "at": days,
            "minutes": ["1.500" if n < 15 else "1,5" for n in range(40)],  # 1500, as 1,5 is 1.5
        }
    )
    table.to_parquet(tmp_path / "e.parquet")
    spec = make_spec(None, {"amount": "minutes", "recorded_from": "2020-01-01"})
    deals = deals_of(["2026-03-10"] * 5)
    whole = open_deals(deals, spec, {"calls": tmp_path / "e.parquet"})
    tiny_parts()

    _same(whole, open_deals(deals, spec, {"calls": tmp_path / "e.parquet"}))
    assert whole.result.frame["calls_minutes_90d"].sum() > 1000


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_table_is_the_same_as_csv_parquet_and_folder(
    make_spec, deals_of, tiny_parts, tmp_path, separator, monkeypatch
):
    comma = separator == ";"
    days = [f"{1 + n % 12:02}/{1 + n % 5:02}/2026 0{n % 10}:30" for n in range(60)]
    days[57] = "28/02/2026 23:59"  # the only date that shows day first
    table = pd.DataFrame(
        {
            "deal": [f'D"{n % 6}, GmbH\nBerlin' if n % 6 else None for n in range(60)],
            "at": days,
            "kind": [("call, late", 'the "demo"', "NA", None)[n % 4] for n in range(60)],
            "who": [f"00{n % 5}" for n in range(60)],
            "minutes": [f"{n}{',' if comma else '.'}5" if n % 7 else None for n in range(60)],
        }
    )
    table.to_parquet(tmp_path / "e.parquet")
    (tmp_path / "folder").mkdir()
    for start in range(0, 60, 20):
        table[start : start + 20].to_parquet(tmp_path / "folder" / f"{start}.parquet")
    table.to_csv(tmp_path / "e.csv", index=False, sep=separator)
    section = {"kind": "kind", "who": "who", "amount": "minutes", "recorded_from": "2020-01-01"}
    spec = make_spec(None, section)
    deals = deals_of(["2026-03-10"] * 6, deal_id=[f'D"{n}, GmbH\nBerlin' for n in range(6)])
    whole = open_deals(deals, spec, {"calls": table})
    tiny_parts()
    monkeypatch.setattr(_csv_files, "BLOCK_BYTES", 256)

    for name in ("e.parquet", "folder", "e.csv"):
        _same(whole, open_deals(deals, spec, {"calls": tmp_path / name}))
    before = [n for n in range(60) if n % 5 < 2 or (n % 5 == 2 and n % 12 < 9) or n == 57]
    known = [n + 0.5 for n in before if n % 6 and n % 7]
    assert whole.result.frame["calls_minutes_90d"].sum() == sum(known)


@pytest.mark.parametrize(
    ("at", "message"),
    [
        (
            [f"{1 + n % 12}/{1 + n % 12 + (n == 3)}/2026" for n in range(12)],
            "as day first and as month",
        ),
        (
            ["2026-01-01", *["never"] * 11],
            "11 of 12 values are not dates, for example row 1: 'never'",
        ),
        ([None] * 12, "no row has both an id and a date"),
    ],
)
def test_errors_are_the_same_in_parts(make_spec, deals_of, tiny_parts, tmp_path, at, message):
    table = pd.DataFrame({"deal": [f"D{n}" for n in range(12)], "at": pd.array(at, dtype="str")})
    table.to_parquet(tmp_path / "e.parquet")
    deals, spec = deals_of(["2026-03-10"] * 12), make_spec(None, {})
    with pytest.raises(DealsError, match=message):
        open_deals(deals, spec, {"calls": tmp_path / "e.parquet"})
    tiny_parts()

    with pytest.raises(DealsError, match=message):
        open_deals(deals, spec, {"calls": tmp_path / "e.parquet"})
