"""Endpoints of the pages: missing inputs have a remedy, and results are computed once."""

from __future__ import annotations

import re
import threading

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from fitmodel.bundle.store import write_bundle
from fitmodel.decision.policy import Policy
from fitmodel.decision.value import Money
from fitmodel.exceptions import DealsError
from fitmodel.language.catalogue import LANGUAGES
from fitmodel.loading import ModelHolder
from fitmodel.model.opening import SCORER_FILE
from fitmodel.monitoring.log import DecisionLog
from fitmodel.reports.html import html_tree
from fitmodel.reports.model_page import card_html, card_page, rule_text
from fitmodel.sales.plans import Plan
from fitmodel.service import _pages
from fitmodel.service._page_routes import STEPS, step_text
from fitmodel.service._pages import Computed
from fitmodel.service.app import create_app
from fitmodel.service.settings import Settings

STILL = Settings(reload_seconds=0)


def ship(shop, spec, root) -> None:
    """Write the model again, with another contract."""
    files = {SCORER_FILE: shop.scorer.to_json()}
    write_bundle(root, "fit", files=files, manifest={"spec": spec.to_dict()})


MONEY = Money(0.8, 24.0, 3.0, 600.0, 1_800.0, 300.0, 0.15)


@pytest.fixture
def asked(shop):
    with TestClient(create_app(shop.path, STILL)) as ready:
        yield ready


@pytest.mark.parametrize("path", ["/v1/team", "/v1/watch"])
def test_without_past_deals_a_page_explains_how_to_provide_them(asked, path) -> None:
    answer = asked.get(path)
    assert answer.status_code == 404
    assert "fitmodel serve --deals" in answer.json()["detail"]
    assert asked.get("/v1/desk").json()["has"] == {
        "deals": False,
        "log": False,
        "history": False,
    }


def test_without_a_rep_column_the_team_page_explains_what_is_missing(
    shop, simulation, tmp_path
) -> None:
    path = tmp_path / "deals.csv"
    simulation.deals.drop(columns="rep").to_csv(path, index=False)
    spec = simulation.spec.replace(deals={"rep": None})
    with TestClient(create_app(shop.path, STILL, deals=path, spec=spec)) as ready:
        in_english = ready.get("/v1/team")
        in_chinese = ready.get("/v1/team?language=zh")
    assert in_english.status_code == in_chinese.status_code == 404
    assert in_english.json()["detail"].startswith("the contract names no column of the sales rep")
    assert "Remedy: write rep" in in_english.json()["detail"]
    assert in_chinese.json()["detail"].startswith("约定文件没有给出销售人员所在的列")


@pytest.mark.parametrize("own", [False, True])
def test_deals_newer_than_the_models_contract_say_how_to_give_their_own(
    shop, simulation, own, tmp_path
) -> None:
    path = tmp_path / "deals.csv"
    simulation.deals.to_csv(path, index=False)
    day = str(simulation.deals["closed_on"].max())[:10]
    until = {"observed_until": str(np.datetime64(day) - 30)}
    earlier = simulation.spec.replace(deals=until)
    ship(shop, earlier, tmp_path)
    spec = earlier if own else None
    with TestClient(create_app(tmp_path / "fit", STILL, deals=path, spec=spec)) as ready:
        ready.app.state.pages.watch.wait("")
        answer = ready.get("/v1/watch")
    assert answer.status_code == 503
    assert "are after observed_until" in answer.json()["detail"]
    assert ("fitmodel serve -c fitmodel.toml" in answer.json()["detail"]) != own


def test_a_plan_that_pays_for_upgrades_is_paid_on_the_page_as_by_the_command(
    shop, simulation, tmp_path
) -> None:
    """It needs a customer's later rows, which are combined with the first before that."""
    few = simulation.deals.head(60).assign(account=[f"A{row}" for row in range(60)])
    stays = few[few["churned_on"].isna()].iloc[0]
    later = stays.to_dict() | {"deal_id": "U1", "annual_value": 2 * stays["annual_value"]}
    path = tmp_path / "deals.csv"
    pd.concat([few, pd.DataFrame([later])]).to_csv(path, index=False)
    spec = simulation.spec.replace(rows={"customer": "account"})
    plan = Plan(commission_rate="0.1", earned_after_months=0, upgrades="increase")
    app = create_app(shop.path, STILL, deals=path, spec=spec, plans=(plan,))
    with TestClient(app) as ready:
        report = ready.app.state.pages.team.wait("en").value
    (ledger,) = report.ledgers
    expected = few["annual_value"].fillna(0).sum() + stays["annual_value"]
    assert float(ledger.total["earned"]) == pytest.approx(expected / 10, abs=0.5)
    assert "U1" in set(ledger.deals["deal"])


@pytest.mark.slow
def test_drift_is_computed_once_and_equals_the_monitoring_page(
    shop, simulation, holds, tmp_path
) -> None:
    path = tmp_path / "deals.csv"
    simulation.deals.to_csv(path, index=False)
    log = DecisionLog(tmp_path / "log.db")
    with TestClient(create_app(shop.path, STILL, deals=path, log=log)) as ready:
        first = holds(ready, ready.get("/v1/watch"), "/v1/watch")
        assert first["state"] in {"computing", "ready"}
        ready.app.state.pages.watch.wait("")
        answer = holds(ready, ready.get("/v1/watch?language=zh"), "/v1/watch")
    assert answer["state"] == "ready"
    assert answer["deals"] > 0
    tags = {node["tag"] for node in answer["nodes"] if isinstance(node, dict)}
    assert {"h2", "figure", "div"} <= tags


def test_the_basis_of_a_sales_report_is_computed_once_for_both_languages(
    shop, tmp_path, monkeypatch
) -> None:
    counted, written = [], []

    def report(_deals, spec, *, numbers, language, **_more):
        written.append((language, numbers(), spec.words.labels["segment"]))
        return written[-1]

    monkeypatch.setattr(_pages, "make_sales_report", report)
    monkeypatch.setattr(_pages, "compute_numbers", lambda *_, **__: counted.append(1) or "numbers")
    monkeypatch.setattr(_pages, "score_in_retrospect", lambda *_, **__: "seen")
    path = tmp_path / "deals.csv"
    path.write_text("deal_id\n1\n")
    monkeypatch.setattr(_pages.Pages, "numbered_deals", lambda self: (None, self.spec()))
    pages = _pages.Pages(ModelHolder(shop.path), _pages.PastTable(path), None)
    assert [pages.team.wait(language).value[0] for language in LANGUAGES] == list(LANGUAGES)
    assert counted == [1]
    assert {row[1:] for row in written} == {("numbers", "Segment")}
    path.write_text("deal_id\n1\n2\n")
    assert pages.team.wait("en").value is not None
    assert counted == [1, 1]  # another table
    pages.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_steps_of_a_computation_are_shown_in_the_language_of_the_page(language) -> None:
    texts = {step_text(f"{step} 2025-12-31", language) for step in STEPS}
    assert len(texts) == len(STEPS)
    assert "2025-12-31" in step_text("as the model was on 2025-12-31", language)
    assert all(re.search("[\u4e00-\u9fff]", text) for text in texts) is (language == "zh")


RULES = {
    "risk": Policy("risk", 0.3, level=0.2, big_deal=50_000),
    "threshold": Policy("threshold", 0.3),
    "capacity": Policy("capacity", 0.3),
    "precision": Policy("precision", None),
    "value": Policy("value", 0.4, MONEY, risk_threshold=0.3),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", RULES)
def test_the_decision_rule_is_shown_in_the_language_of_the_page(kind, language) -> None:
    text = rule_text(RULES[kind], language, money_format="€{:,.0f}")
    assert bool(re.search("[\u4e00-\u9fff]", text)) is (language == "zh")
    assert "{" not in text
    if kind != "precision":
        assert "30" in text
    if kind == "risk":
        assert "20" in text
        assert "€50,000" in text


def test_unreadable_past_deals_are_reported(shop, tmp_path) -> None:
    path = tmp_path / "deals.csv"
    path.write_text("deal_id\n1\n")
    with TestClient(create_app(shop.path, STILL, deals=path)) as ready:
        ready.app.state.pages.team.wait("en")
        answer = ready.get("/v1/team")
        assert answer.status_code == 503
        assert "too few to learn from" in answer.json()["detail"]
        path.unlink()
        assert ready.get("/v1/team").status_code == 503


def test_a_table_of_the_scorecard_has_rows_and_a_plot(asked, shop) -> None:
    name = shop.attributes[0]
    answer = asked.get(f"/v1/model/tables/{name}").json()
    assert answer["attribute"] == name
    assert len(answer["rows"]) > 1
    assert answer["plot"][0]["tag"] == "figure"
    assert answer["plot"][0]["children"][0]["tag"] == "svg"
    assert asked.get("/v1/model/tables/nothing").status_code == 404
    assert asked.get("/v1/model/card").status_code == 404  # this bundle has none


def test_a_card_that_was_changed_after_training_is_not_shown(model, tmp_path) -> None:
    files = {SCORER_FILE: model.scorer.to_json(), "card.md": b"# Card\n\nhonest\n"}
    path = write_bundle(tmp_path, "fit", files=files, manifest={})
    with TestClient(create_app(tmp_path / "fit", STILL)) as ready:
        assert "honest" in ready.get("/v1/model/card").json()["markdown"]
        (path / "card.md").write_bytes(b"# Card\n\nforged\n")
        for card in ("/v1/model/card", "/v1/model/card.html"):
            answer = ready.get(card)
            assert answer.status_code == 503
            assert "is not the file the manifest states" in answer.json()["detail"]


def test_a_value_is_computed_once_until_its_source_changes() -> None:
    stamp, counted, go = ["a"], [], threading.Event()

    def compute(key, tell):
        tell("a step")
        counted.append(key)
        go.wait(10)
        return f"{key}{len(counted)}"

    computed = Computed(compute, lambda: stamp[0])
    assert computed.ask("x").value is None
    assert computed.ask("x").value is None
    go.set()
    assert computed.wait("x").value == "x1"
    assert computed.ask("x").value == "x1"
    stamp[0] = "b"
    assert computed.wait("x").value == "x2"
    assert counted == ["x", "x"]
    computed.close()


def test_a_failed_computation_is_reported_and_repeated_after_a_change() -> None:
    stamp = ["a"]

    def compute(_key, _tell):
        if stamp[0] == "a":
            raise DealsError("no deals")
        return 1

    computed = Computed(compute, lambda: stamp[0])
    assert computed.wait("").problem == "no deals"
    stamp[0] = "b"
    assert computed.wait("").value == 1
    computed.close()


CARD = "# Card\n\n<script>alert(1)</script>\n\n| a | b |\n| --- | --- |\n| 1 | [x](http://y) |\n"


def test_html_in_a_model_card_is_escaped() -> None:
    assert "<script" not in card_page(CARD)
    assert "<table>" in card_html(CARD)
    tree = html_tree(card_html(CARD))
    assert [node["tag"] for node in tree if isinstance(node, dict)] == ["h1", "p", "div"]
    assert "script" not in str([node["tag"] for node in tree if isinstance(node, dict)])


def test_an_html_tree_keeps_texts_and_drops_unlisted_tags() -> None:
    html = (
        '<p onclick="x()" class="a">1 &lt; 2<img src=x onerror=y><b>bold</b></p><script>z</script>'
    )
    (paragraph, *rest) = html_tree(html)
    assert paragraph == {
        "tag": "p",
        "attributes": {"class": "a"},
        "children": ["1 < 2", "bold"],
    }
    assert all(isinstance(node, str) for node in rest)
    (svg,) = html_tree('<svg viewBox="0 0 1 1"><clipPath id="a"><rect/></clipPath></svg>')
    assert svg["attributes"] == {"viewBox": "0 0 1 1"}
    assert svg["children"][0]["tag"] == "clipPath"
