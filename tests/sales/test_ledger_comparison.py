"""Two plans are compared on the same deals; a shared deal is counted once."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.exceptions import DealsError
from fitmodel.sales._ledger import PlanComparison, compare_plans
from fitmodel.sales.incentives import pay
from fitmodel.sales.plans import Plan

SPEC = DealSpec(
    deals={
        "id": "deal", "closed_on": "closed_on", "churned_on": "churned_on", "rep": "rep",
        "amount": "value", "observed_until": "2026-06-30",
    },
    label={"horizon_months": 5},
)  # fmt: skip
DEALS = pd.DataFrame(
    {
        "deal": ["a", "b", "c", "d"],
        "closed_on": pd.to_datetime(["2025-01-01", "2025-01-01", "2025-01-01", "2026-05-01"]),
        "churned_on": pd.to_datetime(["2025-03-01", "2025-09-01", None, None]),
        "rep": ["Kim", "Lee", "Kim", "Lee"],
        "value": [1000.0, 2000.0, 3000.0, 4000.0],
        "second": ["Lee", None, None, "Kim"],
    }
)
"""Left after 2 months, left after 8 months, stays, young."""
AT_ONCE = Plan(name="old", commission_rate=Decimal("0.1"), earned_after_months=0)
LATER = Plan(name="new", commission_rate=Decimal("0.1"), earned_after_months=6)
SHARED = Plan(
    name="shared",
    commission_rate=Decimal("0.1"),
    earned_after_months=6,
    split={"rep": "second", "share": Decimal("0.25")},
)


def compared(before: Plan, after: Plan) -> PlanComparison:
    return compare_plans(*(pay(DEALS, SPEC, plan) for plan in (before, after)))


def test_earned_pending_and_lost_equal_sums_by_hand() -> None:
    result = compared(AT_ONCE, LATER)

    assert (result.earned_before, result.pending_before) == (Decimal(1000), 0)
    assert (result.earned_after, result.pending_after) == (Decimal(500), Decimal(400))
    assert (result.to_lost_before, result.to_lost_after) == (Decimal(100), 0)
    assert (result.deals, result.lost, result.months) == (4, 1, 6)
    assert (result.before, result.after) == ("old", "new")


def test_lost_customers_left_before_the_later_age_of_the_two_plans() -> None:
    year = LATER.model_copy(update={"earned_after_months": 12})
    result = compared(LATER, year)

    assert (result.lost, result.months) == (2, 12)
    assert (result.to_lost_before, result.to_lost_after) == (Decimal(200), 0)


def test_a_plan_with_shared_deals_is_compared_and_each_deal_is_counted_once() -> None:
    result = compared(AT_ONCE, SHARED)
    alone = compared(AT_ONCE, LATER)

    assert (result.deals, result.lost) == (alone.deals, alone.lost) == (4, 1)
    assert result.earned_after == alone.earned_after
    assert result.pending_after == alone.pending_after
    assert result.to_lost_after == alone.to_lost_after
    both = compared(SHARED, SHARED)
    assert (both.deals, both.to_lost_before) == (4, both.to_lost_after)


def test_an_upgrade_is_a_deal_of_its_own_and_its_customer_is_not_lost_for_the_first_deal() -> None:
    rows = DEALS.tail(2).assign(deal=["a", "b"], customer="x", value=[1000.0, 2000.0])
    rows["closed_on"] = pd.to_datetime(["2025-01-01", "2025-09-01"])
    rows["churned_on"] = pd.Timestamp("2025-11-01")
    spec = SPEC.replace(rows={"customer": "customer"})
    merged = rows.head(1)
    plans = [plan.model_copy(update={"upgrades": "increase"}) for plan in (AT_ONCE, LATER)]
    result = compare_plans(*(pay(merged, spec, plan, rows=rows) for plan in plans))

    # it stayed 10 months after the first deal, and 2 months after the upgrade, worth 100 each
    assert (result.deals, result.lost) == (2, 1)
    assert (result.to_lost_before, result.to_lost_after) == (Decimal(100), 0)


def test_a_lost_deal_without_value_counts_as_lost() -> None:
    free = DEALS.assign(value=[0.0, 2000.0, 3000.0, 4000.0])
    result = compare_plans(*(pay(free, SPEC, plan) for plan in (AT_ONCE, LATER)))

    assert (result.lost, result.to_lost_before) == (1, 0)


def test_swapping_the_plans_changes_the_sign_and_the_words() -> None:
    less, more = compared(AT_ONCE, LATER), compared(LATER, AT_ONCE)

    assert less.to_lost_before - less.to_lost_after == Decimal(100)
    assert more.to_lost_before - more.to_lost_after == Decimal(-100)
    assert str(less) != str(more)
    assert "100.00" in str(less)
    assert "100.00" in str(more)
    assert "-" not in str(more)


def test_the_amounts_of_the_sentence_are_those_of_the_comparison_in_both_languages() -> None:
    result = compared(AT_ONCE, LATER)
    for text in (result.in_words("en"), result.in_words("zh")):
        for amount in ("1,000.00", "500.00", "400.00", "100.00"):
            assert amount in text
        assert "old" in text
        assert "new" in text
    assert result.in_words("zh") != result.in_words() == str(result)


def test_only_decided_bonuses_are_compared() -> None:
    result = compared(AT_ONCE, LATER)
    assert (result.bonus_before, result.bonus_after) == (0, 0)

    ledger = pay(DEALS, SPEC, AT_ONCE)
    decided = pd.DataFrame({"bonus": [Decimal("10.01"), Decimal("0.02")]})
    object.__setattr__(ledger, "bonuses", decided)
    assert compare_plans(ledger, pay(DEALS, SPEC, LATER)).bonus_before == Decimal("10.03")


def test_ledgers_of_other_deals_are_refused() -> None:
    with pytest.raises(DealsError, match="the two ledgers are not of the same deals"):
        compare_plans(pay(DEALS, SPEC, AT_ONCE), pay(DEALS.head(3), SPEC, LATER))
    with pytest.raises(DealsError, match="the two ledgers are not of the same deals"):
        compare_plans(pay(DEALS, SPEC, SHARED), pay(DEALS.tail(3), SPEC, SHARED))
