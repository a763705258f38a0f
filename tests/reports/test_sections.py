"""Sections of the sales page in both languages, with and without Chinese fonts."""

from __future__ import annotations

import warnings

import pytest
from jinja2 import Environment, PackageLoader, StrictUndefined

from fitmodel.evaluation import drawing
from fitmodel.evaluation.drawing import figure_of, new_axes
from fitmodel.reports._drawing import as_svg
from fitmodel.reports._loss_sections import ON_PAPER, review_section
from fitmodel.reports._rep_sections import profile_section, trend_section
from fitmodel.reports.html import safe_csv
from fitmodel.reports.sales_numbers import rep_view
from fitmodel.sales.profile import compute_profile
from fitmodel.sales.rep_performance import compute_rep_performance
from fitmodel.sales.reviews import compute_reviews, score_in_retrospect

DIFFICULT = "<script>alert(1)</script> $a_{$"


@pytest.fixture(scope="module")
def simulation(simulate_quickly):
    result = simulate_quickly(900, seed=6, months=20, n_attributes=5)
    result.deals["rep"] = result.deals["rep"].replace("Rep 01", DIFFICULT)
    result.deals["segment"] = result.deals["segment"].replace("smb", DIFFICULT)
    return result


@pytest.fixture(scope="module")
def retrospective(simulation):
    return score_in_retrospect(simulation.deals, simulation.spec)


def render(section):
    environment = Environment(
        loader=PackageLoader("fitmodel.reports"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template(section.template).render(values=section.values)


@pytest.fixture(scope="module", params=["en", "zh"])
def sections(request, simulation, retrospective):
    language, deals, spec = request.param, simulation.deals, simulation.spec
    board = compute_rep_performance(deals, spec, simulation.true_probability, language=language)
    profile = compute_profile(deals, spec, shuffles=99, language=language)
    reviews = compute_reviews(deals, spec, retrospective=retrospective, language=language)
    return {
        "trend": trend_section(board, language=language),
        "profile": profile_section(profile, language=language),
        "reviews": review_section(reviews, language=language),
    }


def test_every_section_has_a_linkable_title_and_loads_nothing(sections):
    for section in sections.values():
        page = render(section)
        assert f'<h2 id="{section.values["id"]}">{section.values["title"]}</h2>' in page
        assert "<script" not in page
        assert "http" not in page
        assert "{" not in page.replace("$a_{$", "")
        for table in section.tables.values():
            assert safe_csv(table).count("\n") >= len(table)
    assert "&lt;script&gt;" in render(sections["reviews"])
    assert "&lt;script&gt;" in render(sections["profile"])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_latest_lost_customers_are_printed_and_for_a_rep_the_own_ones(
    simulation, retrospective, language
):
    result = compute_reviews(
        simulation.deals, simulation.spec, latest=3, retrospective=retrospective
    )
    section = review_section(result, language=language)
    assert len(result.sheets) > ON_PAPER
    both = list(zip(section.values["sheets"], result.sheets, strict=True))
    printed = [sheet.left for shown, sheet in both if not shown["earlier"]]
    assert len(printed) == ON_PAPER
    assert min(printed) >= max(sheet.left for shown, sheet in both if shown["earlier"])
    page = render(section)
    assert page.count('class="sheet earlier"') == len(result.sheets) - ON_PAPER
    assert page.count('class="note on-paper"') == 1
    (own,) = rep_view([section], str(result.sheets[-1].rep))
    assert "earlier" not in render(own)
    assert "on-paper" not in render(own)


def test_a_review_sheet_is_shown_with_its_three_questions(sections):
    page = render(sections["reviews"])
    sheets = sections["reviews"].values["sheets"]

    assert page.count("<section") == len(sheets) == len(sections["reviews"].tables["reviews.csv"])
    assert page.count("<ol>") == len(sheets)


def test_empty_results_are_mentioned_on_the_page(simulation):
    profile = compute_profile(simulation.deals, simulation.spec, min_deals=400, shuffles=9)
    page = render(profile_section(profile))
    assert "these deals show no profile" in page
    assert "<img" not in page


@pytest.mark.parametrize("installed", [True, False])
def test_chinese_text_is_drawn_without_a_warning_with_any_fonts(monkeypatch, installed):
    if not installed:
        monkeypatch.setattr(drawing, "_families", lambda: None)
    ax = new_axes()
    ax.set_title("早期流失")
    ax.set_xlabel("plain")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert as_svg(ax)


def test_a_chinese_font_is_used_only_for_chinese_text(monkeypatch):
    monkeypatch.setattr(drawing, "_families", lambda: ("DejaVu Sans", "DejaVu Serif"))
    plain, chinese = new_axes(), new_axes()
    chinese.set_title("流失")
    plain.set_title("churn")
    as_svg(plain)
    as_svg(chinese)

    assert plain.title.get_fontfamily() != chinese.title.get_fontfamily()
    assert chinese.title.get_fontfamily() == ["DejaVu Sans", "DejaVu Serif"]
    assert figure_of(chinese) is not figure_of(plain)
