"""Attributes of contracts longer than the horizon are not leaks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.leakage.audit import audit

END = np.datetime64("2026-06-30")
DATES = DealSpec(deals={"closed_on": "closed", "churned_on": "churned", "observed_until": str(END)})
TENURE = DealSpec(deals={"tenure_months": "months", "churned": "left"})


def _company(seed: int, n: int, annual: float) -> pd.DataFrame:
    """Monthly and yearly deals; a yearly customer cannot leave within the year."""
    random = np.random.default_rng(seed)
    closed = END - random.integers(1, 1080, n)
    term = np.where(random.random(n) < annual, 12, 1)
    strength = random.normal(size=n)
    hazard = 0.08 * np.exp(strength) * np.where(term == 1, 1.5, 0.5)
    stays = np.ceil(random.exponential(1 / hazard) / term) * term - random.random(n)
    left_on = closed + np.maximum(stays * 30.4, 1).astype(int)
    return pd.DataFrame({
        "closed": closed,
        "churned": pd.Series(left_on).where(left_on <= END),
        "strength": strength,
        "term": term,
        "plan": np.where(term == 1, "by the month", "by the year"),
        "contract_end": pd.Series(closed + term * 30).where(term > 1),
        "billing_day": np.where(term == 1, random.integers(1, 29, n), np.nan),
        "least_term": np.where(term > 1, term, np.nan),
    })  # fmt: skip


@pytest.mark.parametrize("annual", [0.6, 0.8, 0.95])
@pytest.mark.parametrize("n", [300, 4000])
def test_yearly_contracts_are_not_a_leak_for_any_share(annual, n):
    deals = _company(1, n, annual)
    assert audit(deals, DATES).stopped == ()
    days = (deals["churned"].fillna(pd.Timestamp(END)) - deals["closed"]).dt.days
    bare = deals.assign(months=days / 30.4, left=deals["churned"].notna())
    bare = bare.drop(columns=["closed", "churned", "contract_end"])
    assert audit(bare, TENURE).stopped == ()


def test_the_warning_says_that_it_is_probably_a_contract_term():
    findings = audit(_company(1, 4000, 0.95), DATES).findings
    (term,) = [f for f in findings if f.attribute == "term" and f.kind == "very strong"]
    assert term.verdict == "warn"
    assert "probably a contract term" in term.evidence


def test_a_column_filled_only_for_customers_who_stayed_is_a_leak():
    deals = _company(1, 4000, 0.6)
    days = (deals["churned"].fillna(pd.Timestamp(END)) - deals["closed"]).dt.days
    answered = (days > 155) & (np.random.default_rng(0).random(len(deals)) < 0.9)
    assert audit(deals.assign(mark=np.where(answered, 7.0, np.nan)), DATES).stopped == ("mark",)
