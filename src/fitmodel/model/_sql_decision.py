"""Decide in SQL: probability, interval and amount -> poor_fit, fit, money; the largest reasons."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fitmodel.model._sql_dialects import number

if TYPE_CHECKING:
    from fitmodel.decision.policy import Policy
    from fitmodel.model._sentences import Sentences
    from fitmodel.model._sql_steps import Steps

SLACK = 1e-12
"""On limits, of their size: a threshold is often one deal's own probability, and the exponential
of a database may have another last digit."""


def add_decision(steps: Steps, policy: Policy, *, has_amount: bool) -> None:
    """Add the steps from probabilities to ``fm_poor``, ``fm_fit``, ``fm_worth`` and the values.

    Parameters
    ----------
    steps : Steps
    policy : Policy
    has_amount : bool
        Whether the table has the contract value.
    """
    nothing = f"CAST(NULL AS {steps.dialect.double})"
    amount = "fm_amount" if has_amount else nothing
    money = policy.money if has_amount else None
    steps.add("fm_money", _money(policy, amount, nothing, has_money=money is not None))
    steps.add("fm_flags", _flags(policy, has_money=money is not None))
    steps.add("fm_bands", _bands(policy, amount))


def _money(
    policy: Policy, amount: str, nothing: str, *, has_money: bool
) -> Iterator[tuple[str, str]]:
    if policy.money is None or not has_money:
        for name in ("stays", "leaves"):
            yield f"fm_{name}", nothing
        return
    line = policy.money.linear()
    yield "fm_stays", f"{amount} * ({number(line.stays_slope)}) - ({number(line.stays_fixed)})"
    yield "fm_leaves", f"{amount} * ({number(line.leaves_slope)}) - ({number(line.leaves_fixed)})"


def _flags(policy: Policy, *, has_money: bool) -> Iterator[tuple[str, str]]:
    for name, chance in (
        ("value", "fm_p"),
        ("at_low", "fm_low"),
        ("at_high", "fm_high"),
    ):
        yield f"fm_{name}", f"(1e0 - {chance}) * fm_stays + {chance} * fm_leaves"
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
    yield "fm_least", "LEAST(fm_at_low, fm_at_high)"
    yield "fm_most", "GREATEST(fm_at_low, fm_at_high)"
    worth = (
        "CASE WHEN fm_value IS NULL THEN '' "
        "WHEN fm_stays < 0 OR GREATEST(fm_at_low, fm_at_high) < 0 THEN 'loses' "
        "WHEN LEAST(fm_at_low, fm_at_high) > 0 THEN 'gains' ELSE 'unclear' END"
    )
    yield "fm_worth", worth


def _escalate(policy: Policy, poor: str, amount: str) -> str:
    if policy.big_deal is None:
        return "FALSE"
    return f"({poor}) AND COALESCE({amount} >= {number(policy.big_deal)}, FALSE)"


def add_reasons(steps: Steps, sentences: Sentences, count: int) -> Iterator[tuple[str, str]]:
    """Add the steps that pick each prospect's largest reasons; gives the columns of the result.

    Parameters
    ----------
    steps : Steps
    sentences : Sentences
        Which say what comes last: who sells.
    count : int
        Reasons for each prospect.
    """
    sql, scorecard = steps.dialect, sentences.scorecard
    terms = range(1, len(scorecard.terms) + 1)
    names = [
        sql.literal(" & ".join(scorecard.attributes[place] for place in places))
        for places in scorecard.terms
    ]
    values = [
        " || ' & ' || ".join(
            f"COALESCE(CAST(fm_v{place + 1} AS {sql.text}), '')" if len(places) > 1
            else f"CAST(fm_v{place + 1} AS {sql.text})"
            for place in places
        )
        for places in scorecard.terms
    ]  # fmt: skip
    singles = len(scorecard.columns)
    for rank in range(1, min(count, len(terms)) + 1):
        taken = ", ".join(f"fm_pick{each}" for each in range(1, rank))
        sizes = []
        for term, weight in zip(terms, sentences.ranks, strict=True):
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
            cases = " ".join(  # a contribution of exactly 0 is no reason
                f"WHEN {term} THEN CASE WHEN fm_c{term} <> 0 THEN {each} END"
                for term, each in enumerate(expressions, start=1)
            )
            yield f"reason_{rank}{name}", f"CASE {picked} {cases} END"
