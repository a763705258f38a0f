"""Measure whom the sales report names, whether an overseller is seen, and who gets the bonus.

    python benchmarks/people.py --pages 60

A simulator of its own: expected probabilities are given, no model is trained, so that only the
rules of the sales report are measured. Companies have 12 reps of unequal volume, 36 months of
deals and about 15 % early churn within 5 months; the given probabilities are wrong by a random
factor each (standard deviation 20 %). Rules were chosen on other seeds (below 30,000).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel import DealSpec
from fitmodel.sales.bonus import pay_bonus
from fitmodel.sales.expected import compute_expected
from fitmodel.sales.plans import Bonus
from fitmodel.sales.rep_performance import compute_rep_performance
from fitmodel.sales.rep_tests import HISTORY_SHARE, PAGE_ERROR, exact_tails, name_reps

if TYPE_CHECKING:
    from collections.abc import Callable

    Ratios = Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]

MONTHS, HORIZON, REPS, FIRST_SEED = 36, 5, 12, 30_000
END = np.datetime64("2026-06-30")
ROLES = {
    "id": "deal", "closed_on": "closed_on", "churned_on": "churned_on", "rep": "rep",
    "observed_until": str(END),
}  # fmt: skip
SPEC = DealSpec(deals=ROLES, label={"horizon_months": HORIZON}, attributes={"include": ["kind"]})


@dataclass(frozen=True)
class Team:
    """Reps of a scenario: how much each sells, what is true of them, and who should be named."""

    name: str
    ratios: Ratios
    largest_share: float = 0.0
    guilty: bool = False


def alike(_random: np.random.Generator, rep: np.ndarray, _month: np.ndarray) -> np.ndarray:
    """Nobody differs."""
    return np.ones(len(rep))


def unrecorded(random: np.random.Generator, rep: np.ndarray, _month: np.ndarray) -> np.ndarray:
    """Everybody differs, in something that no column holds (standard deviation .35)."""
    return np.exp(random.normal(0, 0.35, REPS))[rep]


def oversells(times: float, first: float = 0, last: float = MONTHS) -> Ratios:
    """Return ratios where rep 0 oversells in deals signed between two months."""

    def ratios(_random: np.random.Generator, rep: np.ndarray, month: np.ndarray) -> np.ndarray:
        return np.where((rep == 0) & (month >= first) & (month < last), times, 1.0)

    return ratios


TEAMS = (
    Team("all alike", alike),
    Team("all differ, SD .35, unrecorded", unrecorded),
    Team("one sells 48 %, twice the churn", oversells(2.0), 0.48, guilty=True),
    Team("one sells 20 %, 2.5 times", oversells(2.5), 0.20, guilty=True),
    Team("  the same, last nine months only", oversells(2.5, MONTHS - 9), 0.20, guilty=True),
    Team("  the same, until 18 months ago", oversells(2.5, 0, MONTHS - 18), 0.20, guilty=True),
)


def simulate(team: Team, deals: int, seed: int) -> tuple[pd.DataFrame, pd.Series]:
    """Draw a company: its deals, and the expected probability of early churn of each."""
    random = np.random.default_rng(seed)
    share = np.exp(random.normal(0, 0.5, REPS))
    if team.largest_share:
        share[0] = share[1:].sum() * team.largest_share / (1 - team.largest_share)
    rep = random.choice(REPS, deals, p=share / share.sum())
    month = random.uniform(0, MONTHS, deals)
    kind = random.integers(0, 3, deals)
    expected = 1 / (1 + np.exp(-(-2.2 + 0.7 * (kind - 1) + random.normal(0, 0.5, deals))))
    hazard = -np.log1p(-expected) * team.ratios(random, rep, month)
    stayed = random.exponential(size=deals) / hazard * HORIZON
    later = HORIZON + random.exponential(60.0, deals)
    stayed = np.where(stayed <= HORIZON, stayed, later)
    given = np.clip(expected * np.exp(random.normal(0, 0.2, deals)), 0.001, 0.9)
    return dated(rep, month, stayed, kind), pd.Series(given)


def dated(rep: np.ndarray, month: np.ndarray, stayed: np.ndarray, kind: np.ndarray) -> pd.DataFrame:
    """Write a company as an export has it."""
    days = 365.25 / 12
    closed = END - np.round((MONTHS - month) * days).astype("timedelta64[D]")
    churned = closed + np.ceil(stayed * days).astype("timedelta64[D]")
    churned[churned > END] = np.datetime64("NaT")
    return pd.DataFrame(
        {
            "deal": np.arange(len(rep)),
            "rep": [f"R{number:02d}" for number in rep],
            "closed_on": closed.astype("datetime64[us]"),
            "churned_on": churned.astype("datetime64[us]"),
            "kind": np.array(["a", "b", "c"])[kind],
        }
    )


def exact_holm(observed: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Who an exact test with Holm's correction names, with no allowance for anything."""
    p = np.minimum(1, 2 * np.minimum(*exact_tails(observed, expected)))
    order = np.argsort(p)
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    named = np.empty(len(p), dtype=bool)
    named[order] = steps <= 0.05
    return named


def naming(team: Team, deals: int, pages: int) -> dict[str, object]:
    """Share of pages that name an innocent rep, and the guilty one, by rule."""
    counts: dict[str, list[bool]] = {}
    for page in range(pages):
        table, probability = simulate(team, deals, FIRST_SEED + page)
        reps = compute_rep_performance(table, SPEC, probability).reps
        first = reps.index == "R00"
        innocent = ~first if team.guilty else np.ones(len(reps), dtype=bool)
        named = reps["verdict"].isin(["more", "fewer"]) | reps["recent_verdict"].isin(
            ["more", "fewer"]
        )
        old = (reps["ratio_low"] > 1) | (reps["ratio_high"] < 1)
        exact = exact_holm(reps["observed"].to_numpy(), reps["expected"].to_numpy())
        row = {
            "innocent named: 95 % intervals": (old & innocent).any(),
            "innocent: exact + Holm": (exact & innocent).any(),
            "innocent: fitmodel": (named & innocent).any(),
            "innocent: selection": reps["selects"].isin(["riskier", "safer"]).any(),
            "R00: exact + Holm": (exact & first).any(),
            "R00: fitmodel, all history": (reps["verdict"].eq("more") & first).any(),
            "R00: fitmodel, beyond chance": (reps["beyond_chance"].eq("more") & first).any(),
            "R00: fitmodel, this week": (reps["talk_about"] & first).any(),
        }
        for name, value in row.items():
            counts.setdefault(name, []).append(bool(value))
    return {"deals": deals, "reps": team.name} | {k: np.mean(v) for k, v in counts.items()}


def yearly(recorded: bool, seed: int) -> tuple[pd.DataFrame, pd.Series, DealSpec]:
    """Draw a company where reps 0 to 3 sell yearly contracts and lose 80 % at the renewal."""
    table, probability = simulate(TEAMS[0], 1500, seed)
    random = np.random.default_rng(seed)
    bound = table["rep"].isin(["R00", "R01", "R02", "R03"]).to_numpy()
    renewal = 12 + random.uniform(0, 0.9, len(table))
    stays = np.where(random.random(len(table)) < 0.8, renewal, 60.0)
    closed = table["closed_on"].to_numpy().astype("datetime64[D]")
    leaves = closed + np.ceil(stays * 365.25 / 12).astype("timedelta64[D]")
    leaves[leaves > END] = np.datetime64("NaT")
    table["churned_on"] = table["churned_on"].where(~bound, leaves.astype("datetime64[us]"))
    table["contract"] = np.where(bound, "annual", "monthly")
    names = ["kind", "contract"] if recorded else ["kind"]
    spec = SPEC.replace(attributes={"include": names})
    return table, probability.where(~bound | (not recorded), 0.005), spec


def bonuses(recorded: bool, companies: int) -> dict[str, object]:
    """Share of the bonus that goes to the reps who lose 80 % of their customers at the renewal."""
    bonus = Bonus(top=3, amount=Decimal(1000))
    theirs = decided = below = winners = 0.0
    for company in range(companies):
        table, probability, spec = yearly(recorded, FIRST_SEED + company)
        paid = pay_bonus(table, spec, bonus, probability)
        money = paid["bonus"].astype(float) + paid["bonus_pending"].astype(float)
        theirs += float(money[paid["rep"].isin(["R00", "R01", "R02", "R03"])].sum())
        decided += float(money.sum())
        won = paid[money > 0]
        winners += len(won)
        below += float((won["renewed"] < won["expected_renewals"]).sum())
    return {
        "contract term": "a column" if recorded else "not recorded",
        "share of the bonus to the four": theirs / max(decided, 1),
        "winners below what such customers do": below / max(winners, 1),
    }


def likely(companies: int) -> pd.DataFrame:
    """How often a bonus called likely in the middle of a year is won when the year is decided."""
    bonus, rows = Bonus(top=3, amount=Decimal(1000)), []
    for company in range(companies):
        table, probability = simulate(TEAMS[1], 2000, FIRST_SEED + company)
        then = SPEC.replace(deals={"observed_until": "2025-09-30"})
        past = table[table["closed_on"] <= "2025-09-30"].copy()
        past["churned_on"] = past["churned_on"].where(past["churned_on"] <= "2025-09-30")
        said = pay_bonus(past, then, bonus, probability[past.index])
        came = pay_bonus(table, SPEC, bonus, probability)
        said, came = (t[t["period"] == "2025"].set_index("rep") for t in (said, came))
        chance = said["bonus_expected"] / float(bonus.amount)
        won = (came["bonus"].astype(float) > 0).reindex(chance.index, fill_value=False)
        rows.append(pd.DataFrame({"said": chance, "won": won}))
    result = pd.concat(rows)
    bands = pd.cut(result["said"], [-0.01, 0.1, 0.3, 0.6, 0.85, 1.0])
    return result.groupby(bands, observed=True).agg(
        reps=("won", "size"), said=("said", "mean"), won=("won", "mean")
    )


def trained(companies: int, deals: int) -> pd.DataFrame:
    """Train the models that expected numbers come from, and count who is named beside the truth."""
    teams = {
        "all alike": (TEAMS[0], False, 1.0),
        "one sells 48 %, twice the churn": (TEAMS[2], False, 1.0),
        "one sells 20 %, 2.5 times, in a territory of his own": (TEAMS[3], True, 1.0),
        "nobody oversells; R00 alone sells a territory with 2.5 times": (TEAMS[0], True, 2.5),
        "nobody oversells; R00 alone sells an ordinary territory": (TEAMS[0], True, 1.0),
    }
    rows = {
        name: _trained(team, companies, deals, own=own, risky=risky)
        for name, (team, own, risky) in teams.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _trained(
    team: Team, companies: int, deals: int, *, own: bool, risky: float
) -> dict[str, float]:
    """Share of companies in which R00 is named plainly, or with what he alone sells; and others."""
    found: list[tuple[bool, ...]] = []
    for company in range(companies):
        table, _ = simulate(team, deals, FIRST_SEED + company)
        table, spec = with_territories(table, FIRST_SEED + company, own=own, risky=risky)
        expected = compute_expected(table, spec)
        reps = compute_rep_performance(
            table, spec, expected.probability, over_reps=expected.over["rep"]
        ).reps
        verdict = reps["verdict"]
        found.append(
            (
                verdict["R00"] == "more",
                verdict["R00"] == "inseparable_more",
                bool(verdict.drop("R00").isin(["more", "fewer"]).any()),
                bool(reps["selects"].isin(["riskier", "safer"]).any()),
            )
        )
    shares = np.mean(np.array(found, dtype=float), axis=0)
    names = ("R00 named", "R00 or territory", "innocent named", "selection named")
    return dict(zip(names, shares.tolist(), strict=True))


def with_territories(
    table: pd.DataFrame, seed: int, *, own: bool, risky: float
) -> tuple[pd.DataFrame, DealSpec]:
    """Add territories: of everybody, or one that R00 alone sells, with `risky` times the churn."""
    random = np.random.default_rng([seed, 7])
    territory = np.array(["north", "south", "east"])[random.integers(0, 3, len(table))]
    first = (table["rep"] == "R00").to_numpy()
    if own:
        territory = np.where(first, "retail", territory)
    stayed = (table["churned_on"] - table["closed_on"]).dt.days.to_numpy() / (365.25 / 12)
    early = first & (stayed <= HORIZON)
    # as many again leave early as the ratio asks for
    share = (risky - 1) * early.sum() / max(int((first & ~early).sum()), 1)
    more = first & ~(stayed <= HORIZON) & (random.random(len(table)) < share)
    days = np.ceil(random.uniform(0, HORIZON, len(table)) * 365.25 / 12).astype(int)
    leaves = table["closed_on"] + pd.to_timedelta(days, unit="D")
    leaves = leaves.where(leaves <= pd.Timestamp(END))
    churned = table["churned_on"].where(~more, leaves)
    spec = SPEC.replace(attributes={"include": ["kind", "territory"]})
    return table.assign(territory=territory, churned_on=churned), spec


def counted(pages: int) -> pd.DataFrame:
    """Share of pages that name R00, and others, on all of history: counts are drawn, no deals."""
    big = np.r_[0.48, np.full(REPS - 1, 0.52 / (REPS - 1))] * 138
    many = np.random.default_rng(5).lognormal(2.5, 0.5, 30)
    teams = {
        "12 reps, one sells 48 %, twice the churn": (big, 2.0, 0.0),
        "12 reps, SD .35": (big[1:].mean() * np.ones(REPS) * 2, 1.0, 0.35),
        "30 reps, SD .35": (many, 1.0, 0.35),
    }
    rows = {}
    for name, (expected, times, differ) in teams.items():
        found = []
        for page in range(pages):
            random = np.random.default_rng([FIRST_SEED, page])
            ratios = np.exp(random.normal(0, differ, len(expected)))
            ratios[0] *= times
            observed = random.poisson(expected * ratios).astype(float)
            named = name_reps(observed, expected, error=PAGE_ERROR * HISTORY_SHARE).direction
            found.append((named[0] > 0, bool((named[1 if times > 1 else 0 :] != 0).any())))
        rows[name] = dict(zip(("R00 named", "innocent named"), np.mean(found, axis=0), strict=True))
    return pd.DataFrame.from_dict(rows, orient="index")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=60)
    parser.add_argument("--companies", type=int, default=15)
    parser.add_argument("--deals", type=int, nargs="+", default=[1200])
    parser.add_argument("--trained", type=int, default=3, help="companies with trained models")
    parser.add_argument("--counts", type=int, default=0, help="pages of counts; nothing else")
    asked = parser.parse_args()
    if asked.counts:
        print(counted(asked.counts).round(3).to_string())
        return
    rows = [naming(team, deals, asked.pages) for deals in asked.deals for team in TEAMS]
    print(pd.DataFrame(rows).set_index(["deals", "reps"]).T.round(3).to_string(), "\n")
    rows = [bonuses(recorded, asked.companies) for recorded in (True, False)]
    print(pd.DataFrame(rows).set_index("contract term").T.round(3).to_string(), "\n")
    print(likely(asked.companies).round(3).to_string(), "\n")
    if asked.trained:
        print(trained(asked.trained, 2000).round(3).to_string())


if __name__ == "__main__":
    main()
