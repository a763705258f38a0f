"""Dates of two offices in two orders: to correct only the unreadable ones is not enough."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import read_deals
from fitmodel.exceptions import DealsError

SPEC = DealSpec(deals={"closed_on": "signed", "churned_on": "left", "observed_until": "2026-06-30"})


def offices(seed: int, *, american: float = 0.3, rows: int = 300) -> pd.DataFrame:
    """Deals of Berlin and Austin, which write 31/01/2024 and 01/31/2024."""
    rng = np.random.default_rng(seed)
    day = pd.Series(pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 900, rows), "D"))
    austin = rng.random(rows) < american
    signed = day.dt.strftime("%d/%m/%Y").mask(austin, day.dt.strftime("%m/%d/%Y"))
    left = (day + pd.Timedelta(days=370)).dt.strftime("%Y-%m-%d").where(rng.random(rows) < 0.3)
    office = np.where(austin, "Austin", "Berlin")
    return pd.DataFrame({"signed": signed, "left": left, "office": office, "seats": day.dt.day})


@pytest.mark.parametrize(
    ("american", "written", "others"),
    [(0.3, "month first", "day first"), (0.7, "day first", "month first")],
)
def test_the_error_names_both_orders_and_where_the_fewer_come_from(
    american: float, written: str, others: str
) -> None:
    deals = offices(1, american=american)
    place = "Austin" if american < 0.5 else "Berlin"
    unreadable = (deals["office"] == place) & (deals["seats"] > 12)

    with pytest.raises(DealsError) as raised:
        read_deals(deals, SPEC)
    message = str(raised.value)
    assert (
        f"{int(unreadable.sum())} row(s) are written {written}, and the others {others}" in message
    )
    assert "To correct these rows alone is not enough" in message
    assert f"all of them have office '{place}'" in message


def test_without_a_value_that_they_share_no_source_is_named() -> None:
    with pytest.raises(DealsError, match="are written month first") as raised:
        read_deals(offices(2).drop(columns="office"), SPEC)
    assert "all of them" not in str(raised.value)


@pytest.mark.parametrize("cells", [["31/31/2024", "soon", "later", "never"], ["01/31/2024"]])
def test_typing_errors_are_reported_as_no_dates(cells: list[str]) -> None:
    deals = offices(3, american=0.0)
    deals.loc[: len(cells) - 1, "signed"] = cells

    with pytest.raises(DealsError, match=re.escape(f"signed: {len(cells)} row(s) are not dates")):
        read_deals(deals, SPEC)
