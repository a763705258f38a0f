"""Translation of a model card, which is written in English, into another language.

Markdown -> its blocks (heading, paragraph, list item, table) -> each translated by its template

The card in a bundle is not changed, so cards of older bundles can be translated too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fitmodel.language.catalogue import phrases
from fitmodel.language.messages import ORIGINAL, message_in, translated

if TYPE_CHECKING:
    from collections.abc import Iterator

TOPIC = "card"
OF_THE_TABLE = frozenset({"attribute", "level", "Package"})  # columns of names and values as given
_MARK = re.compile(r"(#+ |- |> |)(\*\*|)(.*?)(\*\*|)", re.DOTALL)
_CELLS = re.compile(r"(?<!\\)\|")
_BETWEEN_ITEMS = re.compile(r"(?<=\n)(- .*\n)\n(?=- )")
_BETWEEN = re.compile(r"([-+\d.,:–]+) to ([-+\d.,:–]+)")  # noqa: RUF001 - an en dash is "no number"
_PLAIN = re.compile(r"`[^`]*`|[^A-Za-z]*|\S*[\d_./:]\S*( \S*[\d_./:]\S*)*")


def card_in(card: str, language: str) -> str:
    """Return a model card in a language.

    Names, levels and figures are kept; a sentence that matches no template is quoted in English.
    """
    if language == ORIGINAL:
        return card
    text_of_card = "\n\n".join(_block(block, language) for block in _blocks(card)) + "\n"
    return _BETWEEN_ITEMS.sub(r"\1", text_of_card)


def _blocks(card: str) -> Iterator[list[str]]:
    """Yield the lines of each heading, paragraph, list item, table and code block."""
    block, is_code = list[str](), False
    for line in card.splitlines():
        begins = line.startswith(("#", "- ", "```"))
        if not is_code and (not line.strip() or begins) and block:
            yield block
            block = []
        if line.startswith("```"):
            is_code = not is_code
        if line.strip() or is_code:
            block.append(line)
    if block:
        yield block


def _block(lines: list[str], language: str) -> str:
    if lines[0].startswith("```"):
        return "\n".join(translated(line, language, TOPIC) or line for line in lines)
    if lines[0].startswith("|"):
        return "\n".join(_table(lines, language))
    quoted = "> " if lines[0].startswith("> ") else ""
    text = quoted + " ".join(line.removeprefix("> ").strip() for line in lines)
    marks = _MARK.fullmatch(text)
    begin, strong, body, end = marks.groups() if marks else ("", "", text, "")
    return f"{begin}{strong}{message_in(body, language, TOPIC)}{end}"


def _table(lines: list[str], language: str) -> Iterator[str]:
    head, rule, *body = (_cells(line) for line in lines)
    yield _row(_cell_in(cell, language) for cell in head)
    yield _row(rule)
    for cells in body:
        both = zip(head, cells, strict=True)
        yield _row(cell if of in OF_THE_TABLE else _cell_in(cell, language) for of, cell in both)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in _CELLS.split(line)[1:-1]]


def _row(cells: Iterator[str] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell_in(cell: str, language: str) -> str:
    """Translate a cell: a label, an interval or a sentence; names and figures stay unchanged."""
    if (ends := _BETWEEN.fullmatch(cell)) is not None:
        return phrases(language, "desk")("between", low=ends[1], high=ends[2])
    known = translated(cell, language, TOPIC)
    if known is not None or _PLAIN.fullmatch(cell) or " " not in cell:
        return cell if known is None else known
    return message_in(cell, language, TOPIC)
