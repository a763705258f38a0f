"""Complete the settings of history and event tables in a contract from the tables.

past deals and tables -> fields and kinds that enough deals have, first day of events
                      -> a contract that is stored with the model, so that prospects get the same
                         columns
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.crm._moments import DAY, NOT_A_TIME
from fitmodel.crm.timeline import is_other_value
from fitmodel.deals.validation import shown
from fitmodel.deals.vocabulary import plain_value
from fitmodel.exceptions import DealsError
from fitmodel.tables.forms import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from fitmodel.crm._changes import ChangeLog
    from fitmodel.crm._events import EventLog
    from fitmodel.crm._moments import Ints
    from fitmodel.crm.attributes import AsOfAttributes, CrmTables
    from fitmodel.deals.contract import DealSpec

    Log = ChangeLog | EventLog

MIN_SHARE = 0.05
"""A field or kind is used only if at least this share of the deals has it."""
MAX_KINDS = 8
LONG_ID, SHORT_ID = 18, 15


def settle(
    deals: pd.DataFrame, spec: DealSpec, tables: CrmTables, moments: Ints
) -> tuple[DealSpec, tuple[Finding, ...]]:
    """Fill in `fields`, `kinds` and `recorded_from` from past deals; given values stay.

    Parameters
    ----------
    moments : ndarray of int64 of shape (deals,)
        Cut-off of each deal.

    Returns
    -------
    spec : DealSpec
        The completed contract.
    findings : tuple of Finding
        Findings on fields and kinds that are not used.
    """
    ids = deals[str(spec.deals.id)]
    history: dict[str, Any] = dict(spec.history)
    events: dict[str, Any] = dict(spec.events)
    findings: list[Finding] = []
    for name, log in tables.logs.items():
        if history[name].fields is None:
            columns_of_deals = {
                f for f in log.fields if log.section.names.get(f, f) in deals.columns
            }
            used, rare = _used_fields(log, log.deals(ids), moments, columns_of_deals)
            history[name] = history[name].model_copy(update={"fields": used})
            findings += _rare_findings(log.table_name, "field", rare)
        else:
            empty = [each for each in log.fields if not log.rows_of(each)[1].sum()]
            findings += _absent_findings(log.table_name, "fields", empty, log.fields)
        findings += _unordered_stages(log)
    for name, table in tables.events.items():
        positions = table.deals(ids)
        if table.section.kind is not None and table.section.kinds is None:
            kinds, rare = _common_kinds(table, positions, moments)
            events[name] = events[name].model_copy(update={"kinds": kinds})
            findings += _rare_findings(table.table_name, "kind", rare)
        absent = [each for each in table.section.kinds or () if each not in table.kinds]
        findings += _absent_findings(table.table_name, "kinds", absent, table.kinds)
        if table.section.recorded_from is None:
            day = _first_day(table, positions, moments)
            events[name] = events[name].model_copy(update={"recorded_from": day})
    return spec.replace(history=history, events=events), tuple(findings)


def _used_fields(
    log: ChangeLog, positions: Ints, moments: Ints, columns_of_deals: set[str]
) -> tuple[tuple[str, ...], dict[str, int]]:
    """Return the fields that are used, and for the others how many deals have them.

    A field that is also a column of the deals is always used, because the column's present value
    may be later than closing. Other fields are used if enough deals have a row before their
    cut-off.
    """
    known = int(log.is_known(positions, moments).sum())
    counts = {
        name: int((log.as_of(name, positions, moments).codes >= 0).sum())
        for name in log.fields
        if name not in columns_of_deals
    }
    minimum = max(MIN_SHARE * known, 1)
    rare = {name: count for name, count in counts.items() if count < minimum}
    return tuple(name for name in log.fields if name not in rare), rare


def _common_kinds(
    log: EventLog, positions: Ints, moments: Ints
) -> tuple[tuple[str, ...], dict[str, int]]:
    """Return the kinds that are used, the most frequent first, and deals that have the others."""
    counts = {
        name: int((rows.last(positions, moments) != NOT_A_TIME).sum())
        for name, rows in log.by_kind.items()
    }
    order = sorted(counts, key=lambda name: (-counts[name], name))
    minimum = max(MIN_SHARE * len(positions), 1)
    used = tuple(name for name in order if counts[name] >= minimum)[:MAX_KINDS]
    return used, {name: count for name, count in counts.items() if name not in used}


def _first_day(log: EventLog, positions: Ints, moments: Ints) -> Any:
    """Return the day of the first event before its deal's cut-off; None if there is none."""
    start, stop = log.all_events.range(positions, np.full(len(positions), NOT_A_TIME), moments)
    first = log.all_events.times[start[stop > start]]
    if not len(first):
        return None
    return np.datetime64(int(first.min()) // DAY, "D").item()


def _rare_findings(table_name: str, kind: str, rare: dict[str, int]) -> Iterator[Finding]:
    if rare:
        shown_names = ", ".join(f"{name} ({count:,} deals)" for name, count in rare.items())
        yield Finding(
            "history",
            table_name,
            len(rare),
            "",
            f"{len(rare)} {kind}(s) are not used, because fewer than {MIN_SHARE:.0%} of the deals "
            f"have one before closing: {shown_names}",
            f"to use some of them, list all that are used: {kind}s = [...] in {table_name}",
        )


def _absent_findings(
    table_name: str, key: str, absent: Sequence[str], known: Sequence[str]
) -> Iterator[Finding]:
    """Yield a finding on names in the contract that occur in no row."""
    if absent:
        present = [name for name in known if name not in absent]
        yield Finding(
            "history",
            table_name,
            len(absent),
            shown(absent[0]),
            f"{len(absent)} of the {key} in the contract do not occur in the table, so their "
            "attributes are empty or 0",
            f"write them as in the table: {', '.join(present) or 'it has none'}",
        )


def _unordered_stages(log: ChangeLog) -> Iterator[Finding]:
    """Yield a finding on stages that `stages` lacks; steps from and to them are not counted."""
    section = log.section
    if not section.stage or not section.stages:
        return
    ordered = {plain_value(stage) for stage in section.stages}
    codes, counts = log.rows_of(section.stage)
    is_other = [plain_value(each) not in ordered for each in log.levels.take(codes)]
    is_unordered = np.array(is_other, dtype=bool) & (codes >= 0)
    count = int(counts[is_unordered].sum())
    if count:
        yield Finding(
            "history",
            f"{log.table_name} {section.stage}",
            count,
            shown(log.levels[int(codes[is_unordered][0])]),
            f"{count:,} of {int(counts.sum()):,} row(s) have a stage that is not among the "
            "stages of the contract: steps from and to it are not counted",
            "add it to stages, in the right order",
        )


def describe(
    deals: pd.DataFrame, spec: DealSpec, tables: CrmTables, result: AsOfAttributes
) -> Iterator[Finding]:
    """Yield findings on the tables: rows left out, unknown deals, deals without a history.

    Raises DealsError if a table has none of the deals, because its ids are of another kind.
    """
    ids = deals[str(spec.deals.id)]
    for log in tables.all_tables:
        yield from log.findings
        positions = log.deals(ids)
        if len(log.ids):
            _check_ids_match(log, ids, positions)
        yield from _unknown_ids(log, positions)
    for log in tables.logs.values():
        yield from _without_history(log, ids, log.deals(ids), result)
    yield from _of_another_type(ids, tables, result)
    yield from _contradictions(deals, spec, tables, result)


def _of_another_type(
    ids: pd.Series[Any], tables: CrmTables, result: AsOfAttributes
) -> Iterator[Finding]:
    """Yield findings on values as of closing that are not numbers, while all of today's are."""
    for each in result.fields:
        name = each.columns.value
        if name is None or name not in result.unlike:
            continue
        unlike = result.unlike[name]
        position = int(unlike.argmax())
        log = tables.logs[each.columns.table]
        value = log.levels[int(each.as_of.codes[position])]
        yield Finding(
            "history",
            name,
            int(unlike.sum()),
            f"{shown(value)} of {shown(ids.iloc[position])}",
            f"{int(unlike.sum()):,} value(s) of {log.table_name} as of closing have another type "
            "than all present values, and count as unknown",
            f"correct them there; for a column of words write [attributes] categorical = "
            f'["{name}"]',
        )


def _check_ids_match(log: Log, ids: pd.Series[Any], positions: Ints) -> None:
    """Raise an error if a table has none of the deals."""
    if (positions >= 0).any() or not len(positions):
        return
    of_deals, of_table = str(ids.iloc[0]), str(log.ids[0])
    remedy = f"name the column that holds the deals' {ids.name!r} as id in {log.table_name}"
    if {len(of_deals), len(of_table)} == {SHORT_ID, LONG_ID}:
        remedy = (
            f"one is Salesforce's id of {SHORT_ID} characters and the other of {LONG_ID}: "
            f"export both with {LONG_ID}"
        )
    raise DealsError(
        f"{log.table_name}: none of {len(positions):,} deals is in the table: the deals have "
        f"ids such as {of_deals!r}, the table has ids such as {of_table!r}. Remedy: {remedy}"
    )


def _unknown_ids(log: Log, positions: Ints) -> Iterator[Finding]:
    """Yield a finding on ids in a table that are not among the deals."""
    is_unknown = np.ones(len(log.ids), dtype=bool)
    is_unknown[positions[positions >= 0]] = False
    count = int(is_unknown.sum())
    if count:
        yield Finding(
            "history",
            log.table_name,
            count,
            shown(log.ids[int(is_unknown.argmax())]),
            f"{count:,} of {len(log.ids):,} id(s) are not among the deals and are not used",
            "nothing, if they are opportunities that were lost or are open",
        )


def _without_history(
    log: ChangeLog, ids: pd.Series[Any], positions: Ints, result: AsOfAttributes
) -> Iterator[Finding]:
    """Yield findings on deals without rows before their closing."""
    known = log.is_known(positions, result.moments.times)
    dated = log.first_times(positions) != NOT_A_TIME
    groups = (
        (positions < 0, "have no row in it"),
        ((positions >= 0) & ~dated, "have only rows whose date cannot be read"),
        (dated & ~known, "have no row before their closing, only later ones"),
    )
    for group, reason in groups:
        count = int((group & ~result.moments.is_open).sum())
        if count:
            example = shown(ids.iloc[int((group & ~result.moments.is_open).argmax())])
            yield Finding(
                "history",
                log.table_name,
                count,
                example,
                f"{count:,} of {len(positions):,} deal(s) {reason}: their values as of closing are "
                "unknown and are left empty",
                "export a longer history, or use only deals signed since it was recorded",
            )


def _contradictions(
    deals: pd.DataFrame, spec: DealSpec, tables: CrmTables, result: AsOfAttributes
) -> Iterator[Finding]:
    """Yield findings on fields whose last value in the history differs from today's value."""
    for each in result.fields:
        log, name = tables.logs[each.columns.table], each.columns.column
        if name not in deals.columns or not log.has_old_values:
            continue
        positions = log.deals(deals[str(spec.deals.id)])
        contradicts = contradicting(log, each.columns.field, positions, deals[name])
        if contradicts.any():
            position = int(contradicts.argmax())
            yield Finding(
                "history",
                name,
                int(contradicts.sum()),
                f"{shown(deals[str(spec.deals.id)].iloc[position])}: "
                f"{shown(deals[name].iloc[position])} today",
                f"{int(contradicts.sum()):,} deal(s) have another value today than the last one in "
                f"{log.table_name}, so changes are missing there",
                "export the whole history, on the same day as the deals",
            )


def contradicting(
    log: ChangeLog, field: str, positions: Ints, today: pd.Series[Any]
) -> NDArray[np.bool_]:
    """Return a mask of the deals whose present value is not the last one in the history."""
    last = log.as_of(field, positions, np.full(len(positions), np.iinfo(np.int64).max))
    has_row = last.recorded_at != NOT_A_TIME
    values = log.levels.take(last.codes)
    result: NDArray[np.bool_] = is_other_value(values, today) & has_row
    return result
