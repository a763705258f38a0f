"""Measure whom the sales report names, whether an overseller is seen, and who gets the bonus.

    python benchmarks/people.py [--pages 300] [--deals 1200 3000] [--only TABLE ...]

What is done is kept in results/people.json and not done again: stop it and start it as you like;
`--only` chooses tables. A simulator of its own: expected probabilities are given and no model is
trained (but for the table of trained models), so that only the rules of the sales report are
measured. Companies have 12 reps of unequal volume, 36 months of deals and about 12% early churn
within 5 months; the given probabilities are wrong by a random factor each (standard deviation
20%). Rules were chosen on other seeds (below 30,000).

It cannot show how much real reps differ in what no column holds.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from _rep_counts import BLOCK, COUNTED, FIRST_SEED, REPS, attainable, counted, exact_holm
from _results import FOLDER, Results

from fitmodel import DealSpec
from fitmodel.sales.incentives import pay_bonus
from fitmodel.sales.plans import Bonus
from fitmodel.sales.rep_performance import compute_expected, compute_rep_performance

if TYPE_CHECKING:
    from collections.abc import Callable

    Ratios = Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]

MONTHS, HORIZON = 36, 5
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
    Team("one sells 48%, twice the churn", oversells(2.0), 0.48, guilty=True),
    Team("one sells 20%, 2.5 times", oversells(2.5), 0.20, guilty=True),
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


def naming(team: Team, deals: int, first_page: int) -> list[dict[str, object]]:
    """Whether each of a block of pages names an innocent rep, and the guilty one, by rule."""
    rows = []
    for page in range(first_page, first_page + BLOCK):
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
            "innocent named: 95% intervals": (old & innocent).any(),
            "innocent: exact + Holm": (exact & innocent).any(),
            "innocent: fitmodel": (named & innocent).any(),
            "innocent: selection": reps["selects"].isin(["riskier", "safer"]).any(),
            "R00: exact + Holm": (exact & first).any(),
            "R00: fitmodel, all history": (reps["verdict"].eq("more") & first).any(),
            "R00: fitmodel, beyond chance": (reps["beyond_chance"].eq("more") & first).any(),
            "R00: fitmodel, this week": (reps["talk_about"] & first).any(),
        }
        rows.append({"page": page} | {name: bool(value) for name, value in row.items()})
    return rows


def yearly(recorded: bool, seed: int) -> tuple[pd.DataFrame, pd.Series, DealSpec]:
    """Draw a company where reps 0 to 3 sell yearly contracts and lose 80% at the renewal."""
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


def bonuses(recorded: bool, company: int) -> list[dict[str, object]]:
    """Bonus paid, and how much to the reps who lose 80% of their customers at the renewal."""
    bonus = Bonus(top=3, amount=Decimal(1000))
    table, probability, spec = yearly(recorded, FIRST_SEED + company)
    paid = pay_bonus(table, spec, bonus, probability)
    money = paid["bonus"].astype(float) + paid["bonus_pending"].astype(float)
    won = paid[money > 0]
    return [
        {
            "paid": float(money.sum()),
            "to the four": float(money[paid["rep"].isin(["R00", "R01", "R02", "R03"])].sum()),
            "winners": len(won),
            "below": int((won["renewed"] < won["expected_renewals"]).sum()),
        }
    ]


def likely(company: int) -> list[dict[str, object]]:
    """What was said in the middle of a year of each rep's bonus, and whether it was won then."""
    bonus = Bonus(top=3, amount=Decimal(1000))
    table, probability = simulate(TEAMS[1], 2000, FIRST_SEED + company)
    then = SPEC.replace(deals={"observed_until": "2025-09-30"})
    past = table[table["closed_on"] <= "2025-09-30"].copy()
    past["churned_on"] = past["churned_on"].where(past["churned_on"] <= "2025-09-30")
    said = pay_bonus(past, then, bonus, probability[past.index])
    came = pay_bonus(table, SPEC, bonus, probability)
    said, came = (t[t["period"] == "2025"].set_index("rep") for t in (said, came))
    chance = said["bonus_expected"] / float(bonus.amount)
    won = (came["bonus"].astype(float) > 0).reindex(chance.index, fill_value=False)
    both = zip(chance, won, strict=True)
    return [{"said": float(expected), "won": bool(got)} for expected, got in both]


TRAINED = {
    "all alike": (TEAMS[0], False, 1.0),
    "one sells 48%, twice the churn": (TEAMS[2], False, 1.0),
    "one sells 20%, 2.5 times, in a territory of his own": (TEAMS[3], True, 1.0),
    "nobody oversells; R00 alone sells a territory with 2.5 times": (TEAMS[0], True, 2.5),
    "nobody oversells; R00 alone sells an ordinary territory": (TEAMS[0], True, 1.0),
}


def trained(name: str, company: int, deals: int = 2000) -> list[dict[str, object]]:
    """Train the models that expected numbers come from; who is named, beside the truth."""
    team, own, risky = TRAINED[name]
    table, _ = simulate(team, deals, FIRST_SEED + company)
    table, spec = with_territories(table, FIRST_SEED + company, own=own, risky=risky)
    expected = compute_expected(table, spec)
    reps = compute_rep_performance(
        table,
        spec,
        expected.probability,
        over_reps=expected.over["rep"],
        draws=expected.draws["rep"],
    ).reps
    verdict = reps["verdict"]
    return [
        {
            "R00 named": bool(verdict["R00"] == "more"),
            "R00 or territory": bool(verdict["R00"] == "inseparable_more"),
            "innocent named": bool(verdict.drop("R00").isin(["more", "fewer"]).any()),
            "selection named": bool(reps["selects"].isin(["riskier", "safer"]).any()),
        }
    ]


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


def shares(rows: list[dict[str, object]], by: list[str]) -> str:
    """Share of the rows in which each thing happened, and how many rows there are."""
    table = pd.DataFrame(rows).drop(columns=["table", "date", "page", "first_page", "company"],
                                    errors="ignore")  # fmt: skip
    groups = table.groupby(by, sort=False)
    return groups.mean().assign(number=groups.size()).T.round(3).to_string()


def show_bonuses(rows: list[dict[str, object]]) -> str:
    """Share of the bonus that goes to the four, and of winners who are below what is usual."""
    sums = pd.DataFrame(rows).groupby("recorded")[["paid", "to the four", "winners", "below"]].sum()
    sums["share to the four"] = sums["to the four"] / sums["paid"].clip(lower=1)
    return sums.round(3).to_string()


def show_likely(rows: list[dict[str, object]]) -> str:
    """What was said, and what came, in bands of what was said."""
    table = pd.DataFrame(rows)
    bands = pd.cut(table["said"], [-0.01, 0.1, 0.3, 0.6, 0.85, 1.0])
    return (
        table.groupby(bands, observed=True)
        .agg(reps=("won", "size"), said=("said", "mean"), won=("won", "mean"))
        .round(3)
        .to_string()
    )


TABLES = ("naming", "bonuses", "likely", "trained", "counted", "attainable")


def main() -> None:
    """Do what is not done yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=50)
    parser.add_argument("--companies", type=int, default=15)
    parser.add_argument("--deals", type=int, nargs="+", default=[1200])
    parser.add_argument("--trained", type=int, default=3, help="companies with trained models")
    parser.add_argument("--counts", type=int, default=400, help="pages of counts")
    parser.add_argument("--draws", type=int, default=4000, help="for what is attainable")
    parser.add_argument("--only", nargs="*", default=list(TABLES), choices=TABLES)
    parser.add_argument("--results", type=Path, default=FOLDER / "people.json")
    given = parser.parse_args()
    results = Results(given.results)
    work = {
        "naming": [
            (naming, {"reps": team, "deals": deals, "first_page": first})
            for first in range(0, given.pages, BLOCK)
            for deals in given.deals
            for team in TEAMS
        ],
        "bonuses": [
            (bonuses, {"recorded": recorded, "company": company})
            for company in range(given.companies)
            for recorded in (True, False)
        ],
        "likely": [(likely, {"company": company}) for company in range(given.companies)],
        "trained": [
            (trained, {"reps": name, "company": company})
            for company in range(given.trained)
            for name in TRAINED
        ],
        "counted": [
            (counted, {"reps": name, "first_page": first})
            for first in range(0, given.counts, BLOCK)
            for name in COUNTED
        ],
        "attainable": [
            (attainable, {"error": error, "draws": given.draws}) for error in (0.03, 0.035, 0.05)
        ],
    }
    show = {
        "naming": partial(shares, by=["deals", "reps"]),
        "bonuses": show_bonuses,
        "likely": show_likely,
        "trained": partial(shares, by=["reps"]),
        "counted": partial(shares, by=["reps"]),
        "attainable": lambda rows: pd.DataFrame(rows).round(3).to_string(index=False),
    }
    for table in given.only:
        rows = []
        for what, values in work[table]:
            key = {name: getattr(value, "name", value) for name, value in values.items()}
            rows += results.do(partial(what, *values.values()), table=table, **key)
        print(show[table](rows), "\n", flush=True)


if __name__ == "__main__":
    main()
