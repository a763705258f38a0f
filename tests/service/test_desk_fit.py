"""The twelve prospects of `tests/scoring_fixtures.py` on the deal desk."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from fitmodel.language.catalogue import LANGUAGES, read_texts
from fitmodel.model.counterfactuals import find_counterfactuals
from fitmodel.reports.brief import make_brief
from fitmodel.reports.brief_pages import brief_content, brief_page

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_desk_shows_fit_worth_and_who_decides(
    opened, serve, twelve, tmp_path, language
) -> None:
    path = tmp_path / "prospects.csv"
    twelve.prospects.to_csv(path, index=False)
    words = read_texts(language, "fit")
    expected = twelve.expected.set_axis(twelve.prospects["deal_id"])
    with serve(twelve.model, path) as url, opened(f"{url}?language={language}") as page:
        expect(page.locator("#rows tr")).to_have_count(12)
        keys = page.locator("#rows td.key").all_inner_texts()
        first = [bool(expected.loc[key, "escalate"]) for key in keys]
        assert first == sorted(first, reverse=True)
        for key, row in expected.iterrows():
            line = page.locator(f"#rows tr[data-key={key}]")
            expect(line.locator(".badge")).to_contain_text(words[f"badge_{row['fit']}"])
            expect(line.locator(".manager")).to_have_count(int(row["escalate"]))
            title = line.locator("td.value span")
            expect(title).to_have_attribute("title", words[f"worth_{row['worth']}"])
            shown = words["percent"].format(number=f"{100 * row['chance']:.0f}")
            expect(line.locator("td.probability data")).to_have_text(shown)
        expect(page.locator("[data-tile=manager] .figure")).to_have_text("2")
        page.locator("#rows a").first.click()
        expect(page.locator("#verdict .caution").first).to_have_text(words["escalate"])
        expect(page.locator("[data-figure=worth] dd")).to_have_text(
            words[f"worth_{expected.loc[keys[0], 'worth']}"]
        )


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_poor_fit_shows_its_conditions_and_a_link_to_the_letter(
    opened, serve, twelve, tmp_path, language
) -> None:
    path = tmp_path / "prospects.csv"
    twelve.prospects.to_csv(path, index=False)
    expected = twelve.expected.set_axis(twelve.prospects["deal_id"])
    with serve(twelve.model, path) as url, opened(f"{url}?language={language}") as page:
        for (key, row), given in zip(
            expected.iterrows(), twelve.prospects.to_dict("records"), strict=True
        ):
            page.goto(f"{url}?language={language}#/deal/{key}")
            expect(page.locator("#deal-title")).to_have_text(key)
            expect(page.locator("#verdict .badge")).to_be_visible()
            conditions, letter = page.locator("#conditions"), page.locator("#letter")
            if row["fit"] != "poor":
                expect(conditions).to_be_hidden()
                expect(letter).to_be_hidden()
                continue
            content = brief_content(make_brief(twelve.model, given, language=language, name=key))
            cells = [cell for line in content["conditions"]["rows"] for cell in line]
            expect(conditions.locator("td")).to_have_text(cells)
            expect(page.locator("#letter-text")).to_be_hidden()
            page.locator("#letter-title").click()
            expect(page.locator("#letter-text")).to_have_text(content["letter"]["text"])
            page.locator("#letter-title").click()


def test_a_change_in_the_form_changes_the_conditions_and_a_good_deal_has_none(
    opened, serve, twelve, tmp_path
) -> None:
    path = tmp_path / "prospects.csv"
    twelve.prospects.to_csv(path, index=False)
    rows = twelve.prospects.to_dict("records")
    row, way = next(
        (row, ways[0]) for row in rows if (ways := find_counterfactuals(twelve.model, row))
    )
    key = row["deal_id"]
    with serve(twelve.model, path) as url, opened(f"{url}#/deal/{key}") as page:
        expect(page.locator("#conditions")).to_be_visible()
        for name, value in way.needed.items():
            field = page.locator(f"[name={name}]")
            if field.evaluate("node => node.tagName") == "SELECT":
                field.select_option(str(value))
            else:
                field.fill(str(value))
        expect(page.locator("#conditions")).to_be_hidden()
        expect(page.locator("#letter")).to_be_hidden()
        page.locator("#reset").click()
        expect(page.locator("#conditions")).to_be_visible()


def test_the_brief_can_be_saved_as_a_page(opened, serve, twelve, tmp_path) -> None:
    path = tmp_path / "prospects.csv"
    twelve.prospects.to_csv(path, index=False)
    key, given = twelve.prospects["deal_id"].iloc[11], twelve.prospects.iloc[11].to_dict()
    with serve(twelve.model, path) as url, opened(f"{url}#/deal/{key}") as page:
        expect(page.locator("#conditions")).to_be_visible()
        with page.expect_download() as kept:
            page.locator("#brief-file").click()
        text = kept.value.path().read_text(encoding="utf-8")
        assert text == brief_page(make_brief(twelve.model, given, name=key))
