"""The brief over HTTP has the same content as the brief page."""

from __future__ import annotations

import html
import json

import pytest
from fastapi.testclient import TestClient

from fitmodel.language.catalogue import LANGUAGES
from fitmodel.reports.brief import make_brief
from fitmodel.reports.brief_pages import brief_content, brief_markdown, brief_page
from fitmodel.service.app import create_app
from fitmodel.service.settings import Settings

languages = pytest.mark.parametrize("language", LANGUAGES)


@pytest.fixture(scope="module")
def asked(twelve):
    with TestClient(create_app(twelve.path, Settings(reload_seconds=0))) as ready:
        yield ready


@pytest.fixture(scope="module")
def rows(twelve):
    rows = json.loads(twelve.prospects.to_json(orient="records", date_format="iso"))
    dates = [name for name in twelve.prospects if name.endswith("_on")]
    return [row | {name: row[name][:10] for name in dates} for row in rows]


@languages
def test_the_briefs_of_the_twelve_prospects_have_the_expected_results(
    asked, twelve, rows, language
) -> None:
    for row, expected in zip(rows, twelve.expected.to_dict("records"), strict=True):
        answer = asked.post(f"/v1/brief?language={language}", json=row).json()
        brief = make_brief(twelve.model, row, language=language)
        assert answer == brief_content(brief)
        assert answer["fit"] == expected["fit"]
        page = html.unescape(brief_page(brief))
        for text in (
            answer["title"],
            answer["headline"],
            *answer["facts"],
            *answer["money"]["rows"][0],
        ):
            assert text in page
        for cells in answer["conditions"]["rows"]:
            assert all(cell in page for cell in cells)
        assert bool(answer["conditions"]["rows"]) == (expected["fit"] == "poor")
        assert bool(answer["letter"]["text"]) == (expected["fit"] == "poor")
        for part in ("conditions", "letter"):
            assert all(note in page for note in answer[part]["notes"])


@pytest.mark.parametrize(("form", "write"), [("html", brief_page), ("md", brief_markdown)])
def test_the_file_equals_the_one_written_by_the_command(asked, twelve, rows, form, write) -> None:
    answer = asked.post(f"/v1/brief?form={form}&name=ACME", json=rows[2])
    assert answer.text == write(make_brief(twelve.model, rows[2], name="ACME"))
    assert answer.headers["content-type"].startswith("text/")


@pytest.mark.parametrize("form", ["json", "html", "md"])
def test_a_sign_that_a_crm_cut_in_two_is_escaped(asked, rows, form) -> None:
    body = json.dumps(rows[0] | {"deal_id": "Acme \ud83d"})
    answer = asked.post(f"/v1/brief?form={form}", content=body)
    assert answer.status_code == 200
    assert "Acme" in answer.text
    if form == "json":
        assert answer.json()["name"] == "Acme \ud83d"


def test_an_invalid_prospect_is_refused_with_the_remedy(asked, rows) -> None:
    assert asked.post("/v1/brief", json=rows).status_code == 400
    answer = asked.post("/v1/brief", json={"seats": 3})
    assert answer.status_code == 422
    assert "are missing" in answer.json()["detail"]
    assert asked.post("/v1/brief?language=fr", json=rows[0]).status_code == 422


def test_the_brief_needs_the_token(twelve, rows) -> None:
    guarded = Settings(reload_seconds=0, token="geheim")  # noqa: S106 - no secret of anybody
    with TestClient(create_app(twelve.path, guarded)) as ready:
        assert ready.post("/v1/brief", json=rows[0]).status_code == 401
