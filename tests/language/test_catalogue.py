from __future__ import annotations

from importlib.resources import files
from string import Formatter

import pytest

from fitmodel.exceptions import SpecError
from fitmodel.language.catalogue import LANGUAGES, phrases, read_texts

HOME = files("fitmodel.language")
TOPICS = sorted(
    {
        path.name.removesuffix(".toml")
        for language in LANGUAGES
        for path in HOME.joinpath(language).iterdir()
        if path.name.endswith(".toml")
    }
)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("topic", TOPICS)
def test_every_language_has_the_same_keys_and_the_same_names_to_fill(topic):
    english, chinese = (read_texts(language, topic) for language in LANGUAGES)
    assert english.keys() == chinese.keys()
    for key in english:
        assert placeholders(english[key]) == placeholders(chinese[key]), key


@pytest.mark.parametrize("topic", TOPICS)
def test_chinese_texts_are_not_english_left_over(topic):
    english, chinese = (read_texts(language, topic) for language in LANGUAGES)
    same = [key for key in english if english[key] == chinese[key] and english[key].isascii()]
    assert all(not any(c.isalpha() for c in english[key].format_map(_Blank())) for key in same)


class _Blank(dict):
    def __missing__(self, key: str) -> str:
        return ""


def test_a_language_without_texts_is_refused_by_name():
    with pytest.raises(SpecError, match=r'language "fr".*en, zh'):
        phrases("fr", TOPICS[0] if TOPICS else "scoreboard")
