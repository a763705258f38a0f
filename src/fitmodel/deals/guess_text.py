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
# policy = "value"            # value, capacity, precision or threshold; value needs the money below
# capacity = 0.1              # share of the prospects that can be flagged
# gross_margin = 0.8
# acquisition_cost = 400      # per deal
# onboarding_cost = 900       # per deal
# support_cost_per_month = 60
# commission_rate = 0.1       # of the yearly contract value

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
