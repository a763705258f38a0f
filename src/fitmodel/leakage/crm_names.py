"""Which columns a CRM writes by itself while a deal is worked on, told by their names.

A stage, a win probability or the number of calls is known of a signed deal as it is today, and of
an open one as it is so far: what was learned of the first cannot be looked up for the second. The
names are those of the exports of Salesforce and HubSpot, as labels and as their API writes them.
"""

from __future__ import annotations

import re

from fitmodel.leakage.names import spaced

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
_BEFORE_SIGNING = r"(?!.*\b(trial|demo|pilot|poc|before|(at|until) (sign|clos)\w*)\b)"
_COUNTED = (
    rf"{_BEFORE_SIGNING}((number|no|count|num|total|n) (of )?"
    rf"((sales|logged|open|completed|unique|associated) )*({_WORK}|times contacted)"
    rf"|times contacted|(sales )?{_WORK} (count|sent|logged|held|made|completed))"
)
_IN_PROGRESS = re.compile(
    rf"^(hs )?({_OUTCOME}|{_FORECAST}|{_CLOCK}|{_LATEST}|{_COUNTED})$", re.IGNORECASE
)


def goes_on_changing(name: str) -> bool:
    """Tell whether a CRM writes a column of this name anew while a deal goes on.

    Parameters
    ----------
    name : str
        As the export has it: ``LastModifiedDate``, ``Number of times contacted``, ``hs_pageviews``.

    Examples
    --------
    >>> from fitmodel.leakage.crm_names import goes_on_changing
    >>> goes_on_changing("Number of times contacted"), goes_on_changing("Number of Employees")
    (True, False)
    """
    words = re.sub(r" c$", "", spaced(name))  # Salesforce's mark of a custom field
    return _IN_PROGRESS.search(words) is not None
