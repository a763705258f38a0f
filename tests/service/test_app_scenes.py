"""Scenes of a sales team using the app, in a real browser."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest
from playwright.sync_api import expect

from fitmodel.exceptions import TrackingError
from fitmodel.language.catalogue import LANGUAGES, message_in, read_texts
from fitmodel.monitoring.deal_log import DealLog
from fitmodel.monitoring.log import DecisionLog
from fitmodel.sales.quiz import quiz_scores
from fitmodel.service._problems import LOG_UNREACHABLE
from fitmodel.service.settings import People, Person

pytestmark = pytest.mark.slow


@pytest.fixture
def pipeline_of_twelve(twelve, tmp_path):
    path = tmp_path / "prospects.csv"
    twelve.prospects.to_csv(path, index=False)
    return path


@pytest.fixture
def big_poor(twelve) -> str:
    return str(twelve.prospects["deal_id"].iloc[8])


def check_that_the_queue_leads_to_the_deal_and_is_empty_at_the_end(page, say, picture) -> None:
    queue, mark = page.locator("#waiting button"), page.locator("#rows .decided")
    expect(queue).to_have_text(f"{say['waiting']} (1)")
    assert page.evaluate("document.querySelector('#filters button').dataset.band") == "waiting"
    queue.click()
    expect(page.locator("#rows tr")).to_have_count(1)
    expect(mark).to_have_text(say["mark_asked"].format(by="Kim"))
    picture(page, "queue")
    page.locator("#rows a").click()
    expect(page.locator("#events li").first).to_contain_text("they are a big one")
    page.locator("[data-action=declined]").click()
    page.locator("#decide-name").fill("Ann")
    page.locator("#decide button[type=submit]").click()
    expect(page.locator("#decision-standing")).to_have_class("stands declined")
    expect(page.locator("#undo")).to_be_visible()
    picture(page, "declined")
    page.locator("#undo").click()
    expect(page.locator("#decision-standing")).not_to_have_class("stands declined")
    page.locator("#back").click()
    expect(queue).to_have_text(f"{say['waiting']} (1)")  # undone: the question is shown again
    page.locator("#rows a").click()
    page.locator("[data-action=declined]").click()  # the name is known: one click
    expect(page.locator("#decision-standing")).to_have_class("stands declined")
    page.locator("#back").click()
    expect(queue).to_have_text(f"{say['waiting']} (0)")
    expect(page.locator("#nothing")).to_have_text(say["nobody_waits"])
    picture(page, "queue-empty")
    queue.click()
    expect(mark).to_have_text(say["mark_declined"].format(by="Ann"))
    picture(page, "list")
    page.set_viewport_size({"width": 360, "height": 740})
    expect(mark).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    picture(page, "list-phone")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_rep_with_a_big_poor_fit_deal_asks_a_manager_who_declines(
    opened, serve, twelve, pipeline_of_twelve, big_poor, picture, tmp_path, language
) -> None:
    say = read_texts(language, "desk")
    log = DecisionLog(tmp_path / "log.db")
    with serve(twelve.model, pipeline_of_twelve, log=log) as url:
        address = f"{url}?language={language}#/deal/{big_poor}"
        with opened(address) as page:
            expect(page.locator("#conditions")).to_be_visible()
            expect(page.locator("#decision-standing")).to_have_text(say["undecided"])
            picture(page, "poor-fit")
            page.locator("[data-action=asked]").click()
            page.locator("#decide-name").fill("Kim")
            page.locator("#decide-reason").fill("they are a big one")
            page.locator("#decide button[type=submit]").click()
            asked = re.escape(say["did_asked"].split("{")[0] or "Kim")
            expect(page.locator("#decision-standing")).to_contain_text(re.compile(f"{asked}|Kim"))
            page.locator("#letter-title").click()
            expect(page.locator("#letter-text")).to_be_visible()
            picture(page, "letter")
            page.locator("#back").click()
            mark = page.locator(f"#rows tr[data-key='{big_poor}'] .decided")
            expect(mark).to_have_text(say["mark_asked"].format(by="Kim"))
        listed = f"{url}?language={language}"
        with opened(listed, viewport={"width": 1280, "height": 900}) as page:  # the manager
            check_that_the_queue_leads_to_the_deal_and_is_empty_at_the_end(page, say, picture)
    assert log.decisions()[["action", "by"]].to_numpy().tolist() == [["declined", "Ann"]]
    log.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_on_a_phone_a_rep_sees_own_questions_and_the_queue_after_the_filters(
    opened, serve, twelve, pipeline_of_twelve, big_poor, picture, tmp_path, language
) -> None:
    say = read_texts(language, "desk")
    rep = twelve.prospects.set_index("deal_id").loc[big_poor, "rep"]
    people = People({"kim.lee@a-company.example": Person("kim.lee@a-company.example", "rep", rep)})
    log = DecisionLog(tmp_path / "log.db")
    rows = twelve.prospects
    twelve.model.predict(rows, log=log)
    for prospect in rows["deal_id"]:
        DealLog(log).ask(prospect, by="kim.lee@a-company.example")
    limits = {"people": people, "token": "of the proxy", "user_header": "x-user"}
    headers = {"authorization": "Bearer of the proxy", "x-user": "kim.lee@a-company.example"}
    small = {"viewport": {"width": 360, "height": 740}, "extra_http_headers": headers}
    with (
        serve(twelve.model, pipeline_of_twelve, log=log, **limits) as url,
        opened(f"{url}?language={language}", **small) as page,
    ):
        own = int((rows["rep"] == rep).sum())
        assert own < len(rows)
        expect(page.locator("#waiting button")).to_have_text(f"{say['waiting']} ({own})")
        assert page.evaluate("document.querySelector('#filters').lastElementChild.id") == "waiting"
        expect(page.locator("#rows .decided")).to_have_count(own)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        picture(page, "phone")
    log.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_the_log_the_list_is_shown_and_a_decision_stays_in_its_dialog(
    opened, serve, twelve, pipeline_of_twelve, big_poor, picture, tmp_path, monkeypatch, language
) -> None:
    say = read_texts(language, "desk")
    log = DecisionLog(tmp_path / "log.db")

    def away(*_):
        raise TrackingError("the decision log /srv/log.db: disk I/O error")

    with (
        serve(twelve.model, pipeline_of_twelve, log=log) as url,
        opened(f"{url}?language={language}#/deal/{big_poor}", "503") as page,
    ):
        expect(page.locator("[data-action=declined]")).to_be_visible()
        monkeypatch.setattr(type(log.store), "reading", away)
        page.locator("[data-action=overridden]").click()
        page.locator("#decide-name").fill("Kim")
        page.locator("#decide-reason").fill("they are old friends")
        page.locator("#decide button[type=submit]").click()
        fault = page.locator("#decide-fault")
        expect(fault).to_have_text(message_in(LOG_UNREACHABLE, language))
        picture(page, "decision")
        page.locator("#decide-cancel").click()
        page.locator("#back").click()
        expect(page.locator("#rows tr")).to_have_count(12)
        expect(page.locator("#decisions-problem")).to_have_text(say["decisions_away"])
        expect(page.locator("#waiting")).to_be_hidden()
        picture(page, "list")
        page.locator(f"#rows tr[data-key='{big_poor}'] a").click()
        page.locator("[data-action=overridden]").click()
        page.locator("#decide-reason").fill("they are old friends")
        page.locator("#decide button[type=submit]").click()
        expect(fault).not_to_be_empty()
        monkeypatch.undo()  # the log is back: what was written is still in the dialog
        page.locator("#decide button[type=submit]").click()
        expect(page.locator("#decision-standing")).to_have_class("stands overridden")
        page.locator("#back").click()
        expect(page.locator("#rows tr")).to_have_count(12)
        expect(page.locator("#rows .decided")).to_have_count(1)
        expect(page.locator("#decisions-problem")).to_be_hidden()
        with page.expect_download() as exported:
            page.locator("#export").click()
        exported_rows = pd.read_csv(exported.value.path()).set_index("deal_id")
    assert exported_rows.loc[big_poor, ["decision", "decided_by"]].tolist() == ["overridden", "Kim"]
    assert exported_rows["decision"].notna().sum() == 1
    decided = log.decisions()
    assert decided[["action", "reason"]].to_numpy().tolist() == [
        ["overridden", "they are old friends"]
    ]
    log.close()


def test_a_conflicting_decision_is_reported_and_a_restart_loses_nothing(
    opened, serve, twelve, pipeline_of_twelve, big_poor, picture, tmp_path
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
        picture(slow, "told")
    log.close()
    again = DecisionLog(tmp_path / "log.db")
    with (
        serve(twelve.model, pipeline_of_twelve, log=again) as url,
        opened(f"{url}#/deal/{big_poor}") as page,
    ):
        expect(page.locator("#decision-standing")).to_contain_text("Ann")
        picture(page, "restarted")
    again.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_rep_in_the_contract_the_team_page_asks_for_it_and_not_for_deals(
    opened, serve, shop, simulation, tmp_path, picture, language
) -> None:
    deals, spec = tmp_path / "deals.csv", simulation.spec.replace(deals={"rep": None})
    simulation.deals.drop(columns="rep").to_csv(deals, index=False)
    say = read_texts(language, "desk")
    with (
        serve(shop, deals=deals, spec=spec) as url,
        opened(f"{url}?language={language}#/team", "404") as page,
    ):
        expect(page.locator("#team-body h2")).to_have_text(say["rep_missing"])
        expect(page.locator("#team-body")).to_contain_text('rep = "COLUMN"')
        expect(page.locator("#team-body")).not_to_contain_text("--deals")
        picture(page, "team")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_without_its_input_explains_the_remedy_and_fits_on_a_phone(
    opened, serve, twelve, simulation, pipeline_of_twelve, picture, english_left, language
) -> None:
    say = read_texts(language, "desk")
    tables = (twelve.prospects, simulation.deals)
    own = [name for some in tables for column in some for name in (column, *some[column])]

    def check_words(page) -> None:
        if language == "zh":
            lines = page.locator("body").inner_text().splitlines()
            assert english_left(lines, own, ["english", "first contact", "model"]) == []

    small = {"viewport": {"width": 360, "height": 740}}
    with (
        serve(twelve.model, pipeline_of_twelve) as url,
        opened(f"{url}?language={language}", "404", **small) as page,
    ):
        expect(page.locator("#rows tr")).to_have_count(12)
        check_words(page)
        for view in ("team", "watch"):
            page.goto(f"{url}?language={language}#/{view}")
            expect(page.locator(f"#{view}-body h2")).to_have_text(say[f"{view}_missing"])
            expect(page.locator(f"#{view}-body")).to_contain_text("--deals deals.csv")
            check_words(page)
            picture(page, view)
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.goto(f"{url}?language={language}#/model")
        expect(page.locator("#model-body h2").first).to_be_visible()
        page.locator("#model-body details summary").first.click()
        # the plots are drawn on the first request
        expect(page.locator("#model-body details svg").first).to_be_visible(timeout=60_000)
        check_words(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.goto(f"{url}?language={language}#/deal/{twelve.prospects['deal_id'].iloc[8]}")
        expect(page.locator("#probability")).to_be_visible()
        first = page.locator("#deal .card:visible").first
        expect(first).to_have_attribute("id", "verdict")  # the verdict comes first
        check_words(page)
        picture(page, "deal")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.evaluate(
            "[...document.querySelectorAll('[data-t]')]"
            ".every(node => node.textContent !== node.dataset.t || !node.dataset.t.includes('_'))"
        )


def test_a_team_meeting_from_the_latest_lost_customer_to_the_quiz(
    opened, serve, shop, simulation, picture, tmp_path
) -> None:
    deals, log = tmp_path / "deals.csv", DecisionLog(tmp_path / "log.db")
    newest = simulation.deals.sort_values("closed_on").tail(400)  # fewer quarters to train
    newest.to_csv(deals, index=False)
    with serve(shop, deals=deals, log=log) as url, opened(f"{url}#/watch") as page:
        expect(page.locator("#watch-body svg")).to_be_visible(timeout=60_000)
        picture(page, "watch")
        page.goto(f"{url}#/team")
        funnel = page.locator("#team-body svg").first
        expect(funnel).to_be_visible(timeout=400_000)  # models of every quarter
        assert funnel.get_attribute("aria-label")
        expect(page.locator("#team-body .summary li").first).to_be_visible()
        page.locator("#team-body nav a").last.click()
        expect(page.locator("#team-body .part").last).to_be_in_viewport()
        sheets = page.locator("#team-body .sheet")
        expect(sheets.first).to_be_visible()
        picture(page, "team")
        page.locator("#team-body a[href='#/quiz']").click()
        page.locator("#quiz-names").fill("Kim, Ann")
        page.locator("#quiz-start button").click()
        for number in range(1, 11):
            question = page.locator("#quiz-question h2")
            expect(question).to_contain_text(f"Deal {number} of 10", timeout=60_000)
            assert "left" not in page.locator("#quiz-question .values").inner_text().lower()
            if number == 1:
                picture(page, "question")
            page.locator("#guess-0").fill("80")
            page.locator("#guess-1").fill("20")
            page.locator("#quiz-guess button").click()
        expect(page.locator("#quiz-result tbody tr")).to_have_count(10)
        expect(page.locator("#quiz-history tbody tr")).to_have_count(2)
        picture(page, "answers")
        shown = page.locator("#quiz-result .figure").all_inner_texts()
    guesses = log.guesses()
    assert guesses.groupby("person")["guess"].unique().map(list).to_dict() == {
        "Ann": [0.2],
        "Kim": [0.8],
    }
    scores = quiz_scores(guesses).set_index("person")
    assert shown[:3] == [f"{scores.loc[name, 'brier']:.3f}" for name in ("Kim", "Ann")] + [
        f"{scores['model'].iloc[0]:.3f}"
    ]
    log.close()


def test_five_thousand_open_deals_are_listed_without_scoring_requests(
    opened, serve, twelve, tmp_path
) -> None:
    many = pd.concat([twelve.prospects] * 420, ignore_index=True).head(5_000)
    many["deal_id"] = [f"M-{number:04}" for number in range(5_000)]
    path = tmp_path / "prospects.csv"
    many.to_csv(path, index=False)
    asked: list[str] = []
    with serve(twelve.model, path) as url, opened(f"{url}#/quiz") as page:  # sends no request
        page.on("request", lambda request: asked.append(request.method))
        page.goto(f"{url}#/")
        expect(page.locator("[data-tile=prospects] .figure")).to_have_text("5,000")
        assert set(asked) <= {"GET"}
        table = page.locator("#pipeline table")
        expect(table).to_have_attribute("aria-rowcount", "5001")
        assert page.locator("#rows tr").count() < 150  # the others are two spacers
        page.locator("#rows a").first.focus()
        page.keyboard.press("End")
        expect(page.locator("#rows tr[data-index='4999'] a")).to_be_focused()
        assert page.locator("#rows tr").count() < 150
        page.keyboard.press("ArrowUp")
        expect(page.locator("#rows tr[data-index='4998'] a")).to_be_focused()
        key = page.locator("#rows tr[data-index='4998']").get_attribute("data-key")
        page.keyboard.press("Enter")
        expect(page.locator("#deal-title")).to_have_text(key)
        page.go_back()
        expect(page.locator("#rows tr[data-index='4998'] a")).to_be_focused()
        page.locator("#search").fill("M-004")
        expect(page.locator("#rows tr")).to_have_count(10)


def test_the_guide_is_complete_on_the_pipeline_and_one_step_elsewhere_until_closed(
    opened, serve, twelve, pipeline_of_twelve, picture
) -> None:
    with (
        serve(twelve.model, pipeline_of_twelve, tour=True) as url,
        opened(f"{url}?language=zh", "404") as page,
    ):
        steps = page.locator("#tour li")
        expect(steps.first).to_be_visible()
        assert [step.is_visible() for step in steps.all()] == [True] * 4
        page.locator("#tour-next").click()
        expect(page.locator("#team")).to_be_visible()
        assert [step.is_visible() for step in steps.all()] == [False, True, False, False]
        picture(page, "step")
        page.locator("#tour-next").click()
        page.locator("#tour-next").click()
        expect(page.locator("#watch")).to_be_visible()
        expect(page.locator("#tour-next")).to_be_hidden()
        page.locator("#tour-close").click()
        page.goto(f"{url}?language=zh#/")
        expect(page.locator("#rows tr")).to_have_count(12)
        expect(page.locator("#tour")).to_be_hidden()


VERSIONS = {
    "problem": None,
    "name": "prospect-fit",
    "in_use": "v1",
    "champion": 1,
    "challenger": 2,
    "rows": [{"label": "Version", "champion": "1 (v1)", "challenger": "2 (v2)"}],
    "comparison": {"sentence": "On 300 later deals …", "objections": []},
    "refusal": "version 2 was not promoted: it does not beat the champion",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_data_scientist_promotes_a_challenger_with_a_reason(
    opened, serve, twelve, picture, language
) -> None:
    # the registry is tested in tests/tracking/test_promotion_page.py
    say, sent = read_texts(language, "desk"), []

    def answer(route) -> None:
        sent.append(route.request.post_data_json)
        route.fulfill(json={"version": 2, "previous": 1, "warning": None, "in_use": "v1"})

    with serve(twelve.model) as url, opened(f"{url}?language={language}", "404") as page:  # no card
        page.route("**/v1/model/versions**", lambda route: route.fulfill(json=VERSIONS))
        page.route("**/v1/model/promotion**", answer)
        page.goto(f"{url}?language={language}#/model")
        expect(page.locator("#versions thead th")).to_have_text(
            [say["champion"], say["challenger"]]
        )
        expect(page.locator("#versions .caution")).to_have_text(VERSIONS["refusal"])
        picture(page, "promotion")
        page.locator("#promote-name").fill("Kim")
        page.locator("#promote-reason").fill("the market has changed")
        button = page.get_by_role("button", name=say["promote"])
        button.click()
        assert sent == []  # refused by the rules: it must be forced, and the page says so
        page.locator("#promote-force").check()
        button.click()
        expect(page.locator("#notice")).to_be_visible()
        wanted = {"version": 2, "reason": "the market has changed", "by": "Kim", "force": True}
        assert sent == [wanted]
