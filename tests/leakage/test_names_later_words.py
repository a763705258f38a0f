"""Names of what is known only after signing are recognised in many languages, and no others."""

from __future__ import annotations

import pytest

from fitmodel.leakage.names import is_later, suggests_later

LATER = [
    "工单数量", "客户满意度", "NPS评分", "投诉次数", "健康分", "逾期次数", "累计付款",
    "最近登录", "活跃用户数", "續約次數", "Supportanfragen", "Kundenzufriedenheit", "Mahnstufe",
    "Letzte Anmeldung", "Anzahl Rechnungen", "Nutzungsgrad", "Réclamations", "Score de santé",
    "Factures payées", "Dernière connexion", "Número de quejas", "Último pago",
    "Chamados abertos", "Faturas pagas", "Soddisfazione cliente", "Reclami", "Ultimo accesso",
    "Aantal klachten", "Klanttevredenheid", "Обращения в поддержку", "Последний вход",
    "Liczba zgłoszeń", "Zadowolenie klienta", "Destek talepleri", "Son giriş", "満足度",
    "最終ログイン日", "利用月数", "解約理由", "ヘルススコア", "고객만족도", "문의 건수",
    "해지 사유", "شكاوى", "آخر دخول",
    "月活", "当前席位", "回访次数", "Aktuelle Nutzer", "Offene Rechnungen", "Nutzung",
    "Days past due", "Current MRR", "Current seats", "QBR held", "Features enabled", "DAU/MAU",
    "Weekly active days", "Open invoices", "Customer success manager", "Minutes of use",
]  # fmt: skip
KNOWN_AT_SIGNING = [
    "行业", "账号数", "是否自动续约", "试用期活跃用户数", "Kündigungsfrist",
    "Automatische Verlängerung", "Branche", "Testphase genutzt", "Nutzer", "Secteur", "Préavis",
    "Reconduction tacite", "Sector", "Plazo", "Settore", "Rinnovo automatico", "Opzegtermijn",
    "Aantal gebruikers", "Отрасль", "Количество пользователей", "Источник обращения",
    "Срок уведомления о расторжении", "Branża", "Okres wypowiedzenia", "Liczba użytkowników",
    "Sektör", "Kullanıcı Sayısı", "Otomatik yenileme", "業種", "問い合わせ経路", "解約予告期間",
    "利用者数", "自動更新", "업종", "문의 경로", "사용자 수", "자동 갱신", "Industry", "Seats",
    "Region", "Company size", "Lead source", "Payment terms", "Ultimate parent",
    "Usage-based pricing", "Login method", "Current provider", "Current CRM", "Support tier",
    "Onboarding package", "Training package", "Nutzungsart", "Planned seats", "SLA level",
]  # fmt: skip


@pytest.mark.parametrize("name", LATER)
def test_a_name_of_what_happens_after_signing_is_recognised(name: str) -> None:
    assert suggests_later(name) != "no"
    assert is_later(name)


@pytest.mark.parametrize("name", KNOWN_AT_SIGNING)
def test_a_name_of_what_is_known_at_signing_is_not(name: str) -> None:
    assert suggests_later(name) == "no"
