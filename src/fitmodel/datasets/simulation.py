"""Simulated deals of a software company, with each deal's true early-churn probability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from fitmodel.datasets import _attributes, _history, mechanism
from fitmodel.datasets._attributes import Array, Raw
from fitmodel.datasets._company import LEAKS, Company, leak_columns
from fitmodel.deals.contract import DealSpec
from fitmodel.exceptions import SpecError

ACTIONABLE = ("onboarding_package", "discount", "contract_term_months")


@dataclass(frozen=True)
class Simulation:
    """Simulated deals with their true probabilities.

    Attributes
    ----------
    deals : DataFrame of shape (n, columns)
        The table that a company would export: `deal_id`, `closed_on`, `churned_on` (NaT while the
        customer stays), `rep`, `team`, the attributes and, if requested, the leaks.
    spec : DealSpec
        The contract of that table, ready for training.
    true_probability : Series of shape (n,)
        P(the customer leaves within the horizon | attributes, closing date, rep).
    true_log_odds : Series of shape (n,)
        The same in log-odds.
    true_churned_on : Series of shape (n,), datetime64
        Day on which the customer leaves, also if that is after the end of the extract.
    reps : DataFrame
        Index `rep`; columns `team`, `share`, `deals`, true `selection` and `effect` (0 for most),
        `expected_rate` (mean probability of the rep's customers if an average rep had signed them),
        `true_rate` (their mean true probability) and `true_ratio` (true rate over expected rate).
    leaks : tuple of str
        Columns known only after closing; empty unless requested.
    company : Company
        Parameters of the company, from which `simulate_prospects` draws.
    tables : mapping of str to DataFrame
        With `history`: the tables `fields` and `activities` of the contract; see `fitmodel.train`.
    """

    deals: pd.DataFrame
    spec: DealSpec
    true_probability: pd.Series[float]
    true_log_odds: pd.Series[float]
    true_churned_on: pd.Series[Any]
    reps: pd.DataFrame
    leaks: tuple[str, ...]
    company: Company
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


@dataclass(frozen=True)
class SimulatedProspects:
    """Unsigned prospects of a simulated company with their true probabilities.

    Attributes
    ----------
    prospects : DataFrame of shape (n, columns)
        `deal_id`, `closed_on` (the planned date, within 30 days of the extract's end), `rep`,
        `team` and the attributes; no outcome.
    true_probability, true_log_odds : Series of shape (n,)
        The same as in `Simulation`, assuming that they are signed on the planned date.
    """

    prospects: pd.DataFrame
    true_probability: pd.Series[float]
    true_log_odds: pd.Series[float]


def simulate_deals(
    n: int = 5000,
    *,
    seed: int = 0,
    horizon_months: int = 5,
    drift: float = 0.0,
    leaks: bool = False,
    n_reps: int = 12,
    n_teams: int = 3,
    rep_effects: bool = True,
    rep_selection: bool = True,
    n_attributes: int | None = None,
    months: int = 36,
    observed_until: str = "2026-06-30",
    recent_share: float | None = None,
    base_rate: float = 0.22,
    signal: float = 1.0,
    company: int = 0,
    history: bool = False,
) -> Simulation:
    """Simulate deals of a software company with known true probabilities.

    Parameters
    ----------
    n : int
        Number of deals.
    seed : int
        Seed of the sample; equal seeds and options give identical deals.
    horizon_months : int
        Calendar months after closing within which leaving is early churn.
    drift : float
        How much the risk changes from the first day of the extract to its last: the log-odds rise
        by `drift`, the effect of the lead source is multiplied by up to (1 - drift) and that of the
        discount by up to (1 + drift).
    leaks : bool
        Whether to add columns that are known only after closing (`Simulation.leaks`). The contract
        does NOT exclude them.
    n_reps, n_teams : int
        Number of reps, and of teams. The largest rep signs 60 times as many deals as the smallest.
    rep_effects : bool
        Whether a third of the reps have an EFFECT: their customers leave more often (+0.8 in
        log-odds) or less often than comparable customers. The others have no effect at all.
    rep_selection : bool
        Whether a third of the reps SELECT riskier or safer prospects.
    n_attributes : int, optional
        Number of attributes; by default the 16 core ones. With fewer, the first of these are in the
        table. With more, `attribute_17`, ... are added; one in three of them has a weak effect.
    months : int
        Months over which the deals were signed, up to the end of the extract.
    observed_until : str
        ISO date on which the extract ends.
    recent_share : float, optional
        Share of deals signed within the last `horizon_months`; the number of deals then grows
        exponentially. By default it is constant, so that about an eighth of the deals are censored;
        with 0.4 it is about a third.
    base_rate : float
        Mean true probability of early churn of the company's deals.
    signal : float
        Factor on the effects of all attributes; with 0 they have no effect.
    company : int
        Seed of the company: which reps select and which have an effect. Samples with different
        `seed` and the same company have the same distribution: train on one, evaluate on another.
    history : bool
        Whether to add the history of fields and the events, as `Simulation.tables`. The column
        `seats` and a new column `decision_maker_known` are then overwritten after closing, mostly
        if the customer left. Long silence and few people before closing raise the risk; only the
        events show this.

    Returns
    -------
    Simulation
        The deals, their contract and their true probabilities.

    Raises
    ------
    SpecError
        If a size is below 1, or a share is not between 0 and 1.

    Notes
    -----
    The log-odds of early churn of deal i, signed by rep r on a day at age u of the extract
    (0 its first day, 1 its last), are ::

        eta_i = intercept + signal * 0.83 * g(x_i, u) + drift * (u - 1/2) + effect_r

        g(x, u) = segment[smb .35, mid 0, enterprise -.45]
            - .7 tanh((log seats - 2.5) / 1.5)
            + .3 max(8 - log annual_value, 0)
            + (1 - drift u) lead_source[inbound -.25, outbound .45, partner -.1, event .15,
                                        referral -.7]
            + onboarding_package[none .45, basic 0, full -.55]
            + industry[...]                                    from -.6 to .6
            + (1 + drift u) 3 max(discount - .2, 0)
            + .45 min((log d - 4)^2, 4) - .3                   d: days from first contact to closing
            + has_crm_integration[no .35, yes -.3]
            + landing_page[its section -.3 to .4, the page itself sd .15]
            + (.5 tanh((12 - trial_days) / 8), or .25 if missing)
            + contract_term_months[1 .5, 12 0, 24 -.25, 36 -.4]
            + plan_code[...]                                   a code: from -.3 to .5, in no order
            + (.08 (4.5 - log employees), or .1 if missing)
            + competitor_in_use[none 0, spreadsheets -.15, other suite .3] + region[-.15 to .15]
            + .6 [smb and outbound] + .4 [no onboarding] max(log seats - 3, 0)

    An attribute that is not in the table has no effect, so `true_probability` is the prediction of
    an ideal model from the table, the date and the rep. The intercept is computed from 20,000
    reference deals of the company, and does not depend on `n` and `seed`.

    For reps who select (with strength s), the odds of segment, lead source and onboarding package
    are multiplied by exp(s pull), and the discount is 0.06 s higher; nothing else of a prospect
    depends on the rep. Trial days are missing more often for short trials and outbound deals,
    employees more often for small companies.

    The customer leaves on the day on which the cumulative hazard reaches a unit exponential random
    number. Within `horizon_months` calendar months the hazard is piecewise constant (low in the
    first fifth, high in the last two fifths) and its integral is -log(1 - p); after that it is a
    quarter of its mean before. So P(churned_on <= closed_on + horizon_months) is exactly the true
    probability, with month ends as in `fitmodel.deals.outcomes`. Leaving after `observed_until` is
    not in the table, but in `true_churned_on`.

    One deal in eight is signed on the last day of a month.

    Examples
    --------
    >>> sim = simulate_deals(1000, seed=1)
    >>> sim.deals.shape
    (1000, 21)
    >>> sim.spec.label.horizon_months
    5
    """
    parameters = Company(
        horizon_months=horizon_months, drift=drift, n_reps=n_reps, n_teams=n_teams,
        rep_effects=rep_effects, rep_selection=rep_selection, n_attributes=n_attributes,
        months=months, observed_until=str(observed_until), recent_share=recent_share,
        base_rate=base_rate, signal=signal, seed=company,
    )  # fmt: skip
    _at_least_one(n)
    rep, raw = parameters.draw(n, seed)
    closed_on = parameters.closing_dates(n, seed)
    without_rep = parameters.log_odds(raw, closed_on)
    log_odds = without_rep + parameters.reps["effect"].to_numpy()[rep]
    contacts = None
    if history:
        contacts = _history.draw_contacts(n, seed, raw["first_contact_on"])
        with_warning = _history.warning(contacts) + _history.offset(parameters)
        without_rep, log_odds = without_rep + with_warning, log_odds + with_warning
    probability = mechanism.probability(log_odds)
    left_on = mechanism.churn_dates(closed_on, probability, horizon_months, seed)
    deals = _table(parameters, rep, raw, closed_on, "D")
    observed = np.where(left_on <= parameters.last, left_on, np.datetime64("NaT"))
    deals.insert(2, "churned_on", observed.astype("datetime64[us]"))
    if leaks:
        amount = raw["annual_value"]
        deals = deals.assign(**leak_columns(closed_on, left_on, parameters.last, amount, seed))
    spec, tables = _spec(parameters), dict[str, pd.DataFrame]()
    if contacts is not None:
        moments = _history.Moments(closed_on, left_on, parameters.last)
        activities = _history.make_events(deals["deal_id"], moments, contacts, seed)
        deals, changes = _history.overwritten(deals, moments, seed)
        spec = spec.replace(history=_history.HISTORY, events=_history.EVENTS)
        tables = {"fields": changes, "activities": activities}
    return Simulation(
        deals=deals,
        spec=spec,
        true_probability=pd.Series(probability, name="true_probability"),
        true_log_odds=pd.Series(log_odds, name="true_log_odds"),
        true_churned_on=pd.Series(left_on.astype("datetime64[us]"), name="true_churned_on"),
        reps=_truth_of_reps(parameters, rep, without_rep, probability),
        leaks=LEAKS if leaks else (),
        company=parameters,
        tables=tables,
    )


def simulate_prospects(
    n: int = 200, *, seed: int = 1, like: Simulation | None = None
) -> SimulatedProspects:
    """Simulate prospects that are not signed yet.

    Parameters
    ----------
    n : int
        Number of prospects.
    seed : int
        Seed of the sample.
    like : Simulation, optional
        Simulation of the company; by default the one of `simulate_deals()`.

    Returns
    -------
    SimulatedProspects
        The prospects and their true probabilities.

    Raises
    ------
    SpecError
        If `n` is below 1.

    Examples
    --------
    >>> simulate_prospects(20, seed=3).prospects.shape
    (20, 20)
    """
    company = Company() if like is None else like.company
    _at_least_one(n)
    rep, raw = company.draw(n, seed)
    days_ahead = 1 + _attributes.stream(seed, "planned").integers(0, 30, n)
    planned = company.last + days_ahead.astype("timedelta64[D]")
    log_odds = company.log_odds(raw, planned) + company.reps["effect"].to_numpy()[rep]
    return SimulatedProspects(
        prospects=_table(company, rep, raw, planned, "P"),
        true_probability=pd.Series(mechanism.probability(log_odds), name="true_probability"),
        true_log_odds=pd.Series(log_odds, name="true_log_odds"),
    )


def _at_least_one(n: int) -> None:
    if n < 1:
        raise SpecError(f"n must be at least 1, got {n}")


def _table(company: Company, rep: Array, raw: Raw, closed_on: Array, prefix: str) -> pd.DataFrame:
    number = pd.Series(np.arange(1, len(rep) + 1)).astype("str").str.zfill(7)
    columns = {
        "deal_id": prefix + number,
        "closed_on": closed_on.astype("datetime64[us]"),
        "rep": pd.array(list(company.reps.index), dtype="str").take(rep),
        "team": pd.array(list(company.reps["team"]), dtype="str").take(rep),
    }
    return pd.DataFrame(columns | _attributes.render(raw, company.attributes, closed_on))


def _truth_of_reps(
    company: Company, rep: Array, without_rep: Array, probability: Array
) -> pd.DataFrame:
    shift = mechanism.centre_at(without_rep, float(probability.mean()))
    number = len(company.reps)
    deals = np.bincount(rep, minlength=number)
    each = np.where(deals > 0, deals, np.nan)
    expected = np.bincount(rep, mechanism.probability(without_rep + shift), number) / each
    true = np.bincount(rep, probability, number) / each
    return company.reps.assign(
        deals=deals, expected_rate=expected, true_rate=true, true_ratio=true / expected
    )


def _spec(company: Company) -> DealSpec:
    names = set(company.attributes)
    amount = "annual_value" if "annual_value" in names else None
    roles = {
        "id": "deal_id", "closed_on": "closed_on", "churned_on": "churned_on",
        "observed_until": company.observed_until, "rep": "rep", "team": "team", "amount": amount,
    }  # fmt: skip
    money = {
        "gross_margin": 0.8, "expected_lifetime_months": 30.0, "acquisition_cost": 400.0,
        "onboarding_cost": 900.0, "support_cost_per_month": 60.0, "commission_rate": 0.1,
    }  # fmt: skip
    return DealSpec(
        deals=roles,
        label={"horizon_months": company.horizon_months},
        attributes={"actionable": [name for name in ACTIONABLE if name in names]},
        decision=money if amount else {},
    )
