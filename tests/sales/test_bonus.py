"""A bonus goes to whose customers stay most; it adds up, ties share, and the young are pending."""

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
from fitmodel.sales._renewals import read_terms
from fitmodel.sales.bonus import DRAWS, _to_the_end, pay_bonus, pay_ranks, standings
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
def test_the_places_pay_what_they_are_worth_to_the_cent_and_in_order(rates, top, amount):
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


def test_reps_that_tie_share_the_places_they_hold():
    paid = pay_ranks({"a": 0.9, "b": 0.8, "c": 0.8, "d": 0.7}, 2, Decimal(100))

    assert paid == {"a": Decimal(100), "b": Decimal(50), "c": Decimal(50)}


def test_the_score_is_what_a_person_counts(simulation):
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


def test_the_places_go_to_the_highest_scores_above_what_such_customers_do(simulation):
    bonus = BONUS.model_copy(update={"period": "all"})
    deals, spec, p = simulation.deals, simulation.spec, simulation.true_probability
    paid = pay_bonus(deals, spec, bonus, p).set_index("rep")
    holders = paid.index[paid["bonus_pending"] > 0]

    assert len(holders) >= 1
    assert (paid.loc[holders, "renewed"] > paid.loc[holders, "expected_renewals"]).all()
    others = paid.drop(holders)["score"].dropna().round(2)
    top = paid.loc[holders, "score"].round(2).min()
    assert (others < top).all()


def test_few_tested_customers_take_no_part_and_young_periods_are_pending(simulation):
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


def test_deals_still_to_come_can_bring_a_bonus_to_who_has_too_few_now(simulation):
    # on 31 March nobody has 20 tested customers of the year; somebody will have
    table, spec = extract_as_of(simulation.deals, simulation.spec, "2026-03-31")
    paid = pay_bonus(table, spec, BONUS, simulation.true_probability.loc[table.index])
    now = paid[paid["period"] == "2026"]

    assert (now["outcome"] == "too_few").all()
    assert now["bonus_expected"].sum() > 0


def yearly_contracts(seed=3, deals=1200):
    """Four of twelve reps sell yearly contracts, and lose 80 % of them at the renewal."""
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
def test_reps_whose_contracts_cannot_end_yet_do_not_win_by_it(term):
    table, spec, p = yearly_contracts()
    bonus = BONUS.model_copy(update={"term": term})
    paid = pay_bonus(table, spec, bonus, p, earned_after_months=5)
    theirs = paid["rep"].isin(["R00", "R01", "R02", "R03"])
    money = paid["bonus"] + paid["bonus_pending"]

    assert money[theirs].sum() == 0
    assert money[~theirs].sum() > 0
    lost = paid[theirs & (paid["period"] == "2024")]
    assert (lost["renewed"] / lost["tested"]).max() < 0.45


def test_where_nobody_has_the_evidence_nobody_is_paid():
    table, spec, p = yearly_contracts(deals=100)
    paid = pay_bonus(table, spec, BONUS, p)

    decided = paid["period"] != "2026"
    assert (paid.loc[decided, "outcome"] == "too_few").all()
    assert paid["bonus"].sum() == 0


def test_a_term_that_cannot_be_read_is_refused_with_its_row():
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
    assert ledger.total["deals"] == len(ledger.deals)  # a bonus is no deal


def test_a_yearly_bonus_needs_dates(simulation):
    deals = pd.DataFrame({"tenure": [3.0, 9.0], "churn": [1, 0], "rep": "Kim", "amount": 10.0})
    roles = {"tenure_months": "tenure", "churned": "churn", "rep": "rep", "amount": "amount"}
    spec = type(simulation.spec)(deals=roles)
    with pytest.raises(DealsError, match=r'needs closing dates.*period = "all"'):
        pay(deals, spec, Plan(commission_rate=Decimal("0.1"), bonus=BONUS))


def renewals_of(counts: dict[str, tuple[int, int]]) -> pd.DataFrame:
    """Tested deals of reps: so many, of which so many were lost, each with a loss of 0.5."""
    rows = [
        {"rep": rep, "tested": True, "renewed": number >= lost, "lost": number < lost, "loss": 0.5}
        for rep, (deals, lost) in counts.items()
        for number in range(deals)
    ]
    return pd.DataFrame(rows)


def test_a_rep_with_exactly_the_least_number_of_deals_takes_part_and_one_fewer_does_not() -> None:
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


def test_the_score_is_renewed_over_the_renewals_that_such_customers_give() -> None:
    table = standings(renewals_of({"ann": (10, 2), "bob": (10, 6)}), 1)

    assert list(table["expected_renewals"]) == pytest.approx([6.0, 6.0])
    assert list(table["score"]) == pytest.approx([8 / 6, 4 / 6])
    assert list(table["renewal_rate"]) == pytest.approx([0.8, 0.4])


def test_over_all_of_history_the_best_come_first_and_the_month_is_the_last_one_signed_in(
    simulation,
) -> None:
    bonus = BONUS.model_copy(update={"period": "all"})
    deals, spec, p = simulation.deals, simulation.spec, simulation.true_probability
    paid = pay_bonus(deals, spec, bonus, p)

    assert set(paid["month"]) == {f"{deals['closed_on'].max():%Y-%m}"}
    scores = paid["score"].fillna(-1.0).tolist()
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) > 1
    nobody = pay_bonus(deals, spec, bonus.model_copy(update={"least_deals": 10**6}), p)
    assert nobody["score"].isna().all()
    assert nobody["rep"].tolist() == sorted(nobody["rep"])


def test_at_the_end_of_a_period_all_are_counted_who_are_tested_alive_or_gone() -> None:
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
    tested, lost, expected = _to_the_end(own, np.ones(DRAWS), 0.0, random)

    assert set(tested) == {9.0}
    assert set(lost) == {4}  # one of the tested, the one that leaves, the two that are gone
    assert expected == pytest.approx(np.full(DRAWS, 9 * (1 - np.exp(-0.5))))
