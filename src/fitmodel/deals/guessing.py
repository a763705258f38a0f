"""Write a first contract for a table never seen before, and say what was guessed with doubt.

columns -> roles by name and content -> attributes, leaks, constants -> commented toml
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.dates import read_dates
from fitmodel.deals.leakage import LATER
from fitmodel.deals.values import is_empty, read_flags, read_numbers
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = {
    "id": r"^(.*[_\W])?(id|nr|number|nummer|编号)$|rownames",
    "closed_on": r"clos(e|ed|ing)|signed|contract_?(date|start)|start_?date|won|abschluss"
    r"|vertrag.*(beginn|datum)|firma|成交|签约",
    "churned_on": r"churn(ed)?_?(on|date|at)|cancel\w*|terminat\w*_?date|end_?date"
    r"|(left|lost)_?(on|date)|kündig|流失",
    "exited_on": r"^exit(ed)?_?(on|date)$",
    "observed_until": r"observed|extract|snapshot|as_?of|export_?date|stichtag",
    "rep": r"^(sales_?)?(rep|owner|agent|seller)(_name)?$|opportunity owner|verkäufer"
    r"|vendedor|销售",
    "team": r"^(sales_?)?team$",
    "amount": r"annual|arr\b|acv|yearly|contract_?value|^amount$|premium|jahreswert|年",
    "tenure_months": r"tenure|months_(active|stayed|as)|duration_months|laufzeit|在网",
    "churned": r"^(is_?)?churn(ed)?$|^(has_)?left$|^cancelled$|^attrition$|gekündigt|是否流失",
}
DATES = ("closed_on", "churned_on", "exited_on", "observed_until")
MOST_TEXT = 0.9
PARSES = 0.95
FEW_ROWS = 20


@dataclass(frozen=True)
class Guess:
    """A contract guessed from a table.

    Attributes
    ----------
    toml : str
        Commented ``fitmodel.toml``.
    unsure : tuple of str
        What a person should look at.
    """

    toml: str
    unsure: tuple[str, ...]


@dataclass
class _Draft:
    roles: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    exclude: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)


def guess_spec(frame: pd.DataFrame) -> Guess:
    """Guess the roles of a table's columns by their names and content.

    Parameters
    ----------
    frame : DataFrame
        As read, at least two rows.

    Raises
    ------
    DealsError
        If no outcome can be found: neither closing and churn dates nor a tenure and a flag.
    """
    draft = _Draft()
    for role, fits in _CHECKS.items():
        _take(draft, frame, role, fits)
    _settle_outcome(draft, frame)
    for name in map(str, frame.columns):
        if name not in draft.roles.values():
            _sort_attribute(draft, frame[name], len(frame))
    return Guess(_toml(draft, frame), tuple(draft.unsure))


def _is_date(values: pd.Series[Any]) -> bool:
    if pd.api.types.is_numeric_dtype(values.dtype):
        return False
    days = read_dates(values).series
    filled = (~is_empty(values)).sum()
    return bool(filled and days.notna().sum() >= PARSES * filled)


def _is_number(values: pd.Series[Any]) -> bool:
    reading = read_numbers(values)
    numbers, bad = reading.series, reading.unreadable
    return bool(numbers.notna().any() and bad.sum() <= (1 - PARSES) * len(values))


def _is_flag(values: pd.Series[Any]) -> bool:
    reading = read_flags(values)
    flags, neither = reading.series, reading.unreadable | is_empty(values)
    return bool(not neither.any() and flags.any() and not flags.all())


def _is_id(values: pd.Series[Any]) -> bool:
    return bool(values.is_unique and not is_empty(values).any())


_CHECKS: dict[str, Callable[[pd.Series[Any]], bool]] = {
    "closed_on": lambda values: _is_date(values) and not is_empty(values).any(),
    "churned_on": lambda values: _is_date(values) and bool(is_empty(values).any()),
    "exited_on": lambda values: _is_date(values) and bool(is_empty(values).any()),
    "observed_until": lambda values: _is_date(values) and not is_empty(values).any(),
    "tenure_months": _is_number,
    "churned": _is_flag,
    "id": _is_id,
    "rep": lambda values: 1 < values.nunique() <= max(len(values) // 3, 2),
    "team": lambda values: 1 < values.nunique() <= max(len(values) // 3, 2),
    "amount": _is_number,
}


def _take(
    draft: _Draft, frame: pd.DataFrame, role: str, fits: Callable[[pd.Series[Any]], bool]
) -> None:
    free = [str(name) for name in frame.columns if str(name) not in draft.roles.values()]
    named = [name for name in free if re.search(NAMES[role], name, re.IGNORECASE)]
    found = [name for name in named if fits(frame[name])]
    if not found and role in {"closed_on", "churned_on"}:
        found = [name for name in named if re.search(r"(on|date|at)$", name, re.IGNORECASE)][:1]
        draft.unsure += [
            f"{role}: {name!r} by its name, but not all of it reads as dates" for name in found
        ]
    if not found:
        return
    draft.roles[role] = found[0]
    draft.notes[found[0]] = f"taken for {role}"
    if len(found) > 1:
        draft.unsure.append(f"{role} could be any of {', '.join(found)}; {found[0]!r} was taken")


def _settle_outcome(draft: _Draft, frame: pd.DataFrame) -> None:
    """Keep one form of outcome: dates where they are whole, else tenure and flag."""
    roles = draft.roles
    if "closed_on" in roles and "churned_on" in roles:
        for role in ("tenure_months", "churned"):
            name = roles.pop(role, None)
            if name is not None:
                draft.notes[name] = "the outcome in another form"
                draft.exclude.append(name)
        if "observed_until" not in roles:
            dates = [read_dates(frame[roles[role]]).series.max() for role in DATES if role in roles]
            draft.roles["observed_until"] = max(dates).date().isoformat()
            draft.unsure.append(
                f"observed_until: the latest date seen ({draft.roles['observed_until']}) "
                "was taken; give the day of the extract"
            )
        return
    if "tenure_months" in roles and "churned" in roles:
        for role in DATES:
            name = roles.pop(role, None)
            if name is not None:
                draft.exclude.append(name)
                draft.notes[name] = "a date beside a tenure"
        draft.unsure.append(
            f"{roles['tenure_months']!r} is taken for MONTHS until leaving or until the extract"
        )
        return
    raise DealsError(
        "no outcome was found: neither a closing and a churn date nor a tenure and a churn flag. "
        f"Remedy: write fitmodel.toml by hand; the columns are {', '.join(map(str, frame.columns))}"
    )


def _sort_attribute(draft: _Draft, values: pd.Series[Any], rows: int) -> None:
    name = str(values.name)
    if name in draft.notes:
        return
    known = values[~is_empty(values)]
    text = not pd.api.types.is_numeric_dtype(values.dtype) and not _is_date(values)
    whole = pd.api.types.is_integer_dtype(values.dtype)
    if len(known) == 0 or (len(known) == rows and len(known.unique()) <= 1):
        reason = "empty or always the same"
    elif re.search(NAMES["id"], name, re.IGNORECASE) and known.is_unique:
        reason = "an identifier"
    elif text and known.nunique() > MOST_TEXT * len(known) and len(known) > FEW_ROWS:
        reason = "free text, nearly every row differs"
    elif whole and known.is_unique and np.abs(np.diff(known.to_numpy())).max(initial=0) == 1:
        reason = "a running number"
    elif LATER.search(name):
        reason = "its name tells of something known only after closing"
        draft.unsure.append(f"{name!r} is excluded: {reason}")
    else:
        draft.notes[name] = "attribute"
        return
    draft.notes[name] = f"excluded: {reason}"
    draft.exclude.append(name)


def _toml(draft: _Draft, frame: pd.DataFrame) -> str:
    def quoted(text: str) -> str:
        return json.dumps(text, ensure_ascii=False)

    lines = [
        "# The deal contract of fitmodel, guessed from the table: read it before you train.",
        "",
    ]
    lines += [f"# unsure: {_one_line(text)}" for text in draft.unsure]
    lines += ["", "[deals]", *(f"{role} = {quoted(name)}" for role, name in draft.roles.items())]
    lines += ["", "[label]", "horizon_months = 5  # leaving within so many months is early churn"]
    listed = ", ".join(quoted(name) for name in draft.exclude)
    lines += [
        "",
        "[attributes]",
        f"exclude = [{listed}]",
        "# actionable = []  # what a rep can change",
    ]
    lines += ["# every column and what it was taken for:"]
    lines += [
        f"#   {_one_line(str(name))}: {draft.notes.get(str(name), 'attribute')}"
        for name in frame.columns
    ]
    lines += ["", "[decision]", '# policy = "value"  # value, capacity, precision or threshold']
    lines += ["# gross_margin = 0.8", "# acquisition_cost = 400", "# onboarding_cost = 900"]
    lines += ["# support_cost_per_month = 60", "# commission_rate = 0.1", ""]
    lines += ["[tracking]", '# uri = "sqlite:///mlflow.db"', 'experiment = "prospect-fit"']
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())
