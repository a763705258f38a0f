"""Twelve prospects get the same fit, worth, escalation and sentences in every way of scoring."""

# ruff: noqa: RUF001 - Chinese sentences have their own commas and brackets

from __future__ import annotations

import datetime as dt
import html
import json
from importlib.resources import files

import pandas as pd
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from fitmodel.deals.contract import DealSpec
from fitmodel.language.catalogue import LANGUAGES, read_texts
from fitmodel.reports._loss_sections import worth_section
from fitmodel.reports.brief import make_brief
from fitmodel.reports.brief_pages import brief_markdown, brief_page
from fitmodel.reports.html import render
from fitmodel.sales.worth import _scored as band_deals
from fitmodel.sales.worth import compute_worth
from fitmodel.scoring._database_sink import DatabaseSink
from fitmodel.scoring.batch import score_file, score_stream
from fitmodel.scoring.sources import open_database
from fitmodel.scoring.spark import _with_predictions
from fitmodel.scoring.tables import open_source
from fitmodel.service.app import create_app
from fitmodel.service.settings import Settings

TOPICS = sorted(
    path.name.removesuffix(".toml")
    for path in files("fitmodel.language").joinpath("zh").iterdir()
    if path.name.endswith(".toml")
)
COPIES = 20  # a group of few deals is not shown in the report
COLUMNS = ["fit", "worth", "escalate"]
VALUES = ["expected_value", "expected_value_low", "expected_value_high"]
FIT = {
    "en": {"good": "good fit", "watch": "watch", "poor": "poor fit"},
    "zh": {"good": "匹配", "watch": "需关注", "poor": "不匹配"},
}
WORTH = {
    "en": {
        "gains": "gains money",
        "loses": "loses money",
        "unclear": "gain or loss is not clear",
    },
    "zh": {"gains": "预计盈利", "loses": "预计亏损", "unclear": "盈亏尚不明确"},
}
MANAGER = {"en": "A manager should decide", "zh": "应由经理决定"}
HEADLINE = {
    "en": {
        "good": "The risk is no higher than usual",
        "watch": "Look closely before signing",
        "poor": "Do not sign as it stands",
    },
    "zh": {
        "good": "风险不高于平均水平",
        "watch": "签约前请仔细核实",
        "poor": "按目前条件，不建议签约",
    },
}


def whole_percent(share: float) -> str:
    """Rounded percentage, without 0% or 100% for inexact values."""
    return "<1" if share < 0.005 else ">99" if share > 0.995 else f"{100 * share:.0f}"


def sentences(row: pd.Series, language: str) -> list[str]:
    """The expected sentences for a prospect, written independently."""
    low, chance, high = (whole_percent(row[name]) for name in ("low", "chance", "high"))
    fit, worth = FIT[language][row["fit"]], WORTH[language][row["worth"]]
    amounts = [f"−€ {-x:,.0f}" if x < 0 else f"€ {x:,.0f}" for x in row[VALUES]]
    if language == "en":
        lines = [f"{fit}: {chance}% likely to leave within 5 months ({low}% to {high}%)"]
        money = f"expected value of signing: {amounts[0]} ({amounts[1]} to {amounts[2]}), {worth}"
    else:
        lines = [f"{fit}：在 5 个月内流失的概率为 {chance}%（{low}% 至 {high}%）"]
        money = f"签约的预期价值：{amounts[0]}（{amounts[1]} 至 {amounts[2]}），{worth}"
    if row["escalate"]:
        lines.append(MANAGER[language])
    return [*lines, money]


def assert_all_in(texts: list[str], row: pd.Series, language: str) -> None:
    text = "\n".join(texts)
    for item in sentences(row, language):
        assert item in text
    assert (MANAGER[language] in text) == row["escalate"]


def assert_columns(scored: pd.DataFrame, expected: pd.DataFrame) -> None:
    for name in COLUMNS:
        assert scored[name].tolist() == expected[name].tolist(), name
    for name in VALUES:
        assert scored[name].tolist() == pytest.approx(expected[name].tolist()), name


languages = pytest.mark.parametrize("language", LANGUAGES)


def test_the_twelve_prospects_cover_every_fit_worth_and_escalation(twelve) -> None:
    expected = twelve.expected
    assert expected["fit"].tolist() == [
        "good", "watch", "poor", "watch", "watch", "poor",
    ] * 2  # fmt: skip
    assert set(expected["worth"]) == {"gains", "loses", "unclear"}
    assert expected["escalate"].sum() == 2
    big = expected.iloc[[8, 11]]
    assert (big["fit"] == "poor").all()
    assert big["escalate"].all()


@languages
def test_predict_gives_the_expected_results(twelve, language) -> None:
    frame = twelve.model.predict(twelve.prospects, reasons=1, language=language)
    assert_columns(frame, twelve.expected)
    rows = twelve.prospects.to_dict("records")
    listed = twelve.model.predict(rows, language=language)
    assert_columns(pd.DataFrame([item.to_dict() for item in listed]), twelve.expected)
    for item, (_, row) in zip(listed, twelve.expected.iterrows(), strict=True):
        assert_all_in(list(item.sentences), row, language)
        assert str(item).startswith("\n".join(item.sentences))
        assert item.verdict in html.unescape(item._repr_html_())


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_scored_files_have_the_expected_results(twelve, tmp_path, ending) -> None:
    source, output = tmp_path / f"in.{ending}", tmp_path / f"out.{ending}"
    write = twelve.prospects.to_csv if ending == "csv" else twelve.prospects.to_parquet
    write(source, index=False)
    result = score_file(source, twelve.model, output, reasons=1)
    scored = pd.read_csv(output) if ending == "csv" else pd.read_parquet(output)
    assert_columns(scored, twelve.expected)
    assert (result.flagged, result.escalated, result.errors) == (4, 2, 0)


@pytest.fixture
def database(request, tmp_path) -> str:
    """URL of an empty database; of a PostgreSQL server if one is available."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql")
    return f"{request.param}:///{tmp_path}/deals.{request.param}"


@pytest.mark.parametrize(
    "database",
    ["sqlite", "duckdb", pytest.param("postgresql", marks=pytest.mark.slow)],
    indirect=True,
)
def test_exported_sql_gives_the_expected_results(twelve, tmp_path, database) -> None:
    twelve.prospects.to_csv(tmp_path / "in.csv", index=False)
    url = database
    with open_source(tmp_path / "in.csv", 5) as source:
        score_stream(source, twelve.model, DatabaseSink(f"{url}/scored", None), reasons=1)
    query = "select * from scored order by deal_id"
    with open_database(url, 5, query=query) as source:
        batches = [chunk.batch for chunk in source.chunks]
        scored = pa.Table.from_batches(batches, source.schema).to_pandas()
    assert_columns(scored.assign(escalate=scored["escalate"].astype(bool)), twelve.expected)


def test_the_function_for_spark_partitions_gives_the_expected_results(twelve) -> None:
    batch = pa.RecordBatch.from_pandas(twelve.prospects, preserve_index=False)
    parts = [batch.slice(0, 7), batch.slice(7)]
    scored = pa.Table.from_batches(
        list(_with_predictions(parts, twelve.model, 1, dt.date(2026, 7, 1)))
    )
    assert_columns(scored.to_pandas(), twelve.expected)


@languages
def test_the_service_gives_the_expected_results(twelve, language) -> None:
    rows = json.loads(twelve.prospects.to_json(orient="records", date_format="iso"))
    dates = [name for name in twelve.prospects if name.endswith("_on")]
    rows = [row | {name: row[name][:10] for name in dates} for row in rows]
    with TestClient(create_app(twelve.path, Settings(reload_seconds=0))) as client:
        answer = client.post(f"/v1/assessments?language={language}", json=rows).json()
    assert_columns(pd.DataFrame(answer["assessments"]), twelve.expected)
    for item, (_, row) in zip(answer["assessments"], twelve.expected.iterrows(), strict=True):
        assert_all_in(item["sentences"], row, language)
        for reason in item["reasons"]:
            number = reason["effect"].partition("×")[2]
            assert f"×{number}" in reason["sentence"] or number == "1.00"


@languages
def test_the_brief_has_the_expected_results(twelve, language) -> None:
    changed = []
    for (_, given), (_, row) in zip(
        twelve.prospects.iterrows(), twelve.expected.iterrows(), strict=True
    ):
        brief = make_brief(twelve.model, given.to_dict(), language=language)
        page, text = html.unescape(brief_page(brief)), html.unescape(brief_markdown(brief))
        text = text.replace("\\", "")  # the escape characters for Markdown
        for item in (HEADLINE[language][row["fit"]], *sentences(row, language)):
            capital = item[:1].upper() + item[1:]
            assert capital in page
            assert capital in text
        assert (MANAGER[language] in page) == row["escalate"]
        assert ("<details" in page) == (row["fit"] == "poor")
        ways = [item.words for item in brief.conditions if not item.is_term]
        assert all(("改为" in words) == (language == "zh") for words in ways)
        changed.extend(ways)
        terms = [item for item in brief.conditions if item.is_term]
        assert bool(terms) == (row["fit"] == "poor")
        for term in terms:
            assert term.early_churn_probability == row["chance"]
            assert term.expected_value > row["expected_value"]
            assert WORTH[language][term.worth] in page
            assert term.words in page
            assert term.words in text
    assert changed  # at least one poor fit has a counterfactual


@languages
def test_the_sales_report_has_the_expected_bands(twelve, language) -> None:
    """The report assigns signed deals to bands by the same rules and with the same words."""
    spec = DealSpec(**twelve.model.manifest["spec"])
    deals = pd.concat([twelve.prospects] * COPIES, ignore_index=True)
    scorer = twelve.model.scorer
    bands = band_deals([(scorer.scorecard, deals.index)], scorer.policy, deals, spec)
    again = pd.concat([twelve.expected] * COPIES, ignore_index=True)
    assert_columns(bands, again)
    deals["deal_id"] = [f"S{position:04d}" for position in deals.index]
    deals["closed_on"] = "2024-01-15"
    deals["churned_on"] = ["2024-03-01", *[None] * 4] * (len(deals) // 5)
    worth = compute_worth(deals, spec, bands["fit"])
    shown = worth.table[worth.table["kind"] == "fit"].set_index("name")
    assert shown["deals"].to_dict() == again["fit"].value_counts().to_dict()
    section = worth_section(
        worth, None, scorer.policy, money_format=spec.words.money, language=language
    )
    page = html.unescape(render(section.template, values=section.values))
    fit_row = read_texts(language, "worth")["fit_row"]
    for band, word in FIT[language].items():
        name = fit_row.format(band=read_texts(language, "fit")[f"badge_{band}"])
        assert word.removesuffix(" fit") in name.lower()
        assert name in page
    phrases_by_language = {"en": ["the company's level", "a multiple of the company's odds"],
            "zh": ["公司", "倍"]}[language]  # fmt: skip
    for words in phrases_by_language:
        assert words in page


@languages
def test_desk_and_report_use_the_same_word_for_each_fit(language) -> None:
    fit = read_texts(language, "fit")
    for band, word in FIT[language].items():
        assert fit[f"fit_{band}"] == word
        assert fit[f"badge_{band}"].lower() in word
    others = ("契合", "适合", "匹配等级")
    for topic in TOPICS:
        for text in read_texts("zh", topic).values():
            assert not any(word in text for word in others)
