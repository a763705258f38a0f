"""A rise of the level names deleted leavers as the other explanation, unless ids have no gaps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import view_of
from fitmodel.deals.history_findings import LevelShift, find_level_shift

END = pd.Timestamp("2025-11-20")
ROLES = {"closed_on": "closed", "churned_on": "left", "observed_until": "2025-11-20"}


def company(seed: int, rows: int = 3000, *, risen: str | None = None) -> pd.DataFrame:
    """Customers of five years with running numbers; from a day on twice as many leave."""
    rng = np.random.default_rng(seed)
    closed = END - pd.to_timedelta(np.sort(rng.integers(1, 1800, rows))[::-1], "D")
    weeks = np.arange(260)
    days = closed.to_numpy()[:, None] + (weeks * 7).astype("timedelta64[D]")
    twice = np.zeros(days.shape) if risen is None else days >= np.datetime64(risen)
    hazard = np.cumsum(0.008 * np.exp(-weeks / 40) * (1 + twice), axis=1)
    week = (hazard < rng.exponential(size=rows)[:, None]).sum(axis=1)
    left = pd.Series(closed + pd.to_timedelta(7 * week + rng.integers(1, 8, rows), "D"))
    known = (week < len(weeks)) & (left <= END)
    return pd.DataFrame(
        {"deal": np.arange(rows) + 501, "closed": closed, "left": left.where(known)}
    )


def purged(deals: pd.DataFrame, seed: int, day: str, share: float = 0.75) -> pd.DataFrame:
    """Return the deals without a share of those that left before a day."""
    deleted = (deals["left"] < day) & (np.random.default_rng(seed).random(len(deals)) < share)
    return deals[~deleted].reset_index(drop=True)


def shift_of(deals: pd.DataFrame, **roles: str) -> LevelShift | None:
    return find_level_shift(view_of(deals, DealSpec(deals=ROLES | roles)))


@pytest.mark.parametrize("seed", range(5))
def test_gaps_in_the_numbers_are_evidence_of_deleted_leavers(seed: int) -> None:
    deals = purged(company(seed), seed, "2024-11-20")
    shift = shift_of(deals, id="deal")

    assert shift is not None
    assert shift.deleted is not None
    assert abs(shift.deleted.day - np.datetime64("2024-11-20")) <= np.timedelta64(62, "D")
    before = deals[deals["closed"] < pd.Timestamp(shift.deleted.day)]["deal"]
    missing = 1 - len(before) / (before.max() - before.min() + 1)
    assert shift.deleted.missing_before == pytest.approx(missing, abs=0.02)
    assert shift.deleted.missing_since < 0.05
    assert "so rows were deleted" in str(shift)
    assert f'observed_from = "{shift.deleted.day}" and [rows] unobserved = "drop"' in str(shift)


@pytest.mark.parametrize("seed", range(5))
def test_running_numbers_without_gaps_show_that_more_leave(seed: int) -> None:
    shift = shift_of(company(seed, risen="2024-11-20"), id="deal")

    assert shift is not None
    assert shift.deleted is None
    assert str(shift).endswith("Remedy: find out what changed, and retrain often")


@pytest.mark.parametrize("ids", [None, "random", "shared"])
def test_without_running_numbers_both_explanations_are_named(ids: str | None) -> None:
    """Random ids have no order; numbers shared with lost opportunities have gaps everywhere."""
    deals = company(1, risen="2024-11-20")
    random = np.random.default_rng(1)
    deals["random"] = random.permutation(len(deals))
    deals["shared"] = np.cumsum(random.integers(1, 6, len(deals)))
    shift = shift_of(deals) if ids is None else shift_of(deals, id=ids)

    assert shift is not None
    assert shift.deleted is not None
    assert shift.deleted.id == ""
    assert "But if customers who left before 2024-1" in str(shift)
    assert "so rows were deleted" not in str(shift)


def test_a_fall_names_no_deleted_leavers() -> None:
    deals = company(2)
    recent = deals["left"] >= "2024-11-20"
    fewer = recent & (np.random.default_rng(2).random(len(deals)) < 0.7)
    shift = shift_of(deals.assign(left=deals["left"].mask(fewer)), id="deal")

    assert shift is not None
    assert shift.ratio < 1
    assert shift.deleted is None


def test_with_observed_from_deleted_leavers_are_settled() -> None:
    deals = company(3, risen="2024-11-20")
    shift = shift_of(deals, observed_from="2020-12-01")

    assert shift is not None
    assert shift.deleted is None


def test_the_contract_that_the_message_names_gives_the_rate_of_the_complete_table() -> None:
    complete = company(4)
    deals = purged(complete, 4, "2024-11-20")
    shift = shift_of(deals, id="deal")
    assert shift is not None
    assert shift.deleted is not None
    start = str(shift.deleted.day)
    kept = deals[~(deals["left"] < start)].reset_index(drop=True)

    def rate(table: pd.DataFrame, **roles: str) -> float:
        view = view_of(table, DealSpec(deals=ROLES | roles))
        return 1 - float(view.survival.at(5.0))

    truth = rate(complete)
    assert rate(deals) < 0.75 * truth
    assert rate(kept, observed_from=start) == pytest.approx(truth, rel=0.15)
