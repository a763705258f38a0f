"""Find all problems of a table at once, each with column, count, example and remedy.

shape -> missing columns -> ids, attributes, roles -> are there outcomes to learn from
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from fitmodel.deals._censoring import impossible_propensities
from fitmodel.deals._rows import settle_rows
from fitmodel.deals._sections import NO_NAMES
from fitmodel.deals.attributes import find_constants
from fitmodel.deals.outcomes import outcomes
from fitmodel.deals.plain_words import nearest
from fitmodel.deals.roles import (
    ANSWERS,
    DATES,
    left_without_date,
    read_roles,
    role_column,
    with_roles,
)
from fitmodel.deals.validation import (
    Problem,
    ReadSheet,
    Sheet,
    exchanged_problem,
    mixed_orders,
    shape_errors,
)
from fitmodel.exceptions import DealsError
from fitmodel.tables.tidying import tidy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fitmodel.deals.contract import DealSpec

MIN_ROWS = 2
TOO_FEW = "too-few"
SHOWN_NAMES = 12


def find_errors(frame: pd.DataFrame, spec: DealSpec) -> list[Problem]:
    """List the problems that prevent training on a table.

    `frame`: the table as read, before any conversion.
    Returns: all problems; empty if there are none.
    """
    errors = shape_errors(Sheet(frame))
    if errors:
        return errors
    table = tidy(frame, spec.attributes.missing)
    return errors_of(ReadSheet(table, spec=spec, readings=read_roles(table, spec)))


def errors_of(sheet: ReadSheet, *, to_learn: bool = True) -> list[Problem]:
    """List the problems of a tidy table whose roles are parsed.

    Without `to_learn` the table is used with an existing model. Too few rows, constant attributes,
    amounts that are not numbers and the lack of early churners are then no errors.
    """
    rows = len(sheet.table)
    if rows < MIN_ROWS and to_learn:
        message = f"the table has {rows} row(s), which is too few to learn from"
        return [Problem("(table)", rows, "", "give all past deals", message, TOO_FEW)]
    absent = list(_missing_columns(sheet))
    outcome = _date_errors(sheet) if sheet.spec.has_dates else _tenure_errors(sheet)
    roles = [*outcome, *(_undated_errors(sheet) if sheet.spec.has_dates else ())]
    amounts = _amount_errors(sheet) if to_learn else ()
    numbers = [*amounts, *_several_currencies(sheet), *_propensity_errors(sheet)]
    others = [*_id_errors(sheet), *numbers, *(_attribute_errors(sheet) if to_learn else ())]
    can_label = (
        to_learn
        and not roles
        and not {problem.column for problem in absent} & {*sheet.spec.role_columns}
    )
    return [*absent, *roles, *others, *(_outcome_errors(sheet) if can_label else ())]


def _missing_columns(sheet: ReadSheet) -> Iterator[Problem]:
    """Yield a problem for each column of the contract that the table does not have."""
    columns = list(sheet.table.columns)
    for name, role in _named_columns(sheet.spec).items():
        if name not in columns:
            similar = nearest(name, columns)
            shown = ", ".join(columns[:SHOWN_NAMES]) + (", …" if columns[SHOWN_NAMES:] else "")
            hint = f"did you mean {similar!r}?" if similar else f"the table has {shown}"
            if name in sheet.table.index.names:
                hint = "it is the index of the table, so call reset_index() first"
            message = f"there is no such column, although it is {role}"
            yield Problem(name, len(sheet.table), "", f"correct the name; {hint}", message)


def _named_columns(spec: DealSpec) -> dict[str, str]:
    """Return every column that the contract names, with where it names it."""
    named = {name: f"the {role} in [deals]" for role, name in spec.deals.columns().items()}
    for key, names in spec.attributes.model_dump(exclude=NO_NAMES, exclude_none=True).items():
        columns = [*names, *names.values()] if isinstance(names, dict) else names
        for name in columns:
            named.setdefault(name, f"named in [attributes] {key}")
    for section in spec.history.values():  # an excluded field need not be a column of the deals
        for name in (section.names.get(field, field) for field in section.fields or ()):
            if named.get(name) == "named in [attributes] exclude":
                del named[name]
    return named


def _id_errors(sheet: ReadSheet) -> Iterator[Problem]:
    name = sheet.spec.deals.id
    if name is None or name not in sheet.table.columns or name == sheet.spec.rows.customer:
        return
    ids = sheet.table[name]
    empty = ids.isna().to_numpy()
    yield from sheet.problems(empty, "have no id", "give every deal an id", name)
    repeated = ids.duplicated().to_numpy() & ~empty
    remedy = (
        "keep one row per deal, or name another id column; if the rows belong to one customer, "
        f'write [rows] customer = "{name}"'
    )
    yield from sheet.problems(repeated, "repeat the id of an earlier row", remedy, name)


def _attribute_errors(sheet: ReadSheet) -> Iterator[Problem]:
    table = sheet.table
    names = sheet.spec.attribute_names(table.columns)
    if not names:
        remedy = "leave some out of [attributes] exclude, or add columns known before signing"
        yield Problem("(attributes)", 0, "", remedy, "no attribute is left to learn from")
    constants = find_constants(table, sheet.spec)
    if len(constants) == len([name for name in names if name in table.columns]):
        remedy = "add columns known before signing whose values differ"
        for each in constants:
            message = f"{each.message}, and no other attribute is left to learn from"
            yield Problem(each.column, each.count, "", remedy, message)


def _amount_errors(sheet: ReadSheet) -> Iterator[Problem]:
    name = role_column(sheet.spec, "amount")
    if name is not None and "amount" in sheet.readings:
        unreadable = sheet.readings["amount"].unreadable
        remedy = "write plain numbers (1234.5)"
        yield from sheet.problems(unreadable, "are not numbers (amount)", remedy, name)


def _several_currencies(sheet: ReadSheet) -> Iterator[Problem]:
    """Yield a problem if the currency column has several currencies: amounts are not comparable."""
    amount, currency = role_column(sheet.spec, "amount"), sheet.spec.deals.columns().get("currency")
    if amount is None or currency not in sheet.table.columns:
        return
    counts = sheet.table[currency].astype("str").str.strip().str.upper().value_counts()
    if len(counts) > 1:
        shown = ", ".join(f"{code} {rows:,}" for code, rows in counts[:SHOWN_NAMES].items())
        message = f"amounts are in {len(counts)} currencies by {currency} ({shown})"
        remedy = (
            "convert the amounts into one currency, or keep the rows of one currency with "
            f'[rows] keep = {{"{currency}" = ["{counts.index[0]}"]}}, or remove amount from '
            f"[deals] and exclude {amount} in [attributes]"
        )
        yield Problem(amount, int(counts.sum()), "", remedy, message)


def _propensity_errors(sheet: ReadSheet) -> Iterator[Problem]:
    name = role_column(sheet.spec, "propensity")
    if name is not None and "propensity" in sheet.readings:
        reading = sheet.readings["propensity"]
        impossible = reading.unreadable | impossible_propensities(reading.series)
        problem = "are not probabilities above 0 and at most 1 (propensity)"
        remedy = (
            "use the probabilities from the decision log unchanged; leave the cell empty for deals "
            "that were not flagged"
        )
        yield from sheet.problems(impossible, problem, remedy, name)


def _date_errors(sheet: ReadSheet) -> Iterator[Problem]:
    """Yield problems of dates that cannot be read, are empty, or contradict each other.

    A date of leaving after the end of the extract is not an error: it was announced, and the
    customer is still there.
    """
    for role in DATES:
        if role in sheet.readings:
            yield from _one_date_errors(sheet, role)
    days = {role: reading.series for role, reading in sheet.readings.items() if role in DATES}
    if "closed_on" not in days:
        return
    closed, closing = days["closed_on"], str(sheet.spec.deals.closed_on)
    for role in ("churned_on", "exited_on"):
        if role in days:
            early = (days[role] < closed).to_numpy()
            columns = (str(role_column(sheet.spec, role)), closing)
            yield from sheet.problems(early, "are before closing", "correct the dates", *columns)
    yield from _closed_after_extract(sheet, days)


def _closed_after_extract(sheet: ReadSheet, days: dict[str, pd.Series[Any]]) -> Iterator[Problem]:
    """Yield a problem for deals signed after the end of the extract."""
    extract_end, closing = sheet.spec.deals.observed_until, str(sheet.spec.deals.closed_on)
    if sheet.spec.rows.unobserved is not None:
        return  # `settle_rows` leaves them out
    if isinstance(extract_end, str) and "observed_until" not in days:
        return  # the missing column is reported as a separate problem
    end = days["observed_until"] if isinstance(extract_end, str) else pd.Timestamp(str(extract_end))
    columns = (closing, extract_end) if isinstance(extract_end, str) else (closing,)
    problem = f"are after observed_until ({extract_end})"
    remedy = (
        "give the day the table was extracted as observed_until, or correct the dates, or leave "
        'these rows out: [rows] unobserved = "drop"'
    )
    yield from sheet.problems((days["closed_on"] > end).to_numpy(), problem, remedy, *columns)


def _one_date_errors(sheet: ReadSheet, role: str) -> Iterator[Problem]:
    """Yield problems of one date column: unclear order, unreadable or empty cells."""
    reading, name = sheet.readings[role], str(role_column(sheet.spec, role))
    if reading.order == "either":
        message = "every date can be read as day first and as month first"
        rows = sheet.table[name].notna().to_numpy()
        example = sheet.cells(int(rows.argmax()), (name,))
        remedy = f'write dates as YYYY-MM-DD, or add [reading] dates = {{"{name}" = "day first"}}'
        yield Problem(name, int(rows.sum()), example, remedy, message)
        return
    if (exchanged := exchanged_problem(sheet.table[name])) is not None:
        yield exchanged
        return
    mixed = mixed_orders(sheet.table, name, reading)
    remedy = "correct them, or write all dates as YYYY-MM-DD"
    problem, remedy = mixed or ("are not dates", remedy)
    yield from sheet.problems(reading.unreadable, problem, remedy, name)
    if role in {"closed_on", "observed_until"}:
        empty = reading.series.isna().to_numpy() & ~reading.unreadable
        remedy = "add the date, or leave out rows of deals that were not signed"
        yield from sheet.problems(empty, "are empty", remedy, name)


def _undated_errors(sheet: ReadSheet) -> Iterator[Problem]:
    """Yield a problem for leavers without a date, so that they never count as having stayed."""
    spec = sheet.spec
    columns = (spec.deals.churned, spec.deals.churned_on)
    if "churned" not in sheet.readings or "churned_on" not in sheet.readings:
        return
    flag = sheet.readings["churned"]
    if not spec.deals.churned_values:
        remedy = (
            "write yes or no, or name the values that mean left: "
            '[deals] churned_values = ["cancelled"]'
        )
        problem = "are neither yes nor no (churned)"
        yield from sheet.problems(flag.unreadable, problem, remedy, str(columns[0]))
    if spec.rows.left_without_date is not None or spec.rows.customer is not None:
        return  # only a customer's last row counts: `_outcome_errors` checks it after merging
    leaving = sheet.readings["churned_on"]
    undated = flag.series.to_numpy(dtype=bool) & leaving.series.isna().to_numpy()
    undated &= ~leaving.unreadable
    problem = f"left according to {columns[0]}, but have no date in {columns[1]}"
    yield from sheet.problems(undated, problem, ANSWERS, str(columns[1]), str(columns[0]))


def _tenure_errors(sheet: ReadSheet) -> Iterator[Problem]:
    """Yield problems of the tenure and its flag."""
    tenure, flag = (str(role_column(sheet.spec, each)) for each in ("tenure_months", "churned"))
    if "tenure_months" in sheet.readings:
        reading = sheet.readings["tenure_months"]
        remedy = "write the months as plain numbers (4.5)"
        yield from sheet.problems(reading.unreadable, "are not numbers (tenure)", remedy, tenure)
        empty = reading.series.isna().to_numpy() & ~reading.unreadable
        yield from sheet.problems(empty, "are empty", "give the tenure of every deal", tenure)
        negative = (reading.series < 0).to_numpy()
        yield from sheet.problems(negative, "are negative", "correct the tenure", tenure)
    if "churned" in sheet.readings:
        remedy = "write yes or no (true/false and 1/0 are read too)"
        empty = sheet.table[flag].isna().to_numpy()
        unreadable = sheet.readings["churned"].unreadable
        yield from sheet.problems(unreadable, "are neither yes nor no", remedy, flag)
        yield from sheet.problems(empty, "are empty instead of yes or no", remedy, flag)


def _outcome_errors(sheet: ReadSheet) -> list[Problem]:
    """Return problems of the outcomes as a whole: nobody mature, no leaver, or nobody stayed."""
    spec, rows = sheet.spec, len(sheet.table)
    horizon = spec.label.horizon_months
    column = str(spec.deals.churned_on or spec.deals.churned)
    try:
        deals = settle_rows(with_roles(sheet.table, spec, dict(sheet.readings)), spec).table
        labels = outcomes(deals, spec)
    except DealsError as error:
        return [Problem(column, rows, "", "correct the dates", str(error))]
    undated = int(left_without_date(deals, spec).sum())
    if undated and spec.rows.left_without_date is None:
        message = f"{undated} customer(s) left according to {spec.deals.churned}, but have no date"
        return [Problem(str(spec.deals.churned_on), undated, "", ANSWERS, message)]
    early = labels["early_churn"]
    checks = (
        (
            labels["mature"].any(),
            f"no deal is mature: none closed {horizon} months before the extract's end"
            if spec.has_dates
            else f"no deal is mature: no customer left or stayed for {horizon} months",
            "use a later extract or a shorter [label] horizon_months",
        ),
        (
            (early == 1).any(),
            f"no early churner: nobody is known to have left within {horizon} months",
            "check the column, or use a longer [label] horizon_months",
        ),
        (
            (early == 0).any() or not (early == 1).any(),
            f"nobody is known to have stayed for {horizon} months",
            "add the customers that stayed, or use a shorter [label] horizon_months",
        ),
    )
    return [
        Problem(column, rows, "", remedy, text, TOO_FEW)
        for is_met, text, remedy in checks
        if not is_met
    ]
