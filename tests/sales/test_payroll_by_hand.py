"""Small payrolls compared with sums by hand, in the month in which each amount is due."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.exceptions import DealsError
from fitmodel.sales._payroll import KINDS, refuse_unknown_leavers
from fitmodel.sales.incentives import needs_rows, pay
from fitmodel.sales.plans import Plan

SPEC = DealSpec(
    deals={
        "id": "deal", "closed_on": "closed_on", "churned_on": "churned_on", "rep": "rep",
        "amount": "value", "observed_until": "2026-06-30",
    },
    label={"horizon_months": 5},
)  # fmt: skip


def deals_of(*rows) -> pd.DataFrame:
    """Deals of (id, rep, yearly value, signed, left or None)."""
    deals = pd.DataFrame(rows, columns=["deal", "rep", "value", "closed_on", "churned_on"])
    dates = dict.fromkeys(("closed_on", "churned_on"), "datetime64[us]")
    return deals.assign(
        **{name: pd.to_datetime(deals[name]).astype(kind) for name, kind in dates.items()}
    )


def plan_of(**clauses) -> Plan:
    return Plan(**({"commission_rate": Decimal("0.1"), "earned_after_months": 6} | clauses))


def payroll(plan, deals):
    """Rows of a payroll: month, rep, kind, deal, amount as text."""
    rows = pay(deals, SPEC, plan).payroll.to_numpy().tolist()
    return [(*names, f"{amount:.2f}") for *names, amount in rows]


STAYS = deals_of(("a", "Kim", 1000.0, "2025-08-31", None))


def test_an_advance_is_paid_at_signing_and_the_rest_when_earned() -> None:
    plan = plan_of(paid_at_signing=Decimal("0.3"), tiers=({"months": 3, "share": "0.5"},))

    assert payroll(plan, STAYS) == [
        ("2025-08", "Kim", "advance", "a", "30.00"),
        ("2025-11", "Kim", "earned", "a", "20.00"),  # half of it is earned, 30 are paid already
        ("2026-02", "Kim", "earned", "a", "50.00"),  # 28 February: 31 August and six months
    ]


def test_an_advance_above_the_first_tier_is_not_paid_twice() -> None:
    plan = plan_of(paid_at_signing=Decimal("0.8"), tiers=({"months": 3, "share": "0.5"},))

    assert payroll(plan, STAYS) == [
        ("2025-08", "Kim", "advance", "a", "80.00"),
        ("2026-02", "Kim", "earned", "a", "20.00"),
    ]


def test_amounts_due_after_the_end_of_the_extract_are_not_paid_yet() -> None:
    day_before = deals_of(("a", "Kim", 1000.0, "2026-01-01", None))
    plan = plan_of(paid_at_signing=Decimal("0.3"))

    assert payroll(plan, day_before) == [("2026-01", "Kim", "advance", "a", "30.00")]
    on_the_day = deals_of(("a", "Kim", 1000.0, "2025-12-30", None))
    assert payroll(plan, on_the_day)[-1] == ("2026-06", "Kim", "earned", "a", "70.00")


@pytest.mark.parametrize(
    ("advance", "clawback", "last"),
    [
        ("0.3", "whole", ("clawed_back", "-30.00")),
        ("0.3", "unused_months", ("earned", "3.33")),  # 2 of 6 months of 100, 30 are paid
        ("0.5", "unused_months", ("clawed_back", "-16.67")),
    ],
)
def test_in_the_month_of_leaving_the_advance_is_deducted_from_the_earned_amount(
    advance, clawback, last
) -> None:
    deals = deals_of(("a", "Kim", 1000.0, "2025-08-15", "2025-11-03"))
    rows = payroll(plan_of(paid_at_signing=Decimal(advance), clawback=clawback), deals)

    assert rows[0] == ("2025-08", "Kim", "advance", "a", f"{100 * Decimal(advance):.2f}")
    assert [(month, kind, amount) for month, _, kind, _, amount in rows[1:]] == [("2025-11", *last)]


def test_amounts_are_paid_a_given_number_of_months_after_they_are_due() -> None:
    plan = plan_of(paid_at_signing=Decimal("0.3"), payroll_months_later=2)

    assert [row[0] for row in payroll(plan, STAYS)] == ["2025-10", "2026-04"]


THREE = deals_of(
    ("a", "Kim", 6000.0, "2025-08-05", None),
    ("b", "Kim", 3000.0, "2025-08-20", None),
    ("c", "Kim", 2000.0, "2025-09-20", None),
    ("d", "Lee", 9000.0, "2025-08-20", None),
)


@pytest.mark.parametrize(
    ("period", "off"),
    [
        ("month", {("2025-08", "Kim"): "-200.00", ("2025-08", "Lee"): "-200.00"}),
        ("quarter", {("2025-08", "Kim"): "-200.00", ("2025-09", "Kim"): "-200.00",
                     ("2025-08", "Lee"): "-200.00"}),
    ],
)  # fmt: skip
def test_amounts_above_the_cap_of_a_period_are_deducted_in_that_month(period, off) -> None:
    plan = plan_of(earned_after_months=0, cap={"amount": 700, "period": period})
    capped = {
        (month, rep): amount
        for month, rep, kind, _, amount in payroll(plan, THREE)
        if kind == "capped"
    }

    assert capped == off


def test_a_clawback_below_the_cap_restores_capped_amounts() -> None:
    deals = deals_of(
        ("a", "Kim", 6000.0, "2025-07-05", "2025-08-20"), ("b", "Kim", 4000.0, "2025-07-20", None)
    )
    plan = plan_of(paid_at_signing=Decimal(1), cap={"amount": 700, "period": "quarter"})
    rows = payroll(plan, deals)

    assert ("2025-07", "Kim", "capped", "b", "-300.00") in rows
    assert ("2025-08", "Kim", "clawed_back", "a", "-600.00") in rows
    # 1,000 less 600 are 400, below the cap: nothing is capped any more
    assert ("2025-08", "Kim", "capped", "b", "300.00") in rows
    assert sum(Decimal(row[-1]) for row in rows) == Decimal(400)


def test_a_guarantee_tops_up_each_month_and_a_recoverable_draw_is_paid_back() -> None:
    deals = deals_of(
        ("a", "Kim", 3000.0, "2026-02-10", None), ("b", "Kim", 9000.0, "2026-04-10", None),
        ("c", "Kim", 5000.0, "2026-06-10", None),
    )  # fmt: skip
    floor = plan_of(earned_after_months=0, draw={"amount": 400, "recoverable": False})
    sums: dict[str, Decimal] = {}
    for month, _, _, _, amount in payroll(floor, deals):
        sums[month] = sums.get(month, Decimal(0)) + Decimal(amount)
    assert list(sums.values()) == [400, 400, 900, 400, 500]

    rows = payroll(plan_of(earned_after_months=0, draw={"amount": 400}), deals)
    assert [row for row in rows if row[2] != "earned" or not row[3]] == [
        ("2026-02", "Kim", "draw", "", "100.00"),
        ("2026-03", "Kim", "draw", "", "400.00"),
        ("2026-04", "Kim", "draw_recovered", "", "-500.00"),  # all that is owed
        ("2026-05", "Kim", "draw", "", "400.00"),
        ("2026-06", "Kim", "draw_recovered", "", "-100.00"),  # at most the amount above the draw
    ]


def test_a_month_with_exactly_the_draw_amount_has_no_draw() -> None:
    deals = deals_of(
        ("a", "Kim", 3000.0, "2026-05-10", None), ("b", "Kim", 4000.0, "2026-06-10", None)
    )
    rows = payroll(plan_of(earned_after_months=0, draw={"amount": 400}), deals)

    assert [row[2] for row in rows if row[0] == "2026-06"] == ["earned"]


def test_the_draw_ends_with_the_month_of_a_reps_last_day() -> None:
    deals = deals_of(("a", "Kim", 3000.0, "2026-02-10", None))
    plan = plan_of(
        earned_after_months=0, draw={"amount": 400}, leavers={"left": {"KIM ": "2026-04-01"}}
    )
    rows = payroll(plan, deals)

    assert [(row[0], row[2]) for row in rows if row[2] == "draw"] == [
        ("2026-02", "draw"), ("2026-03", "draw"), ("2026-04", "draw")
    ]  # fmt: skip


LEAVER = deals_of(
    ("a", "Kim", 1000.0, "2025-08-10", None),  # earned on 10 February 2026
    ("b", "Kim", 2000.0, "2025-08-10", "2025-12-24"),  # clawed back on 24 December 2025
)


@pytest.mark.parametrize(
    ("last", "pending", "clawback", "kept"),
    [
        ("2026-02-10", "forfeit", "collect", "100.00"),  # due on the last day: still paid
        ("2026-02-09", "forfeit", "collect", "50.00"),
        ("2026-02-09", "keep", "collect", "100.00"),
        ("2025-12-24", "forfeit", "waive", "50.00"),  # taken back on the last day
        ("2025-12-23", "forfeit", "waive", "150.00"),
        ("2025-12-23", "keep", "waive", "200.00"),
        ("2025-12-23", "keep", "collect", "100.00"),
    ],
)
def test_after_a_reps_last_day_the_leaver_terms_apply(last, pending, clawback, kept) -> None:
    terms = {"left": {"Kim": last}, "pending": pending, "clawback": clawback}
    rows = payroll(plan_of(paid_at_signing=Decimal("0.5"), leavers=terms), LEAVER)

    assert sum(Decimal(row[-1]) for row in rows) == Decimal(kept)
    after = [row for row in rows if row[2] in {"forfeited", "waived"}]
    undone = [row for row in rows if row[2] in {"earned", "clawed_back"}]
    for month, rep, _, deal, amount in after:  # the reversed row is still listed with its deal
        assert (month, rep, deal, f"{-Decimal(amount):.2f}") in [
            (row[0], row[1], row[3], row[4]) for row in undone
        ]


@pytest.mark.parametrize(
    ("pending", "clawback", "kept"),
    [
        ("forfeit", "collect", "0.00"),  # the advance was never paid, so it is not taken back
        ("forfeit", "waive", "0.00"),
        ("keep", "collect", "0.00"),
        ("keep", "waive", "100.00"),
    ],
)
def test_a_forfeited_advance_is_not_taken_back(pending, clawback, kept) -> None:
    terms = {"left": {"Kim": "2025-08-09"}, "pending": pending, "clawback": clawback}
    rows = payroll(plan_of(paid_at_signing=Decimal("0.5"), leavers=terms), LEAVER)

    assert sum(Decimal(row[-1]) for row in rows if row[3] == "b") == Decimal(kept)


BONUS = {"top": 1, "amount": 500, "min_deals": 10, "period": "quarter"}


@pytest.mark.parametrize(
    "clauses",
    [
        {"paid_at_signing": Decimal("0.3"), "bonus": BONUS, "payroll_months_later": 1},
        {"clawback": "unused_months", "cap": {"amount": 900}, "draw": {"amount": 200}},
        {"leavers": {"left": {"Kim": "2025-07-31"}}, "paid_at_signing": Decimal("0.3")},
    ],
)
def test_payrolls_of_each_month_add_up_to_the_payroll_of_the_whole_history(clauses) -> None:
    plan, later = plan_of(**clauses), clauses.get("payroll_months_later", 0)
    deals = deals_of(
        *(
            (f"{rep}{month}{number}", rep, 1234.5, f"2025-{month:02d}-20",
             f"2025-{month + 4:02d}-05" if number < leavers else None)
            for rep, leavers in (("Kim", 2), ("Lee", 8))
            for month in (1, 2, 5)
            for number in range(14)
        )
    )  # fmt: skip
    paid = []
    for month in pd.period_range("2025-01", "2026-06", freq="M"):
        day = month.end_time.normalize()
        known = deals[deals["closed_on"] <= day]
        known = known.assign(churned_on=known["churned_on"].where(known["churned_on"] <= day))
        spec = SPEC.replace(deals={"observed_until": str(day.date())})
        table = pay(known, spec, plan).payroll
        paid += table[table["month"] == str(month + later)].to_numpy().tolist()

    assert paid == pay(deals, SPEC, plan).payroll.to_numpy().tolist()
    if "bonus" in clauses:  # the last deal of the first quarter is 6 months old in August
        assert [row for row in paid if row[2] == "bonus"] == [
            ["2025-09", "Kim", "bonus", "", Decimal(500)],
            ["2025-12", "Kim", "bonus", "", Decimal(500)],
        ]


def test_a_company_in_its_first_months_has_a_payroll_under_a_plan_with_a_bonus() -> None:
    spec = SPEC.replace(deals={"observed_until": "2025-10-31"})
    young = deals_of(
        *((f"{n}", "Kim", 1000.0, "2025-08-10", "2025-09-10" if n < 3 else None) for n in range(9))
    )
    ledger = pay(young, spec, plan_of(paid_at_signing=Decimal("0.5"), bonus=BONUS))

    assert ledger.bonuses["outcome"].tolist() == ["too_few"]
    assert ledger.deals["expected"].between(0, 100).all()
    assert ledger.payroll["amount"].sum() == Decimal(300)


def test_the_pay_of_other_reps_does_not_depend_on_a_leaving_rep() -> None:
    deals = pd.concat([LEAVER, LEAVER.assign(rep="Lee", deal=["c", "d"])], ignore_index=True)
    terms = {"left": {"Kim": "2025-09-01"}}
    with_terms = payroll(plan_of(paid_at_signing=Decimal("0.5"), leavers=terms), deals)
    without = payroll(plan_of(paid_at_signing=Decimal("0.5")), deals)

    assert [row for row in with_terms if row[1] == "Lee"] == [
        row for row in without if row[1] == "Lee"
    ]


def test_the_order_of_rows_does_not_matter_and_two_halves_add_up() -> None:
    plan = plan_of(paid_at_signing=Decimal("0.4"), tiers=({"months": 2, "share": "0.45"},))
    deals = pd.concat([THREE, LEAVER.assign(deal=["x", "y"])], ignore_index=True)
    whole = sorted(payroll(plan, deals))

    assert sorted(payroll(plan, deals.iloc[[4, 0, 5, 2, 1, 3]])) == whole
    assert sorted(payroll(plan, deals.head(3)) + payroll(plan, deals.tail(3))) == whole


def test_all_kinds_of_amounts_are_listed_and_without_dates_there_are_none() -> None:
    plan = plan_of(paid_at_signing=Decimal("0.5"), draw={"amount": 100}, cap={"amount": 150})

    assert {row[2] for row in payroll(plan, LEAVER)} <= set(KINDS)
    tenure = DealSpec(
        deals={"tenure_months": "months", "churned": "left", "rep": "rep", "amount": "value"}
    )
    deals = pd.DataFrame({"months": [3.0], "left": [1], "rep": ["Kim"], "value": [1000.0]})
    ledger = pay(deals, tenure, plan_of(paid_at_signing=Decimal("0.5")))
    assert ledger.payroll.empty
    assert ledger.total["clawed_back"] == Decimal("50.00")


def test_an_unknown_leaving_rep_is_refused_with_at_most_ten_names() -> None:
    plan = plan_of(leavers={"left": {"Kim": "2026-01-01", "Zoe": "2026-01-01"}})
    reps = [f"R{number:02d}" for number in range(11)]

    refuse_unknown_leavers(plan, ["KIM", " zoe "])
    refuse_unknown_leavers(plan_of(), [])
    with pytest.raises(DealsError, match=r"names 'Zoe'.*reps are Kim, R00, .*R08, \.\.\.\. Remedy"):
        refuse_unknown_leavers(plan, ["Kim", *reps])
    with pytest.raises(DealsError, match=r"names 'Zoe'.*reps are Kim, Lee\. Remedy"):
        refuse_unknown_leavers(plan, ["Lee", "Kim"])


@pytest.mark.parametrize(
    ("clauses", "needed"),
    [
        ({}, False),
        ({"upgrades": "increase"}, True),
        ({"credit_notes": "deduct"}, True),
        ({"excluded_causes": {"causes": ["price"]}}, True),
        ({"cap": {"amount": 1}}, False),
    ],
)
def test_later_rows_of_a_customer_are_needed_only_by_some_clauses(clauses, needed) -> None:
    plan = plan_of(**clauses)

    assert needs_rows(plan, SPEC.replace(rows={"customer": "customer"})) is needed
    assert needs_rows(plan, SPEC) is False
