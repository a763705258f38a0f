"""Every way of scoring gives the same probabilities at other horizons, or an error."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from fitmodel.bundle.store import write_bundle
from fitmodel.cli.main import app
from fitmodel.exceptions import BundleError, ProspectError
from fitmodel.learning.calibration import logit
from fitmodel.loading import load
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.horizons import add_horizons
from fitmodel.model.opening import SCORER_FILE
from fitmodel.model.scorer import scorer_from_json
from fitmodel.scoring.batch import score_file
from fitmodel.scoring.sources import score_source
from fitmodel.service.app import create_app
from fitmodel.service.settings import Settings

ASKED = [3, 5, 12]
NAMES = [f"churn_probability_{months}m" for months in ASKED]
ENDS = [[f"{name}{end}" for name in NAMES] for end in ("_low", "_high")]
COLUMNS = [f"{name}{end}" for name in NAMES for end in ("", "_low", "_high")]
OWN = "early_churn_probability"
TODAY = date(2026, 7, 1)
END = 18


@pytest.fixture
def expected(curved: FitModel, prospects: pd.DataFrame) -> pd.DataFrame:
    return curved.predict(prospects, horizon_months=ASKED, reasons=0)


def test_a_frame_gets_a_column_per_horizon_and_keeps_the_others(curved, prospects, expected):
    plain = curved.predict(prospects, reasons=0)
    pd.testing.assert_frame_equal(expected[plain.columns], plain)
    assert list(expected.columns) == [*plain.columns, *COLUMNS]
    assert (expected[NAMES].diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)
    assert (expected[NAMES[1]] == plain[OWN]).all()
    assert (expected[NAMES[2]] > plain[OWN]).any()


def test_one_prospect_a_list_and_a_table_get_identical_numbers(curved, prospects, expected):
    rows = prospects.head(8).to_dict("records")
    listed = curved.predict(rows, horizon_months=ASKED)
    for row, one, (_, numbers) in zip(rows, listed, expected[NAMES].iterrows(), strict=False):
        assert curved.predict(row, horizon_months=ASKED).churn_probabilities == (
            one.churn_probabilities
        )
        assert dict(one.churn_probabilities) == dict(zip(ASKED, numbers.tolist(), strict=True))
    known = [[one.to_dict()[name] for name in COLUMNS] for one in listed]
    assert known == expected[COLUMNS].head(8).to_numpy().tolist()


def test_any_chunking_gives_identical_numbers(curved, prospects, expected):
    parts = [
        curved.predict(prospects.iloc[start : start + 7], horizon_months=ASKED, reasons=0)
        for start in range(0, len(prospects), 7)
    ]
    pd.testing.assert_frame_equal(pd.concat(parts)[COLUMNS], expected[COLUMNS], check_exact=True)


def test_a_polars_table_gives_a_polars_table(curved, prospects, expected):
    scored = curved.predict(pl.from_pandas(prospects), horizon_months=12, reasons=0)
    assert scored[NAMES[2]].to_list() == expected[NAMES[2]].tolist()
    assert scored.columns[-3:] == COLUMNS[-3:]
    rows = pl.from_pandas(prospects).rows(named=True)
    listed = curved.predict(rows, horizon_months=12)
    assert [one.to_dict()[COLUMNS[-1]] for one in listed] == expected[COLUMNS[-1]].tolist()


def test_an_assessment_has_the_horizons_in_words_and_json(curved, prospects):
    one = curved.predict(prospects.iloc[0].to_dict(), horizon_months=12)
    share = dict(one.churn_probabilities)[12]
    assert one.to_dict()["churn_probability_12m"] == share
    ((_, low, high),) = one.churn_intervals
    words = f"{share:.0%} likely to leave within 12 months of signing ({low:.0%} to {high:.0%})"
    assert words in str(one)
    zh = curved.predict(prospects.iloc[0].to_dict(), horizon_months=12, language="zh")
    assert "12 个月内流失" in str(zh)
    bare = replace(one, churn_intervals=())
    assert bare.to_dict()["churn_probability_12m_low"] is None
    assert "within 12 months of signing\n" in str(bare)
    assert curved.predict(prospects.iloc[0].to_dict()).churn_probabilities == ()


def test_a_file_gets_the_same_columns(curved, prospects, expected, tmp_path):
    prospects.to_parquet(tmp_path / "p.parquet")
    score_file(
        tmp_path / "p.parquet", curved, tmp_path / "s.parquet", horizons=ASKED, chunk_rows=17
    )
    scored = pd.read_parquet(tmp_path / "s.parquet")
    pd.testing.assert_frame_equal(scored[COLUMNS], expected[COLUMNS], check_exact=True)
    assert list(scored.columns)[-10:] == [*COLUMNS, "error"]


def test_a_folder_and_a_database_get_the_same_columns(curved, prospects, expected, tmp_path):
    (tmp_path / "in").mkdir()
    prospects.iloc[:30].to_parquet(tmp_path / "in" / "a.parquet")
    prospects.iloc[30:].to_parquet(tmp_path / "in" / "b.parquet")
    score_source(tmp_path / "in", curved, f"{tmp_path}/out/", horizons=ASKED)
    scored = pd.concat(map(pd.read_parquet, sorted((tmp_path / "out").rglob("*.parquet"))))
    assert scored[COLUMNS].to_numpy().tolist() == expected[COLUMNS].to_numpy().tolist()
    crm = f"sqlite:///{tmp_path}/crm.db"
    prospects.to_csv(tmp_path / "p.csv", index=False)
    score_source(tmp_path / "p.csv", curved, f"{crm}/scores", horizons=ASKED)
    with sqlite3.connect(tmp_path / "crm.db") as connection:
        scored = pd.read_sql_query("select * from scores", connection)
    assert scored[COLUMNS].to_numpy() == pytest.approx(expected[COLUMNS].to_numpy(), abs=1e-12)


def test_a_table_that_already_has_an_interval_column_is_refused(curved, prospects, tmp_path):
    prospects.assign(churn_probability_12m_low=0.1).to_parquet(tmp_path / "p.parquet")
    with pytest.raises(ProspectError, match="already has the column.s. churn_probability_12m_low"):
        score_file(tmp_path / "p.parquet", curved, tmp_path / "s.parquet", horizons=[12])


def test_an_unreadable_row_has_no_probability_at_any_horizon(curved, prospects, tmp_path):
    bad = prospects.head(3).astype({"seats": object})
    bad.loc[bad.index[1], "seats"] = "many"
    bad.to_csv(tmp_path / "p.csv", index=False)
    score_file(tmp_path / "p.csv", curved, tmp_path / "s.csv", horizons=[12], reasons=0)
    scored = pd.read_csv(tmp_path / "s.csv")
    for name in COLUMNS[-3:]:
        assert scored[name].isna().tolist() == [False, True, False]


def bundle_of(curved: FitModel, folder: Path) -> Path:
    return write_bundle(
        folder, "prospect-fit", files={SCORER_FILE: curved.scorer.to_json()},
        manifest={"spec": curved.manifest["spec"]}, make_current=True,
    )  # fmt: skip


def test_the_bundle_stores_the_curve_exactly(curved, prospects, expected, tmp_path):
    again = load(bundle_of(curved, tmp_path)).predict(prospects, horizon_months=ASKED, reasons=0)
    pd.testing.assert_frame_equal(again[COLUMNS], expected[COLUMNS], check_exact=True)


def test_the_command_writes_the_horizons(curved, prospects, expected, tmp_path):
    bundle_of(curved, tmp_path / "models")
    prospects.to_csv(tmp_path / "p.csv", index=False)
    command = ["score", str(tmp_path / "p.csv"), "--model", str(tmp_path / "models/prospect-fit")]
    command += ["--output", str(tmp_path / "s.csv"), "--horizons", "3,5,12", "--reasons", "0"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    scored = pd.read_csv(tmp_path / "s.csv")
    assert scored[COLUMNS].to_numpy() == pytest.approx(expected[COLUMNS].to_numpy())


def test_the_command_refuses_an_invalid_list_of_months(curved, prospects, tmp_path):
    bundle_of(curved, tmp_path / "models")
    prospects.to_csv(tmp_path / "p.csv", index=False)
    command = ["score", str(tmp_path / "p.csv"), "--model", str(tmp_path / "models/prospect-fit")]
    done = CliRunner().invoke(app, [*command, "-o", "-", "--horizons", "3 months"])
    assert done.exit_code == 2


def test_the_service_answers_at_the_horizons_of_the_query(curved, prospects, expected, tmp_path):
    client = TestClient(create_app(bundle_of(curved, tmp_path), Settings()))
    rows = json.loads(prospects.head(3).to_json(orient="records", date_format="iso"))
    one = client.post("/v1/assessments?horizons=3,5,12", json=rows[0]).json()
    assert [one[name] for name in COLUMNS] == expected[COLUMNS].iloc[0].tolist()
    schema = client.get("/openapi.json").json()["components"]["schemas"]["Assessment"]
    patterns = list(schema["patternProperties"])
    assert all(any(re.search(pattern, name) for pattern in patterns) for name in COLUMNS)
    both = client.post("/v1/assessments/batch?horizons=12", json=rows).json()["assessments"]
    assert [item[NAMES[2]] for item in both] == expected[NAMES[2]].iloc[:3].tolist()
    assert NAMES[2] not in client.post("/v1/assessments", json=rows[0]).json()


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("99", 409, "ends at month 18"),
        ("a", 422, "horizons"),
        ("0", 422, "horizons"),
        (",".join(["3"] * 25), 422, "horizons"),
    ],
)
def test_the_service_explains_an_impossible_horizon(
    curved, prospects, tmp_path, query, status, says
):
    client = TestClient(create_app(bundle_of(curved, tmp_path), Settings()))
    row = json.loads(prospects.iloc[0].to_json(date_format="iso"))
    answer = client.post(f"/v1/assessments?horizons={query}", json=row)
    assert answer.status_code == status
    assert says in answer.json()["detail"]


@pytest.mark.slow
def test_sql_gives_the_same_numbers(curved, prospects, expected):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        connection.register("prospects", prospects)
        scored = connection.sql(curved.to_sql("duckdb", as_of=TODAY, horizons=ASKED)).df()
    assert scored[COLUMNS].to_numpy() == pytest.approx(expected[COLUMNS].to_numpy(), abs=1e-9)


@pytest.mark.slow
def test_postgres_gives_the_same_numbers(curved, prospects, expected, postgresql):
    psycopg = pytest.importorskip("psycopg")
    table = prospects.map(lambda cell: str(cell.date()) if isinstance(cell, pd.Timestamp) else cell)
    kinds = {"f": "double precision", "i": "bigint", "u": "bigint"}
    made = [f'"{name}" {kinds.get(kind.kind, "text")}' for name, kind in prospects.dtypes.items()]
    cells = table.astype(object).where(table.notna(), None).to_numpy().tolist()
    with psycopg.connect(postgresql) as connection, connection.cursor() as cursor:
        cursor.execute(f"create temporary table prospects ({', '.join(made)}, place bigint)")
        marks = ", ".join(["%s"] * (len(table.columns) + 1))
        rows = [[*row, position] for position, row in enumerate(cells)]
        cursor.executemany(f"insert into prospects values ({marks})", rows)  # noqa: S608 - the test's own
        cursor.execute(curved.to_sql("postgres", as_of=TODAY, horizons=ASKED))
        names = [column.name for column in cursor.description or ()]
        scored = pd.DataFrame(cursor.fetchall(), columns=names).sort_values("place")
    got = scored[COLUMNS].to_numpy(dtype=float)
    assert got == pytest.approx(expected[COLUMNS].to_numpy(), abs=1e-9)


@pytest.mark.parametrize("bad", [0, -3, 2.5, True, "12", [12, 0]])
def test_a_horizon_that_is_not_a_positive_integer_is_refused(curved, prospects, bad):
    with pytest.raises(ProspectError, match="give whole months"):
        curved.predict(prospects, horizon_months=bad)


def test_a_horizon_beyond_the_curve_is_refused(curved, prospects):
    with pytest.raises(ProspectError, match="ends at month 18.*Remedy: ask for at most 18 months"):
        curved.predict(prospects, horizon_months=19)


def test_an_older_bundle_without_a_curve_accepts_only_its_own_horizon(model, prospects):
    old = FitModel(model.scorer, {"spec": {"label": {"horizon_months": 5}}})
    result = old.predict(prospects, horizon_months=5)
    assert (result["churn_probability_5m"] == result[OWN]).all()
    assert (result["churn_probability_5m_low"] == result["probability_low"]).all()
    with pytest.raises(ProspectError, match=r"own horizon \(5 months\) only.*train it again"):
        old.predict(prospects, horizon_months=12)
    with pytest.raises(ProspectError, match="train it again"):
        old.survival(prospects)


def test_a_damaged_curve_is_refused_when_the_bundle_is_opened(curved):
    data = json.loads(curved.scorer.to_json())
    for damage in ({"slope": [1.0]}, {"attribute": "no such", "stratum_by_code": [0]}):
        broken = json.dumps(data | {"curve": data["curve"] | damage}).encode()
        with pytest.raises(BundleError, match="damaged"):
            scorer_from_json(broken, "v")


def test_the_survival_table_has_a_row_per_month_and_a_column_per_prospect(
    curved, prospects, expected
):
    there = curved.survival(prospects)
    assert there.shape == (END + 1, len(prospects))
    assert (there.loc[0] == 1).all()
    assert there.loc[12].to_numpy() == pytest.approx(1 - expected[NAMES[2]].to_numpy())
    assert (there.diff().iloc[1:] <= 0).all(axis=None)


def test_every_horizon_has_an_interval_equal_to_predict_at_the_models_horizon(
    curved, prospects, expected
):
    result = curved.horizon_intervals(prospects, ASKED)
    pd.testing.assert_frame_equal(result, expected[COLUMNS], check_exact=True)
    for name in NAMES:
        assert (result[f"{name}_low"] <= result[name]).all()
        assert (result[name] <= result[f"{name}_high"]).all()
    assert (result[f"{NAMES[1]}_low"] == expected["probability_low"]).all()
    assert (result[f"{NAMES[1]}_high"] == expected["probability_high"]).all()
    own, other = (_squared_half_widths(result, name) for name in NAMES[1:3])
    slope = curved.scorer.curve.slope[ASKED[2] - 1]
    added = [there - slope**2 * here for here, there in zip(own, other, strict=True)]
    assert (added[0] > 0).all()  # what is not known of the curve, the same on both sides
    assert added[1] == pytest.approx(added[0])
    with pytest.raises(ProspectError, match="curve ends at month 18"):
        curved.horizon_intervals(prospects, END + 1)


def _squared_half_widths(result, name):
    """Squared distance in log-odds from the probability to each end of its interval."""
    low, p, high = (logit(result[f"{name}{end}"].to_numpy()) for end in ("_low", "", "_high"))
    return (p - low) ** 2, (high - p) ** 2


def test_interval_limits_do_not_decrease_with_the_horizon(curved, prospects):
    months = [*range(1, END + 1)]
    result = curved.horizon_intervals(prospects, months)
    for end in ("", "_low", "_high"):
        parts = result[[f"churn_probability_{month}m{end}" for month in months]]
        assert (parts.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)


def test_an_own_estimator_has_no_interval_at_any_horizon(curved, prospects):
    scored = curved.predict(prospects, reasons=0)
    scored[["probability_low", "probability_high"]] = np.nan
    result = add_horizons(curved, scored, prospects, ASKED, None)
    assert result[[name for ends in ENDS for name in ends]].isna().all(axis=None)
    assert result[NAMES].notna().all(axis=None)


def test_the_lifetime_is_inside_its_interval_with_the_last_month_of_the_curve(curved, prospects):
    life = curved.expected_lifetime_months(prospects)
    assert (life["lifetime_low"] <= life["expected_lifetime_months"]).all()
    assert (life["expected_lifetime_months"] <= life["lifetime_high"]).all()
    assert (life["curve_ends_month"] == END).all()
    risk = curved.predict(prospects, reasons=0)[OWN]
    if curved.scorer.curve.attribute is None:
        order = np.argsort(risk.to_numpy())
        assert (np.diff(life["expected_lifetime_months"].to_numpy()[order]) <= 1e-9).all()
