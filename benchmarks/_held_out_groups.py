"""Companies for benchmarks/changed_groups.py on which no limit of the search was chosen.

They have other attributes, rates and months than those in the script. In laws of `STILL` no group
changes. In laws of `MOVED` one or several do. In laws of `UNCLEAR` the hazard of a group changes,
but no name is the right one.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from _group_laws import (
    CHANNEL,
    COUNTRY,
    DAYS,
    END,
    HORIZON,
    MONTHS,
    REGION,
    SEGMENT,
    STEP,
    Law,
    Values,
    added,
    appearing,
    both,
    bursts,
    by_month,
    changed,
    cheap_partners,
    differing,
    doubling,
    entered_late,
    everybody,
    everybody_season,
    first_month,
    followed_less,
    inflation,
    many_levels,
    month_ends,
    more_smb,
    new_rep,
    oversold,
    season,
    unfilled,
    unknown_calls,
    wandering,
)

ASKED = 4_000
PARTNER, SMB = ("channel", "partner"), ("segment", "smb")
STILL = {
    "months of each segment and channel differ, 40%": Law(
        both(by_month("segment", differing(0.4)), by_month("channel", differing(0.4)))
    ),
    "each channel leaves in bursts": Law(by_month("channel", bursts)),
    "smb leave in winter, each year": Law(season(*SMB, 0.6, -3.0), about=SMB),
    "smb leave in summer, each year": Law(season(*SMB, 0.6, 3.0), about=SMB),
    "partner 2.5 times for 8 months, until 6 months ago": Law(
        changed((14, 2.5, *PARTNER, 6)), about=PARTNER
    ),
    "partner 3 times for 12 months, until 5 months ago": Law(
        changed((17, 3.0, *PARTNER, 5)), about=PARTNER
    ),
    "ever more smb, at lower prices": Law(mix=more_smb, about=SMB),
    "prices rise, the risk goes by the relative price": Law(mix=inflation),
    "leavers of partner are entered 1.5 months late": Law(record=entered_late(1.5), about=PARTNER),
    "leavers of partner are entered 4 months late": Law(record=entered_late(4.0), about=PARTNER),
    "leavers of partner are dated at quarter ends": Law(record=month_ends, about=PARTNER),
    "partner are followed for less long": Law(record=followed_less, about=PARTNER),
    "deals grow by 8% a month": Law(growth=0.08),
    "a channel is new": Law(mix=appearing("app", 8, 0.3, 0.6), about=("channel", "app")),
    "a new campaign, whose leavers leave in the first month": Law(
        first_month, appearing("campaign", 4, 0.5, 0.0), about=("channel", "campaign")
    ),
    "channel is not filled for 10 months": Law(seen=unfilled(10, 1.0)),
    "channel is not filled for 10 months, all leave 1.8 times": Law(
        everybody(10, 1.8), seen=unfilled(10, 0.8)
    ),
    "40 products": Law(mix=many_levels),
    "2% leave early": Law(level=-2.0),
}
MOVED = {
    "large (15%) 2.5 times for 12 months": Law(
        changed((12, 2.5, "segment", "large", 0)),
        about=("segment", "large"),
        right=(("segment", "= large"),),
    ),
    "DE (most of region dach) 2 times for 12 months": Law(
        changed((12, 2.0, "country", "DE", 0)),
        about=("country", "DE"),
        right=(("country", "= DE"), ("region", "= dach")),
    ),
    "a rep who oversells starts to sell to mid 10 months ago": Law(
        oversold, new_rep, about=("segment", "mid"), right=(("segment", "= mid"),)
    ),
    "mid more often every month, 2.5 times after 24 months": Law(
        doubling, about=("segment", "mid"), right=(("segment", "= mid"),)
    ),
    "partner 2.5 times for 10 months, all have a season": Law(
        both(changed((10, 2.5, *PARTNER, 0)), everybody_season),
        about=PARTNER,
        right=(("channel", "= partner"),),
    ),
    "partner half for 14 months, smb 2 times for 8 months": Law(
        changed((14, 0.5, *PARTNER, 0), (8, 2.0, *SMB, 0)),
        about=SMB,
        right=(("channel", "= partner"), ("segment", "= smb")),
    ),
    "calls not filled (15%): 2.5 times for 10 months": Law(
        unknown_calls, about=("calls", ""), right=(("calls", "= missing"),)
    ),
    "monthly contracts (60%) 1.8 times for 10 months": Law(
        changed((10, 1.8, "term", "monthly", 0)),
        about=("term", "monthly"),
        right=(("term", "= monthly"), ("term", "= yearly")),
    ),
}
UNCLEAR = {
    "each channel wanders, 12% a month": Law(by_month("channel", wandering)),
    "2% of all leave in addition, for 12 months": Law(added),
    "partner sell ever more of the plan that fits badly": Law(mix=cheap_partners, about=PARTNER),
}
LAWS = {**STILL, **MOVED, **UNCLEAR}


def attributes(
    law: Law, signed: Values, random: np.random.Generator
) -> tuple[pd.DataFrame, Values]:
    """Attributes of deals signed at these months, and their hazard per month at a factor of 1."""
    n = len(signed)
    drawn = {
        name: random.choice(list(of), n, p=[share for share, _ in of.values()])
        for name, of in (("segment", SEGMENT), ("channel", CHANNEL))
    }
    country = random.choice(list(COUNTRY), n, p=list(COUNTRY.values()))
    region = pd.Series(country).map(REGION)
    is_odd = random.random(n) < 0.03
    deals = pd.DataFrame(
        {
            **drawn,
            "country": country,
            "region": region.mask(is_odd, random.choice(["dach", "south", "america"], n)),
            "price": np.exp(random.normal(6, 0.8, n)).round(2),
            "calls": np.where(random.random(n) < 0.15, np.nan, random.poisson(3, n)),
            "term": random.choice(["monthly", "yearly"], n, p=(0.6, 0.4)),
            "_extra": 0.0,
        }
    )
    deals = law.mix(deals, signed, random)
    log_odds = (
        -2.1
        + law.level
        + sum(deals[name].map({each: effect for each, (_, effect) in of.items()}).fillna(0.0)
              for name, of in (("segment", SEGMENT), ("channel", CHANNEL)))
        - 0.4 * (np.log(deals["price"]) - 6)
        - 0.1 * (deals["calls"].fillna(2) - 3)
        + deals["term"].map({"monthly": 0.3, "yearly": -0.4})
        + deals["country"].map({"DE": -0.1, "US": 0.2}).fillna(0.0)
        + deals["_extra"]
    ).to_numpy(dtype=float)  # fmt: skip
    hazard = np.log1p(np.exp(log_odds)) / HORIZON
    return deals.assign(_hazard=hazard), hazard


def company(law: Law, n: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, Values]:
    """Past deals, prospects signed at the end, and the prospects' true probability."""
    random = np.random.default_rng([seed, n, 7])
    uniform = random.random(n)
    signed = -MONTHS * uniform
    if law.growth:
        signed = np.log(uniform + (1 - uniform) * np.exp(-law.growth * MONTHS)) / law.growth
    deals, hazard = attributes(law, signed, random)
    age = np.arange(0, MONTHS, STEP) + STEP / 2
    paths = [seed, n, 8]
    factor = law.factor(deals, signed[:, None] + age, age, np.random.default_rng(paths))
    reached = np.cumsum(hazard[:, None] * factor * STEP, axis=1)
    threshold = random.exponential(size=(n, 1))
    step = (reached < threshold).sum(axis=1)
    stay = (step + random.random(n)) * STEP
    day = END + pd.Series(pd.to_timedelta((signed * DAYS).round(), unit="D"))
    left = day + pd.to_timedelta(np.ceil(stay * DAYS), unit="D")
    left = left.where((left <= END) & (step < len(age)))
    past = law.seen(deals.assign(signed=day, left=left), signed, random)
    past = law.record(past, signed, random)
    now = np.zeros(ASKED)
    asked, hazard = attributes(law, now, random)
    age = np.arange(0, HORIZON, STEP) + STEP / 2
    factor = law.factor(asked, age[None, :], age, np.random.default_rng(paths))
    truth = -np.expm1(-(hazard[:, None] * factor * STEP).sum(axis=1))
    asked = law.seen(asked, now, random)
    return _visible(past), _visible(asked), truth


def _visible(deals: pd.DataFrame) -> pd.DataFrame:
    """Columns that a company has: without those that only the simulation knows."""
    return deals[[name for name in deals if not name.startswith("_")]]


def in_group(law: Law, deals: pd.DataFrame) -> Values:
    """Which deals the law is about; all if it names no group."""
    if not law.about:
        return np.ones(len(deals), dtype=bool)
    column, value = law.about
    inside = deals[column] == value if value else deals[column].isna()
    return inside.to_numpy()
