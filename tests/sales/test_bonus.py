"""A bonus for the reps with the best renewal rates: amounts, ties and pending periods."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import extract_as_of
from fitmodel.deals.outcomes import outcomes
from fitmodel.exceptions import DealsError
from fitmodel.sales._bonus import (
    DRAWS,
    _simulate_end,
    forecast_bonus,
    may_win,
    pay_bonus,
    pay_ranks,
    standings,
)
from fitmodel.sales._renewals import read_terms
from fitmodel.sales.incentives import pay
from fitmodel.sales.plans import Bonus, Plan

BONUS = Bonus(top=3, amount=Decimal("1000.01"))


@pytest.fixture(scope="module")
def simulation():
    return simulate_deals(1500, seed=4)


@pytest.mark.slow
@given(
    rates=st.dictionaries(st.text(min_size=1, max_size=3), st.sampled_from([0.7, 0.8, 0.9])),
    top=st.integers(1, 6),
    amount=st.decimals(0, 10**5, places=2),
)
def test_bonuses_are_paid_to_the_best_ranks_and_add_up_to_the_cent(rates, top, amount):
    paid = pay_ranks(rates, top, amount)

    assert sum(paid.values(), Decimal(0)) == amount * min(top, len(rates))
    for first in paid:
        for second in set(rates) - set(paid):
            assert rates[first] > rates[second]
        for second in paid:
            if rates[first] > rates[second]:
                assert paid[first] >= paid[second]
            if rates[first] == rates[second]:
                assert abs(paid[first] - paid[second]) <= Decimal("0.01")


def test_tied_reps_share_their_bonuses():
    paid = pay_ranks({"a": 0.9, "b": 0.8, "c": 0.8, "d": 0.7}, 2, Decimal(100))

    assert paid == {"a": Decimal(100), "b": Decimal(50), "c": Decimal(50)}


@pytest.mark.parametrize(
    ("unit", "shares"),
    [("0.01", ["33.34", "33.33", "33.33"]), ("1", [34, 33, 33]), ("50", [50, 50, 0])],
)
def test_shares_of_tied_reps_are_amounts_that_can_be_paid(unit, shares):
    paid = pay_ranks(dict.fromkeys("abc", 1.1), 1, Decimal(100), Decimal(unit))
    assert list(paid.values()) == [Decimal(share) for share in shares]


def test_a_bonus_in_yen_is_in_whole_yen_also_with_ties(simulation):
    reps = sorted(simulation.deals["rep"].unique())
    mirrored = pd.concat([simulation.deals.assign(rep=name) for name in reps[:3]])
    mirrored["deal_id"] = [f"D{row}" for row in range(len(mirrored))]
    churned = simulation.deals.assign(rep="Z", churned_on=simulation.deals["closed_on"])
    churned = churned.assign(deal_id=[f"Z{row}" for row in range(len(churned))])
    deals = pd.concat([mirrored, churned], ignore_index=True)
    plan = Plan(
        commission_rate="0.1",
        bonus={"top": 1, "amount": "100000.4", "period": "all"},
        rounding={"to": 1},
    )
    ledger = pay(deals, simulation.spec, plan)
    paid = ledger.bonuses.set_index("rep")[["bonus", "bonus_pending"]].sum(axis=1)
    assert sorted(map(int, paid)) == [0, 33333, 33333, 33334]
    assert all(amount == int(amount) for amount in paid)


def test_the_score_equals_a_count_by_hand(simulation):
    bonus = BONUS.model_copy(update={"period": "all"})
    deals, spec, p = simulation.deals, simulation.spec, simulation.true_probability
    paid = pay_bonus(deals, spec, bonus, p).set_index("rep")
    result = outcomes(deals, spec)
    tested = result["mature"]
    stayed = tested & ~(result["left"] & (result["followup_months"] <= 5))

    assert paid["tested"].to_dict() == tested.groupby(deals["rep"]).sum().to_dict()
    assert paid["renewed"].to_dict() == stayed.groupby(deals["rep"]).sum().to_dict()
    assert paid["expected_renewals"].sum() == pytest.approx(paid["renewed"].sum())
    known = paid["score"].notna()
    ratio = paid["renewed"] / paid["expected_renewals"]
    assert paid.loc[known, "score"].to_dict() == pytest.approx(ratio[known].to_dict())


def test_bonuses_go_to_the_highest_scores_above_expectation(simulation):
    bonus = BONUS.model_copy(update={"period": "all"})
    deals, spec, p = simulation.deals, simulation.spec, simulation.true_probability
    paid = pay_bonus(deals, spec, bonus, p).set_index("rep")
    holders = paid.index[paid["bonus_pending"] > 0]

    assert len(holders) >= 1
    assert (paid.loc[holders, "renewed"] > paid.loc[holders, "expected_renewals"]).all()
    others = paid.drop(holders)["score"].dropna().round(2)
    top = paid.loc[holders, "score"].round(2).min()
    assert (others < top).all()


def test_reps_with_few_tested_customers_get_no_bonus_and_recent_periods_are_pending(simulation):
    paid = pay_bonus(simulation.deals, simulation.spec, BONUS, simulation.true_probability)

    few = paid["tested"] < 20
    assert few.any()
    assert (paid.loc[few, "outcome"] == "too_few").all()
    assert (paid.loc[few, "bonus"] + paid.loc[few, "bonus_pending"] == 0).all()
    young = paid["period"] == "2026"
    assert (paid.loc[young, "bonus"] == 0).all()
    assert (paid.loc[~young, "bonus_pending"] == 0).all()
    assert paid.loc[~young, "bonus"].sum() > 0
    assert (paid.loc[~young, "bonus_expected"] == 0).all()
    hoped = paid.loc[young, "bonus_expected"]
    assert 0 < hoped.sum() <= 3 * 1000.01 + 1e-6
    assert (hoped <= 1000.01 + 1e-6).all()


def test_a_rep_with_too_few_deals_now_can_still_get_a_bonus_later(simulation):
    # on 31 March no rep has 20 tested customers of the year; later some will
    table, spec = extract_as_of(simulation.deals, simulation.spec, "2026-03-31")
    paid = pay_bonus(table, spec, BONUS, simulation.true_probability.loc[table.index])
    now = paid[paid["period"] == "2026"]

    assert (now["outcome"] == "too_few").all()
    assert now["bonus_expected"].sum() > 0


def yearly_contracts(seed=3, deals=1200):
    """Four of twelve reps sell yearly contracts and lose 80% of them at the renewal."""
    random = np.random.default_rng(seed)
    rep = random.integers(0, 12, deals)
    bound = rep < 4
    signed = np.datetime64("2023-01-01") + random.integers(0, 900, deals).astype("timedelta64[D]")
    monthly = np.where(random.random(deals) < 0.2, random.uniform(20, 150, deals), 3000)
    annual = np.where(random.random(deals) < 0.8, random.uniform(365, 390, deals), 3000)
    left = signed + np.where(bound, annual, monthly).astype("timedelta64[D]")
    left[left > np.datetime64("2026-06-30")] = np.datetime64("NaT")
    table = pd.DataFrame(
        {
            "rep": [f"R{number:02d}" for number in rep],
            "closed_on": signed.astype("datetime64[us]"),
            "churned_on": left.astype("datetime64[us]"),
            "contract": np.where(bound, "12 months", "monthly"),
        }
    )
    roles = {"closed_on": "closed_on", "churned_on": "churned_on", "rep": "rep"}
    spec = DealSpec(
        deals=roles | {"observed_until": "2026-06-30"}, attributes={"include": ["contract"]}
    )
    return table, spec, pd.Series(np.where(bound, 0.01, 0.2))


@pytest.mark.parametrize("term", [None, "contract"])
def test_contracts_that_cannot_end_yet_do_not_increase_the_bonus(term):
    table, spec, p = yearly_contracts()
    bonus = BONUS.model_copy(update={"term": term})
    paid = pay_bonus(table, spec, bonus, p, earned_after_months=5)
    theirs = paid["rep"].isin(["R00", "R01", "R02", "R03"])
    money = paid["bonus"] + paid["bonus_pending"]

    assert money[theirs].sum() == 0
    assert money[~theirs].sum() > 0
    lost = paid[theirs & (paid["period"] == "2024")]
    assert (lost["renewed"] / lost["tested"]).max() < 0.45


def test_with_too_few_deals_no_bonus_is_paid():
    table, spec, p = yearly_contracts(deals=100)
    paid = pay_bonus(table, spec, BONUS, p)

    decided = paid["period"] != "2026"
    assert (paid.loc[decided, "outcome"] == "too_few").all()
    assert paid["bonus"].sum() == 0


def test_an_unreadable_term_is_refused_with_its_row():
    table, spec, p = yearly_contracts(deals=100)
    table.loc[7, "contract"] = "forever"

    with pytest.raises(DealsError, match=r"contract: 1 contract term.*'forever' in row 7"):
        pay_bonus(table, spec, BONUS.model_copy(update={"term": "contract"}), p)
    with pytest.raises(DealsError, match="length: no such column"):
        pay_bonus(table, spec, BONUS.model_copy(update={"term": "length"}), p)


@pytest.mark.parametrize(
    ("text", "months"),
    [(12, 12), ("12", 12), ("24 months", 24), ("2 years", 24), ("1y", 12), ("Annual", 12),
     ("monthly", 1), ("Quarterly", 3), ("half-year", 6), (1.0, 1), (None, 0)],
)  # fmt: skip
def test_terms_are_read_as_months(text, months):
    assert read_terms(pd.DataFrame({"term": [text, "3 months"]}), "term").tolist() == [months, 3]


def test_the_ledger_adds_up_over_reps_months_and_bonuses(simulation):
    plan = Plan(commission_rate=Decimal("0.1"), bonus=BONUS)
    ledger = pay(simulation.deals, simulation.spec, plan, simulation.true_probability)

    for table in (ledger.reps, ledger.months, ledger.reps_by_month):
        for name in ("deals", "nominal", "earned", "withheld", "pending", "bonus", "clawed_back"):
            assert table[name].iloc[:-1].sum() == table[name].iloc[-1] == ledger.total[name]
        parts = table["earned"] + table["withheld"] + table["pending"]
        assert (parts == table["nominal"]).all()
    assert ledger.total["bonus"] == ledger.bonuses["bonus"].sum()
    assert ledger.total["deals"] == len(ledger.deals)  # a bonus is not a deal


def test_a_yearly_bonus_needs_dates(simulation):
    deals = pd.DataFrame({"tenure": [3.0, 9.0], "churn": [1, 0], "rep": "Kim", "amount": 10.0})
    roles = {"tenure_months": "tenure", "churned": "churn", "rep": "rep", "amount": "amount"}
    spec = type(simulation.spec)(deals=roles)
    with pytest.raises(DealsError, match=r'needs closing dates.*period = "all"'):
        pay(deals, spec, Plan(commission_rate=Decimal("0.1"), bonus=BONUS))


def renewals_of(counts: dict[str, tuple[int, int]]) -> pd.DataFrame:
    """Tested deals of reps, given as (number, lost), each with an expected loss of 0.5."""
    rows = [
        {"rep": rep, "tested": True, "renewed": number >= lost, "lost": number < lost, "loss": 0.5}
        for rep, (deals, lost) in counts.items()
        for number in range(deals)
    ]
    return pd.DataFrame(rows)


def test_a_rep_needs_the_minimum_number_of_deals() -> None:
    part = renewals_of({"ann": (10, 4), "bob": (11, 4), "cem": (9, 4)})
    table = standings(part, 10)

    assert table["score"].notna().to_dict() == {"ann": True, "bob": True, "cem": False}
    assert standings(part, 11)["score"].notna().to_dict() == {
        "ann": False,
        "bob": True,
        "cem": False,
    }


def test_expected_losses_are_scaled_to_the_losses_of_the_period() -> None:
    part = renewals_of({"ann": (6, 3), "bob": (6, 3), "cem": (5, 2)})
    table = standings(part, 1)
    share = 8 / 17

    assert list(table["expected_losses"]) == pytest.approx([6 * share, 6 * share, 5 * share])
    assert table["score"].isna().to_dict() == {"ann": True, "bob": True, "cem": True}  # below 3
    more = standings(renewals_of({"ann": (7, 3), "bob": (6, 4)}), 1)
    assert more["score"].notna().all()  # 3.8 and 3.2


def test_the_score_is_observed_over_expected_renewals() -> None:
    table = standings(renewals_of({"ann": (10, 2), "bob": (10, 6)}), 1)

    assert list(table["expected_renewals"]) == pytest.approx([6.0, 6.0])
    assert list(table["score"]) == pytest.approx([8 / 6, 4 / 6])
    assert list(table["renewal_rate"]) == pytest.approx([0.8, 0.4])


def test_over_the_whole_history_the_best_are_first_and_the_month_is_the_last_closing_month(
    simulation,
) -> None:
    bonus = BONUS.model_copy(update={"period": "all"})
    deals, spec, p = simulation.deals, simulation.spec, simulation.true_probability
    paid = pay_bonus(deals, spec, bonus, p)

    assert set(paid["month"]) == {f"{deals['closed_on'].max():%Y-%m}"}
    scores = paid["score"].fillna(-1.0).tolist()
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) > 1
    nobody = pay_bonus(deals, spec, bonus.model_copy(update={"min_deals": 10**6}), p)
    assert nobody["score"].isna().all()
    assert nobody["rep"].tolist() == sorted(nobody["rep"])


def test_at_the_end_of_a_period_tested_living_and_lost_deals_are_counted() -> None:
    own = pd.DataFrame(
        {
            "tested": [True] * 5 + [False] * 4,
            "alive": [False] * 5 + [True] * 2 + [False] * 2,
            "gone": [False] * 7 + [True] * 2,
            "lost": [True] + [False] * 8,
            "loss": 0.5,
            "to_come": [0.0] * 6 + [50.0, 0.0, 0.0],  # one stays surely, one leaves surely
        }
    )
    random = np.random.default_rng(0)
    tested, lost, expected = _simulate_end(own, np.ones(DRAWS), 0.0, random)

    assert set(tested) == {9.0}
    assert set(lost) == {4}  # one tested, one that leaves, two that are gone
    assert expected == pytest.approx(np.full(DRAWS, 9 * (1 - np.exp(-0.5))))


PERIOD_SPEC = DealSpec(
    deals={
        "closed_on": "closed_on", "churned_on": "churned_on", "rep": "rep",
        "observed_until": "2026-06-30",
    },
    label={"horizon_months": 5},
)  # fmt: skip


def two_reps(signed="2025-01-10", n=20, *, lost=(2, 12), left="2025-03-10", term=None):
    """Kim and Lee with a number of deals each, some of which left on a day."""
    rows = [
        (rep, signed, left if number < count else None)
        for rep, count in zip(("Kim", "Lee"), lost, strict=True)
        for number in range(n)
    ]
    deals = pd.DataFrame(rows, columns=["rep", "closed_on", "churned_on"])
    dates = ["closed_on", "churned_on"]
    deals[dates] = deals[dates].apply(pd.to_datetime).astype("datetime64[us]")
    return deals.assign(term=term)


def paid_to(deals, **changes):
    bonus = Bonus(top=1, amount=Decimal(500), min_deals=10).model_copy(update=changes)
    return pay_bonus(deals, PERIOD_SPEC, bonus, pd.Series(0.35, deals.index), earned_after_months=5)


def test_a_bonus_over_the_whole_history_is_decided_when_every_deal_was_tested() -> None:
    paid = paid_to(two_reps(), period="all").set_index("rep")

    assert paid["outcome"].to_dict() == {"Kim": "paid", "Lee": "not_above"}
    assert paid["bonus"].to_dict() == {"Kim": Decimal(500), "Lee": 0}
    assert (paid["month"] == "2025-01").all()


def test_a_customer_who_left_before_its_renewal_keeps_the_bonus_pending() -> None:
    tested = two_reps(term="5")
    gone = two_reps("2026-02-10", 3, lost=(3, 0), left="2026-04-10", term="36 months")
    deals = pd.concat([tested, gone[gone["rep"] == "Kim"]], ignore_index=True)
    paid = paid_to(deals, period="all", term="term").set_index("rep")

    assert paid.loc["Kim", "outcome"] == "pending"
    assert paid.loc["Kim", ["bonus", "bonus_pending"]].tolist() == [0, Decimal(500)]
    assert paid.loc["Kim", ["signed", "tested"]].tolist() == [23, 20]
    year = paid_to(deals, period="year", term="term").set_index(["period", "rep"])
    assert year.loc[("2025", "Kim"), "bonus"] == Decimal(500)  # that year is complete


@pytest.mark.parametrize(
    ("period", "names", "month"),
    [("year", ["2025"], "2025-12"), ("quarter", ["2025Q1", "2025Q2"], "2025-03")],
)
def test_deals_are_ranked_with_those_signed_in_the_same_period(period, names, month) -> None:
    deals = pd.concat([two_reps(), two_reps("2025-05-10", left="2025-07-10")], ignore_index=True)
    paid = paid_to(deals, period=period)

    assert list(dict.fromkeys(paid["period"])) == names
    assert paid["month"].iloc[0] == month
    assert paid["signed"].sum() == len(deals)
    assert (paid.groupby("period")["bonus"].sum() == 500).all()


@pytest.mark.parametrize(("signed", "decided"), [("2026-01-31", True), ("2026-02-01", False)])
def test_a_quarter_is_decided_when_its_last_deal_has_reached_the_age(signed, decided) -> None:
    deals = pd.concat(
        [two_reps("2026-01-05", left="2026-03-05"), two_reps(signed, 1, lost=(0, 0))],
        ignore_index=True,
    )
    paid = paid_to(deals, period="quarter").set_index("rep")

    assert paid.loc["Kim", "outcome"] == ("paid" if decided else "pending")
    assert paid.loc["Kim", "bonus"] == (Decimal(500) if decided else 0)
    assert (paid.loc["Kim", "bonus_expected"] == 0) == decided


def test_a_deal_without_a_rep_is_included_in_the_expectation_and_gets_no_bonus() -> None:
    deals = two_reps(lost=(2, 12))
    nameless = two_reps(lost=(0, 6)).assign(rep=None)
    paid = paid_to(pd.concat([deals, nameless], ignore_index=True)).set_index("rep")

    assert sorted(paid.index) == ["Kim", "Lee"]
    # 20 lost of 80: 5 of 20 are expected, with the deals without a rep included
    assert paid["expected_renewals"].tolist() == pytest.approx([15.0, 15.0])
    assert paid.loc["Kim", "score"] == pytest.approx(18 / 15)


def test_the_order_of_the_deals_does_not_change_the_bonus() -> None:
    deals = two_reps()
    turned = paid_to(deals.iloc[::-1])

    pd.testing.assert_frame_equal(turned, paid_to(deals))


@pytest.mark.parametrize(
    ("score", "wins"), [(1.0, False), (1.004, False), (1.0051, True), (0.99, False), (2.0, True)]
)
def test_a_rep_can_win_only_with_a_score_at_least_a_hundredth_above_1(score, wins) -> None:
    assert may_win(score) is wins


@pytest.mark.parametrize(
    ("top", "paid"),
    [
        (1, {"a": "33.34", "b": "33.33", "c": "33.33"}),
        (2, {"a": "66.67", "b": "66.67", "c": "66.66"}),
        (3, {"a": "100.00", "b": "100.00", "c": "100.00"}),
        (4, {"a": "100.00", "b": "100.00", "c": "100.00", "d": "100.00"}),
        (9, {"a": "100.00", "b": "100.00", "c": "100.00", "d": "100.00"}),
    ],
)
def test_an_indivisible_cent_goes_to_the_first_rep_by_name(top, paid) -> None:
    scores = {"c": 1.204, "d": 1.1, "a": 1.2, "b": 1.196}  # three agree to a hundredth
    result = pay_ranks(scores, top, Decimal(100))

    assert {name: f"{amount:.2f}" for name, amount in result.items()} == paid


def test_no_bonus_is_paid_if_no_rep_can_win() -> None:
    assert pay_ranks({}, 3, Decimal(100)) == {}


def test_the_expected_bonus_of_a_decided_period_is_the_bonus() -> None:
    part = renewals_of({"ann": (20, 4), "bob": (20, 12)}).assign(
        alive=False, gone=False, to_come=0.0
    )
    bonus = Bonus(top=1, amount=Decimal(500), min_deals=10)

    assert forecast_bonus(part, part, bonus, 0.0, 0) == pytest.approx({"ann": 500.0})
    few = bonus.model_copy(update={"min_deals": 21})
    assert forecast_bonus(part, part, few, 0.0, 0) == {}
    assert forecast_bonus(part.assign(rep="(no name)"), part, bonus, 0.0, 0) == {}


def test_a_forecast_depends_only_on_the_seed_and_is_at_most_the_total_bonus() -> None:
    part = renewals_of({"ann": (20, 6), "bob": (20, 8), "cem": (20, 7)})
    young = part.assign(tested=False, lost=False, renewed=False)
    part = pd.concat([part, young], ignore_index=True)
    part = part.assign(
        alive=~part["tested"], gone=False, to_come=np.where(part["tested"], 0.0, 0.5)
    )
    bonus = Bonus(top=2, amount=Decimal(500), min_deals=10)
    first, again, other = (forecast_bonus(part, part, bonus, 0.5, seed) for seed in (1, 1, 2))

    assert first == again != other
    assert sum(first.values()) <= 2 * 500 + 1e-6
    assert all(0 < amount <= 500 + 1e-6 for amount in first.values())
    assert first["ann"] > first["bob"]
