"""Write a date of another calendar, script or language as a date of the Gregorian calendar.

"令和6年4月1日" -> "2024年4月1日"; "113/04/01" -> "2024/04/01"; "2024. 4. 1." -> "2024.4.1";
"Fr., 28.11.2025" -> "28.11.2025"; "01/02/2567" -> "01/02/2024".
Does not import pandas: this code runs for every single prospect and must load quickly.
"""

from __future__ import annotations

import re

from fitmodel.tables.scripts import plain_digits, plain_letters

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
    rf"^(?:{'|'.join(_LONGEST_FIRST)})(?:-feira)?\.?,?\s+(?=\w)",
    re.IGNORECASE,
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


def gregorian(text: str) -> str:
    """Return the text of a date with its year in the Gregorian calendar and without a weekday.

    Parameters
    ----------
    text : str
        The text, without outer spaces. Text that is no date is returned nearly unchanged.

    Examples
    --------
    >>> gregorian("令和元年5月1日"), gregorian("113/04/01"), gregorian("2024년 4월 1일")
    ('2019年5月1日', '2024/04/01', '2024年4月1日')
    """
    if _USUAL.match(text):
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
