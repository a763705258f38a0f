"""Commission plans read from TOML: the commission, when it is earned, and a bonus."""

from __future__ import annotations

import tomllib
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError, model_validator

from fitmodel.deals.plain_words import expected_of, shortened, suggestion
from fitmodel.exceptions import SpecError
from fitmodel.renamed import old_attribute
from fitmodel.sales._plan_clauses import (
    Accelerators,
    Cap,
    Clause,
    Draw,
    ExcludedCauses,
    Leavers,
    Rounding,
    Share,
    Split,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails

ROUNDINGS = {"half_even": ROUND_HALF_EVEN, "half_up": ROUND_HALF_UP, "down": ROUND_DOWN}


class Tier(Clause):
    """A share of the commission that is earned once the customer has stayed some months."""

    months: Annotated[int, Field(ge=1)]
    share: Share


class Bonus(Clause):
    """A bonus for the reps whose customers stay most.

    Parameters
    ----------
    top : int
        Number of ranks that are paid.
    amount : Decimal
        Amount of each rank, exact to the cent.
    min_deals : int
        Minimum number of a rep's customers of the period who have come to a renewal, or reached the
        plan's age, for the rep to take part.
    period : {"year", "quarter", "all"}
        Deals that are ranked together: those signed in the same calendar year or quarter, or all.
    term : str, optional
        Column with the length of the contract, in months or as text such as "annual"; without it
        ``[deals] contract_months`` applies, or longer contracts are inferred from the times at
        which customers leave.
    """

    top: Annotated[int, Field(ge=1)]
    amount: Annotated[Decimal, Field(ge=0, decimal_places=2)]
    min_deals: Annotated[int, Field(ge=1)] = 20
    period: Literal["year", "quarter", "all"] = "year"
    term: str | None = None

    least_deals = old_attribute("least_deals", "min_deals")

    @model_validator(mode="before")
    @classmethod
    def _with_new_names(cls, fields: Any) -> Any:
        """Accept `least_deals`, the old name of `min_deals`, which plans in files still have."""
        if not isinstance(fields, dict) or "least_deals" not in fields or "min_deals" in fields:
            return fields
        return {("min_deals" if name == "least_deals" else name): v for name, v in fields.items()}


class Plan(Clause):
    """A commission plan.

    Parameters
    ----------
    commission_rate : Decimal
        Share of the yearly contract value.
    earned_after_months : int
        Age in months that a customer must reach for the whole commission to be earned; 0 means at
        signing.
    tiers : tuple of Tier
        Shares that are earned at earlier ages.
    paid_at_signing : Decimal
        Share paid in advance; the part of it that is not earned in the end is clawed back.
    bonus : Bonus, optional
        Bonus for the top reps by renewals over expected renewals.
    clawback : {"whole", "unused_months"}
        Commission earned for a customer who leaves too early: the share of the tiers only, or at
        least the share of the whole months that it stayed.
    excluded_causes : ExcludedCauses, optional
        Causes of leaving that are not held against the rep.
    accelerators : Accelerators, optional
        Rates that depend on how much a rep has signed.
    split : Split, optional
        Split of the commission with a second rep.
    credit_notes : {"refuse", "deduct"}
        Whether negative amounts are refused, or their commission is deducted when they are signed.
    upgrades : {"ignore", "increase"}
        Whether later deals of a customer (``[rows] customer``) earn nothing, or commission on the
        amount that they add to the yearly value.
    cap : Cap, optional
        Maximum commission of a rep in a period.
    draw : Draw, optional
        Minimum paid to a rep in each month.
    leavers : Leavers, optional
        Terms for reps who leave the company.
    rounding : Rounding
        Rounding of each amount.
    payroll_months_later : int
        Months between the month in which an amount becomes due and the month in which it is paid.
    """

    name: str = "plan"
    commission_rate: Share
    earned_after_months: Annotated[int, Field(ge=0)] = 5
    tiers: tuple[Tier, ...] = ()
    paid_at_signing: Share = Decimal(0)
    bonus: Bonus | None = None
    clawback: Literal["whole", "unused_months"] = "whole"
    excluded_causes: ExcludedCauses | None = None
    accelerators: Accelerators | None = None
    split: Split | None = None
    credit_notes: Literal["refuse", "deduct"] = "refuse"
    upgrades: Literal["ignore", "increase"] = "ignore"
    cap: Cap | None = None
    draw: Draw | None = None
    leavers: Leavers | None = None
    rounding: Rounding = Rounding()
    payroll_months_later: Annotated[int, Field(ge=0, le=12)] = 0

    @model_validator(mode="after")
    def _thresholds_rise(self) -> Plan:
        steps = () if self.accelerators is None else self.accelerators.steps
        if any(first.above >= second.above for first, second in pairwise(steps)):
            raise ValueError("accelerators must rise in `above`")
        return self

    @model_validator(mode="after")
    def _tiers_rise(self) -> Plan:
        steps = [(tier.months, tier.share) for tier in self.tiers]
        rising = all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(steps))
        if not rising or any(months >= self.earned_after_months for months, _ in steps):
            raise ValueError(
                "tiers must rise in months and share and lie before earned_after_months"
            )
        return self

    @property
    def digits(self) -> int:
        """Decimal places of amounts on a page: none if whole units are paid, else 2 or more."""
        exponent = int(self.rounding.to.normalize().as_tuple().exponent)
        return 0 if exponent >= 0 else max(2, -exponent)

    @property
    def steps(self) -> list[tuple[int, float]]:
        """Ages in months at which commission is earned, with the share earned by then."""
        tiers = [(tier.months, float(tier.share)) for tier in self.tiers]
        return [*tiers, (self.earned_after_months, 1.0)]

    @property
    def ages(self) -> list[int]:
        """Ages in months at which more is earned, or less would be clawed back."""
        if self.clawback == "unused_months":
            return list(range(1, self.earned_after_months + 1)) or [0]
        return [age for age, _ in self.steps]

    def reached(self, age: int, months: float, *, left: bool) -> bool:
        """Return whether an age is reached; a customer who left exactly then has not reached it.

        The label of training uses the same rule.
        """
        return age == 0 or (months > age if left else months >= age)

    def share_at(self, months: float, *, left: bool) -> Decimal:
        """Return the share earned for a customer who stayed, or left after, a number of months."""
        if self.reached(self.earned_after_months, months, left=left):
            return Decimal(1)
        shares = (tier.share for tier in self.tiers if self.reached(tier.months, months, left=left))
        return max(shares, default=Decimal(0))

    def share_of_months(self, months: float) -> Fraction:
        """Return the share earned for a customer who left, if unused months are clawed back.

        It is 0 for the clawback "whole".
        """
        if self.clawback == "whole":
            return Fraction(0)
        return Fraction(min(int(months), self.earned_after_months), self.earned_after_months)

    def rounded(self, value: Decimal | Fraction) -> Decimal:
        """Return an amount rounded to the plan's unit with the plan's rounding mode."""
        exact, unit = Fraction(value), self.rounding.to
        units = exact / Fraction(unit)
        rounded_units = Decimal(units.numerator) / Decimal(units.denominator)
        if units.denominator > 1 and (units * 2).denominator == 1:
            rounded_units = Decimal(units.numerator // units.denominator) + Decimal("0.5")
        return rounded_units.quantize(Decimal(1), rounding=ROUNDINGS[self.rounding.mode]) * unit


EXAMPLE = """\
# A commission plan. fitmodel report DEALS --plan this.toml pays it over your history.
name = "plan B"
commission_rate = 0.10           # of the yearly contract value
earned_after_months = 5          # whole once the customer has stayed so long; 0: at signing
paid_at_signing = 0.25           # advance; what of it is not earned in the end is clawed back

[[tiers]]                        # optional: shares earned on the way there
months = 3
share = 0.5

[bonus]                          # optional: for the reps whose customers stay most
top = 3                          # places
amount = 2000.00                 # of each place; reps that tie share the places they hold
min_deals = 20                 # customers who came to a renewal or reached the age above
period = "year"                  # year | quarter | all: whose deals are ranked together
# term = "contract_months"       # optional column: length of the contract

# More clauses, each optional: clawback, excluded_causes, accelerators, split, credit_notes,
# upgrades, cap, draw, leavers, rounding, payroll_months_later. The guide "Commission plans" has an
# example of each.
"""


def read_plan(path: Path) -> Plan:
    """Read a commission plan from a TOML file.

    Parameters
    ----------
    path : Path
        Path of the file; ``fitmodel report --show-plan`` prints an example to start from.

    Returns
    -------
    Plan

    Raises
    ------
    SpecError
        If there is no such file, or it is not a valid plan; the message names the key.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("plan.toml").write_text("commission_rate = 0.1")
    >>> read_plan(Path("plan.toml")).earned_after_months
    5
    """
    try:
        return Plan(**tomllib.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal))
    except FileNotFoundError as error:
        raise SpecError(
            f"there is no plan {path}. Remedy: `fitmodel report --show-plan > {path}` writes an "
            "example."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{path} is not valid toml: {error}") from error
    except (OSError, RecursionError, TypeError) as error:
        raise SpecError(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        lines = [f"  {_problem(item)}" for item in error.errors(include_url=False)]
        raise SpecError(f"{path} is not a commission plan:\n" + "\n".join(lines)) from error


def _problem(error: ErrorDetails) -> str:
    """Return what is wrong with one key of a plan, in words."""
    location, kind = error["loc"], error["type"]
    key, given = ".".join(map(str, location)), error["input"]
    if kind == "missing":
        return f"{key}: it is missing"
    if kind == "extra_forbidden":
        return f"{key}: there is no such key; {suggestion(str(location[-1]), _keys(location))}"
    if kind == "value_error":
        return f"{key or 'plan'}: {error['ctx']['error']}"
    needed = expected_of(error)
    if needed == error["msg"]:
        return f"{key}: {needed}"
    shown = str(given) if isinstance(given, Decimal) else shortened(given)
    return f"{key}: must be {needed}, not {shown}"


def _keys(location: tuple[str | int, ...]) -> list[str]:
    """Return the keys that the section of a key can have."""
    model: type[BaseModel] = Plan
    for name in location[:-1]:
        if isinstance(name, str):
            model = _section(model.model_fields[name].annotation)
    return list(model.model_fields)


def _section(annotation: Any) -> Any:
    """Return the model in an annotation such as ``tuple[Tier, ...]`` or ``Cap | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(found for each in get_args(annotation) if (found := _section(each)) is not None)
