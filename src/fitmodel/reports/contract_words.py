"""Warnings, in words, about contracts that cannot end within the horizon."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fitmodel.deals.contract_terms import candidate_columns, find_bound_deals
from fitmodel.language.catalogue import phrases

if TYPE_CHECKING:
    from fitmodel.deals.history import HistoryView


def contract_warnings(view: HistoryView, language: str = "en") -> list[str]:
    """
    Return warnings about values whose customers cannot leave within the horizon.

    An example is a contract term of one year.

    Parameters
    ----------
    view : HistoryView
        View of the deals with their labels.
    language : {"en", "zh"}
        Language of the warnings.

    Returns
    -------
    list of str
        One sentence per value found by `fitmodel.deals.contract_terms.find_bound_deals`.
    """
    say, age = phrases(language, "sales_page"), view.spec.label.horizon_months
    return [
        say(
            "bound",
            column=group.column,
            value=group.value,
            early=group.left_by_age,
            deals=group.deals,
            later=group.left_later,
            term=group.term_months,
            age=age,
            remedy=group.term_months + 1,
        )
        for group in find_bound_deals(view, age, candidate_columns(view))
    ]
