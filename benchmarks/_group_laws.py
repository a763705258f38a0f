"""What may happen to groups of simulated customers, see _held_out_groups.py.

A law is a factor on the hazard of leaving, by deal, calendar month and age; which customers are
signed when; and how they and their leaving are recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

END = pd.Timestamp("2026-03-31")
MONTHS, HORIZON, DAYS, STEP = 40, 5, 30.436875, 0.5
SEGMENT = {"smb": (0.45, 0.3), "mid": (0.3, 0.0), "large": (0.15, -0.4), "public": (0.1, -0.5)}
CHANNEL = {"inbound": (0.35, 0.0), "outbound": (0.3, 0.3), "partner": (0.2, -0.2),
           "event": (0.15, 0.1)}  # fmt: skip
COUNTRY = {"DE": 0.3, "AT": 0.05, "CH": 0.05, "FR": 0.2, "ES": 0.1, "US": 0.2, "CA": 0.1}
REGION = dict(zip(COUNTRY, ["dach"] * 3 + ["south"] * 2 + ["america"] * 2, strict=True))

Values = NDArray[Any]
Factor = Callable[[pd.DataFrame, Values, Values, np.random.Generator], Values]
Mix = Callable[[pd.DataFrame, Values, np.random.Generator], pd.DataFrame]


def _same(deals: pd.DataFrame, _signed: Values, _random: np.random.Generator) -> pd.DataFrame:
    return deals


def _one(deals: pd.DataFrame, when: Values, _age: Values, _random: np.random.Generator) -> Values:
    return np.ones(when.shape) * np.ones((len(deals), 1))


class Law(NamedTuple):
    """How a company differs from one in which nothing happens.

    Parameters
    ----------
    factor : callable
        Factor on the hazard, from deals, months relative to the end, and age in months; all of
        shape (deals, steps). Its random numbers are the same for past deals and prospects.
    mix, record, seen : callable
        Change the deals before they get their hazard; the past deals after they got their dates;
        the attributes that are known of past deals and prospects.
    about : tuple of str
        Column and value of the group that the law is about; empty: all.
    right : tuple of (str, str)
        Attribute and label of each group that may be found.
    growth, level : float
        Growth of the signed deals per month; shift of all log-odds.
    """

    factor: Factor = _one
    mix: Mix = _same
    record: Mix = _same
    seen: Mix = _same
    about: tuple[str, str] | tuple[()] = ()
    right: tuple[tuple[str, str], ...] = ()
    growth: float = 0.0
    level: float = 0.0


def changed(*changes: tuple[float, float, str, str, float]) -> Factor:
    """Groups that leave more often: since how many months, by which factor, who, until when."""

    def factor(deals: pd.DataFrame, when: Values, _age: Values, _random: object) -> Values:
        product = np.ones((len(deals), when.shape[-1]))
        for since, times, column, value, back in changes:
            inside = (deals[column] == value).to_numpy()[:, None]
            is_then = (when >= -since) & ((when < -back) | (back == 0))
            product *= np.where(inside & is_then, times, 1.0)
        return product

    return factor


def everybody(months: float, times: float) -> Factor:
    """All customers leave more often since a month."""
    return lambda _deals, when, _age, _random: np.where(when >= -months, times, 1.0)


def season(column: str, value: str, size: float, peak: float) -> Factor:
    """A group leaves more often at the same time of each year; `size` is of the log hazard."""

    def factor(deals: pd.DataFrame, when: Values, _age: Values, _random: object) -> Values:
        inside = (deals[column] == value).to_numpy()[:, None]
        return np.exp(inside * size * np.cos(2 * np.pi * (when - peak) / 12))

    return factor


def everybody_season(deals: pd.DataFrame, when: Values, _age: Values, _random: object) -> Values:
    """All customers leave more often in summer, each year."""
    return np.ones((len(deals), 1)) * np.exp(0.4 * np.cos(2 * np.pi * (when - 3.0) / 12))


def both(*factors: Factor) -> Factor:
    """Product of factors."""
    return lambda *given: np.prod([factor(*given) for factor in factors], axis=0)


def by_month(column: str, draw: Callable[[np.random.Generator], Values]) -> Factor:
    """Each value of a column has a factor for every month up to the end, 1 on average after it."""

    def factor(
        deals: pd.DataFrame, when: Values, _age: Values, random: np.random.Generator
    ) -> Values:
        values = sorted({**SEGMENT, **CHANNEL} if column in {"segment", "channel"} else COUNTRY)
        paths = np.array([draw(random) for _ in values])
        row = deals[column].map({value: i for i, value in enumerate(values)}).to_numpy(dtype=int)
        return paths[row[:, None], np.clip(np.floor(when).astype(int) + MONTHS, 0, MONTHS)]

    return factor


def differing(deviation: float) -> Callable[[np.random.Generator], Values]:
    """Independent months; the mean after the end."""
    shape = 1 / deviation**2
    return lambda random: np.append(random.gamma(shape, 1 / shape, MONTHS), 1.0)


def bursts(random: np.random.Generator) -> Values:
    """One month of twelve has six times the leavers, the others fewer; the mean after the end."""
    hit = random.random(MONTHS) < 1 / 12
    return np.append(np.where(hit, 6.5, 0.5), 1.0)


def wandering(random: np.random.Generator) -> Values:
    """Random walk of the logarithm, 12% a month; it stays after the end."""
    path = np.exp(np.cumsum(random.normal(0, 0.12, MONTHS)))
    return np.append(path, path[-1])


def doubling(deals: pd.DataFrame, when: Values, _age: Values, _random: object) -> Values:
    """Customers of segment mid leave ever more often, 2.5 times after two years."""
    inside = (deals["segment"] == "mid").to_numpy()[:, None]
    return np.where(inside, 2.5 ** np.clip((when + 24) / 24, 0, 1), 1.0)


def added(deals: pd.DataFrame, when: Values, _age: Values, _random: object) -> Values:
    """For a year 2% of all customers leave per month in addition, whatever their risk."""
    monthly = deals["_hazard"].to_numpy()[:, None]
    return np.where(when >= -12, (monthly + 0.02) / monthly, 1.0)


def first_month(deals: pd.DataFrame, _when: Values, age: Values, _random: object) -> Values:
    """Customers of the campaign leave in the first month, if they leave early."""
    inside = (deals["channel"] == "campaign").to_numpy()[:, None]
    return np.where(inside, np.where(age < 1, 4.0, 0.25), 1.0)


def oversold(deals: pd.DataFrame, _when: Values, _age: Values, _random: object) -> Values:
    """Customers of one rep, whom no column names, leave three times as often."""
    return np.where(deals["_rep"].to_numpy()[:, None], 3.0, 1.0) * np.ones(_when.shape)


def more_smb(deals: pd.DataFrame, signed: Values, random: np.random.Generator) -> pd.DataFrame:
    """From a fifth to three quarters of the deals are smb, at ever lower prices."""
    share = np.interp(signed, [-MONTHS, 0], [0.2, 0.75])
    others = random.choice(["mid", "large", "public"], len(deals))
    segment = np.where(random.random(len(deals)) < share, "smb", others)
    price = deals["price"] * np.exp(-0.03 * (signed + MONTHS) * (segment == "smb"))
    return deals.assign(segment=segment, price=price.round(2))


def cheap_partners(
    deals: pd.DataFrame, signed: Values, random: np.random.Generator
) -> pd.DataFrame:
    """Partners sell ever more of the cheapest plan, whose customers leave three times as often."""
    share = np.interp(signed, [-MONTHS, -15, -5, 0], [0.15, 0.15, 0.8, 0.8])
    is_cheap = (deals["channel"] == "partner") & (random.random(len(deals)) < share)
    return deals.assign(price=deals["price"].where(~is_cheap, 80.0), _extra=1.1 * is_cheap)


def inflation(deals: pd.DataFrame, signed: Values, _random: object) -> pd.DataFrame:
    """Prices rise by 3% a month; the risk goes by the price relative to that of the time."""
    extra = 0.4 * 0.03 * (signed + MONTHS)  # against the effect of the price
    price = (deals["price"] * np.exp(0.03 * (signed + MONTHS))).round(2)
    return deals.assign(price=price, _extra=extra)


def many_levels(deals: pd.DataFrame, _signed: Values, random: np.random.Generator) -> pd.DataFrame:
    """A product of 40 levels, each with an effect of its own."""
    share = 1 / np.arange(5, 45)
    number = random.choice(40, len(deals), p=share / share.sum())
    product = [f"product {each}" for each in number]
    return deals.assign(product=product, _extra=0.4 * np.sin(3.0 * number))


def appearing(name: str, months: float, share: float, effect: float) -> Mix:
    """A channel that exists since some months only."""

    def mix(deals: pd.DataFrame, signed: Values, random: np.random.Generator) -> pd.DataFrame:
        is_new = (signed >= -months) & (random.random(len(deals)) < share)
        channel = deals["channel"].where(~is_new, name)
        return deals.assign(channel=channel, _extra=effect * is_new)

    return mix


def new_rep(deals: pd.DataFrame, signed: Values, random: np.random.Generator) -> pd.DataFrame:
    """A rep sells to 10% of all, and to seven of ten customers of segment mid for ten months."""
    share = np.where((deals["segment"] == "mid") & (signed >= -10), 0.7, 0.1)
    return deals.assign(_rep=random.random(len(deals)) < share)


def entered_late(months: float) -> Mix:
    """Leavers of partners are entered so late on average; then with the right date."""

    def record(deals: pd.DataFrame, _signed: Values, random: np.random.Generator) -> pd.DataFrame:
        delay = random.exponential(months * DAYS, len(deals)) * (deals["channel"] == "partner")
        entered = deals["left"] + pd.to_timedelta(delay.round(), unit="D")
        return deals.assign(left=deals["left"].where(entered <= END))

    return record


def month_ends(deals: pd.DataFrame, _signed: Values, _random: object) -> pd.DataFrame:
    """For a year, leavers of partners are dated at the end of the quarter."""
    left = deals["left"]
    quarter = (left + pd.offsets.QuarterEnd(0)).clip(upper=END)
    is_moved = (left > END - pd.DateOffset(months=12)) & (deals["channel"] == "partner")
    return deals.assign(left=left.where(~is_moved, quarter))


def followed_less(deals: pd.DataFrame, _signed: Values, _random: object) -> pd.DataFrame:
    """What partners' customers do is known until three months before the end."""
    until = pd.Series(END, index=deals.index)
    until = until.where(deals["channel"] != "partner", END - pd.DateOffset(months=3))
    deals = deals.assign(until=until, left=deals["left"].where(deals["left"] <= until))
    return deals[deals["signed"] < until]


def unfilled(months: float, share: float) -> Mix:
    """The channel of the deals of the last months is not filled."""

    def record(deals: pd.DataFrame, signed: Values, random: np.random.Generator) -> pd.DataFrame:
        is_empty = (signed >= -months) & (random.random(len(deals)) < share)
        return deals.assign(channel=deals["channel"].where(~is_empty))

    return record


def unknown_calls(
    deals: pd.DataFrame, when: Values, _age: Values, _random: np.random.Generator
) -> Values:
    """Customers without a number of calls leave 2.5 times as often for ten months."""
    inside = deals["calls"].isna().to_numpy()[:, None] & (when >= -10)
    return np.where(inside, 2.5, 1.0)
