"""How a contract may say that money is written: one number between plain text."""

from __future__ import annotations

import re

PLAIN_MONEY = "{:,.0f}"
_MONEY_FORMAT = re.compile(r"[^{}]*\{:[,_]?(\.\d{1,2})?[fg]?\}[^{}]*")


def formats_money(text: str) -> bool:
    """Tell whether a text has one place for a number, as ``"€ {:,.0f}"``, and nothing else."""
    return _MONEY_FORMAT.fullmatch(text) is not None
