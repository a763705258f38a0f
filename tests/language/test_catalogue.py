from __future__ import annotations

from importlib.resources import files
from string import Formatter

import pytest

from fitmodel.exceptions import SpecError
from fitmodel.language.catalogue import LANGUAGES, apart, phrases, read_texts, stay_text

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
def test_every_language_has_the_same_keys_and_placeholders(topic):
    english, chinese = (read_texts(language, topic) for language in LANGUAGES)
    assert english.keys() == chinese.keys()
    for key in english:
        assert placeholders(english[key]) == placeholders(chinese[key]), key


@pytest.mark.parametrize("topic", TOPICS)
def test_chinese_texts_contain_no_english(topic):
    english, chinese = (read_texts(language, topic) for language in LANGUAGES)
    same = [key for key in english if english[key] == chinese[key] and english[key].isascii()]
    assert all(not any(c.isalpha() for c in english[key].format_map(_Blank())) for key in same)


class _Blank(dict):
    def __missing__(self, key: str) -> str:
        return ""


def test_an_unknown_language_is_refused_by_name():
    with pytest.raises(SpecError, match=r'language "fr".*en, zh'):
        phrases("fr", TOPICS[0] if TOPICS else "scoreboard")


@pytest.mark.parametrize(
    ("months", "english", "chinese"),
    [
        (0.0, "0 days", "0 天"),
        (1 / 30.4375, "1 day", "1 天"),
        (0.5, "15 days", "15 天"),
        (1.0, "1.0 months", "1.0 个月"),
        (12.75, "12.8 months", "12.8 个月"),
    ],
)
def test_a_stay_of_less_than_a_month_is_written_in_days(months, english, chinese):
    assert stay_text(phrases("en", "reviews"), months) == english
    assert stay_text(phrases("zh", "brief"), months) == chinese


@pytest.mark.parametrize("name", ["smb", "小型企业", "Zoë 🚀", ""])
def test_a_name_from_left_to_right_is_not_changed_for_a_sentence(name):
    assert apart(name) == name


@pytest.mark.parametrize("name", ["قطاع عام", "דירה", "Kim\u202egnp.exe"])
def test_a_name_that_turns_what_follows_is_set_apart(name):
    assert apart(name) == f"\u2068{name}\u2069"
