"""Several rows of a customer become one history: a change of plan is not churn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitmodel.deals._rows import one_row_per_customer
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import read_deals

DEALS = {"id": "row", "closed_on": "start", "churned_on": "end", "observed_until": "2025-12-31"}


def spec(gap_days: int = 30, **deals: object) -> DealSpec:
    return DealSpec(deals={**DEALS, **deals}, rows={"customer": "account", "gap_days": gap_days})


def rows(*spans: tuple[str, str, str | None]) -> pd.DataFrame:
    """Rows of (account, start, end)."""
    return pd.DataFrame(
        {
            "row": [f"R{number}" for number in range(len(spans))],
            "account": [account for account, _, _ in spans],
            "start": pd.to_datetime([start for _, start, _ in spans]),
            "end": pd.to_datetime([end for _, _, end in spans]),
            "plan": [f"plan {number}" for number in range(len(spans))],
        }
    )


def only(table: pd.DataFrame, contract: DealSpec) -> pd.Series:
    merged, _ = one_row_per_customer(table, contract)
    assert len(merged) == 1
    return merged.iloc[0]


def test_an_upgrade_on_the_same_day_is_not_churn() -> None:
    table = rows(("A", "2024-01-01", "2024-03-01"), ("A", "2024-03-01", None))
    customer = only(table, spec())

    assert customer["start"] == pd.Timestamp("2024-01-01")
    assert pd.isna(customer["end"])
    assert customer["plan"] == "plan 0"  # what was known at the first signature


def test_a_renewal_within_the_gap_is_not_churn_but_one_after_the_gap_is() -> None:
    table = rows(("A", "2024-01-01", "2024-03-01"), ("A", "2024-03-31", "2024-09-01"))

    assert only(table, spec(gap_days=30))["end"] == pd.Timestamp("2024-09-01")
    assert only(table, spec(gap_days=29))["end"] == pd.Timestamp("2024-03-01")


def test_a_customer_has_left_only_if_all_its_rows_have_ended() -> None:
    table = rows(("A", "2024-01-01", None), ("A", "2024-02-01", "2024-03-01"))

    assert pd.isna(only(table, spec())["end"])


def test_a_customer_who_came_back_later_counts_as_left_and_is_reported() -> None:
    table = rows(
        ("A", "2024-01-01", "2024-02-01"), ("A", "2025-01-01", None), ("B", "2024-01-01", None)
    )
    merged, note = one_row_per_customer(table, spec())

    assert merged["end"].tolist() == [pd.Timestamp("2024-02-01"), pd.NaT]
    assert "made 2 customers of 3 rows" in note
    assert "1 came back later" in note


def test_each_row_without_a_customer_id_is_a_separate_customer() -> None:
    table = rows(("A", "2024-01-01", None), ("A", "2024-05-01", None))
    table = pd.concat([table, table.assign(account=None)], ignore_index=True)
    merged, _ = one_row_per_customer(table, spec())

    assert merged.index.tolist() == [0, 2, 3]


def test_a_customer_is_observed_until_the_latest_date_of_its_rows() -> None:
    table = rows(("A", "2024-01-01", "2024-02-01"), ("A", "2024-02-01", None))
    table["seen"] = pd.to_datetime(["2024-02-01", "2025-06-30"])

    assert only(table, spec(observed_until="seen"))["seen"] == pd.Timestamp("2025-06-30")


def test_a_row_that_ended_on_an_unknown_day_continues_if_another_row_begins() -> None:
    table = rows(("A", "2024-01-01", None), ("A", "2024-06-01", None), ("B", "2024-01-01", None))
    table["status"] = ["cancelled", "active", "cancelled"]
    contract = spec(churned="status", churned_values=["cancelled"]).replace(
        rows={"left_without_date": "drop"}
    )
    merged, _ = one_row_per_customer(table, contract)

    assert merged["status"].tolist() == ["active", "cancelled"]
    assert read_deals(
        table.assign(plan=["a", "b", "c"]).pipe(lambda t: pd.concat([t, _others()])), contract
    )["account"].tolist() == ["A", "C", "D"]


def _others() -> pd.DataFrame:
    others = rows(("C", "2024-01-01", "2024-02-01"), ("D", "2024-01-01", None))
    return others.assign(row=["R8", "R9"], status=["cancelled", "active"], plan=["d", "e"])


def by_hand(table: pd.DataFrame, gap: int) -> dict[str, tuple[pd.Timestamp, pd.Timestamp]]:
    """First start and end of the first unbroken stretch of each account, day by day."""
    result = {}
    last = pd.Timestamp("2030-01-01")
    for account, part in table.sort_values("start").groupby("account"):
        reach = None
        for start, end in zip(part["start"], part["end"].fillna(last), strict=True):
            if reach is None or (start - reach).days <= gap:
                reach = end if reach is None else max(reach, end)
            else:
                break
        result[account] = (part["start"].iloc[0], pd.NaT if reach == last else reach)
    return result


@settings(max_examples=60, deadline=None)
@given(
    spans=st.lists(
        st.tuples(st.sampled_from("ABC"), st.integers(0, 500), st.integers(0, 200) | st.none()),
        min_size=1,
        max_size=14,
    ),
    gap=st.integers(0, 90),
    seed=st.integers(0, 9),
)
def test_merged_histories_equal_a_count_day_by_day_in_any_order_of_rows(
    spans: list, gap: int, seed: int
) -> None:
    day = pd.Timestamp("2024-01-01")
    table = pd.DataFrame(
        {
            "row": [f"R{number:02}" for number in range(len(spans))],
            "account": [account for account, _, _ in spans],
            "start": pd.to_datetime([day + pd.Timedelta(days=start) for _, start, _ in spans]),
            "end": pd.to_datetime(
                [None if n is None else day + pd.Timedelta(days=s + n) for _, s, n in spans]
            ),
        }
    )
    mixed = table.sample(frac=1, random_state=seed)
    merged, _ = one_row_per_customer(mixed, spec(gap))
    result = {row.account: (row.start, row.end) for row in merged.itertuples()}

    right = by_hand(table, gap)
    assert result.keys() == right.keys()
    for account, (start, end) in right.items():
        assert result[account][0] == start
        assert result[account][1] == end or (pd.isna(end) and pd.isna(result[account][1]))
    again, note = one_row_per_customer(merged, spec(gap))
    assert note is None
    assert again is merged


def test_many_early_ended_rows_are_few_early_churners_by_customer() -> None:
    """Half of the rows end within two months, nearly all of them to go on in another plan."""
    starts = pd.date_range("2024-01-01", periods=50, freq="D")
    spans = []
    for number, start in enumerate(starts):
        change = start + pd.Timedelta(days=45)
        spans.append((f"C{number}", start, change))
        if number >= 5:
            spans.append((f"C{number}", change + pd.Timedelta(days=3), None))
    table = pd.DataFrame(spans, columns=["account", "start", "end"])
    table["row"] = [f"R{number}" for number in range(len(table))]
    table["seats"] = np.arange(len(table))
    deals = read_deals(table, spec())

    assert int(table["end"].notna().sum()) == 50
    assert int(deals["end"].notna().sum()) == 5


@pytest.mark.parametrize("column", ["row", "account"])
def test_the_id_may_be_the_customer_column(column: str) -> None:
    table = rows(("A", "2024-01-01", "2024-02-01"), ("A", "2024-02-01", None),
                 ("B", "2024-01-01", "2024-02-01"))  # fmt: skip
    table["plan"] = ["a", "b", "c"]

    assert len(read_deals(table, spec(id=column))) == 2
