"""The contract decides which columns its tables add and how these columns are named."""

from __future__ import annotations

import pytest

from fitmodel.crm.columns import columns_of, slug, words_of_columns
from fitmodel.model.wording import wording_from_dict, wording_of


@pytest.fixture
def spec(make_spec):
    return make_spec(
        {"fields": ["seats", "StageName", "amount", "rep"], "stage": "StageName", "stages": ["a"]},
        {
            "kind": "kind",
            "kinds": ["call"],
            "who": "who",
            "amount": "Minutes spent",
            "windows_days": [14],
        },
        words={"labels": {"calls": "activities"}},
    )


def test_every_added_column_has_a_label(spec):
    fields = {"seats", "StageName", "amount", "rep"}

    assert set(columns_of(spec)) - fields <= set(words_of_columns(spec))


@pytest.mark.parametrize(
    ("column", "english", "chinese"),
    [
        (
            "calls_days_since_last",
            "Days without activities before signing",
            "签约前没有“activities”的天数",
        ),
        ("calls_call_people_14d", "People in Calls call, last 14 days", None),
        ("seats_changes", "Seats: number of changes", "Seats：变更次数"),  # noqa: RUF001 - Chinese
        ("calls_minutes_spent_14d", "Minutes spent of activities, last 14 days", None),
        ("other", "Other", "Other"),
    ],
)
def test_labels_exist_in_both_languages_and_are_read_back_from_json(spec, column, english, chinese):
    wording = wording_from_dict(wording_of(spec).to_dict())

    assert wording.label(column) == english
    if chinese is not None:
        assert wording.in_language("zh").label(column) == chinese


def test_a_label_in_the_contract_is_preferred(spec):
    named = spec.replace(words={"labels": {"seats_changes": "Times the seats were changed"}})

    assert wording_of(named).label("seats_changes") == "Times the seats were changed"


def test_a_kind_becomes_a_name_of_letters_digits_and_underscores():
    assert [slug(text) for text in ("E-Mail (out)", "电话", "--")] == [
        "e_mail_out",
        "电话",
        "other",
    ]
