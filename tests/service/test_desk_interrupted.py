"""The desk when somebody clicks twice or goes back, and when an answer is late or never comes."""

from __future__ import annotations

import json
import re
from functools import partial

import pytest
from playwright.sync_api import Page, Route, expect

from fitmodel.model.wording import percent_number
from fitmodel.monitoring.log import DecisionLog
from fitmodel.tables.cells import money_text

pytestmark = pytest.mark.slow
LOST = "ERR_FAILED|503"  # the browser itself logs each request without an answer
QUESTIONS = {
    "state": "ready", "quiz": "q", "level": 0.2, "horizon_months": 5,
    "questions": [
        {"number": number, "signed": "2025-01-02", "attributes": [{"name": "Seats", "value": "7"}]}
        for number in (1, 2)
    ],
}  # fmt: skip
ANSWER = {"deal": None, "left_early": True, "probability": 0.3, "level": 0.2, "reasons": []}
ANSWERS = {
    "answers": [ANSWER, ANSWER],
    "brier": {"people": {"Kim": 0.5}, "model": 0.1, "level": 0.2},
    "kept": True, "scores": [], "practice": [],
}  # fmt: skip


@pytest.fixture
def logged(serve, shop, pipeline, tmp_path):
    """The address of a service with a decision log, and the log."""
    log = DecisionLog(tmp_path / "log.db")
    with serve(shop, pipeline, log=log) as url:
        yield url, log
    log.close()


def open_deal(page: Page, position: int) -> str:
    page.locator("#rows a").nth(position).click()
    expect(page.locator("#decision-buttons button").first).to_be_visible()
    return page.locator("#deal-title").inner_text()


def test_going_back_closes_the_decision_on_the_deal_that_is_left(opened, logged) -> None:
    url, log = logged
    with opened(url) as page:
        first = open_deal(page, 1)
        page.locator("#back").click()
        assert open_deal(page, 3) != first
        page.locator("[data-action=declined]").click()
        expect(page.locator("#decide")).to_be_visible()
        page.go_back()
        page.go_back()
        expect(page.locator("#deal-title")).to_have_text(first)
        expect(page.locator("#decide")).to_be_hidden()
    assert len(log.decisions()) == 0


def test_a_double_click_sends_one_decision_and_one_assessment(opened, logged) -> None:
    url, log = logged
    with opened(url) as page:
        page.evaluate("localStorage.setItem('fitmodel.name', 'Kim')")
        open_deal(page, 2)
        page.locator("[data-action=declined]").dblclick()
        expect(page.locator("#decision-standing")).to_have_class("stands declined")
        expect(page.locator("#events li")).to_have_count(2)
    assert log.decisions()["by"].tolist() == ["Kim"]


def test_a_late_decision_on_another_deal_lets_no_second_click_through(opened, logged) -> None:
    url, log = logged
    with opened(url) as page:
        page.evaluate("localStorage.setItem('fitmodel.name', 'Kim')")
        first = open_deal(page, 1)
        held: list[Route] = []
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.post_data or ""))
        hold_two = lambda route: held.append(route) if len(held) < 2 else route.continue_()  # noqa: E731
        page.route("**/v1/decisions", hold_two)
        with page.expect_request("**/v1/decisions"):
            page.locator("[data-action=declined]").click()
        page.locator("#back").click()
        second = open_deal(page, 3)
        with page.expect_request("**/v1/decisions"):
            page.locator("[data-action=declined]").click()
        with page.expect_response("**/v1/decisions"):
            held[0].continue_()
        page.evaluate("fetch('/healthz').then((answer) => answer.text())")
        page.locator("[data-action=declined]").click()  # the one before is still sent
        page.evaluate("fetch('/healthz').then((answer) => answer.text())")
        held[1].continue_()
        expect(page.locator("#decision-standing")).to_have_class("stands declined")
    assert sum('"declined"' in body for body in sent) == 2
    assert sorted(log.decisions()["prospect"]) == sorted([first, second])


def test_after_a_decision_the_keyboard_stands_on_what_can_be_done_next(opened, logged) -> None:
    url, _ = logged
    with opened(url) as page:
        page.evaluate("localStorage.setItem('fitmodel.name', 'Kim')")
        open_deal(page, 5)
        page.locator("[data-action=declined]").press("Enter")
        expect(page.locator("#undo")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#decision-buttons button").first).to_be_focused()


def test_a_late_answer_of_the_log_does_not_hide_a_newer_decision(opened, logged) -> None:
    url, _ = logged
    with opened(url) as page:
        page.evaluate("localStorage.setItem('fitmodel.name', 'Kim')")
        held: list[Route] = []
        hold_first = lambda route: route.continue_() if held else held.append(route)  # noqa: E731
        page.route("**/v1/decisions?*", hold_first)
        page.locator("#rows a").nth(4).click()
        expect(page.locator("#probability")).to_be_visible()
        before = held[0].fetch()  # asked before the decision, answered after it
        page.locator("[data-action=declined]").click()
        standing = page.locator("#decision-standing")
        expect(standing).to_have_class("stands declined")
        with page.expect_response("**/v1/decisions?*"):
            held[0].fulfill(response=before)
        page.evaluate("fetch('/healthz').then((answer) => answer.text())")  # drawn by then
        assert standing.get_attribute("class") == "stands declined"


def test_what_is_typed_before_the_first_answer_is_compared_with_the_deal_as_it_is(
    opened, url, predictions
) -> None:
    with opened(url) as page:
        page.route("**/v1/assessments?*", lambda _route: None)  # the first one never comes
        page.locator("#rows a").first.click()
        page.locator("[name=seats]").fill("1")
        page.unroute("**/v1/assessments?*")
        page.locator("[name=discount]").fill("0.3")
        key = page.locator("#deal-title").inner_text()
        as_it_is = percent_number(predictions.loc[key, "early_churn_probability"])
        expect(page.locator(".was")).to_have_text(f"was {as_it_is}%")


@pytest.mark.parametrize("status", [None, 503])
def test_a_language_that_does_not_come_leaves_the_page_as_it_is(opened, url, status) -> None:
    with opened(url, expected=LOST) as page:
        expect(page.locator("#rows tr")).to_have_count(60)
        refuse = {None: lambda route: route.abort(), 503: lambda route: route.fulfill(status=503)}
        page.route("**/desk/texts/zh", refuse[status])
        page.locator("#language").select_option("zh")
        expect(page.get_by_role("alert")).to_contain_text("does not answer")
        expect(page.locator("#language")).to_have_value("en")
        expect(page.locator("#pipeline-title")).to_have_text("Open pipeline")
        page.unroute("**/desk/texts/zh")
        page.locator("#language").select_option("zh")
        expect(page.locator("#pipeline-title")).to_have_text("在谈商机")
        expect(page.get_by_role("alert")).to_be_hidden()


def test_a_page_without_texts_says_so_in_every_language(browser, url) -> None:
    page = browser.new_page()
    page.route("**/desk/texts/*", lambda route: route.fulfill(status=503))
    page.goto(url)
    expect(page.get_by_role("alert")).to_have_text("The service does not answer. · 服务没有响应。")
    page.close()


def begin_quiz(page: Page, url: str) -> None:
    page.route("**/v1/quiz?*", lambda route: route.fulfill(json=QUESTIONS))
    page.goto(f"{url}#/quiz")
    page.locator("#quiz-names").fill("Kim")
    page.locator("#quiz-start button").click()
    expect(page.locator("#quiz-question h2")).to_contain_text("Deal 1 of 2")
    page.locator("#guess-0").fill("80")
    page.locator("#quiz-guess button").click()
    expect(page.locator("#quiz-question h2")).to_contain_text("Deal 2 of 2")


def keep_answers(sent: list[dict], route: Route) -> None:
    sent.append(json.loads(route.request.post_data or ""))
    route.fulfill(json=ANSWERS)


def test_answers_of_the_quiz_are_sent_again_until_the_service_has_them(opened, url) -> None:
    sent: list[dict] = []
    with opened(url, expected=LOST) as page:
        begin_quiz(page, url)
        page.route("**/v1/quiz/answers*", lambda route: route.abort())
        page.locator("#guess-0").fill("20")
        page.locator("#quiz-guess button").dblclick()
        expect(page.locator("#quiz-body .empty")).to_contain_text("does not answer")
        page.route("**/v1/quiz/answers*", partial(keep_answers, sent))
        page.get_by_role("button", name="Try again").click()
        expect(page.locator("#quiz-result tbody tr")).to_have_count(2)
    assert sent == [{"quiz": "q", "guesses": {"Kim": [0.8, 0.2]}}]


def test_another_language_keeps_the_answers_of_a_quiz(opened, url) -> None:
    sent: list[dict] = []
    with opened(url) as page:
        begin_quiz(page, url)
        page.locator("#language").select_option("zh")
        expect(page.locator("#quiz-title")).to_have_text(re.compile("小测验"))
        page.evaluate("fetch('/healthz').then((answer) => answer.text())")
        page.route("**/v1/quiz/answers*", partial(keep_answers, sent))
        page.locator("#guess-0").fill("20")
        page.locator("#quiz-guess button").click()
        expect(page.locator("#quiz-result h2")).to_have_text("实际结果")
    assert sent == [{"quiz": "q", "guesses": {"Kim": [0.8, 0.2]}}]


def test_a_page_that_could_not_be_had_is_asked_for_again(opened, url) -> None:
    with opened(url, expected=f"{LOST}|404") as page:  # this model has no card
        page.route("**/v1/model/plots*", lambda route: route.abort())
        page.get_by_role("link", name="Model", exact=True).click()
        expect(page.locator("#model-body .empty")).to_contain_text("does not answer")
        page.unroute("**/v1/model/plots*")
        page.get_by_role("button", name="Try again").click()
        expect(page.locator("#model-body .empty")).to_have_count(0)
        expect(page.locator("#model-body details").first).to_be_visible()
        page.route("**/v1/model/tables/*", lambda route: route.abort())
        table = page.locator("#model-body details[data-attribute]").first
        table.locator("summary").click()
        expect(table.get_by_role("alert")).to_contain_text("does not answer")
        page.unroute("**/v1/model/tables/*")
        table.locator("summary").click()
        table.locator("summary").click()
        expect(table.locator("svg")).to_be_visible(timeout=60_000)


SHARES = [0.0, 0.001, 0.005, 0.125, 0.145, 0.5, 0.625, 0.994, 0.999, 1.0]
AMOUNTS = [0.0, -0.3, -0.4, 2.5, 4.25, 1234.5, 1235.5, -98_765.4321, 1e12]


@pytest.mark.parametrize("form", ["€{:,.0f}", "{:,.1f} 万元", "{:,.2f} kr", "US$ {:,.0f}"])
def test_shares_and_amounts_are_written_as_python_writes_them(opened, url, form) -> None:
    with opened(url) as page:
        expect(page.locator("#rows tr")).to_have_count(60)
        written = page.evaluate(
            """async ([form, shares, amounts]) => {
                const text = await import("/desk/text.js");
                text.learnWords({ money: form }, {});
                return [shares.map(text.percent), amounts.map(text.money)];
            }""",
            [form, SHARES, AMOUNTS],
        )
    assert written[0] == [f"{percent_number(share)}%" for share in SHARES]
    assert written[1] == [money_text(form, amount) for amount in AMOUNTS]


def test_a_name_that_runs_from_right_to_left_does_not_turn_the_words_after_it(opened, url) -> None:
    with opened(url) as page:
        expect(page.locator("#rows tr")).to_have_count(60)
        said = page.evaluate(
            """async () => {
                const text = await import("/desk/text.js");
                const names = ["Kim", "مريم", "Kim\\u202egnp"];
                return names.map((by) => text.say("mark_signed", { by }));
            }"""
        )
    assert said == [
        "signed by Kim", "signed by \u2068مريم\u2069", "signed by \u2068Kim\u202egnp\u2069"
    ]  # fmt: skip


def test_a_list_that_is_opened_again_follows_the_model_in_use(opened, url) -> None:
    with opened(url) as page:
        expect(page.locator("#rows tr")).to_have_count(60)
        page.get_by_role("link", name="Try a deal").click()
        expect(page.locator("#probability")).to_be_visible()
        page.route("**/readyz", lambda route: route.fulfill(json={"model_version": "newer"}))
        with page.expect_request("**/v1/desk"), page.expect_request("**/v1/pipeline/rows?*"):
            page.get_by_role("link", name="Pipeline", exact=True).click()
        expect(page.locator("#rows tr")).to_have_count(60)


def test_a_late_list_does_not_hide_a_decision_made_meanwhile(opened, logged) -> None:
    url, _ = logged
    with opened(url) as page:
        page.evaluate("localStorage.setItem('fitmodel.name', 'Kim')")
        key = open_deal(page, 3)
        held: list[Route] = []
        hold_first = lambda route: route.continue_() if held else held.append(route)  # noqa: E731
        page.route("**/v1/pipeline/rows?*", hold_first)
        with page.expect_request("**/v1/pipeline/rows?*"):
            page.locator("#back").click()
        page.locator(f"#rows tr[data-key='{key}'] a").click()
        expect(page.locator("#probability")).to_be_visible()
        before = held[0].fetch()  # asked before the decision, answered after it
        page.locator("[data-action=declined]").click()
        expect(page.locator("#decision-standing")).to_have_class("stands declined")
        with page.expect_response("**/v1/pipeline/rows?*"):
            held[0].fulfill(response=before)
        page.evaluate("fetch('/healthz').then((answer) => answer.text())")
        with page.expect_response("**/v1/pipeline/rows?*"):
            page.locator("#back").click()
        mark = page.locator(f"#rows tr[data-key='{key}'] .decided")
        expect(mark).to_have_text("declined by Kim")


def test_a_page_that_is_minutes_old_is_asked_for_again(opened, url) -> None:
    asked: list[str] = []
    with opened(f"{url}#/model", expected="404") as page:  # this model has no card
        page.on("request", lambda request: asked.append(request.url))
        model, tables = page.get_by_role("link", name="Model", exact=True), "#model-body details"
        expect(page.locator(tables).first).to_be_visible()
        page.get_by_role("link", name="Try a deal").click()
        expect(page.locator("#probability")).to_be_visible()
        asked.clear()
        model.click()
        expect(page.locator(tables).first).to_be_visible()
        assert not [address for address in asked if "v1/model" in address]
        page.get_by_role("link", name="Try a deal").click()
        page.evaluate("Date.now = ((now) => () => now() + 600_000)(Date.now)")
        with page.expect_request("**/v1/model/plots*"):
            model.click()
        expect(page.locator(tables).first).to_be_visible()


def test_the_title_of_the_tab_names_the_view_and_the_deal(opened, url) -> None:
    with opened(url) as page:
        expect(page).to_have_title("Open pipeline · Deal desk · fitmodel")
        page.locator("#rows a").first.click()
        expect(page.locator("#deal-title")).not_to_be_empty()
        key = page.locator("#deal-title").inner_text()
        expect(page).to_have_title(f"{key} · Deal desk · fitmodel")
        page.get_by_role("link", name="Try a deal").click()
        page.locator("#language").select_option("zh")
        expect(page).to_have_title("试算一单 · 签约评估台 · fitmodel")


def test_scores_of_the_quiz_are_cards_on_a_phone(opened, url) -> None:
    score = {"day": "2026-01-02", "person": "Kim " * 9, "questions": 10, "brier": 0.2}
    scores = {"scores": [score | {"model": 0.1, "level": 0.15}], "practice": []}
    with opened(url, viewport={"width": 360, "height": 740}) as page:
        page.route("**/v1/quiz/scores*", lambda route: route.fulfill(json=scores))
        page.goto(f"{url}#/quiz")
        table = page.locator("#quiz-history .scroll")
        expect(table.locator("td").nth(1)).to_be_visible()
        assert table.evaluate("box => box.scrollWidth <= box.clientWidth")
        headings = "all => all.map(cell => getComputedStyle(cell, '::before').content)"
        assert table.locator("td").evaluate_all(headings)[3] == '"Brier score"'
