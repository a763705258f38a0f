"""Ids that cannot tell customers apart, and rows that contradict each other, are asked about."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.exceptions import DealsError
from fitmodel.guessing.questions import find_questions, read_with_questions
from tables import customers

DEALS = {"closed_on": "signed", "churned_on": "left", "observed_until": "2025-12-31"}


def asked(table: pd.DataFrame, spec: DealSpec) -> dict[str, str]:
    return {question.code: str(question) for question in find_questions(table, spec)}


def test_ids_that_differ_only_in_capitals_or_spaces_are_asked_about() -> None:
    table = customers(2)
    ids = table["key"].to_numpy(dtype=object)
    ids[100:120] = [f" {key.lower()[:2]} {key[2:]}" for key in ids[:20]]
    table["customer_id"] = ids
    merged = DealSpec(deals={**DEALS, "id": "key"}, rows={"customer": "customer_id"})

    assert "20 of 240 values differ" in asked(table, merged)["ids-alike"]
    assert "ids-alike" in asked(table, DealSpec(deals=DEALS))
    clean = table.assign(customer_id=table["key"])
    assert asked(clean, DealSpec(deals=DEALS)) == {}


@pytest.mark.parametrize("as_text", [True, False])
def test_ids_that_a_spreadsheet_has_rounded_are_no_ids(as_text: bool) -> None:
    table = customers(2)
    rounded = 1.23450e15 + 1e10 * (np.arange(len(table)) % 40)
    table["Customer ID"] = [f"{each:.5E}" for each in rounded] if as_text else rounded
    plain = asked(table, DealSpec(deals=DEALS))
    merged = asked(table, DealSpec(deals=DEALS, rows={"customer": "Customer ID"}))

    assert "240 rows have only 40 different ones" in plain["ids-lost-digits"]
    assert "repeated-id" not in plain
    assert "ids-lost-digits" in merged


def snapshots() -> pd.DataFrame:
    """Each month's row of each customer; the date of leaving is known in later rows only."""
    rows = []
    for _, one in customers(2, 60).iterrows():
        for month in range(1, 9):
            seen = one["signed"] + pd.DateOffset(months=3 * month)
            left = one["left"] if one["left"] <= seen else pd.NaT
            rows.append({**one, "left": left, "snapshot_date": seen})
    return pd.DataFrame(rows).rename(columns={"key": "customer_id"})


def test_snapshots_without_their_day_must_be_answered() -> None:
    table = snapshots()
    spec = DealSpec(deals=DEALS, rows={"customer": "customer_id"})
    ended = table.groupby("customer_id")["left"].count()
    mixed = int(((ended > 0) & (ended < 8)).sum())

    assert mixed > 10
    with pytest.raises(DealsError, match=f"customer_id: {mixed} customers have rows that began"):
        read_with_questions(table, spec)


def test_snapshots_with_their_day_show_who_left_in_any_order_of_rows() -> None:
    table = snapshots()
    spec = DealSpec(
        deals={**DEALS, "observed_until": "snapshot_date"}, rows={"customer": "customer_id"}
    )
    last = table.sort_values("snapshot_date").groupby("customer_id").last()
    for seed in range(3):
        shuffled = table.sample(frac=1, random_state=seed, ignore_index=True)
        deals = read_with_questions(shuffled, spec).deals.set_index("customer_id")

        pd.testing.assert_series_equal(
            deals["left"].sort_index(), last["left"].sort_index(), check_dtype=False
        )


def test_contracts_that_run_beside_each_other_are_no_snapshots() -> None:
    """Two subscriptions of one day, with ids of their own: one ended, the customer is there."""
    table = pd.concat([customers(2, 60)] * 2, ignore_index=True)
    table["customer_id"] = table["key"]
    table["key"] = [f"S{row}" for row in range(len(table))]
    table.loc[60:89, "left"] = pd.NaT
    spec = DealSpec(deals={**DEALS, "id": "key"}, rows={"customer": "customer_id"})

    assert "snapshots" not in asked(table, spec)
    left = read_with_questions(table, spec).deals.set_index("customer_id")["left"]
    assert left[table["customer_id"][:30]].isna().all()
    assert left.notna().sum() == table["left"][90:].notna().sum() > 0


def test_the_money_of_one_of_several_first_rows_is_told_with_both_sums() -> None:
    table = pd.concat([customers(2, 60)] * 3, ignore_index=True)
    table["customer_id"] = table["key"]
    table["key"] = [f"L{row}" for row in range(len(table))]
    table["acv"] = np.repeat([100.0, 30.0, 5.0], 60)
    spec = DealSpec(deals={**DEALS, "id": "key", "amount": "acv"}, rows={"customer": "customer_id"})
    message = asked(table, spec)["amount-of-one-row"]

    assert "60 customers have several rows" in message
    assert f"({60 * 100:,}), not their sum ({60 * 135:,})" in message
    assert "amount-of-one-row" not in asked(table.head(60), spec)


def test_reps_that_differ_only_in_capitals_are_asked_about() -> None:
    table = customers(2).assign(owner=["Anna Berg", "Bo Chen", "ANNA BERG"] * 80)
    spec = DealSpec(deals={**DEALS, "rep": "owner"})

    assert "1 of 3 values differ" in asked(table, spec)["ids-alike"]
    assert "different sales reps" in asked(table, spec)["ids-alike"]
    clean = table.assign(owner=table["owner"].str.title())
    assert asked(clean, spec) == {}


def test_a_row_that_ended_on_an_unknown_day_is_no_snapshot() -> None:
    """Zuora: an earlier version of a subscription is Expired, without a date of its own."""
    table = pd.concat([customers(2, 60)] * 2, ignore_index=True)
    table["status"] = np.where(table["left"].notna(), "Cancelled", "Active")
    table.loc[60:, "left"] = pd.NaT
    table.loc[60:, "status"] = "Expired"
    deals = {**DEALS, "churned": "status", "churned_values": ["Cancelled", "Expired"]}
    spec = DealSpec(deals=deals, rows={"customer": "key", "left_without_date": "unknown"})
    left = read_with_questions(table, spec).deals.set_index("key")["left"]

    pd.testing.assert_series_equal(
        left.sort_index(), table[:60].set_index("key")["left"].sort_index(), check_dtype=False
    )


def test_levels_that_differ_only_in_capitals_are_asked_about() -> None:
    table = customers(2).assign(segment=["SMB", "smb", "Mid  Market", "Mid Market"] * 60)
    excluded = DealSpec(deals=DEALS, attributes={"exclude": ["segment"]})

    assert "segment: 2 of 4 levels differ" in asked(table, DealSpec(deals=DEALS))["levels-alike"]
    assert "levels-alike" not in asked(table, excluded)
    assert "levels-alike" not in asked(customers(2), DealSpec(deals=DEALS))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (
            ["Ja", "Nein", "Ja", "1", "0", "unclear"],
            "yes: Ja 80, 1 40; no: Nein 40, 0 40) beside other values (unclear 40). They are",
        ),
        (["True", "true", "FALSE", "False", "partly", "TRUE"], "as 6 different levels"),
        (["x", "x", "1", "0", "0", "0"], "yes: x 80, 1 40; no: 0 120). They are learned as 3"),
    ],
)
def test_yes_and_no_in_several_ways_are_asked_about(cells: list[str], expected: str) -> None:
    table = customers(2).assign(sso=cells * 40)
    spec = DealSpec(deals=DEALS)
    acknowledged = DealSpec(deals=DEALS, rows={"acknowledged": ["mixed-yes-no:sso"]})

    assert expected in asked(table, spec)["mixed-yes-no"]
    assert asked(table, spec)["mixed-yes-no"].startswith("sso: yes and no are written in several")
    assert asked(table, acknowledged) == {}


@pytest.mark.parametrize(
    "cells",
    [
        ["Ja", "Nein", "yes", "no", "1", "0"],
        ["True", "true", "FALSE", "False", None, "TRUE"],
        ["✓", "✔", "☐", "☐", "✓", "1"],
        ["yes", "no", "yes", "no", "yes", "unclear"],
        ["0", "1", "no", "2", "3+", "none"],
        ["j", "k", "l", "n", "y", "z"],
    ],
)
def test_yes_and_no_that_are_read_as_the_same_are_not(cells: list[str | None]) -> None:
    table = customers(2).assign(sso=cells * 40)

    assert asked(table, DealSpec(deals=DEALS)) == {}


def test_rows_that_are_equal_but_for_their_ids_are_asked_about() -> None:
    table = customers(9, 400)
    copied = table.iloc[:25].assign(key=[f"COPY-{row}" for row in range(25)])
    both = pd.concat([table, copied], ignore_index=True)

    message = asked(both, DealSpec(deals={**DEALS, "id": "key"}))["repeated-rows"]
    assert "25 of 425 rows are equal to an earlier row in every column but 'key'" in message
    assert "repeated-rows" not in asked(table, DealSpec(deals={**DEALS, "id": "key"}))


def test_rows_that_are_equal_by_chance_are_not() -> None:
    """All deals of a month are dated on its first day, and there are few plans."""
    table = customers(10, 800).drop(columns="seats")
    for name in ("signed", "left"):
        table[name] = table[name].dt.to_period("Q").dt.to_timestamp()
    table["left"] = table["left"].where(table["left"] > table["signed"])
    table["region"] = np.arange(len(table)) % 3
    assert table.drop(columns="key").duplicated().sum() > 100
    assert "repeated-rows" not in asked(table, DealSpec(deals={**DEALS, "id": "key"}))
