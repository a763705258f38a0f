"""Texts by key and language, from ``language/<language>/<topic>.toml``; translation of messages.

phrases("en", "scoreboard") -> say; say("as_expected", rate="38%") -> the sentence

Many messages are stored in English: in an exception, in a bundle's manifest, on a model card. Each
is made from a template, such as "the pipeline cannot be read: {message}". The catalogue has the
templates of both languages under the same key, so the template of a message can be found and
filled in the other language.

message -> its template, else sentence by sentence -> the template in the other language
     -> text that matches no template is quoted and marked as English
"""

from __future__ import annotations

import re
import tomllib
from collections import ChainMap
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from string import Formatter
from types import MappingProxyType
from typing import NamedTuple, Protocol

from fitmodel.exceptions import SpecError

LANGUAGES = ("en", "zh")
COMMON = "common"  # topic whose texts are available with every topic
_DAYS_PER_MONTH = 365.25 / 12
ORIGINAL = "en"
MESSAGES = "messages"
NESTED = "message"  # a value whose name starts with this is a message, or several joined by "; "
EXAMPLE = "example"  # a value of this name is a list of rows with their cells
UNKNOWN = "original"  # key of the template for text that matches no other template
_ESCAPED = frozenset("\\`*[]|~#!")  # as escaped in Markdown, see `fitmodel.reports._markdown`
NAMES = "names"  # a value of this name lists names, some with a remark
_ROW = re.compile(r"\brow (\d+): ")
_MEANT = re.compile(r" ?\(did you mean (.*?)\?\)")
_FILLED = re.compile(r" ?\((\d+%) filled\)")
_PER = re.compile(r"\bper (month|year|quarter|week|day|half year)\b")
# letters that run from right to left, and marks that turn the direction of what follows
_TURNING = re.compile(
    "[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc]"
)
_SENTENCE_END = re.compile(r"(?<=[.:]) (?=[A-Z\"])")


class Say(Protocol):
    """Function that returns the text of a key, filled with values."""

    def __call__(self, key: str, /, **values: object) -> str:
        """Return the text of `key` with its placeholders replaced by `values`."""


def phrases(language: str, *topics: str) -> Say:
    """Return a function that looks up the texts of topics in a language.

    Parameters
    ----------
    language : str
        Language of the texts: "en" or "zh".
    *topics : str
        Names of text files, such as "scoreboard"; if two of them have the same key, the first one
        is used.

    Returns
    -------
    callable
        ``say(key, **values)`` returns the text with its ``{names}`` replaced by the values.
    """
    texts = ChainMap(*(dict(read_texts(language, topic)) for topic in (*topics, COMMON)))

    def say(key: str, /, **values: object) -> str:
        return texts[key].format(**values)

    return say


def apart(name: str) -> str:
    """Return a name or value for a sentence: in Arabic or Hebrew it does not turn what follows.

    Without the isolating marks, "is قطاع: 19% of 309" is shown with the 19 before the colon.
    """
    is_turning = not name.isascii() and _TURNING.search(name)
    return f"\u2068{name}\u2069" if is_turning else name


def stay_text(say: Say, months: float) -> str:
    """Return in words how long a customer stayed: in months, or in days below one month."""
    days = round(months * _DAYS_PER_MONTH)
    if months >= 1:
        return say("stay_months", months=f"{months:.1f}")
    return say("stay_one_day") if days == 1 else say("stay_days", days=days)


@cache
def read_texts(language: str, topic: str) -> Mapping[str, str]:
    """Return all texts of a topic by key."""
    if language not in LANGUAGES:
        raise SpecError(
            f'there are no texts in the language "{language}". '
            f"Remedy: choose one of {', '.join(LANGUAGES)}."
        )
    source = files("fitmodel.language").joinpath(language, f"{topic}.toml")
    return MappingProxyType(tomllib.loads(source.read_text(encoding="utf-8")))


class _Template(NamedTuple):
    topic: str
    key: str
    pattern: re.Pattern[str]


def message_in(text: str, language: str, *topics: str) -> str:
    """Translate an English message; text that matches no template is quoted and marked as English.

    Parameters
    ----------
    text : str
        The message in English.
    language : str
        Language of the result.
    *topics : str
        Names of text files whose templates are tried, in addition to "messages".

    Examples
    --------
    >>> message_in("the pipeline has no such prospect", "zh")
    '商机列表中没有这个潜在客户'
    """
    if language == ORIGINAL or not text.strip():
        return text
    known = translated(text, language, *topics)
    return phrases(language, MESSAGES)(UNKNOWN, text=text) if known is None else known


def messages_in(text: str, language: str, *topics: str) -> str:
    """Translate English messages that are joined by "; "; a message may itself contain "; "."""
    parts, messages = text.split("; "), list[str]()
    while parts:
        ends = range(1, len(parts) + 1)  # the shortest part that is one message is used
        known = ((end, translated("; ".join(parts[:end]), language, *topics)) for end in ends)
        end, translation = next((pair for pair in known if pair[1] is not None), (1, None))
        messages.append(
            message_in(parts[0], language, *topics) if translation is None else translation
        )
        parts = parts[end:]
    return phrases(language, "desk")("list_mark").join(messages)


def translated(text: str, language: str, *topics: str) -> str | None:
    """Translate an English message, whole or sentence by sentence; None if nothing matches.

    If at least one of several sentences matches a template, the others are quoted as English.
    """
    translation = _by_template(text, language, topics)
    if translation is None and "\n" in text.strip():
        translation = _lines_translated(text, language, topics)
    if translation is None:
        translation = _by_template(text, language, topics, across_lines=True)
    if translation is not None:
        return translation
    sentences = _SENTENCE_END.split(text)
    known = [_by_template(sentence, language, topics) for sentence in sentences]
    if all(sentence is None for sentence in known):
        return None
    pairs = zip(known, sentences, strict=True)
    return "".join(
        message_in(message, language, *topics) if known_text is None else known_text
        for known_text, message in pairs
    )


def _lines_translated(text: str, language: str, topics: tuple[str, ...]) -> str | None:
    """Translate a message line by line, such as a list of problems; None if no line matches."""
    lines = [(line, translated(line, language, *topics)) for line in text.splitlines()]
    if all(known is None for _, known in lines):
        return None
    return "\n".join(
        message_in(line, language, *topics)
        if known is None
        else line[: len(line) - len(line.lstrip())] + known
        for line, known in lines
    )


def _by_template(
    text: str, language: str, topics: tuple[str, ...], *, across_lines: bool = False
) -> str | None:
    for topic, key, pattern in _templates(*topics, MESSAGES, across_lines=across_lines):
        match = pattern.fullmatch(text.strip())
        if match is not None:
            parts = match.groupdict().items()
            values = {name: _value_in(name, part, language, topics) for name, part in parts}
            return phrases(language, topic)(key, **values)
    return None


def _value_in(name: str, value: str, language: str, topics: tuple[str, ...]) -> str:
    """Translate a value that is a message itself, and what lists of rows and names say."""
    if name.startswith(NESTED):
        return messages_in(value, language, *topics)
    if name == EXAMPLE:
        say = phrases(language, "deals")
        value = value.replace(read_texts(ORIGINAL, "deals")["example_empty"], say("example_empty"))
        return _ROW.sub(say("example_row", number=r"\1"), value)
    if name == NAMES:
        say = phrases(language, MESSAGES)
        value = _MEANT.sub(lambda match: say("did_you_mean", name=match[1]), value)
        value = _FILLED.sub(lambda match: say("filled_share", share=match[1]), value)
        return _PER.sub(lambda match: say(f"per_{match[1].replace(' ', '_')}"), value)
    return value


@cache
def _templates(*topics: str, across_lines: bool) -> tuple[_Template, ...]:
    """Return the English templates, most fixed text first, so that the most specific one fits.

    The values of a template of one line are on that line, unless they may go `across_lines`.
    """
    templates = [
        (sum(len(fixed) for fixed, *_ in Formatter().parse(text)), topic, key, text)
        for topic in topics
        for key, text in read_texts(ORIGINAL, topic).items()
        if key != UNKNOWN
    ]
    templates.sort(key=lambda item: -item[0])
    return tuple(
        _Template(topic, key, _pattern(text, across_lines=across_lines or "\n" in text))
        for _, topic, key, text in templates
    )


def _pattern(template: str, *, across_lines: bool) -> re.Pattern[str]:
    """Return a template as a regular expression; a repeated name must match the same text."""
    parts, seen = [], set[str]()
    for fixed, name, _, _ in Formatter().parse(template):
        parts.append("".join(map(_literal, fixed)))
        if name is None:
            continue
        parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>.*?)")
        seen.add(name)
    return re.compile("".join(parts), re.DOTALL if across_lines else 0)


def _literal(character: str) -> str:
    if character == "%":
        return " ?%"  # cards and messages of older bundles have "95 %"
    return rf"\\?{re.escape(character)}" if character in _ESCAPED else re.escape(character)
