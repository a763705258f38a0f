"""Parse the text of a number: sign, digits with separators, power of ten, unit.

"$ 1,234.50" -> "1,234.50", 0, "USD"; "12 %" -> "12", -2, "%"; "1.2k" -> "1.2", 3, "".
Does not import pandas: this code runs for every single prospect and must load quickly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from fitmodel.tables.vocabulary import (
    BEFORE_CURRENCY,
    CURRENCY_CODES,
    CURRENCY_SIGNS,
    GLUED_UNITS,
    MONEY_SCALES,
    SCALES,
    UNCLEAR_SCALES,
    plain_digits,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


PERCENT = "%"
MAX_LENGTH = 80  # a longer text is not a number with a unit


class UnreadableValueError(ValueError):
    """The value does not have the attribute's kind, for example a text instead of a number."""


class UnclearNumberError(UnreadableValueError):
    """The text is a number, but its decimal mark is unclear, as in 1,234."""


@dataclass(frozen=True)
class NumberForm:
    """How the numbers of a column are written.

    Parameters
    ----------
    decimal : {".", ","}
        The decimal mark.
    thousands : {"", ".", ","}
        The thousands separator; empty if none occurred. Spaces and apostrophes are always
        accepted as thousands separators.
    unit : str
        A currency code, "%" or a word; empty if none occurred.
    settled : bool
        Whether the form was detected in a whole column. A single text does not show what 1,234
        means.
    contested : bool
        Whether the present file is written in another form. Then 1,234 is unclear.
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
"""Form for a file with decimal commas, if the column was numeric in training."""
EXAMPLES = {
    str(form): form
    for form in (
        NumberForm(),
        NumberForm(thousands=","),
        NumberForm(decimal=","),
        NumberForm(decimal=",", thousands="."),
    )
}
"""The forms by their text for one thousand two hundred thirty-four and a half."""


class NumberText(NamedTuple):
    """The parts of a number's text."""

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
_DASH_FOR_CENTS = re.compile(
    r"(?<=\d)(?P<mark>[.,])(?:--?|[\N{EN DASH}\N{EM DASH}])(?!\d)"
)  # 1'200.- is 1200
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


def _pattern_of_decimal_mark(mark: str, thousands: str) -> re.Pattern[str]:
    """Return a pattern of numbers that are valid only with `mark` as the decimal mark."""
    decimal, separator = re.escape(mark), re.escape(thousands)
    forms = (
        rf"[\d{separator}]*{decimal}(?:\d{{1,2}}|\d{{4,}})",
        rf"\d{{4,}}{decimal}\d+",
        rf"0?{decimal}\d+",
        rf"\d{{1,3}}(?:{separator}\d{{3}})+{decimal}\d+",
        rf"\d{{1,3}}(?:{separator}\d{{3}}){{2,}}",
    )
    return re.compile(rf"[+-]?(?:{'|'.join(forms)})")


_PATTERNS_OF_DECIMAL_MARKS = {
    ",": _pattern_of_decimal_mark(",", "."),
    ".": _pattern_of_decimal_mark(".", ","),
}


def parse_number_text(text: str) -> NumberText | None:
    """Return the parts of a number's text; None if the text is not a number."""
    text = _DASH_FOR_CENTS.sub(
        r"\g<mark>0", plain_digits(text).strip().replace("\N{MINUS SIGN}", "-")
    )
    match = _NUMBER.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if match is None:
        return None
    opening, sign, currency_before, inner_sign, digits, gap, unit_after, last_sign, closing = (
        match.groups()
    )
    signs = [mark for mark in (sign, inner_sign, last_sign, opening) if mark]
    if bool(opening) != bool(closing) or len(signs) > 1:
        return None
    power_and_unit = _power_and_unit(
        unit_after or "", is_attached=not gap, has_currency=bool(currency_before)
    )
    if power_and_unit is None:
        return None
    power, unit = power_and_unit
    if currency_before:
        if _is_currency(unit):
            return None
        unit = _code(currency_before) + unit
    sign_text = "-" if signs and signs[0] != "+" else ""
    return NumberText(sign_text + _GAPS.sub("", digits), power, unit)


def _power_and_unit(text: str, *, is_attached: bool, has_currency: bool) -> tuple[int, str] | None:
    """Return power of ten and unit of the text after the digits; None if it is neither."""
    if not text:
        return 0, ""
    if text == PERCENT:
        return -2, PERCENT
    match = _AFTER.fullmatch(text)
    if match is not None and _is_scale(match, has_currency=has_currency):
        code = _code(match["currency"]) if match["currency"] else ""
        per = f"/{_singular(match['per'].lstrip('/per. '))}" if match["per"] else ""
        return SCALES.get(match["scale"] or "", 0), code + per
    if not _WORD.fullmatch(text) or (is_attached and text.lower() not in GLUED_UNITS):
        return None
    if _singular(text) in UNCLEAR_SCALES:
        return None
    return (0, _singular(text)) if len(text) > 1 or is_attached or not text.isascii() else None


def _is_scale(match: re.Match[str], *, has_currency: bool) -> bool:
    """Return whether the suffix found after a number means a power of ten here."""
    scale, currency = match["scale"], match["currency"]
    if scale in BEFORE_CURRENCY:
        return bool(currency)
    return bool(has_currency or currency or scale not in MONEY_SCALES)


def _singular(word: str) -> str:
    word = word.lower().rstrip(".")
    return word[:-1] if len(word) > 2 and word.endswith("s") else word  # noqa: PLR2004 - "users", not "is"


def _code(sign: str) -> str:
    return CURRENCY_SIGNS.get(sign, sign)


def _is_currency(unit: str) -> bool:
    return unit.partition("/")[0] in _CURRENCIES


def currency_of(unit: str) -> str:
    """Return the currency of a unit such as "USD/month"; "" if it has none."""
    return unit.partition("/")[0] if _is_currency(unit) else ""


def value_of(number: NumberText, form: NumberForm) -> float:
    """Return the value of a number's parts, read in a form.

    Raises UnclearNumberError if the form was not detected and the digits allow two values. Raises
    ValueError if the digits are not a number in this form.
    """
    digits = number.digits
    digits = _plain(digits, form) if form.settled else _plain_of_one_value(digits, form)
    return float(f"{digits}e{number.power}" if number.power else digits)


def _plain_of_one_value(digits: str, form: NumberForm) -> str:
    """Return digits as Python writes them, for a form that was not detected in a column."""
    point, comma = "." in digits, "," in digits
    grouped = (comma or form.decimal == ",") and _IN_GROUPS.fullmatch(digits)
    if (point and comma) or grouped:
        raise UnclearNumberError(digits)
    return digits.replace(",", ".") if form.decimal == "," else digits


def _plain(digits: str, form: NumberForm) -> str:
    """Return digits as Python writes them, for the detected form of a column."""
    other = "," if form.decimal == "." else "."
    if other in digits and _GROUPED[other].fullmatch(digits):
        # 1.234 in a column of 0,5 and the like
        is_thousands = other == "." and form.thousands != other
        if (is_thousands or form.contested) and form.decimal not in digits:
            raise UnclearNumberError(digits)
        digits = digits.replace(other, "")
    return digits.replace(",", ".") if form.decimal == "," else digits


def detect_number_form(numbers: Sequence[NumberText | None], rows: Iterable[int]) -> NumberForm:
    """Return the form of a column of numbers, by the decimal mark that more rows need.

    1.234,5 and 1,5 and 1.234.567 and 1234,567 need a decimal comma, 1,234.5 and similar numbers a
    point. 1,234 alone needs neither, and is read as one thousand two hundred thirty-four.
    """
    rows_by_mark = {",": 0, ".": 0}
    units: dict[str, int] = {}
    for number, count in zip(numbers, rows, strict=True):
        if number is None:
            continue
        units[number.unit] = units.get(number.unit, 0) + count
        for mark, pattern in _PATTERNS_OF_DECIMAL_MARKS.items():
            if mark in number.digits or "." in number.digits or "," in number.digits:
                rows_by_mark[mark] += count * bool(pattern.fullmatch(number.digits))
    decimal = "," if rows_by_mark[","] > rows_by_mark["."] else "."
    other = "," if decimal == "." else "."
    has_groups = any(n is not None and _GROUPED[other].fullmatch(n.digits) for n in numbers)
    with_unit = {unit: count for unit, count in units.items() if unit}
    most_frequent = max(with_unit, key=lambda unit: with_unit[unit], default="")
    if most_frequent == PERCENT and units.get("", 0) > units[PERCENT]:
        most_frequent = ""
    return NumberForm(decimal, other if has_groups else "", most_frequent)


def is_other_unit(unit: str, form: NumberForm) -> bool:
    """Return whether a number's unit does not fit a column's form.

    A number without a unit has the unit of the column, unless that is "%": 15 is not 15 %.
    """
    if unit == form.unit:
        return False
    if PERCENT in {unit, form.unit}:
        return True
    return bool(unit and form.unit)
