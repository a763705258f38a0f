"""What an attribute's name says: learned after closing, a person's own affair, or a seller."""

from __future__ import annotations

import re
from typing import Literal

from fitmodel.leakage._protected_names import protected_characteristic

_BEFORE_SIGNING = (
    r"trial|demo|pilot|poc|planned|expect\w*|forecast\w*|estimat\w*|quoted?|intend\w*|auto|prior"
    r"|previous\w*|pre|presales?|before|historic\w*|at[\W_]?(sign\w*|clos\w*)|polic(y|ies)|clause"
    r"|notice"
)
"""Words that tell of a time before signing, or of what the contract says: `trial_usage`."""

_AGREED = r"(?<!contract.)(?<!plan.)(?<!call.)(?<!cycle.)(?<!meeting.)(?<!term.)"
"""Not after these words: a `contract_duration` is agreed, a `call_duration` was measured before."""

_SURELY = (
    r"churn\w*|cancel\w*|terminat\w*|attrition|offboard\w*|refund\w*|chargebacks?|win[\W_]?back"
    r"|csat|nps|satisf\w*|complain\w*|escalation\w*|life[\W_]?time\w*|ltv|clv|tenure|exit\w*"
    rf"|{_AGREED}(renew(als?|ed|s)?|duration)|months?[\W_]?(active|stayed|until|as[\W_]customer)"
    r"|(left|lost)(?=$|[\W_]+(on|at|date|early|reason|because))"
    r"|total[\W_]?(paid|charg\w*|revenue|billed|invoiced|spent|spend|payments?)"
    r"|(invoices|payments|bills)[\W_]?(paid|count|made)|n[\W_]?(invoices|payments)"
    r"|last[\W_]?(login|seen|activ\w*|used|use|payment|invoice|visit|session|order|purchase)\w*"
    r"|health[\W_]?score|(customer|account)[\W_]?health|inactiv\w*|dormant|dunning|overdue|downgrad\w*"
    r"|tickets?(?![\W_]?(size|value|price))|(open|closed)[\W_]?cases|loss[\W_]?reason"
)
"""Words of what happens only to customers."""

_MAYBE = (
    r"usage|log[\W_]?ins?|sessions?|viewed|views|clicked|clicks|opened|opens|onboarded|activated"
    r"|(minutes|hours|calls|cases|time)[\W_]?(\w+[\W_])?support|support[\W_]?(minutes|hours|calls"
    r"|cases|time|contacts?|requests?)|adoption|engagement|features[\W_]?used|active[\W_]?users"
    r"|upsell\w*|upgrad\w*|expansion|first[\W_]?\d+[\W_]?d\w*|\d{2,3}[\W_]?d(ays)?"
    r"|since[\W_]?(sign\w*|clos\w*|start|activation|onboarding|purchase)"
)
"""Words of what may happen before signing too, as in a trial."""

_SELLER = (
    r"(sales[\W_]?)?(rep|owner|seller|agent)(resentative|[\W_]?name|[\W_]?id)?|account[\W_]?exec\w*"
)


def _whole_words(words: str) -> str:
    return rf"(?:^|[\W_\d])(?:{words})(?=$|[\W_\d])"


LATER = re.compile(
    rf"^(?!.*{_whole_words(_BEFORE_SIGNING)}).*{_whole_words(f'{_SURELY}|{_MAYBE}')}",
    re.IGNORECASE,
)
"""Names that tell of knowledge from after closing; search a name as it is, or `spaced`."""
_SURELY_LATER = re.compile(
    rf"^(?!.*{_whole_words(_BEFORE_SIGNING)}).*{_whole_words(_SURELY)}", re.IGNORECASE
)
_SELLERS = re.compile(rf"^(?:{_SELLER})$", re.IGNORECASE)


def spaced(name: str) -> str:
    """Write a name as words: ``lastLoginDate`` and ``last.login_date`` as ``last Login date``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|[\W_]+", " ", name).strip()


def tells_of_later(name: str) -> Literal["surely", "maybe", "no"]:
    """Whether a name tells of something that is known only of customers."""
    words = spaced(name)
    if _SURELY_LATER.search(words):
        return "surely"
    return "maybe" if LATER.search(words) else "no"


def personal_matter(name: str) -> str | None:
    """Which characteristic of a person, that the law protects, a name suggests."""
    return protected_characteristic(spaced(name))


def is_seller(name: str) -> bool:
    """Whether a name suggests who sold."""
    return _SELLERS.search(spaced(name)) is not None
