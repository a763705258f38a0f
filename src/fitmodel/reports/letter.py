"""The letter that declines a prospect politely, without any score.

reasons -> those that [words.prospect] can say in the prospect's terms -> the company's template

A template is the company's own file, so it runs in a sandbox and can reach nothing but its values.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fitmodel.exceptions import SpecError
from fitmodel.language.catalogue import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fitmodel.model.assessment import Assessment
    from fitmodel.model.reasons import Reason
    from fitmodel.model.wording import Wording

MAX_POINTS = 3
MIN_RATIO = 1.05  # of odds: what hardly raises the risk is not a reason to give anyone
LONGEST = 100_000  # characters of a letter: a template may loop, but not for ever
# what Python raises where a template asks for what cannot be done
_FAULTS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_TEXT_FLOW = {"keep_trailing_newline": True, "trim_blocks": True, "lstrip_blocks": True}


def default_template(language: str = "en") -> str:
    """Return the default template; edit a copy and pass it as `template`.

    Raises
    ------
    SpecError
        If there is none in that language.
    """
    if language not in LANGUAGES:
        raise SpecError(
            f'there is no letter in the language "{language}"; choose one of {", ".join(LANGUAGES)}'
        )
    source = files("fitmodel.reports").joinpath("templates", f"letter.{language}.md.j2")
    return source.read_text(encoding="utf-8")


def points_for_prospect(against: Iterable[Reason], wording: Wording) -> tuple[str, ...]:
    """The reasons that the contract can say in the prospect's own terms, the weightiest first.

    Others stay inside: what a sales team calls an outbound lead is nobody's need.
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
    """Fill the template.

    Parameters
    ----------
    assessment : Assessment
        Gives the language and the horizon; no number of it reaches the template.
    points : sequence of str
        Reasons in the prospect's terms.
    too_small : bool
        The contract loses money even if the customer stays.
    changes : sequence of str
        What would make it a fit.
    template : str, optional
        The company's own Jinja text; it may use `points`, `horizon`, `horizon_months`,
        `too_small` and `changes`.

    Raises
    ------
    SpecError
        If the template is not Jinja, uses a name that it is not given, or is refused by the
        sandbox.
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
    except (*_FAULTS, TemplateError) as error:
        raise SpecError(
            f"the template of the letter has an error: {error}. It may use "
            f"{', '.join(values)}. Remedy: start from `fitmodel brief --show-template`."
        ) from error
    if len(text) > LONGEST:
        raise SpecError(f"the template makes a letter of {len(text):,} characters")
    return text.strip() + "\n"
