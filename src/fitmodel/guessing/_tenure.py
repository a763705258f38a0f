"""Names of columns that may hold the time that customers stayed, and its unit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fitmodel.tables.values import NumberForm, is_text, read_numbers

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

AGREED_TERMS = frozenset({1, 2, 3, 6, 9, 12, 18, 24, 36, 48, 60})
"""Numbers of months for which contracts are agreed."""
_SINCE_AN_EVENT = re.compile(
    r"\b(last|latest|recent|log ?in|purchase|order|contacted|visit|payment|ticket|seen|used?"
    r"|promotion|manager|role|position|job|address|agent)\b|\b(letzt|derni|últim|ultim)\w*|上次|最近|最后"
)
_FIRST = re.compile(r"\b(first|erst\w*|premi\w+|primer\w*|primeir\w*)\b|首次|第一")
_AGE = re.compile(r"^(customer )?age$")
MIN_AGE_OF_A_PERSON = 15  # an age in years has no smaller values; months as a customer have
UNIT_WORDS = {
    "months": re.compile(
        r"\b(months?|monate|mes|meses|mois|mês|mesi|miesi\w+|maanden|ay)\b|月|개월|месяц\w*|أشهر"
    ),
    "days": re.compile(
        r"\b(days?|tage|jours|días|dias|giorni|dni|dagen|gün)\b|[天日]|일수|дн(ей|и)"
    ),
    "weeks": re.compile(
        r"\b(weeks?|wochen|semaines|semanas|settimane|tygodni\w*|weken|hafta)\b|周|недел\w*"
    ),
    "years": re.compile(r"\b(years?|jahre|ans|años|anos|années|anni|lat|jaren|yil)\b|年|лет\b"),
}
"""Words in the name of a tenure that give its unit."""


def may_be_tenure(words: str, values: Collection[float]) -> bool:
    """Return whether a column named like a tenure can be the time that customers stayed.

    The time since the last login, the age of a person and the agreed term of a contract cannot.

    Parameters
    ----------
    words : str
        The column's name as plain words.
    values : collection of float
        The distinct values of the column.
    """
    if _SINCE_AN_EVENT.search(words) and not _FIRST.search(words):
        return False
    if _AGE.search(words) and min(values, default=0) >= MIN_AGE_OF_A_PERSON:
        return False
    return not AGREED_TERMS.issuperset(values)


def tenure_unit(words: str) -> str | None:
    """Return the unit of a tenure from its name; None if the name gives none, or several."""
    units = [unit for unit, pattern in UNIT_WORDS.items() if pattern.search(words)]
    return units[0] if len(units) == 1 else None


def unit_of_values(cells: pd.Series[Any]) -> str | None:
    """Return the unit of a tenure from its values, such as "412 days"; None if they have none."""
    form = read_numbers(cells).form if is_text(cells) else None
    return tenure_unit(form.unit) if isinstance(form, NumberForm) and form.unit else None
