"""Parse one date, of any calendar, script or language; detect the form of a column of dates.

"令和6年4月1日" -> "2024年4月1日"; "113/04/01" -> "2024/04/01"; "2024. 4. 1." -> "2024.4.1";
"Fr., 28.11.2025" -> "28.11.2025"; "01/02/2567" -> "01/02/2024"; then the day of the text.
Does not import pandas: this code runs for every single prospect and must load quickly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.tables.vocabulary import plain_digits, plain_letters

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EPOCH = date(1970, 1, 1).toordinal()
EXCEL_ZERO = date(1899, 12, 30).toordinal() - EPOCH
EXCEL_FIRST, EXCEL_LAST = 20_000, 80_000  # serial numbers of 1954 to 2119
SECONDS_OF_DAY = 86_400
MIN_SECONDS, MAX_SECONDS = 300_000_000, 5_000_000_000  # of 1979 to 2128
ISO, YEAR_FIRST, NAMED, DAY_FIRST, MONTH_FIRST = (
    "iso",
    "year first",
    "month name",
    "day first",
    "month first",
)
EXCEL, DIGITS, SECONDS, MILLISECONDS = "excel", "yyyymmdd", "seconds", "milliseconds"
ORDERS = (ISO, YEAR_FIRST, NAMED, DAY_FIRST, MONTH_FIRST, EXCEL, DIGITS, SECONDS, MILLISECONDS)
"""The forms of a date, as named in the contract; if several fit, the first one is used."""
NUMBERS = (EXCEL, DIGITS, SECONDS, MILLISECONDS)
EITHER = "either"
"""Order of a column whose dates can all be read as day first and as month first."""

_LENGTH = len("YYYY-MM-DD")
_TIME = r"(?:,?[T ]+(?:(?:오전|오후|上午|下午|午前|午後) ?)?\d{1,2}[:.h]\d{2}.*)?"
_YEAR_FIRST = re.compile(
    rf"(\d{{4}})(?:([/.-])(\d{{1,2}})(?:\2(\d{{1,2}}))?|年(\d{{1,2}})月(?:(\d{{1,2}})日)?){_TIME}"
)
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([/.-])(\d{{1,2}})\2(\d{{4}}|\d{{2}}){_TIME}")
_DAY_NAME = re.compile(
    rf"(?:[^\W\d]+\.?,? )?(\d{{1,2}})(?:\.|st|nd|rd|th)?[ /-]*(?:de |of )?([^\W\d]{{3,}})\.?"
    rf"(?:[ ,/-]|de )+(\d{{4}}|\d{{2}})(?: ?[гr]\.?)?{_TIME}"
)
_NAME_DAY = re.compile(rf"([^\W\d]{{3,}})\.? (\d{{1,2}})(?:st|nd|rd|th)?,? +(\d{{4}}){_TIME}")
_DIGITS = re.compile(r"\d+(?:\.\d*)?")
_MONTH_NAMES = """\
1 jan january januar jän jänner januari enero ene janeiro janvier janv gennaio gen январь января
1 янв stycznia styczeń sty ocak oca leden ledna січень січня
2 feb february februar februari febrero fevereiro fev février févr fév febbraio февраль февраля
2 фев lutego luty lut şubat şub únor února лютий лютого
3 mar march märz mär mrz maart mrt marzo março mars март марта мар marca marzec mart
3 březen března березень березня
4 apr april abril abr avril avr aprile апрель апреля апр kwietnia kwiecień kwi nisan nis
4 duben dubna квітень квітня
5 may mai mayo maio mei maggio mag maj май мая maja mayıs květen května травень травня
6 jun june juni junio junho juin giugno giu июнь июня июн czerwca czerwiec cze haziran haz
6 červen června червень червня
7 jul july juli julio julho juillet juil luglio lug июль июля июл lipca lipiec lip temmuz tem
7 červenec července липень липня
8 aug august augustus augusti agosto ago août aoû август августа авг sierpnia sierpień sie
8 ağustos ağu srpen srpna серпень серпня
9 sep sept september septiembre set setembro septembre settembre сентябрь сентября сен сент
9 września wrzesień wrz eylül eyl září вересень вересня
10 oct october okt oktober octubre outubro out octobre ottobre ott октябрь октября окт
10 października październik paź ekim eki říjen října жовтень жовтня
11 nov november noviembre novembro novembre ноябрь ноября ноя нояб listopada listopad lis kasım
11 kas listopadu листопад листопада
12 dec december dez dezember diciembre dic dezembro décembre déc dicembre декабрь декабря дек
12 grudnia grudzień gru aralık ara des desember prosinec prosince грудень грудня
"""
MONTHS = {
    plain_letters(name): int(number)
    for number, *names in map(str.split, _MONTH_NAMES.splitlines())
    for name in names
}
"""Number of the month of a name or abbreviation, in lower case and `plain_letters`."""
_WEEKDAYS = (
    "mo mon monday montag tu tue tues tuesday di dienstag we wed wednesday mi mittwoch th thu thur"
    " thurs thursday do donnerstag fr fri friday freitag sa sat saturday samstag sonnabend su sun"
    " sunday so sonntag lun lundi lunes lunedì mar mardi martes martedì mer mercredi mié miércoles"
    " mercoledì jeu jeudi jue jueves gio giovedì ven vendredi vie viernes venerdì sam samedi sáb"
    " sábado sab sabato dim dimanche dom domingo domenica seg segunda terça ter quarta qua "
    "quinta qui"
    " sexta sex ma maandag dinsdag woe wo woensdag don donderdag vr vrij vrijdag za zat zaterdag zo"
    " zon zondag pn pon poniedziałek wt wto wtorek śr śro środa cz czw czwartek pt pią piątek sob"
    " sobota nd nie niedz niedziela пн понедельник вт вторник ср среда чт четверг пт пятница сб "
    "суббота"
    " вс воскресенье pzt pazartesi sal salı çar çarşamba per perşembe cum cuma cmt cumartesi "
    "paz pazar"
)
_LONGEST_FIRST = sorted(set(_WEEKDAYS.split()) - MONTHS.keys(), key=lambda day: (-len(day), day))
_WEEKDAY_BEFORE = re.compile(
    rf"^(?:{'|'.join(_LONGEST_FIRST)})(?:-feira)?\.?,?\s+(?=\w)", re.IGNORECASE
)
_WEEKDAY_OF_SIGNS = re.compile(
    r"\s*[(]\s*(?:[月火水木金土日월화수목금토일一二三四五六天])\s*(?:曜日?|요일)?\s*[)]"
    r"|\s*(?:星期|周|週|礼拜|禮拜)[一二三四五六日天]|\s*[月火水木金土日]曜日?"
    r"|\s*[월화수목금토일]요일"
)
_ERAS = {"令和": 2018, "R": 2018, "平成": 1988, "H": 1988, "昭和": 1925}
_FIRST_MONTHS = {"R": (1, 5), "H": (1, 1)}  # first year and month of an era written as a letter
_ERA = re.compile(
    r"^(?:(令和|平成|昭和)\s?(\d{1,2}|元)\s?[年./-]|([RH])(\d{1,2})[./])"
    r"\s?(\d{1,2})\s?[月./-]\s?(\d{1,2})(?:\s?日)?"
)
_REPUBLIC = re.compile(
    r"^(?:中華民國|中华民国|民國"
    r"|民国)\s?(\d{2,3})\s?[年./-]\s?(\d{1,2})\s?[月./-]\s?(\d{1,2})(?:\s?日)?"
    r"|^(1\d\d|9\d)年(\d{1,2})月(\d{1,2})日|^(1\d\d)([/.-])(\d{1,2})\8(\d{1,2})(?!\d)"
)
_REPUBLIC_ZERO = 1911
_KOREAN = re.compile(r"^(\d{4})(?:\s?년\s?|\.\s)(\d{1,2})(?:\s?월\s?|\.\s)(\d{1,2})(?:\s?일|\.)?")
_BUDDHIST = re.compile(r"(?<!\d)25[4-9]\d(?!\d)")  # years 1997 to 2056 of the Gregorian calendar
_BUDDHIST_ZERO = 543
_USUAL = re.compile(r"(?:19|20)\d\d-\d\d-\d\d")
_HAS_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class DateForm:
    """How the dates of a column are written; YYYY-MM-DD is always accepted too.

    Parameters
    ----------
    order : str
        Name of the form, one of `ORDERS`.
    """

    order: str = ISO


ONLY_ISO = DateForm()


def today() -> date:
    """Return the present day, which replaces the closing date of a prospect without one.

    It is the day in UTC, so that a prospect has the same probability on every machine.
    """
    return datetime.now(UTC).date()


def day_of(value: Any, form: DateForm = ONLY_ISO) -> int | None:
    """Return the days since 1970 of a date, timestamp, ISO text, or value in the column's form.

    None for anything else. The time of day and the time zone are dropped: the day is that of the
    local time.
    """
    if isinstance(value, str):
        text = gregorian(value.strip())
        day = _iso_day(text)
        return day if day is not None or form.order == ISO else _day_of_text(text, form.order)
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else int(value.astype("datetime64[D]").astype("int64"))
    if isinstance(value, date) and value == value:  # noqa: PLR0124 - NaT
        if value.year > date.max.year:  # pandas supports later years than Python
            return day_of(np.datetime64(f"{value.year}-{value.month:02}-{value.day:02}"))
        return value.toordinal() - EPOCH
    # numpy makes a duration an integer, as Python makes a boolean one
    is_number = isinstance(value, int | float | np.integer | np.floating)
    if form.order in NUMBERS and is_number and not isinstance(value, bool | np.timedelta64):
        return day_of_number(float(value), form.order)
    return None


def is_day_in_some_form(value: Any) -> bool:
    """Return whether a value is a date in at least one form."""
    return any(day is not None for day in _days_by_form(value).values())


def _days_by_form(value: Any) -> dict[str, int | None]:
    """Return the day of a value in each form that may fit it; an ISO date fits all."""
    if not isinstance(value, str):
        day = day_of(value)
        if day is None:
            return {order: day_of(value, DateForm(order)) for order in NUMBERS}
        return dict.fromkeys(ORDERS, day)
    text = gregorian(value.strip())
    day = _iso_day(text)
    if day is not None:
        return dict.fromkeys(ORDERS, day)
    days = {order: _day_of_text(text, order) for order in _possible(text)}
    if days.get(DAY_FIRST) is not None and "." in text:
        days[MONTH_FIRST] = None  # dates with dots, such as 03.04.2024, have the day first
    return days


def _iso_day(text: str) -> int | None:
    has_dashes = text[4:5] == "-" == text[7:8] and text[_LENGTH : _LENGTH + 1] in {"", "T", " "}
    if not has_dashes:
        return None
    try:
        return date.fromisoformat(text[:_LENGTH]).toordinal() - EPOCH
    except ValueError:
        return None


def _day_of_text(text: str, order: str) -> int | None:
    if order in NUMBERS:
        return day_of_number(float(text), order) if _DIGITS.fullmatch(text) else None
    if order == YEAR_FIRST:
        result = _YEAR_FIRST.fullmatch(text)
        if result is None:
            return None
        year, _, month, day, written_month, written_day = result.groups()
        return _calendar_day(year, month or written_month, day or written_day or "1")
    if order == NAMED:
        return _named_day(text)
    result = _YEAR_LAST.fullmatch(text)
    if result is None:
        return None
    first, _, second, year = result.groups()
    return _calendar_day(year, *((second, first) if order == DAY_FIRST else (first, second)))


def _named_day(text: str) -> int | None:
    if result := _DAY_NAME.fullmatch(text):
        day, name, year = result[1], result[2], result[3]
    elif result := _NAME_DAY.fullmatch(text):
        name, day, year = result[1], result[2], result[3]
    else:
        return None
    month = MONTHS.get(plain_letters(name).lower())
    return None if month is None else _calendar_day(year, str(month), day)


def _calendar_day(year: str, month: str, day: str) -> int | None:
    full_year = int(year)
    if len(year) == 2:  # noqa: PLR2004 - as POSIX reads two digits: 69 is 1969, 68 is 2068
        full_year += 1900 if full_year >= 69 else 2000  # noqa: PLR2004
    try:
        return date(full_year, int(month), int(day)).toordinal() - EPOCH
    except ValueError:
        return None


def day_of_number(number: float, order: str) -> int | None:
    """Return days since 1970 of Excel's serial number, 20240131, seconds or milliseconds."""
    if order == EXCEL:
        return EXCEL_ZERO + int(number) if EXCEL_FIRST <= number <= EXCEL_LAST else None
    if order == DIGITS:
        text = f"{int(number):08}" if 0 < number < 10**8 and number == int(number) else ""
        return _calendar_day(text[:4], text[4:6], text[6:]) if text else None
    seconds = number / 1000 if order == MILLISECONDS else number
    return int(seconds // SECONDS_OF_DAY) if MIN_SECONDS <= seconds <= MAX_SECONDS else None


def detect_date_order(
    values: Sequence[Any], rows: Iterable[int], hint: str | None = None
) -> tuple[str, bool]:
    """Return the form that can read most rows of a column, and whether its order is unclear.

    `hint`, {"day first", "month first"}: order to use if the column allows both, from the contract
        or another date column.
    """
    counts = list(rows)
    read_rows, is_ambiguous = dict.fromkeys(ORDERS, 0), False
    for value, count in zip(values, counts, strict=True):
        days = _days_by_form(value)
        for order, day in days.items():
            read_rows[order] += count * (day is not None)
        is_ambiguous |= days.get(DAY_FIRST) != days.get(MONTH_FIRST)
    if 2 * read_rows[ISO] >= sum(counts):
        return ISO, False
    best_order = max(ORDERS, key=lambda order: read_rows[order])  # of equals, the first one
    if best_order not in {DAY_FIRST, MONTH_FIRST} or read_rows[DAY_FIRST] != read_rows[MONTH_FIRST]:
        return best_order, False
    if hint is not None:
        return hint, False
    return DAY_FIRST, is_ambiguous


def _possible(text: str) -> tuple[str, ...]:
    """Return the forms that may fit a text which is not an ISO date."""
    if not _HAS_DIGIT.search(text):
        return ()
    if not text[:1].isdigit():
        return (NAMED,)
    if _DIGITS.fullmatch(text):
        return NUMBERS
    return (YEAR_FIRST, DAY_FIRST, MONTH_FIRST, NAMED)


def gregorian(text: str) -> str:
    """Return the text of a date with its year in the Gregorian calendar and without a weekday.

    `text`: the text, without outer spaces. Text that is no date is returned nearly unchanged.

    Examples
    --------
    >>> gregorian("令和元年5月1日"), gregorian("113/04/01"), gregorian("2024년 4월 1일")
    ('2019年5月1日', '2024/04/01', '2024年4月1日')
    """
    if _USUAL.match(text) or not _HAS_DIGIT.search(text):
        return text
    if not text.isascii():
        text = _WEEKDAY_OF_SIGNS.sub("", plain_digits(text))
        text = _KOREAN.sub(r"\1年\2月\3日", text) if not text.isascii() else text
    if not text[:1].isdigit():
        text = _ERA.sub(_of_era, _WEEKDAY_BEFORE.sub("", text, count=1), count=1)
    text = _REPUBLIC.sub(_of_republic, text, count=1)
    if " " in text:
        text = _KOREAN.sub(r"\1.\2.\3", text, count=1)
    return _BUDDHIST.sub(lambda year: str(int(year[0]) - _BUDDHIST_ZERO), text, count=1)


def _of_era(match: re.Match[str]) -> str:
    era, year = match[1] or match[3], match[2] or match[4]
    if era in _FIRST_MONTHS and (int(year), int(match[5])) < _FIRST_MONTHS[era]:
        return match[0]  # a version such as R1.2.3
    return f"{_ERAS[era] + (1 if year == '元' else int(year))}年{match[5]}月{match[6]}日"


def _of_republic(match: re.Match[str]) -> str:
    if match[7]:
        return f"{int(match[7]) + _REPUBLIC_ZERO}{match[8]}{match[9]}{match[8]}{match[10]}"
    year, month, day = (match[k] or match[k + 3] for k in (1, 2, 3))
    return f"{int(year) + _REPUBLIC_ZERO}年{month}月{day}日"
