"""A proposed change lifts the flag, is the smallest that does, and goes where deals have been."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.exceptions import ProspectError
from fitmodel.learning.columns import NumberColumn
from fitmodel.model.counterfactuals import (
    describe_counterfactuals,
    find_counterfactuals,
    past_values,
    summarise_seen_values,
)
from fitmodel.model.fitmodel import FitModel

ACTIONABLE = ("onboarding_package", "contract_term_months", "discount")


@pytest.fixture(scope="module")
def poor(model, simulation) -> list[dict]:
    scored = model.predict(simulation.deals, reasons=0)
    return simulation.deals[scored["poor_fit"]].head(60).to_dict("records")


def test_every_change_lifts_the_flag_and_says_the_new_probability(model, poor) -> None:
    helped = 0
    for prospect in poor:
        for change in find_counterfactuals(model, prospect, actionable=ACTIONABLE):
            again = model.predict({**prospect, **change.needed}, reasons=0)
            assert not again.poor_fit
            assert change.assessment == again
            helped += 1
    assert helped > 10


def test_two_are_changed_only_where_one_does_not_do(model, poor) -> None:
    counts = set()
    for prospect in poor:
        both = find_counterfactuals(model, prospect, actionable=ACTIONABLE, most_changes=2)
        one = find_counterfactuals(model, prospect, actionable=ACTIONABLE, most_changes=1)
        if one:
            assert both == one
        counts |= {len(change.needed) for change in both}
    assert counts == {1, 2}


def test_a_number_is_changed_no_further_than_it_must(model, poor) -> None:
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


def test_only_what_past_deals_had_is_proposed(model, simulation) -> None:
    for name in ACTIONABLE:
        seen = simulation.deals[name].dropna()
        for value in past_values(model, name, seen.iloc[0]):
            if isinstance(value, str):
                assert (seen == value).sum() >= 20
            else:
                assert value in set(seen)


def test_common_numbers_are_kept_and_of_others_some_that_were_seen() -> None:
    column = NumberColumn("n", (), 0.0, 1.0)
    terms = pd.DataFrame({"n": [12.0] * 40 + [24.0] * 30 + [18.0] * 3 + [np.nan]})
    assert summarise_seen_values([column], terms) == {"n": [12.0, 24.0]}
    amounts = pd.DataFrame({"n": np.random.default_rng(0).normal(size=500)})
    kept = summarise_seen_values([column], amounts)["n"]
    assert len(kept) == 10
    assert set(kept) <= set(amounts["n"])
    assert summarise_seen_values([column], terms.iloc[-1:]) == {"n": []}


def test_a_model_that_kept_no_numbers_proposes_none(model) -> None:
    older = FitModel(model.scorer, {})
    assert past_values(model, "contract_term_months", 1)
    assert past_values(older, "contract_term_months", 1) == []


def test_whole_numbers_stay_whole(model, simulation) -> None:
    assert (simulation.deals["contract_term_months"].dropna() % 1 == 0).all()
    assert all(value.is_integer() for value in past_values(model, "contract_term_months", 1))


def test_the_contract_says_what_can_be_changed_and_dates_never_can(model, poor) -> None:
    names = {
        name
        for one in poor
        for change in find_counterfactuals(model, one)
        for name in change.needed
    }
    assert names == {"onboarding_package"}
    assert past_values(model, "first_contact_on", poor[0]["first_contact_on"]) == []


def test_a_good_deal_needs_nothing_and_an_unknown_attribute_is_refused(model, simulation) -> None:
    scored = model.predict(simulation.deals, reasons=0)
    good = simulation.deals[~scored["poor_fit"]].iloc[0].to_dict()
    assert find_counterfactuals(model, good, actionable=ACTIONABLE) == []
    with pytest.raises(ProspectError, match="'colour' can be changed but is not an attribute"):
        find_counterfactuals(model, good, actionable=("colour",))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_in_words_a_change_comes_with_its_caution(model, poor, language) -> None:
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
