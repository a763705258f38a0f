"""The sales page in a real browser: no requests, fits on a phone, can be printed."""

from __future__ import annotations

import shutil
import subprocess
from decimal import Decimal

import matplotlib as mpl
import pytest

from browsers import BROWSER, BROWSER_ARGUMENTS, NO_BROWSER
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.outcomes import kaplan_meier, outcomes
from fitmodel.decision.choice import known_money
from fitmodel.language.catalogue import read_texts
from fitmodel.reports._commission_section import commission_section
from fitmodel.reports._loss_sections import worth_section
from fitmodel.reports._rep_sections import scoreboard_section
from fitmodel.reports.model_page import card_page
from fitmodel.reports.sales_report import sales_page
from fitmodel.sales.incentives import pay
from fitmodel.sales.plans import Bonus, Plan
from fitmodel.sales.rates import compute_yearly_loss
from fitmodel.sales.rep_performance import compute_rep_performance
from fitmodel.sales.worth import compute_worth

WICKED = "<script>document.title='gone'</script>"
PLANS = (
    Plan(name="plan A", commission_rate=Decimal("0.1"), earned_after_months=0),
    Plan(name="plan B", commission_rate=Decimal("0.1"), bonus=Bonus(top=2, amount=Decimal(1000))),
)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def simulation():
    mpl.use("agg")
    result = simulate_deals(900, seed=6)
    result.deals["rep"] = result.deals["rep"].replace("Rep 01", WICKED)
    return result


@pytest.fixture(scope="module", params=["en", "zh"])
def page(request, simulation, tmp_path_factory):
    deals, spec, p = simulation.deals, simulation.spec, simulation.true_probability
    language = request.param
    result = outcomes(deals, spec)
    curve = kaplan_meier(result["followup_months"], result["left"])
    money, _ = known_money(spec, deals["annual_value"].to_numpy(), curve)
    board = compute_rep_performance(deals, spec, p, language=language)
    parts = [
        scoreboard_section(board, language=language),
        commission_section([pay(deals, spec, plan, p) for plan in PLANS], language=language),
        worth_section(
            compute_worth(deals, spec), compute_yearly_loss(deals, spec, money), language=language
        ),
    ]
    file = tmp_path_factory.mktemp(language) / "index.html"
    file.write_text(sales_page(board, parts, language=language), encoding="utf-8")
    return language, file, [part.values["title"] for part in parts]


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if BROWSER is None:
        pytest.skip(NO_BROWSER)
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=BROWSER, args=BROWSER_ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def tab(browser, page):
    shown = browser.new_page(viewport={"width": 360, "height": 740})
    shown.asked = []
    shown.on("request", lambda request: shown.asked.append(request.url))
    shown.goto(page[1].as_uri())
    yield shown
    shown.close()


def test_the_page_sends_no_requests(tab, page):
    assert [url for url in tab.asked if not url.startswith("data:")] == [page[1].as_uri()]


def test_on_a_phone_neither_the_page_nor_a_table_scrolls_sideways(tab):
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    boxes = tab.locator(".wide")
    assert boxes.count() > 3
    assert boxes.evaluate_all("all => all.filter(box => box.scrollWidth > box.clientWidth)") == []


def test_on_a_phone_every_cell_with_a_heading_says_it(tab):
    """Without the row of headings a number alone would say nothing."""
    cells = tab.locator("table:has(thead) td:not(:first-child)")
    assert cells.count() > 50
    assert [
        name for name in cells.evaluate_all("all => all.map(c => c.dataset.label)") if not name
    ] == []


def test_every_plot_fits_on_a_phone_but_that_of_many_reps(tab):
    plots = tab.locator(".plot:not(.wide)")
    assert plots.count() > 0
    assert plots.evaluate_all("all => all.filter(box => box.scrollWidth > box.clientWidth)") == []
    assert tab.evaluate("document.querySelector('.plot svg').getBoundingClientRect().width") > 300


def test_a_model_card_does_not_scroll_sideways_on_a_phone(tab, tmp_path):
    row = "| name | " + " | ".join(["a long cell without a break"] * 9) + " |"
    rule = "|---" * 10 + "|"
    code = "```python\n" + "fitmodel.load('models/prospect-fit')." * 5 + "\n```"
    file = tmp_path / "card.html"
    file.write_text(card_page(f"# Card\n\n{row}\n{rule}\n{row}\n\n{code}\n"), encoding="utf-8")
    tab.goto(file.as_uri())

    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    assert tab.evaluate("document.querySelector('.wide').scrollWidth") > 360


def test_a_rep_named_like_a_script_is_shown_as_text(tab, page):
    assert tab.title() == read_texts(page[0], "sales_page")["title"]
    assert tab.locator("script").count() == 0
    assert WICKED in tab.locator("#reps ~ .wide").first.inner_text()


def test_every_link_in_the_contents_leads_to_a_heading(tab, page):
    links = tab.eval_on_selector_all("nav a", "all => all.map(a => a.getAttribute('href'))")
    assert len(links) == len(page[2])
    assert [tab.locator(f"h2{link}").inner_text() for link in links] == page[2]


def test_the_page_prints_on_several_sheets_with_every_heading(tab, page, tmp_path):
    reader = shutil.which("pdftotext")
    if reader is None:
        pytest.skip("there is no pdftotext to read the PDF with")
    file = tmp_path / "page.pdf"
    tab.pdf(path=file, format="A4", prefer_css_page_size=True)
    command = [reader, str(file), "-"]
    text = subprocess.run(command, capture_output=True, check=True).stdout.decode()  # noqa: S603 - our own file
    assert text.count("\f") > 1  # a form feed ends each page
    squeezed = "".join(text.split())
    for title in page[2]:
        assert "".join(title.split()) in squeezed
