"""Sections of the contract about other places: `[history.*]`, `[events.*]` and `[tracking]`.

Further tables about the deals, and where MLflow stores runs and models.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeVar
from urllib.parse import urlsplit
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

from fitmodel.deals._sections import Column, Columns, Count, Section
from fitmodel.deals.plain_words import sentences, shortened
from fitmodel.exceptions import SpecError
from fitmodel.tables.vocabulary import slug

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fitmodel.deals._sections import DealRoles

MAX_WINDOW_DAYS = 3660
_FOLDER_NAME = re.compile(r"[^/\\:\x00-\x1f]+")
_NAME = re.compile(r"[^\W\d]\w*")


def _check_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"[history] time_zone is a name such as 'Europe/Berlin' or 'UTC', not {value!r}"
        ) from error
    return value


def _check_ascending(value: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(set(value)))


def _read_whole_day(value: Any) -> Any:
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    try:
        return date.fromisoformat(str(value).strip()[:10])
    except ValueError:
        message = f"[events] recorded_from must be a date such as 2023-01-31, not {value!r}"
        raise ValueError(message) from None


Zone = Annotated[Column, AfterValidator(_check_zone)]
DateOrder = Literal["day first", "month first"]
Window = Annotated[Count, Field(gt=0, le=MAX_WINDOW_DAYS)]
Windows = Annotated[tuple[Window, ...], Field(min_length=1), AfterValidator(_check_ascending)]


def holds_password(uri: str) -> bool:
    """Return whether a URI holds a password or, for a server, a user name (often a token)."""
    try:
        parts = urlsplit(uri)
    except ValueError:  # not a URI; MLflow reports that later
        return "@" in uri
    user = parts.username if parts.scheme in {"http", "https"} else None
    return bool(user or parts.password or "password=" in parts.query.lower())


class LongTable(Section):
    """Keys that all further tables have: where the table is, the deal's id, and the time zone.

    `table` is a CSV, Parquet or Excel file, a folder of Parquet files, or the URL of a database
    followed by a slash and the table; with a `query`, the URL has no table. `id` is the column with
    the deal's id. Times with a zone are converted to `time_zone`; times without a zone are read as
    being in it. A date without a time is the start of that day. `dates` is the order of day and
    month in dates such as 03.04.2026.
    """

    section: ClassVar[str] = "history"

    table: Column
    query: Column | None = None
    id: Column
    time_zone: Zone = "UTC"
    dates: DateOrder | None = None

    @field_validator("table", mode="after")
    @classmethod
    def _refuse_password(cls, value: str) -> str:
        if "://" in value and holds_password(value):
            raise ValueError(
                f"[{cls.section}] table holds a password, and the contract is stored in every "
                "bundle: remove it. PostgreSQL reads it from PGPASSWORD or from ~/.pgpass"
            )
        return value

    @property
    def time_key(self) -> str:
        """The key that names the column of times."""
        raise NotImplementedError


class HistoryTable(LongTable):
    """One table of changes, versions or daily snapshots.

    A table of changes has one row per change: `field`, `value` and `changed_at`. With `old_value`
    the value before the first change is known too, and a field without any change always had its
    present value. Versions (SCD2) have one column per field and `valid_from`, and `valid_to` if a
    version can end without a next one. Snapshots have one column per field and the `day` of the
    snapshot. `fields` lists the fields to use; by default training chooses those that are columns
    of the deals or that enough deals have. `names` maps a field to its column of the deals. `stage`
    is the field with the deal's stage, `stages` the stages in their order.
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
    def _check_shape(self) -> Self:
        times = [name for name in ("changed_at", "valid_from", "day") if getattr(self, name)]
        if len(times) != 1:
            given = f"given are {' and '.join(times)}" if times else "none is given"
            raise ValueError(
                "[history] needs one column of times: changed_at (a row per change), valid_from "
                f"(a row per version) or day (a row per snapshot); {given}"
            )
        if (self.field is None) != (self.value is None):
            raise ValueError("[history] field and value need each other: each change has both")
        if self.field is None and self.changed_at is not None:
            raise ValueError(
                "[history] changed_at needs field and value; for a table with one column per field "
                "give valid_from or day"
            )
        if self.field is not None and self.day is not None:
            raise ValueError(
                "[history] day is for snapshots with one column per field: remove field and value"
            )
        return self

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        required = {
            "old_value": ("changed_at", "field"),
            "valid_to": ("valid_from",),
            "stages": ("stage",),
        }
        for key, required_keys in required.items():
            missing = [name for name in required_keys if not getattr(self, name)]
            if getattr(self, key) and missing:
                raise ValueError(f"[history] {key} needs {' and '.join(missing)}")
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

    `kind` gives attributes per kind of event, `who` the number of different people, `amount` sums.
    `windows_days` are numbers of days before signing; the events in each window are counted.
    Rows of a deal with the same `event_id` are one event; without it, `copies` says whether equal
    rows are one ("drop") or several ("keep").
    Training fills in `kinds`, the kinds that get attributes, and `recorded_from`, the day from
    which events were recorded. Kinds are written as in attribute names: "E-Mail" is e_mail.
    """

    section: ClassVar[str] = "events"

    at: Column
    kind: Column | None = None
    who: Column | None = None
    amount: Column | None = None
    event_id: Column | None = None
    copies: Literal["keep", "drop"] | None = None
    windows_days: Windows = (14, 90)
    kinds: Columns | None = None
    recorded_from: Annotated[date | None, BeforeValidator(_read_whole_day)] = None

    @property
    def time_key(self) -> str:
        """The key that names the column of times."""
        return "at"

    @field_validator("kinds", mode="after")
    @classmethod
    def _kinds_of_a_column(cls, value: Any, info: ValidationInfo) -> Any:
        if value and info.data.get("kind") is None:
            raise ValueError("[events] kinds needs kind, the column that holds them")
        return None if value is None else tuple(dict.fromkeys(map(slug, value)))


Kind = TypeVar("Kind", HistoryTable, EventTable)


def read_tables(value: Any, kind: type[Kind]) -> dict[str, Kind]:
    """Return the sections of `[history.*]` or `[events.*]` by their names.

    Raises ValueError if a section is not valid: lists every problem of every table, with the name
    of the section.
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
    """Return the section of one table by its name; if it is not valid, add to `problems`."""
    try:
        return {name: kind(**keys)}
    except SpecError as error:
        lines = [line.removeprefix("  - ") for line in str(error).split("\n")[1:]]
    except ValidationError as error:  # raised by the validators of a whole section
        known = {kind.section: tuple(kind.model_fields)}
        lines = sentences(error.errors(include_url=False), known, within=kind.section)
    problems += [line.replace(f"[{kind.section}]", f"[{kind.section}.{name}]", 1) for line in lines]
    return {}


def tables_without_roles(roles: DealRoles, tables: Mapping[str, LongTable]) -> Iterator[str]:
    """Yield a problem for each role in `[deals]` that the tables need and that is missing."""
    if not tables:
        return
    named = ", ".join(f"[{table.section}.{name}]" for name, table in tables.items())
    if roles.id is None:
        yield f"{named}: [deals] id is missing; it is needed to match rows with deals"
    if roles.closed_on is None:
        yield f"{named}: [deals] closed_on is missing; only what was known by then may be used"


class Tracking(Section):
    """Where MLflow stores runs and models, and when a new model replaces the one in use.

    `promote` "if better" asks for a gain beyond chance, and for no group of deals that is predicted
    worse, and for skill; "unless worse" asks for no loss beyond chance.

    Without `uri` it is the environment variable MLFLOW_TRACKING_URI or, if that is not set,
    sqlite:///mlflow.db. `uri` must not hold a password, since the contract is stored in every
    bundle and shown in every run.
    """

    section: ClassVar[str] = "tracking"

    uri: Column | None = None
    experiment: Column = "prospect-fit"
    registered_model: Column = "prospect-fit"
    promote: Literal["if better", "unless worse"] = "if better"

    @field_validator("uri", mode="after")
    @classmethod
    def _names_no_password(cls, value: str | None) -> str | None:
        if value is not None and holds_password(value):
            raise ValueError(
                "[tracking] uri holds a password, and the contract is shown in every run and "
                "stored in every bundle: remove uri and set MLFLOW_TRACKING_URI, or for a server "
                "remove user and password from it and set MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD"
            )
        return value

    @field_validator("registered_model", mode="after")
    @classmethod
    def _check_folder_name(cls, value: str) -> str:
        if not _FOLDER_NAME.fullmatch(value) or value.strip(". ") != value:
            raise ValueError(
                f"[tracking] registered_model {shortened(value)} also names the bundle's folder: "
                "no slashes, colons or control characters, no dot or space at either end"
            )
        return value
