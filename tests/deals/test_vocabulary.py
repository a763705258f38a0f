"""A stage or status is recognised with its number, its share and its reason."""

from __future__ import annotations

import pytest

from fitmodel.deals.vocabulary import kind_of_status, readings, stage_of


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("Closed Won", ("closed won",)),
        ("Closed - Won", ("closed won", "closed", "won")),
        ("5. Closed Won", ("5. closed won", "closed won")),
        ("06 - Won", ("06 won", "won")),
        ("3) Open", ("3) open", "open")),
        ("Closed Lost (0%)", ("closed lost (0%)", "closed lost")),
        ("100% Gewonnen", ("100% gewonnen", "gewonnen")),
        ("赢单\N{FULLWIDTH LEFT PARENTHESIS}100%\N{FULLWIDTH RIGHT PARENTHESIS}",
         ("赢单(100%)", "赢单")),
        ("\N{CROSS MARK} Lost", ("\N{CROSS MARK} lost", "lost")),
        ("Lost - Price", ("lost price", "lost", "price")),
        ("12", ("12",)), ("2024 cohort", ("2024 cohort",)), ("", ()),
    ],
)  # fmt: skip
def test_a_value_has_the_words_without_its_number_and_those_of_its_parts(
    value: str, words: tuple[str, ...]
) -> None:
    assert readings(value) == words


@pytest.mark.parametrize(
    ("value", "stage"),
    [
        ("7. Closed - Lost", "lost"), ("Won - Lost competitor", "won"), ("01 Discovery", None),
        ("01. Discovery", "open"), ("Onboarded", None), ("Lost: no budget", "lost"),
    ],
)  # fmt: skip
def test_the_whole_value_comes_before_its_parts(value: str, stage: str | None) -> None:
    assert stage_of(value) == stage


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("3 - Cancelled", "left"), ("1. Active", "active"), ("Active - Trial", "not_yet"),
        ("Cancelled (non-payment)", "left"), ("Active (test account)", "never"),
        ("Active", "active"), ("Moon", None), ("", None),
    ],
)  # fmt: skip
def test_the_part_that_means_no_customer_decides_the_kind_of_a_status(
    value: str, kind: str | None
) -> None:
    assert kind_of_status(value) == kind
