"""A brief: equal content as Markdown and page, additive contributions, a letter without scores."""

from __future__ import annotations

import re

import pytest

from fitmodel.datasets.simulation import Simulation
from fitmodel.decision.policy import Policy
from fitmodel.decision.value import Money
from fitmodel.exceptions import SpecError
from fitmodel.learning.learner import learn
from fitmodel.model.counterfactuals import summarise_seen_values
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import Scorer
from fitmodel.model.wording import wording_of
from fitmodel.reports.brief import Brief, contract_of, make_brief
from fitmodel.reports.brief_pages import brief_markdown, brief_page
from fitmodel.reports.letter import default_template

SMALL_TEAM = "You are a team of {value}, and we serve larger ones."


@pytest.fixture(scope="module")
def simulation(simulate_quickly) -> Simulation:
    return simulate_quickly(1_000, seed=5)


@pytest.fixture(scope="module")
def model(simulation) -> FitModel:
    words = {
        "money": "€ {:,.0f}",
        "prospect": {"employees": SMALL_TEAM, "lead_source": "We called you."},
    }
    spec = simulation.spec.replace(words=words, attributes={"actionable": ["onboarding_package"]})
    learned = learn(simulation.deals, spec)
    policy = Policy("value", 0.4, Money(0.8, 30, 2.5, 400, 900, 60, 0.1), "by value")
    roles = spec.deals
    scorer = Scorer(
        learned.scorecard, policy, roles.amount, roles.closed_on, "v1", wording_of(spec)
    )
    manifest = {
        "spec": spec.to_dict(),
        "seen_values": summarise_seen_values(
            learned.scorecard.columns, learned.training_set.attributes
        ),
    }
    return FitModel(scorer, manifest)


@pytest.fixture(scope="module")
def flagged(model, simulation) -> list[dict]:
    predicted = model.predict(simulation.deals, reasons=0)
    risky = predicted["early_churn_probability"] > 0.5
    return simulation.deals[predicted["poor_fit"] & risky].to_dict("records")


@pytest.fixture(scope="module")
def briefs(model, simulation, flagged) -> dict[str, Brief]:
    return {
        language: make_brief(model, flagged[0], deals=simulation.deals, language=language)
        for language in ("en", "zh")
    }


def test_shown_reasons_and_the_remainder_add_up(briefs) -> None:
    brief = briefs["en"]
    shown = sum(reason.contribution for reason in (*brief.against, *brief.in_favour))
    assert brief.baseline + shown + brief.others == pytest.approx(brief.log_odds, abs=1e-6)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_page_and_markdown_have_the_same_content(briefs, language) -> None:
    brief = briefs[language]
    page, text = brief_page(brief), brief_markdown(brief)
    texts = [brief.name, brief.similar_deals.in_words(language), *brief.changes]
    texts += [reason.sentence for reason in (*brief.against, *brief.in_favour)]
    texts += [brief.assessment.wording.money_text(brief.stake.expected)]
    for item in texts:
        assert item in page
        assert item in text
    assert f'<html lang="{language}">' in page
    assert page.count("<rect") == len(brief.against) + len(brief.in_favour) + 1
    assert not re.search(r"(src|href)=", page)  # nothing is loaded from other hosts


def test_the_deal_itself_is_not_among_its_similar_deals(briefs, flagged) -> None:
    result = briefs["en"].similar_deals
    assert flagged[0]["deal_id"] not in set(result.deals["deal_id"])
    assert result.known == 50


def test_the_day_of_a_brief_is_used_like_a_closing_date(model, simulation, flagged) -> None:
    closing = simulation.spec.deals.closed_on
    for prospect in flagged[:10]:
        brief = make_brief(model, prospect, deals=simulation.deals)
        day = prospect[closing].date()
        again = make_brief(model, {**prospect, closing: None}, deals=simulation.deals, as_of=day)
        assert again.assessment == brief.assessment
        assert again.changes == brief.changes
        assert list(again.similar_deals.deals.index) == list(brief.similar_deals.deals.index)


def test_the_roles_are_read_from_a_contract_with_a_password(model) -> None:
    spec = {**model.manifest["spec"], "tracking": {"uri": "postgresql://u:S3cret@host/mlflow"}}
    assert contract_of(FitModel(model.scorer, {"spec": spec})).deals.id == "deal_id"


def test_a_horizon_of_one_month_is_worded_in_the_singular(model, simulation, flagged) -> None:
    spec = simulation.spec.replace(label={"horizon_months": 1})
    brief = make_brief(model, flagged[0], deals=simulation.deals, spec=spec)
    stayed = {deal.became for deal in brief.similar if not deal.left_early}
    assert stayed == {"stayed for a month or more"}


def test_the_money_is_that_of_the_policy(briefs) -> None:
    stake, p = briefs["en"].stake, briefs["en"].assessment.early_churn_probability
    assert stake.expected == pytest.approx((1 - p) * stake.if_stays + p * stake.if_leaves)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_letter_contains_no_score_and_only_values_of_the_prospect(
    model, flagged, language
) -> None:
    with_points = 0
    for prospect in flagged[:40]:
        brief = make_brief(model, prospect, language=language)
        assert brief.letter
        assert "%" not in brief.letter
        assert brief.assessment.fit not in brief.letter.split()
        for reason in brief.assessment.reasons:
            assert reason.sentence not in brief.letter
        numbers = set(re.findall(r"\d+", brief.letter))
        assert numbers <= {"5", *re.findall(r"\d+", " ".join(brief.letter_points))}
        with_points += bool(brief.letter_points)
        assert all(f"- {point}" in brief.letter for point in brief.letter_points)
    assert with_points > 0


def test_an_unflagged_prospect_gets_no_letter(model, simulation) -> None:
    predicted = model.predict(simulation.deals, reasons=0)
    good = simulation.deals[predicted["fit"] == "good"].iloc[0].to_dict()
    brief = make_brief(model, good)
    assert brief.letter == ""
    assert brief.changes == ()
    assert "there is no letter that declines it" in brief_markdown(brief)
    assert "No past deals were given" in brief_page(brief)


def test_values_are_escaped_in_both_formats(model, flagged) -> None:
    evil = {**flagged[0], "lead_source": "<img src=x> [a](b) | `c`"}
    brief = make_brief(model, evil, name="<b>D</b>")
    page, text = brief_page(brief), brief_markdown(brief)
    assert "<img" not in page + text
    assert "<b>D" not in page + text
    assert "[a](b)" not in text


def test_a_company_can_use_its_own_template(model, flagged) -> None:
    own = "{% for point in points %}* {{ point }}\n{% endfor %}Bye {{ horizon }}."
    brief = make_brief(model, flagged[0], template=own)
    assert brief.letter.endswith("Bye within 5 months.\n")
    again = make_brief(model, flagged[0], template=default_template("en"))
    assert again.letter == make_brief(model, flagged[0]).letter


@pytest.mark.parametrize(
    "template",
    [
        "{{ probability }}",
        "{% if %}",
        "{{ points.__class__.__mro__ }}",
        "{% for i in range(10 ** 9) %}x{% endfor %}",
        "{{ 1 / 0 }}",
        "{{ '%' % 1 }}",
        "{{ 'a'.index('b') }}",
        "{{ 'a'.encode('x') }}",
        "{{ 'é'.encode('ascii') }}",
        "{{ {}.popitem() }}",
        "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
    ],
)
def test_an_invalid_or_unsafe_template_is_refused(model, flagged, template) -> None:
    with pytest.raises(SpecError, match="template of the letter has an error"):
        make_brief(model, flagged[0], template=template)


def test_deals_need_a_contract_if_the_model_has_none(model, simulation, flagged) -> None:
    bare = FitModel(model.scorer, {})
    assert make_brief(bare, flagged[0]).name == "?"
    with pytest.raises(SpecError, match="the model holds no contract"):
        make_brief(bare, flagged[0], deals=simulation.deals)
