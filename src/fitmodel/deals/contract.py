"""The deal contract: roles of columns, label, attributes, decision, tracking.

`DealSpec` is ``fitmodel.toml`` in Python. It is immutable and validated when it is created; one
`SpecError` lists all its problems.
"""

from __future__ import annotations

import tomllib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from fitmodel.deals._history_sections import (
    EventTable,
    HistoryTable,
    LongTable,
    Tracking,
    read_tables,
    tables_without_roles,
)
from fitmodel.deals._sections import COLLECTING, NO_NAMES, Attributes, DealRoles, Label, Words
from fitmodel.deals._settings_sections import (
    Checks,
    Decision,
    Learning,
    Reading,
    Rows,
    with_known_questions,
)
from fitmodel.deals.plain_words import as_toml, listed, sentences
from fitmodel.exceptions import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "Attributes",
    "Checks",
    "DealRoles",
    "DealSpec",
    "Decision",
    "EventTable",
    "HistoryTable",
    "Label",
    "Learning",
    "LongTable",
    "Reading",
    "Rows",
    "Tracking",
    "Words",
]


_TABLES: dict[str, tuple[str, ...]] = {"history": ("NAME",), "events": ("NAME",)}
_KEYS = {
    each.section: tuple(each.model_fields)
    for each in (
        *(DealRoles, Rows, Label, Attributes, Decision, Tracking, Learning, Words, Reading),
        Checks,
    )
}


class DealSpec(BaseModel):
    """The whole contract; each section is a mapping or an instance of its class.

    Parameters
    ----------
    deals : DealRoles or mapping
        Which column plays which role. The outcome is required: as dates, or as tenure and flag.
    rows, label, attributes, decision, tracking, learning, words, reading, checks : section
        The other sections; all have defaults.
    history, events : mapping of name to section or mapping
        Further tables, from which attributes are computed as of each deal's closing.

    Raises
    ------
    SpecError
        If the contract is not valid: lists every problem, each on its own line, with the most
        similar valid key.

    Examples
    --------
    >>> spec = DealSpec(deals={"tenure_months": "tenure", "churned": "churn"})
    >>> spec.has_dates, spec.outcome_columns
    (False, ('tenure', 'churn'))
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    deals: DealRoles
    rows: Rows = Rows()
    label: Label = Label()
    attributes: Attributes = Attributes()
    decision: Decision = Decision()
    tracking: Tracking = Tracking()
    learning: Learning = Learning()
    words: Words = Words()
    reading: Reading = Reading()
    history: Annotated[
        dict[str, HistoryTable], BeforeValidator(partial(read_tables, kind=HistoryTable))
    ] = Field(default_factory=dict)
    events: Annotated[
        dict[str, EventTable], BeforeValidator(partial(read_tables, kind=EventTable))
    ] = Field(default_factory=dict)
    checks: Checks = Checks()

    def __init__(self, /, **sections: Any) -> None:
        try:
            self.__pydantic_validator__.validate_python(
                {"deals": {}, **sections}, self_instance=self, context=COLLECTING
            )
        except ValidationError as error:
            lines = sentences(error.errors(include_url=False), _KEYS | _TABLES)
            raise SpecError(listed(lines, "the contract")) from None

    @field_validator("attributes", mode="after")
    @classmethod
    def _refuse_outcomes_as_attributes(cls, value: Attributes, info: ValidationInfo) -> Attributes:
        roles: DealRoles | None = info.data.get("deals")
        problems = [] if roles is None else list(_check_attribute_roles(value, roles))
        if problems:
            raise ValueError("\n".join(problems))
        return value

    @field_validator("rows", mode="after")
    @classmethod
    def _check_rows(cls, value: Rows, info: ValidationInfo) -> Rows:
        roles: DealRoles | None = info.data.get("deals")
        if roles is not None:
            problems = list(_rows_without_roles(value, roles))
            if problems:
                raise ValueError("\n".join(problems))
        return value

    @field_validator("decision", mode="after")
    @classmethod
    def _check_money(cls, value: Decision, info: ValidationInfo) -> Decision:
        roles: DealRoles | None = info.data.get("deals")
        missing = ["[decision] gross_margin"] if value.gross_margin is None else []
        if roles is not None and roles.amount is None:
            missing.append("[deals] amount")
        if value.policy == "value" and missing:
            raise ValueError(f'[decision] policy = "value" needs {" and ".join(missing)}')
        return value

    @field_validator("history", "events", mode="after")
    @classmethod
    def _check_tables(cls, value: dict[str, Any], info: ValidationInfo) -> Any:
        roles: DealRoles | None = info.data.get("deals")
        problems = [] if roles is None else list(tables_without_roles(roles, value))
        duplicates = [name for name in value if name in (info.data.get("history") or {})]
        problems += [f"[events.{name}] has the name of [history.{name}]" for name in duplicates]
        if problems:
            raise ValueError("\n".join(problems))
        return value

    @classmethod
    def model_validate(cls, obj: Any, **_options: Any) -> Self:
        """Return a contract from a mapping of sections; the same as ``DealSpec(**obj)``."""
        if isinstance(obj, cls):
            return obj
        if not isinstance(obj, dict) or not all(isinstance(key, str) for key in obj):
            raise SpecError(f"a contract is a mapping of sections, not {type(obj).__name__}")
        return cls(**obj)

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """Read the contract from a file such as ``fitmodel.toml``.

        Raises
        ------
        SpecError
            If the file does not exist, is not TOML, or holds a contract that is not valid.
        """
        sections = _read_toml(Path(path))
        try:
            return cls(**sections)
        except SpecError as error:
            raise SpecError(f"{path}: {error}") from None

    @classmethod
    def from_manifest(cls, sections: Mapping[str, Any]) -> Self:
        """Return the contract of a bundle, also if it acknowledges questions that do not exist."""
        if not sections.get("rows"):
            return cls(**sections)
        return cls(**{**sections, "rows": with_known_questions(sections["rows"])})

    def to_toml(self) -> str:
        """Return the contract as TOML text; `from_toml` reads it back as an equal contract."""
        return as_toml(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return the contract as a dict for JSON; ``DealSpec(**result)`` is an equal contract."""
        return self.model_dump(mode="json")

    def replace(self, **sections: Any) -> Self:
        """Return a new, validated contract with some keys changed.

        ``spec.replace(label={"horizon_months": 3})`` changes one key of a section and keeps the
        others; an instance of a section's class replaces the whole section.
        """
        changed = {
            name: {**getattr(self, name).model_dump(), **keys}
            if isinstance(keys, dict) and name in _KEYS
            else keys
            for name, keys in sections.items()
        }
        current = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**current | changed)

    @property
    def has_dates(self) -> bool:
        """Whether the outcome is given by dates rather than by a tenure and a flag."""
        return self.deals.closed_on is not None

    @property
    def role_columns(self) -> tuple[str, ...]:
        """Columns that play a role and are not attributes; `amount` is both."""
        roles = self.deals.columns()
        return tuple(column for role, column in roles.items() if role != "amount")

    @property
    def outcome_columns(self) -> tuple[str, ...]:
        """Columns about what happened after closing; a prospect does not have them."""
        return tuple(_outcome_roles(self.deals))

    def attribute_names(self, columns: Iterable[str]) -> tuple[str, ...]:
        """Return the names of the attributes of a table with these columns.

        These are the names in `include`, as given there. Without `include`, every column is an
        attribute unless it plays a role, is excluded, or `[rows] keep` leaves it one value only.
        They are in the order of the table.
        """
        if self.attributes.include is not None:
            return self.attributes.include
        excluded = {*self.role_columns, *self.attributes.exclude, *self.rows.single_valued}
        excluded |= set(filter(None, [self.rows.customer, self.rows.trial_end]))
        return tuple(column for column in columns if column not in excluded)


def _rows_without_roles(rows: Rows, roles: DealRoles) -> Iterable[str]:
    """Yield a problem for each key of [rows] that needs a role which the contract does not give."""
    if rows.customer is not None and roles.closed_on is None:
        yield "[rows] customer needs closed_on in [deals]: without dates rows have no order in time"
    if rows.trial_end is not None and roles.churned_on is None:
        yield "[rows] trial_end needs churned_on in [deals]: the day on which a customer left"
    if rows.left_without_date is not None and None in {roles.closed_on, roles.churned}:
        yield (
            "[rows] left_without_date needs closed_on and churned in [deals]: churned says who left"
        )


def _outcome_roles(roles: DealRoles) -> dict[str, str]:
    """Map each outcome column to its role."""
    names = ("churned_on", "observed_until", "exited_on", "tenure_months", "churned")
    columns = {name: getattr(roles, name) for name in names}
    return {column: name for name, column in columns.items() if isinstance(column, str)}


def _check_attribute_roles(attributes: Attributes, roles: DealRoles) -> Iterable[str]:
    """Yield a problem for each outcome, id or closing date that is named as an attribute.

    A rep or team may be named in `include`: it is an attribute only if the contract says so.
    """
    forbidden = _outcome_roles(roles)
    forbidden |= {getattr(roles, name): name for name in ("id", "closed_on")}
    included = set(attributes.include or ())
    sellers = {getattr(roles, name): name for name in ("rep", "team")}
    forbidden |= {column: name for column, name in sellers.items() if column not in included}
    for key, names in attributes.model_dump(
        exclude={"exclude", *NO_NAMES}, exclude_none=True
    ).items():
        listed = dict.fromkeys([*names, *(names.values() if isinstance(names, dict) else ())])
        for name in listed:
            if name in forbidden:
                yield (
                    f"[attributes] {key} names '{name}', which is the role {forbidden[name]} "
                    "and no attribute: take it out"
                )


def _read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file; every failure is a `SpecError`."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise SpecError(
            f"there is no file {path}; `fitmodel init DEALS` writes one to start from"
        ) from None
    except UnicodeDecodeError as error:
        raise SpecError(
            f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{path} is not valid TOML: {error}") from None
    except (OSError, RecursionError) as error:
        raise SpecError(f"{path} cannot be read: {error}") from None
