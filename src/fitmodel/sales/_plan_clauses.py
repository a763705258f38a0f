"""Clauses that a commission plan may have in addition to its rate: each is data with a schema."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[Decimal, Field(ge=0, le=1)]
Money = Annotated[Decimal, Field(ge=0, decimal_places=2)]
Period = Literal["month", "quarter", "year"]


class Clause(BaseModel):
    """A clause: unknown keys are errors, and it cannot be changed after it is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ExcludedCauses(Clause):
    """Causes of leaving that are not held against the rep, such as a bankruptcy.

    `causes`: excluded causes; case and surrounding spaces do not matter. A customer who left for
        one of them counts as one who stayed: the whole commission is earned, and nothing is clawed
        back.
    """

    column: str = "exit_reason"
    causes: Annotated[tuple[str, ...], Field(min_length=1)]


class Accelerator(Clause):
    """A higher (or lower) rate for the part of a period's signed value above a threshold."""

    above: Money
    rate: Share


class Accelerators(Clause):
    """Rates that depend on how much a rep has signed in a period, in the order of signing.

    `period`, {"month", "quarter", "year"}: calendar period in which the signed value is summed.
    `steps`: thresholds and rates; below the first threshold the plan's ``commission_rate`` applies.
    """

    period: Period = "year"
    steps: Annotated[tuple[Accelerator, ...], Field(min_length=1)]


class Cap(Clause):
    """At most `amount` of commission is paid to a rep in a period; the rest is not paid."""

    amount: Money
    period: Period = "month"


class Draw(Clause):
    """A minimum that is paid to a rep in each payroll month.

    `recoverable`: whether later months above the amount pay the difference back (a draw) or not (a
        guarantee).
    """

    amount: Money
    recoverable: bool = True


class Split(Clause):
    """A split of the commission with a second rep.

    Parameters
    ----------
    rep : str
        Column with the second rep; its cell is empty where there is none.
    share : str or Decimal
        Column with the second rep's share (0 to 1), or one share for all.
    """

    rep: str
    share: str | Share


class Leavers(Clause):
    """Terms for reps who leave the company.

    `left`: last day of each rep who left, by name.
    `pending`, {"forfeit", "keep"}: whether the rep loses or keeps amounts that become due after
        that day.
    `clawback`, {"collect", "waive"}: whether amounts to be taken back after that day are collected
        or waived.
    """

    left: dict[str, date]
    pending: Literal["forfeit", "keep"] = "forfeit"
    clawback: Literal["collect", "waive"] = "collect"


class Rounding(Clause):
    """Unit to which each amount is rounded, and the rounding mode."""

    to: Annotated[Decimal, Field(gt=0)] = Decimal("0.01")
    mode: Literal["half_even", "half_up", "down"] = "half_even"
