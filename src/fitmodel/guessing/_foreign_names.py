"""Patterns of column names in eleven languages beside those in `_names`.

They are Japanese, Korean, Russian, Ukrainian, Polish, Czech, Italian, Dutch, Swedish, Turkish and
Arabic. Chinese, German, French, Spanish and Portuguese stand with English in `_names`; here are
additions.
A pattern is compared with a name in plain words; see `as_words`. Traditional Chinese is compared in
simplified signs, so it needs no patterns of its own.
"""

from __future__ import annotations

import re
from functools import cache

from fitmodel.tables.vocabulary import plain_letters

ROLES: dict[str, tuple[str, ...]] = {  # for each role the patterns of its ranks, as in `_names`
    "id": (
        (
            r"(契約|商談|案件|注文|受注|取引|申込)(番号|no|id|コード)|(합约|合约|合同)(编号|号码)"
            r"|(계약|주문|거래|딜) ?(번호|id|코드)|(номер|id|код|№) (договора|сделки|заказа"
            r"|контракта)|^(nr|numer|id) (umowy|zamówienia|transakcji|kontraktu)|^(numero|id"
            r"|codice) (di )?(contratto|ordine)"
            r"|contractnummer|ordernummer|^(sözleşme|sipariş|anlaşma) (no|numarası|id|kodu)"
            r"|رقم (العقد|الصفقة|الطلب)|^n[oº°]? (de )?contrat\w*"
            r"|(avtals|kontrakts|order)(nummer|nr| id)|(číslo|id) (smlouvy|objednávky|obchodu"
            r"|zakázky)|(номер|id|код|№) (договору|угоди|замовлення|контракту)"
        ),
        (
            r"(顧客|会員|取引先|お客様|ユーザー|利用者)(番号|no|id|コード)|(고객|회원"
            r"|거래처) ?(번호|id|코드)"
            r"|(номер|id|код) (клиента|заказчика|контрагента)|(nr|numer|id|kod) klienta"
            r"|(numero|id|codice) cliente|klantnummer|klant ?(id|nr)|müşteri (no|numarası|id|kodu)"
            r"|رقم (العميل|الزبون)|kund(nummer|nr| id)|(číslo|id|kód) (zákazníka|klienta)"
            r"|(номер|id|код) (клієнта|замовника)"
        ),
    ),
    "observed_until": (
        (
            r"(抽出|集計|出力|データ取得)(日|日時)$|^基準日$|(추출|기준)일자?$|дата (выгрузки"
            r"|отчета|среза)"
            r"|data (eksportu|raportu)|data (di )?(estrazione|esportazione)|(export|rapport"
            r"|peil)datum|(rapor|dışa aktarma) tarihi|تاريخ (التقرير|التصدير)|^数据日期$|汇出日期"
        ),
    ),
    "closed_on": (
        (
            r"(契約|成約|受注|締結|契約締結)(年月)?日(付|時)?$|(계약|체결|수주|서명)(일|일자|날짜"
            r"| ?체결일)$|계약 (일자?|날짜)$|дата (подписания|заключения|договора|сделки|продажи)"
            r"|data (podpisania|zawarcia|umowy|sprzedaży|zamknięcia)"
            r"|data (di |della |del )?(firma|sottoscrizione|stipula|chiusura|vendita)"
            r"|data contratto"
            r"|(teken|ondertekenings|onderteken|afsluit|contract|verkoop)datum|datum (ondertekening"
            r"|contract)|(sözleşme|imza|satış|kapanış) tarihi|تاريخ (التوقيع|العقد|الإغلاق|البيع)"
            r"|(avtals|kontrakts|signerings|tecknings|försäljnings)datum|datum (för )?(signering"
            r"|undertecknande)|datum (uzavření|podpisu|smlouvy|prodeje)"
            r"|дата (підписання|укладення|укладання|договору|угоди|продажу)"
        ),
        (
            r"(契約|サービス)(開始|利用開始)日|계약 ?(시작|개시)일자?|дата начала договора"
            r"|data rozpoczęcia umowy|data inizio contratto|(contract ?start|ingangs)datum"
            r"|sözleşme başlangıç( tarihi)?|تاريخ (بداية|بدء) العقد|avtalsstart|začátek smlouvy"
            r"|дата початку договору"
        ),
        (
            r"(利用開始|開始|申込|入会|加入|導入)(年月)?日$|(가입|시작|개시|개통|서비스 시작)(일"
            r"|일자)$"
            r"|дата (начала|подключения|регистрации|старта)|data (rozpoczęcia|startu|aktywacji"
            r"|przystąpienia)"
            r"|data (di )?(inizio|attivazione|adesione|decorrenza)|(start|aanvangs|begin)datum"
            r"|klant sinds"
            r"|kund sedan|anslutningsdatum|datum (zahájení|začátku|registrace)|zákazník od"
            r"|дата (початку|підключення|реєстрації)|клієнт з$"
            r"|cliente dal|klient od|клиент с$|(başlangıç|başlama|üyelik|katılım) tarihi"
            r"|تاريخ (البدء|البداية|بداية الاشتراك|بدء الاشتراك|الاشتراك|التسجيل|الانضمام)"
        ),
        (
            r"^登録日時?$|^作成日時?$|(등록|생성)(일|일시)$|дата создания|data utworzenia"
            r"|data creazione"
            r"|aanmaakdatum|(oluşturma|kayıt) tarihi|تاريخ الإنشاء|datum vytvoření|дата створення"
        ),
    ),
    "churned_on": (
        (
            r"(解約|退会|離脱|契約解除|解除|キャンセル|チャーン)(年月)?日(付|時)?$"
            r"|(해지|탈퇴|취소|이탈|해약)(일|일자|날짜)$|(해지|탈퇴|취소|이탈) (일자?|날짜)$"
            r"|дата (расторжения|ухода|оттока|отказа|отмены|отключения|аннулирования)"
            r"|data (rozwiązania|wypowiedzenia|rezygnacji|odejścia|anulowania)"
            r"|data (di |della )?(disdetta|recesso|cessazione|abbandono|cancellazione|annullamento"
            r"|risoluzione)"
            r"|(opzeg|opzeggings|beëindigings|vertrek|annulerings)datum|datum (opzegging"
            r"|beëindiging)|^opgezegd op$"
            r"|(uppsägnings|avsluts|avbryts)datum|^uppsagd (den|datum)$|datum (för )?uppsägning"
            r"|datum (ukončení|výpovědi|odchodu|zrušení|vypovězení)"
            r"|дата (розірвання|відтоку|відмови|скасування|відключення|припинення)"
            r"|(iptal|fesih|ayrılma|ayrılış|terk) tarihi|تاريخ (الإلغاء|الفسخ|الانسحاب|المغادرة)"
            r"|(终止|解除|退租|停用)(日期|时间|日)$|解约日$|退订日$|(ngày|tanggal) (hủy|berhenti)"
        ),
        (
            r"^(解約|退会|해지|탈퇴|disdetta|recesso|opzegging|rezygnacja|расторжение|iptal"
            r"|uppsägning|výpověď|розірвання)$"
        ),
        (
            r"(利用|契約|サービス)?(終了|満了)(年月)?日$|(종료|만료|계약 ?종료)일자?$"
            r"|дата (окончания|завершения|закрытия)"
            r"|data (zakończenia|końca)|data (di )?(fine|termine)|eind ?datum|(bitiş"
            r"|sonlanma) tarihi"
            r"|تاريخ (الانتهاء|النهاية)|^slutdatum|avtalsslut|datum konce|konec smlouvy"
            r"|дата (закінчення|завершення|закриття)"
        ),
    ),
    "tenure_months": (
        (
            r"(利用|継続|契約|在籍)(継続)?月数|(이용|가입|유지) ?(개월|월수)|(срок|стаж"
            r"|длительность).*(месяц|лет\b)"
            r"|(staż|okres).*miesi|(durata|anzianità).*mesi|(looptijd|klantduur).*maand|(süre"
            r"|kıdem).*ay|مدة .*(شهر|أشهر)"
        ),
    ),
    "churned": (
        (
            r"^(解約|退会|離脱|チャーン)(フラグ|有無|済み?)?$|^(해지|이탈|탈퇴) ?(여부|유무)?$"
            r"|^отток( клиента)?$"
            r"|^(ушел|ушёл|расторгнут)$|^(odszedł|rezygnacja|churn)$|^(disdetto|abbandonato|perso)$"
            r"|^(uppsagd|har slutat)$|^(odešel|ukončeno|zrušeno)$|^(відтік( клієнта)?|розірвано)$"
            r"|^(opgezegd|vertrokken)$|^(ayrıldı|iptal edildi|kayıp)$|^是否(解约|终止)$"
        ),
    ),
    "rep": (
        (
            r"^(営業)?(担当者?|担当営業|営業員|販売員)(名)?$|^(담당자|영업 ?담당자?|영업사원)(명)?$"
            r"|^(менеджер|ответственный|продавец|менеджер по продажам)$"
            r"|^(handlowiec|opiekun( klienta)?|sprzedawca|przedstawiciel)$"
            r"|^(agente|venditore|commerciale|responsabile vendite)$|^(verkoper|accountmanager)$"
            r"|^(satış temsilcisi|temsilci|satıcı|müşteri temsilcisi)$|^(مندوب المبيعات|البائع"
            r"|المسؤول)$|^(业务|业务代表|承办人)$|^((ansvarig )?säljare|kundansvarig)$"
            r"|^(obchodník|obchodní (zástupce|manažer)|prodejce)$|^(відповідальний|продавець)$"
        ),
    ),
    "team": (
        (
            r"^(営業)?(チーム|部署|部門)(名)?$|^(팀|영업팀|부서)$|^(команда|отдел)( продаж)?$"
            r"|^(zespół|dział)( sprzedaży)?$|^squadra$|^(verkoop)?team$|^(satış )?(ekibi|takımı)$"
            r"|^(الفريق)$|^säljteam$|^(obchodní )?tým$|^відділ( продажів)?$"
        ),
    ),
    "amount": (
        (
            r"年(間|額)(契約)?(金額|料金|利用料|売上|費用)|^年額(料金|契約)?|^年(払|費)額?$"
            r"|연(간)? ?(계약)?(금액|이용료|매출|요금|액)"
            r"|(сумма|стоимость|платеж|выручка|цена|оплата) (за |в )?год|годов(ая|ой) (сумма"
            r"|стоимость|платеж|выручка|цена|доход)"
            r"|(wartość|kwota|opłata|abonament) (roczn\w+)|roczn\w+ (wartość|kwota|opłata"
            r"|abonament)|(valore|importo|canone|ricavo) annu\w+|(jaar(bedrag|waarde|omzet|prijs)"
            r"|bedrag per jaar)"
            r"|yıllık (tutar|ücret|bedel|gelir|değer)|(القيمة|المبلغ|الرسوم|الإيراد) السنوي\w*"
            r"|^års(belopp|pris|avgift|värde|intäkt)|årlig\w* (avgift|belopp|värde|intäkt)"
            r"|belopp per år"
            r"|roční (hodnota|částka|poplatek|platba|cena|příjem)|(hodnota|částka) ročně"
            r"|річн\w+ (сума|вартість|платіж|дохід|плата)|(сума|вартість) (за|на) рік"
            r"|^年(费|租|缴)|^(合同|合约)年额|年化|(合同|合约)金额 年$"
        ),
        (
            r"月額(料金|利用料|費用|売上)?|月間利用料|월 ?(이용료|요금|금액|사용료|정액|매출)"
            r"|(ежемесячн\w+|месячн\w+) (плат\w+|сумма|стоимость|оплата|выручка)|абонплата|(плата"
            r"|сумма) в месяц|^opłata abonamentowa( mies)?|(abonament|opłata|kwota) mies\w+"
            r"|miesięczn\w+ (abonament|opłata|kwota)"
            r"|(canone|importo|costo) (mensile|al mese|mese)|maand(bedrag|prijs|omzet)|(bedrag"
            r"|prijs) per maand"
            r"|månads(avgift|pris|belopp|kostnad|intäkt)|(avgift|belopp|pris) per månad"
            r"|měsíční (poplatek|částka|platba|cena|paušál)|(cena|částka) (za měsíc|měsíčně)"
            r"|(щомісячн\w+|місячн\w+) (плат\w+|сума|вартість|оплата)|(плата|сума) на місяць"
            r"|aylık (ücret|tutar|bedel|gelir)|(الرسوم|القيمة|المبلغ|الاشتراك) الشهري\w*|^月缴"
        ),
        (
            r"^(契約|受注|成約|取引|案件)?(金額|総額)$|^(ご?利用)?料金?$|^利用料金$|^(계약|수주"
            r"|거래)? ?(금액|총액)$"
            r"|^(сумма|стоимость|сумма (договора|сделки)|стоимость договора|бюджет)$"
            r"|^(wartość|kwota)( umowy| transakcji| kontraktu)?$|^(importo|valore)( del"
            r"| di)?( contratto)?$"
            r"|^(contractwaarde|bedrag|orderwaarde)$|^(tutar|sözleşme (tutarı|bedeli))$"
            r"|^(قيمة العقد|المبلغ|القيمة)$|^((avtals|order|kontrakts)värde|belopp)$"
            r"|^(částka|hodnota)( smlouvy| obchodu| zakázky)?$|^(сума|вартість)( договору| угоди)?$"
        ),
    ),
}
KINDS: dict[str, str] = {
    "identifier": (
        r"(番号|コード|号码|번호|코드)$|^(номер|код|numer|codice|numero) |(numer|kod|numarası"
        r"|kodu)$|nummer$|^رقم |^číslo |^ідентифікатор "
    ),
    "period": (
        r"^(支払|請求|課金|契約)(方法|サイクル|周期|間隔|区分)$|^(결제|청구|납부) ?(방법|주기"
        r"|방식)$|^(период|периодичность|способ|частота)( (оплаты|платежей))?$"
        r"|^(okres|częstotliwość|cykl) (rozliczeniowy|płatności|rozliczeń)$"
        r"|^(periodicità|frequenza|cadenza)( (di )?(pagamento|fatturazione))?$"
        r"|^(betaal|facturatie)(termijn|frequentie|periode)$|^(ödeme|fatura) (sıklığı|dönemi"
        r"|şekli)$"
        r"|^(دورة|فترة) (الدفع|الفوترة)$|^(betalnings|fakturerings)(period|intervall|frekvens)$"
        r"|^(fakturační|platební) (období|interval|cyklus)$|^період( оплати| платежів)?$"
    ),
    "other_event": (
        r"更新|請求|支払|入金|引落|ログイン|最終(?!解約|契約)|次回|初回|前回|トライアル|無料"
        r"|体験|お試し|予定|見込|アクセス"
        r"|갱신|청구|결제|납부|로그인|접속|최근|마지막|다음|무료|체험|예정|예상"
        r"|продлен|оплат|платеж|счет|последн|следующ|пробн|план|ожида|вход|визит|обращен|активност"
        r"|odnowi|przedłuż|płatno|faktur|ostatni|następn|próbn|planowan|oczekiwan|logowan"
        r"|rinnov|pagament|fattur|\bultim[oa]\b|prossim|\bprova\b|previst|scadenza|\baccesso\b"
        r"|verleng|betaling|factuur|laatste|volgende|proef|verwacht|gepland|inlog"
        r"|yenile|ödeme|fatura|\bson (giriş|ödeme|fatura|işlem|oturum)|sonraki|deneme|beklenen"
        r"|planlanan|تجديد|دفع|فاتورة|آخر|تجرب|متوقع|القادم"
        r"|förny|betalning|faktura|\bsenaste?\b|\bnästa\b|provperiod|planera|förvänta|inlogg"
        r"|obnov|prodlouž|\bplat(by|eb)|posledn|příšt|zkušebn|plánovan|očekávan|přihláš"
        r"|продовж|рахун|останн|наступн|очіку|вхід|візит|звернен|платеж"
    ),
    "trial_end": (
        r"(トライアル|無料期間|お試し|体験)(期間)?(終了|満了)|(무료|체험) ?(기간)? ?(종료|만료)"
        r"|(конец|окончани\w+) (пробн|тест)|koniec (okresu )?próbn|fine (della |periodo di )?prova"
        r"|einde (proef|trial)|deneme.* (bitiş|sonu)|provperiodens slut|slut (på )?provperiod"
        r"|konec zkušební|(кінець|закінчення) (пробн|тест)"
    ),
    "expected": (
        r"予定|見込|예정|예상|план|ожида|прогноз|planowan|oczekiwan|przewidywan|previst|attes[oa]"
        r"|verwacht|gepland|beklenen|planlanan|tahmini|متوقع|förvänta|planera|beräkna"
        r"|očekávan|plánovan|předpokládan|очіку"
    ),
    "time_limit": (
        r"予告|期限|기한|통보|срок уведомления|okres wypowiedzenia|preavviso|opzegtermijn|ihbar"
        r"|uppsägningstid|výpovědní (lhůta|doba)|термін попередження"
    ),
    "surely_leaving": (
        r"解約|退会|離脱|해지|탈퇴|이탈|расторж|отток|ухода|rozwiąza|wypowiedz|rezygnac|odejści"
        r"|disdett|recesso|cessazion|opzeg|beëindig|\biptal|fesih|ayrıl|إلغاء|فسخ|uppsäg|uppsag"
        r"|ukončen|výpově|odchod|zrušen|розірван|відтік|відтоку|скасуван|припинен"
    ),
    "monthly": (
        r"月額|月間|毎月|월|месячн|в месяц|ежемесяч|miesięczn|\bmies\b|mensil|\bmese\b|maand"
        r"|aylık|شهري|månad|měsíc|měsíčn|місячн|на місяць|щомісяч"
    ),
    "yearly": (
        r"年額|年間|年払|毎年|연간|연 |годов|в год|за год|ежегод|роczn|roczn|annu[oai]|all anno"
        r"|jaar|yıllık|سنوي|årlig|\bårs\w+|per år|ročn|za rok|річн|на рік|щоріч"
    ),
    "turnover": (
        r"^(会社|企業)?(年商|売上高)$|^(연매출|매출액|기업 ?매출)$|^(оборот|выручка)( компании)?$"
        r"|^(års)?omsättning$|^(roční )?(obrat|tržby)( firmy)?$|^виручка( компанії)?$"
        r"|^(obrót|obroty|przychody firmy)$|^fatturato( annuo)?$|^(jaar)?omzet$|^ciro$"
    ),
    "per_unit": (
        r"単価|単位価格|(単|一)人あたり|단가|(цена|стоимость) за (единицу|лицензию|пользователя)"
        r"|cena (jednostkowa|za)|prezzo (unitario|per)|(prijs|bedrag) per (gebruiker|stuk"
        r"|licentie)|stuksprijs"
        r"|birim fiyat|سعر الوحدة|styckpris|pris per (användare|licens)|jednotková cena"
        r"|ціна за (одиницю|ліцензію|користувача)"
    ),
    "quantity": (
        r"(数量|席数|人数|ユーザー数|利用者数|ライセンス数|id数|アカウント数)$|(수량|사용자 ?수"
        r"|좌석 ?수|라이선스 ?수|인원)$"
        r"|^количество( пользователей| лицензий| мест)?$|^лицензий$|(liczba|ilość)( użytkowników"
        r"| licencji)?$|^(numero )?(utenti|licenze|quantità)$|^aantal( gebruikers| licenties)?$"
        r"|^(adet|miktar|kullanıcı sayısı|lisans sayısı)$|^(الكمية|عدد المستخدمين)$|(使用人数"
        r"|授权数)$|^antal( användare| licenser)?$|^(počet( uživatelů| licencí)?|množství)$"
        r"|^кількість( користувачів| ліцензій| місць)?$"
    ),
    "currency": (
        r"^通貨(コード)?$|^통화$|^валюта$|^waluta$|^valuta$|^para birimi$|^العملة$|^币别$|^měna$"
    ),
    "person_or_text": (
        r"(氏名|名前|会社名|顧客名|企業名|メール|電話|住所|備考|メモ|コメント|内容)|(이름|성명"
        r"|회사명|고객명|이메일|전화|주소|비고|메모)"
        r"|(имя|фио|название|наименование|телефон|почта|адрес|комментарий|примечание)"
        r"|(nazwa|imię|nazwisko|telefon|adres|uwagi|komentarz)|(ragione sociale|telefono"
        r"|indirizzo)\b"
        r"|(naam|telefoon|adres|opmerking)|\b(adı|soyadı|adres|telefon|açıklama)\b|(اسم|هاتف|عنوان)"
        r"|(namn|anteckning|kommentar)|(jméno|název|poznámka)|(піб|назва|коментар|примітка)"
    ),
}


def foreign_rank(words: str, role: str) -> int | None:
    """Return the position of a role's first pattern that matches a name, or None."""
    return next((k for k, each in enumerate(_patterns(role)) if each.search(words)), None)


def with_foreign(pattern: str, kind: str) -> re.Pattern[str]:
    """Return a pattern of English and other names, compiled with the patterns of a kind."""
    return re.compile(f"{pattern}|{plain_letters(KINDS[kind])}")


@cache
def _patterns(role: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(plain_letters(each)) for each in ROLES.get(role, ()))
