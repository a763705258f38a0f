"""A card is translated block by block; names, figures and code are not changed."""

from __future__ import annotations

import pytest

from fitmodel.language.catalogue import phrases, read_texts
from fitmodel.reports.card import card_in

CARD = read_texts("zh", "card")
ENGLISH = read_texts("en", "card")


def quoted(text):
    return read_texts("zh", "messages")["original"].format(text=text)


def test_an_english_card_is_not_changed() -> None:
    assert card_in("# any *text*\n\n\nwith spaces  \n", "en") == "# any *text*\n\n\nwith spaces  \n"


@pytest.mark.parametrize("mark", ["## ", "- ", "> ", ""])
def test_headings_list_items_and_paragraphs_keep_their_markup(mark) -> None:
    assert card_in(f"{mark}{ENGLISH['h_data']}\n", "zh") == f"{mark}{CARD['h_data']}\n"


def test_bold_text_stays_bold_and_untranslated_text_is_quoted() -> None:
    assert card_in(f"**{ENGLISH['h_data']}**\n", "zh") == f"**{CARD['h_data']}**\n"
    assert (
        card_in("- 41 deals had no amount.\n", "zh") == f"- {quoted('41 deals had no amount.')}\n"
    )


def test_lines_of_a_paragraph_are_joined_also_in_a_quote() -> None:
    words = ENGLISH["no_skill_note"].split(" ")
    text = " ".join(words[:4]) + "\n" + " ".join(words[4:])
    cited = "> " + text.replace("\n", "\n> ")

    assert card_in(f"{text}\n", "zh") == f"{CARD['no_skill_note']}\n"
    assert card_in(f"{cited}\n", "zh") == f"> {CARD['no_skill_note']}\n"


def test_list_items_are_kept_together_and_blocks_are_separated() -> None:
    item, head = ENGLISH["not_alone"], ENGLISH["h_data"]
    text = card_in(f"# {head}\n\n- {item}\n- {item}\n\n{head}\n", "zh")

    assert text == (
        f"# {CARD['h_data']}\n\n- {CARD['not_alone']}\n- {CARD['not_alone']}\n\n{CARD['h_data']}\n"
    )


def test_code_is_kept_with_its_empty_lines() -> None:
    code = "```python\nimport fitmodel\n\n# no heading\n- no item\n```\n"

    assert card_in(code, "zh") == code


def test_only_the_header_of_a_table_is_translated() -> None:
    table = "| attribute | level | deals |\n| --- | --- | --- |\n| no trial | a \\| b | 1,200 |\n"
    head, rule, row = card_in(table, "zh").splitlines()

    assert head.count("|") == 4
    assert rule == "| --- | --- | --- |"
    assert row == "| no trial | a \\| b | 1,200 |"


def test_an_interval_is_translated_with_its_limits() -> None:
    table = "| x | y |\n| --- | --- |\n| 0.12 to 0.34 | -1,200 to – |\n"  # noqa: RUF001
    row = card_in(table, "zh").splitlines()[-1]
    say = phrases("zh", "desk")

    ends = (("0.12", "0.34"), ("-1,200", "–"))  # noqa: RUF001
    first, second = (say("between", low=low, high=high) for low, high in ends)
    assert row == f"| {first} | {second} |"
