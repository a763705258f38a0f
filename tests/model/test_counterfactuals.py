"""Counterfactuals: the smallest changes to values of past deals that remove the flag."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.history_findings import MIN_DEALS
from fitmodel.exceptions import ProspectError
from fitmodel.learning.columns import CategoryColumn, NumberColumn
from fitmodel.model.counterfactuals import (
    _steps,
    describe_counterfactuals,
    find_counterfactuals,
    past_values,
    summarise_seen_values,
)
from fitmodel.model.fitmodel import FitModel
from fitmodel.tables.forms import NO_FORMS, forms_from_dict

ACTIONABLE = ("onboarding_package", "contract_term_months", "discount")


@pytest.fixture(scope="module")
def poor(model, simulation) -> list[dict]:
    scored = model.predict(simulation.deals, reasons=0)
    return simulation.deals[scored["poor_fit"]].head(60).to_dict("records")


def test_every_change_removes_the_flag_and_gives_the_new_probability(model, poor) -> None:
    helped = 0
    for prospect in poor:
        for change in find_counterfactuals(model, prospect, actionable=ACTIONABLE):
            again = model.predict({**prospect, **change.needed}, reasons=0)
            assert not again.poor_fit
            assert change.assessment == again
            helped += 1
    assert helped > 10


def test_a_prospect_written_like_the_past_deals_gets_the_same_changes(model, poor) -> None:
    forms = forms_from_dict(
        {
            "numbers": {"discount": "1.234,5", "contract_term_months": "1234.5"},
            "units": {"discount": "%", "contract_term_months": "month"},
            "empty": {"onboarding_package": ["tbd"]},
        }
    )
    written = FitModel(replace(model.scorer, forms=forms), model.manifest)
    names, found = ("contract_term_months", "discount", "onboarding_package"), 0
    for prospect in poor[:20]:
        plain = prospect | {"onboarding_package": None}
        term, share = prospect["contract_term_months"], prospect["discount"]
        texts = plain | {
            "contract_term_months": f"{term} months",
            "discount": f"{100 * share:.0f},0 %",
            "onboarding_package": "tbd",
        }
        expected = find_counterfactuals(model, plain, actionable=names)
        changes = find_counterfactuals(written, texts, actionable=names)
        assert [(dict(each.needed), each.steps) for each in changes] == [
            (dict(each.needed), each.steps) for each in expected
        ]
        found += len(changes)
    assert found > 5


def test_two_attributes_are_changed_only_if_one_is_not_enough(model, poor) -> None:
    counts = set()
    for prospect in poor:
        both = find_counterfactuals(model, prospect, actionable=ACTIONABLE, max_changes=2)
        one = find_counterfactuals(model, prospect, actionable=ACTIONABLE, max_changes=1)
        if one:
            assert both == one
        counts |= {len(change.needed) for change in both}
    assert counts == {1, 2}


def test_a_number_is_changed_as_little_as_necessary(model, poor) -> None:
    seen = sorted(model.manifest["seen_values"]["contract_term_months"])
    result = 0
    for prospect in poor:
        first = find_counterfactuals(model, prospect, actionable=("contract_term_months",))[:1]
        now = prospect["contract_term_months"]
        for change in first:
            new = change.needed["contract_term_months"]
            between = [value for value in seen if min(now, new) < value < max(now, new)]
            for value in between:
                nearer = {**prospect, "contract_term_months": value}
                assert model.predict(nearer, reasons=0).poor_fit
            result += bool(between)
    assert result > 0


def test_only_values_of_past_deals_are_proposed(model, simulation) -> None:
    for name in ACTIONABLE:
        seen = simulation.deals[name].dropna()
        for value in past_values(model, name, seen.iloc[0]):
            if isinstance(value, str):
                assert (seen == value).sum() >= 20
            else:
                assert value in set(seen)


def test_frequent_numbers_are_kept_or_ten_observed_values() -> None:
    column = NumberColumn("n", (), 0.0, 1.0)
    terms = pd.DataFrame({"n": [12.0] * 40 + [24.0] * 30 + [18.0] * 3 + [np.nan]})
    assert summarise_seen_values([column], terms) == {"n": [12.0, 24.0]}
    amounts = pd.DataFrame({"n": np.random.default_rng(0).normal(size=500)})
    kept = summarise_seen_values([column], amounts)["n"]
    assert len(kept) == 10
    assert set(kept) <= set(amounts["n"])
    assert summarise_seen_values([column], terms.iloc[-1:]) == {"n": []}


def test_a_model_without_kept_numbers_proposes_no_numbers(model) -> None:
    older = FitModel(model.scorer, {})
    assert past_values(model, "contract_term_months", 1)
    assert past_values(older, "contract_term_months", 1) == []


def test_proposed_values_of_an_integer_column_are_integers(model, simulation) -> None:
    assert (simulation.deals["contract_term_months"].dropna() % 1 == 0).all()
    assert all(value.is_integer() for value in past_values(model, "contract_term_months", 1))


def test_only_actionable_attributes_of_the_contract_are_changed_and_never_dates(
    model, poor
) -> None:
    names = {
        name
        for one in poor
        for change in find_counterfactuals(model, one)
        for name in change.needed
    }
    assert names == {"onboarding_package"}
    assert past_values(model, "first_contact_on", poor[0]["first_contact_on"]) == []


def test_a_good_deal_has_no_counterfactuals_and_an_unknown_attribute_is_refused(
    model, simulation
) -> None:
    scored = model.predict(simulation.deals, reasons=0)
    good = simulation.deals[~scored["poor_fit"]].iloc[0].to_dict()
    assert find_counterfactuals(model, good, actionable=ACTIONABLE) == []
    with pytest.raises(ProspectError, match="'colour' can be changed but is not an attribute"):
        find_counterfactuals(model, good, actionable=("colour",))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_description_of_a_change_contains_a_caution(model, poor, language) -> None:
    changes = next(
        result
        for one in poor
        if (result := find_counterfactuals(model, one, actionable=ACTIONABLE))
    )
    text = describe_counterfactuals(changes, language=language)
    wording = changes[0].assessment.wording.in_language(language)
    assert all(wording.label(name) in text for name in changes[0].needed)
    assert wording.percent(changes[0].assessment.early_churn_probability) in text
    assert len(text.splitlines()) == len(changes) + 1
    assert describe_counterfactuals([], language=language) not in text


# ---- the search itself, on a model whose flag is known by hand ----

SEATS = NumberColumn("seats", (10.0, 20.0, 30.0), 1.0, 90.0)
PLAN = CategoryColumn("plan", {"basic": 1, "pro": 2, "rare": 3})
SIGNED = NumberColumn("signed", (30.0,), 0.0, 90.0, is_date=True)


class _Rule:
    """Flags prospects below 25 seats unless the plan is pro; a table gives the expected values."""

    attributes = ("seats", "plan", "signed")
    manifest: ClassVar[dict] = {
        "seen_values": {"seats": [5.0, 15.0, 25.0, 35.0, 45.0]},
        "spec": {"attributes": {"actionable": ["plan", "gone", "seats"]}},
    }
    scorer = SimpleNamespace(forms=NO_FORMS)
    scorecard = SimpleNamespace(
        columns=(SEATS, PLAN, SIGNED),
        evidence=[
            SimpleNamespace(),
            SimpleNamespace(band=np.arange(5), count=np.array([0, 99, 30, MIN_DEALS - 1, 0])),
            SimpleNamespace(),
        ],
    )

    def __init__(self, values: dict | None = None) -> None:
        self.values = values or {}

    def predict(self, prospect, *, reasons, as_of):
        assert reasons == 0
        del as_of
        seats, plan = float(prospect["seats"] or 0), prospect["plan"]
        return SimpleNamespace(
            poor_fit=seats < 25 and plan != "pro", early_churn_probability=1 / (2 + seats),
            expected_value=self.values.get((seats, plan), math.nan), fit="good",
        )  # fmt: skip


POOR = {"seats": 12, "plan": "basic", "signed": None}


def test_all_smallest_changes_are_found_and_the_nearest_is_first() -> None:
    result = find_counterfactuals(_Rule(), POOR, max_results=9)
    # 15 seats are in the bin of 12; with equal steps the lower probability is first
    assert [(dict(each.needed), each.steps) for each in result] == [
        ({"seats": 25.0}, 1), ({"plan": "pro"}, 1), ({"seats": 35.0}, 2), ({"seats": 45.0}, 3),
    ]  # fmt: skip
    assert find_counterfactuals(_Rule(), POOR, max_results=2) == result[:2]


def test_with_equal_steps_the_higher_expected_value_is_first() -> None:
    model = _Rule({(12.0, "pro"): 900.0, (25.0, "basic"): 100.0})
    result = find_counterfactuals(model, POOR, max_results=2)
    assert [dict(each.needed) for each in result] == [{"plan": "pro"}, {"seats": 25.0}]
    assert [each.to_dict()["expected_value"] for each in result] == [900.0, 100.0]
    unknown = find_counterfactuals(_Rule(), POOR, max_results=1)[0].to_dict()
    assert unknown == {
        "needed": {"seats": 25.0}, "early_churn_probability": 1 / 27, "expected_value": None,
        "fit": "good",
    }  # fmt: skip


def test_only_actionable_attributes_are_changed_and_at_most_the_allowed_number() -> None:
    result = find_counterfactuals(_Rule(), POOR, actionable=("plan",))
    assert [dict(each.needed) for each in result] == [{"plan": "pro"}]
    assert find_counterfactuals(_Rule(), POOR, actionable=()) == []
    assert find_counterfactuals(_Rule(), POOR, max_changes=0) == []
    assert find_counterfactuals(_Rule(), POOR, actionable=("signed",)) == []
    assert find_counterfactuals(_Rule(), POOR | {"seats": 25}) == []


def test_past_values_are_the_other_rows_of_the_table_with_enough_deals() -> None:
    model = _Rule()
    assert past_values(model, "seats", 12) == [5.0, 25.0, 35.0, 45.0]
    assert past_values(model, "seats", None) == [5.0, 15.0, 25.0, 35.0, 45.0]
    assert past_values(model, "plan", "basic") == ["pro"]
    assert past_values(model, "plan", "new") == ["basic", "pro"]
    assert past_values(model, "signed", "2024-02-29") == []


def test_steps_are_counted_from_the_current_value_in_both_directions() -> None:
    assert _steps([5.0, 15.0, 25.0, 35.0], 20) == [(15.0, 1), (5.0, 2), (25.0, 1), (35.0, 2)]
    assert _steps([5.0, 15.0], 15) == [(5.0, 1), (15.0, 1)]
    assert _steps([5.0, 15.0], None) == [(5.0, 1), (15.0, 1)]
    assert _steps(["basic", "pro"], "rare") == [("basic", 1), ("pro", 1)]
    assert _steps([], 5) == []


@pytest.mark.parametrize("rows", [MIN_DEALS, MIN_DEALS - 1])
def test_values_are_kept_if_enough_deals_have_them(rows: int) -> None:
    numbers = [*np.repeat([5.0, 7.0], [50, rows]).tolist(), 9.5, math.nan]
    kept = summarise_seen_values([SEATS, PLAN, SIGNED], pd.DataFrame({"seats": numbers}))
    if rows == MIN_DEALS:
        assert kept == {"seats": [5.0, 7.0]}
    else:  # otherwise one observed value per decile of the sorted deals
        known = sorted(numbers[:-1])
        tenths = {known[round(q * (len(known) - 1))] for q in np.linspace(0.05, 0.95, 10)}
        assert kept == {"seats": sorted(tenths)}


def test_the_twelve_most_frequent_values_are_kept_in_order() -> None:
    times = {float(number): MIN_DEALS + number for number in range(1, 15)}
    numbers = np.repeat(list(times), list(times.values()))
    kept = summarise_seen_values([SEATS], pd.DataFrame({"seats": numbers}))["seats"]
    assert kept == [float(number) for number in range(3, 15)]
