"""Planted leaks are stopped; attributes known at signing are never stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.datasets.telco import load_telco
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import read_deals
from fitmodel.exceptions import DealsError
from fitmodel.leakage.audit import LeakageReport, audit

END = np.datetime64("2026-06-30")
DATES = DealSpec(
    deals={"closed_on": "closed", "churned_on": "churned", "observed_until": str(END)}
    | {"amount": "amount", "rep": "rep", "id": "deal"}
)
TENURE = DealSpec(deals={"tenure_months": "months", "churned": "left"})


def _company(seed: int, n: int = 2000, *, risk: float = 0.6) -> pd.DataFrame:
    """Three years of deals: contract terms, changed prices and plans, drift."""
    random = np.random.default_rng(seed)
    closed = END - random.integers(1, 1080, n)
    age = (END - closed).astype(int) / 1080
    term = random.choice([1, 3, 6, 12, 18, 24, 36], n, p=[0.4, 0.1, 0.1, 0.2, 0.05, 0.1, 0.05])
    strength, source = random.normal(size=n), random.integers(0, 40, n)
    hazard = 0.05 * np.exp(strength + risk * random.normal(size=40)[source] + 0.8 * (0.5 - age))
    stays = np.ceil(random.exponential(1 / hazard) / term) * term - random.random(n)
    left_on = closed + np.maximum(stays * 30.4, 1).astype(int)
    return pd.DataFrame({
        "deal": [f"D-{number:05d}" for number in range(n)],
        "closed": closed,
        "churned": pd.Series(left_on).where(left_on <= END),
        "rep": random.choice(list("abcdef"), n),
        "amount": np.exp(random.normal(8, 1, n)),
        "strength": strength,
        "source": [f"source {level}" for level in source],
        "term": term,
        "contract_end": closed + term * 30,
        "min_term": np.where(term > 1, term, np.nan),
        "year": 2026 - np.floor(3 * age),
        "quarter": pd.Series(closed).dt.to_period("Q").astype(str),
        "plan": np.where(age < 0.1, "new", np.where(age > 0.8, "legacy", "standard")),
        "price": 100 + 50 * (1 - age) + random.normal(size=n),
        "kickoff": closed + random.integers(0, 21, n),
        "founded": closed - random.integers(100, 9000, n),
        "landing_page": random.choice([f"page {page}" for page in range(130)], n),
        "coupon": np.where(random.random(n) < 0.03, "X", None),
        "seats": np.ceil(random.exponential(9, n)),
    })  # fmt: skip


def _gone(deals: pd.DataFrame) -> np.ndarray:
    return deals["churned"].notna().to_numpy()


def _days(deals: pd.DataFrame) -> np.ndarray:
    """Days observed: until leaving or until the end of the extract."""
    return (deals["churned"].fillna(pd.Timestamp(END)) - deals["closed"]).dt.days.to_numpy()


def _where(condition: np.ndarray, values: np.ndarray | str | float) -> np.ndarray:
    return np.where(condition, values, None)


LEAKS = {
    "months until leaving": lambda d, _: np.where(_gone(d), _days(d) / 30.4, np.nan),
    "reason of half of those who left": lambda d, r: _where(
        _gone(d) & (r.random(len(d)) < 0.5), r.choice(list("abc"), len(d))
    ),
    "state of the account": lambda d, _: np.where(_gone(d), "closed", "open"),
    "state with slips": lambda d, r: np.where(_gone(d) & (r.random(len(d)) < 0.995), "c", "o"),
    "money given back": lambda d, r: np.where(
        _gone(d) & (r.random(len(d)) < 0.5), r.exponential(100, len(d)), 0.0
    ),
    "sum so far": lambda d, r: d["amount"] / 365 * _days(d) * r.uniform(0.97, 1, len(d)),
    "count of bills": lambda d, _: np.ceil(_days(d) / 30.4),
    "day last seen": lambda d, r: d["closed"] + pd.to_timedelta(
        _days(d) * r.uniform(0.8, 1, len(d)), "D"
    ),
    "mark given after half a year": lambda d, r: np.where(
        (_days(d) > 152) & (r.random(len(d)) < 0.9), r.integers(1, 11, len(d)), np.nan
    ),
}  # fmt: skip


def _verdicts(report: LeakageReport, attribute: str) -> dict[str, str]:
    """Kind to verdict of one attribute's findings."""
    return {f.kind: f.verdict for f in report.findings if f.attribute == attribute}


@pytest.mark.slow
@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_leak_is_stopped_whatever_its_name(leak, seed):
    deals = _company(seed)
    deals["something"] = LEAKS[leak](deals, np.random.default_rng(seed))
    assert audit(deals, DATES).stopped == ("something",)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "seeds"), [(300, 6), (1000, 6), (6000, 2)])
def test_strong_or_drifting_attributes_known_at_signing_are_not_stopped(n, seeds):
    for seed in range(seeds):
        assert audit(_company(seed, n, risk=1.5), DATES).stopped == ()


@pytest.mark.slow
@pytest.mark.parametrize(("n", "seeds"), [(300, 6), (3000, 3)])
def test_attributes_known_at_signing_are_not_stopped_with_a_tenure_instead_of_dates(n, seeds):
    for seed in range(seeds):
        deals = _company(seed, n)
        deals = deals.assign(months=_days(deals) / 30.4, left=_gone(deals))
        dates = ["closed", "churned", "contract_end", "kickoff", "founded", "deal"]
        assert audit(deals.drop(columns=dates), TENURE).stopped == ()


@pytest.mark.slow
@pytest.mark.parametrize("early", [0.05, 0.3, 0.7])
def test_noise_is_never_stopped_on_few_deals(early):
    for seed in range(20):
        random = np.random.default_rng(seed)
        table = pd.DataFrame({"months": random.integers(0, 24, 300)})
        table["left"] = (table["months"] <= 5) & (random.random(300) < early * 4)
        for number in range(10):
            table[f"number_{number}"] = random.normal(size=300)
            table[f"level_{number}"] = random.choice(list("abcdef"), 300)
            table.loc[random.random(300) < 0.05 * number, [f"number_{number}"]] = np.nan
        assert audit(table, TENURE).stopped == ()


@pytest.mark.parametrize(("seed", "drift", "n"), [(1, 0.0, 4000), (2, 2.0, 4000), (3, 0.0, 800)])
def test_every_leak_of_the_simulation_is_stopped_and_nothing_else(seed, drift, n):
    sim = simulate_deals(n, seed=seed, drift=drift, leaks=True)
    assert set(audit(sim.deals, sim.spec).stopped) == set(sim.leaks)


@pytest.mark.slow
@pytest.mark.parametrize("signal", [0.0, 1.0, 3.0])
def test_in_a_simulation_without_leaks_nothing_is_stopped(signal):
    for seed in range(3):
        sim = simulate_deals(3000, seed=seed, signal=signal, n_attributes=24, drift=1.0)
        assert audit(sim.deals, sim.spec).stopped == ()


@pytest.mark.slow
def test_in_the_telco_data_only_the_leaks_are_stopped():
    deals, spec = load_telco()
    table = deals.assign(months_again=deals[spec.deals.tenure_months])
    report = audit(read_deals(table, spec), spec.replace(attributes={"exclude": ()}))
    assert set(report.stopped) == {"total_charges", "months_again"}
    assert _verdicts(report, "contract") == {"none": "fine"}


@pytest.mark.parametrize("horizon", [6, 12, 24])
def test_in_the_policy_data_the_three_leaks_are_stopped(shared_data: Path, horizon):
    roles = {"id": "policy_id", "closed_on": "close_date", "churned_on": "churn_date"}
    spec = DealSpec(
        deals={**roles, "observed_until": "observed_until"}, label={"horizon_months": horizon}
    )
    deals = read_deals(shared_data / "us_lapse" / "deals.csv", spec)
    assert set(audit(deals, spec).stopped) == {"termination.cause", "duration", "exit_date"}


def test_in_the_small_firm_data_one_leak_is_stopped_and_the_others_give_warnings(shared_data: Path):
    spec = DealSpec(
        deals={"tenure_months": "months_active", "churned": "churned"}, label={"horizon_months": 3}
    )
    report = audit(read_deals(shared_data / "saas_sme" / "deals.csv", spec), spec)
    assert report.stopped == ("csat_score",)
    assert {f.attribute for f in report.findings if f.verdict == "warn"} == {
        "articles_viewed", "smartphone_notifications_viewed", "marketing_emails_clicked",
        "social_media_ads_viewed", "minutes_customer_support",
    }  # fmt: skip


def _with(seed: int = 0, n: int = 2000, **columns) -> LeakageReport:
    deals = _company(seed, n)
    made = {name: column(deals) if callable(column) else column for name, column in columns.items()}
    return audit(deals.assign(**made), DATES)


def test_a_suspicious_name_alone_gives_only_a_warning():
    noise = np.random.default_rng(0).normal(size=2000)
    report = _with(csat_90d=noise, emails_clicked=noise, trial_usage=noise)
    assert _verdicts(report, "csat_90d") == {"name": "warn"}
    assert _verdicts(report, "emails_clicked") == {"name": "warn"}
    assert _verdicts(report, "trial_usage") == {"none": "fine"}


def test_a_suspicious_name_is_stopped_if_the_statistics_agree():
    def mark(deals: pd.DataFrame) -> np.ndarray:
        return np.random.default_rng(0).normal(size=len(deals)) - 1.2 * (_days(deals) < 152)

    report = _with(score=mark, csat=mark)
    assert report.stopped == ("csat",)
    assert _verdicts(report, "csat") == {"decides the outcome": "stop"}
    assert _verdicts(report, "score") == {"none": "fine"}


def test_a_very_strong_attribute_gives_a_warning():
    def strong(deals: pd.DataFrame) -> np.ndarray:
        return np.random.default_rng(0).normal(size=len(deals)) + 2.2 * (_days(deals) < 152)

    assert _verdicts(_with(score=strong, n=4000), "score") == {"very strong": "warn"}


def test_dates_after_closing_agreed_at_signing_give_a_warning():
    report = _with()
    assert _verdicts(report, "contract_end") == {"after closing": "warn"}
    assert _verdicts(report, "kickoff") == {"after closing": "warn"}
    assert _verdicts(report, "founded") == {"none": "fine"}
    planned = next(f for f in report.findings if f.attribute == "contract_end")
    assert "after the end of the extract: probably planned" in planned.evidence


def test_a_few_late_dates_are_accepted_as_typing_errors():
    def contact(deals: pd.DataFrame) -> pd.Series:
        return deals["closed"] - pd.to_timedelta(np.where(np.arange(len(deals)) < 10, -3, 30), "D")

    assert _verdicts(_with(contact=contact), "contact") == {"none": "fine"}


def test_a_minimum_term_filled_only_for_long_contracts_gives_a_warning():
    report = _with(n=4000, least=lambda d: d["term"].where(d["term"] >= 12))
    result = [f for f in report.findings if f.attribute == "least" and f.kind == "filled in later"]
    assert {f.verdict for f in result} == {"warn"}
    assert any("where it is filled in left early" in f.evidence for f in result)


def test_a_column_filled_for_a_few_churners_gives_a_warning():
    def reason(deals: pd.DataFrame) -> np.ndarray:
        first = np.cumsum(_gone(deals)) <= 40
        return _where(_gone(deals) & first, "price")

    assert _verdicts(_with(remark=reason), "remark") == {"filled in later": "warn"}


def test_a_column_that_varies_only_among_current_customers_gives_a_warning():
    def extra(deals: pd.DataFrame) -> np.ndarray:
        return np.where(~_gone(deals) & (np.arange(len(deals)) % 3 == 0), "yes", "no")

    assert _verdicts(_with(extra=extra), "extra")["varies one way"] == "warn"


@pytest.mark.slow
def test_a_new_value_of_young_deals_is_not_suspected():
    # only churners among recent deals have a label: any new value seems to be all churn
    def promotion(deals: pd.DataFrame) -> np.ndarray:
        return np.where(deals["closed"] > pd.Timestamp("2026-03-01"), "spring", "none")

    for seed in range(5):
        assert _verdicts(_with(seed, promotion=promotion), "promotion") == {"none": "fine"}


def test_identifiers_give_a_warning():
    report = _with(
        account=lambda d: d["deal"].str.replace("D-", "ACC/"),
        company=lambda d: "company of " + d["deal"],
        nr=np.arange(2000)[::-1],
        domain=np.array(
            [f"{chr(97 + i % 26)}{i}x.example" for i in np.arange(2000) * 7919 % 99991]
        ),
        revenue=np.random.default_rng(0).normal(size=2000),
    )
    for name in ("account", "company", "nr", "domain"):
        assert _verdicts(report, name) == {"identifier": "warn"}
    assert _verdicts(report, "revenue") == {"none": "fine"}
    evidence = {f.attribute: f.evidence for f in report.findings}
    assert evidence["account"] == "it repeats the id 'deal'"
    assert evidence["nr"] == "it is a running number"
    assert evidence["domain"] == "nearly every deal has a different value"


def test_protected_characteristics_have_their_own_kind_of_warning():
    report = _with(gender=np.where(np.arange(2000) % 2, "f", "m"), company_age=np.arange(2000) % 7)
    assert _verdicts(report, "gender") == {"protected": "warn"}
    assert _verdicts(report, "company_age") == {"none": "fine"}


def test_the_rep_as_an_attribute_gives_a_warning():
    deals = _company(0)
    spec = DATES.replace(attributes={"include": ("rep", "seats")})
    assert _verdicts(audit(deals, spec), "rep") == {"seller": "warn"}
    assert _verdicts(_with(sales_rep=lambda d: d["rep"]), "sales_rep") == {"seller": "warn"}


def test_a_report_lists_stopped_attributes_first_with_their_remedy():
    report = _with(
        csat=lambda d: np.where(_gone(d), 1.0, 9.0), reason=lambda d: _where(_gone(d), "x")
    )
    frame = report.to_frame()
    assert list(frame) == ["attribute", "kind", "verdict", "evidence", "remedy"]
    verdicts = frame["verdict"].tolist()
    assert verdicts == sorted(verdicts, key=["stop", "warn", "fine"].index)
    assert report.stopped == ("csat", "reason")
    assert verdicts.count("stop") == 2
    assert frame["remedy"][0] == 'add "csat" to [attributes] exclude'
    assert set(frame["attribute"]) == set(DATES.attribute_names(_company(0))) | {"csat", "reason"}


@pytest.mark.parametrize(("n", "left"), [(0, 0), (1, 0), (1, 1), (5, 5), (60, 0), (60, 60)])
def test_in_a_table_without_evidence_nothing_is_stopped(n, left):
    deals = _company(0, 60).iloc[:n]
    gone = pd.Series(deals["closed"] + pd.Timedelta(days=1)).where(np.arange(n) < left)
    deals = deals.assign(churned=gone, nothing=None, same="same")
    assert audit(deals, DATES).stopped == ()


@pytest.mark.slow
def test_in_a_sample_of_many_deals_the_leak_is_found():
    deals = _company(0, 60_000)
    deals["something"] = LEAKS["reason of half of those who left"](deals, np.random.default_rng(0))
    assert audit(deals, DATES).stopped == ("something",)


def test_date_attributes_without_a_closing_date_are_refused():
    table = pd.DataFrame({"months": [9.0], "left": [False], "first_contact": ["2024-01-01"]})
    with pytest.raises(DealsError, match=r"\['first_contact'\] are dates, but .* no closing date"):
        audit(table, TENURE)


def test_a_number_that_becomes_0_when_a_customer_leaves_is_a_leak():
    """Revenue or seats as they are today: 0 for most of those who have left."""

    def revenue(deals: pd.DataFrame) -> np.ndarray:
        rng = np.random.default_rng(0)
        return np.where(
            _gone(deals) & (rng.random(len(deals)) < 0.8), 0, rng.normal(50, 9, len(deals))
        )

    result = [f for f in _with(revenue=revenue).findings if f.attribute == "revenue"]
    stops = [f.evidence for f in result if f.kind == "varies one way" and f.verdict == "stop"]
    assert len(stops) == 1
    assert "deals where it is 0 have left" in stops[0]


def test_a_number_that_is_0_for_anybody_is_no_leak():
    def discount(deals: pd.DataFrame) -> np.ndarray:
        rng = np.random.default_rng(0)
        return np.where(rng.random(len(deals)) < 0.3, 0, rng.normal(50, 9, len(deals)))

    assert _verdicts(_with(discount=discount), "discount") == {"none": "fine"}
