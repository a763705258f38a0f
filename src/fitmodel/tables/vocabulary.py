"""Words and signs of all languages, used by all of fitmodel.

Words for missing values, yes and no, units and totals; digits and letters of other scripts in one
form, so that words can be compared. Imports the standard library only: this code runs for every
single prospect and must load quickly.
"""

from __future__ import annotations

import re

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_ZEROS = (0x0660, 0x06F0, 0x0966, 0x09E6, 0x0E50)  # Arabic, Persian, Devanagari, Bengali, Thai
_DIGITS = {zero + digit: ord("0") + digit for zero in _ZEROS for digit in range(10)}
_ARABIC_MARKS = {0x066B: ord("."), 0x066C: ord(","), 0x066A: ord("%")}
_PLAIN_SIGNS = {**_FULL_WIDTH, **_DIGITS, **_ARABIC_MARKS}
NUMBER_SIGNS = {
    chr(sign): chr(plain) for sign, plain in _PLAIN_SIGNS.items() if chr(plain) in "0123456789+-.eE"
}
"""Signs of plain numbers in other scripts, each with its ASCII sign."""
_TRADITIONAL = (
    "約產單號訂簽戶額費態終開間時結銷離網業務團隊員經編價續贏輸狀數處營試測幣種類階級預計後動滿評"
    "錄聯電話備註積報統購總標記認實際達進關閉丟無轉繳帳週歷億萬設問題訴發維護體驗選擇來參與專節點"
    "擁權證檢應對併誤刪復還請淨稅贈賬區減歲齡擴訊資儲連繫項據庫條門職稱賣買誰負責該暫"
)
_SIMPLIFIED = (
    "约产单号订签户额费态终开间时结销离网业务团队员经编价续赢输状数处营试测币种类阶级预计后动满评"
    "录联电话备注积报统购总标记认实际达进关闭丢无转缴账周历亿万设问题诉发维护体验选择来参与专节点"
    "拥权证检应对并误删复还请净税赠账区减岁龄扩讯资储连系项据库条门职称卖买谁负责该暂"
)
_TO_TRADITIONAL = str.maketrans(_SIMPLIFIED, _TRADITIONAL)
_LETTERS = str.maketrans(_TRADITIONAL + "İıё", _SIMPLIFIED + "iiе")


def plain_digits(text: str) -> str:
    """Return a text with full-width signs and the digits of other scripts as ASCII.

    Examples
    --------
    >>> from fitmodel.tables.vocabulary import plain_digits
    >>> plain_digits("１２，３００"), plain_digits("٢٠٢٤")
    ('12,300', '2024')
    """
    return text if text.isascii() else text.translate(_PLAIN_SIGNS)


def plain_letters(text: str) -> str:
    """Return a text with simplified Chinese signs, and one letter for i, ı and İ, and for е and ё.

    It is for comparison only: a Japanese text is changed too.

    Examples
    --------
    >>> from fitmodel.tables.vocabulary import plain_letters
    >>> plain_letters("簽約日期"), plain_letters("İptal")
    ('签约日期', 'iptal')
    """
    return text if text.isascii() else text.translate(_LETTERS)


def traditional(text: str) -> str:
    """Return a text in traditional Chinese signs, as `plain_letters` would read it back.

    Examples
    --------
    >>> from fitmodel.tables.vocabulary import traditional
    >>> traditional("输单")
    '輸單'
    """
    return text if text.isascii() else text.translate(_TO_TRADITIONAL)


def phrases(listed: str) -> frozenset[str]:
    """Return the words and phrases of a list, which are separated by commas."""
    return frozenset(" ".join(phrase.split()) for phrase in listed.split(","))


# Spellings are compared exactly: exports write "None" for missing, while "none" may be a level.
UNCLEAR_WORDS = frozenset({"NA", "N/A", "n/a", "None", "null", "NULL", "Null"})
"""Words that mean missing or are a level: NA is also North America."""
EMPTY_TEXT = frozenset(
    {"", "-", "--", "NaN", "nan", "NaT", "<NA>", "\\N", "(null)", "(blank)"}
    | {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"}
)
"""Texts that always mean missing."""
MISSING_TEXT = EMPTY_TEXT | UNCLEAR_WORDS
NOT_YET = phrases(  # words that mean "not yet" in a column of dates; compared without case
    """
    -, --, \N{EM DASH}, \N{EN DASH}, ?, /, ., 0, -1, 0000-00-00, 00/00/0000, 00.00.0000,
    00-00-0000, 0000/00/00, 0000-00-00 00:00:00, no, none, n/a, na, nil, null, false, never,
    not yet, tbd, tba, n, active, still active, present, current, currently, ongoing, open,
    to date, till date, until now, still here, not churned, not applicable, live, no end date,
    not cancelled, not canceled, infinity, continuing, stayed, nein, aktiv, laufend, offen,
    bis heute, noch nicht, nie, keine, kein, unbefristet, non, actif, en cours, aucun, aucune,
    jamais, présent, à ce jour, sí activo, activo, vigente, actual, actualmente, nunca, ninguno,
    ninguna, aún no, presente, não, nao, ativo, atual, em aberto, nenhum, nenhuma, ainda não,
    vigente até hoje, 否, 无, 没有, 至今, 未流失, 在网, 活跃, 正常, 未, 暂无, 未取消, 契約中,
    利用中, 継続中, なし, 未解約, 未定, 이용중, 없음, 미정, нет, активен, по настоящее время,
    действует, nie dotyczy, brak, aktywna, attivo, in corso, nessuna, nee, geen, actief, lopend,
    yok, aktif, devam ediyor, لا يوجد, نشط,
    nej, ne, ні, pågående, trvá, діє
    """
)
PLACEHOLDER_DAYS = frozenset(
    {"1753-01-01", "1899-12-30", "1899-12-31", "1900-01-00", "1900-01-01", "1970-01-01"}
    | {"2099-12-31", "2199-12-31", "2299-12-31", "2999-12-31", "3000-01-01", "9999-01-01"}
    | {"9999-12-30", "9999-12-31"}
)
"""Days that systems write for a missing date: mostly the first or last day they can store."""
REPEATED_PLACEHOLDER_DAYS = frozenset({"0001-01-01"})
"""Days that mean a missing date only if several rows have them."""
YES = phrases(
    """
    yes, y, true, t, 1, 1.0, on, ja, j, wahr, oui, vrai, si, sí, verdadero, sim, verdadeiro, 是,
    有, 对, 真, 對, はい, 有り, あり, ○, ✓, ✔, ☑, 예, 네, да, истина,
    tak, prawda, vero, evet, doğru, نعم,
    ano, так
    """
)
NO = phrases(
    """
    no, n, false, f, 0, 0.0, off, nein, falsch, non, faux, falso, não, nao, 否, 无, 没有, 假, 無,
    沒有, いいえ, 無し, なし, ×, ☐, 아니오, 아니요, нет, ложь, nie, fałsz, nee, hayır, yanlış, لا,
    nej, ne, ні
    """
)
LEFT_WORDS = phrases(
    """
    churned, left, lost, cancelled, canceled, terminated, inactive, deactivated, inaktiv,
    gekündigt, abgewandert, inactif, résilié, résiliée, perdu, parti, inactivo, inactiva, baja,
    cancelado, cancelada, perdido, perdida, inativo, inativa, encerrado, 流失, 已流失, 离网,
    已取消, 停用, 解約, 解約済み, 解約済, 退会, 해지, 탈퇴, 이탈, ушел, ушёл, расторгнут, отток,
    rozwiązana, rozwiązany, disdetto, disdetta, cessato, opgezegd, iptal, ملغى,
    uppsagd, avslutad, ukončeno, ukončena, zrušeno, розірвано, припинено
    """
)
"""Words for a customer who left; they mean yes in the role `churned` only."""
STAYED_WORDS = phrases(
    """
    active, stayed, current, retained, customer, aktiv, actif, activo, activa, ativo, ativa,
    vigente, alta, 未流失, 在网, 正常, 活跃, 契約中, 利用中, 継続中, 이용중, 유지, активен,
    активный, действует, aktywna, aktywny, attivo, attiva, actief, aktif, نشط,
    aktivní, trvá, активний, діє
    """
)
TOTAL = re.compile(
    r"(grand |sub)?totals?( general| geral| général)?|sum|summe|gesamt(summe)?|insgesamt"
    r"|zwischensumme|suma|subtotal|soma|somme|sous-total|合计|总计|小计|总和|合計|總計|小計|総計|합계|총계|소계|итого|всего"
    r"|totalt|summa|celkem|разом|всього|razem|ogółem|totale|totaal|toplam|المجموع|الإجمالي",
    re.IGNORECASE,
)
"""Words in the first cell of a line of sums."""
CURRENCY_SIGNS = {
    "US$": "USD", "A$": "AUD", "C$": "CAD", "R$": "BRL", "HK$": "HKD", "S$": "SGD", "NZ$": "NZD",
    "NT$": "TWD", "MX$": "MXN", "Rp": "IDR", "TL": "TRY", "руб.": "RUB", "руб": "RUB", "р.": "RUB",
    "원": "KRW",
    "$": "USD", "€": "EUR", "£": "GBP", "¥": "¥", "\N{FULLWIDTH YEN SIGN}": "¥", "₹": "INR",
    "₽": "RUB", "₩": "KRW", "₺": "TRY", "₪": "ILS", "₫": "VND", "₴": "UAH", "₱": "PHP", "฿": "THB",
    "元": "CNY", "円": "JPY", "kr": "kr", "kr.": "kr", "zł": "PLN", "Fr": "CHF", "Fr.": "CHF",
    "Kč": "CZK", "Ft": "HUF",
}  # fmt: skip
CURRENCY_CODES = phrases(
    """
    USD, EUR, GBP, CHF, JPY, CNY, RMB, INR, SEK, NOK, DKK, PLN, CZK, HUF, CAD, AUD, NZD, BRL, MXN,
    SGD, HKD, ZAR, TRY, RUB, KRW, TWD, THB, IDR, MYR, PHP, VND, ILS, RON, BGN, UAH, AED, SAR, EGP,
    NGN, KES, ARS, CLP, COP, PEN
    """
)
SCALES = {
    "k": 3, "K": 3, "tsd": 3, "Tsd": 3, "tsd.": 3, "Tsd.": 3, "tausend": 3, "Tausend": 3,
    "thousand": 3, "thousands": 3, "тыс": 3, "тыс.": 3, "T": 3, "千": 3, "万": 4, "萬": 4,
    "lakh": 5, "lakhs": 5, "Lakh": 5, "M": 6, "MM": 6, "mn": 6, "Mn": 6, "mln": 6, "mio": 6,
    "Mio": 6, "mio.": 6, "Mio.": 6, "mil.": 6, "million": 6, "millions": 6, "百万": 6,
    "crore": 7, "crores": 7, "Crore": 7, "亿": 8, "億": 8, "B": 9, "bn": 9, "Bn": 9, "Mrd": 9,
    "Mrd.": 9, "billion": 9,
}  # fmt: skip
"""Suffixes of numbers that are powers of ten: 1.2k is 1200."""
MONEY_SCALES = frozenset({"B", "T"})
"""Suffixes that are powers of ten only with a currency: 7B alone may be an apartment."""
BEFORE_CURRENCY = frozenset({"T"})
"""Suffixes that are powers of ten only directly before a currency: 12 TEUR are 12 thousand."""
UNCLEAR_SCALES = frozenset({"mil", "mille", "m", "mm", "cr", "hundred", "dozen"})
"""Words after a number that are powers of ten, but not the same one everywhere."""
GLUED_UNITS = phrases(
    """
    d, day, days, w, wk, weeks, mo, mos, month, months, y, yr, yrs, year, years, h, hr, hrs, min,
    pcs, pc, x, user, users, seat, seats, license, licenses, employee, employees, 人, 个, 月, 年,
    天, 日, 席
    """
)
"""Units that may follow a number without a space; with a space, any single word may."""


def slug(text: str) -> str:
    """Return a text as part of a column name: lower-case letters, digits and underscores."""
    return re.sub(r"\W+", "_", text.strip().lower()).strip("_") or "other"
