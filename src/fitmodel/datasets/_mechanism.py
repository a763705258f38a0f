"""Log-odds of early churn in simulated deals, from attributes, closing date and rep."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.datasets._attributes import N_PAGES, SECTIONS, Array, Raw, is_number, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

EFFECT_SIZE = 0.83  # of all effects below: puts the AUC of the true probability near 0.78
LEVEL_EFFECTS = {
    "segment": (0.35, 0.0, -0.45),
    "lead_source": (-0.25, 0.45, -0.1, 0.15, -0.7),
    "onboarding_package": (0.45, 0.0, -0.55),
    "industry": (-0.25, 0.3, -0.1, -0.3, 0.1, -0.2, 0.6, 0.05, 0.35, -0.6),
    "has_crm_integration": (0.35, -0.3),
    "region": (0.0, -0.1, 0.05, -0.15, 0.05, 0.15),
    "competitor_in_use": (0.0, -0.15, 0.3),
    "contract_term_months": (0.5, 0.0, -0.25, -0.4),
    "plan_code": (0.0, 0.3, -0.25, 0.2, -0.3, 0.35, -0.1, 0.5),
}
SECTION_EFFECTS = dict(zip(SECTIONS, (0.05, -0.15, -0.3, 0.0, 0.2, 0.3, -0.25, 0.4), strict=True))


def attribute_log_odds(raw: Raw, names: Collection[str], age: Array, drift: float) -> Array:
    """Sum the effects of the attributes a table shows; one it does not show has none.

    Parameters
    ----------
    raw : dict of str to ndarray of shape (n,)
        From `draw_attributes`.
    names : collection of str
        Attributes that the table shows.
    age : ndarray of shape (n,)
        Closing date on a scale from 0 (first day of the extract) to 1 (its end).
    drift : float
        How far effects move with the closing date.

    Returns
    -------
    ndarray of shape (n,)
        Log-odds, not centred.
    """
    total = np.zeros(len(age))
    for name in names:
        total += _main_effect(name, raw[name]) * _fading(name, age, drift)
    if {"segment", "lead_source"} <= set(names):
        total += 0.6 * ((raw["segment"] == 0) & (raw["lead_source"] == 1))
    if {"seats", "onboarding_package"} <= set(names):
        total += 0.4 * (raw["onboarding_package"] == 0) * np.maximum(np.log(raw["seats"]) - 3, 0)
    return EFFECT_SIZE * total


def _fading(name: str, age: Array, drift: float) -> Array | float:
    """Under drift the effect of the lead source fades and that of the discount grows."""
    return {"lead_source": 1 - drift * age, "discount": 1 + drift * age}.get(name, 1.0)


def _main_effect(name: str, x: Array) -> Array:
    if name in LEVEL_EFFECTS:
        return np.array(LEVEL_EFFECTS[name])[x]
    if name == "landing_page":
        return _page_effects()[x]
    if name in _CURVES:
        return np.asarray(_CURVES[name](x))
    return _weak_effect(name, x)


_CURVES: dict[str, Callable[[Array], Array]] = {
    # large customers stay, with less and less to gain from one more seat
    "seats": lambda x: -0.7 * np.tanh((np.log(x) - 2.5) / 1.5),
    # very small contracts are left lightly
    "annual_value": lambda x: 0.3 * np.maximum(8.0 - np.log(x), 0),
    # a fifth off does no harm; beyond it the discount bought the signature
    "discount": lambda x: 3.0 * np.maximum(x - 0.2, 0),
    # hurried deals and dragging ones are both riskier
    "first_contact_on": lambda x: 0.45 * np.minimum((np.log(x) - 4.0) ** 2, 4.0) - 0.3,
    # a used trial tells; no record tells a little
    "trial_days": lambda x: np.where(np.isnan(x), 0.25, 0.5 * np.tanh((12 - np.nan_to_num(x)) / 8)),
    "employees": lambda x: np.where(
        np.isnan(x), 0.1, 0.08 * (4.5 - np.log(np.nan_to_num(x, nan=90.0)))
    ),
}


@cache
def _page_effects() -> Array:
    """Effect of each landing page: that of its section and a little of its own (sd 0.15)."""
    section = [SECTION_EFFECTS[SECTIONS[page % len(SECTIONS)]] for page in range(N_PAGES)]
    return np.array(section) + 0.15 * stream(0, "pages").standard_normal(N_PAGES)


def _weak_effect(name: str, x: Array) -> Array:
    """Give one further attribute in three a weak effect; the others are noise."""
    if int(name.rpartition("_")[2]) % 3:
        return np.zeros(len(x))
    return 0.1 * x if is_number(name) else 0.1 * (x - 2.0)


def probability(log_odds: Array) -> Array:
    """Return the probability of log-odds."""
    return 1.0 / (1.0 + np.exp(-log_odds))


def centre_at(log_odds: Array, mean: float) -> float:
    """Return the shift of the log-odds that makes their mean probability `mean` (Newton)."""
    shift = float(np.log(mean / (1 - mean)) - log_odds.mean())
    for _ in range(50):
        p = probability(log_odds + shift)
        shift -= (p.mean() - mean) / (p * (1 - p)).mean()
    return shift
