"""Export of a model as one SELECT: scores, then poor_fit, fit, money and the largest reasons.

the scorecard's tables -> small tables in the statement -> joined with the table of prospects
                       -> the same sums, probability and decision as `FitModel.predict`
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from numbers import Integral
from typing import TYPE_CHECKING

from fitmodel.exceptions import SpecError
from fitmodel.model._sql_dialects import DIALECTS, Steps, dialect_named, number
from fitmodel.model._sql_reading import read_prospects
from fitmodel.model._sql_scores import add_horizons, add_scores
from fitmodel.model.horizons import horizon_columns

if TYPE_CHECKING:
    from fitmodel.decision.own_months import OwnMonths
    from fitmodel.decision.policy import Policy
    from fitmodel.decision.value import Money
    from fitmodel.model._sentences import Sentences
    from fitmodel.model.scorer import Scorer

__all__ = ["SQL_DIALECTS", "scorer_to_sql"]

SQL_DIALECTS = tuple(DIALECTS)
"""Names of the databases that SQL can be written for."""
_PREDICTED = (
    ("early_churn_probability", "fm_p"),
    ("probability_low", "fm_low"),
    ("probability_high", "fm_high"),
    ("poor_fit", "fm_poor"),
    ("fit", "fm_fit"),
    ("expected_value", "fm_value"),
    ("unfamiliar", "fm_unfamiliar"),
)
_AFTER = (
    ("worth", "fm_worth"),
    ("escalate", "fm_escalate"),
    ("expected_value_low", "fm_value_low"),
    ("expected_value_high", "fm_value_high"),
    ("own_evidence", "fm_own"),
)
SLACK = 1e-12
"""Relative tolerance on limits: a threshold is often the probability of one deal, and a database's
exponential may differ in the last digit."""


def scorer_to_sql(
    scorer: Scorer,
    dialect: str,
    table: str,
    *,
    reasons: int = 0,
    as_of: date | None = None,
    absent: Iterable[str] = (),
    horizons: Sequence[int] = (),
) -> str:
    """Return a scorer as one SELECT; see `FitModel.to_sql`."""
    sql = dialect_named(dialect).for_table(table)
    if isinstance(reasons, bool) or not isinstance(reasons, Integral) or reasons < 0:
        raise SpecError(f"reasons is {reasons!r}. Remedy: give 0 or more.")
    absent_columns = frozenset(absent)
    steps = Steps(sql, sql.table(table))
    read_prospects(steps, scorer, absent_columns, as_of)
    add_scores(steps, scorer.scorecard, reasons=reasons > 0)
    add_horizons(steps, scorer, horizons)
    has_amount = scorer.amount is not None and scorer.amount not in absent_columns
    add_decision(steps, scorer.policy, has_amount=has_amount)
    reason_columns = list(add_reasons(steps, scorer.sentences("en"), reasons))
    predicted = [(name, _if_readable(column)) for name, column in (*_PREDICTED, *_AFTER)]
    version = ("model_version", _if_readable(sql.literal(scorer.version)))
    split = len(_PREDICTED)
    names_at = (f"fm_{name}{month}" for month in horizons for name in ("p", "low", "high"))
    at_horizons = [*zip(horizon_columns(horizons), map(_if_readable, names_at), strict=True)]
    error = ("error", "fm_error")
    columns = [
        *predicted[:split],
        *reason_columns,
        version,
        *predicted[split:],
        *at_horizons,
        error,
    ]
    return _header(scorer, sql.name) + steps.finish(columns)


def _if_readable(column: str) -> str:
    return f"CASE WHEN fm_error IS NULL THEN {column} END"


def _header(scorer: Scorer, dialect: str) -> str:
    return (
        f"-- Early churn of prospects by the model {scorer.version}, in the SQL of {dialect}.\n"
        "-- Written by `fitmodel export sql`: do not edit, export again.\n"
    )


def add_decision(steps: Steps, policy: Policy, *, has_amount: bool) -> None:
    """Add the steps from probabilities to ``fm_poor``, ``fm_fit``, ``fm_worth`` and the values."""
    null = f"CAST(NULL AS {steps.dialect.double})"
    amount = "fm_amount" if has_amount else null
    money = policy.money if has_amount else None
    own = None if money is None else money.own_months
    if own is not None:
        steps.add("fm_months", _months(own))
    steps.add("fm_money", _money(policy, amount, null, has_money=money is not None))
    steps.add("fm_flags", _flags(policy, has_money=money is not None))
    steps.add("fm_bands", _bands(policy, amount))


def _money(policy: Policy, amount: str, null: str, *, has_money: bool) -> Iterator[tuple[str, str]]:
    if policy.money is None or not has_money:
        for name in ("stays", "leaves", "longest"):
            yield from ((f"fm_{name}{end}", null) for end in _ENDS)
        return
    if policy.money.own_months is not None:
        for end in _ENDS:
            yield from _own_money(policy.money, amount, end)
        return
    line = policy.money.linear()
    for end in _ENDS:  # one lifetime for all customers: the same at both ends of the interval
        for name, slope, fixed in (
            ("stays", line.stays_slope, line.stays_fixed),
            ("leaves", line.leaves_slope, line.leaves_fixed),
        ):
            yield f"fm_{name}{end}", f"{amount} * ({number(slope)}) - ({number(fixed)})"
            if name == "stays":
                yield f"fm_longest{end}", f"{amount} * ({number(slope)}) - ({number(fixed)})"


_ENDS = ("", "_low", "_high")


def _months(own: OwnMonths) -> Iterator[tuple[str, str]]:
    """Return the months from the customer's own curve, at the probability and both its ends."""
    for end, p in zip(_ENDS, ("fm_p", "fm_low", "fm_high"), strict=True):
        yield f"fm_months_stays{end}", _between(own.probability, own.stays, p)
        yield f"fm_months_longest{end}", _between(own.probability, own.longest.stays, p)
        yield f"fm_months_leaves{end}", _between(own.probability, own.leaves, p)


def _between(knots: tuple[float, ...], values: tuple[float, ...], p: str) -> str:
    lines = []
    for at in range(len(knots) - 1):
        slope = (values[at + 1] - values[at]) / (knots[at + 1] - knots[at])
        lines.append(f"{number(values[at])} + ({number(slope)}) * ({p} - {number(knots[at])})")
    cases = (
        f"WHEN {p} < {number(knot)} THEN {line}"
        for knot, line in zip(knots[1:-1], lines, strict=False)
    )
    return f"CASE {' '.join(cases)} ELSE {lines[-1]} END"


def _own_money(money: Money, amount: str, end: str) -> Iterator[tuple[str, str]]:
    """Return the values if the customer stays and if it leaves, from its own curve's months.

    See `Money.lines_of`.
    """
    none, one = (money.lines_of(months, months) for months in (0.0, 1.0))
    upfront, margin = money.paid_upfront_months, money.gross_margin
    paid_none, paid_one = (margin * max(months, upfront) / 12.0 for months in (0.0, 1.0))
    support = (none.leaves_slope - paid_none) - (one.leaves_slope - paid_one)  # share per month
    support_fixed = one.leaves_fixed - none.leaves_fixed
    stays, longest, leaves = (f"fm_months_{name}{end}" for name in ("stays", "longest", "leaves"))
    paid_stays, paid_longest, paid_leaves = (
        f"{number(margin)} * GREATEST({months}, {number(upfront)}) / 12e0"
        for months in (stays, longest, leaves)
    )
    for name, paid in (("stays", paid_stays), ("longest", paid_longest)):
        share = f"{paid} + ({number(none.stays_slope - paid_none)})"
        yield f"fm_{name}{end}", f"{amount} * ({share}) - ({number(none.stays_fixed)})"
    share = f"{paid_leaves} + ({number(none.leaves_slope - paid_none)})"
    share += f" - ({number(support)}) * {leaves}"
    fixed = f"{number(none.leaves_fixed)} + ({number(support_fixed)}) * {leaves}"
    yield f"fm_leaves{end}", f"{amount} * ({share}) - ({fixed})"


def _flags(policy: Policy, *, has_money: bool) -> Iterator[tuple[str, str]]:
    for name, chance, end in (
        ("value", "fm_p", ""),
        ("at_low", "fm_low", "_low"),
        ("at_high", "fm_high", "_high"),
    ):
        yield f"fm_{name}", f"(1e0 - {chance}) * fm_stays{end} + {chance} * fm_leaves{end}"
        if end:
            best = f"(1e0 - {chance}) * fm_longest{end} + {chance} * fm_leaves{end}"
            yield f"fm_best{end}", best
    limits = [policy.threshold]
    if policy.kind == "value":
        limits.append(policy.risk_threshold)
    common = min((each for each in limits if each is not None), default=math.inf)
    if policy.kind != "value" or not has_money:
        yield "fm_threshold", _limit(common)
        return
    break_even = (
        "CASE WHEN fm_stays < 0 THEN 0e0 WHEN fm_leaves < 0 THEN fm_stays / (fm_stays - fm_leaves) "
        "ELSE 1e0 END"
    )
    if policy.risk_threshold is not None:
        break_even = f"LEAST({break_even}, {number(policy.risk_threshold)})"
    yield "fm_threshold", f"CASE WHEN fm_stays IS NULL THEN {_limit(common)} ELSE {break_even} END"


def _limit(threshold: float) -> str:
    return number(threshold) if math.isfinite(threshold) else "2e0"  # no probability is above 1


def _bands(policy: Policy, amount: str) -> Iterator[tuple[str, str]]:
    reached = f"fm_p >= fm_threshold * {number(1 - SLACK)}"
    poor = reached
    if policy.kind == "value":
        loses = ["fm_value < 0", "fm_stays < 0"]
        if policy.risk_threshold is not None:
            loses.append(f"fm_p >= {number(policy.risk_threshold * (1 - SLACK))}")
        poor = f"CASE WHEN fm_stays IS NULL THEN {reached} ELSE {' OR '.join(loses)} END"
    yield "fm_poor", poor
    yield "fm_escalate", _escalate(policy, poor, amount)
    watch = ["fm_unfamiliar", "(fm_low <= fm_threshold AND fm_threshold <= fm_high)"]
    if policy.level is not None:
        watch.append(f"fm_p > {number(policy.level * (1 + SLACK))}")
    yield (
        "fm_fit",
        f"CASE WHEN {poor} THEN 'poor' WHEN {' OR '.join(watch)} THEN 'watch' ELSE 'good' END",
    )
    yield "fm_value_low", "LEAST(fm_at_low, fm_at_high)"
    yield "fm_value_high", "GREATEST(fm_best_low, fm_best_high)"
    worth = (
        "CASE WHEN fm_value IS NULL THEN '' "
        "WHEN fm_longest < 0 OR GREATEST(fm_best_low, fm_best_high) < 0 THEN 'loses' "
        "WHEN LEAST(fm_at_low, fm_at_high) > 0 THEN 'gains' ELSE 'unclear' END"
    )
    yield "fm_worth", worth


def _escalate(policy: Policy, poor: str, amount: str) -> str:
    if policy.big_deal is None:
        return "FALSE"
    return f"({poor}) AND COALESCE({amount} >= {number(policy.big_deal)}, FALSE)"


def add_reasons(steps: Steps, sentences: Sentences, count: int) -> Iterator[tuple[str, str]]:
    """Add the steps that pick each prospect's largest reasons, and yield the result's columns.

    `sentences`: sentences of the scorecard; their weights put reasons about the seller last.
    """
    sql, scorecard = steps.dialect, sentences.scorecard
    terms = range(1, len(scorecard.terms) + 1)
    names = [
        sql.literal(" & ".join(scorecard.attributes[position] for position in positions))
        for positions in scorecard.terms
    ]
    values = [
        " || ' & ' || ".join(
            f"COALESCE(CAST(fm_v{position + 1} AS {sql.text}), '')" if len(positions) > 1
            else f"CAST(fm_v{position + 1} AS {sql.text})"
            for position in positions
        )
        for positions in scorecard.terms
    ]  # fmt: skip
    singles = len(scorecard.columns)
    for rank in range(1, min(count, len(terms)) + 1):
        taken = ", ".join(f"fm_pick{each}" for each in range(1, rank))
        sizes = []
        for term, weight in zip(terms, sentences.weights, strict=True):
            factor = "" if weight == 1 else f" * {number(weight)}"
            size = f"ABS(fm_c{term}){factor}"
            sizes.append(
                f"CASE WHEN {term} IN ({taken}) THEN -1e0 ELSE {size} END" if taken else size
            )
        whens = " ".join(
            f"WHEN {size} THEN {term}" for size, term in zip(sizes, terms, strict=True)
        )
        largest = sizes[0] if len(sizes) == 1 else f"GREATEST({', '.join(sizes)})"
        steps.add(f"fm_ranked{rank}", [(f"fm_pick{rank}", f"CASE {largest} {whens} END")])
        picked = f"CASE WHEN fm_error IS NULL THEN fm_pick{rank} END"
        for name, expressions in (
            ("", names),
            ("_value", values),
            ("_contribution", [f"fm_c{term}" for term in terms]),
            ("_deals", [f"fm_deals{term}" for term in terms[:singles]]),
            ("_early_churn", [f"fm_rate{term}" for term in terms[:singles]]),
        ):
            cases = " ".join(  # A contribution of exactly 0 is not a reason.
                f"WHEN {term} THEN CASE WHEN fm_c{term} <> 0 THEN {each} END"
                for term, each in enumerate(expressions, start=1)
            )
            yield f"reason_{rank}{name}", f"CASE {picked} {cases} END"
