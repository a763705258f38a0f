"""The deal desk in a real browser shows the predictions of the model."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

SCRIPT = "<script>alert(1)</script>"

pytestmark = pytest.mark.slow


def keys(page: Page) -> list[str]:
    return page.locator("#rows td.key").all_inner_texts()


def as_sent(row: dict) -> dict:
    """JSON has one kind of number: the browser reads 15.0 and sends 15."""
    whole = {k: int(v) for k, v in row.items() if isinstance(v, float) and v.is_integer()}
    return row | whole


def expect_chance(page: Page, probability: float) -> None:
    """Wait until the page shows a probability, to the last digit."""
    page.wait_for_function(
        "p => Math.abs(Number(document.querySelector('#probability')?.value) - p) < 1e-12",
        arg=probability,
    )


def test_the_pipeline_is_sorted_by_money_at_risk(page, predictions) -> None:
    assert keys(page) == list(predictions.sort_values("risk", ascending=False).index)
    first = page.locator("#rows tr").first
    assert first.locator(".risk").inner_text() == f"€{predictions['risk'].max():,.0f}"
    total = page.locator("[data-tile=risk] .figure")
    expect(total).to_have_text(f"€{predictions['risk'].sum():,.0f}")
    page.get_by_text("What is money at risk?").click()
    expect(page.locator("#meaning")).to_contain_text("times what leaving early costs")


def test_counts_and_sums_follow_the_filters(page, predictions) -> None:
    rep = predictions["rep"].value_counts().index[0]
    page.locator("#rep").select_option(rep)
    page.locator("[data-band=good]").click()
    kept = predictions[(predictions["rep"] == rep) & (predictions["fit"] == "good")]
    assert 0 < len(kept) < len(predictions)
    expect(page.locator("#rows tr")).to_have_count(len(kept))
    expect(page.locator("[data-tile=prospects] .figure")).to_have_text(str(len(kept)))
    for tile, column in (("risk", "risk"), ("value", "expected_value")):
        shown = page.locator(f"[data-tile={tile}] .figure")
        expect(shown).to_have_text(f"€{kept[column].sum():,.0f}")
    page.locator("#search").fill("nowhere")
    expect(page.locator("#nothing")).to_be_visible()
    expect(page.locator("#export")).to_be_disabled()


def test_a_heading_sorts_the_table_and_shows_the_order(page, predictions) -> None:
    page.get_by_role("button", name="Leaves early").click()
    heading = page.locator("th", has_text="Leaves early")
    expect(heading).to_have_attribute("aria-sort", "descending")
    order = predictions.sort_values("early_churn_probability", ascending=False, kind="stable")
    assert keys(page)[0] == order.index[0]


def test_typing_updates_the_probability_to_that_of_the_model(
    page, shop, table, predictions
) -> None:
    page.locator("#rows a").first.click()
    title = page.locator("#deal-title")
    expect(title).not_to_be_empty()
    key = title.inner_text()
    expect_chance(page, predictions.loc[key, "early_churn_probability"])
    row = as_sent(table[table["deal_id"] == key].iloc[0].to_dict())
    page.locator("[name=seats]").press_sequentially("0")  # after the existing text
    page.locator("[name=discount]").fill("0.25")
    page.locator("[name=segment]").select_option("smb")
    page.locator("[name=closed_on]").fill("2026-01-31")
    changed = row | {"seats": row["seats"] * 10, "discount": 0.25, "segment": "smb"}
    changed["closed_on"] = "2026-01-31"
    expected = shop.predict(changed, reasons=8)
    expect_chance(page, expected.early_churn_probability)
    bars = page.locator("#reasons li")
    expect(bars).to_have_count(8)
    for position, reason in enumerate(expected.reasons):
        bar = bars.nth(position)
        expect(bar).to_have_attribute("data-attribute", reason.attribute)
        expect(bar).to_have_class("against" if reason.contribution > 0 else "for")
        expect(bar.locator(".sentence")).to_have_text(reason.sentence)
        expect(bar.locator(".times")).to_have_text(reason.effect)
        assert reason.effect.removeprefix("odds ") in reason.sentence or "hardly" in reason.sentence
        expect(bar.locator(".name")).to_have_text(f"{reason.label} {reason.value_words}")
    expect(page.locator("#live")).to_contain_text(
        f"{shop.scorer.wording.percent(expected.early_churn_probability)} likely to leave early"
    )
    expect(page.locator(".verdict .badge")).to_have_text(expected.fit.capitalize())
    page.get_by_role("button", name="Undo changes").click()
    expect_chance(page, predictions.loc[key, "early_churn_probability"])


def test_a_late_response_is_not_shown(page, shop, table) -> None:
    page.locator("#rows a").first.click()
    expect(page.locator("#probability")).to_be_visible()
    # even if a request is aborted too late, its response is ignored
    page.evaluate(
        """() => {
            AbortController.prototype.abort = () => {};
            const send = window.fetch;
            window.held = [];
            window.fetch = (...asked) =>
              new Promise((resolve) => held.push(() => send(...asked).then(resolve)));
        }"""
    )
    for position, seats in enumerate(("1", "2000"), start=1):
        page.locator("[name=seats]").fill(seats)
        page.wait_for_function("count => held.length === count", arg=position)
    page.evaluate("held[1]()")
    key = page.locator("#deal-title").inner_text()
    row = table[table["deal_id"] == key].iloc[0].to_dict()
    expected = shop.predict(row | {"seats": 2000}).early_churn_probability
    expect_chance(page, expected)
    page.evaluate("held[0]()")
    page.evaluate("new Promise(requestAnimationFrame)")
    expect_chance(page, expected)


def test_values_outside_past_deals_are_marked(page) -> None:
    page.locator("#rows a").first.click()
    page.locator("[name=seats]").fill("999999")
    expect(page.locator(".caution:visible")).to_contain_text("Seat licences")
    expect(page.locator("[data-field=seats]")).to_have_class(re.compile("odd"))
    expect(page.locator("[data-field=seats] label")).to_have_text("Seat licences (people)")


@pytest.mark.parametrize(
    ("language", "told", "empty"),
    [("en", "2 Apr 2026", "year-month-day"), ("zh", "2026年4月2日", "年-月-日")],
)
def test_a_date_is_told_in_words_whatever_order_the_browser_shows(
    opened, url, language, told, empty
) -> None:
    with opened(f"{url}?language={language}", locale="en-US") as page:
        page.locator("#rows a").first.click()
        field = page.locator("[data-field=closed_on]")
        field.locator("input").fill("2026-04-02")
        expect(field.locator(".hint")).to_have_text(told)
        field.locator("input").fill("")
        expect(field.locator(".hint")).to_have_text(empty)


def test_the_example_of_the_model_can_be_used_without_a_pipeline(opened, bare, shop) -> None:
    with opened(bare) as page:
        expect(page.locator("#empty")).to_be_visible()
        page.locator("#empty").get_by_role("link", name="Try a deal").click()
        expect(page.locator("#probability")).to_be_visible()
        fields = set(page.locator("#fields [name]").evaluate_all("all => all.map(n => n.name)"))
        assert set(shop.attributes) <= fields


def test_everything_can_be_done_by_keyboard(page) -> None:
    page.keyboard.press("Tab")
    expect(page.locator("#skip")).to_be_focused()
    expect(page.locator("#skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('#rows') !== null"):
            break
    rows = page.locator("#rows a")
    expect(rows.nth(0)).to_be_focused()
    assert rows.nth(0).evaluate("node => getComputedStyle(node).outlineStyle") == "solid"
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_be_focused()
    key = rows.nth(1).inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("#deal-title")).to_be_focused()
    expect(page.locator("#deal-title")).to_have_text(key)
    expect(page.locator("#live")).to_contain_text("likely to leave early")
    page.go_back()
    expect(page.locator("#rows a").nth(1)).to_be_focused()


def test_requests_contain_no_customer_name(opened, url) -> None:
    sent: list[str] = []
    with opened(f"{url}#/try") as page:
        expect(page.locator("#probability")).to_be_visible()
        page.on("request", lambda request: sent.append(request.post_data or ""))
        page.reload()
        page.get_by_role("link", name="Pipeline", exact=True).click()
        page.locator("#rows a").first.click()
        expect(page.locator("#probability")).to_be_visible()
    assert any("seats" in body for body in sent)
    assert not any(word in body for body in sent for word in ("deal_id", "D0000", "Rep 0"))


def test_every_control_has_a_name(page) -> None:
    page.locator("#rows a").first.click()
    expect(page.locator("#fields [name]").first).to_be_visible()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input:not([type=file]), select, a')]
            .filter(n => !n.labels?.length && !n.getAttribute('aria-label'))
            .filter(n => n.matches('input, select') || !n.textContent.trim())
            .map(n => n.outerHTML)"""
    )
    assert nameless == []


def test_a_script_as_a_name_is_shown_as_text(page) -> None:
    page.locator("#search").fill("<script>")
    expect(page.locator("#rows tr")).to_have_count(1)
    page.get_by_role("link", name=SCRIPT).click()
    expect(page.locator("#deal-title")).to_have_text(SCRIPT)
    page.reload()  # the address names the deal
    expect(page.locator("#deal-title")).to_have_text(SCRIPT)
    expect(page.locator("#probability")).to_be_visible()


def test_the_page_of_an_unknown_prospect_says_so(opened, url) -> None:
    with opened(f"{url}#/deal/nobody") as page:
        expect(page.get_by_role("alert")).to_contain_text("nobody")
        expect(page.locator("#rows tr")).to_have_count(60)


def test_an_upload_is_assessed_and_bad_rows_have_an_error(opened, bare, table, tmp_path) -> None:
    rows = table.head(4).astype(object)
    rows.iloc[1, rows.columns.get_loc("seats")] = "many"
    path = tmp_path / "mine.csv"
    path.write_text(rows.to_csv(index=False, sep=";", decimal=",") + "D-9;too short\n")
    with opened(bare) as page:
        expect(page.locator("#empty")).to_be_visible()
        page.locator("#file").set_input_files(path)
        expect(page.locator("#rows tr")).to_have_count(3)
        # the header counts the prospects that were assessed, and leads to the others
        expect(page.locator("#source")).to_contain_text(
            "prospects assessed: 3 · 2 row(s) could not be"
        )
        expect(page.locator("#fault-list li").first).to_be_hidden()
        page.locator("#see-faults").click()
        expect(page.locator("#faults-title")).to_be_focused()
        expect(page.locator("#fault-list li")).to_have_count(2)
        expect(page.locator("#fault-list li").first).to_be_visible()
        expect(page.locator("#fault-list li").first).to_contain_text("'many' is not a number")
        expect(page.locator("#fault-list li").last).to_contain_text("D-9 This row has 2 fields")
        page.reload()
        expect(page.locator("#rows tr")).to_have_count(3)
        page.get_by_role("button", name="Remove upload").click()
        expect(page.locator("#empty")).to_be_visible()


def test_an_upload_in_another_unit_names_the_column(opened, bare, table, tmp_path) -> None:
    """The rows have a mark each, but only the list shows that all of them have it."""
    usual, wrong = tmp_path / "usual.csv", tmp_path / "wrong.csv"
    table.head(20).to_csv(usual, index=False)
    table.head(20).assign(seats=table["seats"] + 1_000_000).to_csv(wrong, index=False)
    with opened(bare) as page:
        page.locator("#file").set_input_files(wrong)
        expect(page.locator("#unlike-many")).to_contain_text("20 of 20 prospects are unlike past")
        expect(page.locator("#unlike-many")).to_contain_text("differ in: Seat licences (20)")
        page.locator("#file").set_input_files(usual)
        expect(page.locator("#source")).to_contain_text("usual.csv")
        expect(page.locator("#unlike-many")).to_be_hidden()
    with opened(f"{bare}?language=zh") as page:
        page.locator("#file").set_input_files(wrong)
        expect(page.locator("#unlike-many")).to_contain_text(
            "20 个潜在客户中有 20 个与以往合同不同"
        )


def test_an_upload_reads_numbers_as_a_batch_does(opened, bare, table, tmp_path) -> None:
    rows = table.head(3).astype(object).assign(annual_value=["1.234", "1500,5", "1500.5"])
    path = tmp_path / "mine.csv"
    path.write_text(rows.to_csv(index=False, sep="|", decimal=","))
    with opened(bare) as page:
        page.locator("#file").set_input_files(path)
        expect(page.locator("#rows tr")).to_have_count(2)
        page.locator("#faults summary").click()
        expect(page.locator("#fault-list li")).to_have_count(1)
        expect(page.locator("#fault-list li")).to_contain_text("“1.234” can be read as two numbers")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"deal_id\n1\n", "lacks 16 column"),
        (b"\n", "no rows"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b'deal_id,note\n1,"a\nb"\n2,"open\n3,c\n', "quote that opens on line 4"),
        (b"x" * 100_001, "longer than 0.1 MB"),
        (None, "has 101 rows; the desk takes 100"),
    ],
)
def test_an_invalid_pipeline_file_is_refused(opened, bare, shop, tmp_path, content, words) -> None:
    path = tmp_path / "odd.csv"
    path.write_bytes(content or (",".join(shop.attributes) + "\n" + ",\n" * 101).encode())
    with opened(bare) as page:
        expect(page.locator("#empty")).to_be_visible()
        page.locator("#file").set_input_files(path)
        expect(page.get_by_role("alert")).to_contain_text(words)
