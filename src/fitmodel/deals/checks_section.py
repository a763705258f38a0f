"""The `[checks]` section of the contract: which checks are silenced, each with its reason."""

from __future__ import annotations

import difflib
from typing import ClassVar

from pydantic import Field, field_validator

from fitmodel.checks.registry import all_codes
from fitmodel.deals.plain_words import shortened
from fitmodel.deals.sections import Column, Section


class Checks(Section):
    """Which checks are silenced, and why.

    `ignore` maps a code, or ``"code:column"``, to the reason. A check that the rows or the outcome
    depend on cannot be silenced; a leak only for a named column.
    """

    section: ClassVar[str] = "checks"

    ignore: dict[Column, str] = Field(default_factory=dict)

    @field_validator("ignore", mode="after")
    @classmethod
    def _known_and_explained(cls, value: dict[str, str]) -> dict[str, str]:
        problems = [text for key, reason in value.items() if (text := _problem(key, reason))]
        if problems:
            raise ValueError("\n".join(problems))
        return value

    def reason_for(self, code: str, column: str = "") -> str:
        """Why a check is silenced for a column; "" where it is not."""
        return self.ignore.get(f"{code}:{column}", self.ignore.get(code, ""))


def _problem(key: str, reason: str) -> str | None:
    number, _, column = key.partition(":")
    code = all_codes().get(number)
    if code is None:
        near = difflib.get_close_matches(number, all_codes(), 1)
        nearest = f"; did you mean {near[0]}?" if near else ""
        return f"[checks] ignore has {shortened(key)}, which is no code of a check{nearest}"
    if code.ignore == "no":
        return f"[checks] ignore cannot silence {number} ({code.name}). Remedy: {code.do}"
    if code.ignore == "column" and not column:
        return (
            f"[checks] ignore can silence {number} ({code.name}) for a named column only: write "
            f'"{number}:COLUMN" = "reason"'
        )
    if not reason.strip():
        return f"[checks] ignore {shortened(key)} has no reason: say why it may be silenced"
    return None
