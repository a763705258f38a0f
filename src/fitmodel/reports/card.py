"""The model card as Markdown, in English or translated.

It follows Mitchell et al. 2019, "Model cards for model reporting", section 4. Every value comes
from the report, the manifest or the contract and is escaped where it is written (`finalize`), so
that no name or level of a user's table has an effect as Markdown or HTML.

Markdown -> its blocks (heading, paragraph, list item, table) -> each translated by its template

The card in a bundle is not changed, so cards of older bundles can be translated too.
"""

from __future__ import annotations

import json
import platform
import re
from typing import TYPE_CHECKING, Any

from fitmodel.bundle.manifest import installed_version
from fitmodel.evaluation.figures import differing_groups
from fitmodel.language.catalogue import ORIGINAL, message_in, phrases, translated
from fitmodel.reports._markdown import Markdown, code, escape, percent, sentence, table, table_of
from fitmodel.reports.card_parts import (
    COLUMNS,
    flagged,
    glass_box_cost,
    leakage,
    metrics,
    reproduce,
    silenced,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import jinja2

    from fitmodel.deals.contract import DealSpec
    from fitmodel.evaluation.report import TrainingReport

CARD_FILE = "card.md"
"""Name of the card's file in a bundle."""
_FEW_CHURNERS = 100
_PACKAGES = ("scikit-learn", "interpret-core", "numpy", "pandas")


SOFT_LABELS = Markdown(
    "Each is learned from as an early churner by its own chance of leaving by then, given that its "
    "customer has stayed so far, and as one that stayed by the rest; it is not used to evaluate. "
    "The evaluation allows for customers that exited for another reason by "
    "inverse-probability-of-censoring weights."
)
CENSORING_WEIGHTS = Markdown(
    "The deals with a label are weighted so that they stand for them too (inverse probability of "
    "censoring)."
)
TOPIC = "card"
UNTRANSLATED_COLUMNS = frozenset({"attribute", "level", "Package"})  # names, values as given
_MARK = re.compile(r"(#+ |- |> |)(\*\*|)(.*?)(\*\*|)", re.DOTALL)
_CELLS = re.compile(r"(?<!\\)\|")
_BETWEEN_ITEMS = re.compile(r"(?<=\n)(- .*\n)\n(?=- )")
_BETWEEN = re.compile(r"([-+\d.,:–]+) to ([-+\d.,:–]+)")  # noqa: RUF001 - an en dash is "no number"
_PLAIN = re.compile(
    r"`[^`]*`|[^A-Za-z]*|\S*[\d_./:]\S*( \S*[\d_./:]\S*)*"
    r"|[\w-]+ \d+\.[\w.]+(, [\w-]+ [\w.]+)*"  # software with its versions
)


def model_card(report: TrainingReport, manifest: Mapping[str, Any], spec: DealSpec) -> str:
    """Write the model card.

    Parameters
    ----------
    report : TrainingReport
        Results of the training.
    manifest : mapping
        The entries of the bundle's manifest that are known when the card is written: ``name``,
        ``version``, ``run_id``, ``created_at``, ``fitmodel``, ``python``, ``packages``.

    Returns
    -------
    str
        The model card as Markdown.
    """
    name = str(manifest.get("name", spec.tracking.registered_model))
    text = _template().render(
        name=name,
        report=report,
        horizon=spec.label.horizon_months,
        excluded=Markdown(", ".join(map(code, spec.attributes.exclude))),
        summary=_summary(name, manifest, spec),
        data=_data(report),
        unknown=SOFT_LABELS if spec.has_dates else CENSORING_WEIGHTS,
        method=_method(report),
        metrics=metrics(report.metrics),
        calibration=table_of(report.calibration, COLUMNS),
        subgroups=table_of(report.subgroups, COLUMNS),
        candidates=table_of(report.candidates, COLUMNS),
        glass_box_cost=glass_box_cost(report.black_box_gap),
        leakage=leakage(report.leakage),
        silenced=silenced(spec),
        policy=report.policy,
        estimator=manifest.get("estimator"),
        flagged=flagged(report.flagged),
        pooled_groups=table_of(differing_groups(report.pooled_groups), COLUMNS),
        reproduce=reproduce(report.reproduce),
        limits=tuple(_limits(report, spec)),
        versions=_versions(manifest),
        path=Markdown(json.dumps(f"models/{name}")),
    )
    return text.strip() + "\n"


def _template() -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(  # nosec B701  # see autoescape
        loader=jinja2.PackageLoader("fitmodel.reports"),
        autoescape=False,  # noqa: S701  `finalize` escapes every value, for Markdown and HTML both
        finalize=escape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["sentence"] = sentence
    return environment.get_template("card.md.j2")


def _summary(name: str, manifest: Mapping[str, Any], spec: DealSpec) -> Markdown:
    horizon = spec.label.horizon_months
    rows = [
        ("predicts", f"the probability that a customer leaves within {horizon} months of signing"),
        ("regime", manifest.get("report", {}).get("regime")),
        ("version", manifest.get("version", "as in manifest.json beside this card")),
        ("made", manifest.get("created_at")),
        ("MLflow run", manifest.get("run_id")),
    ]
    return table(("Model", name), [row for row in rows if row[1] is not None])


def _data(report: TrainingReport) -> Markdown:
    rows = [
        ("deals", report.n_deals),
        ("signed", _period(report.period)),
        ("label known", report.n_deals - report.n_censored),
        ("label not known (censored)", report.n_censored),
        ("early churners among those known", report.n_early_churners),
        (
            (
                "signed long enough ago for every label (mature); of younger deals only early "
                "churners are known"
            ),
            report.n_mature,
        ),
        ("effective number of deals with a label", round(report.effective_sample_size)),
        ("base rate of early churn", percent(report.base_rate)),
    ]
    return table(("Deals", "Value"), rows)


def _period(period: tuple[Any, Any]) -> str:
    first, last = period
    if first is None or last is None:
        return "not known: the deals have no closing dates"
    return f"{escape(first)} to {escape(last)}"


def _method(report: TrainingReport) -> Markdown:
    if report.split_date is None:
        evaluation = f"Evaluated by {sentence(report.method)} on {report.n_test:,} deals."
    else:
        evaluation = (
            f"Evaluated on {report.n_test:,} deals signed since {escape(report.split_date)}, by a "
            f"model trained on the {report.n_train:,} signed before, with what was known then."
        )
    return Markdown(f"{evaluation} Intervals are 95%.")


def _limits(report: TrainingReport, spec: DealSpec) -> Iterator[str]:
    yield (
        "It learned from deals that were signed. It knows nothing about prospects that were always "
        "declined. Once its flags are acted on, flagged deals are missing from later data."
    )
    if report.split_date is None:
        yield (
            "It was not evaluated on deals signed later than those it learned from: expect it to "
            "do worse on new deals than the numbers say."
        )
    else:
        yield "Markets and products change: evaluate it again as new deals mature, and retrain."
    yield from (f"{change.describe()}." for change in report.changes)
    if report.n_early_churners < _FEW_CHURNERS:
        yield (
            f"It learned from {report.n_early_churners:,} early churners. That is few: intervals "
            f"are wide and reasons may change with the next training."
        )
    yield (
        f"Leaving after {spec.label.horizon_months} months counts as staying, whatever the reason "
        f"and however unhappy the customer."
    )
    yield (
        "A prospect unlike these deals is marked unfamiliar and its interval widened; the "
        "probability is then a guess."
    )
    yield from report.notes


def _versions(manifest: Mapping[str, Any]) -> Markdown:
    packages = manifest.get("packages") or {each: installed_version(each) for each in _PACKAGES}
    rows = [
        ("fitmodel", manifest.get("fitmodel", installed_version("fitmodel"))),
        ("Python", manifest.get("python", platform.python_version())),
        *packages.items(),
    ]
    return table(("Package", "Version"), rows)


TITLE = "## Edited by hand"
BEFORE = "## Intended use"
MAX_ROWS = 12
UNCHANGED = (
    "All other figures on this card are of the model before these edits. Only the figures in this "
    "section are of the edited model."
)


def card_with_edits(card: str, edits: Sequence[Mapping[str, Any]]) -> str:
    """Insert the edits that are stored in the manifest into a model card, before all measurements.

    Parameters
    ----------
    card : str
        Model card of the edited model, as Markdown; edits that it already lists are replaced.
    edits : sequence of mapping
        All edits, the oldest first.
    """
    section = "\n\n".join([TITLE, UNCHANGED, *(_edit_text(edit) for edit in edits)]) + "\n\n"
    head, result, rest = card.partition(BEFORE)
    return head.partition(TITLE)[0] + section + result + rest


def _edit_text(edit: Mapping[str, Any]) -> Markdown:
    rows = [(row["value"], row["before"], row["after"], row["deals"]) for row in edit["rows"]]
    shown = table(("Row", "Log-odds before", "After", "Deals"), rows[:MAX_ROWS])
    more = f"\n\nand {len(rows) - MAX_ROWS} rows more." if len(rows) > MAX_ROWS else ""
    evaluated = edit["evaluation"]["words"] if edit["evaluation"] else "not evaluated on any deal."
    return Markdown(
        f"### {sentence(edit['words'])}\n\n"
        f"By {sentence(edit['by'])}, {sentence(str(edit['at'])[:10])}, because: "
        f"{sentence(edit['reason'])}\n\n{shown}{more}\n\nEvaluated again: {sentence(evaluated)}"
    )


def edit_lines(edit: Mapping[str, Any]) -> str:
    """Return an edit as text for the console: what, by whom, why, and rows before and after."""
    rows = edit["rows"]
    width = max(len(row["value"]) for row in rows)
    lines = [f"{edit['words']} (by {edit['by']}, because: {edit['reason']})"]
    lines += [
        f"  {row['value']:{width}}  {row['before']:+.4f} -> {row['after']:+.4f}"
        for row in rows[:MAX_ROWS]
    ]
    if len(rows) > MAX_ROWS:
        lines.append(f"  and {len(rows) - MAX_ROWS} rows more")
    return "\n".join(lines)


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
        labelled_cells = zip(head, cells, strict=True)
        yield _row(
            cell if label in UNTRANSLATED_COLUMNS else _cell_in(cell, language)
            for label, cell in labelled_cells
        )


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
