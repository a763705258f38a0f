"""A model as SQL gives the same numbers as `predict`, tested in real databases."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.vocabulary import LostRows
from fitmodel.decision.own_months import OwnMonths
from fitmodel.decision.policy import Policy
from fitmodel.decision.value import Money
from fitmodel.exceptions import BundleError, SpecError
from fitmodel.learning.calibration import CalibrationMap
from fitmodel.learning.columns import CategoryColumn, NumberColumn, hidden_level
from fitmodel.learning.scorecard import Evidence, PairTerm, Scorecard
from fitmodel.model._sql import SQL_DIALECTS
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import Scorer
from fitmodel.tables.forms import forms_from_dict

Ask = Callable[[pd.DataFrame, str], pd.DataFrame]
AS_OF = date(2026, 3, 1)
NUMBERS = (
    "early_churn_probability",
    "probability_low",
    "probability_high",
    "expected_value",
    "expected_value_low",
    "expected_value_high",
    "own_evidence",
)
ANSWERS = ("poor_fit", "fit", "unfamiliar", "worth", "escalate", "model_version")
MONEY = Money(0.8, 36, 3, 5_000, 1_000, 200, 0.05, word_of_mouth_cost="3 %")
OWN = replace(
    MONEY,
    support_cost_per_month="2 %",
    paid_upfront_months=2,
    own_months=OwnMonths((0.0, 0.1, 0.3, 0.6, 1.0), (60, 50, 30, 12, 6), (4, 3.5, 3, 2, 1)),
)
LONGER = replace(OWN, own_months=replace(OWN.own_months, stays_longest=(240, 150, 60, 20, 6)))
POLICIES = {
    "threshold": Policy("threshold", 0.5, level=0.4),
    "capacity with money": Policy("capacity", 0.55, MONEY, level=0.5, big_deal=50_000),
    "value": Policy("value", 0.45, MONEY, level=0.5, risk_threshold=0.7, big_deal=50_000),
    "value alone": Policy("value", 0.45, MONEY),
    "own months": Policy("value", 0.45, OWN, level=0.5, risk_threshold=0.7, big_deal=50_000),
    "capacity with own months": Policy("capacity", 0.55, OWN, level=0.5),
    "longest months": Policy("value", 0.45, LONGER, level=0.5, risk_threshold=0.7),
    "nothing flagged": Policy("capacity", None),
}
LEVELS = ["it's", 'say "hi"', "back\\slash", "中文 行业", "a\nline", "$x$", "{{ x }}", "%s", "--"]


def _evidence(size: int, *, bands: int, missing: int = 40) -> Evidence:
    band = np.r_[0, 1 + np.arange(size) * bands // max(size, 1), bands + 1]
    count = np.r_[missing, np.full(bands, 40), 0]
    rate = np.r_[0.5, np.linspace(0.1, 0.6, bands), np.nan]
    return Evidence(band, count, rate, tuple(map(str, range(bands + 2))))


def _scorer(policy: Policy = POLICIES["value"], *, levels: int = 500, **changes: Any) -> Scorer:
    """A scorecard with every kind of column, pairs, a nonlinear calibration and unusual pairs."""
    rng = np.random.default_rng(1)
    named = {f"level {number}": number + 1 for number in range(levels - len(LEVELS))}
    for level in LEVELS[:-1]:  # the last is a word for missing
        named[level] = len(named) + 1
    named |= {"101": len(named) + 1, "7.5": len(named) + 2, "NA": len(named) + 3}
    named |= {hidden_level(text): len(named) + 1 for text in ("rare one", "稀有", "990")}
    columns = (
        NumberColumn("seats", (1.0, 2.5, 10.0, 99.5, 1e6), 0.0, 5_000.0),
        CategoryColumn("industry", named, words=("NA",)),
        CategoryColumn("has crm", {"no": 1, "yes": 2}, is_flag=True),
        NumberColumn("first_seen", (0.0, 30.0, 90.0), 0.0, 400.0, is_date=True),
        NumberColumn("amount", (100.0, 20_000.0), 0.0, 90_000.0),
        NumberColumn("empty", (), math.nan, math.nan),
    )
    sizes = [column.size for column in columns]
    first_map = rng.integers(0, 3, sizes[0] + 2)
    second_map = rng.integers(0, 2, sizes[2] + 2)
    first_map[:3], second_map[:2] = (0, 1, 2), (0, 1)
    pairs = (PairTerm(0, 2, first_map, second_map),)
    rows = sum(size + 2 for size in sizes) + 6
    tables = rng.normal(0, 0.5, (rows, 1)) + rng.normal(0, 0.2, (rows, 8))
    tables[:3] = 0.0  # contributions of exactly 0 are not reasons
    scorecard = Scorecard(
        columns,
        pairs,
        tables,
        rng.normal(-0.5, 0.1, 8),
        CalibrationMap((-2.0, -0.5, 0.3, 1.4), (-1.5, -0.6, -0.1, 1.3), "bent"),
        1.2,
        tuple(
            _evidence(size, bands=min(size, 4), missing=3 if position == 4 else 40)
            for position, size in enumerate(sizes)
        ),
        0.3,
        ((0, 2, 2, 1), (0, 4, 2, 2)),
    )
    scorer = Scorer(scorecard, policy, "amount", "closes", "20260101-000000-0000abcd")
    return replace(scorer, **changes)


def _prospects(rows: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    levels = [
        *LEVELS, "101", 101, "0101", "101.0", "7.50", "NA", "n/a", "", None, " level 3\u3000",
        "rare one", "稀有", "990", "0990", "never seen", "level 17", "Level 17",
        "\N{NO-BREAK SPACE}it's",
    ]  # fmt: skip
    seats = [0.0, 1.0, 2.5, 2.4999, 10.0, 99.5, 1e6, 5_000.5, -3.0, 1e308, None, 7.0]
    flags = ["yes", "NO", "Ja", "SÍ", "não", "是", "maybe", "", None, "1", "0.0", " true "]
    days = pd.to_datetime(["2026-02-28", "2024-02-29", "2026-03-02", None, "2025-12-01"])
    amounts = [0.0, 99.99, 100.0, 25_000.0, 80_000.0, 1e7, None]
    table = pd.DataFrame(
        {
            "id": range(rows),
            "industry": pd.Series(rng.choice(np.array(levels, object), rows), dtype=object),
            "has crm": pd.Series(rng.choice(np.array(flags, object), rows), dtype=object),
            "seats": pd.array(rng.choice(np.array(seats, float), rows)),
            "first_seen": rng.choice(days, rows),
            "amount": rng.choice(np.array(amounts, float), rows),
            "empty": np.full(rows, np.nan),
            "closes": rng.choice(days, rows),
        }
    )
    table["industry"] = table["industry"].map(lambda value: None if value is None else str(value))
    return table.assign(first_seen=table["first_seen"].astype("datetime64[us]"),
                        closes=table["closes"].astype("datetime64[us]"))  # fmt: skip


def _cells(table: pd.DataFrame) -> list[list[Any]]:
    return [
        [None if pd.isna(cell) else cell.to_pydatetime() if isinstance(cell, pd.Timestamp) else cell
         for cell in row]
        for row in table.astype(object).to_numpy().tolist()
    ]  # fmt: skip


def _duckdb(table: pd.DataFrame, query: str) -> pd.DataFrame:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(_create(table, "double"))
        marks = ", ".join("?" * len(table.columns))
        connection.executemany(f"insert into prospects values ({marks})", _cells(table))  # noqa: S608 - the test's own
        return connection.sql(query).df()


def _create(table: pd.DataFrame, double: str) -> str:
    types = {"b": "boolean", "f": double, "i": "bigint", "M": "timestamp"}
    listed = (f'"{name}" {types.get(kind.kind, "text")}' for name, kind in table.dtypes.items())
    return f"create table prospects ({', '.join(listed)})"


@pytest.fixture
def _postgres(postgresql: str) -> Ask:
    import psycopg

    def ask(table: pd.DataFrame, query: str) -> pd.DataFrame:
        with psycopg.connect(postgresql) as connection:
            connection.execute(_create(table, "double precision"))
            marks = ", ".join(["%s"] * len(table.columns))
            with connection.cursor() as cursor:
                cursor.executemany(f"insert into prospects values ({marks})", _cells(table))  # noqa: S608 - the test's own
                cursor.execute(query)
                names = [column.name for column in cursor.description or ()]
                return pd.DataFrame(cursor.fetchall(), columns=names)

    return ask


@pytest.fixture(params=["duckdb", "postgres"])
def database(request: pytest.FixtureRequest) -> tuple[str, Ask]:
    """A dialect and a function that runs SQL in its database; skipped without PostgreSQL."""
    if request.param == "duckdb":
        return "duckdb", _duckdb
    return "postgres", request.getfixturevalue("_postgres")


def _check_equal(got: pd.DataFrame, want: pd.DataFrame, reasons: int = 0) -> None:
    got = got.sort_values("id").reset_index(drop=True)
    for name in NUMBERS:
        given, expected = got[name].to_numpy(float), want[name].to_numpy(float)
        np.testing.assert_allclose(given, expected, rtol=1e-9, atol=1e-9, err_msg=name)
    for name in ANSWERS:
        assert got[name].tolist() == want[name].tolist(), name
    for rank in range(reasons):
        listed = [row[rank] if rank < len(row) else None for row in want["reasons"]]
        names = [None if each is None else each.attribute for each in listed]
        assert [None if pd.isna(n) else n for n in got[f"reason_{rank + 1}"]] == names
        for column, known in (
            ("contribution", lambda each: each.contribution),
            ("deals", lambda each: math.nan if each.deals is None else each.deals),
            ("early_churn", lambda each: each.early_churn_rate),
        ):
            numbers = [math.nan if each is None else known(each) for each in listed]
            given = got[f"reason_{rank + 1}_{column}"].to_numpy(float)
            np.testing.assert_allclose(given, numbers, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_sql_gives_the_same_results_as_predict_under_every_policy(policy, database):
    """Missing values, new and rare levels, quotes, Chinese, 500 levels, dates, numbers outside."""
    dialect, ask = database
    model, table = FitModel(_scorer(policy), {}), _prospects()

    got = ask(table, model.to_sql(dialect, reasons=3, as_of=AS_OF))

    want = model.predict(table, reasons=3, as_of=AS_OF)
    assert 10 < want["unfamiliar"].sum() < 390
    _check_equal(got, want, reasons=3)
    assert got["error"].isna().all()
    assert list(got.columns[: len(table.columns)]) == list(table.columns)


def test_a_trained_model_gives_the_same_results_in_sql(database, learned_on):
    dialect, ask = database
    learned, simulation = learned_on(700, seed=5), simulate_deals(300, seed=9)
    roles = simulation.spec.deals
    scorer = Scorer(learned.scorecard, POLICIES["value"], roles.amount, roles.closed_on, "v")
    table = simulation.deals.assign(id=range(300))

    got = ask(table, FitModel(scorer, {}).to_sql(dialect, reasons=2))

    _check_equal(got, FitModel(scorer, {}).predict(table, reasons=2), reasons=2)


def test_sql_reads_text_as_plain_numbers_and_iso_dates_and_otherwise_gives_an_error(database):
    dialect, ask = database
    model, plain = (
        FitModel(_scorer(), {}),
        _prospects(8).assign(**{"has crm": "no", "industry": "NA"}),
    )
    written = plain.assign(
        seats=["1", " 2.5 ", "1e1", "", "NaN", "inf", "$29", "64 users"],
        first_seen=["2026-02-01", "2026-02-01T10:00:00", None, "2024-02-29", "n/a", "2026-01-31",
                    "2026-01-31", "2026-01-31"],
        closes=None,
    ).astype({"seats": "str", "first_seen": "str", "closes": "str"})  # fmt: skip

    got = ask(written, model.to_sql(dialect, as_of=AS_OF)).sort_values("id")

    _check_equal(got.iloc[:6], model.predict(written.iloc[:6], reasons=0, as_of=AS_OF))
    assert got["error"].tolist()[6:] == [
        "seats: $29 cannot be read",
        "seats: 64 users cannot be read",
    ]
    predicted = [*NUMBERS, *ANSWERS]
    assert got[predicted].iloc[6:].isna().all(axis=None)


@pytest.mark.parametrize("day", ["31.12.2025", "2026-02-30", "2023-02-29", "46000", "soon"])
def test_a_text_that_is_not_an_iso_date_is_an_error_of_the_row(day, database):
    dialect, ask = database
    table = _prospects(2).assign(first_seen=["2026-02-01", day])
    closing = table.assign(closes=[None, day], first_seen="2026-01-01")
    query = FitModel(_scorer(), {}).to_sql(dialect, as_of=AS_OF)

    assert ask(table, query)["error"].dropna().tolist() == [f"first_seen: {day} cannot be read"]
    if dialect == "duckdb":  # one table per database
        assert ask(closing, query)["error"].dropna().tolist() == [f"closes: {day} cannot be read"]


def test_text_in_a_form_that_sql_would_misread_is_an_error(database):
    """If past deals were written as 1.234,5, `predict` reads the text 1.234 as 1234."""
    dialect, ask = database
    forms = forms_from_dict({"numbers": {"seats": "1.234,5"}, "units": {"amount": "%"}})
    model = FitModel(_scorer(forms=forms), {})
    table = _prospects(6).assign(
        seats=["1.234", "12", "2,5", "7", "inf", "3"],
        amount=["15", "", "15%", "", "", "-Infinity"],
        id=range(6),
    )

    got = ask(table, model.to_sql(dialect, as_of=AS_OF)).sort_values("id")

    assert got["error"].isna().tolist() == [False, True, False, True, False, False]
    for row in (0, 4, 5):  # predict reads the first as 1234, and refuses the others
        assert pd.isna(got["early_churn_probability"].iloc[row])
    expected = model.predict(table.iloc[[1, 3]], reasons=0, as_of=AS_OF)
    _check_equal(got.iloc[[1, 3]], expected)


def test_a_truth_value_is_not_a_number(database):
    dialect, ask = database
    model = FitModel(_scorer(), {})
    table = _prospects(3).assign(seats=[True, False, None]).astype({"seats": "boolean"})
    query = model.to_sql(dialect, as_of=AS_OF)
    if dialect == "postgres":  # refuses to convert the type, whatever the rows hold
        with pytest.raises(Exception, match="cannot cast type boolean"):
            ask(table, query)
        return

    got = ask(table, query).sort_values("id")

    assert got["error"].tolist()[:2] == [
        "seats: true cannot be read",
        "seats: false cannot be read",
    ]
    _check_equal(got.iloc[2:], model.predict(table.iloc[2:], reasons=0, as_of=AS_OF))


def test_numbers_as_levels_and_flags_are_read_as_by_predict(database):
    dialect, ask = database
    model = FitModel(_scorer(), {})
    flags = ["01", "1.00", "1e0", "１", "٠", "-0", "0x1", "1_0"]  # noqa: RUF001 - other scripts
    codes = ["１０１", "7.50", "٧.٥", "+101", "1_01", "1e5", "101.", "inf"]  # noqa: RUF001 - the same
    table = _prospects(8).assign(**{"has crm": flags, "industry": codes})

    got = ask(table, model.to_sql(dialect, as_of=AS_OF))

    _check_equal(got, model.predict(table, reasons=0, as_of=AS_OF))


def test_placeholders_of_past_deals_are_missing_values(database):
    dialect, ask = database
    forms = forms_from_dict({"empty": {"first_seen": ["2099-12-31"], "industry": ["tbd"]}})
    model = FitModel(_scorer(forms=forms), {})
    table = _prospects(3).assign(
        first_seen=pd.to_datetime(["2099-12-31", "2026-02-01", None]).astype("datetime64[us]"),
        industry=["tbd", "NA", " tbd "],
    )

    got = ask(table, model.to_sql(dialect, as_of=AS_OF))

    _check_equal(got, model.predict(table, reasons=0, as_of=AS_OF))


def test_rows_excluded_by_the_contract_get_a_reason_and_no_prediction(database):
    dialect, ask = database
    lost = LostRows(keep={"stage": ("Won", "2")}, drop={"owner": ("Test", "")})
    model = FitModel(_scorer(lost=lost), {})
    stages = ["Won", "Closed - Lost", "wc-lost", " LOST ", "輸單", "Verloren", None, "2", "won",
              "Закрыто и не реализоваНО", "ZAMKNIĘTA przegrana"]  # fmt: skip
    owners = ["a", "a", "a", "a", "TEST ", "a", None, "n/a", "b", "a", "a"]
    table = _prospects(11).assign(stage=stages, owner=owners)
    table = table.astype({"stage": "str", "owner": "str"})

    query = model.to_sql(dialect, as_of=AS_OF)
    without = FitModel(_scorer(), {}).to_sql(dialect, as_of=AS_OF)
    assert len(query) < len(without) + 10_000  # no text for each spelling of each word
    got = ask(table, query).sort_values("id")

    want, errors = model.predict_table(table, as_of=AS_OF)
    assert errors.notna().sum() >= 8
    assert [None if pd.isna(e) else e for e in got["error"]] == [
        None if e is None else e.replace("nan", "None") for e in errors
    ]
    kept = errors.isna().to_numpy()
    _check_equal(got[kept], want[kept])
    assert got.loc[~kept, [*NUMBERS, *ANSWERS]].isna().all(axis=None)
    if dialect == "duckdb":
        query = model.to_sql(dialect, as_of=AS_OF, absent=["stage", "owner"])
        assert _duckdb(table.drop(columns=["stage", "owner"]), query)["error"].isna().all()


def test_a_table_without_closing_date_and_amount_is_scored(database):
    dialect, ask = database
    roles = {"amount": "value", "per_year": 12.0}
    with_both = FitModel(_scorer(**roles), {})
    table = _prospects(50)
    monthly = table.assign(value=table["amount"])

    _check_equal(
        ask(monthly, with_both.to_sql(dialect, as_of=AS_OF)),
        with_both.predict(monthly, reasons=0, as_of=AS_OF),
    )
    if dialect == "duckdb":
        bare = table.drop(columns="closes")
        query = with_both.to_sql(dialect, as_of=AS_OF, absent=["closes", "value"])
        _check_equal(ask(bare, query), with_both.predict(bare, reasons=0, as_of=AS_OF))


def test_dates_are_counted_to_the_day_of_the_query_if_no_day_is_given(database):
    dialect, ask = database
    model = FitModel(_scorer(), {})
    table = _prospects(30).assign(closes=None).astype({"closes": "datetime64[us]"})

    _check_equal(ask(table, model.to_sql(dialect)), model.predict(table, reasons=0))


@pytest.mark.parametrize("dialect", SQL_DIALECTS)
@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_every_dialect_is_parsed_by_sqlglot(dialect, policy):
    sqlglot = pytest.importorskip("sqlglot", reason="sqlglot is not installed")
    query = FitModel(_scorer(policy, levels=30), {}).to_sql(dialect, "crm.open_deals", reasons=3)

    (parsed,) = sqlglot.parse(query, dialect=dialect, error_level=sqlglot.ErrorLevel.RAISE)

    assert parsed.find(sqlglot.exp.Table).sql(dialect=dialect).replace("`", '"')
    texts = {literal.this for literal in parsed.find_all(sqlglot.exp.Literal) if literal.is_string}
    assert {level for level in LEVELS if level not in {"--", "a\nline"}} <= texts
    assert parsed.named_selects[-1] == "error"


def test_old_digests_and_unknown_dialects_are_refused_with_the_remedy():
    scorer = _scorer(levels=20)
    old = CategoryColumn("industry", {"#0123456789abcdef": 1, "b": 2})
    columns = (old, *scorer.scorecard.columns[2:3])
    card = Scorecard(columns, (), np.zeros((8, 3)), np.zeros(3), CalibrationMap.identity(), 1.0,
                     (_evidence(2, bands=2), _evidence(2, bands=2)), 0.2)  # fmt: skip

    with pytest.raises(BundleError, match="1 rare level.*industry.*train again"):
        FitModel(replace(scorer, scorecard=card), {}).to_sql("duckdb")
    with pytest.raises(SpecError, match="no dialect 'oracle'.*duckdb, postgres"):
        FitModel(scorer, {}).to_sql("oracle")
    with pytest.raises(SpecError, match="not a table"):
        FitModel(scorer, {}).to_sql("duckdb", "prospects; drop table prospects")
    with pytest.raises(SpecError, match=r"needs \['seats'\]"):
        FitModel(scorer, {}).to_sql("duckdb", absent=["seats"])
    with pytest.raises(SpecError, match="reasons is -1"):
        FitModel(scorer, {}).to_sql("duckdb", reasons=-1)
    for reasons in (True, 2.5, "2", None):
        with pytest.raises(SpecError, match="reasons is .* Remedy: give 0 or more"):
            FitModel(scorer, {}).to_sql("duckdb", reasons=reasons)


def test_a_dbt_template_gives_the_same_results_after_rendering():
    """A level may contain braces, which have a meaning in dbt."""
    jinja2 = pytest.importorskip("jinja2")
    model, table = FitModel(_scorer(levels=30), {}), _prospects(100)

    template = model.to_sql("duckdb", "{{ ref('prospects') }}", as_of=AS_OF)
    query = jinja2.Template(template).render(ref=lambda name: f'"{name}"')

    _check_equal(_duckdb(table, query), model.predict(table, reasons=0, as_of=AS_OF))


DBT_EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "dbt_prospect_fit.yml"


def test_the_dbt_example_needs_no_package_except_dbt() -> None:
    yaml = pytest.importorskip("yaml")
    (model,) = yaml.safe_load(DBT_EXAMPLE.read_text(encoding="utf-8"))["models"]
    tests = [test for column in model["columns"] for test in column.get("data_tests", [])]
    names = {test if isinstance(test, str) else next(iter(test)) for test in tests}
    assert names
    assert names <= {"not_null", "unique", "accepted_values", "relationships"}
    assert {column["name"] for column in model["columns"]} <= {*NUMBERS, *ANSWERS, "error"}


@pytest.mark.skipif(shutil.which("dbt") is None, reason="dbt needs an environment of its own")
def test_the_dbt_example_builds_with_the_same_numbers(tmp_path) -> None:
    import duckdb

    model, table = FitModel(_scorer(levels=30), {}), _prospects(100)
    texts = [name for name, kind in table.dtypes.items() if kind.kind == "O"]
    table[texts] = table[texts].map(lambda cell: None if pd.isna(cell) else str(cell))
    table.to_parquet(tmp_path / "given.parquet", index=False)
    files = {
        "dbt_project.yml": "{name: fit, version: '1.0', profile: fit}",
        "profiles.yml": "{fit: {target: a, outputs: {a: {type: duckdb, path: fit.duckdb}}}}",
        "models/prospects.sql": "select * from 'given.parquet'",
        "models/prospect_fit.sql": model.to_sql("duckdb", "{{ ref('prospects') }}", as_of=AS_OF),
        "models/schema.yml": DBT_EXAMPLE.read_text(encoding="utf-8"),
    }
    (tmp_path / "models").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    command = ["dbt", "build", "--profiles-dir", "."]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(  # noqa: S603 - ours
        command, cwd=tmp_path, env=plain, check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout
    with duckdb.connect(str(tmp_path / "fit.duckdb"), read_only=True) as warehouse:
        got = warehouse.sql("select * from prospect_fit").df()
    _check_equal(got, model.predict(table, reasons=0, as_of=AS_OF))
