"""Commission plans read from TOML: the commission, when it is earned, and a bonus."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fitmodel.exceptions import SpecError

if TYPE_CHECKING:
    from pathlib import Path

Share = Annotated[Decimal, Field(ge=0, le=1)]


class Tier(BaseModel):
    """A share of the commission that is earned once the customer has stayed some months."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    months: Annotated[int, Field(ge=1)]
    share: Share


class Bonus(BaseModel):
    """A bonus for the reps whose customers stay most.

    Parameters
    ----------
    top : int
        How many places are paid.
    amount : Decimal
        Of each place, exact to the cent.
    least_deals : int
        Customers of the period who must have come to a renewal, or reached the plan's age, for a
        rep to take part.
    period : {"year", "quarter", "all"}
        Deals signed in the same calendar year or quarter are ranked together, or all of them.
    term : str, optional
        Column with the length of the contract, in months or as text such as "annual"; without it
        longer contracts are recognised by when their customers leave.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    top: Annotated[int, Field(ge=1)]
    amount: Annotated[Decimal, Field(ge=0, decimal_places=2)]
    least_deals: Annotated[int, Field(ge=1)] = 20
    period: Literal["year", "quarter", "all"] = "year"
    term: str | None = None


class Plan(BaseModel):
    """A commission plan.

    Parameters
    ----------
    commission_rate : Decimal
        Share of the yearly contract value.
    earned_after_months : int
        Age a customer must reach for the whole commission to be earned; 0: at signing.
    tiers : tuple of Tier
        Shares earned on the way there.
    paid_at_signing : Decimal
        Share paid in advance; what of it is not earned in the end is clawed back.
    bonus : Bonus, optional
        For the top reps by renewal rate.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "plan"
    commission_rate: Share
    earned_after_months: Annotated[int, Field(ge=0)] = 5
    tiers: tuple[Tier, ...] = ()
    paid_at_signing: Share = Decimal(0)
    bonus: Bonus | None = None

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
    def steps(self) -> list[tuple[int, float]]:
        """Ages at which something is earned, with the share earned by then."""
        tiers = [(tier.months, float(tier.share)) for tier in self.tiers]
        return [*tiers, (self.earned_after_months, 1.0)]

    def reached(self, age: int, months: float, *, left: bool) -> bool:
        """Whether an age is reached: who left on the very day has left early, as in training."""
        return age == 0 or (months > age if left else months >= age)

    def share_at(self, months: float, *, left: bool) -> Decimal:
        """Share earned by a customer who has stayed, or left after, so many months."""
        if self.reached(self.earned_after_months, months, left=left):
            return Decimal(1)
        shares = (t.share for t in self.tiers if self.reached(t.months, months, left=left))
        return max(shares, default=Decimal(0))


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
least_deals = 20                 # customers who came to a renewal or reached the age above
period = "year"                  # year | quarter | all: whose deals are ranked together
# term = "contract_months"       # optional column: length of the contract
"""


def read_plan(path: Path) -> Plan:
    """Read a plan from toml.

    Parameters
    ----------
    path : Path
        ``fitmodel report --show-plan`` prints a plan to start from.

    Returns
    -------
    Plan

    Raises
    ------
    SpecError
        If there is no such file, or it is no plan; the message names the key.

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
        raise SpecError(f"there is no plan {path}. Remedy: write one in toml.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{path} is not valid toml: {error}") from error
    except (OSError, RecursionError, TypeError) as error:
        raise SpecError(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        result = error.errors(include_url=False)
        lines = [f"  {'.'.join(map(str, item['loc'])) or 'plan'}: {item['msg']}" for item in result]
        raise SpecError(f"{path} is no commission plan:\n" + "\n".join(lines)) from error
