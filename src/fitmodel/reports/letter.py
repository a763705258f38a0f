"""The letter that declines a prospect politely, without any score.

reasons -> those with a text for prospects in [words.prospect] -> the company's template

A template is a file of the company, so it runs in a sandbox and has access only to its values.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fitmodel.exceptions import SpecError
from fitmodel.language.catalogue import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fitmodel.model.assessment import Assessment, Reason
    from fitmodel.model.wording import Wording

MAX_POINTS = 3
MIN_RATIO = 1.05  # odds ratio: an attribute that hardly raises the risk is no reason for a letter
LONGEST = 100_000  # characters of a letter: it limits loops in a template
# exceptions that Python raises for invalid operations in a template
_TEMPLATE_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
_TEXT_FLOW = {"keep_trailing_newline": True, "trim_blocks": True, "lstrip_blocks": True}


def default_template(language: str = "en") -> str:
    """Return the default template of the letter; edit a copy and pass it as `template`.

    Raises
    ------
    SpecError
        If there is no template in that language.
    """
    if language not in LANGUAGES:
        raise SpecError(
            f'there is no letter in the language "{language}"; choose one of {", ".join(LANGUAGES)}'
        )
    source = files("fitmodel.reports").joinpath("templates", f"letter.{language}.md.j2")
    return source.read_text(encoding="utf-8")


def points_for_prospect(against: Iterable[Reason], wording: Wording) -> tuple[str, ...]:
    """Return the reasons for which the contract has a text for prospects, the largest first.

    Other reasons are internal: that a lead is outbound, for example, is not a need of the prospect.
    """
    points = []
    for reason in against:
        text = wording.prospect.get(reason.attribute)
        if text is not None and reason.odds_ratio >= MIN_RATIO:
            points.append(text.replace("{value}", reason.value_words))
    return tuple(points[:MAX_POINTS])


def make_letter(
    assessment: Assessment,
    points: Sequence[str],
    *,
    too_small: bool = False,
    changes: Sequence[str] = (),
    template: str | None = None,
) -> str:
    """Return the letter, made by filling the template.

    Parameters
    ----------
    assessment : Assessment
        Assessment that gives the language and the horizon; its other numbers are not passed to the
        template.
    points : sequence of str
        Reasons, in words for the prospect.
    too_small : bool
        Whether the contract loses money even if the customer stays.
    changes : sequence of str
        Changes that would remove the flag, in words.
    template : str, optional
        The company's own Jinja template; it may use `points`, `horizon`, `horizon_months`,
        `too_small` and `changes`.

    Raises
    ------
    SpecError
        If the template is not valid Jinja, uses an unknown name, or is refused by the sandbox.
    """
    from jinja2 import StrictUndefined, TemplateError
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False, **_TEXT_FLOW)
    values: dict[str, Any] = {
        "points": list(points),
        "horizon": assessment.wording.horizon,
        "horizon_months": assessment.wording.horizon_months,
        "too_small": too_small,
        "changes": list(changes),
    }
    source = default_template(assessment.wording.language) if template is None else template
    try:
        text = environment.from_string(source).render(**values)
    except (*_TEMPLATE_ERRORS, TemplateError) as error:
        raise SpecError(
            f"the template of the letter has an error: {error}. It may use "
            f"{', '.join(values)}. Remedy: start from `fitmodel brief --show-template`."
        ) from error
    if len(text) > LONGEST:
        raise SpecError(f"the template makes a letter of {len(text):,} characters")
    return text.strip() + "\n"
