"""The policy in words, the model card as escaped HTML, and the plots of a bundle."""

from __future__ import annotations

import pytest

from fitmodel.decision.policy import Policy
from fitmodel.decision.value import Money
from fitmodel.language.catalogue import phrases
from fitmodel.reports.model_page import card_html, card_page, card_tree, model_plots, rule_text

MONEY = Money(0.8, 30, 2.5, 400, 900, 60, 0.1)


def say(key, language="en", **values):
    return phrases(language, "desk", "fit")(key, **values)


def percent(number, language="en"):
    return say("percent", language, number=number)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", ["capacity", "precision", "threshold", "risk"])
def test_a_risk_rule_has_its_threshold_with_three_digits(language, kind) -> None:
    words = rule_text(Policy(kind, 0.34567), language)

    assert words == say(f"rule_{kind}", language, threshold=percent("34.6", language))


def test_a_rule_without_a_threshold_flags_nothing() -> None:
    assert rule_text(Policy("risk", None)) == say("rule_nothing")
    assert rule_text(Policy("risk", 0.5)) != say("rule_nothing")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_value_rule_may_also_have_a_risk_threshold(language) -> None:
    alone = rule_text(Policy("value", 0.4, MONEY), language)
    both = rule_text(Policy("value", 0.4, MONEY, risk_threshold=0.6), language)

    assert alone == say("rule_value", language)
    assert both.startswith(alone)
    assert percent("60", language) in both


def test_the_level_and_the_big_deal_amount_are_mentioned_if_set() -> None:
    policy = Policy("risk", 0.4, level=0.2, big_deal=50000.0)
    words = rule_text(policy, money_format="€ {:,.0f}")

    assert words == " ".join(
        [
            say("rule_risk", threshold=percent("40")), say("rule_level", level=percent("20")),
            say("rule_big", amount="€ 50,000"),
        ]
    )  # fmt: skip
    chinese = rule_text(policy, "zh")
    assert "50,000" in chinese


CARD = (
    "# fit <b>v1</b>\n\nA *model*.\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n![x](http://y/z.png)\n"
)


def test_a_card_becomes_html_with_tables_and_raw_html_is_escaped() -> None:
    page = card_html(CARD + "\n<script>alert(1)</script>\n")

    assert "<h1>fit &lt;b&gt;v1&lt;/b&gt;</h1>" in page
    assert "<em>model</em>" in page
    assert "<td>2</td>" in page
    assert "<script" not in page
    assert "<img" not in page


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_title_of_the_page_is_the_first_heading(language) -> None:
    page = card_page(CARD, language)

    assert "<title>fit &lt;b&gt;v1&lt;/b&gt;</title>" in page
    assert f'lang="{language}"' in page
    assert "<b>" not in page


def test_the_tree_of_a_card_has_its_elements_and_text() -> None:
    head, paragraph, wide, *_ = [node for node in card_tree(CARD) if isinstance(node, dict)]

    assert (head["tag"], head["children"]) == ("h1", ["fit <b>v1</b>"])
    assert paragraph["children"] == [
        "A ",
        {"tag": "em", "attributes": {}, "children": ["model"]},
        ".",
    ]
    assert wide["attributes"] == {"class": "wide"}  # it scrolls, not the page
    assert [child["tag"] for child in wide["children"] if isinstance(child, dict)] == ["table"]
    assert card_page("").count("<title></title>") == 1


@pytest.mark.parametrize("report", [None, {}, {"calibration": [], "level": None}, {"level": {}}])
def test_a_bundle_without_an_evaluation_has_no_plots(report) -> None:
    assert model_plots({"report": report}) == []


BINS = [
    {
        "mean_predicted": 0.1,
        "observed": 0.12,
        "count": 50,
        "observed_low": 0.05,
        "observed_high": 0.2,
    },
    {
        "mean_predicted": 0.4,
        "observed": 0.35,
        "count": 40,
        "observed_low": 0.2,
        "observed_high": 0.5,
    },
]
LEVEL = {
    "factor": 1.1, "leavers": None, "discount": 0.98, "pull": 0.1, "gain": 0.01,
    "months": [["2026-01", 3.0, 2.5], ["2026-02", 2.0, 2.5], ["2026-03", 4.0, 2.6]],
}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
def test_calibration_and_level_are_plotted_if_stored_in_the_bundle(language) -> None:
    plots = model_plots({"report": {"calibration": BINS, "level": LEVEL}}, language)

    assert [plot["title"] for plot in plots] == [
        say("model_calibration", language), say("model_level", language)
    ]  # fmt: skip
    for plot in plots:
        (figure,) = plot["plot"]
        (drawing,) = figure["children"]
        assert figure["attributes"] == {"class": "plot"}
        assert drawing["attributes"]["aria-label"] == plot["title"]
    (only,) = model_plots({"report": {"calibration": BINS}}, language)
    assert only["title"] == say("model_calibration", language)
