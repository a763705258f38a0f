"""The twelve prospects of `tests/scoring/conftest.py`, as the desk shows them."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from fitmodel.language.catalogue import LANGUAGES, read_texts

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("language", LANGUAGES)
def test_fit_worth_and_who_decides(opened, serve, twelve, tmp_path, language) -> None:
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
