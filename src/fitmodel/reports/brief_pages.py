"""A brief as an HTML page and as Markdown: the same facts, laid out twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitmodel.language.catalogue import phrases
from fitmodel.reports.html import render
from fitmodel.reports.markdown import Markdown, sentence, table

if TYPE_CHECKING:
    from fitmodel.language.catalogue import Say
    from fitmodel.model.reasons import Reason
    from fitmodel.reports.brief import Brief

HALF = 100.0  # of the chart's width, in its own units


def brief_page(brief: Brief) -> str:
    """Write the brief as a page that loads nothing from elsewhere; every value is escaped."""
    say = phrases(brief.language, "brief")
    return render(
        "brief.html.j2",
        brief=brief,
        said=brief.assessment,
        say=say,
        facts=_facts(brief, say),
        money=_money(brief, say),
        bars=_bars(brief, say),
        half=HALF,
        paragraphs=_paragraphs(brief.letter),
        notes=_notes(brief, say),
        say_changes=phrases(brief.language, "changes"),
        written=_written(brief, say),
    )


def brief_markdown(brief: Brief) -> str:
    """Write the brief as Markdown in which no value acts."""
    say = phrases(brief.language, "brief")
    parts: list[str] = [
        f"# {sentence(say('title', name=brief.name))}",
        f"**{sentence(say(f'verdict_{brief.assessment.fit}'))}**",
        *(sentence(fact) for fact in _facts(brief, say)),
        f"## {say('money')}",
        _money_markdown(brief, say),
        f"## {say('reasons')}",
        *_reasons_markdown(brief, say),
        sentence(say("reading")),
        f"## {say('similar')}",
        *_similar_markdown(brief, say),
        f"## {say('changes')}",
        *_changes_markdown(brief, say),
        f"## {say('letter')}",
        *_letter_markdown(brief, say),
        f"*{sentence(_written(brief, say))}*",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(brief: Brief, say: Say) -> list[str]:
    said, words = brief.assessment, brief.assessment.wording
    interval = say(
        "interval",
        low=words.percent(said.probability_low),
        high=words.percent(said.probability_high),
        base=words.percent(brief.base_rate),
    )
    likely = say("probability", horizon=words.horizon)
    facts = [say("fact", what=likely, value=words.percent(said.early_churn_probability)), interval]
    if said.unfamiliar:
        facts.append(say("unfamiliar", names=said.unlike_in))
    if brief.loses_anyway:
        facts.append(say("loses_anyway"))
    return facts


def _money(brief: Brief, say: Say) -> list[tuple[str, str]]:
    if brief.stake is None:
        return []
    stake, words = brief.stake, brief.assessment.wording
    rows = [
        (say("amount"), stake.amount),
        (say("stays"), stake.if_stays),
        (say("leaves", horizon=words.horizon), stake.if_leaves),
        (say("expected"), stake.expected),
    ]
    return [(name, words.money_text(value)) for name, value in rows]


def _bars(brief: Brief, say: Say) -> list[dict[str, Any]]:
    """A bar per reason, in shares of the longest; the last is what all others add up to."""
    told = [
        (say("fact", what=reason.label, value=reason.value_words), reason.contribution)
        for reason in (*brief.against, *brief.in_favour)
    ]
    if abs(brief.others) > 1e-9:  # noqa: PLR2004 - what rounding leaves is no bar
        told.append((say("others"), brief.others))
    widest = max((abs(size) for _, size in told), default=1.0)
    return [
        {"label": label, "raises": size > 0, "width": round(abs(size) / widest * HALF, 2)}
        for label, size in told
    ]


def _paragraphs(letter: str) -> list[list[str]]:
    """Paragraphs of a letter, each a list of lines."""
    return [block.splitlines() for block in letter.split("\n\n") if block.strip()]


def _written(brief: Brief, say: Say) -> str:
    return say("written", model=brief.model_name, version=brief.assessment.model_version)


def _money_markdown(brief: Brief, say: Say) -> str:
    rows = _money(brief, say)
    return table(("", ""), rows) if rows else sentence(say("no_money"))


def _reasons_markdown(brief: Brief, say: Say) -> list[str]:
    return [
        f"### {say('against')}",
        _list(brief.against) or sentence(say("nothing_against")),
        f"### {say('for')}",
        _list(brief.in_favour) or sentence(say("nothing_for")),
    ]


def _list(reasons: tuple[Reason, ...]) -> str:
    return "\n".join(f"- {sentence(reason.sentence)}" for reason in reasons)


def _similar_markdown(brief: Brief, say: Say) -> list[str]:
    if brief.look_alikes is None:
        return [sentence(say("no_look_alikes"))]
    rows = [(deal.name, deal.closed_on, deal.became) for deal in brief.similar]
    return [
        sentence(brief.look_alikes.in_words(brief.language)),
        table((say("deal"), say("closed_on"), say("became")), rows),
        sentence(say("look_alikes_method")),
    ]


def _changes_markdown(brief: Brief, say: Say) -> list[str]:
    if not brief.assessment.poor_fit:
        return [sentence(say("not_flagged"))]
    changes = phrases(brief.language, "changes")
    if not brief.changes:
        return [sentence(changes("nothing"))]
    listed = "\n".join(f"- {sentence(change)}" for change in brief.changes)
    return [listed, sentence(changes("caution"))]


def _letter_markdown(brief: Brief, say: Say) -> list[str]:
    if not brief.letter:
        return [sentence(say("letter_none"))]
    quoted = [
        "\n".join(f"> {_line(line)}" for line in lines) for lines in _paragraphs(brief.letter)
    ]
    return [*(str(sentence(note)) for note in _notes(brief, say)), "\n>\n".join(quoted)]


def _notes(brief: Brief, say: Say) -> list[str]:
    """What the rep should know before using the letter."""
    notes = [say("letter_note")]
    if not brief.letter_points:
        notes.append(say("letter_unworded"))
    if brief.changes:
        notes.append(say("letter_first"))
    return notes


def _line(text: str) -> Markdown:
    """A line of the letter; a list stays one."""
    mark, rest = ("- ", text[2:]) if text.startswith("- ") else ("", text)
    return Markdown(f"{mark}{sentence(rest)}")
