"""Words for missing values, yes and no, units and totals, used by all of fitmodel.

Imports the standard library only: this code runs for every single prospect and must load quickly.
"""

from __future__ import annotations

import re


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
    有, 对, 真, 對, はい, 有り, あり, ○, 예, 네, да, истина, tak, prawda, vero, evet, doğru, نعم,
    ano, так
    """
)
NO = phrases(
    """
    no, n, false, f, 0, 0.0, off, nein, falsch, non, faux, falso, não, nao, 否, 无, 没有, 假, 無,
    沒有, いいえ, 無し, なし, ×, 아니오, 아니요, нет, ложь, nie, fałsz, nee, hayır, yanlış, لا,
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
