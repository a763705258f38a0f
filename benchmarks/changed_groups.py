"""Companies in which one group of customers changes: found or not, and how right predictions are.

Run: python benchmarks/changed_groups.py [--held-out] [--companies N] [--only LAW ...]

Simulated deals over three years with a known truth. The hazard of leaving of a group is multiplied
by a factor from some month on; new prospects are signed at the end of the extract. Each company is
learned twice from the same deals, with `[learning] changes` and without. Columns: share of
companies in which exactly the right group is found, and in which a wrong one is; expected log loss
above that of the truth, x 1,000, of all prospects and of those in the group; share of true
probabilities of the group inside the 80% interval. It goes on where it was stopped: each company is
kept in benchmarks/results/changed_groups.json.

The limits of the search were chosen while these laws were looked at. The second table is of laws on
which nothing was chosen, those of _held_out_groups.py (`--held-out`: only these). There all
companies of a law and size have the settings of one more company, which saves most of the time.

It cannot show how often real segments change.
"""

from __future__ import annotations

import argparse
import warnings
from functools import cache, partial
from typing import Any, NamedTuple

import _held_out_groups as held_out
import numpy as np
import pandas as pd
from _law_tables import changed_groups, held_out_groups
from _results import FOLDER, Results
from numpy.typing import NDArray

import fitmodel
from fitmodel.deals.history import view_of
from fitmodel.learning.calibration import expit
from fitmodel.learning.encoding import encode
from fitmodel.learning.learner import Learned, learn
from fitmodel.learning.settings import Choice

Values = NDArray[Any]
END = pd.Timestamp("2026-06-30")
MONTHS, HORIZON, DAYS = 36, 5, 30.436875
ASKED = 4_000
INDUSTRY = {"retail": 0.5, "software": -0.3, "health": 0.0, "public": -0.5, "other": 0.1}
SHARES = (0.3, 0.25, 0.2, 0.15, 0.1)
SOURCE = {"web": 0.3, "fair": 0.0, "partner": -0.3}


class Law(NamedTuple):
    """What changes: customers of an attribute's value, by a factor, for the last months."""

    attribute: str = ""
    value: object = None
    factor: float = 1.0
    months: int = 0
    everybody: float = 1.0  # factor for all customers over the same months
    seasons: float = 0.0  # each industry has its own yearly cycle of this size


LAWS = {
    "nothing changes": Law(),
    "all leave 1.8 times as often for 12 months": Law(months=12, everybody=1.8),
    "each industry has its own season, 30%": Law(seasons=0.3),
    "software 2.5 times for 6 months": Law("industry", "software", 2.5, 6),
    "software 2.5 times for 12 months": Law("industry", "software", 2.5, 12),
    "software 2.5 times for 24 months": Law("industry", "software", 2.5, 24),
    "software 1.5 times for 12 months": Law("industry", "software", 1.5, 12),
    "retail half for 12 months": Law("industry", "retail", 0.5, 12),
    "other (10%) 2.5 times for 12 months": Law("industry", "other", 2.5, 12),
    "below 12 seats 2 times for 12 months": Law("seats", 12, 2.0, 12),
    "software 2.5 times, all 0.7 times, for 12 months": Law("industry", "software", 2.5, 12, 0.7),
}
SIZES = (1_200, 4_000)
COLUMNS = ("right", "wrong", "loss", "loss_of_group", "covered", "loss_without",
           "loss_of_group_without", "covered_without")  # fmt: skip


def spec(end: pd.Timestamp | str) -> fitmodel.DealSpec:
    """Contract of the simulated deals; `end` is a day, or the column that has it."""
    until = end if isinstance(end, str) else end.date()
    roles = {"closed_on": "signed", "churned_on": "left", "observed_until": until}
    return fitmodel.DealSpec(deals=roles, label={"horizon_months": HORIZON})


def attributes(n: int, random: np.random.Generator) -> tuple[pd.DataFrame, Values]:
    """Attributes of deals, and their hazard per month at a factor of 1."""
    industry = random.choice(list(INDUSTRY), n, p=SHARES)
    by_partner = np.where(industry == "software", 0.6, 0.2)  # attributes go together
    other = random.choice(["web", "fair"], n)
    deals = pd.DataFrame(
        {
            "seats": np.exp(random.normal(3, 1, n)).round().clip(1),
            "industry": industry,
            "source": np.where(random.random(n) < by_partner, "partner", other),
            "trial_days": random.poisson(10, n).astype(float),
            "discount": random.choice((0.0, 0.05, 0.1, 0.2), n),
        }
    )
    log_odds = (
        -2.0
        - 0.5 * (np.log(deals["seats"].to_numpy()) - 3)
        + deals["industry"].map(INDUSTRY).to_numpy(dtype=float)
        + deals["source"].map(SOURCE).to_numpy(dtype=float)
        - 0.05 * (deals["trial_days"].to_numpy() - 10)
        + 3 * deals["discount"].to_numpy()
    )
    return deals, -np.log1p(-expit(log_odds)) / HORIZON


def in_group(law: Law, deals: pd.DataFrame) -> Values:
    """Which deals belong to the group that changes."""
    if not law.attribute:
        return np.zeros(len(deals), dtype=bool)
    values = deals[law.attribute]
    is_inside = values < law.value if law.attribute == "seats" else values == law.value
    return is_inside.to_numpy()


def factors(law: Law, deals: pd.DataFrame, months: Values) -> Values:
    """Factor on each deal's hazard in months relative to the end, shape (deals, months)."""
    is_late = months >= -law.months
    factor = np.where(is_late, law.everybody, 1.0) * np.ones((len(deals), 1))
    factor[in_group(law, deals)] *= np.where(is_late, law.factor, 1.0)
    phase = deals["industry"].map({name: 2.4 * i for i, name in enumerate(INDUSTRY)}).to_numpy()
    cycle = 2 * np.pi * months / 12 + phase[:, None].astype(float)
    return factor * np.exp(law.seasons * np.sin(cycle))


def company(law: Law, n: int, random: np.random.Generator) -> pd.DataFrame:
    """Past deals with their dates of leaving."""
    deals, hazard = attributes(n, random)
    months = np.arange(-MONTHS, 1)
    factor = factors(law, deals, months)
    signed = random.uniform(-MONTHS, 0, n)
    # cumulative hazard at the end of each month, from signing on
    start = np.maximum(months, signed[:, None])
    lasts = np.maximum(months + 1 - start, 0.0)
    reached = np.cumsum(hazard[:, None] * factor * lasts, axis=1)
    level = random.exponential(size=n)
    month = (reached < level[:, None]).sum(axis=1)
    inside = np.minimum(month, MONTHS)
    rows = np.arange(n)
    before = np.where(inside > 0, reached[rows, inside - 1], 0.0)
    stay = start[rows, inside] + (level - before) / (hazard * factor[rows, inside])
    day = END + pd.to_timedelta((signed * DAYS).round(), unit="D")
    left = END + pd.to_timedelta(np.ceil(np.where(stay < 0, stay, 1.0) * DAYS), unit="D")
    left = pd.Series(left).where((stay < 0) & (left <= END))
    return deals.assign(signed=day, left=left)


def excess(true: Values, predicted: Values) -> Values:
    """Expected log loss of each prospect above that of its true probability."""
    gone = true * np.log(true / predicted)
    return gone + (1 - true) * np.log((1 - true) / (1 - predicted))


def one(law_name: str, n: int, seed: int) -> list[dict[str, float]]:
    """Figures of one company."""
    law = LAWS[law_name]
    random = np.random.default_rng([seed, n])
    deals = company(law, n, random)
    asked, hazard = attributes(ASKED, random)
    ahead = factors(law, asked, np.arange(HORIZON))
    truth = -np.expm1(-(hazard[:, None] * ahead).sum(axis=1))
    group = in_group(law, asked)
    group = group if group.any() else ~group  # of all, if no group changes
    found, figures = compare(deals, spec(END), asked, truth, group)
    if law.attribute == "seats":
        right = [each for each in found if each[0] == "seats" and each[1].startswith("<")]
    else:
        right = [each for each in found if each == (law.attribute, f"= {law.value}")]
    is_exact = len(found) == len(right) == bool(law.attribute)
    return row(right=is_exact, wrong=len(found) > len(right), figures=figures)


def one_held_out(law_name: str, n: int, seed: int) -> list[dict[str, float]]:
    """Figures of one company; of unclear laws "right" is whether any group is found."""
    law = held_out.LAWS[law_name]
    deals, asked, truth = held_out.company(law, n, seed)
    group = held_out.in_group(law, asked)
    end = "until" if "until" in deals else held_out.END
    found, figures = compare(deals, spec(end), asked, truth, group, held_out_choice(law_name, n))
    if law_name in held_out.UNCLEAR:
        return row(right=bool(found), wrong=False, figures=figures)
    right = bool(found) == bool(law.right) and set(found) <= set(law.right)
    return row(right=right, wrong=not set(found) <= set(law.right), figures=figures)


@cache
def held_out_choice(law_name: str, n: int) -> Choice:
    """Settings for all companies of a law and size, chosen on one that is not measured."""
    deals = held_out.company(held_out.LAWS[law_name], n, 10_000)[0]
    return learn(deals, spec("until" if "until" in deals else held_out.END)).choice


def row(*, right: bool, wrong: bool, figures: list[float]) -> list[dict[str, float]]:
    """Return the row to store."""
    values = (right, wrong, *figures)
    return [{name: float(value) for name, value in zip(COLUMNS, values, strict=True)}]


def compare(
    deals: pd.DataFrame,
    spec: fitmodel.DealSpec,
    asked: pd.DataFrame,
    truth: Values,
    group: Values,
    choice: Choice | None = None,
) -> tuple[list[tuple[str, str]], list[float]]:
    """Learn with `changes` and without; return the groups that are found, and both figures."""
    with_changes = learn(deals, spec, choice=choice)
    found = [(change.attribute, change.label) for change in with_changes.changes]
    figures = measure(with_changes, spec, asked, truth, group)
    if not found:  # the same model
        return found, figures * 2
    without = learn(deals, spec.replace(learning={"changes": False}), choice=with_changes.choice)
    return found, figures + measure(without, spec, asked, truth, group)


def measure(
    learned: Learned, spec: fitmodel.DealSpec, asked: pd.DataFrame, truth: Values, group: Values
) -> list[float]:
    """Loss of all prospects and of the group's, and the share of the group that is covered."""
    end = held_out.END
    view = view_of(asked.assign(signed=end, left=pd.NaT, until=end), spec)
    codes = encode(learned.scorecard.columns, view.attributes(learned.training_set.dates).frame)
    low, high = learned.scorecard.interval(*learned.scorecard.scores(codes))
    loss = 1000 * excess(truth, learned.scorecard.probability(codes))
    is_covered = (low <= truth) & (truth <= high)
    return [loss.mean(), loss[group].mean(), is_covered[group].mean()]


def main(companies: int, only: list[str] | None, *, held: bool) -> None:
    """Learn what is not stored yet, and print a row for each law and size."""
    results = Results(FOLDER / f"changed_groups{'_held_out' if held else ''}.json")
    work, known = (one_held_out, held_out.LAWS) if held else (one, LAWS)
    laws = [law for law in known if only is None or law in only]
    for law in laws:
        for n in SIZES:
            for seed in range(companies):
                results.do(partial(work, law, n, seed), law=law, n=n, seed=seed)
    print((held_out_groups if held else changed_groups)(results.rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--companies", type=int, help="of each law and size (20; held out: 40)")
    parser.add_argument(
        "--held-out", action="store_true", help="only the laws of _held_out_groups.py"
    )
    parser.add_argument("--only", nargs="+", choices=[*LAWS, *held_out.LAWS], metavar="LAW")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    for held in (True,) if chosen.held_out else (False, True):
        main(chosen.companies or (40 if held else 20), chosen.only, held=held)
