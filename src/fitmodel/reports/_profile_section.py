"""Section of the sales page: the ideal customer profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitmodel.language.catalogue import phrases, read_texts
from fitmodel.reports._html import as_png
from fitmodel.reports._section import Section
from fitmodel.sales.profile_plot import plot_profile

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.sales.profile import Profile


def profile_section(profile: Profile, *, language: str = "en") -> Section:
    """Build the part of the page.

    Parameters
    ----------
    profile : Profile
        Computed in the same language.
    language : {"en", "zh"}

    Returns
    -------
    Section
        With ``customer_profile.csv``, everything that was looked at.
    """
    say = phrases(language, "profile")
    basis = say(
        "basis",
        looked=f"{len(profile.table):,}",
        least=profile.least_deals,
        deals=f"{profile.company['deals']:,}",
        horizon=profile.horizon_months,
    )
    worst, best = profile.riskiest, profile.safest
    result = len(worst) + len(best) > 0
    values: dict[str, Any] = {
        "id": "profile",
        "title": say("title"),
        "text": read_texts(language, "profile"),
        "basis": basis,
        "plot": as_png(plot_profile(profile, language=language)) if result else "",
        "riskiest": _rules(worst),
        "safest": _rules(best),
    }
    table = profile.table.drop(columns="parts").set_index("segment")
    return Section("_profile.html.j2", values, {"customer_profile.csv": table})


def _rules(named: pd.DataFrame) -> list[str]:
    return [str(rule) for rule in named["rule"]]
