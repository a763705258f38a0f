"""Names, texts and numbers written in SQL are read back unchanged."""

from __future__ import annotations

import math
import re
import sqlite3

import duckdb
import pytest
import sqlglot
from hypothesis import example, given
from hypothesis import strategies as st

from fitmodel.exceptions import SpecError
from fitmodel.model._sql_dialects import (
    DIALECTS,
    ROW,
    SPACES,
    Dialect,
    Steps,
    dialect_named,
    number,
)

DUCK = DIALECTS["duckdb"]
TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12)


def _duck(expression: str) -> object:
    """The value of an expression in a database."""
    return duckdb.sql(f"select {expression}").fetchall()[0][0]


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(5e-324)
@example(-0.0)
@example(1.7976931348623157e308)
def test_a_number_is_read_back_exactly(value: float) -> None:
    text = number(value)
    assert float(text) == value
    assert math.copysign(1.0, float(text)) == math.copysign(1.0, value)
    assert "e" in text  # without it, it would be a decimal


def test_a_database_reads_the_number_as_the_same_float() -> None:
    for value in (0.1, 1 / 3, 1e-300, -123456789.123456789):
        ((read, kind),) = duckdb.sql(f"select {number(value)}, typeof({number(value)})").fetchall()
        assert (read, kind) == (value, "DOUBLE")


@given(TEXTS)
@example("it's")
@example("a\\'b")
def test_a_text_is_read_back_by_databases_without_escapes(text: str) -> None:
    literal = DUCK.literal(text)
    assert sqlite3.connect(":memory:").execute(f"select {literal}").fetchone() == (text,)
    assert _duck(literal) == text


@pytest.mark.parametrize("name", ["bigquery", "databricks", "snowflake"])
@pytest.mark.parametrize("text", ["it's", "a\\b", "tab\tline\nend\r", "\\'", "plain", ""])
def test_a_text_is_read_back_by_parsers_of_databases_with_escapes(name: str, text: str) -> None:
    literal = DIALECTS[name].literal(text)
    assert "\n" not in literal
    assert sqlglot.parse_one(f"select {literal}", dialect=name).expressions[0].this == text


def test_braces_are_escaped_in_a_dbt_template() -> None:
    for name in ("duckdb", "bigquery"):
        dialect = DIALECTS[name].for_table("{{ ref('prospects') }}")
        assert dialect.literal("a{b}") == "'a{{ '{' }}b}'"
        assert DIALECTS[name].for_table("prospects").literal("a{b}") == "'a{b}'"


@pytest.mark.parametrize(
    ("dialect", "name", "sql"),
    [
        ("duckdb", 'a "b"', '"a ""b"""'), ("postgres", "Seats", '"Seats"'),
        ("snowflake", "seats_2", "seats_2"), ("snowflake", "Seats", '"Seats"'),
        ("snowflake", "a b", '"a b"'), ("bigquery", "a`b\\c", "`a\\`b\\\\c`"),
        ("databricks", "a`b", "`a``b`"),
    ],
)  # fmt: skip
def test_a_name_is_quoted_in_the_way_of_its_database(dialect: str, name: str, sql: str) -> None:
    assert DIALECTS[dialect].column(name) == sql


def test_a_table_name_is_schema_and_name_or_a_template() -> None:
    assert DUCK.table("crm.deals") == '"crm"."deals"'
    assert DUCK.table("deals-2$") == '"deals-2$"'
    assert DUCK.table("{{ ref('deals') }}") == "{{ ref('deals') }}"
    for wrong in ("", "a b", "a;b", "a.", "1a", "a--b c", "{{ a }} b", "{{ a; b }}", 'a"b'):
        with pytest.raises(SpecError, match="is not a table. Remedy: give table or schema.table"):
            DUCK.table(wrong)


def test_an_unknown_dialect_is_refused_with_the_known_ones() -> None:
    assert dialect_named("postgres").name == "postgres"
    with pytest.raises(SpecError, match="no dialect 'oracle'. Remedy: one of duckdb, postgres"):
        dialect_named("oracle")


def test_whitespace_is_stripped_in_sql_as_in_python() -> None:
    text = f"{SPACES} a b {SPACES}"
    assert text.strip() == "a b"
    assert _duck(DUCK.stripped(DUCK.literal(text))) == "a b"
    assert all(sign.isspace() for sign in SPACES)


@pytest.mark.parametrize(
    ("text", "spaced"), [("closed - lost", "closed lost"), ("a__b", "a b"), ("a\u2013b", "a b"),
                         ("ab", "ab")]
)  # fmt: skip
def test_spaces_and_dashes_are_collapsed_to_one_space(text: str, spaced: str) -> None:
    assert _duck(DUCK.spaced(DUCK.literal(text))) == spaced


@pytest.mark.parametrize(("text", "like"), [("12", True), ("x12", False), ("12x", False)])
def test_a_pattern_must_match_the_whole_text(text: str, like: bool) -> None:
    assert _duck(DUCK.is_like(DUCK.literal(text), "[0-9]+")) == like


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_the_letters_of_words_become_lower_case_where_lower_converts_ascii_only(
    dialect: Dialect,
) -> None:
    words = ["закрыто", "perdu", "não", "kazanıldı", "赢单"]
    lowered = dialect.lowered("x", words)
    assert lowered.startswith("TRANSLATE(LOWER(x), ")
    capitals, letters = re.findall(r"'([^']*)'", lowered)
    assert [each.casefold() for each in capitals] == list(letters)
    assert set(letters) == set("закрытоã")  # ı has the capital of i, 赢 has none
    assert dialect.lowered("x", ["perdu", "赢单"]) == "LOWER(x)"


@pytest.mark.parametrize("text", ["ЗАКРЫТО", "закрЫТо", "Não", "PERDU", "KAZANILDI", "赢单"])
def test_a_text_in_lower_case_is_that_of_python(text: str) -> None:
    words = ["закрыто", "perdu", "não", "kazanıldı", "赢单"]
    assert _duck(DUCK.lowered(DUCK.literal(text), words)) == text.casefold()


def test_a_table_of_constants_has_the_given_types() -> None:
    columns = [("code", "integer"), ("weight", "double"), ("name", "text")]
    rows = [(1, number(0.1), "'a'"), (2, number(-2.0), "'b'")]
    relation = duckdb.sql(DUCK.values(columns, rows))
    assert relation.columns == ["code", "weight", "name"]
    assert [str(kind) for kind in relation.types] == ["BIGINT", "DOUBLE", "VARCHAR"]
    assert relation.fetchall() == [(1, 0.1, "a"), (2, -2.0, "b")]
    for name in DIALECTS:
        sqlglot.parse_one(DIALECTS[name].values(columns, rows), dialect=name)


def test_steps_are_computed_once_and_keep_the_columns_of_the_table() -> None:
    steps = Steps(DUCK, '"deals"')
    steps.add_table("weights", DUCK.values([("k", "integer"), ("w", "double")], [(1, number(0.5))]))
    steps.add("first", [("fm_a", "t.n + 1"), ("fm_k", "1")])
    steps.add("second", [("fm_b", "fm_a * w")], ["JOIN weights ON k = fm_k"])
    statement = steps.finish([("twice", "fm_b * 2")])
    assert steps.last == "second"
    with duckdb.connect() as connection:
        connection.execute(
            "create table deals as select * from (values (1, 'x'), (3, 'y')) v(n, s)"
        )
        result = connection.sql(statement)
        assert result.columns == ["n", "s", "twice"]
        assert sorted(result.fetchall()) == [(1, "x", 2.0), (3, "y", 4.0)]


def test_if_a_star_cannot_exclude_columns_the_whole_row_is_kept() -> None:
    steps = Steps(DIALECTS["postgres"], '"deals"')
    steps.add("first", [("fm_a", "t.n + 1")])
    statement = steps.finish([("a", "fm_a")])
    first = f'SELECT t AS {ROW},\n    t.n + 1 AS fm_a\n  FROM "deals" AS t OFFSET 0'  # noqa: S608 - of the test
    assert first in statement
    assert statement.endswith(f"SELECT ({ROW}).*,\n  fm_a AS a\nFROM first\n")
    sqlglot.parse_one(statement, dialect="postgres")
