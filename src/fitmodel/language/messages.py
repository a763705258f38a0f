"""Translate messages that were written in English: errors, verdicts, objections.

Many messages are kept in English: in an exception, in a bundle's manifest, on a model card. Each
is made of a template, such as "the pipeline cannot be read: {message}". The catalogue has the
templates of both languages under one key, so a message finds its template and is filled again in
the other language.

message -> the template it was made of, else sentence by sentence -> the other language's template
     -> what no template fits is quoted as it is, and said to be English
"""

from __future__ import annotations

import re
from functools import cache
from string import Formatter
from typing import NamedTuple

from fitmodel.language.catalogue import phrases, read_texts

ORIGINAL = "en"
MESSAGES = "messages"
NESTED = "message"  # a value of this name, or message2, is a message itself; several are joined
UNKNOWN = "original"  # the key of what no template fits
_ESCAPED = frozenset("\\`*[]|~#!")  # as Markdown escapes them, see `fitmodel.reports._markdown`
_SENTENCE_END = re.compile(r"(?<=[.:]) (?=[A-Z\"])")


class _Template(NamedTuple):
    topic: str
    key: str
    pattern: re.Pattern[str]


def message_in(text: str, language: str, *topics: str) -> str:
    """Translate an English message; text that fits no template is quoted as English.

    Parameters
    ----------
    text : str
    language : str
    *topics : str
        Files of texts whose templates may fit, beside "messages".

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
    """Translate several English messages joined by "; "; a message may hold "; " too."""
    parts, messages = text.split("; "), list[str]()
    while parts:
        ends = range(1, len(parts) + 1)  # the shortest that is one message
        known = ((end, translated("; ".join(parts[:end]), language, *topics)) for end in ends)
        end, translation = next((pair for pair in known if pair[1] is not None), (1, None))
        messages.append(
            message_in(parts[0], language, *topics) if translation is None else translation
        )
        parts = parts[end:]
    return phrases(language, "desk")("list_mark").join(messages)


def translated(text: str, language: str, *topics: str) -> str | None:
    """Return an English message in a language, whole or sentence by sentence; None if unknown.

    Of several sentences one at least must be known; the others are quoted as English.
    """
    whole = _by_template(text, language, topics)
    if whole is not None:
        return whole
    sentences = _SENTENCE_END.split(text)
    known = [_by_template(sentence, language, topics) for sentence in sentences]
    if all(sentence is None for sentence in known):
        return None
    both = zip(known, sentences, strict=True)
    return "".join(
        message_in(message, language, *topics) if new is None else new for new, message in both
    )


def _by_template(text: str, language: str, topics: tuple[str, ...]) -> str | None:
    for topic, key, pattern in _templates(*topics, MESSAGES):
        match = pattern.fullmatch(text.strip())
        if match is not None:
            parts = match.groupdict().items()
            values = {
                name: messages_in(part, language, *topics) if name.startswith(NESTED) else part
                for name, part in parts
            }
            return phrases(language, topic)(key, **values)
    return None


@cache
def _templates(*topics: str) -> tuple[_Template, ...]:
    """English templates, those with the most fixed text first: the most particular one fits."""
    made = [
        (sum(len(fixed) for fixed, *_ in Formatter().parse(text)), topic, key, text)
        for topic in topics
        for key, text in read_texts(ORIGINAL, topic).items()
        if key != UNKNOWN
    ]
    made.sort(key=lambda item: -item[0])
    return tuple(_Template(topic, key, _pattern(text)) for _, topic, key, text in made)


def _pattern(template: str) -> re.Pattern[str]:
    """A template as a pattern; a name that stands twice is the same text twice."""
    parts, seen = [], set[str]()
    for fixed, name, _, _ in Formatter().parse(template):
        parts.append("".join(map(_literal, fixed)))
        if name is None:
            continue
        parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>.*?)")
        seen.add(name)
    return re.compile("".join(parts), re.DOTALL)


def _literal(mark: str) -> str:
    return rf"\\?{re.escape(mark)}" if mark in _ESCAPED else re.escape(mark)
