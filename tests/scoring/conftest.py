"""Fixtures of the tests of scoring."""

from scoring_fixtures import curved, model, prospects, simulation, twelve

__all__ = ["curved", "model", "prospects", "simulation", "twelve"]
