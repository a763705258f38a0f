"""The link of the scorecard: how its log-odds become probabilities, learned from the deals.

log-odds of the training deals -> each link of a family, fitted to the same predictions
  -> log-likelihood of each link on the deals, without what contributions can explain
  -> posterior of the links -> their mean -> a calibration map through knots

Customers differ by more than their attributes say. Let each have a factor on the hazard of leaving
that is gamma distributed with mean 1 and variance v (frailty; Vaupel, Manton and Stallard 1979).
Then ``1 - (1 + v * h) ** (-1 / v)`` leave within the horizon, where h is the cumulative hazard at
the factor 1, and its logarithm is the score (Aranda-Ordaz 1981). With v = 1 the score is the
log-odds, to which the scorecard is fitted. With v near 0 hazards are proportional: where the risk
is high, the log-odds rise faster than the sum of the contributions.

The prior of the factor's standard deviation is half-normal with scale 1 (Gelman 2006), so that v is
1 on average.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._logistic import observed_information
from fitmodel.learning._uncertainty import without_main_effects
from fitmodel.learning.calibration import (
    HIGHEST_LOG_ODDS,
    CalibrationMap,
    HeldOut,
    expit,
    fit_slope,
)

Floats = NDArray[np.float64]

LINKS = 16  # links of the family that are compared; they have the same prior probability
KNOTS = 24
MARGIN = 1.0  # log-odds beyond those of the training deals; further out the map is a line
GROUPS = 256  # groups of deals with similar log-odds, to which a link is fitted
MIN_SPREAD = 1e-3  # standard deviation of log-odds below which there is no shape to learn
MAX_FITTED = 10.0  # log-odds to which links are fitted; beyond it nearly all stay, or leave
STEPS, LARGEST_STEP, TOLERANCE, DAMPING = 50, 0.5, 1e-9, 1e-9  # of Fisher scoring


def link_variances() -> Floats:
    """Variances of the frailty, at equally spaced quantiles of its prior, shape (LINKS,)."""
    from scipy.special import ndtri

    quantile = (np.arange(LINKS) + 0.5) / LINKS
    return np.asarray(ndtri((1 + quantile) / 2) ** 2)


def link_posterior(log_odds: Floats, early_churn: Floats, weight: Floats, matrix: Floats) -> Floats:
    """Posterior probability of each link of `link_variances`, shape (LINKS,).

    `log_odds`, shape (n,): log-odds of deals by the scorecard, without today's level.
    `early_churn`, `weight`, shape (n,): their soft labels and weights.
    `matrix`, shape (n, width): basis values of single attributes.

    A link differs from the logistic one by a bend of the log-odds. The part of the bend that
    contributions of single attributes can explain is taken out, because the fit has it already. A
    deal counts as far as its outcome is known (`observed_information`).
    """
    if np.std(log_odds) < MIN_SPREAD:
        return np.full(LINKS, 1 / LINKS)
    log_odds = np.clip(log_odds, -MAX_FITTED, MAX_FITTED)
    probability = expit(log_odds)
    fitted = [_fit(variance, log_odds, weight).log_odds(log_odds) for variance in link_variances()]
    information = observed_information(early_churn, weight, log_odds)
    bends = without_main_effects(
        np.column_stack(fitted) - log_odds[:, None],
        np.column_stack([log_odds, matrix]),
        information,
    )
    residual = weight * (early_churn - probability)
    known = np.minimum(information / (probability * (1 - probability)), weight)
    loss = np.logaddexp(0.0, log_odds[:, None] + bends) - np.logaddexp(0.0, log_odds)[:, None]
    gain = residual @ bends - known @ (loss - probability[:, None] * bends)
    posterior = np.exp(gain - gain.max())
    return np.asarray(posterior / posterior.sum())


def link_map(posterior: Floats, log_odds: Floats, weight: Floats) -> CalibrationMap:
    """Posterior mean of the calibrated log-odds, as a map through knots.

    `posterior`, shape (LINKS,): see `link_posterior`.
    `log_odds`, `weight`, shape (n,): of the training deals; every link is fitted to their
        predictions, so that the map changes neither the mean nor the slope, only the bend.
    """
    if np.std(log_odds) < MIN_SPREAD:
        return CalibrationMap.identity()
    knots = np.linspace(log_odds.min() - MARGIN, log_odds.max() + MARGIN, KNOTS)
    fitted = [_fit(variance, log_odds, weight).log_odds(knots) for variance in link_variances()]
    values = posterior @ np.array(fitted)
    return CalibrationMap(tuple(knots.tolist()), tuple(values.tolist()), "link")


def bent_by_link(log_odds: Floats, held_out: HeldOut) -> Floats:
    """Held-out log-odds at the slope, the level of each fold and the link that they show."""
    slope, shift = fit_slope(log_odds, held_out)
    intercept = shift + (1 - slope) * held_out.mean(log_odds)
    line = intercept[held_out.fold] + slope * log_odds
    posterior = link_posterior(line, held_out.early_churn, held_out.weight, line[:, None])
    return link_map(posterior, line, held_out.weight).log_odds(line)


class _Link:
    """A link of the family, with a score that is linear in the scorecard's log-odds."""

    def __init__(self, variance: float, centre: float, score: float, slope: float) -> None:
        self.variance, self.centre, self.score, self.slope = variance, centre, score, slope

    def log_odds(self, raw: Floats) -> Floats:
        """Log-odds by this link, for log-odds of the scorecard."""
        hazard = self.cumulative_hazard(raw)
        bounded = np.clip(hazard, np.exp(-HIGHEST_LOG_ODDS), HIGHEST_LOG_ODDS)
        return np.asarray(bounded + np.log(-np.expm1(-bounded)))

    def cumulative_hazard(self, raw: Floats) -> Floats:
        """Cumulative hazard of a prospect: minus the logarithm of the probability of staying."""
        score = self.score + self.slope * (raw - self.centre)
        return np.asarray(np.logaddexp(0.0, np.log(self.variance) + score) / self.variance)


def _fit(variance: float, log_odds: Floats, weight: Floats) -> _Link:
    """Link whose probabilities are nearest to those of the scorecard, by Fisher scoring."""
    mass, raw = _grouped(np.clip(log_odds, -MAX_FITTED, MAX_FITTED), weight)
    centre, target = float(np.average(raw, weights=mass)), expit(raw)
    staying = np.logaddexp(0.0, centre)  # cumulative hazard of the mean deal
    start = float(np.log(np.expm1(variance * staying) / variance))
    link = _Link(variance, centre, start, 1.0)
    basis = np.column_stack([np.ones_like(raw), raw - centre])
    for _ in range(STEPS):
        hazard = link.cumulative_hazard(raw)
        probability = -np.expm1(-hazard)
        score = link.score + link.slope * (raw - centre)
        per_score = expit(np.log(variance) + score) / variance / probability  # of the log-odds
        gradient = basis.T @ (mass * (target - probability) * per_score)
        curvature = mass * probability * (1 - probability) * per_score**2
        information = (basis * curvature[:, None]).T @ basis
        step = np.linalg.solve(information + DAMPING * np.eye(2), gradient)
        step *= min(1.0, LARGEST_STEP / max(float(np.abs(step).max()), TOLERANCE))
        link = _Link(variance, centre, link.score + float(step[0]), link.slope + float(step[1]))
        if np.abs(step).max() < TOLERANCE:
            break
    return link


def _grouped(log_odds: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Weight and mean log-odds of groups of deals with similar log-odds."""
    edges = np.linspace(log_odds.min(), log_odds.max(), GROUPS + 1)
    group = np.clip(np.searchsorted(edges, log_odds, side="right") - 1, 0, GROUPS - 1)
    mass, total = (
        np.asarray(np.bincount(group, weights=values, minlength=GROUPS), dtype=np.float64)
        for values in (weight, weight * log_odds)
    )
    return mass[mass > 0], total[mass > 0] / mass[mass > 0]
