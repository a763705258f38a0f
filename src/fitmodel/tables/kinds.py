"""What a column of values is: numbers, codes, or flags; asked alike by reading and learning."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.tables.values import (
    UNKNOWN,
    distinct,
    flag_text,
    is_missing,
    level_text,
    read_numbers,
)

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from fitmodel.tables.values import NumberForm, Reading

NUMBER_SHARE = 0.95  # of the filled-in texts must read as numbers for the column to be one
CODE_NAME = re.compile(
    r"(^|[_\W])(code|id|zip|postcode|postal|plz|sku|number|no|nr)$", re.IGNORECASE
)
MAX_CODE_LEVELS = 1_000


def reads_as_numbers(values: pd.Series[Any], form: NumberForm | None = UNKNOWN) -> bool:
    """Tell numbers from categories by type and content; flags and codes are categories.

    Parameters
    ----------
    values : Series
    form : NumberForm, optional
        How the numbers are written; None to settle it on the column.
    """
    return as_numbers(values, form) is not None


def as_numbers(values: pd.Series[Any], form: NumberForm | None = UNKNOWN) -> Reading | None:
    """Give the numbers of a column, see `reads_as_numbers`; None where it is no column of them."""
    texts = [level_text(value) for value in distinct(values)[1] if not is_missing(value)]
    if not texts or all(flag_text(text) in {"yes", "no"} for text in texts):
        return None
    reading = read_numbers(values, form)
    numbers = reading.series.to_numpy()
    filled = np.isfinite(numbers) | reading.unreadable
    if reading.unreadable.sum() > (1 - NUMBER_SHARE) * max(int(filled.sum()), 1):
        return None
    known = numbers[np.isfinite(numbers)]
    return None if looks_like_codes(str(values.name), known) else reading


def looks_like_codes(name: str, numbers: NDArray[np.float64]) -> bool:
    """Tell whether whole numbers are names of things (a plan code) rather than amounts.

    They are when the attribute's name says so, or when few distinct large values recur with wide
    gaps between them: 1001, 1002, 2001 in a thousand deals is a price list, not a quantity.
    """
    if len(numbers) == 0 or not np.array_equal(numbers, np.round(numbers)):
        return False
    levels = np.unique(numbers)
    if len(levels) > min(MAX_CODE_LEVELS, max(len(numbers) // 5, 2)):
        return False
    if CODE_NAME.search(name):
        return True
    recurring = len(numbers) >= 20 * len(levels)
    large = levels[0] >= 100  # noqa: PLR2004 - counts and scales start near 0
    return bool(recurring and large and len(levels) <= 50)  # noqa: PLR2004 - a price list
