"""Find tables of changes and activities in the files next to a table of deals.

files in the same folder, or given -> columns by name -> the column with the deals' ids
      -> read with the contract -> number of matching deals -> [history.*], [events.*]
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from fitmodel.crm.attributes import read_crm_tables
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.plain_words import toml_value
from fitmodel.exceptions import DealsError, SpecError
from fitmodel.guessing._draft import history_hint, one_line
from fitmodel.guessing._names import as_words
from fitmodel.tables.cells import level_text
from fitmodel.tables.files import read_file
from fitmodel.tables.values import distinct
from fitmodel.tables.vocabulary import slug

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fitmodel.guessing.guess import Guess
    from fitmodel.tables.files import FileTable

SUFFIXES = {".csv", ".tsv", ".parquet", ".xlsx"}
MAX_BYTES = 100 * 2**20
"""Larger files are read only if the user names them."""
MIN_SHARE = 0.05
"""A table is used only if it has rows of at least this share of the deals."""
SHOWN = 6
_DATE = r"(on|at|date|day|time|timestamp|date time)"
_NAMES: dict[str, tuple[str, ...]] = {  # the most certain pattern first
    "field": (r"^(field|property|attribute)( name)?$", r"^(feld|feldname|字段|字段名)$"),
    "value": (r"^(new value|neuer wert|新值)$", r"^(value|new|wert|值)$"),
    "old_value": (r"^(old|previous|prior) value$|^(alter wert|旧值)$", r"^old$"),
    "changed_at": (
        rf"^(changed?|edit|edited|modified|updated) {_DATE}$|^(geändert am|变更时间)$",
        rf"^(created {_DATE}|timestamp|date|datum|日期|时间)$",
    ),
    "valid_from": (r"^(dbt |dlt )?valid from$|^fivetran start$|^effective from$|^gültig ab$",),
    "valid_to": (r"^(dbt |dlt )?valid to$|^fivetran end$|^effective to$|^gültig bis$",),
    "day": (rf"^snapshot {_DATE}$",),
    "at": (
        rf"^(activity|event|occurred|happened|logged|meeting|call|sent|started?) ?{_DATE}$",
        rf"^(created {_DATE}|hs timestamp|timestamp|date|datum|日期|时间)$",
    ),
    "kind": (
        r"^(activity|event|task|engagement|interaction) ?(sub ?)?(type|kind)$",
        r"^(type|kind|channel|art|类型)$",
    ),
    "who": (r"^(who|contact|person|attendee|participant) ?(id|email)?$|^(kontakt|联系人)$",),
    "amount": (r"^(minutes|duration( minutes| seconds)?|dauer|时长)$",),
}
_SHAPES = (
    ("history", ("field", "value", "changed_at"), ("old_value",)),
    ("history", ("valid_from",), ("valid_to",)),
    ("history", ("day",), ()),
    ("events", ("at", "kind"), ("who", "amount")),
)
_ID = re.compile(r"\b(opportunity|deal|what|contract|vertrags?) ?(id|nr|nummer|key)$")
_EVENT_ID = re.compile(
    r"^((activity|event|task|engagement|meeting|call) ?)?(id|key)$|^hs object id$"
)
MIN_DISTINCT_IDS = 0.5  # share of rows; an export that repeats every row still has half of them
_STAGE = re.compile(r"^(deal |opportunity )?stage( name)?$")


@dataclass(frozen=True)
class Companion:
    """A history or event table that was found for the deals.

    Attributes
    ----------
    section : str
        Kind of its section in the contract: ``history`` or ``events``.
    name : str
        Name of its section in the contract.
    keys : mapping of str to str
        Keys of its section, including `table` and `id`.
    content : str
        A sentence on what is in it.
    problem : str
        Why it is not used; empty if it is used.
    """

    section: str
    name: str
    keys: dict[str, str]
    content: str
    problem: str = ""

    def __str__(self) -> str:
        """Return a sentence that describes the table."""
        proposal = f"{self.keys['table']} as [{self.section}.{self.name}]: {self.content}"
        return f"{proposal}; NOT used: {self.problem}" if self.problem else proposal

    def to_toml(self) -> str:
        """Return its section of the contract; as comments if it is not used."""
        lines = [f"[{self.section}.{self.name}]"]
        lines += [f"{key} = {toml_value(value)}" for key, value in self.keys.items()]
        if self.problem:
            lines = [f"# {line}" for line in lines]
        return "\n".join([f"# {one_line(str(self))}", *lines]) + "\n"


def with_companions(
    guess: Guess, deals: FileTable, path: Path, named: Sequence[Path] = ()
) -> tuple[Guess, tuple[str, ...]]:
    """Add the tables of changes and activities to a guessed contract.

    Parameters
    ----------
    guess : Guess
        The guessed contract.
    deals : FileTable
        The table from which it was guessed.
    path : Path
        Path of the deals: files in the same folder are searched.
    named : sequence of Path
        Tables, or folders of Parquet files, that are read whatever their size.

    Returns
    -------
    guess : Guess
        The contract with a section for each recognised table. A table with too few of the deals, or
        that cannot be read, is added as a comment with the reason.
    proposed : tuple of str
        A sentence on each table.

    Raises
    ------
    DealsError
        If a table in `named` cannot be read or is not recognised.
    """
    spec = DealSpec(**tomllib.loads(guess.toml))
    notes: list[str] = []
    companions: list[Companion] = []
    for each in (*named, *_beside(path, named, notes)):
        companion = _recognise(each, deals.table, spec, companions, is_named=each in named)
        companions += [] if companion is None else [companion]
    proposed = (*map(str, companions), *notes)
    if not companions:
        return guess, proposed
    sections = "\n".join(each.to_toml() for each in companions)
    hint = history_hint(spec.deals.id)
    kept = "" if any(not each.problem for each in companions) else f"\n{hint}"
    return replace(guess, toml=guess.toml.replace(hint, sections + kept)), proposed


def _beside(path: Path, named: Sequence[Path], notes: list[str]) -> Iterator[Path]:
    """Yield tables and folders of Parquet files in the folder of the deals."""
    for each in sorted(path.parent.iterdir()):
        if each.name.startswith(".") or each == path or each in named:
            continue
        if each.is_dir():
            if any(each.glob("*.parquet")):
                yield each
        elif not each.is_file():  # a link to a file that is gone
            continue
        elif each.suffix.lower() in SUFFIXES:
            if each.stat().st_size <= MAX_BYTES:
                yield each
            else:
                notes.append(f"{each} is large and was not read: name it with --table")
        elif each.suffix.lower() == ".json" and _is_hubspot(each):
            notes.append(
                f"{each} holds HubSpot's propertiesWithHistory: convert it into a table with "
                "docs/examples/history/hubspot_flatten.py"
            )


def _is_hubspot(path: Path) -> bool:
    with path.open("rb") as file:
        return b"propertiesWithHistory" in file.read(1 << 20)


def _recognise(
    path: Path, deals: pd.DataFrame, spec: DealSpec, earlier: Sequence[Companion], *, is_named: bool
) -> Companion | None:
    """Return a file as a section of the contract; None if it is not such a table."""
    try:
        table = _read(path)
    except DealsError:
        if is_named:
            raise
        return None
    known = _keys_of(table)
    if known is None:
        if is_named:
            columns = ", ".join(map(str, table.columns[:12]))
            raise DealsError(
                f"{path} is not recognised as a table of changes or activities by its columns: "
                f"{columns}. Remedy: name the columns in the contract, see "
                "docs/guides/crm-history.md"
            )
        return None
    section, keys = known
    used = {each.name for each in earlier}
    name = _name_of(section, path, used, is_long="field" in keys)
    if spec.deals.id is None or spec.deals.closed_on is None:
        lacking = "id" if spec.deals.id is None else "closed_on"
        problem = f"[deals] {lacking} was not found; it is needed to match rows with deals"
        return Companion(section, name, {"table": path.as_posix()} | keys, "", problem)
    id_column = _id_column(table, deals[spec.deals.id], set(keys.values()))
    if id_column is None:
        return None
    event_id = _event_id_of(table, section, {id_column, *keys.values()})
    keys = {"table": path.as_posix(), "id": id_column} | keys | event_id
    companion = Companion(section, name, keys | _stage_of(table, keys), _seen(table, keys))
    return _with_match_count(companion, deals, spec)


def _event_id_of(table: pd.DataFrame, section: str, used: set[str]) -> dict[str, str]:
    """Return the key and the column with the id of each event; an export may repeat some."""
    if section != "events":
        return {}
    for name in map(str, table.columns):
        if name in used or not _EVENT_ID.search(as_words(name)):
            continue
        if table[name].notna().all() and table[name].nunique() >= MIN_DISTINCT_IDS * len(table):
            return {"event_id": name}
    return {}


def _read(path: Path) -> pd.DataFrame:
    if not path.is_dir():
        return read_file(path).table
    return pd.concat(
        [read_file(each).table for each in sorted(path.glob("*.parquet"))], ignore_index=True
    )


def _keys_of(table: pd.DataFrame) -> tuple[str, dict[str, str]] | None:
    """Return section and keys of the first shape whose columns the table has, or None."""
    names = [str(name) for name in table.columns]
    for section, needed, others in _SHAPES:
        keys: dict[str, str] = {}
        for key in (*needed, *others):
            free = [name for name in names if name not in keys.values()]
            column = _column_of(key, free)
            if column is not None and (key != "amount" or is_numeric_dtype(table[column].dtype)):
                keys[key] = column
        if all(key in keys for key in needed):
            return section, keys
    return None


def _column_of(key: str, names: Iterable[str]) -> str | None:
    words = {name: as_words(name) for name in names}
    matching = (name for each in _NAMES[key] for name in words if re.search(each, words[name]))
    return next(matching, None)


def _name_of(section: str, path: Path, used: set[str], *, is_long: bool) -> str:
    usual = "fields" if is_long else "activities" if section == "events" else slug(path.stem)
    name = usual if usual not in used else slug(path.stem)
    name = name if name[:1].isalpha() else f"table_{name}"
    while name in used:
        name += "_2"
    return name


def _id_column(table: pd.DataFrame, ids: pd.Series[Any], used: set[str]) -> str | None:
    """Return the column with most of the deals' ids; if none has any, one with a suitable name."""
    wanted = _texts(ids)
    free = [str(name) for name in table.columns if name not in used]
    shares = {name: len(_texts(table[name]) & wanted) for name in free}
    best = max(free, key=lambda name: shares[name], default=None)
    if best is not None and shares[best]:
        return best
    return next((name for name in free if _ID.search(as_words(name))), None)


def _texts(values: pd.Series[Any]) -> set[str]:
    return {level_text(value) for value in distinct(values)[1]}


def _stage_of(table: pd.DataFrame, keys: dict[str, str]) -> dict[str, str]:
    """Return the key `stage` with the field that holds stages; empty if there is none."""
    fields = _texts(table[keys["field"]]) if "field" in keys else set(map(str, table.columns))
    stages = sorted(name for name in fields if _STAGE.search(as_words(name)))
    is_history = "at" not in keys
    return {"stage": stages[0]} if is_history and stages else {}


def _seen(table: pd.DataFrame, keys: dict[str, str]) -> str:
    """Return a text on what a table holds: rows, and fields or kinds."""
    text = f"{len(table):,} rows"
    naming = keys.get("field") or keys.get("kind")
    if naming is None:
        return f"{text} of {len(table.columns):,} columns"
    names = sorted(_texts(table[naming]))
    shown = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
    return f"{text} of {len(names):,} {'fields' if 'field' in keys else 'kinds'} ({shown})"


def _with_match_count(companion: Companion, deals: pd.DataFrame, spec: DealSpec) -> Companion:
    """Read a table with the contract, and add how many deals it has, or what is wrong."""
    ids = deals[str(spec.deals.id)]
    try:
        with_it = spec.replace(**{companion.section: {companion.name: companion.keys}})
        (log,) = read_crm_tables(with_it).all_tables
    except (DealsError, SpecError) as error:
        return replace(companion, problem=one_line(str(error)))
    matched = int((log.deals(ids) >= 0).sum())
    content = f"{companion.content}; {matched:,} of {len(ids):,} deals are in it"
    problem = ""
    if matched < max(MIN_SHARE * len(ids), 1):
        of_deals, of_table = level_text(ids.iloc[0]), (str(log.ids[0]) if len(log.ids) else "none")
        problem = (
            f"the deals have ids such as {of_deals!r}, but {companion.keys['id']!r} has ids such "
            f"as {of_table!r}"
        )
    return replace(companion, content=content, problem=problem)
