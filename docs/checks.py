"""Write the page of checks from the codes' own file, so that it cannot grow old."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fitmodel.checks.registry import Code

MARKER = "<!-- every check -->"
SILENCE = {
    "yes": (
        '`[checks] ignore = {{{code} = "reason"}}`, or `"{code}:column" = "reason"` for one column.'
    ),
    "column": '`[checks] ignore = {{"{code}:column" = "reason"}}`, for a named column only.',
    "no": "It cannot be silenced: what the message asks must be answered or mended.",
}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill the page in, when mkdocs reads it."""
    return markdown.replace(MARKER, "\n\n".join(sections())) if MARKER in markdown else markdown


def sections() -> Iterator[str]:
    """Every code as a section of the page, below the heading of its family."""
    from fitmodel.checks.registry import all_codes

    family = ""
    for code, kind in all_codes().items():
        if kind.family != family:
            family = kind.family
            yield f"## {code[:3]}xx: {family.lower()}"
        yield (
            f"### {code} {kind.name} {{#{code.lower()}}}\n\n"
            f"**What was seen.** {kind.seen}\n\n"
            f"**Why it matters.** {kind.why}\n\n"
            f"**What to do.** {kind.do}\n\n"
            f"**To silence it.** {SILENCE[kind.ignore].format(code=code)}{_acknowledged(kind)}"
        )


def _acknowledged(kind: Code) -> str:
    """How a question is settled in [rows], under its own name; other kinds have no such way."""
    questions = (
        source.removeprefix("question:") for source in kind.sources if "question:" in source
    )
    ways = " or ".join(f'`[rows] acknowledged = ["{question}"]`' for question in questions)
    return f" If the rows are right as they are: {ways}." if ways else ""
