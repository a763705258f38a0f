"""The brief on one deal: what a rep and a manager need to decide whether to sign or decline it.

prospect -> assessment, money, similar deals, conditions -> Brief -> letter
Brief -> a page or Markdown, in `fitmodel.reports.brief_pages`
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fitmodel.deals.contract import DealSpec
from fitmodel.decision.conditions import money_lines
from fitmodel.exceptions import SpecError
from fitmodel.language.catalogue import phrases, stay_text
from fitmodel.model.counterfactuals import describe_counterfactual, find_counterfactuals
from fitmodel.model.similar_deals import PastDeals
from fitmodel.renamed import old_parameters
from fitmodel.reports._brief_conditions import brief_conditions
from fitmodel.reports.letter import make_letter, points_for_prospect

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import pandas as pd

    from fitmodel.decision.conditions import MoneyLine
    from fitmodel.model.assessment import Assessment, Reason
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.model.similar_deals import SimilarDeals
    from fitmodel.reports._brief_conditions import BriefCondition

EVERY_REASON = 10_000
MAX_REASONS = 5
SHOWN_DEALS = 5


@dataclass(frozen=True)
class Stake:
    """Money of a deal, in the currency of its amount.

    Attributes
    ----------
    amount, if_stays, if_leaves, expected : float
        Yearly contract value, and the value of signing if the customer stays, if it leaves early,
        and in expectation.
    lines : tuple of MoneyLine
        Items whose sums are `if_stays` and `if_leaves`.
    months_if_stays, months_if_leaves : float
        Assumed months that a customer stays if it does not leave early, and if it does.
    """

    amount: float
    if_stays: float
    if_leaves: float
    expected: float
    lines: tuple[MoneyLine, ...]
    months_if_stays: float
    months_if_leaves: float


@dataclass(frozen=True)
class SimilarDeal:
    """One of the most similar past deals: its id, day of signing ("" if unknown) and outcome."""

    name: str
    closed_on: str
    became: str
    left_early: bool


@dataclass(frozen=True, eq=False)
class Brief:
    """Content of a brief, before it is written as HTML or Markdown.

    Attributes
    ----------
    name : str
        Name of the prospect.
    assessment : Assessment
        Assessment of the prospect with all reasons.
    base_rate : float
        Share of all past deals that left early.
    level : float
        The company's rate of early churn, which a good fit does not exceed.
    stake : Stake or None
        Money of the deal; None without an amount or without money in the contract.
    against, in_favour : tuple of Reason
        The largest reasons about the prospect that raise, and that lower, the probability.
    others : float
        Sum of all other contributions; `baseline` + `against` + `in_favour` + `others` gives
        `log_odds`.
    baseline, log_odds : float
        Baseline of the model, and log-odds of the prospect, both before calibration.
    similar_deals : SimilarDeals or None
        The most similar past deals, with counts; None where no past deals were given.
    similar : tuple of SimilarDeal
        The nearest of these, for display.
    changes : tuple of str
        Changes that remove the flag, in words; empty where there are none.
    conditions : tuple of BriefCondition
        Conditions under which a poor fit could be signed: changes that remove the flag, then terms
        of the contract that reduce a loss. Empty where the deal is not flagged.
    letter : str
        Letter to the prospect; "" where the deal is not flagged.
    letter_points : tuple of str
        The reasons, in words for the prospect.
    """

    name: str
    language: str
    model_name: str
    assessment: Assessment
    base_rate: float
    level: float
    stake: Stake | None
    against: tuple[Reason, ...]
    in_favour: tuple[Reason, ...]
    others: float
    baseline: float
    log_odds: float
    similar_deals: SimilarDeals | None
    similar: tuple[SimilarDeal, ...]
    changes: tuple[str, ...]
    conditions: tuple[BriefCondition, ...]
    letter: str
    letter_points: tuple[str, ...]

    @property
    def loses_anyway(self) -> bool:
        """Whether the deal loses money even if the customer does not leave early."""
        return _loses_anyway(self.assessment, self.stake)

    @property
    def flagged_for_money(self) -> bool:
        """Whether the deal is flagged although its risk is not above the company's level."""
        return self.assessment.poor_fit and self.assessment.early_churn_probability <= self.level


@old_parameters(most_similar="max_similar_deals")
def make_brief(
    model: FitModel,
    prospect: Mapping[str, Any],
    *,
    deals: pd.DataFrame | None = None,
    spec: DealSpec | None = None,
    language: str = "en",
    name: str | None = None,
    template: str | None = None,
    max_similar_deals: int = 50,
    as_of: date | None = None,
) -> Brief:
    """Build the brief on one deal.

    Parameters
    ----------
    model : FitModel
        The model that assesses the prospect.
    prospect : mapping
        Attributes of the prospect by column name, as for `FitModel.predict`.
    deals : DataFrame, optional
        Past deals, as read by `fitmodel.read_deals`, from which the similar deals are taken; a
        model does not contain its deals.
    spec : DealSpec, optional
        Contract of the deals; default: the contract with which the model was trained.
    language : {"en", "zh"}
        Language of the brief.
    name : str, optional
        Name of the prospect; default: its id.
    template : str, optional
        The company's own template of the letter; see `fitmodel.reports.letter.default_template`.
    max_similar_deals : int
        Number of similar deals that are counted.
    as_of : date, optional
        Date of the prediction, as for `FitModel.predict`.

    Returns
    -------
    Brief

    Raises
    ------
    ProspectError
        If the prospect cannot be scored.
    DealsError
        If no past deal is old enough to have a known outcome.
    SpecError
        If the language has no texts, the template has a problem, or deals are given without a
        contract.

    Examples
    --------
    >>> spec = fitmodel.DealSpec.from_toml("fitmodel.toml")
    >>> deals = fitmodel.read_deals("deals.csv", spec)
    >>> model = fitmodel.load("models/prospect-fit")
    >>> prospect = pd.read_csv("prospects.csv").iloc[0].to_dict()
    >>> brief = make_brief(model, prospect, deals=deals)
    >>> brief.name, brief.similar_deals.known
    ('D0001151', 50)
    """
    assessed = model.predict(prospect, reasons=EVERY_REASON, as_of=as_of, language=language)
    about_prospect = [reason for reason in assessed.reasons if reason.is_about_prospect]
    against = tuple(item for item in about_prospect if item.contribution > 0)[:MAX_REASONS]
    in_favour = tuple(item for item in about_prospect if item.contribution < 0)[:MAX_REASONS]
    shown_total = sum(reason.contribution for reason in (*against, *in_favour))
    total = sum(reason.contribution for reason in assessed.reasons)
    similar_deals: SimilarDeals | None = None
    similar: tuple[SimilarDeal, ...] = ()
    if deals is not None:
        contract = spec or contract_of(model)
        past = PastDeals(model, _other_deals(deals, contract, prospect), contract)
        similar_deals = past.like(prospect, n=max_similar_deals, as_of=as_of)
        similar = _similar(similar_deals, contract, language)
    changes = find_counterfactuals(model, prospect, as_of=as_of)
    level = level_of(model)
    # the letter states that such customers leave more often than others, so it needs a higher risk
    risky = assessed.early_churn_probability > level
    points = points_for_prospect(assessed.against, assessed.wording) if risky else ()
    stake = _stake(model, prospect, assessed)
    letter = ""
    if assessed.poor_fit:
        too_small = _loses_anyway(assessed, stake)
        texts = [change.in_words(language) for change in changes]
        letter = make_letter(
            assessed, points, too_small=too_small, changes=texts, template=template
        )
    return Brief(
        name=name if name is not None else _name(model, prospect),
        language=language,
        model_name=str(model.manifest.get("name", "fitmodel")),
        assessment=assessed,
        base_rate=model.scorecard.base_rate,
        level=level,
        stake=stake,
        against=against,
        in_favour=in_favour,
        others=total - shown_total,
        baseline=model.scorecard.baseline,
        log_odds=model.scorecard.baseline + total,
        similar_deals=similar_deals,
        similar=similar,
        changes=tuple(describe_counterfactual(change, language) for change in changes),
        conditions=brief_conditions(model, assessed, changes, model.scorer.amount_of(prospect)),
        letter=letter,
        letter_points=points,
    )


def level_of(model: FitModel) -> float:
    """Return the company's current rate of early churn; for an older bundle that of its deals."""
    level = model.scorer.policy.level
    return model.scorecard.base_rate if level is None else level


def contract_of(model: FitModel) -> DealSpec:
    """Return the contract with which a model was trained, without its tracking section.

    Raises
    ------
    SpecError
        If the bundle contains no contract.
    """
    sections = model.manifest.get("spec")
    if not sections or "deals" not in sections:
        raise SpecError("the model holds no contract. Remedy: give the deals' contract (spec, -c).")
    # the address of the tracking store is not needed, and an old one may contain a password
    used = {name: keys for name, keys in sections.items() if name != "tracking"}
    return DealSpec.from_manifest(used)


def _other_deals(deals: pd.DataFrame, spec: DealSpec, prospect: Mapping[str, Any]) -> pd.DataFrame:
    """Return the past deals without the deal that the brief is on."""
    own_id = prospect.get(spec.deals.id) if spec.deals.id else None
    return deals if own_id is None else deals[deals[spec.deals.id].astype(str) != str(own_id)]


def _name(model: FitModel, prospect: Mapping[str, Any]) -> str:
    column = model.manifest.get("spec", {}).get("deals", {}).get("id")
    value = prospect.get(column) if column else None
    return "?" if value is None else str(value)


def _stake(model: FitModel, prospect: Mapping[str, Any], assessment: Assessment) -> Stake | None:
    money, amount = model.scorer.policy.money, model.scorer.amount_of(prospect)
    if money is None or amount is None or not math.isfinite(assessment.expected_value):
        return None
    p = assessment.early_churn_probability
    lines = money_lines(money, amount, p)
    sums = (sum(line.if_stays for line in lines), sum(line.if_leaves for line in lines))
    return Stake(amount, *sums, assessment.expected_value, lines, *money.months(p))


def _loses_anyway(assessment: Assessment, stake: Stake | None) -> bool:
    """Return whether the deal loses money if the customer stays, as long as the deals allow."""
    return assessment.worth == "loses" and stake is not None and stake.if_stays < 0


def _similar(similar: SimilarDeals, spec: DealSpec, language: str) -> tuple[SimilarDeal, ...]:
    say, roles = phrases(language, "brief"), spec.deals
    stayed_key = "deal_stayed_one" if similar.horizon_months == 1 else "deal_stayed"
    return tuple(
        SimilarDeal(
            name=str(row[roles.id] if roles.id else label),
            closed_on=str(row[roles.closed_on])[:10] if roles.closed_on else "",
            became=say("deal_left", stay=stay_text(say, row["followup_months"]))
            if row["early_churn"]
            else say(stayed_key, months=similar.horizon_months),
            left_early=bool(row["early_churn"]),
        )
        for label, row in similar.deals.head(SHOWN_DEALS).iterrows()
    )
