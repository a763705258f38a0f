"""A table gives the same predictions as mapping, frame, CSV, Parquet, Excel, in service and Spark.

The forms are those that training found in such a table, so what past deals are written like,
prospects may be written like too.
"""

from __future__ import annotations

import csv
import json
import warnings
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fitmodel.bundle.store import write_bundle
from fitmodel.deals.reading import read_deals, read_deals_with_findings
from fitmodel.deals.vocabulary import LostRows
from fitmodel.exceptions import DealsError, ProspectError
from fitmodel.loading import load
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.opening import SCORER_FILE
from fitmodel.model.scorer import Scorer, scorer_from_json
from fitmodel.scoring import spark
from fitmodel.scoring.batch import score_file
from fitmodel.service.app import create_app
from fitmodel.service.settings import Settings
from fitmodel.tables.values import UnreadableValueError, day_of, read_number

TODAY = date(2026, 7, 1)
NAME = "early_churn_probability"
careful = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def written(deals: pd.DataFrame) -> pd.DataFrame:
    """Deals as a German CRM exports them."""
    comma = str.maketrans(",.", ".,")
    return deals.assign(
        annual_value=deals["annual_value"].map(lambda n: f"{n:,.2f} €".translate(comma)),
        seats=deals["seats"].map(lambda n: f"{n:,} users"),
        discount=deals["discount"].map(lambda n: f"{100 * n:.0f}%"),
        closed_on=pd.to_datetime(deals["closed_on"]).dt.strftime("%d-%m-%Y"),
        first_contact_on=pd.to_datetime(deals["first_contact_on"]).dt.strftime("%d/%m/%Y"),
        has_crm_integration=deals["has_crm_integration"].map({"yes": "ja", "no": "nein"}),
    )


@pytest.fixture(scope="module")
def german(model: FitModel, simulation) -> FitModel:
    """The model as trained on the German deals."""
    spec = read_deals_with_findings(written(simulation.deals), simulation.spec).spec
    shipped = replace(model.scorer, forms=spec.reading.forms).to_json()
    return FitModel(scorer_from_json(shipped, "test"), {})


@pytest.fixture(scope="module")
def knowing(german: FitModel) -> FitModel:
    """The same model with a contract that keeps only won deals of a pipeline."""
    lost = LostRows(keep={"stage": ("Won",)}, drop={"test": ("true",)})
    shipped = replace(german.scorer, lost=lost).to_json()
    return FitModel(scorer_from_json(shipped, "test"), {})


def test_the_forms_are_those_of_the_written_table(german) -> None:
    assert german.scorer.forms.to_dict() == {
        "dates": {"first_contact_on": "day first", "closed_on": "day first"},
        "numbers": {"annual_value": "1.234,5", "seats": "1,234.5", "discount": "1234.5"},
        "units": {"annual_value": "EUR", "seats": "user", "discount": "%"},
        "empty": {},
    }


def test_prospects_written_like_the_deals_have_the_same_probability_as_plain_ones(
    model, german, prospects
) -> None:
    plain = prospects.assign(discount=prospects["discount"].round(2))
    expected = model.predict(plain)
    texts = written(plain)
    scored = german.predict(texts)
    assert scored[NAME].tolist() == expected[NAME].tolist()
    # typed values need no form
    assert german.predict(plain)[NAME].tolist() == expected[NAME].tolist()
    with pytest.raises(ProspectError, match=r"first_contact_on: 60 value.*in row 0"):
        model.predict(texts)


def test_reasons_are_the_same_in_every_way_of_scoring(german, prospects, tmp_path) -> None:
    texts = written(prospects.head(12))
    texts.to_csv(tmp_path / "in.csv", sep=";", index=False)
    score_file(tmp_path / "in.csv", german, tmp_path / "out.parquet", reasons=30)
    filed = [json.loads(text) for text in pd.read_parquet(tmp_path / "out.parquet")["reasons"]]
    framed = [
        [reason.to_dict() for reason in row] for row in german.predict(texts, reasons=30)["reasons"]
    ]
    alone = [
        german.predict(row, reasons=30).to_dict()["reasons"] for row in texts.to_dict("records")
    ]
    sentences = [
        [[reason["sentence"] for reason in row] for row in rows] for rows in (filed, framed, alone)
    ]
    assert sentences[0] == sentences[1] == sentences[2]


AMOUNTS = ["12.500,00 €", "1.234", "1234,5", "12.5", "€ 900", "$ 900", "abc", "", "1,5 k", "-3"]
SEATS = ["12", "12 users", "1,200 users", "1.200", "5 months", "NA", "-", "12%", "1e2"]
DAYS = ["03/04/2024", "31-12-2023", "2024-02-29", "29/02/2023", "", "soon", "5.6.24", "20240101"]
FLAGS = ["ja", "NEIN", "yes", "0", "sim", "maybe", ""]
NOTHING = {"", "-", "NA", "N/A"}
SHARES = ["10%", "10", "0.1", "12,5%", "N/A"]
ROWS = st.fixed_dictionaries(
    {
        "annual_value": st.sampled_from(AMOUNTS),
        "seats": st.sampled_from(SEATS),
        "first_contact_on": st.sampled_from(DAYS),
        "closed_on": st.sampled_from(DAYS),
        "has_crm_integration": st.sampled_from(FLAGS),
        "discount": st.sampled_from(SHARES),
        "segment": st.sampled_from(["smb", " mid ", "NA", "None", "new", "", "null"]),
        "stage": st.sampled_from(["Won", "Open", "Open", "Lost", "closed - lost", "", "丢单"]),
        "test": st.sampled_from(["", "false", "TRUE"]),
    }
)


def _alone(model: FitModel, row: dict[str, str]) -> float | None:
    """Probability of one prospect; None if it is refused."""
    try:
        return model.predict(row, as_of=TODAY).early_churn_probability
    except ProspectError:
        return None


def _scored(model: FitModel, source: Path, folder: Path, chunk_rows: int) -> list[float | None]:
    output = folder / "out.parquet"
    score_file(source, model, output, reasons=0, chunk_rows=chunk_rows)
    read = pd.read_parquet(output)[NAME]
    return [None if pd.isna(value) else value for value in read]


def _on_spark(model: FitModel, frame: pd.DataFrame, batch_rows: int) -> list[float | None]:
    """The result of a Spark worker for a partition, computed without Spark."""
    batches = pa.Table.from_pandas(frame, preserve_index=False).to_batches(batch_rows)
    scored = [
        batch
        for group in spark._groups(iter(batches))
        for batch in spark._with_predictions(group, model, 0, TODAY)
    ]
    return [value for batch in scored for value in batch.column(NAME).to_pylist()]


@pytest.mark.slow
@careful
@given(rows=st.lists(ROWS, min_size=1, max_size=8), chunk_rows=st.integers(1, 9))
def test_every_way_of_scoring_reads_a_table_the_same(
    knowing, prospects, tmp_path_factory, rows, chunk_rows
) -> None:
    rest = prospects.iloc[0].astype(str).to_dict()
    whole = [rest | row for row in rows]
    frame = pd.DataFrame(whole, dtype="str")
    expected = [_alone(knowing, row) for row in whole]

    scored, errors = knowing.predict_table(frame, as_of=TODAY)
    assert [None if bad else value for value, bad in zip(scored[NAME], errors.notna(), strict=True)
            ] == expected  # fmt: skip
    assert _on_spark(knowing, frame, chunk_rows) == expected
    assert _strictly(knowing, frame) in (expected, None)

    folder = tmp_path_factory.mktemp("doors")
    frame.to_parquet(folder / "in.parquet")
    for name, separator in (("in.csv", ","), ("in.tsv", "\t"), ("bar.csv", "|")):
        frame.to_csv(folder / name, index=False, sep=separator, quoting=csv.QUOTE_ALL)
    for kind in ("in.parquet", "in.csv", "in.tsv", "bar.csv"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("fitmodel.scoring.batch.today", lambda: TODAY)
            assert _scored(knowing, folder / kind, folder, chunk_rows) == expected, kind


def _strictly(model: FitModel, frame: pd.DataFrame) -> list[float | None] | None:
    """Probabilities of a frame; None if `predict` refuses it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            scored = model.predict(frame, as_of=TODAY)[NAME]
        except ProspectError:
            return None
    return [None if pd.isna(value) else value for value in scored]


TYPED = st.fixed_dictionaries(
    {
        "annual_value": st.sampled_from([12_500, 1234.5, Decimal("900.25"), None, "1.234,5 €"]),
        "seats": st.sampled_from([12, 3.0, "12 users", None, float("nan"), Decimal(7)]),
        "first_contact_on": st.sampled_from(
            [date(2024, 3, 4), datetime(2024, 3, 4, 23, 59), "2024-03-04", "04/03/2024", None]  # noqa: DTZ001 - a cell without a zone
        ),
        "has_crm_integration": st.sampled_from([True, False, "ja", "No", 1, 0, None]),
        "stage": st.sampled_from(["Won", "Open", "Lost", None]),
    }
)


@careful
@given(rows=st.lists(TYPED, min_size=1, max_size=6))
def test_values_of_any_type_are_read_the_same_alone_and_in_a_frame(
    knowing, prospects, rows
) -> None:
    rest = prospects.iloc[0].astype(object).to_dict()
    whole = [rest | row for row in rows]
    frame = pd.DataFrame({name: pd.Series([row[name] for row in whole], dtype=object)
                          for name in whole[0]})  # fmt: skip
    scored, errors = knowing.predict_table(frame, as_of=TODAY)
    result = [
        None if bad else value for value, bad in zip(scored[NAME], errors.notna(), strict=True)
    ]

    assert result == [_alone(knowing, row) for row in whole]


NUMBERS = ("annual_value", "seats", "discount")


def _number_alone(scorer: Scorer, name: str, text: str) -> float | None:
    """The number in one cell, read like that of a prospect; None if the cell is missing.

    Raises UnreadableValueError if it is not a number.
    """
    return None if text in NOTHING else read_number(text, scorer.forms.number(name))


def _is_readable(scorer: Scorer, name: str, text: str) -> bool:
    try:
        _number_alone(scorer, name, text)
    except UnreadableValueError:
        return False
    return True


GOOD = st.fixed_dictionaries(
    {
        "annual_value": st.sampled_from(["12.500,00 €", "1.234", "1234,5", "€ 900", "", "1,5 k"]),
        "seats": st.sampled_from(["12", "12 users", "1,200 users", "NA", "-", "1e2"]),
        "first_contact_on": st.sampled_from(DAYS),
        "discount": st.sampled_from(["10%", "12.5%", "N/A"]),
    }
)


@pytest.mark.slow
@careful
@given(rows=st.lists(st.one_of(GOOD, ROWS), min_size=1, max_size=4))
def test_past_deals_are_read_like_prospects(german, simulation, rows) -> None:
    """Training and scoring refuse the same numbers and read the others the same."""
    deals = written(simulation.deals)
    spec = read_deals_with_findings(deals, simulation.spec).spec
    names = [*NUMBERS, "first_contact_on"]
    changed = deals.head(200).reset_index(drop=True)
    for number, row in enumerate(rows):
        changed.loc[number, names] = [row[name] for name in names]
    scorer = german.scorer
    readable = all(_is_readable(scorer, name, row[name]) for row in rows for name in NUMBERS)
    if not readable:
        with pytest.raises(DealsError, match="Remedy"):
            read_deals(changed, spec)
        return
    read = read_deals(changed, spec)
    for number, row in enumerate(rows):
        for name in NUMBERS:
            alone, result = _number_alone(scorer, name, row[name]), read[name].iloc[number]
            assert pd.isna(result) if alone is None else float(result) == alone
        result = read["first_contact_on"].iloc[number]
        text, form = row["first_contact_on"], scorer.forms.date("first_contact_on")
        day = None if text in NOTHING else day_of(text, form)
        assert (
            pd.isna(result) if day is None else pd.Timestamp(result) == pd.Timestamp(day, unit="D")
        )


@careful
@given(rows=st.lists(ROWS, min_size=1, max_size=8))
def test_the_service_reads_a_prospect_like_predict(served, rows) -> None:
    """In a pipeline, a lost prospect gets a reason and no probability."""
    client, model, rest = served
    whole = [rest | row for row in rows]
    answer = client.post("/v1/assessments", json={"prospects": whole}).json()["assessments"]
    for row, item in zip(whole, answer, strict=True):
        assert item.get(NAME) == _today(model, row)
        assert item.get("error", "").startswith("left out: ") == bool(model.scorer.lost.why(row))


def _today(model: FitModel, row: dict[str, str]) -> float | None:
    try:
        return model.predict(row).early_churn_probability
    except ProspectError:
        return None


@pytest.fixture(scope="module")
def served(knowing: FitModel, prospects, tmp_path_factory):
    root = tmp_path_factory.mktemp("served")
    path = write_bundle(root, "fit", files={SCORER_FILE: knowing.scorer.to_json()}, manifest={})
    rest = prospects.iloc[0].astype(str).to_dict()
    with TestClient(create_app(root / "fit", Settings(reload_seconds=0))) as client:
        yield client, load(path), rest


def test_a_semicolon_file_with_contradictory_marks_is_refused(german, prospects, tmp_path) -> None:
    rows = written(prospects.head(2)).assign(seats=["1,200", "1,200.5"])
    rows.to_csv(tmp_path / "in.csv", sep=";", index=False)
    score_file(tmp_path / "in.csv", german, tmp_path / "out.csv", reasons=0)
    errors = pd.read_csv(tmp_path / "out.csv", sep=";")["error"]
    assert "seats: '1,200' is unclear: its mark may be decimal" in errors[0]
    assert pd.isna(errors[1])


@pytest.mark.parametrize("encoding", ["gb18030", "cp1252", "utf-16"])
def test_a_file_in_another_encoding_is_scored_as_in_utf8(
    german, prospects, tmp_path, encoding
) -> None:
    city = "上海" if encoding == "gb18030" else "München"
    texts = written(prospects).assign(city=city).replace(" €", " EUR", regex=True)
    (tmp_path / "in.csv").write_bytes(texts.to_csv(index=False, sep=";").encode(encoding))
    done = score_file(tmp_path / "in.csv", german, tmp_path / "out.csv", reasons=0)
    out = pd.read_csv(tmp_path / "out.csv", sep=";")
    assert done.errors == 0
    assert out["city"].eq(city).all()
    assert out[NAME].tolist() == german.predict(texts)[NAME].tolist()


def test_titles_and_totals_of_a_file_are_not_prospects(german, prospects, tmp_path) -> None:
    texts = written(prospects)
    lines = texts.to_csv(index=False, sep=";")
    sums = ";".join(["Total"] + [""] * (len(texts.columns) - 1))
    path = tmp_path / "in.csv"
    path.write_text(f"Open deals\n\n{lines}{sums}\n", encoding="utf-8")
    done = score_file(path, german, tmp_path / "out.csv", reasons=0, chunk_rows=7)
    out = pd.read_csv(tmp_path / "out.csv", sep=";")
    assert (done.rows, done.errors) == (61, 1)
    assert out["error"].iloc[-1] == "a line of sums, not a prospect"
    assert out[NAME].iloc[:60].tolist() == german.predict(texts)[NAME].tolist()


def test_a_workbook_is_scored_like_its_frame(model, prospects, tmp_path) -> None:
    prospects.to_excel(tmp_path / "in.xlsx", index=False)
    done = score_file(tmp_path / "in.xlsx", model, tmp_path / "out.csv", reasons=0, chunk_rows=11)
    assert done.errors == 0
    scored = pd.read_csv(tmp_path / "out.csv")[NAME]
    assert scored.tolist() == model.predict(prospects)[NAME].tolist()
    with pytest.raises(ProspectError, match="workbooks are only read"):
        score_file(tmp_path / "in.xlsx", model, tmp_path / "out.xlsx")
