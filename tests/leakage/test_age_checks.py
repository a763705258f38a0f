"""A field that is filled in after signing is noticed by the age of the deals."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.leakage.audit import LeakageReport, audit

END = np.datetime64("2026-06-30")
SPEC = DealSpec(deals={"closed_on": "closed", "churned_on": "left", "observed_until": str(END)})
KIND = "empty when young"


def company(seed: int, rows: int = 1500) -> pd.DataFrame:
    """Customers of three years; `stayed` is the number of days until leaving or the extract."""
    rng = np.random.default_rng(seed)
    closed = END - rng.integers(1, 1080, rows)
    left = closed + rng.exponential(600, rows).astype(int) + 7
    days = (np.minimum(left, END) - closed).astype(int)
    gone = pd.Series(left).where(left <= END)
    return pd.DataFrame(
        {"closed": closed, "left": gone, "seats": rng.integers(1, 9, rows), "stayed": days}
    )


def filled_after(deals: pd.DataFrame, days: int, seed: int, *, share: float = 0.85) -> np.ndarray:
    """Return a field filled in some days after signing, if the customer is still there."""
    rng = np.random.default_rng(seed)
    there = deals["stayed"].to_numpy() > days * rng.uniform(0.5, 1.5, len(deals))
    return np.where(there & (rng.random(len(deals)) < share), "API", None)


def audited(deals: pd.DataFrame, field: np.ndarray) -> LeakageReport:
    return audit(deals.drop(columns="stayed").assign(field=field), SPEC)


def verdict(report: LeakageReport) -> str | None:
    """Return the verdict of this check on `field`, or None if it found nothing."""
    found = [each for each in report.findings if (each.attribute, each.kind) == ("field", KIND)]
    return found[0].verdict if found else None


@pytest.mark.parametrize("seed", range(6))
def test_a_field_of_onboarding_is_stopped(seed: int) -> None:
    deals = company(seed)

    assert verdict(audited(deals, filled_after(deals, 40, seed))) == "stop"


def test_the_evidence_has_both_shares_and_the_days() -> None:
    deals = company(3)
    field = filled_after(deals, 40, 3)
    (finding,) = [each for each in audited(deals, field).findings if each.kind == KIND]
    limit = int(re.search(r"in the last (\d+) days", finding.evidence)[1])
    days = (END - deals["closed"].to_numpy().astype("datetime64[D]")).astype(int)
    young, older = days <= limit, (days > limit) & (days <= limit + 365)

    assert finding.evidence.startswith(
        f"it is empty in {pd.isna(field[young]).mean():.0%} of the deals signed in the last {limit}"
        f" days, and in {pd.isna(field[older]).mean():.0%} of those signed in the year before"
    )
    assert finding.remedy == 'add "field" to [attributes] exclude'


@pytest.mark.parametrize("seed", range(3))
def test_a_field_that_is_no_longer_filled_in_gives_a_warning(seed: int) -> None:
    """It says nothing about who leaves, but no prospect will have it."""
    deals = company(seed)
    recent = deals["closed"] > pd.Timestamp("2026-04-15")
    filled = np.random.default_rng(seed).random(len(deals)) < 0.8

    assert verdict(audited(deals, np.where(filled & ~recent, "x", None))) == "warn"


@pytest.mark.parametrize("seed", range(40))
def test_a_field_known_before_signing_is_not_suspected(seed: int) -> None:
    """Its empty cells may grow or shrink over the years, or in a season."""
    deals, rng = company(seed, 600), np.random.default_rng(seed)
    years = (END - deals["closed"].to_numpy().astype("datetime64[D]")).astype(int) / 365
    share = (0.3, 0.2 + 0.2 * years, 0.8 - 0.2 * years, 0.5 + 0.15 * np.sin(6.3 * years))[seed % 4]

    assert verdict(audited(deals, np.where(rng.random(600) < share, None, "x"))) is None


@pytest.mark.parametrize("seed", range(3))
def test_a_number_that_is_0_until_onboarding_gives_a_warning(seed: int) -> None:
    deals = company(seed)
    connected = np.where(filled_after(deals, 40, seed) == "API", deals["seats"], 0)

    assert verdict(audited(deals, connected)) == "warn"


@pytest.mark.parametrize("seed", range(10))
def test_a_discount_that_is_no_longer_given_is_not_suspected(seed: int) -> None:
    deals, rng = company(seed), np.random.default_rng(seed)
    given = (rng.random(len(deals)) < 0.6) & (deals["closed"] < "2026-04-15").to_numpy()

    assert verdict(audited(deals, np.where(given, rng.integers(1, 40, len(deals)), 0))) is None


def test_a_field_introduced_lately_is_not_suspected() -> None:
    deals = company(1)

    assert verdict(audited(deals, np.where(deals["closed"] > "2026-04-15", "x", None))) is None


@pytest.mark.parametrize("seed", range(5))
def test_simulated_companies_have_no_such_field(seed: int) -> None:
    sim = simulate_deals(1200, seed=seed)

    assert all(each.kind != KIND for each in audit(sim.deals, sim.spec).findings)


def priced(
    seed: int, *, growth: float = 0.0, rise: float = 0.0, noise: float = 0.0
) -> pd.DataFrame:
    """Deals whose seats follow the amount at signing, and change as time passes."""
    deals, rng = company(seed).drop(columns="stayed"), np.random.default_rng(seed)
    years = (END - deals["closed"].to_numpy().astype("datetime64[D]")).astype(int) / 365
    seats = np.ceil(rng.lognormal(3, 1, len(deals)))
    price = 300 * np.exp(-rise * years + noise * rng.normal(size=len(deals)))
    factor = np.exp(growth * years * rng.normal(size=len(deals)))
    return deals.assign(amount=seats * price, seats=np.maximum(1, np.round(seats * factor)))


def diverging(deals: pd.DataFrame) -> list[str]:
    spec = SPEC.replace(deals={**SPEC.deals.model_dump(exclude_none=True), "amount": "amount"})
    findings = audit(deals, spec).findings
    return [each.attribute for each in findings if each.kind == "diverges from amount"]


@pytest.mark.parametrize("seed", range(5))
def test_seats_that_are_overwritten_after_signing_give_a_warning(seed: int) -> None:
    assert diverging(priced(seed, growth=0.6)) == ["seats"]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("rise", "noise"), [(0.0, 0.0), (0.3, 0.0), (0.0, 0.3), (0.2, 0.05)])
def test_seats_as_of_signing_do_not_whatever_the_prices(
    seed: int, rise: float, noise: float
) -> None:
    assert diverging(priced(seed, rise=rise, noise=noise)) == []


@pytest.mark.parametrize("seed", range(5))
def test_in_simulated_companies_nothing_diverges_from_the_amount(seed: int) -> None:
    sim = simulate_deals(1200, seed=seed)

    assert all(each.kind != "diverges from amount" for each in audit(sim.deals, sim.spec).findings)
