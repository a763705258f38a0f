"""The desk in themes, on narrow screens and in languages; token, export and failures."""

from __future__ import annotations

import csv
import re

import pytest
from playwright.sync_api import Page, expect

from fitmodel.language.catalogue import LANGUAGES, read_texts
from fitmodel.service.settings import People, Person

pytestmark = pytest.mark.slow

TOKEN = "geheim"  # noqa: S105 - no secret of anybody
CONTRAST = """() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = (colour, under) => {
    canvas.fillStyle = under; canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const behind = (node) => {
    const parent = node.parentElement ? behind(node.parentElement) : 'Canvas';
    return 'rgb(' + rgb(getComputedStyle(node).backgroundColor, parent).join(',') + ')';
  };
  const light = (parts) => parts.map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const texts = [...document.querySelectorAll('main *, header *')].filter((node) =>
    node.checkVisibility() && !node.matches(':disabled, option') &&
    [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim()));
  const faint = texts.filter((node) => {
    const ground = behind(node);
    const inks = [rgb(getComputedStyle(node).color, ground), rgb(ground, ground)].map(light).sort();
    return (Math.max(...inks) + 0.05) / (Math.min(...inks) + 0.05) < 4.5;
  });
  return [texts.length, faint.map((node) => node.outerHTML.slice(0, 120))];
}"""


def lightness(page: Page) -> float:
    """Lightness of the page background, from 0 to 1."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 765


@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_theme_follows_the_system_until_it_is_switched(opened, url, system) -> None:
    with opened(url, color_scheme=system) as page:
        switch = page.get_by_role("switch", name="Dark")
        expect(switch).to_have_attribute("aria-checked", str(system == "dark").lower())
        assert (lightness(page) < 0.5) == (system == "dark")
        switch.press("Space")
        assert (lightness(page) < 0.5) == (system == "light")
        page.reload()
        expect(switch).to_have_attribute("aria-checked", str(system == "light").lower())
        assert (lightness(page) < 0.5) == (system == "light")


@pytest.mark.parametrize("system", ["light", "dark"])
def test_every_text_has_enough_contrast(opened, url, system) -> None:
    with opened(url, color_scheme=system) as page:
        expect(page.locator("#rows tr")).to_have_count(60)
        for band in ("poor", "watch", "good"):
            page.locator(f"[data-band={band}]").click()
        for view in ("pipeline", "deal"):
            number, faint = page.evaluate(CONTRAST)
            assert number > 50, view
            assert faint == [], view  # WCAG 2.2, 1.4.3: 4.5 to 1
            page.evaluate("location.hash = document.querySelector('#rows a').hash")
            expect(page.locator("#reasons .sentence").first).to_be_visible()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_on_a_phone_no_element_is_wider_than_the_screen(opened, url, language) -> None:
    screen = {"width": 360, "height": 740}
    with opened(f"{url}?language={language}", viewport=screen, has_touch=True) as page:
        expect(page.locator("#rows tr")).to_have_count(60)
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        page.locator("#rows tr").first.tap()
        expect(page.locator("#reasons .sentence").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        page.locator("[name=region]").scroll_into_view_if_needed()
        expect(page.locator("#live")).to_be_in_viewport()


def test_the_language_comes_from_the_browser_the_url_or_the_switch(opened, url) -> None:
    with opened(url, locale="zh-CN") as page:
        expect(page.locator("#pipeline-title")).to_have_text("在谈商机")
        expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
        page.locator("#language").select_option("en")
        expect(page.locator("#pipeline-title")).to_have_text("Open pipeline")
        page.locator("#rows a").first.click()
        page.locator("[name=seats]").fill("77")
        expect(page.locator(".was")).to_be_visible()
        page.locator("#language").select_option("zh")
        expect(page.locator("#back")).to_have_text("返回商机列表")
        expect(page.locator("[name=seats]")).to_have_value("77")
        expect(page.locator(".was")).to_contain_text("原为")


def test_no_text_is_missing_in_any_language(opened, url) -> None:
    with opened(url) as page:
        expect(page.locator("#rows tr")).to_have_count(60)
        page.locator("#rows a").first.click()
        expect(page.locator("#probability")).to_be_visible()
        for language in ("en", "zh"):
            page.locator("#language").select_option(language)
            words = page.locator("body").inner_text() + page.locator("#pipeline").text_content()
            assert re.findall(r"\{\w+\}|undefined|NaN|\[object", words) == []


def test_the_token_is_requested_and_kept_in_the_browser_tab(opened, serve, shop, pipeline) -> None:
    refused = "status of 401"  # the browser itself logs each refusal
    with (
        serve(shop, pipeline, token=TOKEN) as address,
        opened(address, expected=refused) as page,
    ):
        ask = page.get_by_role("dialog")
        expect(ask.get_by_label("Token")).to_be_focused()
        assert page.locator("#rows tr").count() == 0
        page.keyboard.press("Escape")
        expect(ask).to_be_visible()
        ask.get_by_label("Token").fill("wrong, and 令牌")
        ask.get_by_label("Token").press("Enter")
        expect(ask.get_by_role("alert")).to_be_visible()
        ask.get_by_label("Token").fill(TOKEN)
        ask.get_by_role("button", name="Continue").click()
        expect(page.locator("#rows tr")).to_have_count(60)
        assert page.evaluate("JSON.stringify(localStorage) + document.cookie") == "{}"
        page.reload()
        expect(page.locator("#rows tr")).to_have_count(60)
        page.get_by_role("button", name="Forget token").click()
        expect(ask).to_be_visible()


def test_the_export_has_the_shown_rows_and_escapes_formulas(page, table, tmp_path) -> None:
    rep = "=HYPERLINK(1)"
    page.locator("#rep").select_option(rep)
    expect(page.locator("#rows tr")).to_have_count(1)
    with page.expect_download() as awaited:
        page.get_by_role("button", name="Export CSV").click()
    path = tmp_path / "exported.csv"
    awaited.value.save_as(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    given = table[table["rep"] == rep].iloc[0]
    assert row["rep"] == f"'{rep}"
    assert row["deal_id"] == given["deal_id"]
    assert float(row["annual_value"]) == given["annual_value"]
    assert 0 < float(row["early_churn_probability"]) < 1
    assert float(row["money_at_risk"]) > 0


def test_an_unavailable_service_is_reported_and_can_be_retried(opened, url) -> None:
    with opened(url, expected="ERR_FAILED") as page:
        expect(page.locator("#rows tr")).to_have_count(60)
        page.locator("#rows a").first.click()
        expect(page.locator("#probability")).to_be_visible()
        page.route("**/v1/*", lambda route: route.abort())
        page.locator("[name=seats]").fill("12")
        expect(page.locator("#verdict").get_by_role("alert")).to_contain_text("does not answer")
        page.unroute("**/v1/*")
        page.locator("[name=seats]").fill("13")
        expect(page.locator("#probability")).to_be_visible()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_rep_without_prospects_reads_how_the_service_knows_the_own_name(
    opened, serve, shop, pipeline, language
) -> None:
    people = People({"zoe": Person("zoe", "rep", "Nobody of that name")})
    limits = {"people": people, "token": TOKEN, "user_header": "x-user"}
    headers = {"authorization": f"Bearer {TOKEN}", "x-user": "zoe"}
    with (
        serve(shop, pipeline, **limits) as address,
        opened(f"{address}?language={language}", extra_http_headers=headers) as page,
    ):
        text = read_texts(language, "desk")["no_own_prospects"]
        expect(page.locator("#nothing")).to_have_text(text)


@pytest.mark.parametrize("width", [1280, 800, 360])
def test_long_names_and_large_amounts_stay_in_their_cells(
    opened, serve, shop, table, tmp_path, width
) -> None:
    rows = table.head(3).astype({"annual_value": float})
    rows["deal_id"], rows["rep"] = ["N" * 200, "Name " * 40, "d"], ["R" * 200, "Rep " * 50, "r"]
    rows["annual_value"] = 1e12
    path = tmp_path / "prospects.csv"
    rows.to_csv(path, index=False)
    with (
        serve(shop, path) as address,
        opened(address, viewport={"width": width, "height": 800}) as page,
    ):
        expect(page.locator("#rows tr")).to_have_count(3)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        boxes = page.locator("#rows td:visible, .tile:visible, #filters label:visible")
        assert boxes.count() > 20
        over = "all => all.filter(n => n.scrollWidth > n.clientWidth + 1).map(n => n.className)"
        assert boxes.evaluate_all(over) == []
