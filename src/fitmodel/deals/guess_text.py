"""Write a guessed contract as commented TOML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fitmodel.deals.plain_words import toml_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_HEAD = """\
# The deal contract of fitmodel, guessed from the table. Read it before you train:
# a wrong role, or an attribute that is known only after signing, makes every number wrong.
"""
_TAIL = """\
[decision]
# policy = "risk"             # or value (needs the money below), capacity, precision, threshold
# odds_ratio = 2.0            # risk: flag from twice the company's odds of early churn on
# capacity = 0.1              # capacity: share of the prospects that can be flagged
# big_deal = 50000            # a poor fit from this yearly amount on is for a manager to decide
# The money below is an EXAMPLE: put in your own. A cost is an amount or a share of the yearly one.
# gross_margin = 0.75
# commission_rate = 0.1       # of the yearly contract value
# onboarding_cost = "10 %"    # per deal
# support_cost_per_month = "2 %"  # extra support of a poor fit
# word_of_mouth_cost = "20 %"  # what a customer who left early tells others
# opportunity_cost = "15 %"   # what the time of rep and service team would earn elsewhere
# paid_upfront_months = 0     # months paid in advance and kept

[tracking]
# uri = "sqlite:///mlflow.db"
experiment = "prospect-fit"
registered_model = "prospect-fit"
"""
_LABEL = "[label]\nhorizon_months = 5  # leaving within so many months of signing is early churn\n"
_HORIZONS = (
    "# What the deals know of other horizons; the age at which commission is earned is usual:\n"
)


def write_toml(
    roles: Mapping[str, str],
    exclude: Iterable[str],
    notes: Mapping[str, str],
    unsure: Iterable[str],
    horizons: str = "",
) -> str:
    """Write the contract.

    Parameters
    ----------
    roles : mapping of role to column (or date)
    exclude : iterable of column
    notes : mapping of column to str
        What each column of the table was taken for, in the table's order.
    unsure : iterable of str
    horizons : str
        What the deals know of several horizons, a line each.
    """
    doubts = [f"#   - {one_line(text)}" for text in unsure]
    parts = [_HEAD + "\n".join(["# Unsure:", *doubts]) + "\n" if doubts else _HEAD]
    parts.append(
        "\n".join(["[deals]", *(f"{role} = {_text(roles[role])}" for role in roles)]) + "\n"
    )
    left_out = [f"    {_text(name)},  # {one_line(notes[name])}" for name in exclude]
    listed = "\n".join(["exclude = [", *left_out, "]"]) if left_out else "exclude = []"
    columns = [f"#   {one_line(name)}: {one_line(note)}" for name, note in notes.items()]
    parts += [
        _LABEL + _commented_horizons(horizons),
        f"[attributes]\n{listed}\n# actionable = []  # attributes that a rep can still change",
        "\n".join(["# Every column and what it was taken for:", *columns]) + "\n",
        _TAIL,
    ]
    return "\n".join(parts)


def _commented_horizons(horizons: str) -> str:
    lines = [f"#   {line}\n" for line in horizons.splitlines()]
    return _HORIZONS + "".join(lines) if lines else ""


def _text(text: str) -> str:
    return toml_value(text)


def one_line(text: str) -> str:
    """Text that can stand in a comment: no line break and no control character."""
    return "".join(each if each.isprintable() else " " for each in " ".join(text.split()))
