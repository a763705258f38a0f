"""Every clause of a plan pays the same as a second, independent and simple ledger."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dateutil.relativedelta import relativedelta

from fitmodel import DealSpec
from fitmodel.exceptions import DealsError, SpecError
from fitmodel.sales._payroll import write_payroll
from fitmodel.sales.incentives import pay
from fitmodel.sales.plans import Plan, read_plan

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "commission-plans.md"
EXAMPLE = re.compile(r"^## ([^\n]+)\n(?:(?!^## ).)*?```toml\n(.*?)```", re.MULTILINE | re.DOTALL)
EXAMPLES = dict(EXAMPLE.findall(GUIDE.read_text(encoding="utf-8")))
END = date(2026, 6, 30)
SPEC = DealSpec(
    deals={
        "id": "deal", "closed_on": "closed_on", "churned_on": "churned_on", "rep": "rep",
        "amount": "value", "observed_until": str(END),
    },
    label={"horizon_months": 5},
    attributes={"include": ["kind"]},
)  # fmt: skip


def company(seed, *, deals=80, credit_notes=False):
    """Deals with every day of the month, amounts with cents, causes and second reps."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(deals):
        closed = END - timedelta(days=int(random.integers(0, 900)))
        stayed = int(random.integers(1, 700))
        if random.random() < 0.2:  # on the exact day and one day later
            months = int(random.choice([3, 6, 12]))
            stayed = (closed + relativedelta(months=months) - closed).days + int(random.integers(2))
        churned = closed + timedelta(days=stayed)
        negative = credit_notes and random.random() < 0.15
        shared = random.random() < 0.4
        rows.append(
            {
                "deal": f"D{number:03d}",
                "closed_on": pd.Timestamp(closed),
                "churned_on": pd.Timestamp(churned) if churned <= END and not negative else pd.NaT,
                "rep": f"R{random.integers(3):02d}",
                "value": (-1 if negative else 1) * round(float(random.uniform(50, 30000)), 2),
                "exit_reason": str(random.choice(["price", " Bankrupt", "acquired", ""])),
                "second_rep": f"R{random.integers(3, 5):02d}" if shared else None,
                "second_share": float(random.choice([0.25, 0.3, 0.5])) if shared else np.nan,
                "kind": "a",
            }
        )
    return pd.DataFrame(rows).astype({"closed_on": "M8[us]", "churned_on": "M8[us]"})


def rounded(value, plan):
    """Round to the unit by counting units and comparing the remainder."""
    given = plan.get("rounding", {})
    unit, mode = Fraction(str(given.get("to", "0.01"))), given.get("mode", "half_even")
    sign, units = (-1 if value < 0 else 1), abs(Fraction(value)) / unit
    whole = units.numerator // units.denominator
    rest = units - whole
    up = rest > Fraction(1, 2) or (
        rest == Fraction(1, 2) and (mode == "half_up" or (mode == "half_even" and whole % 2 == 1))
    )
    return sign * (whole + (up and mode != "down")) * unit


def shares_of(table, plan):
    """(row, rep, whole commission), exact."""
    rate, result = Fraction(str(plan["commission_rate"])), []
    steps = plan.get("accelerators", {}).get("steps", [])
    seen = defaultdict(Fraction)
    rows = table.reset_index(drop=True)
    rows = rows.sort_values("closed_on", kind="stable") if steps else rows
    for row in rows.to_dict("records"):
        value, split = Fraction(str(row["value"])), plan.get("split")
        second = Fraction(0)
        if split and isinstance(row["second_rep"], str):
            given = split["share"]
            second = Fraction(str(row["second_share"] if given == "second_share" else given))
        if steps:
            day = row["closed_on"]
            for rep, share in ((row["rep"], 1 - second), (row["second_rep"], second)):
                if not share:
                    continue
                key = (rep, day.year, (day.month - 1) // 3)
                commission, left = Fraction(0), value * share
                bounds = [*[Fraction(str(s["above"])) for s in steps], None]
                rates = [rate, *[Fraction(str(s["rate"])) for s in steps]]
                for bound, r in zip(bounds, rates, strict=True):
                    room = left if bound is None else max(bound - seen[key], Fraction(0))
                    part = min(left, room)
                    commission, left = commission + part * r, left - part
                    seen[key] += part
                result.append((row, rep, rounded(commission, plan)))
            continue
        theirs = rounded(value * second * rate, plan)
        result.append((row, row["rep"], rounded(value * rate, plan) - theirs))
        if second:
            result.append((row, row["second_rep"], theirs))
    return result


def paid_by(day, row, whole, plan):
    """Everything paid for a deal by the end of a day, computed as of that day."""
    signed = row["closed_on"].date()
    if day < signed:
        return Fraction(0)
    if whole < 0:
        return whole
    age = plan["earned_after_months"]
    left = row["churned_on"].date() if pd.notna(row["churned_on"]) else None
    gone = left is not None and left <= day
    causes = [c.strip().lower() for c in plan.get("excluded_causes", {}).get("causes", [])]
    if gone and row["exit_reason"].strip().lower() in causes:
        return whole

    def stays(months):
        reached = signed + relativedelta(months=months)
        return reached <= day and (left is None or left > reached)

    if age == 0 or stays(age):
        return whole
    tiers = [Fraction(str(t["share"])) for t in plan.get("tiers", []) if stays(t["months"])]
    earned = rounded(whole * max(tiers, default=Fraction(0)), plan)
    if not gone:
        return max(earned, rounded(whole * Fraction(str(plan.get("paid_at_signing", 0))), plan))
    if plan.get("clawback") == "unused_months":
        full = max(m for m in range(age + 1) if signed + relativedelta(months=m) <= left)
        earned = max(earned, rounded(whole * Fraction(full, age), plan))
    return earned


def months():
    first = date(2023, 12, 1)
    while first <= END:
        yield first
        first += relativedelta(months=1)


def signed_after(row, last_day, whole):
    return row["closed_on"].date() > last_day and whole >= 0


def is_due(amount, leavers, *, never_paid):
    """Whether an amount is due although the rep has left."""
    forfeits = leavers.get("pending", "forfeit") == "forfeit"
    if amount > 0:
        return not forfeits
    return not (never_paid and forfeits) and leavers.get("clawback") != "waive"


def second_ledger(table, plan):
    """What each rep is paid in each month."""
    due = defaultdict(list)  # (day, deal, amount) of each rep and month
    lines = shares_of(table, plan)
    leavers = plan.get("leavers", {})
    gone = leavers.get("left", {})
    for first in months():
        last = min(first + relativedelta(months=1), END + timedelta(days=1)) - timedelta(days=1)
        every_day = [first + timedelta(days=n) for n in range(-1, (last - first).days + 1)]
        for row, rep, whole in lines:
            is_same = paid_by(every_day[0], row, whole, plan) == paid_by(last, row, whole, plan)
            if is_same and rep not in gone:  # terms for leavers apply from one day to the next
                continue
            sums = [paid_by(day, row, whole, plan) for day in every_day]
            for day, before, after in zip(every_day[1:], sums, sums[1:], strict=False):
                never_paid = rep in gone and signed_after(row, gone[rep], whole)
                if after != before and (
                    rep not in gone
                    or day <= gone[rep]
                    or is_due(after - before, leavers, never_paid=never_paid)
                ):
                    due[rep, first].append((day, row["deal"], after - before))
    result = defaultdict(Fraction)
    for key, amounts in due.items():
        result[key] = sum((amount for _, _, amount in amounts), Fraction(0))
    if "cap" in plan:
        result = capped(due, Fraction(str(plan["cap"]["amount"])))
    if "draw" in plan:
        result = drawn(result, Fraction(str(plan["draw"]["amount"])), plan["draw"]["recoverable"])
    later = plan.get("payroll_months_later", 0)
    return {
        (rep, f"{first + relativedelta(months=later):%Y-%m}"): amount
        for (rep, first), amount in result.items()
        if amount
    }


def capped(due, most):
    """What is paid of the amounts due: each quarter fills the cap in the order of the days."""
    out = defaultdict(Fraction)
    for rep in {rep for rep, _ in due}:
        lost = defaultdict(Fraction)  # by deal: due in an earlier quarter and never paid
        quarter, waiting, back, paid = None, [], Fraction(0), Fraction(0)
        for first in months():
            if (first.year, (first.month - 1) // 3) != quarter:
                room = most + back
                for deal, amount in waiting:
                    lost[deal] += amount - min(amount, room)
                    room -= min(amount, room)
                quarter = (first.year, (first.month - 1) // 3)
                waiting, back, paid = [], Fraction(0), Fraction(0)
            for _, deal, amount in sorted(due[rep, first]):
                if amount > 0:
                    waiting.append([deal, amount])
                    continue
                owed = -amount - min(-amount, lost[deal])
                lost[deal] -= -amount - owed
                for slot in reversed(waiting):  # in this quarter: as if it had not become due
                    undone = min(owed, slot[1]) if slot[0] == deal else Fraction(0)
                    slot[1] -= undone
                    owed -= undone
                back += owed
            total = sum((amount for _, amount in waiting), Fraction(0)) - back
            out[rep, first] = min(total, most) - paid
            paid = min(total, most)
    return out


def drawn(result, least, recoverable):
    out = defaultdict(Fraction)
    for rep in {rep for rep, _ in result}:
        debt, begun = Fraction(0), False
        for first in months():
            amount = result[rep, first]
            begun = begun or amount != 0
            if not begun:
                continue
            pays = max(amount, least)
            debt += pays - amount
            if recoverable and pays > least:
                back = min(debt, pays - least)
                pays, debt = pays - back, debt - back
            out[rep, first] = pays
    return out


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("clause", [name for name in EXAMPLES if not name.startswith("Upgrades")])
def test_every_example_of_the_guide_pays_the_same_as_the_second_ledger(clause, seed, tmp_path):
    (tmp_path / "plan.toml").write_text(EXAMPLES[clause])
    deals = company(seed, deals=40, credit_notes="Credit" in clause)

    ledger = pay(deals, SPEC, read_plan(tmp_path / "plan.toml"))

    sums = ledger.payroll.groupby(["rep", "month"])["amount"].sum()
    paid = {key: Fraction(amount) for key, amount in sums.items() if amount}
    clauses = tomllib.loads(EXAMPLES[clause], parse_float=Decimal)
    assert paid == second_ledger(deals, clauses)


TOGETHER = """
commission_rate = 0.08
earned_after_months = 12
paid_at_signing = 0.3
clawback = "unused_months"
[[tiers]]
months = 4
share = 0.35
[[tiers]]
months = 8
share = 0.5
[excluded_causes]
causes = ["bankrupt", "ACQUIRED"]
[accelerators]
period = "quarter"
[[accelerators.steps]]
above = 60000
rate = 0.10
[[accelerators.steps]]
above = 90000
rate = 0.15
[split]
rep = "second_rep"
share = "second_share"
[cap]
amount = 4000
period = "quarter"
[draw]
amount = 800
recoverable = true
[leavers]
pending = "forfeit"
clawback = "waive"
[leavers.left]
R01 = 2025-11-15
[rounding]
to = 0.05
mode = "half_up"
"""


@pytest.mark.parametrize("seed", range(10, 13))
def test_combined_clauses_pay_the_same_as_the_second_ledger(seed, tmp_path):
    (tmp_path / "plan.toml").write_text(TOGETHER)
    deals = company(seed)

    sums = pay(deals, SPEC, read_plan(tmp_path / "plan.toml")).payroll
    sums = sums.groupby(["rep", "month"])["amount"].sum()
    paid = {key: Fraction(amount) for key, amount in sums.items() if amount}
    assert paid == {
        key: amount
        for key, amount in second_ledger(
            deals, tomllib.loads(TOGETHER, parse_float=Decimal)
        ).items()
        # a draw ends with the month of the last day
        if key[0] != "R01" or key[1] <= "2025-11" or key in paid or amount != 800
    }


def test_the_guide_has_an_example_of_every_clause():
    keys = set().union(*(tomllib.loads(text) for text in EXAMPLES.values()))
    assert keys >= set(Plan.model_fields) - {"name", "bonus"}


@pytest.mark.parametrize("clause", ["Splits", "Proportional claw-back", "Accelerators"])
def test_the_payroll_of_a_deal_adds_up_to_the_ledger(clause, tmp_path):
    (tmp_path / "plan.toml").write_text(EXAMPLES[clause])
    ledger = pay(company(7), SPEC, read_plan(tmp_path / "plan.toml"))

    paid = ledger.payroll.groupby("deal")["amount"].sum()
    paid = paid[paid != 0]
    rows = ledger.deals
    assert (rows["nominal"] == rows["earned"] + rows["withheld"] + rows["pending"]).all()
    advance = [
        max(row["paid_at_signing"], row["earned"]) if row["pending"] else row["earned"]
        for row in rows.to_dict("records")
    ]
    by_deal = pd.Series(advance, rows["deal"]).groupby(level=0).sum()
    assert paid.to_dict() == {deal: amount for deal, amount in by_deal.items() if amount}
    by_month = ledger.payroll_by_month
    assert sum(by_month["total"], Decimal(0)) == sum(ledger.payroll["amount"], Decimal(0))


def test_a_split_deal_adds_up_to_the_whole_commission():
    plan = Plan(
        commission_rate="0.1",
        split={"rep": "second_rep", "share": Decimal("0.3")},
        paid_at_signing="1",
    )
    deals = company(3)
    alone = pay(deals, SPEC, plan.model_copy(update={"split": None})).deals
    both = pay(deals, SPEC, plan).deals
    assert both.groupby("deal")["nominal"].sum().to_dict() == dict(
        zip(alone["deal"], alone["nominal"], strict=True)
    )
    assert set(both["rep"]) == {"R00", "R01", "R02", "R03", "R04"}


def test_an_upgrade_pays_its_increase_to_the_rep_who_signed_it():
    rows = pd.DataFrame(
        {
            "deal": ["1", "2", "3", "4"],
            "customer": ["x", "x", "x", "y"],
            "closed_on": pd.to_datetime(["2025-01-10", "2025-03-10", "2025-04-10", "2025-01-15"]),
            "churned_on": pd.to_datetime([None, None, "2025-08-20", None]),
            "rep": ["R00", "R01", "R01", "R02"],
            "value": [1000.0, 1600.0, 1200.0, 500.0],
            "kind": "a",
        }
    )
    spec = SPEC.replace(rows={"customer": "customer"})
    merged = rows.iloc[[0, 3]].copy()
    merged.loc[0, "churned_on"] = pd.Timestamp("2025-08-20")
    plan = Plan(
        commission_rate="0.1", earned_after_months=6, paid_at_signing="0.5", upgrades="increase"
    )

    ledger = pay(merged, spec, plan, rows=rows)

    kept = ledger.payroll[["month", "rep", "kind", "deal", "amount"]].to_numpy().tolist()
    assert kept == [
        ["2025-01", "R00", "advance", "1", Decimal("50.00")],
        ["2025-01", "R02", "advance", "4", Decimal("25.00")],
        ["2025-03", "R01", "advance", "2", Decimal("30.00")],
        ["2025-07", "R00", "earned", "1", Decimal("50.00")],
        ["2025-07", "R02", "earned", "4", Decimal("25.00")],
        ["2025-08", "R01", "clawed_back", "2", Decimal("-30.00")],
    ]
    with pytest.raises(DealsError, match=r"customer = \"COLUMN\" under \[rows\]"):
        pay(merged, spec, plan)


CUSTOMERS = SPEC.replace(rows={"customer": "customer"})


def rows_of_a_customer():
    """A customer with an upgrade and a credit note, and another customer."""
    return pd.DataFrame(
        {
            "deal": ["1", "2", "3", "4"],
            "customer": ["x", "x", "x", "y"],
            "closed_on": pd.to_datetime(["2025-01-10", "2025-03-10", "2025-04-10", "2025-01-15"]),
            "churned_on": pd.to_datetime(["2025-06-20", "2025-08-20", None, None]),
            "exit_reason": ["", "bankrupt", "", ""],
            "rep": ["R00", "R01", "R02", "R02"],
            "second_rep": ["R03", "R04", None, None],
            "second_share": [0.5, 0.25, np.nan, np.nan],
            "value": [1000.0, 1600.0, -200.0, 500.0],
            "kind": "a",
        }
    )


def merged_of(rows):
    merged = rows.iloc[[0, 3]].copy()
    merged.loc[0, "churned_on"] = pd.Timestamp("2025-08-20")
    return merged


def test_an_upgrade_is_shared_with_the_second_rep_of_its_row():
    # a plan with both split and upgrades raised a pandas error
    rows = rows_of_a_customer().iloc[[0, 1, 3]]
    split = {"rep": "second_rep", "share": "second_share"}
    plan = Plan(commission_rate="0.1", upgrades="increase", split=split)

    ledger = pay(merged_of(rows_of_a_customer()), CUSTOMERS, plan, rows=rows)

    kept = ledger.deals[["deal", "rep", "nominal"]].to_numpy().tolist()
    assert sorted(kept) == [
        ["1", "R00", Decimal("50.00")],
        ["1", "R03", Decimal("50.00")],
        ["2", "R01", Decimal("45.00")],
        ["2", "R04", Decimal("15.00")],
        ["4", "R02", Decimal("50.00")],
    ]


def test_spellings_of_a_rep_are_one_person_in_every_column():
    rows = rows_of_a_customer().iloc[[0, 1, 3]].assign(second_rep=["r02 ", "R04", None])
    rows["rep"] = ["R00", " r00", "R02"]
    split = {"rep": "second_rep", "share": "second_share"}
    plan = Plan(commission_rate="0.1", upgrades="increase", split=split)
    merged = merged_of(rows_of_a_customer()).assign(second_rep=["r02 ", None], rep=["R00", "R02"])

    ledger = pay(merged, CUSTOMERS, plan, rows=rows)

    assert set(ledger.deals["rep"]) == set(ledger.payroll["rep"]) | {"R04"} == {"R00", "R02", "R04"}


@pytest.mark.parametrize("upgrades", ["ignore", "increase"])
def test_a_credit_note_of_a_customer_with_several_rows_is_taken_back(upgrades):
    rows = rows_of_a_customer()
    plan = Plan(commission_rate="0.1", credit_notes="deduct", upgrades=upgrades)

    payroll = pay(merged_of(rows), CUSTOMERS, plan, rows=rows).payroll

    notes = payroll[payroll["kind"] == "credit_note"]
    assert notes[["month", "rep", "deal", "amount"]].to_numpy().tolist() == [
        ["2025-04", "R02", "3", Decimal("-20.00")]
    ]
    with pytest.raises(DealsError, match="deducts credit notes of customers with several rows"):
        pay(merged_of(rows), CUSTOMERS, plan)


def test_the_cause_of_leaving_is_read_from_the_last_row_of_the_customer():
    rows = rows_of_a_customer().iloc[[0, 1, 3]]
    plan = Plan(
        commission_rate="0.1", earned_after_months=12, excluded_causes={"causes": ["bankrupt"]}
    )
    merged = merged_of(rows_of_a_customer())
    assert merged.loc[0, "exit_reason"] == ""

    deals = pay(merged, CUSTOMERS, plan, rows=rows).deals.set_index("deal")
    assert deals.loc["1", "earned"] == Decimal("100.00")


@pytest.mark.parametrize(("last", "forfeited"), [("2025-12-30", True), ("2025-12-31", False)])
def test_a_bonus_decided_after_a_reps_last_day_is_forfeited(last, forfeited):
    random = np.random.default_rng(4)
    closed = pd.Timestamp("2025-01-02") + pd.to_timedelta(random.integers(0, 90, 120), unit="D")
    deals = pd.DataFrame(
        {
            "deal": np.arange(120).astype(str),
            "closed_on": closed,
            "churned_on": pd.Series(closed + pd.Timedelta("60D")).where(
                np.arange(120) % 10 < np.where(np.arange(120) < 60, 1, 6)
            ),
            "rep": np.where(np.arange(120) < 60, "R00", "R01"),
            "value": 1000.0,
            "kind": "a",
        }
    )
    plan = Plan(
        commission_rate="0.1",
        bonus={"top": 1, "amount": "500"},
        leavers={"left": {"r00": last}},
    )
    probability = pd.Series(0.35, deals.index)

    payroll = pay(deals, SPEC, plan, probability).payroll
    own = payroll[(payroll["rep"] == "R00") & (payroll["month"] == "2025-12")]

    assert own.loc[own["kind"] == "bonus", "amount"].tolist() == [Decimal(500)]
    back = own.loc[(own["kind"] == "forfeited") & (own["deal"] == ""), "amount"].tolist()
    assert back == ([Decimal(-500)] if forfeited else [])


def test_plans_without_a_clause_for_credit_notes_refuse_them_with_their_row():
    deals = company(1, deals=30)
    deals.loc[4, "value"] = -500.0
    with pytest.raises(DealsError, match=r"e\.g\. -500 in row 4\..*credit_notes = \"deduct\""):
        pay(deals, SPEC, Plan(commission_rate="0.1"))
    ledger = pay(deals, SPEC, Plan(commission_rate="0.1", credit_notes="deduct"))
    note = ledger.deals.loc[4]
    assert (note["nominal"], note["earned"], note["pending"]) == (Decimal(-50), Decimal(-50), 0)


def test_columns_named_by_a_plan_and_missing_in_the_deals_are_refused_by_name():
    plan = Plan(commission_rate="0.1", excluded_causes={"column": "why", "causes": ["bankrupt"]})
    with pytest.raises(DealsError, match=r"excluded_causes needs the column 'why'"):
        pay(company(1), SPEC, plan)
    shared = Plan(commission_rate="0.1", split={"rep": "second_rep", "share": "second_share"})
    deals = company(1).assign(second_share=3.0)
    with pytest.raises(DealsError, match=r"second_share: \d+ shared deal\(s\) have no share"):
        pay(deals, SPEC, shared)


STEP = "[[accelerators.steps]]\nabove = {}\nrate = 0.1\n"
FALLING = STEP.format(2) + STEP.format(1)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[cap]\namount = -1", "cap.amount"),
        ('clawback = "half"', "clawback"),
        ("[draw]\namount = 1\nrecover = true", "draw.recover"),
        ("[rounding]\nto = 0", "rounding.to"),
        (FALLING, "accelerators must rise"),
    ],
)
def test_an_impossible_clause_is_refused_with_its_key(text, key, tmp_path):
    (tmp_path / "plan.toml").write_text("commission_rate = 0.1\n" + text.replace(" .", " 0."))
    with pytest.raises(SpecError, match=key):
        read_plan(tmp_path / "plan.toml")


def test_the_payroll_is_written_as_csv_or_parquet(tmp_path):
    ledger = pay(company(2), SPEC, Plan(commission_rate="0.1", paid_at_signing="0.5"))
    for name in ("payroll.csv", "payroll.parquet"):
        write_payroll(ledger, tmp_path / name)
    csv = pd.read_csv(tmp_path / "payroll.csv", dtype=str, keep_default_na=False)
    assert csv["amount"].tolist() == [str(amount) for amount in ledger.payroll["amount"]]
    parquet = pd.read_parquet(tmp_path / "payroll.parquet")
    assert parquet["amount"].tolist() == ledger.payroll["amount"].tolist()
    with pytest.raises(DealsError, match="neither in .csv nor in .parquet"):
        write_payroll(ledger, tmp_path / "payroll.xlsx")


def test_an_unknown_leaving_rep_is_refused_by_name():
    deals = company(1, deals=30)
    known = sorted(deals["rep"].unique())
    plan = Plan(commission_rate="0.1", leavers={"left": {"Ana Oz": date(2025, 1, 31)}})
    with pytest.raises(DealsError, match=rf"names 'Ana Oz', who sold none.*reps are {known[0]}, "):
        pay(deals, SPEC, plan)
    spelled = Plan(
        commission_rate="0.1", leavers={"left": {f" {known[0].upper()} ": date(2025, 1, 31)}}
    )
    assert "forfeited" in set(pay(deals, SPEC, spelled).payroll["kind"])


def test_a_leaving_rep_with_only_missing_amounts_is_accepted():
    deals = company(1, deals=30)
    first, *_ = sorted(deals["rep"].unique())
    deals.loc[deals["rep"] == first, "value"] = np.nan
    plan = Plan(commission_rate="0.1", leavers={"left": {first: date(2025, 1, 31)}})
    assert first not in set(pay(deals, SPEC, plan).payroll["rep"])
