"""How a contract may write money: the format of an amount, and a cost as a share of one."""

from __future__ import annotations

import re
from functools import cache

PLAIN_MONEY = "{:,.0f}"
_SHARE = re.compile(r"(\d{1,4}(?:[.,]\d{1,2})?)\s*[%％]")  # noqa: RUF001 - the wide sign of Chinese texts too
_MONEY_FORMAT = re.compile(r"[^{}]*\{:[,_]?(\.\d{1,2})?[fg]?\}[^{}]*")


def formats_money(text: str) -> bool:
    """Tell whether a text has one place for a number, as ``"€ {:,.0f}"``, and nothing else."""
    return _MONEY_FORMAT.fullmatch(text) is not None


@cache
def read_share(text: str) -> float | None:
    """Read a share of the yearly amount written in per cent, such as "8 %"; None for other text.

    Both decimal marks are read: one mark of at most two digits after it can mean nothing else.
    """
    result = _SHARE.fullmatch(text.strip())
    return None if result is None else float(result.group(1).replace(",", ".")) / 100.0
