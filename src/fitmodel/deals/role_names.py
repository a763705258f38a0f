"""What columns of past deals are called, in CRM exports and in several languages.

A name is first written as plain words: ``CloseDate``, ``close_date`` and ``CLOSE.DATE__c`` are all
"close date". For each role the patterns stand in order: the first is the surest.
"""

from __future__ import annotations

import re

_DATE = r"(on|at|date|day|dt|datum|tag)"
_NUMBER = r"(id|no|nr|num|number|nummer|key|code|uuid|guid|编号|号)"
_LEAVING = r"(churn\w*|cancel\w*|terminat\w*|kündig\w*|lapse\w*|surrender\w*|attrition|departure)"
_YEARLY = r"(annual\w*|yearly|year|anual\w*|annuel\w*|jahres\w*)"
_VALUE = r"(value|amount|revenue|fee|price|premium|contract value|recurring revenue|spend)"

_OF_A_SALE = r"(opportunity|deal|account|sales|lead)?"


TURNOVER = r"^annual ?revenue$"
"""A contract's yearly value, or, in a CRM, the turnover of the customer's own firm."""


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
            r"(id|numéro|número|código) (de )?(client\w*|cuenta)",
        ),
        rf"\b{_NUMBER}$|^(id|uuid|guid)\b|编号$",
    ),
    "observed_until": (
        _any(
            r"observed? ?(until|on|at)|\bobservation (end|date)|^as of\b|stichtag|auszug\w*",
            rf"\b(extract|extraction|snapshot|export|report|cutoff|cut off) ?{_DATE}\b",
            r"截止|统计日期|fecha de (corte|extracción)|date d(e l)? ?extraction",
        ),
    ),
    "closed_on": (
        _any(
            rf"\b(clos(e|ed|ing)|sign(ed|ing|ature)?|won) ?{_DATE}$",
            r"^date (closed|signed|won)$|^(signed|closed)$|abschluss|unterschr|签约|成交|签订",
            r"(date|fecha) (de )?(signature|firma|cierre)",
        ),
        _any(
            rf"\b(contract|policy|agreement|deal|vertrags?) ?(start\w*|begin\w*|{_DATE})\b",
            r"vertragsbeginn|合同(开始)?(日期|时间)|(début|inicio) (du|de|del)? ?(contrat\w*)",
        ),
        _any(
            rf"\b(start\w*|begin\w*|inception|effective|subscri\w*|sign ?up) ?{_DATE}?$",
            rf"\b(joined|join|activat\w*|since) ?{_DATE}?$|beginn|开始",
            r"(date|fecha) (de )?(début|inicio|alta)",
        ),
    ),
    "churned_on": (
        _any(
            rf"\b{_LEAVING} ?{_DATE}$|^date (of )?{_LEAVING}$|流失(日期|时间)|^kündigung\w*$",
            r"(date|fecha) (de )?(résiliation|baja|cancelación|départ)",
        ),
        _any(
            rf"\b(cancel|churn|terminat|kündig|résili)\w*$|\b(left|lost) ?{_DATE}$|^(left|lost)$",
            r"austritt|退订|解约|终止|^baja$",
        ),
        rf"\b(ended|end|exit|deactivat\w*|unsubscribed?) ?{_DATE}?$|vertragsende|结束|fin$",
    ),
    "exited_on": (rf"^exit(ed)? ?{_DATE}$",),
    "tenure_months": (
        _any(
            r"\btenure\b.*\bmonths?\b|\bmonths? (of )?(tenure|active|stayed|subscribed)\b",
            r"\bmonths? (as|with|since|on)\b|\b(lifetime|duration|customer) months?\b",
            r"(laufzeit|dauer).*monate|在网(时长|月)|(antigüedad|ancienneté).*(mes|mois)",
        ),
        r"\btenure\b|在网|antigüedad|ancienneté|kundendauer",
        r"^(duration|laufzeit|account length|customer age)\b",
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
        rf"^{_OF_A_SALE} ?(owner|rep|seller|agent|sales ?person) ?{_NUMBER}$",
    ),
    "team": (r"^(sales |hub spot )?(team|squad)( name)?$|vertriebsteam|^(équipe|equipo)$|团队$",),
    "amount": (
        _any(
            rf"\b(arr|acv)( (usd|eur|gbp))?$|^(arr|acv)\b|\b{_YEARLY} ?(?!revenue$){_VALUE}",
            rf"{_VALUE} ({_YEARLY}|per year)|jahres(wert|umsatz|betrag|beitrag|preis)",
            r"(montant|valeur|importe|valor) (annuel\w*|anual)|年(度)?(合同)?(金额|价值|费用|收入)",
        ),
        _any(
            rf"^(deal|contract|opportunity|order|subscription)? ?{_VALUE}$|^deal size$",
            r"^(tcv|total contract value)$",
            r"(vertrags|auftrags)wert|^(betrag|montant|importe|valor)$|(合同|成交)?金额$|合同额",
        ),
        TURNOVER,
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
MONTHLY = re.compile(r"\bmrr\b|\bmonthly\b|per month|monatlich|mensual|mensuel|月(费|租|收入)")
NOT_MONTHS = re.compile(r"\b(days?|weeks?|years?|hours?|tage|jahre|jours|ans|días|años)\b|[天年周]")
IDENTIFIER = re.compile(rf"\b{_NUMBER}$|编号$|^(rownames|row|index)$|^unnamed \d+$")
PERSON_OR_TEXT = re.compile(
    r"\b(name|e ?mail|phone|fax|mobile|address|street|description|notes?|comments?|next step|url"
    r"|website|contact|domain|text)\b|(name|notiz\w*|bemerkung\w*|beschreibung|nombre|nom)$|名称|备注"
)
STAYS = re.compile(r"^(is |still )?(active|retained|current)( flag)?$")


def as_words(name: str) -> str:
    """Write a column's name as plain words in lower case."""
    name = re.sub(r"__c$", "", name, flags=re.IGNORECASE)  # Salesforce's mark of a custom field
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return re.sub(r"[\W_]+", " ", name).strip().lower()


def sureness(words: str, role: str) -> int | None:
    """Place of the first of a role's patterns that a name matches; None where none does."""
    patterns = ROLE_NAMES[role]
    return next((place for place, each in enumerate(patterns) if re.search(each, words)), None)
