"""Columns and values in more languages play the roles that they have in English.

Tables of a simulated company with the column names of one language each: the roles are right, so
are the early churners, and what is known later is left out.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

import pandas as pd
import pytest
from difficult import company

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import view_of
from fitmodel.guessing._names import as_words, is_other_event, name_rank
from fitmodel.guessing.guess import guess_spec
from fitmodel.guessing.questions import read_with_questions


@dataclass(frozen=True)
class Language:
    """Names of columns and values in a language."""

    id: str
    industry: str
    closed: str
    left: str
    amount: str
    rep: str
    status: str
    gone: str
    stays: str
    tickets: str
    seats: str


LANGUAGES = {
    "ja": Language("契約番号", "業種", "契約日", "解約日", "月額料金", "営業担当", "契約状況",
        "解約済", "契約中", "問い合わせ件数", "利用者数"),
    "zh_tw": Language("合約編號", "產業", "簽約日期", "解約日期", "月費", "業務員", "客戶狀態",
        "已解約", "使用中", "客訴次數", "帳號數"),
    "ko": Language("계약번호", "업종", "계약일", "해지일", "월 이용료", "영업담당자",
        "계약상태", "해지", "이용중", "문의 건수", "사용자 수"),
    "ru": Language("Номер договора", "Отрасль", "Дата заключения", "Дата расторжения",
        "Ежемесячная плата", "Менеджер", "Статус договора", "Расторгнут", "Действует",
        "Количество обращений", "Количество лицензий"),
    "pl": Language("Numer umowy", "Branża", "Data zawarcia", "Data rezygnacji",
        "Opłata miesięczna", "Opiekun klienta", "Status umowy", "Zakończona", "Aktywna",
        "Liczba reklamacji", "Liczba licencji"),
    "it": Language("Codice contratto", "Settore", "Data stipula", "Data recesso",
        "Importo mensile", "Venditore", "Stato contratto", "Cessato", "Attivo",
        "Numero reclami", "Licenze"),
    "nl": Language("Contractnummer", "Branche", "Tekendatum", "Datum opzegging", "Maandprijs",
        "Verkoper", "Klantstatus", "Beëindigd", "Actief", "Aantal klachten",
        "Aantal licenties"),
    "tr": Language("Sözleşme Numarası", "SEKTÖR", "İmza Tarihi", "Fesih Tarihi", "Aylık Tutar",
        "Satış Temsilcisi", "Sözleşme Durumu", "Feshedildi", "Yürürlükte", "Şikayet sayısı",
        "Lisans Sayısı"),
    "sv": Language("Avtalsnummer", "Bransch", "Avtalsdatum", "Uppsägningsdatum", "Månadsavgift",
        "Säljare", "Kundstatus", "Uppsagd", "Aktiv", "Antal klagomål", "Antal licenser"),
    "cs": Language("Číslo smlouvy", "Odvětví", "Datum podpisu", "Datum výpovědi",
        "Měsíční poplatek", "Obchodník", "Stav smlouvy", "Ukončena", "Aktivní",
        "Počet stížností", "Počet licencí"),
    "uk": Language("Номер договору", "Галузь", "Дата укладення", "Дата розірвання",
        "Щомісячна плата", "Менеджер", "Статус договору", "Розірвано", "Діє",
        "Кількість звернень", "Кількість ліцензій"),
    "ar": Language("رقم العقد", "القطاع", "تاريخ العقد", "تاريخ الفسخ", "الرسوم الشهرية",
        "مندوب المبيعات", "حالة العقد", "منتهي", "ساري", "آخر دخول", "الكمية"),
}  # fmt: skip


def table_of(words: Language, seed: int) -> tuple[pd.DataFrame, int]:
    """A table in a language, and how many of its customers left early."""
    customers = company(seed)
    rows = range(len(customers))
    table = pd.DataFrame(
        {
            words.id: [f"C-{1000 + 3 * row}" for row in rows],
            words.industry: customers.pick("A", "B", "C"),
            words.closed: customers.written(customers.signed, "%Y-%m-%d"),
            words.left: customers.written(customers.left, "%Y-%m-%d"),
            words.amount: customers.pick(*range(20, 400, 7)),
            words.rep: customers.pick("R1", "R2", "R3"),
            words.status: [words.gone if gone else words.stays for gone in customers.gone],
            words.tickets: [
                row % 4 + 3 * gone for row, gone in zip(rows, customers.gone, strict=True)
            ],
            words.seats: customers.pick(*range(1, 60)),
        }
    )
    return table, customers.early


@pytest.mark.parametrize("language", LANGUAGES)
def test_roles_outcome_and_attributes_are_right_in_each_language(language: str) -> None:
    words = LANGUAGES[language]
    table, early = table_of(words, seed=len(language) + 40)

    guess = guess_spec(table)
    spec = DealSpec(**tomllib.loads(guess.toml))
    read = read_with_questions(table, spec)
    view = view_of(read.deals, read.read.spec)

    roles = spec.deals
    assert (roles.id, roles.closed_on, roles.churned_on) == (words.id, words.closed, words.left)
    assert (roles.amount, roles.amount_per, roles.rep) == (words.amount, "month", words.rep)
    assert spec.attribute_names(table.columns) == (words.industry, words.amount, words.seats)
    assert int((view.early_churn == 1).sum()) == early
    assert guess.questions == ()


OTHER_EVENTS = [
    "更新日", "最終ログイン日", "次回請求日", "トライアル終了日", "갱신일", "최근 접속일",
    "Дата последней оплаты", "Data odnowienia", "Data rinnovo", "Laatste factuurdatum",
    "Son Giriş Tarihi", "تاريخ التجديد", "Senaste inloggning", "Nästa betalning", "Datum obnovení",
    "Poslední platba", "Konec zkušební doby", "Дата останньої оплати", "Дата наступного рахунку",
]  # fmt: skip


@pytest.mark.parametrize("name", OTHER_EVENTS)
def test_dates_of_other_events_are_no_dates_of_leaving(name: str) -> None:
    assert is_other_event(as_words(name))


@pytest.mark.parametrize(
    "name",
    ["Ultimate plan", "Approval date", "Accessories", "Scenario", "Add-on price", "Not sure"],
)
def test_english_names_that_look_foreign_play_no_role(name: str) -> None:
    words = as_words(name)
    assert all(name_rank(words, role) is None for role in ("closed_on", "churned_on", "id"))
    assert not is_other_event(words) or "price" in words
