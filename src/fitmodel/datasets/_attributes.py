"""Simulate the attributes of prospects, which are known before the contract is signed.

Categories are drawn as codes and numbers as floats (NaN if the field is empty); `render` turns both
into the columns of a table. Each attribute has its own random stream, so that a column does not
depend on which other columns are simulated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

Array: TypeAlias = np.ndarray[Any, Any]
Raw: TypeAlias = dict[str, Array]

N_PAGES = 300
PLAN_CODES = (101, 110, 203, 207, 310, 415, 500, 990)
TERMS = (1, 12, 24, 36)


@dataclass(frozen=True)
class Category:
    """Levels of an attribute, their shares, and how a rep's selection changes the shares."""

    levels: tuple[str, ...]
    share: tuple[float, ...]
    pull: tuple[float, ...] | None = None


CATEGORIES = {
    "segment": Category(("smb", "mid", "enterprise"), (0.55, 0.32, 0.13), (0.7, 0.0, -0.7)),
    "lead_source": Category(
        ("inbound", "outbound", "partner", "event", "referral"),
        (0.38, 0.27, 0.14, 0.12, 0.09),
        (-0.2, 1.0, -0.2, 0.2, -0.8),
    ),
    "onboarding_package": Category(("none", "basic", "full"), (0.38, 0.40, 0.22), (0.4, 0.0, -0.4)),
    "industry": Category(
        ("software", "retail", "manufacturing", "health", "education", "finance",
         "hospitality", "logistics", "media", "public sector"),
        (0.18, 0.15, 0.13, 0.11, 0.10, 0.09, 0.08, 0.07, 0.05, 0.04),
    ),
    "has_crm_integration": Category(("no", "yes"), (0.45, 0.55)),
    "region": Category(
        ("north america", "dach", "uk", "nordics", "france", "apac"),
        (0.34, 0.20, 0.16, 0.11, 0.10, 0.09),
    ),
    "competitor_in_use": Category(("none", "spreadsheets", "other suite"), (0.45, 0.30, 0.25)),
}  # fmt: skip

CORE = (
    "segment", "seats", "annual_value", "lead_source", "onboarding_package", "industry",
    "discount", "first_contact_on", "has_crm_integration", "landing_page", "trial_days",
    "contract_term_months", "plan_code", "employees", "competitor_in_use", "region",
)  # fmt: skip

SECTIONS = ("blog", "pricing", "docs", "webinar", "compare", "templates", "customers", "ads")


def attribute_names(n_attributes: int | None) -> tuple[str, ...]:
    """Return the names of a table's attributes: first the core ones, then `attribute_17`, ..."""
    number_of_names = len(CORE) if n_attributes is None else n_attributes
    extra = tuple(f"attribute_{number}" for number in range(len(CORE) + 1, number_of_names + 1))
    return CORE[:number_of_names] + extra


def stream(seed: int, purpose: str) -> np.random.Generator:
    """Return the random stream for one purpose; it is independent of those for other purposes."""
    return np.random.default_rng([seed, *purpose.encode()])


def draw_attributes(n: int, seed: int, selection: Array, names: Sequence[str]) -> Raw:
    """Draw the attributes of `n` prospects.

    `selection`, shape (n,): how much riskier than usual the prospects are that the deal's rep
        signs; 0 is as usual.
    `names`: names of the attributes. Core attributes are always drawn, since they depend on each
        other; further attributes only if they are named.
    Returns, shape (n,): categories as codes, numbers as floats, `first_contact_on` as days before
        closing.
    """
    raw = {name: _codes(category, seed, name, selection) for name, category in CATEGORIES.items()}
    normal = {name: stream(seed, name).standard_normal(n) for name in CORE}
    uniform = {name: stream(seed, f"{name}?").random(n) for name in CORE}
    segment = raw["segment"]
    raw["seats"] = 1 + np.floor(
        np.exp(
            np.array([1.7, 3.4, 5.0])[segment]
            + np.array([0.8, 0.8, 0.9])[segment] * normal["seats"]
        )
    )
    raw["discount"] = _discount(normal["discount"], selection)
    raw["plan_code"] = np.searchsorted(
        np.cumsum([0.22, 0.18, 0.15, 0.13, 0.12, 0.1, 0.06]), uniform["plan_code"]
    )
    raw["annual_value"] = _annual_value(raw, normal["annual_value"])
    raw["contract_term_months"] = np.searchsorted(
        [0.25, 0.77, 0.92], uniform["contract_term_months"]
    )
    raw["landing_page"] = _landing_page(uniform["landing_page"])
    raw["first_contact_on"] = np.clip(
        np.rint(np.exp(3.7 + 0.8 * normal["first_contact_on"])), 1, 720
    )
    raw["trial_days"] = _trial_days(raw, normal["trial_days"], uniform["trial_days"])
    raw["employees"] = _employees(raw, normal["employees"], uniform["employees"])
    raw |= {name: _extra_attribute(n, seed, name) for name in names if name not in raw}
    return raw


def _codes(category: Category, seed: int, name: str, selection: Array) -> Array:
    """Draw codes of levels; a rep's selection changes the shares by a multinomial logit."""
    uniform = stream(seed, name).random(len(selection))
    effect = np.zeros(len(category.share)) if category.pull is None else np.array(category.pull)
    selections, position = np.unique(selection, return_inverse=True)
    odds = np.array(category.share) * np.exp(np.outer(selections, effect))
    bounds = np.cumsum(odds / odds.sum(axis=1, keepdims=True), axis=1)[:, :-1]
    code = np.zeros(len(selection), dtype=np.int64)
    for bound in bounds.T:
        code += uniform > bound[position]
    return code


def _discount(normal: Array, selection: Array) -> Array:
    """Draw discounts: none for about 40% of deals, otherwise in steps of 5% up to 60%."""
    return np.clip(np.round((0.06 + 0.16 * normal + 0.06 * selection) * 20) / 20, 0.0, 0.6)


def _annual_value(raw: Raw, normal: Array) -> Array:
    price = np.array([420.0, 360.0, 300.0])[raw["segment"]] * (1 + 0.06 * raw["plan_code"])
    value = raw["seats"] ** 0.92 * price * (1 - raw["discount"]) * np.exp(0.25 * normal)
    return np.asarray(np.round(value, 2))


def _landing_page(uniform: Array) -> Array:
    """Draw pages by Zipf's law: the page of rank r in proportion to 1 / r."""
    share = 1.0 / np.arange(1, N_PAGES + 1)
    return np.searchsorted(np.cumsum(share / share.sum())[:-1], uniform)


def _trial_days(raw: Raw, normal: Array, uniform: Array) -> Array:
    """Draw the days of trials; missing more often if the trial was short or the deal outbound."""
    days = np.clip(np.rint(14 + 8 * normal), 0, 60)
    gap = 0.06 + 0.12 * (days < 7) + 0.10 * (raw["lead_source"] == 1)  # noqa: PLR2004 (a week)
    return np.where(uniform < gap, np.nan, days)


def _employees(raw: Raw, normal: Array, uniform: Array) -> Array:
    """Draw employee counts; about one in six is missing, more often for small companies."""
    employees = np.rint(raw["seats"] * np.exp(1.2 + 0.7 * normal)) + 1
    return np.where(uniform < np.array([0.2, 0.12, 0.06])[raw["segment"]], np.nan, employees)


def _extra_attribute(n: int, seed: int, name: str) -> Array:
    """Draw a further attribute: a number if its name has an odd number, else one of five levels."""
    random = stream(seed, name)
    if is_number(name):
        return np.round(random.standard_normal(n), 3)
    return random.integers(0, 5, n)


def is_number(name: str) -> bool:
    """Return whether a further attribute (`attribute_17`, ...) is a number."""
    return int(name.rpartition("_")[2]) % 2 == 1


def page_names() -> list[str]:
    """Return the landing pages, the most visited first."""
    return [f"/{SECTIONS[page % len(SECTIONS)]}/page-{page + 1:03d}" for page in range(N_PAGES)]


def render(raw: Raw, names: Sequence[str], closed_on: Array) -> dict[str, Any]:
    """Turn drawn prospects into the columns of a table, in the order of `names`."""
    return {name: _render(name, raw[name], closed_on) for name in names}


def _render(name: str, drawn: Array, closed_on: Array) -> Any:
    if name in CATEGORIES:
        return _text(CATEGORIES[name].levels, drawn)
    if name == "landing_page":
        return _text(page_names(), drawn)
    if name == "first_contact_on":
        return (closed_on - drawn.astype("timedelta64[D]")).astype("datetime64[us]")
    if name in ("plan_code", "contract_term_months"):
        return np.array(PLAN_CODES if name == "plan_code" else TERMS)[drawn]
    if name in CORE:
        return drawn.astype(np.int64) if name == "seats" else drawn
    return drawn if is_number(name) else _text(("a", "b", "c", "d", "e"), drawn)


def _text(levels: Sequence[str], codes: Array) -> Any:
    return pd.array(list(levels), dtype="str").take(codes)
