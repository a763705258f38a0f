"""Routes of the desk: files without a token, data with the token, and the pipeline."""

from __future__ import annotations

import bz2
import gzip
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from fitmodel.decision.own_months import OwnMonths
from fitmodel.decision.policy import Policy
from fitmodel.decision.value import Money
from fitmodel.exceptions import ProspectError
from fitmodel.language.catalogue import LANGUAGES, read_texts
from fitmodel.model.fitmodel import FitModel
from fitmodel.service._pipeline import Pipeline
from fitmodel.service._pipeline_rows import cost_of_early_churn, money_at_risk
from fitmodel.service.app import create_app
from fitmodel.service.settings import Settings

TOKEN = "geheim"  # noqa: S105 - no secret of anybody
FILES = ("/", "/desk/desk.css", "/desk/desk.js", "/desk/theme.js", "/desk/icon.svg")
STILL = Settings(reload_seconds=0)
PACKED = {".csv.gz": gzip.compress, ".csv.bz2": bz2.compress, ".csv.zst": pa.Codec("zstd").compress}


@pytest.fixture(scope="module")
def pipeline(prospects, tmp_path_factory):
    path = tmp_path_factory.mktemp("pipeline") / "prospects.csv"
    prospects.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def guarded(source, pipeline):
    settings = Settings(token=TOKEN, reload_seconds=0)
    with TestClient(create_app(source, settings, pipeline=pipeline)) as ready:
        yield ready


@pytest.mark.parametrize("path", [*FILES, "/desk/texts/en", "/desk/texts/zh"])
def test_the_files_of_the_page_need_no_token(guarded, path) -> None:
    answer = guarded.get(path)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "require-trusted-types-for 'script'" in answer.headers["content-security-policy"]


def test_the_html_of_the_page_says_whether_rows_can_be_requested(guarded, client) -> None:
    assert guarded.get("/").text.startswith("<!doctype html>\n<html data-rows ")
    assert client.get("/").text.startswith("<!doctype html>\n<html lang=")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/desk",
        "/v1/pipeline",
        "/index.html",
        "/desk",
        "/desk/",
        "/desk/../v1/desk",
        "/desk/texts/fr",
    ],
)
def test_all_other_routes_need_the_token(guarded, path) -> None:
    assert guarded.get(path).status_code == 401


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_texts_equal_those_of_the_catalogue(client, language) -> None:
    shown = client.get(f"/desk/texts/{language}").json()
    assert shown == dict(read_texts(language, "fit")) | dict(read_texts(language, "desk"))


def test_the_page_has_no_external_urls_and_no_inline_code(client) -> None:
    page = client.get("/").text
    assert "//" not in page.replace("<!doctype", "").replace("http://www.w3.org", "")
    assert "style=" not in page
    assert "<script>" not in page


def test_the_pipeline_is_returned_unchanged_and_read_again_after_a_change(
    guarded, pipeline
) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    before = pipeline.read_bytes()
    assert guarded.get("/v1/pipeline", headers=headers).content == before
    pipeline.write_bytes(before + before.splitlines(keepends=True)[-1])
    try:
        assert len(guarded.get("/v1/pipeline", headers=headers).content) > len(before)
    finally:
        pipeline.write_bytes(before)


def test_a_deleted_pipeline_is_an_error_and_a_missing_one_is_not_found(
    source, client, prospects, tmp_path
) -> None:
    path = tmp_path / "prospects.csv"
    prospects.to_csv(path, index=False)
    with TestClient(create_app(source, STILL, pipeline=path)) as asked:
        path.unlink()
        answer = asked.get("/v1/pipeline")
    assert answer.status_code == 503
    assert "cannot be read" in answer.json()["detail"]
    assert client.get("/v1/pipeline").status_code == 404
    assert client.get("/v1/desk").json()["pipeline"] is None


def test_the_desk_gets_the_model_its_roles_and_the_limits(guarded, model) -> None:
    answer = guarded.get("/v1/desk", headers={"authorization": f"Bearer {TOKEN}"}).json()
    assert [item["name"] for item in answer["model"]["attributes"]] == list(model.attributes)
    assert answer["roles"]["amount"] == model.scorer.amount
    assert answer["pipeline"] == "prospects.csv"
    assert answer["limits"]["prospects"] == Settings().max_prospects
    assert answer["cost_of_early_churn"] is None
    assert set(model.attributes) <= set(answer["example"])


OWN = OwnMonths((0.0, 0.2, 0.6, 1.0), (40.0, 31.0, 14.0, 6.0), (4.5, 3.0, 2.0, 0.5))


@pytest.mark.parametrize("own", [None, OWN])
@pytest.mark.parametrize("upfront", [0.0, 2.5, 12.0])
@pytest.mark.parametrize("amount", [0.0, 1_200.0, 98_765.4])
@pytest.mark.parametrize("probability", [0.0, 0.07, 0.3, 0.55, 1.0])
def test_the_value_if_it_stays_minus_the_money_at_risk_is_the_expected_value(
    amount, probability, upfront, own
) -> None:
    """With each customer's own months, also if more months were paid in advance."""
    money = Money(
        0.8, 30.0, 3.0, 400.0, 900.0, 60.0, 0.1, paid_upfront_months=upfront, own_months=own
    )
    cost = cost_of_early_churn(money)
    fixed, each = (
        np.interp(probability, cost["probability"], cost[name]) for name in ("fixed", "per_amount")
    )
    at_risk = probability * (fixed + each * amount)
    stays = (
        money.value_if_stays(amount, np.array([probability]))[0]
        if own
        else (money.value_if_stays(amount))
    )
    assert stays - at_risk == pytest.approx(money.expected_value(probability, amount))


def test_money_at_risk_of_the_pipeline_uses_each_customers_own_months(model) -> None:
    money = Money(0.8, 30.0, 3.0, 400.0, 900.0, 60.0, 0.1, own_months=OWN)
    priced = replace(model.scorer, policy=Policy("threshold", 0.4, money), per_year=12.0)
    chance, amount = np.array([0.1, 0.5, np.nan]), np.array([100.0, 100.0, 100.0])
    result = money_at_risk(FitModel(priced, {}), chance, amount)
    for position in (0, 1):
        stays, leaves = OWN.of_one(chance[position])
        margin = 0.8 * 1_200 / 12 * (stays - leaves)
        cost = margin + 60 * leaves + 0.1 * 1_200 - 400.0  # acquisition cost 400, if it stays
        assert result[position] == pytest.approx(chance[position] * cost)
    assert np.isnan(result[2])


@pytest.mark.parametrize("ending", [".csv", *PACKED, ".parquet", ".xlsx"])
def test_every_file_format_of_the_pipeline_gives_the_same_rows(
    prospects, model, tmp_path, ending
) -> None:
    path = tmp_path / f"prospects{ending}"
    if ending == ".parquet":
        prospects.to_parquet(path)
    elif ending == ".xlsx":
        prospects.to_excel(path, index=False)
    else:
        text = prospects.to_csv(index=False).encode()
        path.write_bytes(PACKED[ending](text) if ending in PACKED else text)
    pipeline = Pipeline(path, Settings())
    pipeline.check(model)
    copy = tmp_path / "copy.csv"
    copy.write_bytes(pipeline.read_csv())
    assert list(pd.read_csv(copy)["seats"]) == list(prospects["seats"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_pipeline_in_another_encoding_is_shown_as_utf_8(prospects, model, tmp_path, encoding):
    path = tmp_path / "prospects.csv"
    names = [f"客户张三{position}" for position in range(len(prospects))]
    path.write_bytes(prospects.assign(account=names).to_csv(index=False).encode(encoding))
    pipeline = Pipeline(path, Settings())
    pipeline.check(model)
    assert [
        row.split(",")[-1] for row in pipeline.read_csv().decode("utf-8-sig").splitlines()[1:]
    ] == names
    assert pipeline.values_of("account") == set(names)


@pytest.mark.parametrize(
    ("limits", "change", "words"),
    [
        ({}, lambda frame: frame.drop(columns="seats"), "seats"),
        ({"max_prospects": 10}, None, "60 prospects, the desk shows 10"),
        ({"max_bytes": 1_000}, None, "longer than 1,000 bytes"),
    ],
)
def test_an_unreadable_pipeline_stops_the_service_at_its_start(
    source, prospects, tmp_path, limits, change, words
) -> None:
    path = tmp_path / "prospects.csv"
    (prospects if change is None else change(prospects)).to_csv(path, index=False)
    with pytest.raises(ProspectError, match=words):
        create_app(source, Settings(reload_seconds=0, **limits), pipeline=path)


def test_a_pipeline_with_lists_in_a_column_is_refused_with_the_remedy(
    source, prospects, tmp_path
) -> None:
    path = tmp_path / "prospects.parquet"
    prospects.assign(tags=[["a"]] * len(prospects)).to_parquet(path)
    with pytest.raises(ProspectError, match=r"(?s)cannot be shown.*Remedy: .*leave out columns"):
        create_app(source, STILL, pipeline=path)


@pytest.mark.parametrize("ending", [".csv.gz", ".csv.bz2"])
def test_the_error_for_a_truncated_pipeline_names_the_problem(tmp_path, ending) -> None:
    path = tmp_path / f"prospects{ending}"
    path.write_bytes(PACKED[ending](b"deal_id,seats\nD-1,4\n")[:-6])
    with pytest.raises(ProspectError, match="cannot be shown.*see that it is whole"):
        Pipeline(path, Settings()).read_csv()


def test_the_error_for_a_missing_pipeline_names_it(source, tmp_path) -> None:
    with pytest.raises(ProspectError, match="there is no file"):
        create_app(source, STILL, pipeline=tmp_path / "none.csv")


def test_values_sent_as_text_by_the_desk_are_scored(client, prospects, model) -> None:
    (row,) = json.loads(prospects.head(1).to_json(orient="records", date_format="iso"))
    text = {name: None if value is None else str(value) for name, value in row.items()}
    answer = client.post("/v1/assessments", json={name: text[name] for name in model.attributes})
    assert answer.status_code == 200
