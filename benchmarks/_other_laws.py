"""Companies whose law is neither fitmodel's nor that of `simulate_deals`, with known truth.

The width of the full model's interval was set over these and the laws of `known_truth.py` together;
nothing else in fitmodel was chosen on them. Nothing at all was chosen on the `FRESH_LAWS`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from scipy.special import ndtr

import fitmodel

END = pd.Timestamp("2026-06-30")
MONTHS, HORIZON, DAYS = 36, 5, 30.436875
ROLES = {"closed_on": "signed", "churned_on": "left", "observed_until": END.date()}
COUNTRIES = {f"country {number}": step for number, step in enumerate(np.linspace(-0.35, 0.35, 10))}


def spec() -> fitmodel.DealSpec:
    """Contract of these deals."""
    return fitmodel.DealSpec(deals=ROLES, label={"horizon_months": HORIZON})


def thresholds(rng: np.random.Generator, n: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Probit law with steps, two attributes that go together and a pair that acts together."""
    size = rng.normal(3.5, 1.2, n)
    deals = pd.DataFrame(
        {
            "employees": np.maximum(np.exp(size).round(), 1),
            "seats": np.maximum(np.exp(0.8 * size + rng.normal(0, 0.5, n)).round(), 1),
            "plan": rng.choice(("basic", "team", "company"), n, p=(0.5, 0.3, 0.2)),
            "country": rng.choice(list(COUNTRIES), n),
            "trial_use": rng.beta(2, 3, n).round(3),
            "years": rng.gamma(2, 4, n).round(1),
        }
    )
    many, basic = deals["seats"] > 25, deals["plan"] == "basic"
    score = (
        -0.55
        + 0.45 * (deals["employees"] < 15)
        + 0.25 * many
        - 1.1 * deals["trial_use"]
        + deals["plan"].map({"basic": 0.25, "team": 0.0, "company": -0.3})
        + deals["country"].map(COUNTRIES)
        + 0.35 * (many & basic)
    )
    return deals, ndtr(score.to_numpy(dtype=float))


def long_stays(rng: np.random.Generator, n: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Accelerated failure time: log-normal stays, effects that saturate, four idle attributes."""
    deals = pd.DataFrame(
        {
            "budget": np.exp(rng.normal(8, 1.4, n)).round(-1),
            "tickets": rng.poisson(3, n).astype(float),
            "owner": rng.choice(("founder", "it", "finance", "other"), n, p=(0.2, 0.4, 0.25, 0.15)),
            "migrated": rng.choice(("yes", "no"), n, p=(0.35, 0.65)),
        }
    )
    for number in range(4):
        deals[f"idle_{number}"] = rng.normal(0, 1, n).round(2)
    score = (
        -0.75
        - 0.6 * np.tanh((np.log(deals["budget"].to_numpy() + 1) - 8) / 1.2)
        + 0.8 * (1 - np.exp(-deals["tickets"] / 3))
        - 0.5
        + deals["owner"].map({"founder": -0.4, "it": 0.0, "finance": 0.35, "other": 0.5})
        + np.where(deals["migrated"] == "yes", -0.45, 0.2)
    )
    return deals, ndtr(np.asarray(score, dtype=float))


def tree(rng: np.random.Generator, n: int) -> tuple[pd.DataFrame, np.ndarray]:
    """A decision tree: hardly any of it is additive."""
    deals = pd.DataFrame(
        {
            "seats": np.maximum(np.exp(rng.normal(3, 1, n)).round(), 1),
            "source": rng.choice(("inbound", "outbound", "partner"), n),
            "discount": rng.choice((0.0, 10.0, 20.0, 30.0), n, p=(0.4, 0.3, 0.2, 0.1)),
            "pilot": rng.choice(("yes", "no"), n),
            "region": rng.choice(tuple("abcdef"), n),
        }
    )
    small, cold = deals["seats"] < 20, deals["source"] == "outbound"
    cheap, pilot = deals["discount"] >= 20, deals["pilot"] == "yes"
    truth = np.select(
        [small & cold & cheap, small & cold, small & pilot, small, pilot & ~cheap, cold],
        [0.62, 0.38, 0.14, 0.27, 0.06, 0.2],
        0.11,
    )
    return deals, truth


Draw = Callable[[np.random.Generator, int], tuple[pd.DataFrame, np.ndarray]]
OTHER_LAWS: dict[str, Draw] = {
    "thresholds, probit": thresholds,
    "log-normal stays": long_stays,
    "a tree": tree,
}

INDUSTRIES = tuple(f"industry {number}" for number in range(30))
INDUSTRY_STEPS = dict(zip(INDUSTRIES, np.sin(np.arange(30) * 2.4) * 0.6, strict=True))


def many_levels(
    rng: np.random.Generator, n: int, signs: tuple[int, ...] = (1, 1, 1, 1)
) -> tuple[pd.DataFrame, np.ndarray]:
    """Complementary log-log: thirty industries by Zipf's law, a risk that is least in the middle.

    `signs` turn the effects of industry, seats, contract and setup calls.
    """
    common = 1 / np.arange(1, 31)
    deals = pd.DataFrame(
        {
            "industry": rng.choice(INDUSTRIES, n, p=common / common.sum()),
            "seats": np.maximum(np.exp(rng.normal(3, 1.1, n)).round(), 1),
            "contract": rng.choice(("monthly", "yearly"), n, p=(0.6, 0.4)),
            "setup_calls": rng.poisson(2.0, n).astype(float),
            "idle_number": rng.normal(50, 12, n).round(1),
            "idle_level": rng.choice(tuple("pqrs"), n),
        }
    )
    parts = (
        deals["industry"].map(INDUSTRY_STEPS),
        0.35 * (np.log(deals["seats"]) - 3) ** 2 - 0.4,
        np.where(deals["contract"] == "monthly", 0.35, -0.5),
        -0.3 * (deals["setup_calls"] - 2),
    )
    score = -1.7 + sum(sign * np.asarray(part) for sign, part in zip(signs, parts, strict=True))
    return deals, -np.expm1(-np.exp(np.asarray(score, dtype=float)))


def few_causes(rng: np.random.Generator, n: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Cauchit law of two flags out of nine and of one number with a long tail."""
    flags = {f"asked_{number}": rng.choice(("yes", "no"), n) for number in range(9)}
    deals = pd.DataFrame(flags | {"users": np.maximum(rng.pareto(1.5, n) * 10, 1).round()})
    score = (
        -1.2
        + 0.9 * (deals["asked_2"] == "yes")
        - 0.7 * (deals["asked_6"] == "yes")
        + 0.5 * np.log1p(10 / deals["users"])
    )
    return deals, 0.5 + np.arctan(np.asarray(score, dtype=float)) / np.pi


FRESH_LAWS: dict[str, Draw] = {
    "many levels": many_levels,
    "few causes": few_causes,
    "half turned": partial(many_levels, signs=(-1, 1, -1, 1)),
    "all turned": partial(many_levels, signs=(-1, -1, -1, -1)),
}


def company(law: str, n: int, seed: int, growth: float = 0.0) -> tuple[pd.DataFrame, np.ndarray]:
    """Deals of a law with their true early-churn probability.

    Parameters
    ----------
    law : str
        One of `OTHER_LAWS` or `FRESH_LAWS`.
    n, seed : int
    growth : float
        By which the number of deals grows each month.
    """
    rng = np.random.default_rng(seed)
    attributes, truth = (OTHER_LAWS | FRESH_LAWS)[law](rng, n)
    share = rng.random(n)
    month = share * MONTHS
    if growth > 0:
        month = np.log1p(share * np.expm1(growth * MONTHS)) / growth
    early = rng.random(n) < truth
    # of those that leave early most do so in the middle months; later ones thin out
    stay = np.where(early, HORIZON * rng.beta(2.2, 1.8, n), HORIZON + rng.exponential(40, n))
    signed = END - pd.to_timedelta(((MONTHS - month) * DAYS).round(), unit="D")
    whole = (signed + pd.DateOffset(months=HORIZON) - signed).days.to_numpy()
    days = np.where(early, np.minimum(np.ceil(stay * DAYS), whole), np.ceil(stay * DAYS) + 3)
    left = signed + pd.to_timedelta(days, unit="D")
    return attributes.assign(signed=signed, left=pd.Series(left).where(left <= END)), truth
