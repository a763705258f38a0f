"""A commission plan, as its toml says it."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

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
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "plan"
    commission_rate: Share
    earned_after_months: Annotated[int, Field(ge=0)] = 5
    tiers: tuple[Tier, ...] = ()
    paid_at_signing: Share = Decimal(0)

    @model_validator(mode="after")
    def _tiers_rise(self) -> Plan:
        steps = [(tier.months, tier.share) for tier in self.tiers]
        rising = all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(steps))
        if not rising or any(months >= self.earned_after_months for months, _ in steps):
            raise ValueError(
                "tiers must rise in months and share and lie before earned_after_months"
            )
        return self

    def reached(self, age: int, months: float, *, left: bool) -> bool:
        """Whether an age is reached: who left on the very day has left early, as in training."""
        return age == 0 or (months > age if left else months >= age)

    def share_at(self, months: float, *, left: bool) -> Decimal:
        """Share earned by a customer who has stayed, or left after, so many months."""
        if self.reached(self.earned_after_months, months, left=left):
            return Decimal(1)
        shares = (t.share for t in self.tiers if self.reached(t.months, months, left=left))
        return max(shares, default=Decimal(0))


def read_plan(path: Path) -> Plan:
    """Read a plan from toml.

    Raises
    ------
    SpecError
        If there is no such file, or it is no plan; the message names the key.
    """
    try:
        return Plan(**tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal))
    except FileNotFoundError as error:
        raise SpecError(f"there is no plan {path}. Remedy: write one in toml.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{path} is not valid toml: {error}") from error
    except ValidationError as error:
        found = error.errors(include_url=False)
        lines = [f"  {'.'.join(map(str, item['loc'])) or 'plan'}: {item['msg']}" for item in found]
        raise SpecError(f"{path} is no commission plan:\n" + "\n".join(lines)) from error
