"""The contract reports all its errors together and enforces the limits of each setting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from fitmodel.deals.contract import Attributes, DealRoles, DealSpec, Label, Learning, Rows
from fitmodel.exceptions import SpecError

TENURE = {"tenure_months": "months", "churned": "gone"}
DATES = {"closed_on": "signed", "churned_on": "left", "observed_until": "2026-06-30"}


def spec(deals: dict[str, Any] = TENURE, **sections: Any) -> DealSpec:
    return DealSpec(deals=deals, **sections)


LIMITS = [
    ("label", "horizon_months", (1, 1200), (0, 1201)),
    ("attributes", "known_before_days", (0, 3660), (-1, 3661)),
    ("decision", "odds_ratio", (1.0, 50.0), (0.99,)),
    ("decision", "capacity", (0.001, 1.0), (0.0, 1.001)),
    ("decision", "precision", (0.001, 1.0), (0.0, 1.001)),
    ("decision", "threshold", (0.0, 1.0), (-0.001, 1.001)),
    ("decision", "big_deal", (0.01,), (0.0,)),
    ("decision", "gross_margin", (0.001, 1.0), (0.0, 1.001)),
    ("decision", "expected_lifetime_months", (0.01,), (0.0,)),
    ("decision", "paid_upfront_months", (0.0,), (-0.01,)),
    ("decision", "commission_rate", (0.0, 1.0), (-0.001, 1.001)),
    ("decision", "explore_share", (0.0, 0.999), (-0.001, 1.0)),
    ("decision", "acquisition_cost", (0.0,), (-1.0,)),
    ("learning", "seed", (0, 2**32 - 1), (-1, 2**32)),
    ("learning", "threads", (1,), (0,)),
    ("learning", "penalties", ((0.001,),), ((), (0.0,))),
    ("learning", "shares", ((0.01, 1.0),), ((), (0.0,), (1.01,))),
    ("learning", "pairs", (0, 50), (-1, 51)),
    ("learning", "folds", (2, 20), (1, 21)),
    ("learning", "replicates", (3, 200), (2, 201)),
    ("learning", "time_budget_seconds", (0.1,), (0.0,)),
    ("learning", "effect_deals", (2_000,), (1_999,)),
    ("rows", "gap_days", (0,), (-1,)),
]


@pytest.mark.parametrize(("section", "key", "allowed", "refused"), LIMITS, ids=str)
def test_the_limits_of_a_setting_are_allowed_and_values_beyond_them_are_refused(
    section: str, key: str, allowed: tuple[Any, ...], refused: tuple[Any, ...]
) -> None:
    for value in allowed:
        assert getattr(getattr(spec(**{section: {key: value}}), section), key) == value
    for value in refused:
        with pytest.raises(SpecError, match=key):
            spec(**{section: {key: value}})


def test_values_beyond_the_limits_of_a_role_are_refused() -> None:
    paid = TENURE | {"amount": "paid", "amount_per": "contract"}

    assert spec(paid | {"contract_months": 1200}).deals.contract_months == 1200
    assert spec(TENURE | {"amount": "paid", "amount_scale": 0.01}).deals.amount_scale == 0.01
    for wrong in ({"contract_months": 1201}, {"contract_months": 0}, {"amount_scale": 0}):
        with pytest.raises(SpecError, match=next(iter(wrong))):
            spec(paid | {"contract_months": 12} | wrong)


def test_the_defaults_are_those_in_the_documentation() -> None:
    made = spec()

    assert made.label.horizon_months == 5
    assert (made.decision.policy, made.decision.odds_ratio) == (None, 2.0)
    assert (made.decision.capacity, made.decision.precision) == (0.10, 0.5)
    assert (made.rows.gap_days, made.attributes.known_before_days) == (30, 0)
    assert (made.learning.folds, made.learning.pairs, made.learning.replicates) == (4, 5, 12)
    assert made.learning.bends
    money = made.decision.model_dump(exclude={"policy", "odds_ratio", "capacity", "precision"})
    assert {name for name, value in money.items() if value} == set(), "no cost, margin or limit"


@pytest.mark.parametrize(
    ("deals", "message"),
    [
        ({}, "says nothing about the outcome"),
        ({"tenure_months": "months"}, r"has tenure_months but lacks churned"),
        ({"churned": "gone"}, r"has churned but lacks tenure_months"),
        ({"closed_on": "signed"}, "has closed_on but lacks churned_on, observed_until"),
        (
            DATES | {"tenure_months": "m", "churned": "c"},
            "has tenure_months and closed_on, chur",
        ),
        (DATES | {"churned_on": "signed"}, "'signed' cannot be both closed_on and churned_on"),
        (TENURE | {"rep": "gone"}, "'gone' cannot be both rep and churned"),
        (DATES | {"churned_values": ["no"]}, "churned_values needs churned"),
        (DATES | {"tenure_unit": "days"}, "tenure_unit needs tenure_months"),
        (TENURE | {"amount_per": "year"}, "amount_per needs amount"),
        (TENURE | {"amount_scale": 1000}, "amount_scale needs amount"),
        (
            TENURE | {"amount": "a", "amount_per": "contract"},
            'amount_per = "contract" and contract_months need each other',
        ),
        (TENURE | {"amount": "a", "contract_months": 12}, "need each other"),
        (DATES | {"observed_until": 3}, "must be a date or a column's name, not 3"),
        (DATES | {"observed_from": "soon"}, "must be a date such as 2023-01-31, not 'soon'"),
        (DATES | {"observed_from": 3}, "must be a date such as 2023-01-31, not 3"),
    ],
)
def test_roles_that_contradict_each_other_are_refused(deals: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        spec(deals)


def test_observed_until_is_a_date_or_a_column() -> None:
    as_day = spec(DATES | {"observed_until": "2026-06-30T12:00"}).deals
    as_column = spec(DATES | {"observed_until": "extract day"}).deals

    assert str(as_day.observed_until) == "2026-06-30"
    assert "observed_until" not in as_day.columns()
    assert as_column.columns()["observed_until"] == "extract day"


def test_a_currency_is_a_role_column_only_if_it_is_not_a_currency_code() -> None:
    paid = TENURE | {"amount": "paid"}

    assert "currency" not in spec(paid | {"currency": "EUR"}).deals.columns()
    for column in ("EURO", "eur", "waers"):
        assert spec(paid | {"currency": column}).deals.columns()["currency"] == column


def test_outcome_columns_are_not_attributes_but_the_amount_is() -> None:
    roles = {"rep": "seller", "team": "office", "id": "nr", "amount": "paid", "exited_on": "sold"}
    made = spec(DATES | roles, rows={"customer": "account", "trial_end": "trial"})
    columns = ["seats", *roles.values(), "signed", "left", "account", "trial", "plan"]

    assert made.outcome_columns == ("left", "sold")
    assert made.attribute_names(columns) == ("seats", "paid", "plan")
    assert spec().outcome_columns == ("months", "gone")
    assert made.replace(attributes={"exclude": ["plan"]}).attribute_names(columns) == (
        "seats", "paid",
    )  # fmt: skip
    assert made.replace(attributes={"include": ["plan", "paid"]}).attribute_names(columns) == (
        "plan", "paid",
    )  # fmt: skip


def test_a_column_with_only_one_kept_value_is_not_an_attribute() -> None:
    one = spec(rows={"keep": {"stage": ["Won"]}})
    two = spec(rows={"keep": {"stage": ["Won", "Renewed"]}})

    assert one.attribute_names(["stage", "seats"]) == ("seats",)
    assert two.attribute_names(["stage", "seats"]) == ("stage", "seats")


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"include": ["left"]}, "include names 'left', which is the role churned_on"),
        ({"categorical": ["signed"]}, "categorical names 'signed', which is the role closed_on"),
        ({"numeric": ["seller"]}, "numeric names 'seller', which is the role rep"),
        ({"parents": {"city": "nr"}}, "parents names 'nr', which is the role id"),
        ({"include": []}, "include is empty: add columns"),
        ({"exclude": ["a"], "numeric": ["a"]}, "'a' is in exclude and in numeric"),
        ({"include": ["a"], "numeric": ["b"]}, "'b' is in numeric but not in include"),
        ({"include": ["a"], "parents": {"a": "b"}}, "'b' is in parents but not in include"),
        ({"increasing": ["a"], "decreasing": ["a"]}, "cannot be both increasing and decreasing"),
        ({"increasing": ["a"], "categorical": ["a"]}, "both increasing and categorical"),
        ({"decreasing": ["a"], "categorical": ["a"]}, "both decreasing and categorical"),
        ({"categorical": ["a"], "numeric": ["a"]}, "both categorical and numeric"),
        ({"parents": {"a": "b", "b": "a"}}, "parents form a circle that contains 'a'"),
        ({"parents": {"a": "a"}}, "parents form a circle that contains 'a'"),
        ({"missing": ["NA", "nothing"]}, "not nothing: list other texts for missing values in"),
        ({"missing": {"region": ["zero"]}}, "not zero: list other texts"),
    ],
)
def test_attributes_that_contradict_the_roles_or_each_other_are_refused(
    attributes: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        spec(DATES | {"rep": "seller", "id": "nr"}, attributes=attributes)


def test_the_rep_column_can_be_included_by_name_and_parents_can_form_a_chain() -> None:
    seller = spec(DATES | {"rep": "seller"}, attributes={"include": ["seller", "seats"]})
    chain = spec(attributes={"parents": {"city": "region", "region": "country"}})

    assert seller.attribute_names([]) == ("seller", "seats")
    assert chain.attributes.parents == {"city": "region", "region": "country"}


@pytest.mark.parametrize(
    ("deals", "rows", "message"),
    [
        (TENURE, {"customer": "account"}, "customer needs closed_on"),
        (TENURE, {"trial_end": "trial"}, "trial_end needs churned_on"),
        (TENURE, {"left_without_date": "drop"}, "left_without_date needs closed_on and churned"),
        (DATES, {"left_without_date": "drop"}, "left_without_date needs closed_on and churned"),
        (DATES, {"customer": "a", "one_row_per": "deal"}, "one_row_per = .* exclude each other"),
        (DATES, {"keep": {"s": ["x"]}, "drop": {"s": ["x"]}}, "'x' of 's' is in keep and"),
    ],
)
def test_rules_on_rows_are_refused_if_the_dates_they_need_are_missing(
    deals: dict[str, Any], rows: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        spec(deals, rows=rows)


def test_left_without_date_is_allowed_if_there_is_a_churn_flag() -> None:
    made = spec(DATES | {"churned": "status"}, rows={"left_without_date": "unknown"})

    assert made.rows.left_without_date == "unknown"
    assert made.has_dates
    assert not spec().has_dates


@pytest.mark.parametrize(
    ("deals", "lacking"),
    [
        (TENURE, r"\[decision\] gross_margin and \[deals\] amount"),
        (TENURE | {"amount": "paid"}, r"needs \[decision\] gross_margin$"),
    ],
)
def test_the_value_policy_needs_an_amount_and_a_margin(deals: dict[str, Any], lacking: str) -> None:
    with pytest.raises(SpecError, match=lacking):
        spec(deals, decision={"policy": "value"})
    with pytest.raises(SpecError, match=r'policy = "threshold" needs threshold'):
        spec(deals, decision={"policy": "threshold"})
    paid = spec(TENURE | {"amount": "paid"}, decision={"policy": "value", "gross_margin": 0.8})
    assert paid.decision.policy == "value"


def test_costs_are_amounts_or_shares() -> None:
    costs = spec(decision={"acquisition_cost": "8 %", "onboarding_cost": 250}).decision

    assert (costs.acquisition_cost, costs.onboarding_cost) == ("8 %", 250.0)
    for wrong in ("eight", True, float("inf"), None):
        with pytest.raises(SpecError, match="acquisition_cost must be"):
            spec(decision={"acquisition_cost": wrong})


def test_all_errors_are_reported_together_with_the_nearest_key() -> None:
    with pytest.raises(SpecError) as caught:
        spec(
            TENURE | {"amuont": "paid"},
            label={"horizon": 5},
            learning={"components": ["boosted"]},
            sales={},
        )

    text = str(caught.value)
    assert "(4 problems)" in text
    for part in ("did you mean 'amount'", "horizon_months", 'components needs "logistic"', "sales"):
        assert part in text


def test_a_section_made_alone_gives_the_same_error_messages() -> None:
    for make, message in (
        (lambda: Label(horizon_months=0), r"\[label\] horizon_months"),
        (lambda: DealRoles(**TENURE, seller="rep"), r"\[deals\] has no key 'seller'"),
        (lambda: Attributes(increase=["a"]), "did you mean 'increasing'"),
        (lambda: Rows(gap_days=-1), r"\[rows\] gap_days"),
        (lambda: Learning(folds=1), r"\[learning\] folds"),
    ):
        with pytest.raises(SpecError, match=message):
            make()


def test_replace_changes_one_key_and_keeps_the_others() -> None:
    made = spec(learning={"folds": 3, "seed": 9}, label={"horizon_months": 6})
    changed = made.replace(learning={"folds": 5})

    assert (changed.learning.folds, changed.learning.seed) == (5, 9)
    assert changed.label.horizon_months == 6
    assert made.learning.folds == 3
    assert made.replace(learning=Learning(folds=7)).learning.seed == 0
    with pytest.raises(SpecError, match="folds"):
        made.replace(learning={"folds": 1})


def test_a_contract_is_a_mapping_of_sections() -> None:
    made = spec()

    assert DealSpec.model_validate(made) is made
    assert DealSpec.model_validate({"deals": TENURE}) == made
    for wrong in ([], "deals", {1: TENURE}):
        with pytest.raises(SpecError, match="a contract is a mapping of sections, not"):
            DealSpec.model_validate(wrong)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file .*fitmodel.toml; `fitmodel init DEALS` writes one"),
        (b'[deals]\nrep = "M\xfcller"\n', r"is not UTF-8 text \(byte 16\): save it as UTF-8"),
        (b"[deals\n", "is not valid TOML: "),
        (b"[deals]\n", r"fitmodel.toml: .*\n.*says nothing about the outcome"),
    ],
)
def test_the_error_for_an_invalid_contract_file_names_the_problem(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    file = tmp_path / "fitmodel.toml"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(SpecError, match=message):
        DealSpec.from_toml(file)


def test_a_folder_is_refused_and_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    file = tmp_path / "fitmodel.toml"
    file.write_text(spec().to_toml(), encoding="utf-8-sig")

    assert DealSpec.from_toml(str(file)) == spec()
    with pytest.raises(SpecError, match="cannot be read"):
        DealSpec.from_toml(tmp_path)


@pytest.mark.parametrize(
    ("reading", "message"),
    [
        ({"dates": {"signed": "backwards"}}, r"\[reading\] dates must be one of .*'backwards'"),
        ({"numbers": {"paid": "1'234"}}, r"\[reading\] numbers must be one of"),
    ],
)
def test_unknown_forms_are_refused(reading: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        spec(reading=reading)


def test_repeated_components_are_removed() -> None:
    made = spec(learning={"components": ["boosted", "logistic", "boosted"]})

    assert made.learning.components == ("boosted", "logistic")
    assert made.learning.with_parent("x").parent == "x"
    assert made.learning.parent is None


@pytest.mark.parametrize("value", ["6", 6.0, True, None])
def test_an_integer_setting_refuses_values_that_are_not_integers(value: Any) -> None:
    with pytest.raises(SpecError, match="horizon_months"):
        spec(label={"horizon_months": value})


def test_a_contract_and_its_sections_are_immutable() -> None:
    made = spec()
    for target, name in ((made, "label"), (made.label, "horizon_months"), (made.learning, "seed")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(target, name, getattr(target, name))
