"""Write a brief as HTML or Markdown."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fitmodel.language.catalogue import phrases
from fitmodel.model.wording import number_text
from fitmodel.reports._markdown import Markdown, sentence, table
from fitmodel.reports.html import render

if TYPE_CHECKING:
    from fitmodel.language.catalogue import Say
    from fitmodel.model.assessment import Reason
    from fitmodel.reports.brief import Brief

HALF_WIDTH = 100.0  # half of the chart's width, in its own units


def brief_page(brief: Brief) -> str:
    """Write the brief as a self-contained HTML page in which every value is escaped."""
    say = phrases(brief.language, "brief", "fit")
    return render(
        "brief.html.j2",
        brief=brief,
        assessment=brief.assessment,
        say=say,
        facts=_facts(brief, say),
        language=brief.language,
        money=_money(brief, say),
        similar=_similar(brief, say),
        conditions=_conditions(brief, say),
        conditions_notes=_conditions_notes(brief, say),
        bars=_bars(brief, say),
        half=HALF_WIDTH,
        paragraphs=_paragraphs(brief.letter),
        notes=_notes(brief, say),
        written=_written(brief, say),
    )


def brief_content(brief: Brief) -> dict[str, Any]:
    """Return the texts of `brief_page` as values that can be written as JSON.

    Returns
    -------
    dict
        The keys ``name``, ``title``, ``fit``, ``headline``, ``facts``, ``money`` (empty where it is
        not known), ``conditions`` and ``similar`` (each with ``title``, ``columns``, ``rows`` and
        ``notes``) and ``letter`` (with ``title``, ``text``, which is empty where the deal is not
        flagged, and ``notes``).
    """
    say = phrases(brief.language, "brief", "fit")
    return {
        "name": brief.name,
        "title": say("title", name=brief.name),
        "fit": brief.assessment.fit,
        "headline": say(f"verdict_{brief.assessment.fit}"),
        "facts": _facts(brief, say),
        "money": {"title": say("money")} | _money(brief, say),
        "conditions": {
            "title": say("changes"),
            **_conditions(brief, say),
            "notes": _conditions_notes(brief, say),
        },
        "similar": {"title": say("similar")} | _similar(brief, say),
        "letter": {
            "title": say("letter"),
            "text": brief.letter,
            "notes": _notes(brief, say) if brief.letter else [say("letter_none")],
        },
        "written": _written(brief, say),
    }


def brief_markdown(brief: Brief) -> str:
    """Write the brief as Markdown in which every value is escaped."""
    say = phrases(brief.language, "brief", "fit")
    parts: list[str] = [
        f"# {sentence(say('title', name=brief.name))}",
        f"**{sentence(say(f'verdict_{brief.assessment.fit}'))}**",
        *(sentence(fact) for fact in _facts(brief, say)),
        f"## {say('money')}",
        *_money_markdown(brief, say),
        f"## {say('reasons')}",
        *_reasons_markdown(brief, say),
        sentence(say("reading")),
        f"## {say('similar')}",
        *_similar_markdown(brief, say),
        f"## {say('changes')}",
        *_conditions_markdown(brief, say),
        f"## {say('letter')}",
        *_letter_markdown(brief, say),
        f"*{sentence(_written(brief, say))}*",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(brief: Brief, say: Say) -> list[str]:
    """Return the facts on the prospect: those on every page, and those only in the brief."""
    assessment, wording = brief.assessment, brief.assessment.wording
    verdict, *others = assessment.sentences
    facts = [verdict, say("interval", level=wording.percent(brief.level)), *others]
    if assessment.unfamiliar:
        facts.append(say("unfamiliar"))
    if brief.flagged_for_money:
        facts.append(say("for_money"))
    if brief.loses_anyway:
        facts.append(say("loses_anyway"))
    return [fact[:1].upper() + fact[1:] for fact in facts]


def _money(brief: Brief, say: Say) -> dict[str, Any]:
    """Return the calculation of the expected value: columns, rows, total and method."""
    if brief.stake is None:
        return {}
    stake, wording = brief.stake, brief.assessment.wording
    p = brief.assessment.early_churn_probability
    lines = [
        (say(f"line_{line.name}"), line.if_stays, line.if_leaves, line.expected(p))
        for line in stake.lines
    ]
    total = (say("expected"), stake.if_stays, stake.if_leaves, stake.expected)
    rows = [[name, *map(wording.money_text, values)] for name, *values in (*lines, total)]
    stays = say("stays", months=number_text(round(stake.months_if_stays)))
    return {
        "amount": say("amount", amount=wording.money_text(stake.amount)),
        "columns": [say("line"), stays, say("leaves", horizon=wording.horizon), say("average")],
        "rows": rows,
        "method": say(
            "money_method",
            stay=wording.percent(1 - p),
            leave=wording.percent(p),
            months=f"{stake.months_if_leaves:.1f}",
        ),
    }


def _bars(brief: Brief, say: Say) -> list[dict[str, Any]]:
    """Return a bar per reason, relative to the longest; the last is the sum of all others."""
    sizes = [
        (say("fact", what=reason.label, value=reason.value_words), reason.contribution)
        for reason in (*brief.against, *brief.in_favour)
    ]
    if abs(brief.others) > 1e-9:  # noqa: PLR2004 - a rounding error is not a bar
        sizes.append((say("others"), brief.others))
    widest = max((abs(size) for _, size in sizes), default=1.0)
    return [
        {"label": label, "raises": size > 0, "width": round(abs(size) / widest * HALF_WIDTH, 2)}
        for label, size in sizes
    ]


def _paragraphs(letter: str) -> list[list[str]]:
    """Return the paragraphs of a letter, each as a list of lines."""
    return [block.splitlines() for block in letter.split("\n\n") if block.strip()]


def _written(brief: Brief, say: Say) -> str:
    return say("written", model=brief.model_name, version=brief.assessment.model_version)


def _money_markdown(brief: Brief, say: Say) -> list[str]:
    money = _money(brief, say)
    if not money:
        return [sentence(say("no_money"))]
    listed = table(money["columns"], money["rows"])
    return [sentence(money["amount"]), listed, sentence(money["method"])]


def _reasons_markdown(brief: Brief, say: Say) -> list[str]:
    return [
        f"### {say('against')}",
        _list(brief.against) or sentence(say("nothing_against")),
        f"### {say('for')}",
        _list(brief.in_favour) or sentence(say("nothing_for")),
    ]


def _list(reasons: tuple[Reason, ...]) -> str:
    return "\n".join(f"- {sentence(reason.sentence)}" for reason in reasons)


def _similar(brief: Brief, say: Say) -> dict[str, Any]:
    """Return the most similar past deals: how many left, the nearest, and what similar means."""
    if brief.similar_deals is None:
        return {"columns": [], "rows": [], "notes": [say("no_similar_deals")]}
    return {
        "columns": [say("deal"), say("closed_on"), say("became")],
        "rows": [[deal.name, deal.closed_on, deal.became] for deal in brief.similar],
        "notes": [brief.similar_deals.in_words(brief.language), say("similar_deals_method")],
    }


def _similar_markdown(brief: Brief, say: Say) -> list[str]:
    shown = _similar(brief, say)
    summary, *method = (str(sentence(note)) for note in shown["notes"])
    listed = [table(shown["columns"], shown["rows"])] if shown["rows"] else []
    return [summary, *listed, *method]


def _conditions(brief: Brief, say: Say) -> dict[str, Any]:
    """Return a row per condition: its words, probability, expected value, fit and money."""
    wording = brief.assessment.wording
    has_money = any(condition.worth for condition in brief.conditions)
    columns = [say("condition"), say("leaves_early"), say("fit")]
    if has_money:
        columns += [say("expected"), say("worth")]
    rows = []
    for condition in brief.conditions:
        probability = wording.percent(condition.early_churn_probability)
        row = [condition.words, probability, say(f"fit_{condition.fit}")]
        if has_money:
            value = condition.expected_value
            has_value = math.isfinite(value)
            row += [wording.money_text(value) if has_value else ""]
            row += [say(f"worth_{condition.worth}") if has_value else ""]
        rows.append(row)
    return {"columns": columns, "rows": rows}


def _conditions_notes(brief: Brief, say: Say) -> list[str]:
    """Return notes on the basis of the conditions, or on why there are none."""
    if not brief.assessment.poor_fit:
        return [say("not_flagged")]
    changes = phrases(brief.language, "changes")
    notes = [changes("caution") if brief.changes else changes("nothing")]
    if any(condition.is_term for condition in brief.conditions):
        notes.append(say("terms_note"))
    elif brief.stake is None:
        notes.append(say("no_terms"))
    return notes


def _conditions_markdown(brief: Brief, say: Say) -> list[str]:
    shown = _conditions(brief, say)
    listed = [table(shown["columns"], shown["rows"])] if shown["rows"] else []
    return [*listed, *(sentence(note) for note in _conditions_notes(brief, say))]


def _letter_markdown(brief: Brief, say: Say) -> list[str]:
    if not brief.letter:
        return [sentence(say("letter_none"))]
    quoted = [
        "\n".join(f"> {_line(line)}" for line in lines) for lines in _paragraphs(brief.letter)
    ]
    return [*(str(sentence(note)) for note in _notes(brief, say)), "\n>\n".join(quoted)]


def _notes(brief: Brief, say: Say) -> list[str]:
    """Return notes that the rep should read before using the letter."""
    notes = [say("letter_note")]
    if not brief.letter_points:
        notes.append(say("letter_unworded"))
    if brief.changes:
        notes.append(say("letter_first"))
    return notes


def _line(text: str) -> Markdown:
    """Return a line of the letter as Markdown; a list item stays a list item."""
    mark, line = ("- ", text[2:]) if text.startswith("- ") else ("", text)
    return Markdown(f"{mark}{sentence(line)}")
