"""Find attributes with the same value in every deal; they are left out of training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitmodel.deals.errors import shown
from fitmodel.deals.sections import NO_NAMES
from fitmodel.tables.forms import Finding

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals.contract import DealSpec

ASKED_FIRST = 20  # deals; most attributes differ among them


def find_constants(table: pd.DataFrame, spec: DealSpec) -> tuple[Finding, ...]:
    """Name the attributes that never change, are empty, or are the closing date once more.

    Parameters
    ----------
    table : DataFrame
        Tidy past deals, only the rows that are customers.
    spec : DealSpec

    Returns
    -------
    tuple of Finding
        With the code "constant"; `without_attributes` leaves them out of a contract.
    """
    names = [name for name in spec.attribute_names(table.columns) if name in table.columns]
    result = []
    for name in names:
        what = _never_changes(table[name]) or _repeats_closing(table, name, spec)
        if what is not None:
            remedy = f'add "{name}" to [attributes] exclude, or correct the export'
            message = f"{what}: it tells nothing, so it is left out of learning"
            result.append(Finding("constant", name, len(table), "", message, remedy))
    return tuple(result)


def _never_changes(values: pd.Series[Any]) -> str | None:
    """Say which one value a column has; None where it has several."""
    first = values.iloc[:ASKED_FIRST]
    if first.notna().all() and first.duplicated().sum() < len(first) - 1:
        return None
    if values.isna().all():
        return "every value is empty"
    if values.isna().any() or not (values == values.iloc[0]).all():
        return None
    return f"every value is {shown(values.iloc[0])}"


def _repeats_closing(table: pd.DataFrame, name: str, spec: DealSpec) -> str | None:
    """Say that a column is the closing date in every deal: counted back from it, always 0 days."""
    closing = spec.deals.closed_on
    if closing not in table.columns or not table[name].equals(table[closing]):
        return None
    return f"every value is that of {closing!r}"


def without_attributes(spec: DealSpec, names: tuple[str, ...]) -> DealSpec:
    """Return the contract with some attributes excluded, and named in no other list of them.

    Raises
    ------
    SpecError
        If `include` names no other attribute.
    """
    if not names:
        return spec
    keys = spec.attributes.model_dump(exclude={*NO_NAMES, "exclude", "parents"}, exclude_none=True)
    changed: dict[str, Any] = {
        key: tuple(name for name in listed if name not in names) for key, listed in keys.items()
    }
    changed["parents"] = {
        child: parent
        for child, parent in spec.attributes.parents.items()
        if not {child, parent} & set(names)
    }
    if spec.attributes.include is None:
        changed["exclude"] = (*spec.attributes.exclude, *names)
    return spec.replace(attributes=changed)
