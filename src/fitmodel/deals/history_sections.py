"""The sections `[history.*]` and `[events.*]` of the contract: long tables beside the deals."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from fitmodel.deals.plain_words import sentences
from fitmodel.deals.sections import Column, Columns, Count, Section
from fitmodel.deals.settings_sections import holds_password
from fitmodel.exceptions import SpecError
from fitmodel.tables.vocabulary import slug

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fitmodel.deals.sections import DealRoles

MAX_WINDOW_DAYS = 3660
_NAME = re.compile(r"[^\W\d]\w*")


def _known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"[history] time_zone is a name such as 'Europe/Berlin' or 'UTC', not {value!r}"
        ) from error
    return value


def _ascending(value: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(set(value)))


def _whole_day(value: Any) -> Any:
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    try:
        return date.fromisoformat(str(value).strip()[:10])
    except ValueError:
        message = f"[events] recorded_from must be a date such as 2023-01-31, not {value!r}"
        raise ValueError(message) from None


Zone = Annotated[Column, AfterValidator(_known_zone)]
DateOrder = Literal["day first", "month first"]
Window = Annotated[Count, Field(gt=0, le=MAX_WINDOW_DAYS)]
Windows = Annotated[tuple[Window, ...], Field(min_length=1), AfterValidator(_ascending)]


class LongTable(Section):
    """What every table beside the deals says: where it is, whose row it is, and in which zone.

    `table` is a CSV, Parquet or Excel file, a folder of Parquet files, or a database's URL with
    the table after a slash; with a `query` the URL names no table. `id` is the column of the deal's
    id. Times with a zone are converted to `time_zone`, times without one are taken to be in it; a
    date alone is the beginning of its day. `dates` says how dates such as 03.04.2026 are written.
    """

    section: ClassVar[str] = "history"

    table: Column
    query: Column | None = None
    id: Column
    time_zone: Zone = "UTC"
    dates: DateOrder | None = None

    @field_validator("table", mode="after")
    @classmethod
    def _names_no_password(cls, value: str) -> str:
        if "://" in value and holds_password(value):
            raise ValueError(
                f"[{cls.section}] table holds a password, and the contract is kept in every "
                "bundle: take it out. PostgreSQL takes it from PGPASSWORD or from ~/.pgpass"
            )
        return value

    @property
    def time_key(self) -> str:
        """The key that names the column of times."""
        raise NotImplementedError


class HistoryTable(LongTable):
    """One table of changes, versions or daily snapshots.

    Changes are one row each: `field`, `value` and `changed_at`; with `old_value` it is known what
    stood before the first change, and so that a field without a change is as it always was.
    Versions (SCD2) hold one column per field and `valid_from`, with `valid_to` where a version can
    end without another; snapshots hold one column per field and the `day` they were taken.
    `fields` says which are used; left out, training fills in those that are columns of the deals or
    that enough deals have. `names` says under which column of the deals a field stands. `stage` is
    the field that holds the stage, `stages` the stages in their order.
    """

    section: ClassVar[str] = "history"

    field: Column | None = None
    value: Column | None = None
    old_value: Column | None = None
    changed_at: Column | None = None
    valid_from: Column | None = None
    valid_to: Column | None = None
    day: Column | None = None
    fields: Columns | None = None
    names: dict[Column, Column] = Field(default_factory=dict)
    stage: Column | None = None
    stages: Columns = ()

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        times = [name for name in ("changed_at", "valid_from", "day") if getattr(self, name)]
        if len(times) != 1:
            given = f"not {' and '.join(times)}" if times else "and none is given"
            raise ValueError(
                "[history] needs one column of times: changed_at (a row per change), valid_from "
                f"(a row per version) or day (a row per snapshot), {given}"
            )
        if (self.field is None) != (self.value is None):
            raise ValueError("[history] field and value belong together: a row per change has both")
        if self.field is None and self.changed_at is not None:
            raise ValueError(
                "[history] changed_at needs field and value; a table of whole rows has valid_from "
                "or day"
            )
        if self.field is not None and self.day is not None:
            raise ValueError(
                "[history] day is for snapshots of whole rows: take out field and value"
            )
        return self

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        needs = {
            "old_value": ("changed_at", "field"),
            "valid_to": ("valid_from",),
            "stages": ("stage",),
        }
        for key, others in needs.items():
            lacking = [name for name in others if not getattr(self, name)]
            if getattr(self, key) and lacking:
                raise ValueError(f"[history] {key} needs {' and '.join(lacking)}")
        return self

    @property
    def time_key(self) -> str:
        """The key that names the column of times."""
        return next(key for key in ("changed_at", "valid_from", "day") if getattr(self, key))

    @property
    def time(self) -> str:
        """The column of times."""
        return str(getattr(self, self.time_key))

    @property
    def is_long(self) -> bool:
        """Whether a row is one change of one field."""
        return self.field is not None


class EventTable(LongTable):
    """One table of events: meetings, calls, e-mails, tickets of a trial, product use.

    `kind` gives attributes per kind, `who` the number of different people, `amount` sums;
    `windows_days` are the days before signing that are counted. `kinds` and `recorded_from` are
    filled in by training: the kinds that get attributes, and the day from which events were kept.
    Kinds are kept as they stand in names of attributes: "E-Mail" is e_mail.
    """

    section: ClassVar[str] = "events"

    at: Column
    kind: Column | None = None
    who: Column | None = None
    amount: Column | None = None
    windows_days: Windows = (14, 90)
    kinds: Columns | None = None
    recorded_from: Annotated[date | None, BeforeValidator(_whole_day)] = None

    @property
    def time_key(self) -> str:
        """The key that names the column of times."""
        return "at"

    @field_validator("kinds", mode="after")
    @classmethod
    def _kinds_of_a_column(cls, value: Any, info: ValidationInfo) -> Any:
        if value and info.data.get("kind") is None:
            raise ValueError("[events] kinds needs kind, the column that they stand in")
        return None if value is None else tuple(dict.fromkeys(map(slug, value)))


Kind = TypeVar("Kind", HistoryTable, EventTable)


def read_tables(value: Any, kind: type[Kind]) -> dict[str, Kind]:
    """Read `[history.*]` or `[events.*]`: a mapping of names to sections.

    Raises
    ------
    ValueError
        With every problem of every table, named as the contract names it.
    """
    if not isinstance(value, dict):
        raise ValueError(  # noqa: TRY004 - pydantic collects ValueError only
            f"[{kind.section}] holds tables: write [{kind.section}.NAME] above the keys of each"
        )
    tables: dict[str, Kind] = {}
    problems: list[str] = []
    for name, keys in value.items():
        if not _NAME.fullmatch(str(name)):
            problems.append(f"[{kind.section}.{name}] is not a name: use letters, digits and _")
        elif isinstance(keys, kind):
            tables[name] = keys
        elif not isinstance(keys, dict):
            problems.append(f"[{kind.section}] has {name!r}: write [{kind.section}.NAME] above it")
        else:
            tables |= _read_one(str(name), keys, kind, problems)
    if problems:
        raise ValueError("\n".join(problems))
    return tables


def _read_one(
    name: str, keys: dict[str, Any], kind: type[Kind], problems: list[str]
) -> dict[str, Kind]:
    """One table by its name; nothing where it has problems, which are added."""
    try:
        return {name: kind(**keys)}
    except SpecError as error:
        lines = [line.removeprefix("  - ") for line in str(error).split("\n")[1:]]
    except ValidationError as error:  # of the checks of a whole section
        known = {kind.section: tuple(kind.model_fields)}
        lines = sentences(error.errors(include_url=False), known, within=kind.section)
    problems += [line.replace(f"[{kind.section}]", f"[{kind.section}.{name}]", 1) for line in lines]
    return {}


def tables_without_roles(roles: DealRoles, tables: Mapping[str, LongTable]) -> Iterator[str]:
    """Yield a problem for what the tables need of `[deals]` and it does not have."""
    if not tables:
        return
    named = ", ".join(f"[{table.section}.{name}]" for name, table in tables.items())
    if roles.id is None:
        yield f"{named}: [deals] id is missing, without which no row finds its deal"
    if roles.closed_on is None:
        yield f"{named}: [deals] closed_on is missing, without which nothing has a date to end at"
