"""Old names of parameters, attributes and functions work, and warn with the new name."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path
from typing import Any

import pytest

import fitmodel
from fitmodel import checking
from fitmodel.checking import CheckReport
from fitmodel.deals import _horizons as horizons
from fitmodel.deals import enough
from fitmodel.decision.value import Money
from fitmodel.evaluation.report import TrainingReport
from fitmodel.guessing import questions
from fitmodel.guessing.guess import Guess
from fitmodel.learning.editing import Cap
from fitmodel.learning.scorecard import Scorecard
from fitmodel.model.counterfactuals import find_counterfactuals
from fitmodel.monitoring.log import DecisionLog
from fitmodel.monitoring.matching import LogMatch
from fitmodel.renamed import old_fields, old_parameters
from fitmodel.reports.brief import make_brief
from fitmodel.sales import profile, rep_performance
from fitmodel.sales._ledger import PlanComparison
from fitmodel.sales.plans import Bonus
from fitmodel.sales.profile import Profile
from fitmodel.sales.quiz import Question
from fitmodel.sales.reviews import ReviewSheet, TeamReviews
from fitmodel.scoring import sources
from fitmodel.service.settings import Settings

PARAMETERS = [
    (fitmodel.load, "workbench", "unpickle"),
    (fitmodel.compare_models, "workbench", "unpickle"),
    (fitmodel.ModelHolder, "workbench", "unpickle"),
    (DecisionLog, "place", "path_or_url"),
    (find_counterfactuals, "most_changes", "max_changes"),
    (find_counterfactuals, "most", "max_results"),
    (make_brief, "most_similar", "max_similar_deals"),
    (profile.compute_profile, "least_deals", "min_deals"),
    (rep_performance.compute_rep_performance, "least_deals", "min_deals"),
    (enough.check_enough, "least", "min_churners"),
]
FIELDS = [
    (Scorecard, "odd_pairs", "unusual_pairs"),
    (Cap, "most", "max_effect"),
    (TrainingReport, "glass_box_cost", "black_box_gap"),
    (fitmodel.Assessment, "fewest_alike", "rarest_value_deals"),
    (CheckReport, "place", "source"),
    (Question, "facts", "attributes"),
    (Settings, "most_bytes", "max_bytes"),
    (Settings, "most_prospects", "max_prospects"),
    (Settings, "most_at_once", "max_requests"),
    (Profile, "least_deals", "min_deals"),
    (ReviewSheet, "alike", "similar_deals"),
    (ReviewSheet, "said", "assessment"),
    (TeamReviews, "surprise_facts", "surprise_counts"),
    (Guess, "doubts", "questions"),
    (questions.QuestionedDeals, "doubts", "questions"),
]
FUNCTIONS = [
    (sources, "score_places", "score_source"),
    (sources, "count_places", "count_source_rows"),
    (checking, "doubt_results", "question_results"),
    (questions, "find_doubts", "find_questions"),
    (questions, "read_with_doubts", "read_with_questions"),
    (DecisionLog, "known_as", "stored_id"),
    (DecisionLog, "loosely_known_as", "stored_id_without_case"),
    (LogMatch, "says", "in_words"),
    (PlanComparison, "says", "in_words"),
    (horizons, "doubts_about_horizon", "questions_about_horizon"),
]


@old_parameters(least="min_deals", unused="other")
def enough_deals(deals: int, *, min_deals: int = 2) -> bool:
    """Return whether there are enough deals."""
    return deals >= min_deals


def test_an_old_parameter_is_passed_on_under_its_new_name() -> None:
    with pytest.warns(DeprecationWarning, match=r"'least' of enough_deals is now 'min_deals'") as w:
        assert not enough_deals(3, least=4)  # type: ignore[call-arg]
    assert w[0].filename == __file__
    assert enough_deals(3, min_deals=3)


def test_an_old_and_a_new_name_together_are_refused() -> None:
    with pytest.raises(TypeError, match="'least' is the old name of 'min_deals'; give one of them"):
        enough_deals(3, least=4, min_deals=2)  # type: ignore[call-arg]


def test_an_unknown_parameter_is_refused_as_before() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'most'"):
        enough_deals(3, most=4)  # type: ignore[call-arg]


def test_a_class_takes_and_has_old_names_of_its_fields() -> None:
    @old_fields(most="limit")
    @dataclasses.dataclass(frozen=True)
    class Limits:
        limit: int = 1

    with pytest.warns(DeprecationWarning, match=r"parameter 'most' of .*Limits is now 'limit'"):
        limits = Limits(most=5)  # type: ignore[call-arg]
    with pytest.warns(DeprecationWarning, match=r"Limits.most is now Limits.limit") as w:
        assert limits.most == limits.limit == 5  # type: ignore[attr-defined]
    assert w[0].filename == __file__
    assert dataclasses.replace(limits, limit=2) == Limits(2)


@pytest.mark.parametrize(
    ("of", "old", "new"), PARAMETERS, ids=[f"{of.__name__}-{old}" for of, old, _ in PARAMETERS]
)
def test_an_old_parameter_has_a_new_one(of: Any, old: str, new: str) -> None:
    given = inspect.signature(of).parameters
    assert new in given
    assert old not in given
    with pytest.raises(TypeError, match=f"{old!r} is the old name of {new!r}"):
        of(**{old: None, new: None})


@pytest.mark.parametrize(
    ("of", "old", "new"), FIELDS, ids=[f"{of.__name__}-{old}" for of, old, _ in FIELDS]
)
def test_an_old_field_has_a_new_one(of: Any, old: str, new: str) -> None:
    fields = {field.name for field in dataclasses.fields(of)}
    assert new in fields
    assert old not in fields
    instance = object.__new__(of)
    object.__setattr__(instance, new, "its value")
    with pytest.warns(DeprecationWarning, match=rf"{of.__name__}\.{old} is now .*\.{new}"):
        assert getattr(instance, old) == "its value"


@pytest.mark.parametrize(("module", "old", "new"), FUNCTIONS, ids=[old for _, old, _ in FUNCTIONS])
def test_an_old_function_calls_the_new_one(module: Any, old: str, new: str) -> None:
    function = getattr(module, old)
    assert function.__wrapped__ is getattr(module, new)
    with (
        pytest.warns(DeprecationWarning, match=rf"\.{old} is now .*{module.__name__}\.{new}"),
        pytest.raises(TypeError, match="no_such_parameter"),
    ):
        function(no_such_parameter=1)


def test_a_model_is_loaded_with_the_old_name_of_unpickle(tmp_path: Path) -> None:
    with (
        pytest.warns(DeprecationWarning, match="'workbench' of load is now 'unpickle'"),
        pytest.raises(fitmodel.FitModelError, match="no bundle"),
    ):
        fitmodel.load(tmp_path / "none", workbench=True)  # type: ignore[call-arg]


def test_a_log_is_opened_with_the_old_name_of_its_path(tmp_path: Path) -> None:
    with pytest.warns(DeprecationWarning, match="'place' of DecisionLog is now 'path_or_url'"):
        DecisionLog(place=tmp_path / "log.db").close()  # type: ignore[call-arg]
    assert (tmp_path / "log.db").is_file()


def test_the_old_name_of_the_least_amount_is_known() -> None:
    money = Money(0.8, 24.0, 3.0, 600.0, 1_800.0, 300.0, 0.15)
    with pytest.warns(DeprecationWarning, match=r"Money.least_amount is now Money.min_amount"):
        assert money.least_amount == money.min_amount


def test_a_plan_in_a_file_may_have_the_old_name_of_min_deals() -> None:
    bonus = Bonus.model_validate({"top": 1, "amount": 500, "least_deals": 7})
    assert bonus.min_deals == 7
    with pytest.warns(DeprecationWarning, match=r"Bonus.least_deals is now Bonus.min_deals"):
        assert bonus.least_deals == 7
    with pytest.raises(ValueError, match="least_deals"):
        Bonus.model_validate({"top": 1, "amount": 500, "least_deals": 7, "min_deals": 8})
