"""Recognise names of attributes: known after closing, protected characteristics, sellers."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from fitmodel.leakage._later_words import is_later_elsewhere

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
    >>> from fitmodel.leakage.names import goes_on_changing
    >>> goes_on_changing("Number of times contacted"), goes_on_changing("Number of Employees")
    (True, False)
    """
    words = re.sub(r" c$", "", spaced(name))  # Salesforce's suffix of custom fields
    return _IN_PROGRESS.search(words) is not None


_BEFORE_SIGNING = (
    r"trial|demo|pilot|poc|planned|expect\w*|forecast\w*|estimat\w*|quoted?|intend\w*|auto|prior"
    r"|previous\w*|pre|presales?|before|historic\w*|at[\W_]?(sign\w*|clos\w*)|polic(y|ies)|clause"
    r"|notice"
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
    r"|downgrad\w*"
    r"|(implementation|onboarding|kick[\W_]?off|roll[\W_]?out"
    r"|go[\W_]?live)[\W_](is[\W_])?(completed?"
    r"|done|held|finished|attended)|tickets?(?![\W_]?(size|value|price))|(open"
    r"|closed)[\W_]?cases|loss[\W_]?reason"
)
"""Words for what happens only after signing."""

_MAYBE = (
    r"usage|log[\W_]?ins?|sessions?|viewed|views|clicked|clicks|opened|opens|onboarded|activated"
    r"|(minutes|hours|calls|cases|time)[\W_]?(\w+[\W_])?support|support[\W_]?(minutes|hours|calls"
    r"|cases|time|contacts?|requests?)|adoption|engagement|features[\W_]?used|active[\W_]?users"
    r"|active[\W_](seats|licen[cs]es|accounts|subscribers)|upsell\w*|upgrad\w*|expansion"
    r"|first[\W_]?\d+[\W_]?d\w*|\d{2,3}[\W_]?d(ays)?"
    r"|since[\W_]?(sign\w*|clos\w*|start|activation|onboarding|purchase)"
)
"""Words for what may also happen before signing, as in a trial."""

_SELLER = (
    r"(sales[\W_]?)?(rep|owner|seller|agent)(resentative|[\W_]?name|[\W_]?id)?|account[\W_]?exec\w*"
)


def _whole_words(words: str) -> str:
    return rf"(?:^|[\W_\d])(?:{words})(?=$|[\W_\d])"


LATER = re.compile(
    rf"^(?!.*{_whole_words(_BEFORE_SIGNING)}).*{_whole_words(f'{_SURELY}|{_MAYBE}')}",
    re.IGNORECASE,
)
"""Pattern of names that suggest later knowledge; search the name itself, or the `spaced` name."""
_SURELY_LATER = re.compile(
    rf"^(?!.*{_whole_words(_BEFORE_SIGNING)}).*{_whole_words(_SURELY)}", re.IGNORECASE
)
_SELLERS = re.compile(rf"^(?:{_SELLER})$", re.IGNORECASE)


def spaced(name: str) -> str:
    """Return a name as words: ``lastLoginDate``, ``last.Login_Date`` -> ``last Login Date``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|[\W_]+", " ", name).strip()


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
