"""Every message that a page can show is translated into Chinese with its quoted values."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import fitmodel
from fitmodel.evaluation.comparison import find_objections
from fitmodel.language.catalogue import message_in, messages_in, read_texts, translated

HOME = Path(fitmodel.__file__).parent
ERRORS = frozenset(
    (
        "RefusedError", "ConflictError", "ContradictionError", "UnknownProspectError",
        "ProspectError",
    )
)  # fmt: skip
QUOTED = read_texts("zh", "messages")["original"].partition("{")[0]
SOURCES_OF_ERRORS = (
    "service", "model/_row_encoder.py", "model/_row_scorer.py", "model/scorer.py",
    "model/logged.py", "model/horizons.py", "crm/requests.py", "monitoring",
)  # fmt: skip
"""Where what a page shows as an error is written."""
REGISTRY = ("service/_model_routes.py", "tracking/registry.py", "tracking/promotion.py")
NOT_ASKED = re.compile(r"neither .* here|has no champion to roll back|was the first champion")


def messages(sources: tuple[str, ...], errors: frozenset[str]) -> Iterator[str]:
    """Texts of errors as in the source, with a word in place of every value."""
    for source in sources:
        home = HOME / source
        for path in sorted(home.rglob("*.py")) if home.is_dir() else [home]:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in errors:
                    yield from filter(None, map(written, node.args))


def written(node: ast.expr) -> str:
    """The text of a syntax node; "" if it is not a text or only passed on."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.BinOp):
        return written(node.left) + written(node.right)
    if not isinstance(node, ast.JoinedStr):
        return ""
    parts = [part.value if isinstance(part, ast.Constant) else "(1)" for part in node.values]  # noqa: PD011
    return "" if set(parts) == {"(1)"} else "".join(map(str, parts))


@pytest.mark.parametrize("text", sorted(set(messages(SOURCES_OF_ERRORS, ERRORS))))
def test_an_error_shown_on_a_page_is_translated_into_chinese(text):
    translation = message_in(text, "zh")
    assert re.search("[\u4e00-\u9fff]", translation)
    assert QUOTED not in translation.replace(f"{QUOTED}(1)", "")


@pytest.mark.parametrize("text", sorted(set(messages(REGISTRY, frozenset({"TrackingError"})))))
def test_a_problem_of_the_registry_is_translated_into_chinese(text):
    if NOT_ASKED.search(text):
        return  # of a command that no page has
    assert translated(text, "zh") is not None
    assert QUOTED not in message_in(text, "zh")


def test_objections_are_translated_into_chinese_with_their_figures():
    n = 400
    left = pd.Series([1, 0] * (n // 2))
    table = pd.DataFrame(
        {"early_churn": left, "probability": 0.9, "champion": 0.5, "weight": 1.0, "base_rate": 0.5}
    )
    result = find_objections(table, pd.DataFrame({"segment": ["smb", "mid"] * (n // 2)}))
    assert result
    for objection in result:
        translation = message_in(objection, "zh")
        assert not re.search("[a-z]{4,}", translation.replace("segment", ""))
        assert re.findall(r"\d+\.\d+", translation) == re.findall(r"\d+\.\d+", objection)


def test_an_unknown_message_is_quoted_completely():
    text = "Something that nobody has written. It has two sentences."
    assert translated(text, "zh") is None
    assert message_in(text, "zh") == read_texts("zh", "messages")["original"].format(text=text)
    assert message_in(text, "en") == text
    assert message_in("", "zh") == ""


def test_several_sentences_are_translated_and_an_unknown_one_is_quoted():
    translation = message_in("Flags by a fixed threshold. Nobody has written this one.", "zh")
    assert translation == f"按固定界限标记。{QUOTED}Nobody has written this one."


def test_several_messages_are_translated_also_if_one_contains_the_separator():
    few = (
        "only 50 deals (8 early churners) signed after the champion's last are known to have left "
        "or stayed; 50 deals and 10 early churners are needed"
    )
    worse = "it is worse for segment = smb: +0.0283 log loss on 53 deals"
    mark = read_texts("zh", "desk")["list_mark"]
    for some in ([few, worse], [worse, few], [worse, worse], [worse], [few]):
        text = messages_in("; ".join(some), "zh")
        assert text == mark.join(message_in(each, "zh") for each in some)
        assert QUOTED not in text
        assert "worse" not in text


def test_a_message_inside_a_message_is_translated():
    translation = message_in("the pipeline cannot be read: there is no file /a/b.csv", "zh")
    assert re.fullmatch("无法读取商机列表.没有文件 /a/b.csv", translation)


def test_a_text_that_only_begins_like_a_template_does_not_match():
    assert translated("the client left and then it stopped", "zh") is None


@pytest.mark.parametrize(
    "key", [key for key in read_texts("en", "card") if key.endswith("_of_older_cards")]
)
def test_a_sentence_of_an_older_card_is_translated_as_its_successor(key: str) -> None:
    in_english, in_chinese = read_texts("en", "card"), read_texts("zh", "card")
    text, expected = (
        texts[key].replace("{message}", texts["held_out"]) for texts in (in_english, in_chinese)
    )

    assert translated(text, "zh", "card") == expected
    assert in_chinese[key] == in_chinese[key.removesuffix("_of_older_cards")]


def test_why_no_money_is_shown_is_translated() -> None:
    """Every reason that the source gives: it returns None and the reason."""
    source = (HOME / "decision" / "money_settings.py").read_text(encoding="utf-8")
    returned = [
        ast.unparse(node.value.elts[0]) == "None" and written(node.value.elts[1])
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and node.value.elts
    ]
    reasons = [text for text in returned if text]
    assert len(reasons) == 4
    for reason in reasons:
        translation = message_in(f"No money is shown beside it: {reason}.", "zh")
        assert QUOTED not in translation
        assert reason not in translation


PLAIN = (
    "Remedy: give a plain number (1234.5) or an ISO date, or None (in JSON null) if it is not "
    "known."
)
UNCLEAR = (
    "attribute 'seats': '1.234,5' is unclear: its mark may be decimal or may separate thousands. "
    f"{PLAIN}"
)
ABSENT = (
    "1 of 5 attribute(s) are missing:\n  seats (did you mean 'Seats'?)\ngiven: Seats\nRemedy: add "
    "them; a value that is not known may be None (in JSON null), but its name must be there."
)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (UNCLEAR, "'1.234,5' 不明确"),
        (f"attribute 'plan': ['a'] is not a single value. {PLAIN}", "['a'] 不是单个值"),
        (ABSENT, "是否为 'Seats'"),
        ("language: must be one of 'en' or 'zh', not 'fr'", "必须是 'en' or 'zh' 之一"),
    ],
)
def test_what_is_wrong_with_a_value_is_translated(message: str, expected: str) -> None:
    translation = message_in(message, "zh")
    assert expected in translation
    assert QUOTED not in translation
