"""Parse the text of a number: sign, digits with marks, power of ten, unit.

"$ 1,234.50" -> "1,234.50", 0, "USD"; "12 %" -> "12", -2, "%"; "1.2k" -> "1.2", 3, "".
Standard library only: this file is on the path of a single prospect.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from fitmodel.tables.vocabulary import (
    CURRENCY_CODES,
    CURRENCY_SIGNS,
    GLUED_UNITS,
    MONEY_SCALES,
    SCALES,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


PERCENT = "%"
LONGEST = 80  # characters; a longer text is not a number with a unit


class UnreadableValueError(ValueError):
    """The value is not of the attribute's kind, for example text in a number."""


class UnclearNumberError(UnreadableValueError):
    """The text is a number, but its marks do not tell which."""


@dataclass(frozen=True)
class NumberForm:
    """How the numbers of a column are written.

    Parameters
    ----------
    decimal : {".", ","}
    thousands : {"", ".", ","}
        The mark that groups digits; empty where none was seen. Spaces and apostrophes group
        digits in every form.
    unit : str
        A currency's code, "%" or a word; empty where none was seen.
    settled : bool
        Whether a whole column told the form. One text alone cannot tell what 1,234 is.
    contested : bool
        Whether the file at hand is written in another form: then 1,234 alone tells nothing.
    """

    decimal: str = "."
    thousands: str = ""
    unit: str = ""
    settled: bool = True
    contested: bool = False

    def __str__(self) -> str:
        return f"1{self.thousands}234{self.decimal}5"


UNKNOWN = NumberForm(settled=False)
UNKNOWN_WITH_COMMA = NumberForm(decimal=",", settled=False)
"""Of a file whose numbers have a decimal comma, where training saw no text in the column."""
EXAMPLES = {
    str(form): form
    for form in (
        NumberForm(),
        NumberForm(thousands=","),
        NumberForm(decimal=","),
        NumberForm(decimal=",", thousands="."),
    )
}
"""The forms by the way they write one thousand two hundred thirty-four and a half."""


class NumberText(NamedTuple):
    """A number's text taken apart."""

    digits: str
    power: int
    unit: str


_SIGNS = "|".join(map(re.escape, sorted(CURRENCY_SIGNS, key=len, reverse=True)))
_CODES = "|".join(sorted(CURRENCY_CODES))
_CURRENCY = rf"(?:(?:{_SIGNS})|(?:{_CODES})(?![A-Za-z]))"
_GAP = "[\\s'\N{RIGHT SINGLE QUOTATION MARK}]"
_DIGITS = rf"(?:\d{{1,3}}(?:{_GAP}\d{{3}})+(?:[.,]\d*)?|\d[\d.,]*|[.,]\d+)(?:[eE][+-]?\d+)?"
_NUMBER = re.compile(
    rf"(?P<open>\()?\s*(?P<minus>[+-]?)\s*(?:(?P<before>{_CURRENCY})\s*)?(?P<inner>[+-]?)"
    rf"(?P<digits>{_DIGITS})(?P<gap>\s*)(?P<after>[^\d\s()+-][^\d()+-]*?)?\s*"
    rf"(?P<behind>-)?\s*(?P<close>\))?"
)
_GAPS = re.compile(_GAP)
_CURRENCIES = CURRENCY_CODES | frozenset(CURRENCY_SIGNS.values())
_SCALE = "|".join(map(re.escape, sorted(SCALES, key=len, reverse=True)))
_AFTER = re.compile(
    rf"(?P<scale>{_SCALE})?(?:^|\s*|$)(?P<currency>{_CURRENCY})?\s*"
    r"(?P<per>(?:/|per |p\. ?)\s*[^\W\d_]{1,12}\.?)?"
)
_WORD = re.compile(r"[^\W\d_]+\.?")
_IN_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(?:[.,]\d{3})+")  # 1.234, and no 0.123 or 1234.567
_GROUPED = {
    mark: re.compile(
        rf"[+-]?(?:[1-9]\d{{0,2}}(?:{re.escape(mark)}\d{{3}})+"
        rf"|[1-9]\d?(?:{re.escape(mark)}\d{{2}})+{re.escape(mark)}\d{{3}})"
        rf"(?:{re.escape(other)}\d*)?"
    )
    for mark, other in ((".", ","), (",", "."))
}


def _asking(mark: str, thousands: str) -> re.Pattern[str]:
    """Numbers that make sense only with `mark` before their decimals."""
    d, t = re.escape(mark), re.escape(thousands)
    forms = (
        rf"[\d{t}]*{d}(?:\d{{1,2}}|\d{{4,}})",
        rf"\d{{4,}}{d}\d+",
        rf"0?{d}\d+",
        rf"\d{{1,3}}(?:{t}\d{{3}})+{d}\d+",
        rf"\d{{1,3}}(?:{t}\d{{3}}){{2,}}",
    )
    return re.compile(rf"[+-]?(?:{'|'.join(forms)})")


_ASKING = {",": _asking(",", "."), ".": _asking(".", ",")}


def take_apart(text: str) -> NumberText | None:
    """Take the text of a number apart; None where it is the text of no number."""
    text = text.strip().replace("\N{MINUS SIGN}", "-")
    result = _NUMBER.fullmatch(text) if len(text) <= LONGEST else None
    if result is None:
        return None
    opened, sign, before, inner, digits, gap, after, behind, closed = result.groups()
    signs = [mark for mark in (sign, inner, behind, opened) if mark]
    if bool(opened) != bool(closed) or len(signs) > 1:
        return None
    counted = _unit(after or "", glued=not gap, money=bool(before))
    if counted is None:
        return None
    power, unit = counted
    if before:
        if _is_currency(unit):
            return None
        unit = _code(before) + unit
    minus = "-" if signs and signs[0] != "+" else ""
    return NumberText(minus + _GAPS.sub("", digits), power, unit)


def _unit(text: str, *, glued: bool, money: bool) -> tuple[int, str] | None:
    """Power of ten and unit of what stands behind the digits; None where it is neither."""
    if not text:
        return 0, ""
    if text == PERCENT:
        return -2, PERCENT
    known = _AFTER.fullmatch(text)
    if known is not None and (money or known["currency"] or known["scale"] not in MONEY_SCALES):
        code = _code(known["currency"]) if known["currency"] else ""
        per = f"/{_singular(known['per'].lstrip('/per. '))}" if known["per"] else ""
        return SCALES.get(known["scale"] or "", 0), code + per
    if not _WORD.fullmatch(text) or (glued and text.lower() not in GLUED_UNITS):
        return None
    return (0, _singular(text)) if len(text) > 1 or glued or not text.isascii() else None


def _singular(word: str) -> str:
    word = word.lower().rstrip(".")
    return word[:-1] if len(word) > 2 and word.endswith("s") else word  # noqa: PLR2004 - "users", not "is"


def _code(sign: str) -> str:
    return CURRENCY_SIGNS.get(sign, sign)


def _is_currency(unit: str) -> bool:
    return unit.partition("/")[0] in _CURRENCIES


def currency_of(unit: str) -> str:
    """Give the currency of a unit such as "USD/month"; empty where it has none."""
    return unit.partition("/")[0] if _is_currency(unit) else ""


def value_of(number: NumberText, form: NumberForm) -> float:
    """Read the digits in a form.

    Raises
    ------
    UnclearNumberError
        If another form would make another number of them, and none was settled.
    ValueError
        If they are not numbers in this form.
    """
    digits = number.digits
    digits = _plain(digits, form) if form.settled else _plain_alone(digits, form)
    return float(f"{digits}e{number.power}" if number.power else digits)


def _plain_alone(digits: str, form: NumberForm) -> str:
    """Digits as Python writes them, as far as one text alone can tell."""
    point, comma = "." in digits, "," in digits
    grouped = (comma or form.decimal == ",") and _IN_GROUPS.fullmatch(digits)
    if (point and comma) or grouped:
        raise UnclearNumberError(digits)
    return digits.replace(",", ".") if form.decimal == "," else digits


def _plain(digits: str, form: NumberForm) -> str:
    """Digits as Python writes them, in the form of the column."""
    other = "," if form.decimal == "." else "."
    if other in digits and _GROUPED[other].fullmatch(digits):
        unseen = other == "." and form.thousands != other  # 1.234 where all else is as 0,5
        if (unseen or form.contested) and form.decimal not in digits:
            raise UnclearNumberError(digits)
        digits = digits.replace(other, "")
    return digits.replace(",", ".") if form.decimal == "," else digits


def settle_form(numbers: Sequence[NumberText | None], rows: Iterable[int]) -> NumberForm:
    """Find the form of a column of numbers, the comma as decimal mark only where more rows ask.

    1.234,5 and 1,5 and 1.234.567 and 1234,567 ask for a comma, 1,234.5 and the like for a point;
    1,234 alone asks for nothing and reads as one thousand two hundred thirty-four.
    """
    asked = {",": 0, ".": 0}
    units: dict[str, int] = {}
    for number, count in zip(numbers, rows, strict=True):
        if number is None:
            continue
        units[number.unit] = units.get(number.unit, 0) + count
        for mark, pattern in _ASKING.items():
            if mark in number.digits or "." in number.digits or "," in number.digits:
                asked[mark] += count * bool(pattern.fullmatch(number.digits))
    decimal = "," if asked[","] > asked["."] else "."
    other = "," if decimal == "." else "."
    seen = any(n is not None and _GROUPED[other].fullmatch(n.digits) for n in numbers)
    named = {unit: count for unit, count in units.items() if unit}
    commonest = max(named, key=lambda unit: named[unit], default="")
    if commonest == PERCENT and units.get("", 0) > units[PERCENT]:
        commonest = ""
    return NumberForm(decimal, other if seen else "", commonest)


def is_other_unit(unit: str, form: NumberForm) -> bool:
    """Tell whether a number of this unit cannot stand in a column of the form.

    A number without a unit has the column's, except where that is "%": 15 is no 15 %.
    """
    if unit == form.unit:
        return False
    if PERCENT in {unit, form.unit}:
        return True
    return bool(unit and form.unit)
