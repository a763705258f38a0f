"""Questions about units that neither a column's name nor the contract says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fitmodel.guessing._doubt import Doubt
from fitmodel.guessing._money import unit_by_name
from fitmodel.guessing._names import TURNOVER, as_words, tenure_unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fitmodel.deals.contract import DealSpec


def about_units(spec: DealSpec) -> Iterator[Doubt]:
    """Tenure and amount whose unit neither the name nor the contract says."""
    roles = spec.deals
    tenure, amount = roles.tenure_months, roles.amount
    if tenure is not None and roles.tenure_unit is None and tenure_unit(as_words(tenure)) is None:
        yield Doubt(
            "tenure-unit",
            tenure,
            f"{tenure}: taken for MONTHS from signing to leaving or to the extract",
            '[deals] tenure_unit = "months", "years", "weeks" or "days"',
        )
    if amount is None or roles.amount_per is not None:
        return
    unit = unit_by_name(as_words(amount))
    if TURNOVER.search(as_words(amount)):
        yield Doubt(
            "turnover",
            amount,
            f"{amount}: is it what the contract is worth in a year, and not the turnover of the "
            "customer's own firm?",
            '[deals] amount_per = "year" where it is the contract, else take amount out',
        )
    elif unit != "year":
        taken = "by its name it is per month" if unit else "the name does not say per what time"
        yield Doubt(
            "amount-unit",
            amount,
            f"{amount}: taken for the value of a YEAR of the contract, but {taken}",
            '[deals] amount_per = "year", "quarter", "month", "week" or "day"; or "contract" with '
            "contract_months",
        )
