"""Recognise names of attributes: known after closing, protected characteristics, sellers.

Patterns of other languages than English are compared with a name in lower case, with spaces between
its words, and in the letters of `plain_letters`. In Chinese, Japanese and Korean a word stands
anywhere in the name; in the other languages it begins a word.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from fitmodel.tables.vocabulary import plain_letters

_WORK = (
    r"(activit(y|ies)|notes?|calls?|e?mails?|meetings?|tasks?|engagements?|touch ?(points?|es)"
    r"|page ?views?|(web ?)?(sessions|visits)|form submissions?|contacted notes)"
)
_OUTCOME = (
    r"(is|has) (deal )?(closed|won|deleted|archived)( won| lost| numeric)?"
    r"|(closed|won|win|loss) (won |lost )?reasons?( won| lost)?"
)
_FORECAST = (
    r"((deal|lead|lifecycle|opportunity|sales) )?stage( name| probability| duration)?"
    r"|((deal|forecast|win|close|winning) )?(probability|likelihood)( pct| percent)?"
    r"|likelihood to close.*|forecast (category|amount|type)( name)?|weighted amount"
    r"|expected revenue|(deal|predictive|predicted|lead) score|lead status|next step.*"
)
_CLOCK = (
    r"days to close|(cumulative |latest )?time in \w.*|(date|time) (entered|exited) .+"
    r"|(push|reschedule|slip) count|(last )?stage chang\w+.*|last amount changed .+"
    r"|system modstamp|last ?modified ?(date|by.*|on|at)?|(created|updated|modified) by( .*)?"
    r"|owner assign(ed|ment) .+|recent deal .+|became an? .+ date|fiscal( year| period)?"
)
_LATEST = (
    r"((notes )?(last|latest|recent|next) (sales )?(contacted|updated|viewed|referenced|booked"
    r"|email\w*|call\w*|meeting\w*|task\w*|activit\w*|engag\w*)( .*)?"
    r"|latest (traffic )?source( .*)?|days (without|since( last)?) (activity|contact)"
    r"|has (open|overdue) (activity|tasks?))"
)
_CRM_NAMES_BEFORE_SIGNING = r"(?!.*\b(trial|demo|pilot|poc|before|(at|until) (sign|clos)\w*)\b)"
_COUNTED = (
    rf"{_CRM_NAMES_BEFORE_SIGNING}((number|no|count|num|total|n) (of )?"
    rf"((sales|logged|open|completed|unique|associated) )*({_WORK}|times contacted)"
    rf"|times contacted|(sales )?{_WORK} (count|sent|logged|held|made|completed))"
)
_IN_PROGRESS = re.compile(
    rf"^(hs )?({_OUTCOME}|{_FORECAST}|{_CLOCK}|{_LATEST}|{_COUNTED})$", re.IGNORECASE
)


def is_updated_by_crm(name: str) -> bool:
    """Return whether a CRM keeps updating a column of this name while a deal is open.

    Parameters
    ----------
    name : str
        Name of a column in an export, such as ``LastModifiedDate``, ``Number of times contacted``
        or ``hs_pageviews``.

    Examples
    --------
    >>> from fitmodel.leakage.names import is_updated_by_crm
    >>> is_updated_by_crm("Number of times contacted"), is_updated_by_crm("Number of Employees")
    (True, False)
    """
    words = re.sub(r" c$", "", spaced(name))  # Salesforce's suffix of custom fields
    return _IN_PROGRESS.search(words) is not None


_BEFORE_SIGNING = (
    r"trial|demo|pilot|poc|planned|expect\w*|forecast\w*|estimat\w*|quoted?|intend\w*|auto|prior"
    r"|previous\w*|pre|presales?|before|historic\w*|at[\W_]?(sign\w*|clos\w*)|polic(y|ies)|clause"
    r"|notice|usage[\W_]based|log[\W_]?in[\W_](method|type|provider|required)"
)
"""Words for a time before signing, or for a contract's content, such as in `trial_usage`."""

_AGREED = r"(?<!contract.)(?<!plan.)(?<!call.)(?<!cycle.)(?<!meeting.)(?<!term.)"
"""Words before which a match does not count: `contract_duration` is agreed before signing."""

_SURELY = (
    r"churn\w*|cancel\w*|terminat\w*|attrition|offboard\w*|refund\w*|chargebacks?|win[\W_]?back"
    r"|csat|nps|satisf\w*|complain\w*|escalation\w*|life[\W_]?time\w*|ltv|clv|tenure|exit\w*"
    rf"|{_AGREED}(renew(als?|ed|s)?|duration)|months?[\W_]?(active|stayed|until|as[\W_]customer)"
    r"|(left|lost)(?=$|[\W_]+(on|at|date|early|reason|because))"
    r"|total[\W_]?(paid|charg\w*|revenue|billed|invoiced|spent|spend|payments?)"
    r"|(invoices|payments|bills)[\W_]?(paid|count|made)|n[\W_]?(invoices|payments)"
    r"|last[\W_]?(login|seen|activ\w*|used|use|payment|invoice|visit|session|order|purchase)\w*"
    r"|health[\W_]?score|(customer|account)[\W_]?health|inactiv\w*|dormant|dunning|overdue"
    r"|downgrad\w*|(implementation|onboarding|kick[\W_]?off|roll[\W_]?out"
    r"|go[\W_]?live)[\W_](is[\W_])?(completed?"
    r"|done|held|finished|attended)|days[\W_]past[\W_]due|payment[\W_]delays?|(outstanding|unpaid)"
    r"[\W_]balance|(open|unpaid|late)[\W_](invoices?|bills?)|days[\W_]sales[\W_]outstanding|qbrs?"
    r"|downtime|sla[\W_]breach\w*|bugs?[\W_]reported|(reported|open)[\W_]bugs?"
    r"|feature[\W_]requests?"
    r"|time[\W_]to[\W_](first[\W_])?value|save[\W_]offers?|red[\W_]account|(csm"
    r"|customer)[\W_]sentiment"
    r"|(seats|users|mrr|arr|licen[cs]es)[\W_](now|today)|current[\W_](mrr|arr|seats|users"
    r"|licen[cs]es)"
    r"|[mdw]aus?|(monthly|weekly|daily)[\W_]active|app[\W_]rating|(trainings?|sessions|hours)"
    r"[\W_](delivered|completed|held)|tickets?(?![\W_]?(size|value|price))|(open"
    r"|closed)[\W_]?cases|loss[\W_]?reason"
)
"""Words for what happens only after signing."""

_MAYBE = (
    r"usage|log[\W_]?ins?|sessions?|viewed|views|clicked|clicks|opened|opens|onboarded|activated"
    r"|(minutes|hours|calls|cases|time)[\W_]?(\w+[\W_])?support|support[\W_]?(minutes|hours|calls"
    r"|cases|time|contacts?|requests?)|adoption|engagement|features[\W_]?used|active[\W_]?users"
    r"|customer[\W_]success[\W_]manager|csm|features[\W_]enabled|(storage|credits|minutes|seats)"
    r"[\W_]used|licen[cs]e[\W_]utili[sz]ation|minutes[\W_]of[\W_]use|users[\W_](invited|activated)"
    r"|go[\W_]live[\W_](date|on|day)|onboarding[\W_]score|contract[\W_]amendments?"
    r"|referrals?[\W_](given|made)|active[\W_](seats|licen[cs]es|accounts|subscribers)|upsell\w*"
    r"|upgrad\w*|expansion|first[\W_]?\d+[\W_]?d\w*|\d{2,3}[\W_]?d(ays)?"
    r"|since[\W_]?(sign\w*|clos\w*|start|activation|onboarding|purchase)"
)
"""Words for what may also happen before signing, as in a trial."""

_BEFORE_ELSEWHERE = (  # a time before signing, or the content of a contract
    r"试用|体验|售前|签约前|购买前|预计|预期|计划|自动|条款|承诺|演示"
    r"|トライアル|お試し|導入前|契約前|商談|予告|予定|自動|見込|経路|条項"
    r"|체험|무료|예상|예정|자동|사전|경로|계약 ?전|통보"
    r"|\b(test|probe|geplant|erwartet|voraussichtlich|vorher|vor (abschluss|vertrag)|automatisch)"
    r"|(kündigungs|verlängerungs|widerrufs)(frist|option|klausel)"
    r"|\b(essai|prévu|avant|tacite|automatique|préavis|prueba|previst|antes|preaviso|automátic)"
    r"|\b(prova|prima|preavviso|automatic|proef|verwacht|opzegtermijn|automatisch|vooraf)"
    r"|\b(пробн|планиру|ожида|до (подписания|покупки|сделки)|автопродл|автоматич|срок уведомл"
    r"|источник)|\b(próbn|przed|planowan|oczekiwan|automatyczn|okres wypowiedzenia|źródło)"
    r"|\b(provperiod|förvänta|planera|uppsägningstid|automatisk|zkušebn|očekávan|plánovan|výpovědní"
    r"|очіку|до (підписання|купівлі|угоди)|джерело)"
    r"|\b(deneme|öncesi|önce|planlanan|beklenen|otomatik|ihbar)|تجريب|متوقع|قبل|تلقائي"
)
_SURELY_ELSEWHERE = (
    r"工单|[月日周]活|(续约|流失)(概率|风险)|当前(席位|用户|账号|mrr|arr)|未付|欠款|开通功能"
    r"|培训次数|回访|服务次数|客服(案件|次数|件数)|满意度|投诉|客诉|报修|健康(度|分|值|评分"
    r"|状态)|nps|逾期|欠费|退款|流失|离网|退订|解约|销户"
    r"|(累计|已付|总)(付款|消费|充值|缴费|收款|支付|开票|回款)|(最近|最后|上次|最新)(一次)?(登录"
    r"|活跃|付款|缴费|消费|访问|使用|购买|下单|联系|续费)"
    r"|续(约|费|签)(次数|状态|率|金额|日期|时间)|是否续(约|费|签)|在网(时长|月|天)|(发票|开票"
    r"|缴费|付款|续费|登录)(数|次数|张数|笔数)"
    r"|(活跃|使用|登录)(用户|天数|次数|频率|时长|率|度)|降级|停用|客户(成功|健康)|上线(日期|时间"
    r"|天数|状态)"
    r"|満足度|問い?合わ?せ(件数|回数|数)|サポート(件数|回数|対応|依頼|問い?合わ?せ)|クレーム|苦情"
    r"|ヘルス|健全度|解約|退会|離脱"
    r"|最終(ログイン|利用|アクセス|購入|支払|入金|請求|更新|連絡|接触|来店|注文)|(利用|継続"
    r"|在籍)(月数|期間|回数|日数|頻度|率)"
    r"|チケット(数|件数)|(請求|支払|入金|ログイン|更新)(回数|件数|頻度)|累計|延滞|滞納|返金"
    r"|アクティブ(ユーザー|率)|稼働率|定着"
    r"|만족도|문의 ?(건수|횟수|수)|지원 ?요청|불만|민원|해지|탈퇴|이탈|환불|연체|미납|누적"
    r"|헬스 ?스코어|건강 ?점수"
    r"|(최근|마지막) ?(로그인|접속|결제|이용|방문|구매|활동)|(이용|유지) ?(기간|월수|횟수|빈도"
    r"|률|율|일수)|(청구|결제|로그인|갱신) ?(횟수|건수)"
    r"|티켓 ?(수|건수)?|활성 ?사용자"
    r"|\b(support ?(anfrag|fäll|tick|kontakt|vragen)|(kunden)?zufriedenheit|beschwerde|reklamation"
    r"|mahn(stufe|ung|stand)"
    r"|gesundheits ?(score|wert|index)|gesamtumsatz|umsatz bisher|bisherige|kündig|gekündigt"
    r"|abgewandert|inaktiv"
    r"|erstattung|aktuelle (nutzer|plätze|lizenzen|mrr)|offene rechnung|nutzung$"
    r"|schulungen (durchgeführt|gehalten)|zahlungsverzögerung|abwanderungsrisiko|health ?(wert"
    r"|score)|fehlermeldung|nutzungs ?(grad|intensität|häufigkeit|dauer)|kundendauer|zahlungsverzug"
    r"|überfällig|offene posten"
    r"|letzte[rsn]? (anmeldung|login|nutzung|zahlung|rechnung|aktivität|bestellung|kontakt|besuch)"
    r"|(anzahl|zahl) (der )?(rechnung|zahlung|anmeldung|login|beschwerde|ticket|mahnung"
    r"|verlängerung)|verlängert)"
    r"|\b(plainte|réclamation|résili|(score|indice|note) (de )?santé|impayé|retards? de paiement"
    r"|rembours|désabonn|renouvelé"
    r"|taux d (utilisation|usage)|factures? (payée|émise)|nombre de (facture|connexion|ticket"
    r"|réclamation|plainte|paiement)"
    r"|derni(er|ère) (connexion|activité|utilisation|paiement|facture|visite|commande|contact)"
    r"|total (payé|facturé|encaissé))"
    r"|\b(queja|reclamaci|reclamaç|incidencia|(puntuación|índice|score) de (salud|saúde)|moros"
    r"|impag|reembols|renovad"
    r"|últim[oa] (conexión|acceso|pago|factura|actividad|compra|visita|uso|acesso|pagamento"
    r"|fatura|login)"
    r"|(facturas?|faturas?|pagos?) (pagad|pagas|emitid)|total (pagado|facturado|pago|faturado)"
    r"|chamado|inadimpl|estorn|baja"
    r"|(número|nº|n|qtd|cantidad|quantidade) (de )?(queja|factura|fatura|pago|incidencia|acceso"
    r"|acesso|ticket|chamado|reclama))"
    r"|\b(reclam[io]\b|soddisfazione|disdett|recesso|rimbors|insolut|rinnovat|segnalazion"
    r"|punteggio (di )?salute|fatture (pagate|emesse)"
    r"|ultim[oa] (accesso|login|pagamento|utilizzo|ordine|fattura|attività|contatto)|(numero"
    r"|n) (di )?(ticket|reclam|fattur|access))"
    r"|\b(klacht|aantal (klachten|facturen|tickets|inlog|meldingen)|(klant)?tevredenheid|opzeg"
    r"|opgezegd|achterstand|openstaand|terugbetal"
    r"|laatste (inlog|login|betaling|factuur|activiteit|gebruik|bestelling|contact|bezoek)"
    r"|gezondheids|gebruiksgraad)"
    r"|\b(обращен\w* в|(количество|число|кол во) (обращ|жалоб|тикет|вход|счет|платеж|визит)"
    r"|жалоб|удовлетвор|отток|расторж|возврат"
    r"|просроч|задолж|продлен\b|тикет|индекс здоровья|оплачено всего|всего оплачено"
    r"|последн\w+ (вход|визит|плат|счет|активн|заказ|покупк|использ|контакт))"
    r"|\b(reklamacj|(liczba|ilość) (zgłosze|faktur|reklamac|logowa|płatno|ticket)"
    r"|zgłoszenia (serwis|wsparc)|zadowoleni|satysfakcj"
    r"|rozwiąza|wypowiedz|rezygnacj|zaległo|zwrot|przedłużon|odnowion|ostatni\w* (logowani"
    r"|płatno|faktur|aktywno|wizyt|zamówieni|użyci))"
    r"|\b(şikayet|(müşteri )?memnuniyet|destek (talep|kayd)|(talep|fatura|ödeme|giriş) sayısı"
    r"|iptal|iade|gecik|yenilen|son (giriş|ödeme|fatura|kullanım|oturum|aktivite|ziyaret|sipariş))"
    r"|\b(klagomål|kundnöjdhet|supportärende|uppsäg|återbetal|(antal )?(ärenden|inloggningar)"
    r"|senaste? (inlogg|betalning|faktura|aktivitet|besök)|förfallna)"
    r"|\b(stížnost|reklamac|spokojenost|upomín|výpově|poslední (přihlášení|platb|faktur|aktivit)"
    r"|počet (stížností|reklamací|tiketů|požadavků|faktur|přihlášení))"
    r"|\b(скарг|задоволен|розірван|відтік|прострочен|заборгован|повернен|останн\w+ (вхід|візит|плат"
    r"|рахун|активн)|(кількість|число) (звернень|скарг|тікетів|входів|рахунків|платежів))"
    r"|причин\w* (ухода|отказа|оттока|расторж)|powód (odejścia|rezygnacji|rozwiąza)|(opzeg"
    r"|vertrek)reden"
    r"|(iptal|ayrılma|fesih) (nedeni|sebebi)|(解約|退会|離脱|해지|이탈|탈퇴) ?(原因|理由|사유|이유)"
    r"|شكاو|شكوى|رضا العميل|رضا العملاء|تذاكر الدعم|الإلغاء|استرداد|متأخرات|آخر (دخول|تسجيل|دفع"
    r"|نشاط|زيارة)"
)
_LATER_ELSEWHERE = re.compile(plain_letters(_SURELY_ELSEWHERE))
_NOT_LATER_ELSEWHERE = re.compile(plain_letters(_BEFORE_ELSEWHERE))

_SELLER = (
    r"(sales[\W_]?)?(rep|owner|seller|agent)(resentative|[\W_]?name|[\W_]?id)?"
    r"|account[\W_]?(exec\w*|manager)"
)


def _whole_words(words: str) -> str:
    return rf"(?:^|[\W_\d])(?:{words})(?=$|[\W_\d])"


LATER = re.compile(
    rf"^(?!.*{_whole_words(_BEFORE_SIGNING)}).*{_whole_words(f'{_SURELY}|{_MAYBE}')}", re.IGNORECASE
)
"""Pattern of names that suggest later knowledge; search the name itself, or the `spaced` name."""
_SURELY_LATER = re.compile(
    rf"^(?!.*{_whole_words(_BEFORE_SIGNING)}).*{_whole_words(_SURELY)}", re.IGNORECASE
)
_SELLERS = re.compile(rf"^(?:{_SELLER})$", re.IGNORECASE)


def spaced(name: str) -> str:
    """Return a name as words: ``lastLoginDate``, ``last.Login_Date`` -> ``last Login Date``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|[\W_]+", " ", name).strip()


def is_later_elsewhere(words: str) -> bool:
    """Return whether a name, as words, suggests later knowledge in other languages."""
    words = plain_letters(words).lower()
    return _LATER_ELSEWHERE.search(words) is not None and _NOT_LATER_ELSEWHERE.search(words) is None


def is_later(name: str) -> bool:
    """Return whether a name, as written or in plain words, suggests later knowledge.

    Examples
    --------
    >>> from fitmodel.leakage.names import is_later
    >>> is_later("Support tickets"), is_later("顧客満足度"), is_later("Liczba użytkowników")
    (True, True, False)
    """
    return LATER.search(name) is not None or suggests_later(name) != "no"


def suggests_later(name: str) -> Literal["surely", "maybe", "no"]:
    """Return whether a name suggests a value that is known only after closing."""
    words = spaced(name)
    if _SURELY_LATER.search(words) or is_later_elsewhere(words):
        return "surely"
    return "maybe" if LATER.search(words) else "no"


def suggests_protected(name: str) -> str | None:
    """Return the legally protected characteristic that a name suggests, or None."""
    return protected_characteristic(spaced(name))


def is_seller(name: str) -> bool:
    """Return whether a name suggests a seller."""
    return _SELLERS.search(spaced(name)) is not None


_OF_THINGS = (
    r"(?<!account )(?<!company )(?<!domain )(?<!deal )(?<!business )(?<!firm )(?<!lead )"
    r"(?<!website )(?<!contract )(?<!building )"
)
"""Words before which "age" does not count: the age of a company is not that of a person."""

# Latin words are compared without accents. Chinese is written without spaces, so it is separate.
_WORDS = {
    "gender": (
        r"gender|sex|female|male|geschlecht|anrede|genre|sexe|civilite|genero|sexo|sexual\w*"
        r"|transgender"
    ),
    "age": (
        rf"{_OF_THINGS}age([\W_]?(group|band|class|range))?|birth\w*|dob|senior[\W_]?citizens?"
        r"|seniors?|alter(sgruppe|sklasse)?|lebensalter|geburts\w*|tranche d age|naissance|edad"
        r"|nacimiento|(year|date)[\W_]?of[\W_]?birth"
    ),
    "nationality": (
        r"national(ity|ities)|nationalitat|staatsangehorigkeit|staatsburgerschaft|citizenship"
        r"|nationalite|citoyennete|nacionalidad|ciudadania|(country|place)[\W_]?of[\W_]?birth"
        r"|immigra\w*|migrationshintergrund"
    ),
    "ethnicity": (
        r"ethnic\w*|ethni(e|en|que|sche?)|ethnisch\w*|race|racial|rasse|raza|etnia|etnic\w*"
        r"|skin[\W_]?colou?r|hautfarbe"
    ),
    "religion": (
        r"religi\w*|konfession|glaube|kirchensteuer|culte|faith|church|belief|kirchenzugehorigkeit"
    ),
    "disability": (
        r"disab\w*|(schwer)?behindert\w*|(schwer)?behinderung\w*|handicap\w*|invalid(e|ite|ez)"
        r"|discapacidad|minusvalia|wheelchair"
    ),
    "family": (
        r"marital\w*|married|familienstand|verheiratet|geschieden|dependents|pregnan\w*"
        r"|schwanger\w*"
        r"|(situation|statut)[\W_](familiale|matrimoniale?)|etat[\W_]civil|marie(e|s)?|enceinte"
        r"|estado[\W_]civil|casad[oa]s?|embaraz\w*|civil[\W_]status|partnership[\W_]status"
    ),
    "politics": r"political\w*|trade[\W_]union|union[\W_]member\w*|gewerkschaft\w*|partei",
}
_SIGNS = {
    "gender": "性别|男女|性別",
    "age": "年龄|年齡|出生|生日|岁数",
    "nationality": "国籍|國籍|公民身份",
    "ethnicity": "民族|种族|種族|籍贯|族裔",
    "religion": "宗教|信仰",
    "disability": "残疾|殘疾|残障|伤残",
    "family": "婚姻|婚否|已婚|怀孕|孕妇|生育",
    "politics": "政治面貌|党派|工会会员",
}
_PATTERNS = {
    kind: re.compile(rf"(?:^|[\W_\d])(?:{words})(?=$|[\W_\d])|{_SIGNS[kind]}", re.IGNORECASE)
    for kind, words in _WORDS.items()
}


def protected_characteristic(words: str) -> str | None:
    """Return the protected characteristic that a name, written as words, suggests, or None."""
    plain = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", words)
        if not unicodedata.combining(letter)
    )
    return next((kind for kind, pattern in _PATTERNS.items() if pattern.search(plain)), None)
