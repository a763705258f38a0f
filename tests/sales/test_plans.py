"""A plan is read exactly as written, or refused with the name of the wrong key."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitmodel.exceptions import SpecError
from fitmodel.sales.plans import EXAMPLE, Bonus, Plan, Tier, read_plan

MODES = {"half_even": ROUND_HALF_EVEN, "half_up": ROUND_HALF_UP, "down": ROUND_DOWN}


def read(text, folder) -> Plan:
    file = folder / "plan.toml"
    file.write_text(text, encoding="utf-8")
    return read_plan(file)


def test_the_example_printed_by_the_command_is_a_valid_plan(tmp_path) -> None:
    plan = read(EXAMPLE, tmp_path)

    assert plan.name == "plan B"
    assert plan.commission_rate == Decimal("0.10")
    assert plan.tiers == (Tier(months=3, share=Decimal("0.5")),)
    assert plan.bonus == Bonus(top=3, amount=Decimal("2000.00"), min_deals=20, period="year")
    assert plan.steps == [(3, 0.5), (5, 1.0)]


def test_missing_keys_of_a_plan_have_defaults(tmp_path) -> None:
    plan = read("commission_rate = 0.1", tmp_path)

    assert (plan.name, plan.earned_after_months, plan.paid_at_signing) == ("plan", 5, 0)
    assert (plan.clawback, plan.credit_notes, plan.upgrades) == ("whole", "refuse", "ignore")
    assert (plan.bonus, plan.cap, plan.draw, plan.leavers, plan.split) == (None,) * 5
    assert (plan.rounding.to, plan.rounding.mode) == (Decimal("0.01"), "half_even")
    assert plan.payroll_months_later == 0


def test_a_rate_is_an_exact_decimal_and_a_byte_order_mark_is_ignored(
    tmp_path,
) -> None:
    plan = read("\ufeffcommission_rate = 0.0825", tmp_path)

    assert plan.commission_rate == Decimal("0.0825")


def test_the_day_on_which_a_rep_left_is_a_date(tmp_path) -> None:
    plan = read('commission_rate = 0.1\n[leavers.left]\n"Kim Ro" = 2025-03-31\n', tmp_path)

    assert plan.leavers is not None
    assert plan.leavers.left == {"Kim Ro": date(2025, 3, 31)}
    assert (plan.leavers.pending, plan.leavers.clawback) == ("forfeit", "collect")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = 'x'", "commission_rate: it is missing"),
        ("commission_rate = -0.1", "commission_rate: must be at least 0, not -0.1"),
        ("commission_rate = 1.01", "commission_rate: must be at most 1, not 1.01"),
        ("commission_rate = 0.1\nearned_after_months = -1", "_months: must be at least 0, not -1"),
        ("commission_rate = 0.1\npaid_at_signing = 25", "signing: must be at most 1, not 25"),
        ("commission_rate = 0.1\npayroll_months_later = 13", "later: must be at most 12, not 13"),
        ("commission_rate = 0.1\n[bonus]\ntop = 0\namount = 1", "bonus.top: must be at least 1"),
        ("commission_rate = 0.1\n[bonus]\ntop = 1\namount = 1.005", "bonus.amount: .* decimal"),
        ("commission_rate = 0.1\n[bonus]\ntop = 1\nperiod = 'week'", "period: must be one of"),
        ("comission_rate = 0.1", "comission_rate: .*; did you mean 'commission_rate'"),
        ("commission_rate = 0.1\n[bonus]\ntops = 1", "bonus.tops: .*; did you mean 'top'"),
        ("commission_rate = 0.1\n[[tiers]]\nmonth = 1", "tiers.0.month: .*; did you mean 'months'"),
        (
            "commission_rate = 0.1\n[accelerators]\n[[accelerators.steps]]\nover = 1\nrate = 0.2",
            "accelerators.steps.0.over: there is no such key; did you mean 'above'",
        ),
        ("commission_rate = 0.1\n[rounding]\nmode = 'up'", "mode: must be one of 'half_even'"),
        ("commission_rate = 0.1\n[[tiers]]\nmonths = 9\nshare = 0.5", "plan: tiers must rise"),
        ("commission_rate = 0.1\n[excluded_causes]\ncauses = []", "excluded_causes.causes: "),
        ("commission_rate = 0.1\n[split]\nrep = 'second'", "split.share: it is missing"),
        ("commission_rate = 0.1\n[cap]\namount = 10.001", "cap.amount: .* decimal"),
        ("commission_rate = 0.1\n[leavers.left]\nKim = 'soon'", "leavers.left.Kim: .* date"),
    ],
)  # fmt: skip
def test_an_impossible_value_is_refused_with_its_key(text, message, tmp_path) -> None:
    with pytest.raises(SpecError, match=rf"(?s)is not a commission plan:\n.*{message}"):
        read(text, tmp_path)


@pytest.mark.parametrize(
    "tiers",
    [
        [(3, "0.5"), (3, "0.6")],  # twice the same age
        [(4, "0.5"), (3, "0.6")],  # falling ages
        [(2, "0.5"), (3, "0.4")],  # falling shares
        [(5, "0.5")],  # as late as the full commission
    ],
)
def test_tiers_that_do_not_increase_up_to_1_are_refused(tiers) -> None:
    with pytest.raises(ValueError, match="tiers must rise in months and share and lie before"):
        Plan(
            commission_rate=Decimal("0.1"),
            tiers=tuple(Tier(months=age, share=Decimal(share)) for age, share in tiers),
        )


@pytest.mark.parametrize(
    ("unit", "digits"), [("1", 0), ("10", 0), ("1E+2", 0), ("0.01", 2), ("0.5", 2), ("0.001", 3)]
)
def test_amounts_have_the_decimals_that_the_plan_can_pay(unit, digits) -> None:
    assert Plan(commission_rate=Decimal("0.1"), rounding={"to": unit}).digits == digits


def test_accelerators_with_a_repeated_threshold_are_refused() -> None:
    steps = [{"above": 1000, "rate": "0.1"}, {"above": 1000, "rate": "0.2"}]
    with pytest.raises(ValueError, match="accelerators must rise in `above`"):
        Plan(commission_rate=Decimal("0.1"), accelerators={"steps": steps})


def test_an_invalid_or_missing_plan_file_is_refused(tmp_path) -> None:
    with pytest.raises(SpecError, match=r"plan\.toml is not valid toml: "):
        read("commission_rate = ", tmp_path)
    (tmp_path / "plan.toml").write_bytes(b"name = '\xff\xfe'")
    with pytest.raises(SpecError, match="is not valid toml: .*utf-8"):
        read_plan(tmp_path / "plan.toml")
    with pytest.raises(SpecError, match="cannot be read: "):
        read_plan(tmp_path)
    with pytest.raises(SpecError, match=r"there is no plan .*none\.toml\. Remedy: .*--show-plan"):
        read_plan(tmp_path / "none.toml")


TIERED = Plan(
    commission_rate=Decimal("0.1"),
    earned_after_months=12,
    tiers=(Tier(months=3, share=Decimal("0.3")), Tier(months=6, share=Decimal("0.6"))),
)


@pytest.mark.parametrize(
    ("months", "stays", "leaves"),
    [
        (0.0, "0", "0"), (2.99, "0", "0"), (3.0, "0.3", "0"), (3.01, "0.3", "0.3"),
        (6.0, "0.6", "0.3"), (6.5, "0.6", "0.6"), (12.0, "1", "0.6"), (12.1, "1", "1"),
    ],
)  # fmt: skip
def test_a_share_is_earned_on_the_exact_day_only_if_the_customer_stays(
    months, stays, leaves
) -> None:
    assert TIERED.share_at(months, left=False) == Decimal(stays)
    assert TIERED.share_at(months, left=True) == Decimal(leaves)


def test_an_age_of_0_is_always_reached() -> None:
    assert TIERED.reached(0, 0.0, left=True)
    assert not TIERED.reached(1, 0.0, left=False)


@pytest.mark.parametrize(
    ("months", "share"), [(0.99, 0), (1.0, Fraction(1, 12)), (11.99, Fraction(11, 12)), (40.0, 1)]
)
def test_with_clawback_of_unused_months_only_whole_months_count(months, share) -> None:
    unused = TIERED.model_copy(update={"clawback": "unused_months"})

    assert unused.share_of_months(months) == share
    assert TIERED.share_of_months(months) == 0


@given(
    value=st.decimals(-(10**6), 10**6, places=4),
    unit=st.sampled_from(["0.01", "0.05", "0.5", "1", "10", "0.03"]),
    mode=st.sampled_from(sorted(MODES)),
)
def test_rounding_agrees_with_the_decimal_module(value, unit, mode) -> None:
    plan = Plan(commission_rate=Decimal("0.1"), rounding={"to": unit, "mode": mode})
    result = plan.rounded(value)
    # thirds of a cent have no finite decimal: compare twice the distance with the unit, exactly
    distance = Fraction(value) - Fraction(result)

    assert Fraction(result) % Fraction(unit) == 0
    if mode == "down":
        assert 0 <= distance * (1 if value >= 0 else -1) < Fraction(unit)
    else:
        assert abs(distance) * 2 <= Fraction(unit)
    if unit in {"0.01", "1", "10"}:
        exact = (value / Decimal(unit)).quantize(Decimal(1), rounding=MODES[mode]) * Decimal(unit)
        assert result == exact


@given(st.decimals(0, 10**6, places=2), st.decimals(0, 1, places=4))
def test_rounding_modes_are_ordered_half_up_half_even_down(amount, rate) -> None:
    up, even, down = (
        Plan(commission_rate=rate, rounding={"mode": mode}).rounded(
            Fraction(amount) * Fraction(rate)
        )
        for mode in ("half_up", "half_even", "down")
    )
    assert up >= even >= down >= up - Decimal("0.01")
