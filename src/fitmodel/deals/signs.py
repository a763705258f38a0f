"""Which currency each amount is in, by the sign or code written beside the number."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fitmodel.deals.values import is_text

_SIGN = (
    r"(R\$|US\$|A\$|C\$|HK\$|[$€£¥₹₽₩₺]|\b(?:USD|EUR|GBP|CHF|JPY|CNY|RMB|INR|SEK|NOK|DKK|PLN|CZK|HUF"
    r"|CAD|AUD|NZD|BRL|MXN|SGD|HKD|ZAR|TRY|ARS|CLP|COP)\b|元|zł)"
)
_SAME = {"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "R$": "BRL", "元": "CNY", "RMB": "CNY"}


def currency_signs(amounts: pd.Series[Any]) -> pd.Series[Any]:
    """Read the sign or code of a currency in each amount; missing where there is none.

    "$" and "USD" are one currency, unless the column has dollars of several countries by code.
    """
    if not is_text(amounts):
        return pd.Series(pd.NA, index=amounts.index, dtype="str")
    signs = amounts.astype("str").str.upper().str.extract(_SIGN, expand=False)
    return signs.replace(_SAME)
