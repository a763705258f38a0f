"""Two hundred kinds of invalid or unusual tables. Mirrors no room of the source.

Each is a file. As past deals it is read with all its rows in order, or gives one error that says
what is wrong. As prospects every row is written, with finite numbers or with its own error.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fitmodel.deals.reading import read_deals, read_deals_with_findings
from fitmodel.exceptions import DealsError, FitModelError, ProspectError
from fitmodel.scoring.batch import score_file
from fitmodel.scoring.sources import score_source

ROWS = 60
FINE = ""
Make = Callable[[pd.DataFrame, Path], Path]


@dataclass(frozen=True)
class Kind:
    """A kind of table: how to make it, and the text of the error or note (FINE: no error)."""

    name: str
    make: Make
    says: str = FINE
    notes: str = FINE


def text(mark: str = ",", encoding: str = "utf-8", end: str = "\n", **options: Any) -> Make:
    def make(table: pd.DataFrame, folder: Path) -> Path:
        path = folder / "x.csv"
        content = table.to_csv(index=False, sep=mark, lineterminator=end, **options)
        path.write_bytes(content.encode(encoding, errors="replace"))
        return path

    return make


def cells(name: str, value: Any, *rows: int, mark: str = ",") -> Make:
    """Change some cells of a column, or all without rows, by a function of the old value."""

    def make(table: pd.DataFrame, folder: Path) -> Path:
        column = table[name].astype(object).tolist() if name in table else [None] * len(table)
        positions = rows or range(len(table))
        for position in positions:
            column[position] = value(column[position]) if callable(value) else value
        return text(mark)(table.assign(**{name: pd.Series(column, dtype=object)}), folder)

    return make


def content(change: Callable[[bytes], bytes], name: str = "x.csv") -> Make:
    def make(table: pd.DataFrame, folder: Path) -> Path:
        path = folder / name
        path.write_bytes(change(table.to_csv(index=False).encode()))
        return path

    return make


def arrow(name: str, values: Callable[[pd.Series], pa.Array]) -> Make:
    def make(table: pd.DataFrame, folder: Path) -> Path:
        whole = pa.Table.from_pandas(table, preserve_index=False)
        array = values(table[name] if name in table else table["seats"])
        position = whole.schema.get_field_index(name)
        whole = (
            whole.append_column(name, array)
            if position < 0
            else whole.set_column(position, name, array)
        )
        pq.write_table(whole, folder / "x.parquet")
        return folder / "x.parquet"

    return make


def changed(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Make:
    return lambda table, folder: text()(change(table), folder)


def parquet_bytes(change: Callable[[bytes], bytes], name: str = "x.parquet") -> Make:
    def make(table: pd.DataFrame, folder: Path) -> Path:
        path = folder / name
        table.to_parquet(path)
        path.write_bytes(change(path.read_bytes()))
        return path

    return make


def linked(table: pd.DataFrame, folder: Path) -> Path:
    path = text()(table, folder)
    (folder / "link.csv").symlink_to(path)
    return folder / "link.csv"


def day(form: str) -> Callable[[Any], Any]:
    return lambda value: None if pd.isna(value) else pd.Timestamp(value).strftime(form)


def both_dates(form: str) -> Make:
    def make(table: pd.DataFrame, folder: Path) -> Path:
        return text()(
            table.assign(
                closed_on=table["closed_on"].map(day(form)),
                churned_on=table["churned_on"].map(day(form)),
            ),
            folder,
        )

    return make


def serial(value: Any) -> Any:
    return None if pd.isna(value) else (pd.Timestamp(value) - pd.Timestamp("1899-12-30")).days


def money(form: str) -> Callable[[Any], str]:
    """An amount as a spreadsheet shows it, in the form given for 1234.5."""
    return lambda value: (
        form.replace("1", f"{value:,.2f}")
        if "," not in form
        else form[2:].replace("1", f"{value:,.2f}".translate(str.maketrans(",.", ".,")))
    )


LATIN = {"industry": "café"}
KINDS = [
    *(
        Kind(f"{code} {mark!r} {end!r}", text(mark, code, end))
        for code in ("utf-8", "utf-8-sig")
        for mark in ",;\t|"
        for end in ("\n", "\r\n", "\r")
    ),
    *(
        # the column is of one value: the note shows what was read
        Kind(
            f"{code} with é, {mark!r}",
            changed_encoding,
            notes=f"industry: every value is 'café {han}'",
        )
        for code in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "gbk")
        for mark in ",;"
        for han in ["[?]" if code in {"latin-1", "cp1252"} else "中"]
        for changed_encoding in [
            lambda t, f, code=code, mark=mark: text(mark, code)(t.assign(industry="caf\xe9 中"), f)
        ]
        if code not in {"latin-1", "cp1252"} or mark == ","
    ),
    Kind("every value in quotes", text(quoting=1)),
    Kind("blank lines first", content(lambda b: b"\n\n" + b)),
    Kind("blank lines last", content(lambda b: b + b"\n\n\n")),
    Kind("no end of the last line", content(lambda b: b.rstrip(b"\n"))),
    Kind("ctrl-z at the end", content(lambda b: b + b"\x1a\n"), "fields"),
    # amounts
    *(
        Kind(f"amounts as {form}", cells("annual_value", money(form)))
        for form in ("1", "$1", "€ 1", "USD 1", "1 EUR", "£1", "¥1", "US$1", "1 kr")
    ),
    *(
        Kind(f"amounts as {form[2:]} of comma", cells("annual_value", money(form), mark=";"))
        for form in (",:1", ",:1 €", ",:EUR 1", ",:R$ 1", ",:1 zł")
    ),
    *(
        Kind(f"an amount {value!r}", cells("annual_value", value, 3))
        for value in ("1e3", "+5", "-5", "(5)", "5-", "inf", "-inf", "1e308", "1e-320", "-0.0",
                      "0", ".5", "5.", " 7 ", "1'234.5", "1 234.5", "\N{MINUS SIGN}5", "1e999",
                      "999999999999999999999", "NaN", "null", "-", "n/a")
    ),
    *(
        Kind(f"no amount {value!r}", cells("annual_value", value, 3, 5), "annual_value: 2 row")
        for value in ("abc", "0x10", "1_000", "12 %", "1.2.3", "--5", "1/2", "true", "😀",
                      "2024-01-01", '{"a": 1}', "<b>5</b>", "1,2,3,4")
    ),
    Kind("commas and points for decimals by turns", changed(
        lambda t: t.assign(annual_value=["1,234.50", "1.234,50"] * (ROWS // 2))),
        "annual_value: 30 row"),
    # dates
    *(
        Kind(f"dates as {form}", both_dates(form))
        for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%SZ",
                     "%Y-%m-%dT%H:%M:%S+14:00", "%Y-%m-%dT23:59:60", "%d/%m/%Y", "%m/%d/%Y",
                     "%d.%m.%Y", "%d-%m-%Y", "%Y%m%d", "%Y/%m/%d", "%Y.%m.%d", "%d %b %Y",
                     "%d %B %Y", "%b %d, %Y", "%d-%b-%Y", "%Y年%m月%d日", "%d.%m.%y", "%m/%d/%y")
    ),
    Kind("Excel's serial dates", changed(lambda t: t.assign(
        closed_on=t["closed_on"].map(serial), churned_on=t["churned_on"].map(serial)))),
    Kind("Excel's serials with a time of day", changed(lambda t: t.assign(
        closed_on=t["closed_on"].map(serial) + 0.75, churned_on=t["churned_on"].map(serial)))),
    Kind("a 29 February", cells("closed_on", "2024-02-29", 2)),
    Kind("a 31 August, five months before 31 January", cells("closed_on", "2023-08-31", 2)),
    Kind("left in the year 9999", cells("churned_on", "9999-12-31", 3)),
    Kind("closed in the year 1", cells("closed_on", "0001-01-01", 3)),
    *(
        Kind(f"no date {value!r}", cells("closed_on", value, 3), "closed_on: 1 row.*not dates")
        for value in ("2023-02-29", "2024-13-01", "tomorrow", "31/31/2024", "10000-01-01", "now",
                      "2024-W01-1", "2024-01-01junk", "١٢", "1e9", "=TODAY()", "01.02.2024")
    ),
    *(
        Kind(f"no closing date {value!r}", cells("closed_on", value, 3), "closed_on: 1 row.*empty")
        for value in ("", "NA", "null", "-", "NaT", " ", "None", "n/a", "#N/A")
    ),
    Kind("closed after the extract", cells("closed_on", "2031-01-01", 3), "closed_on.*after"),
    Kind("left before closing", cells("churned_on", "1999-01-01", 3), "churned_on.*before"),
    Kind("all dates either way", changed(lambda t: t.assign(
        closed_on="03/04/2024", churned_on="05/06/2024")), "day first and as month first"),
    # spellings of missing values
    *(
        Kind(f"a segment {value!r}", cells("segment", value, 3))
        for value in ("", " ", "NA", "N/A", "n/a", "null", "NULL", "None", "nan", "-", "<NA>",
                      "none", "unknown", "?", "0")
    ),
    # texts
    *(
        Kind(f"a text {name}", cells("segment", value, 3))
        for name, value in {
            "Arabic": "عميل صغير",
            "Chinese": "小型客户", "emoji": "👩‍👩‍👧 🇩🇪", "right to left": "\u202eabc",
            "combining": "e\u0301", "zero width": "s\u200bmb", "no-break": "s\u00a0mb",
            "script": "<script>alert(1)</script>", "SQL": "'; drop table deals; --",
            "formula": "=cmd|' /C calc'!A0", "quotes": 's"m""b', "new lines": "s\nm\r\nb",
            "tab": "s\tmb", "a megabyte": "x" * 1_000_000, "JSON": '{"a": [1, {"b": null}]}',
            "backslashes": "\\n\\\\", "mark of order": "\ufeffsmb",
            "private use": "\ue000\ue001",
            "NUL": "s\x00mb", "controls": "\x01\x07\x1b[31m", "format": "%s%n{value}{0}",
            "line separator": "s\u2028mb", "very astral": "\U0010ffff", "comma": "s,mb",
        }.items()
    ),
    # numbers of an attribute
    *(
        Kind(f"seats {value!r}", cells("seats", value, 3))
        for value in ("", "inf", "1e308", "1e-320", "-7", str(2**53 + 1), str(2**63), "9" * 400,
                      "0.1", "007", "1,234", "-0", "NaN", "NA", "12 seats", "1.2k")
    ),
    *(  # one text among numbers is an error before training, not in it
        Kind(f"seats {value!r}", cells("seats", value, 3), "seats: 1 row.*row 5: ")
        for value in ("many", "true", "12 %")
    ),
    *(
        Kind(f"flags {yes}/{no}", cells(
            "has_crm_integration", lambda v, yes=yes, no=no: yes if v == "yes" else no))
        for yes, no in (("yes", "no"), ("ja", "nein"), ("oui", "non"), ("sí", "no"),
                        ("sim", "não"), ("是", "否"), ("TRUE", "FALSE"), ("1", "0"))
    ),
    # ids
    Kind("ids twice", cells("deal_id", "D1", 3, 4, 5), "deal_id: 2 row"),
    Kind("no id", cells("deal_id", "", 3), "deal_id: 1 row.*no id"),
    Kind("ids with zeros", changed(lambda t: t.assign(deal_id=[f"{i:07}" for i in range(ROWS)]))),
    Kind("ids as floats", changed(lambda t: t.assign(deal_id=np.arange(ROWS) + 0.5))),
    Kind("ids beyond 2**53", changed(lambda t: t.assign(deal_id=[2**53 + i for i in range(ROWS)]))),
    Kind("ids beyond 2**64", changed(lambda t: t.assign(deal_id=[2**70 + i for i in range(ROWS)]))),
    # columns
    *(
        Kind(f"a column named {name[:20]!r}", changed(lambda t, name=name: t.assign(
            **{name: np.arange(ROWS) % 3})))
        for name in ('with "quotes"', "two\nlines", "'; drop table x; --", "<b>bold</b>", "客户",
                     "عميل", "😀", " spaces ", "a,b;c\td|e", "x" * 5_000, "123", "=1+1", "{0}%s",
                     "\u202eabc", "__index_level_0__", "class", "a.b")
    ),
    Kind("a column twice", content(lambda b: b.replace(b"seats", b"rep", 1)), "named.*rep"),
    Kind("a column without a name", changed(lambda t: t.assign(**{"": np.arange(ROWS) % 4}))),
    Kind("columns that differ by composition only", changed(lambda t: t.assign(
        **dict.fromkeys(("Gr\u00f6\u00dfe", "Gro\u0308\u00dfe"), np.arange(ROWS) % 3)))),
    Kind("two marks of order", content(lambda b: b"\xef\xbb\xbf" * 2 + b), "no such column"),
    Kind("ten thousand columns and more", content(
        lambda _: (b"," * 10_001 + b"\n") * 2), "has 10,002 columns, more than 10,000"),
    Kind("an index that was saved", lambda t, f: text()(t.reset_index(names="Unnamed: 0"), f)),
    Kind("a separator too many in every row", content(lambda b: b.replace(b"\n", b",\n"))),
    Kind("five hundred columns", changed(lambda t: pd.concat(
        [t, pd.DataFrame(np.arange(ROWS * 500).reshape(ROWS, 500) % 7).add_prefix("c")],
        axis=1))),
    Kind("no closing date at all", changed(lambda t: t.drop(columns="closed_on")), "closed_on: "),
    Kind("a column of nothing", cells("segment", ""), notes="segment: every value is empty"),
    Kind("a column of one value", cells("segment", "smb"), notes="segment: every value is 'smb'"),
    Kind("a row short", content(lambda b: b + b"D9,2024-01-01\n"), "has 2: 'D9"),
    Kind("a row long", content(lambda b: b + b"," * 40 + b"\n"), "has 41"),
    Kind("a quote not closed", content(lambda b: b.replace(b"smb", b'"smb', 1)), "quote|CSV"),
    Kind("NUL bytes", content(lambda b: b.replace(b"smb", b"s\0b", 1))),
    Kind("one byte of latin-1", content(lambda b: b.replace(b"smb", b"s\xfcb", 1))),
    Kind("UTF-8 with one byte of latin-1", content(
        lambda b: b.replace(b"smb", "sü".encode()) + b"s\xfc\n"), "not UTF-8"),
    # files
    Kind("nothing", content(lambda _: b""), "is empty"),
    Kind("blank lines", content(lambda _: b"\n \n"), "blank lines only"),
    Kind("a header", content(lambda b: b.split(b"\n")[0]), "header but no rows"),
    Kind("one row", content(lambda b: b"\n".join(b.split(b"\n")[:2])), "too few"),
    Kind("a mark of order", content(lambda _: b"\xef\xbb\xbf"), "blank lines"),
    Kind("a zip", content(lambda b: b"PK\x03\x04" + b), "spreadsheet or zip"),
    Kind("an old workbook", content(lambda b: b"\xd0\xcf\x11\xe0" + b), "spreadsheet"),
    Kind("a page", content(lambda _: b"<!doctype html><p>log in, please</p>"), "a web page"),
    Kind("JSON", content(lambda _: json.dumps([{"a": 1}] * 9).encode()), "is JSON"),
    Kind("noise", content(lambda _: np.random.default_rng(0).bytes(9_999)), "Remedy|cannot"),
    Kind("a gzip", content(gzip.compress, "x.csv.gz")),
    Kind("half a gzip", content(lambda b: gzip.compress(b)[:600], "x.csv.gz"), "cannot be read"),
    Kind("no gzip", content(lambda b: b"\x1f\x8b" + b, "x.csv.gz"), "cannot be read"),
    Kind("a bad gzip", content(
        lambda b: (p := gzip.compress(b))[:300] + b"\0\1\2" * 9 + p[327:], "x.csv.gz"), "cannot"),
    Kind("CSV named Parquet", content(lambda b: b, "x.parquet"), "cannot be read as Parquet"),
    Kind("Parquet named CSV", parquet_bytes(lambda b: b, "x.csv")),
    Kind("Parquet", parquet_bytes(lambda b: b)),
    Kind("half a Parquet", parquet_bytes(lambda b: b[: len(b) // 2]), "cannot be read as Parquet"),
    Kind("a Parquet end", parquet_bytes(lambda b: b[-99:]), "cannot be read as Parquet"),
    Kind("a Parquet with a hole", parquet_bytes(
        lambda b: b[:200] + b"\xff" * 400 + b[600:]), "cannot be read"),
    Kind("a folder", lambda _, f: f, "is a folder"),
    Kind("no file", lambda _, f: f / "no.csv", "no file"),
    Kind("a file as a folder", lambda t, f: text()(t, f) / "x.csv", "no file|cannot be read"),
    Kind("a name too long", lambda _, f: f / ("x" * 400 + ".csv"), "no file|cannot be read"),
    Kind("a name with NUL", lambda _, f: f / "a\0b.csv", "no file|cannot be read"),
    Kind("a link", linked),
    # Parquet's types
    *(
        Kind(f"Parquet's {name}", arrow("segment", values), says)
        for name, values, says in (
            ("dictionary", lambda s: pa.array(s).dictionary_encode(), FINE),
            ("long strings", lambda s: pa.array(s, pa.large_string()), FINE),
            ("lists", lambda s: pa.array([[v] for v in s]), "segment: 60 row.*hold a list"),
            ("structures", lambda s: pa.array([{"a": v} for v in s]), "segment: 60 row.*hold"),
            ("maps", lambda s: pa.array([[(v, 1)] for v in s], pa.map_(pa.string(), pa.int8())),
             "segment: 60 row.*hold"),
            ("bytes", lambda s: pa.array([v.encode() for v in s]), "segment: 60 row.*bytes"),
        )
    ),
    Kind("Parquet's nulls", arrow("segment", lambda s: pa.nulls(len(s))),
         notes="segment: every value is empty"),
    *(
        Kind(f"Parquet's {name} of seats", arrow("seats", values))
        for name, values in {
            "decimals": lambda s: pa.array([Decimal(int(v)) for v in s], pa.decimal128(12, 2)),
            "wide decimals": lambda s: pa.array(
                [Decimal(int(v)) for v in s], pa.decimal256(60, 5)),
            "half floats": lambda s: pa.array(s.to_numpy(np.float16)),
            "small ints": lambda s: pa.array(s.clip(0, 99), pa.int8()),
            "unsigned ints": lambda s: pa.array(s, pa.uint64()),
            "dictionary": lambda s: pa.array(s).dictionary_encode(),
            "texts": lambda s: pa.array(s.astype(str)),
        }.items()
    ),
    *(
        Kind(f"Parquet's {kind} of closing", arrow(
            "closed_on", lambda s, kind=kind: pa.array(s).cast(kind)))
        for kind in (pa.timestamp("ns"), pa.timestamp("ms"), pa.timestamp("us", "Asia/Kolkata"),
                     pa.date32(), pa.date64())
    ),
    *(
        Kind(f"Parquet's {name} beside", arrow("more", values))
        for name, values in {
            "times of day": lambda s: pa.array([dt.time(i % 24) for i in range(len(s))]),
            "time spans": lambda s: pa.array([dt.timedelta(i) for i in range(len(s))]),
            "bools": lambda s: pa.array([i % 2 == 0 for i in range(len(s))]),
            "far dates": lambda s: pa.array(np.arange(len(s)) + 3_000_000).cast(
                pa.int32()).cast(pa.date32()),
        }.items()
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def table(simulation) -> pd.DataFrame:
    return simulation.deals.head(ROWS).reset_index(drop=True)


def test_there_are_two_hundred_kinds_with_different_names():
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 200


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name[:60])
def test_a_table_is_read_completely_or_gives_an_error_with_the_reason(
    simulation, table, tmp_path, kind
):
    path = kind.make(table, tmp_path)

    if kind.says:
        with pytest.raises(DealsError, match=f"(?s){kind.says}"):
            read_deals(path, simulation.spec)
        return
    result = read_deals_with_findings(path, simulation.spec)
    read = result.table
    assert re.search(kind.notes, "\n".join(map(str, result.findings)))
    assert len(read) == len(table)
    if not kind.name.startswith("ids"):
        assert read["deal_id"].tolist() == table["deal_id"].tolist()
    assert read["closed_on"].notna().all()
    assert np.isfinite(read["annual_value"].dropna()).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name[:60])
def test_a_table_is_scored_row_by_row_or_gives_an_error_with_the_reason(
    model, table, tmp_path, kind
):
    path = kind.make(table.drop(columns="churned_on", errors="ignore"), tmp_path) if (
        "churned" not in kind.name and "left" not in kind.name
        and "ate" not in kind.name and "Excel" not in kind.name
    ) else kind.make(table, tmp_path)  # fmt: skip

    try:
        done = score_file(path, model, tmp_path / "out.parquet", reasons=1)
    except ProspectError as error:
        assert len(str(error)) > 20  # noqa: PT017 - a table may be scored all the same
        return
    scored = pq.read_table(tmp_path / "out.parquet")
    probability = scored["early_churn_probability"].to_numpy()
    lost = scored["error"].to_pandas().notna().to_numpy()
    assert done.rows == scored.num_rows
    assert (np.isfinite(probability) == ~lost).all()
    if not kind.says:
        assert scored.num_rows == len(table)
        if not kind.name.startswith("ids"):
            assert scored["deal_id"].to_pylist() == table["deal_id"].tolist()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (cells("segment", "x" * (9 << 20), 3), "has a row of more than 4 MB"),
        (content(lambda _: (b"," * 10_001 + b"\n") * 2), "has 10,002 columns, more than 10,000"),
        (
            content(lambda b: b.replace(b"rep,", b"seats,")),
            r"more than one column named \['seats'\]",
        ),
        (changed(lambda t: t.assign(error="x", fit="good")), "already has the column.* fit, error"),
    ],
)
def test_scoring_of_an_invalid_table_does_not_start(model, table, tmp_path, make, says):
    out = tmp_path / "out.csv"
    path = make(table, tmp_path)

    with pytest.raises(ProspectError, match=says):
        score_file(path, model, out)
    assert not out.exists()


def test_invalid_text_in_parquet_is_named_in_the_error(simulation, model, table, tmp_path):
    path = parquet_bytes(lambda b: b)(table, tmp_path)
    pq.write_table(pq.read_table(path), path, compression="none", use_dictionary=False)
    path.write_bytes(path.read_bytes().replace(b"inbound", b"inb\xff\xffnd"))

    with pytest.raises(DealsError, match="cannot be read as Parquet: .*UTF8"):
        read_deals(path, simulation.spec)
    with pytest.raises(ProspectError, match="cannot be read as Parquet: .*UTF8"):
        score_file(path, model, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    "query", ["select * from deals",
              "select *, '[1]' as more from deals", "select nothing", "",
              ";", "drop table deals", "select 1; select 2", "@no.sql", "select * from deals where 0"]  # noqa: E501
)  # fmt: skip
def test_any_query_is_scored_or_gives_an_error(model, table, tmp_path, query):
    url = f"sqlite:///{tmp_path}/deals.db"
    with sqlite3.connect(tmp_path / "deals.db") as connection:
        table.astype({"closed_on": str, "first_contact_on": str}).drop(columns="churned_on").to_sql(
            "deals", connection, index=False
        )
    connection.close()

    try:
        done = score_source(url, model, str(tmp_path / "out.parquet"), query=query)
    except FitModelError as error:
        assert "deals" not in query.split(" ")[-1:] or "drop" in query
        assert len(str(error)) > 20  # noqa: PT017 - either way
    else:
        assert done.rows == (0 if query.endswith("0") else len(table))
        assert done.errors == 0
