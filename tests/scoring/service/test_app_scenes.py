"""Scenes of a team that uses the app, in a real browser."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from fitmodel.language.catalogue import LANGUAGES, read_texts
from fitmodel.monitoring.log import DecisionLog

pytestmark = pytest.mark.slow


@pytest.fixture
def pipeline_of_twelve(twelve, tmp_path):
    path = tmp_path / "prospects.csv"
    twelve.prospects.to_csv(path, index=False)
    return path


@pytest.fixture
def big_poor(twelve) -> str:
    return str(twelve.prospects["deal_id"].iloc[8])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_rep_with_a_big_poor_fit_asks_a_manager_who_declines(
    opened, serve, twelve, pipeline_of_twelve, big_poor, tmp_path, language
) -> None:
    say = read_texts(language, "desk")
    log = DecisionLog(tmp_path / "log.db")
    with serve(twelve.model, pipeline_of_twelve, log=log) as url:
        address = f"{url}?language={language}#/deal/{big_poor}"
        with opened(address) as page:
            expect(page.locator("#conditions")).to_be_visible()
            expect(page.locator("#decision-standing")).to_have_text(say["undecided"])
            page.locator("[data-action=asked]").click()
            page.locator("#decide-name").fill("Kim")
            page.locator("#decide-reason").fill("they are a big one")
            page.locator("#decide button[type=submit]").click()
            asked = re.escape(say["did_asked"].split("{")[0] or "Kim")
            expect(page.locator("#decision-standing")).to_contain_text(re.compile(f"{asked}|Kim"))
            page.locator("#letter-title").click()
            expect(page.locator("#letter-text")).to_be_visible()
        with opened(address) as page:  # the manager, in a browser of her own
            expect(page.locator("#events li").first).to_contain_text("they are a big one")
            page.locator("[data-action=declined]").click()
            page.locator("#decide-name").fill("Ann")
            page.locator("#decide button[type=submit]").click()
            expect(page.locator("#decision-standing")).to_have_class("stands declined")
            expect(page.locator("#undo")).to_be_visible()
            page.locator("#undo").click()
            expect(page.locator("#decision-standing")).not_to_have_class("stands declined")
            page.locator("[data-action=declined]").click()  # the name is known: one click
            expect(page.locator("#decision-standing")).to_have_class("stands declined")
    assert log.decisions()[["action", "by"]].to_numpy().tolist() == [["declined", "Ann"]]
    log.close()


def test_who_was_slower_is_told_and_a_restart_loses_nothing(
    opened, serve, twelve, pipeline_of_twelve, big_poor, tmp_path
) -> None:
    log = DecisionLog(tmp_path / "log.db")
    with (
        serve(twelve.model, pipeline_of_twelve, log=log) as url,
        opened(f"{url}#/deal/{big_poor}", "409") as slow,
    ):
        expect(slow.locator("[data-action=declined]")).to_be_visible()
        row = json.loads(twelve.prospects.iloc[[8]].to_json(orient="records", date_format="iso"))[0]
        row |= {name: str(row[name])[:10] for name in row if name.endswith("_on")}
        asked = slow.request.post(f"{url}v1/assessments", data=row)
        assert asked.ok
        given = {"id": big_poor, "action": "overridden", "by": "Ann", "reason": "I know them"}
        assert slow.request.post(f"{url}v1/decisions", data=given).ok
        slow.locator("[data-action=declined]").click()
        slow.locator("#decide-name").fill("Kim")
        slow.locator("#decide button[type=submit]").click()
        fault = slow.locator("#decision-fault")
        expect(fault).to_have_text("Ann has decided meanwhile: overridden (I know them)")
        expect(slow.locator("#decision-standing")).to_have_class("stands overridden")
    log.close()
    again = DecisionLog(tmp_path / "log.db")
    with (
        serve(twelve.model, pipeline_of_twelve, log=again) as url,
        opened(f"{url}#/deal/{big_poor}") as page,
    ):
        expect(page.locator("#decision-standing")).to_contain_text("Ann")
    again.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_without_its_input_says_how_to_get_it_and_a_phone_shows_it_whole(
    opened, serve, twelve, pipeline_of_twelve, language
) -> None:
    say = read_texts(language, "desk")
    small = {"viewport": {"width": 360, "height": 740}}
    with (
        serve(twelve.model, pipeline_of_twelve) as url,
        opened(f"{url}?language={language}", "404", **small) as page,
    ):
        expect(page.locator("#rows tr")).to_have_count(12)
        for view in ("team", "watch"):
            page.goto(f"{url}?language={language}#/{view}")
            expect(page.locator(f"#{view}-body h2")).to_have_text(say[f"{view}_missing"])
            expect(page.locator(f"#{view}-body")).to_contain_text("--deals deals.csv")
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.goto(f"{url}?language={language}#/model")
        expect(page.locator("#model-body h2").first).to_be_visible()
        page.locator("#model-body details summary").first.click()
        expect(page.locator("#model-body details svg").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.goto(f"{url}?language={language}#/deal/{twelve.prospects['deal_id'].iloc[8]}")
        expect(page.locator("#probability")).to_be_visible()
        first = page.locator("#deal .card:visible").first
        expect(first).to_have_attribute("id", "verdict")  # the verdict comes first
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.evaluate(
            "[...document.querySelectorAll('[data-t]')]"
            ".every(node => node.textContent !== node.dataset.t || !node.dataset.t.includes('_'))"
        )


def test_watch_and_team_are_shown_when_they_are_computed(
    opened, serve, shop, simulation, tmp_path
) -> None:
    deals = tmp_path / "deals.csv"
    simulation.deals.to_csv(deals, index=False)
    with serve(shop, deals=deals) as url, opened(f"{url}#/watch") as page:
        expect(page.locator("#watch-body svg")).to_be_visible(timeout=60_000)
        page.goto(f"{url}#/team")
        funnel = page.locator("#team-body svg").first
        expect(funnel).to_be_visible(timeout=180_000)
        assert funnel.get_attribute("aria-label")
        expect(page.locator("#team-body .summary li").first).to_be_visible()
        page.locator("#team-body nav a").last.click()
        expect(page.locator("#team-body .part").last).to_be_in_viewport()
        sheets = page.locator("#team-body .sheet")
        expect(sheets.first).to_be_visible()
