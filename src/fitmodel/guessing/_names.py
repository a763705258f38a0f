"""Patterns of column names in CRM exports, in several languages.

A name is first turned into plain words: ``CloseDate``, ``close_date`` and ``CLOSE.DATE__c`` all
become "close date". The patterns of each role are ordered: the first is the most certain.
"""

from __future__ import annotations

import re
import unicodedata

from fitmodel.deals.vocabulary import words_of
from fitmodel.guessing._foreign_names import foreign_rank, with_foreign
from fitmodel.tables.vocabulary import plain_letters

_DATE = r"(on|at|date|day|dt|datum|tag|time|timestamp|ts|am|zum|le|el|em)"
_NUMBER = r"(id|no|nr|num|number|nummer|key|code|uuid|guid|编号|号)"
_LEAVING = (
    r"(churn\w*|cancel\w*|terminat\w*|(ge)?kündigt?\w*|(ge)?kuendigt?\w*|lapse\w*|surrender\w*"
    r"|attrition|departure|résili\w*|offboard\w*|abgewandert|beendet|ausgetreten)"
)
_YEARLY = r"(annual\w*|yearly|year|anual\w*|annuel\w*|jahres\w*)"
_VALUE = r"(value|amount|revenue|fee|price|premium|contract value|recurring revenue|spend)"

_OF_A_SALE = r"(opportunity|deal|account|sales|lead|hub ?spot)?"


def _any(*patterns: str) -> str:
    return "|".join(patterns)


ROLE_NAMES: dict[str, tuple[str, ...]] = {
    "id": (
        _any(
            rf"\b(deal|opportunity|opp|contract|policy|order|subscription) ?{_NUMBER}$",
            r"(vertrags?|auftrags?) ?(id|nr|nummer)",
            r"(合同|订单|商机) ?(id|编号|号)",
            r"(contrat|contrato) (id|no|numéro|número)|(id|numéro|número) (de )?(contrat\w*)",
        ),
        _any(
            rf"\b(customer|account|client|cust|user|kunden?) ?{_NUMBER}$|(客户|账户) ?(id|编号|号)",
            r"(id|numéro|número|código) (de |do )?(client\w*|cuenta|conta)",
        ),
        rf"\b{_NUMBER}$|^(id|uuid|guid)\b|编号$",
    ),
    "observed_until": (
        _any(
            r"observed? ?(until|on|at)|\bobservation (end|date)|^as of\b|stichtag|auszug\w*",
            rf"\b(extract|extraction|snapshot|export|report|cutoff|cut off) ?{_DATE}\b",
            r"截止|统计日期|fecha de (corte|extracción)|date d(e l)? ?extraction",
            r"data d[ea] (corte|extração)",
        ),
    ),
    "closed_on": (
        _any(
            rf"\b(clos(e|ed|ing)|sign(ed|ing|ature)?|won) ?{_DATE}$",
            r"^date (closed|signed|won)$|^(signed|closed)$|abschluss|unterschr|签约|成交|签订",
            r"\b((deal|opportunity|opp) (signed|closed|won)|(contract|agreement|order) signed)$",
            rf"unterzeichnet ?{_DATE}$|vertragsschluss|(签单|赢单)(日期|时间|日$)",
            r"(date|fecha|data) (de |do )?(signature|firma|cierre|assinatura|fechamento|venda)",
            r"(date|fecha|data) (de )?(contratación|contratação|souscription)",
        ),
        _any(
            rf"\b(contract|policy|agreement|deal|vertrags?) ?(start\w*|begin\w*|{_DATE})\b",
            r"vertragsbeginn|合同(开始)?(日期|时间)|(下单|购买|订购)(日期|时间|日$)",
            rf"auftrags ?{_DATE}$|^auftrag vom$|\b(abgeschlossen|gewonnen) (am|datum)$",
            r"(début|inicio|início) (du|de|del|do)? ?(contrat\w*)|\bbecame an? customer\b",
        ),
        _any(
            rf"\b(start\w*|begin\w*|inception|effective|subscri\w*|sign ?up) ?{_DATE}?$",
            rf"\b(joined|join|activat\w*|since) ?{_DATE}?$|beginn|开始",
            r"(date|fecha|data) (de |d )?(début|inicio|início|alta|entrada|adesão|inscription)",
            r"date d (entrée|effet)",
            r"(client|cliente|kunde|customer) (depuis|desde|seit)|^eintritt\w*|^startdatum$",
            r"(开通|入网|注册|开户|激活|起始|生效)(日期|时间|日$)",
        ),
        rf"^(customer |subscription |account )?(created|registered|registration) ?{_DATE}?$",
    ),
    "churned_on": (
        _any(
            rf"\b{_LEAVING} ?{_DATE}$|^date (of )?{_LEAVING}$|流失(日|时间|月份|时点|于$)",
            r"(date|fecha) (de )?(résiliation|baja|cancelación|départ)",
            r"data (de |da |do )?(cancelamento|saída)",
            r"(离网|销户|退订|解约|注销|停机|取消|离开|退出)(日期|时间|日$)",
            r"(abgangs|beendigungs|storno|stornierungs|abmelde)(datum|tag)$"
            r"|\b(storniert|abgemeldet) (am|zum)$|^kündigung(\w*| wirksam( zum| am)?)$",
        ),
        _any(
            rf"\b(cancel|churn|terminat|kündig|résili)\w*$|\b(left|lost) ?{_DATE}$|^(left|lost)$",
            r"austritt|退订|解约|终止|^baja$|^gekündigt$|^storno$|^verlustdatum$|\bverloren am$",
        ),
        _any(
            rf"\b(ended|end|exit|exited|deactivat\w*|inactivat\w*|unsubscribed?) ?{_DATE}?$",
            r"vertragsende|结束|\bfin$|^enddatum$|^ende$",
            r"(date|fecha|data) (de |do )?(fin|término|encerramento)",
        ),
    ),
    "exited_on": (rf"^exit(ed)? ?{_DATE}$",),
    "tenure_months": (
        _any(
            r"\btenure\b.*\bmonths?\b|\bmonths? (of )?(tenure|active|stayed|subscribed)\b",
            r"\bmonths? (as|with|since|on)\b|\b(lifetime|duration|customer) months?\b",
            r"(laufzeit|dauer).*monate|在网(时长|月)|(antigüedad|ancienneté).*(mes|mois)",
        ),
        _any(
            r"\btenure\b|在网(时长|月|年|天)|antigüedad|antiguedad|ancienneté|anciennete"
            r"|kundendauer",
            r"tempo (como|de) (cliente|casa|contrato)|tiempo (como|de) cliente",
            r"\b(meses|mois|monate)$",
            r"\b(years?|weeks?|days?|months?) (as|with|since|on|at (the )?company)\b",
        ),
        r"^(duration|laufzeit|account length|account age|customer age|life ?time|age)\b",
    ),
    "churned": (
        _any(
            r"^(is |has |did |customer )?(churn(ed)?|attrit(ion|ed))( flag| label| status| yn)?$",
            r"是否流失|^流失$|abgewandert|^gekündigt$|^churn value$",
        ),
        _any(
            r"^(is |has |did )?(left|lost|cancel+ed|exited|inactive|terminated|lapsed)( flag)?$",
            r"^(résilié|perdu|cancelado|baja|parti)$",
        ),
        _any(
            r"^((customer|account|subscription|contract|policy|kunden) ?)?(status|estado|statut)$",
            r"^状态$|客户状态",
        ),
    ),
    "rep": (
        _any(
            rf"^{_OF_A_SALE} ?(owner|rep|representative|seller|sales ?(person|man)|agent)"
            r"( full)?( name)?$",
            rf"^{_OF_A_SALE} ?(executive|closer|ae)( name)?$|^(closed|sold|won) by$",
            r"^(verkäufer|vertriebler|vende[du]|commercial|comercial)\w*( name)?$",
            r"销售(员|人员|代表|经理)?$|业务员",
        ),
        _any(
            rf"^{_OF_A_SALE} ?(owner|rep|seller|agent|sales ?person) ?{_NUMBER}$",
            r"^account ?manager( full)?( name)?$",
        ),
    ),
    "team": (r"^(sales |hub spot )?(team|squad)( name)?$|vertriebsteam|^(équipe|equipo)$|团队$",),
    "amount": (
        _any(
            rf"\b(arr|acv)( (usd|eur|gbp))?$|^(arr|acv)\b|\bannual recurring (value|amount|fee)"
            rf"|\b{_YEARLY} ?(?!revenue$){_VALUE}",
            rf"{_VALUE} ({_YEARLY}|per year)|jahres(wert|umsatz|betrag|beitrag|preis)",
            r"(montant|valeur|importe|valor) (annuel\w*|anual)|年(度)?(合同)?(金额|价值|费用|收入)",
        ),
        _any(
            r"\bc?mrr\b|^month(ly)? (recurring )?(revenue|fee|price|charge|value|amount|spend|cost"
            r"|payment|subscription)s?$|\b(fee|price|charge|revenue|amount|spend) (per|a) month\b",
            r"(precio|cuota|importe|ingreso|valor|preço|receita) (mensual|mensal)"
            r"|mensualidad|^mensualité",
            r"mensalidade|monats(beitrag|preis|umsatz|gebühr)|(prix|montant|revenu) mensuel",
            r"月(费|租|收入)|\b(quarterly|weekly) (fee|price|amount|charge|payment|subscription)\b",
        ),
        _any(
            rf"^(deal|contract|opportunity|order|subscription|close)? ?{_VALUE}$|^deal size$",
            r"^(tcv|total contract value)$",
            r"(vertrags|auftrags)wert|^(betrag|montant|importe|valor)$|(合同|成交)?金额$|合同额",
        ),
    ),
}
ROLE_WORDS = {
    "id": "id of the deal",
    "closed_on": "date the deal was signed",
    "churned_on": "date the customer left",
    "observed_until": "date the extract ends",
    "exited_on": "date the customer went for another reason than leaving",
    "tenure_months": "months until leaving or the extract",
    "churned": "whether the customer left",
    "rep": "who sold",
    "team": "team that sold",
    "amount": "yearly contract value, an attribute too",
}
"""What each role is, in the order in which a contract names them."""
_EVENTS = (
    r"trials?|demo|pilot|renew\w*|price|pricing|increase|discount|coupon|upgrad\w*|downgrad\w*"
    r"|plan change\w*|payment|paid|invoice\w*|bill(ing|ed)|charge|period|cycle|onboard\w*"
    r"|go live|live date|kick ?off|implement\w*|install\w*|training|activat\w*|start\w*|begin\w*"
    r"|created|updated|modified|changed|contact\w*|call\w*|meeting|e ?mail\w*|login|log in|seen"
    r"|active|activity|used|usage|visit\w*|survey|nps|csat|review|qbr|ticket\w*|case|support"
    r"|next|last|latest|first|expected|planned|forecast\w*|scheduled|due|expir(y|ation)|valid until"
    r"|signed|sign ?up|birth\w*|founded|shipped|delivered|order\w*|purchase\w*|refund\w*|paused?"
    r"|resum\w*|reactivat\w*|notice|term|current"
)
_OTHER_EVENT = with_foreign(
    rf"\b(?:{_EVENTS})\b"
    r"|\b(prueba|renovación|renovacion|pago|factura\w*|precio|vencimiento|próxim[oa]|últim[oa])\b"
    r"|\b(teste|renovação|renovacao|pagamento|preço|vencimento|cobrança|fatura)\b"
    r"|(probe|verlängerung|zahlung|rechnung|preis|nächste|letzte|ablauf|einführung)"
    r"|\b(essai|renouvellement|paiement|facture|prix|échéance|prochain\w*|dernier\w*|dernière)\b"
    r"|试用|续约|续费|付款|缴费|账单|涨价|价格|上线|到期|最近|最后|下次|登录|联系",
    "other_event",
)
_TIME_LIMIT = with_foreign(
    r"frist|\b(deadline|window|cut ?off)\b|délai|plazo|prazo|期限", "time_limit"
)
_SURELY_LEAVING = with_foreign(
    rf"\b{_LEAVING}\b|\bleft\b|流失|离网|销户|退订|解约|baja|cancelamento", "surely_leaving"
)
MONTHLY = with_foreign(
    r"\bmrr\b|\bcmrr\b|\bmonthly\b|(per|a) month|monatlich\w*|monats\w*|mensual\w*|mensuel\w*"
    r"|mensal\w*|\bmensalidade\b|par mois|por mes|por mês|月(费|租|收入|付|均)|每月",
    "monthly",
)
YEARLY = with_foreign(
    rf"\barr\b|\bacv\b|\b{_YEARLY}\b|per year|a year|jahres\w*|jährlich\w*|par an\b|por año|por ano"
    r"|年(度|费|付)?|每年",
    "yearly",
)
CONTRACT_VALUE = re.compile(r"\btcv\b|total contract value|合同(总)?(金额|额)|gesamtauftragswert")
TURNOVER = with_foreign(
    r"^(annual ?revenue|(company|customer|client|account|firm) (annual )?(revenue|turnover|sales)"
    r"|turnover|annual turnover|(annual )?sales volume|umsatz|jahresumsatz|firmenumsatz"
    r"|chiffre d affaires|ca annuel|facturación|facturacion|ingresos( anuales)?"
    r"|faturamento( anual)?|receita( anual)?|营业额|年营收|营收|年营业额|企业营收)"
    r"( usd| eur| gbp)?$",
    "turnover",
)
"""Names for the turnover of the customer's company, which is not the value of its contract."""
TRIAL_END = with_foreign(
    r"\btrial( \w+)? (end\w*|until|expir\w*|finish\w*)|\b(end|expiry) of (the )?trial"
    r"|试用(期)?(结束|到期|截止)|ende der testphase|testphase (bis|ende)|fin (de )?(la )?prueba"
    r"|fin (de l |d )?essai|fim (do )?(teste|período de teste)",
    "trial_end",
)
"""Names for the day on which a trial ends."""
LAST_DAY = re.compile(
    r"^((customer|account|subscription|contract|plan) )?(active|paid|valid|service|access"
    r"|subscribed) (until|till|to|through|thru)( (date|day|on))?$"
)
"""Names for the last day of what was paid, which is a day of leaving for those who left."""
VERSION = re.compile(
    r"\b(version|release|build|firmware|revision)s?( (no|nr|number))?$|版本|バージョン"
)
"""Names for versions of a product, which may look like dates: R5.6.7, 4.12.10."""
EXPECTED = with_foreign(
    r"^est\b|\b(estimated|expected|forecast\w*|anticipated|projected|planned|scheduled|predicted"
    r"|likely|target)\b"
    r"|(voraussichtlich|erwartet|geplant|prévu|previst|estimad|esperad)\w*|预计|预期|计划",
    "expected",
)
"""Words for a date or an amount that was expected while the deal was open."""
BECAME_CUSTOMER = re.compile(r"\bbecame an? customer\b")
"""HubSpot's date on which a company or contact first became a customer."""
PER_UNIT = with_foreign(
    r"\bunit (price|amount|cost|fee)\b|\b(price|amount|fee|cost|rate) per "
    r"(seat|user|unit|licen[cs]e|member|employee)\b|\bper (seat|user|licen[cs]e) (price|fee)\b"
    r"|单价|stückpreis|einzelpreis|preis pro (platz|nutzer|lizenz)|(preço|precio) unit[aá]rio"
    r"|prix unitaire",
    "per_unit",
)
"""Names for the price of one seat, user or licence."""
QUANTITY = with_foreign(
    r"\b(quantity|qty|seats?|licen[cs]es|users|units|members|menge|anzahl|plätze|lizenzen|nutzer"
    r"|cantidad|quantidade|usuários|usuarios|quantité|utilisateurs)$|(数量|账号数|用户数|席位数?"
    r"|人数)$",
    "quantity",
)
"""Names for how many seats, users or licences a contract has."""
AGREED_TERM = re.compile(
    r"^(initial |agreed |minimum )?(contract|subscription|agreement|commitment|initial)? ?"
    r"(term|duration|length)( (in )?(months?|mo|years?|yrs))?$|^(mindest"
    r"|vertrags)?laufzeit( .*monate?n?)?$"
    r"|^(plazo|prazo|duración|duração|durée)( .*)?$"
    r"|^合同(期限|期|时长|年限)( ?月)?$|^签约时长( ?月)?$"
)
"""Names for the months for which a contract is agreed."""
CURRENCY = with_foreign(
    r"(\b(currency|moneda|moeda|\w*währung|\w*waehrung|devise|monnaie)|币种|货币)"
    r"( (of|der|des|du|de la|del|da) \w+)?( iso)?( code)?$",
    "currency",
)
PERIOD = with_foreign(
    r"^((billing|plan|price|payment|subscription|invoic(e|ing)) )?(interval|period|frequency|cycle"
    r"|period unit)( unit)?$|^(payment|billing) (term|mode|schedule)s?$"
    r"|^(zahl(ungs)?weise|(zahlungs|abrechnungs|rechnungs)(intervall|zeitraum|periode|turnus"
    r"|rhythmus)|turnus)$|^(periodicidad|periodicidade|périodicité)( .*)?$"
    r"|^(frecuencia|frequência|fréquence|ciclo|cycle|período|periodo|période) (de |d )?"
    r"(pago|cobro|cobrança|pagamento|facturación|faturamento|facturation|paiement)$"
    r"|^(付款|支付|计费|缴费|收费|结算|付费)(方式|周期|频率|模式)$",
    "period",
)
PERIOD_COUNT = re.compile(
    r"^((billing|plan|price) )*(interval|period|frequency|cycle) (count|length|number)$"
    r"|^((plan|subscription)s? )?billing (period|months)$"
)
IDENTIFIER = with_foreign(
    rf"\b({_NUMBER}|ids)$|编号$|^(rownames|row|index)$|^unnamed \d+$", "identifier"
)
PERSON_OR_TEXT = with_foreign(
    r"\b(name|e ?mail|phone|fax|mobile|address|street|description|notes?|comments?|next step|url"
    r"|website|contact|domain|text)\b|(name|notiz\w*|bemerkung\w*|beschreibung|nombre|nom)$|名称"
    r"|备注",
    "person_or_text",
)


def as_words(name: str) -> str:
    """Return a column's name as plain words in lower case."""
    name = _FORM_OF_DATES.sub("", unicodedata.normalize("NFKC", name))
    name = re.sub(r"__c$", "", name, flags=re.IGNORECASE)  # Salesforce's suffix of custom fields
    name = re.sub(r"[\s_]*[(\[]?\b(utc|gmt|local time)\b[)\]]?\s*$", "", name, flags=re.IGNORECASE)
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return re.sub(r"[\W_]+", " ", plain_letters(name)).strip().lower()


_IN_CURRENCY = re.compile(
    r"( (in )?(usd|eur|gbp|chf|cny|rmb|jpy|inr|brl|us|万元|千元|元|円)| converted| (netto|brutto"
    r"|net|ht|ttc)"
    r"| (incl|excl|inkl|exkl)\w* (vat|tax|mwst|iva|tva|btw)| (税込|税抜|含税|不含税|未税))$"
)
_FORM_OF_DATES = re.compile(
    r"[(\[]?\b[dmy]{1,4}([./ -])[dmy]{1,4}\1[dmy]{2,4}\b[)\]]?\s*$", re.IGNORECASE
)


def name_rank(words: str, role: str) -> int | None:
    """Return the position of a role's first pattern that matches a name, or None."""
    patterns = ROLE_NAMES[role]
    if role == "amount":
        words = _IN_CURRENCY.sub("", words)
    ranks = [position for position, each in enumerate(patterns) if re.search(each, words)]
    foreign = foreign_rank(words, role)
    return min(ranks if foreign is None else [*ranks, foreign], default=None)


def has_name_of(words: str, key: str) -> bool:
    """Return whether a name is listed for a kind of column in ``vocabulary.toml``."""
    names = words_of("names", key)
    bare = _AFFIXES.sub("", words)
    if words in names or bare in names:
        return True
    # In "Still a client?" or "Has the customer left?" the noun adds nothing, so it is removed.
    return key.endswith("_flag") and " ".join(_SMALL_WORDS.sub(" ", bare).split()) in names


_AFFIXES = re.compile(r" (flag|yn|y n|indicator|label|code)$|^(deal|opportunity|subscriptions?) ")
_SMALL_WORDS = re.compile(
    r"\b(is|are|has|have|did|does|the|an?|our|this|they|customers?|clients?|users?|accounts?"
    r"|subscribers?|members?)\b"
)


def is_other_event(words: str) -> bool:
    """Return whether the name of a date suggests another event: trial, renewal, price, payment."""
    if EXPECTED.search(words) or _TIME_LIMIT.search(words):
        return True
    return bool(_OTHER_EVENT.search(words)) and not _SURELY_LEAVING.search(words)
