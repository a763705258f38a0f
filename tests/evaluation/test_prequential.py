"""Models of past dates are tested on the outcomes that followed, and know nothing later."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import view_of
from fitmodel.evaluation import prequential
from fitmodel.evaluation.prequential import RETRAININGS, _retraining_days, outcomes_since
from fitmodel.exceptions import DealsError
from fitmodel.learning.churn_curve import ChurnCurve
from fitmodel.learning.encoding import EncodingOptions, fit_columns

HORIZON = 5
ROLES = {"closed_on": "closed_on", "churned_on": "churned_on", "observed_until": "2025-04-30"}
SPEC = DealSpec(deals=ROLES, label={"horizon_months": HORIZON})


def straight_curve() -> ChurnCurve:
    """Leavers of the horizon leave evenly over its months, for small probabilities."""
    months = np.arange(1, HORIZON + 1)
    zeros = np.zeros(HORIZON)
    return ChurnCurve(
        horizon=HORIZON,
        slope=np.ones(HORIZON),
        shift=np.log(months / HORIZON)[None],
        deviation=zeros,
        slope_deviation=zeros,
        centre=-2.0,
        monthly_rate=0.02,
    )


@pytest.fixture
def retrained(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Each model predicts 0.2; the list gets the views that models learned from."""
    seen: list[Any] = []

    def learned(view: Any, _spec: Any, _estimator: Any) -> Any:
        seen.append(view)
        return SimpleNamespace(
            training_set=SimpleNamespace(dates=()),
            estimator=SimpleNamespace(predict_proba=lambda x: np.full((len(x), 2), 0.2)),
            scorecard=SimpleNamespace(base_rate=0.1),
        )

    monkeypatch.setattr(prequential, "_learn", learned)
    return seen


def table(rows: list[tuple[str, str | None]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "closed_on": pd.to_datetime([closed for closed, _ in rows]),
            "churned_on": pd.to_datetime([left for _, left in rows]),
            "seats": np.arange(float(len(rows))),
        },
        index=[f"D{number}" for number in range(len(rows))],
    )


def since(deals: pd.DataFrame, day: str, spec: DealSpec = SPEC) -> Any:
    newest: Any = None  # the curve has one stratum, so its columns are not used
    return outcomes_since(view_of(deals, spec), spec, np.datetime64(day), newest, straight_curve())


@pytest.mark.usefixtures("retrained")
def test_outcomes_count_in_the_period_in_which_they_happen() -> None:
    # retrained on 1 February, 1 March (28 days later) and 31 March; the extract ends on 30 April
    deals = table(
        [
            ("2024-12-01", "2025-02-10"),  # D0 leaves in the first period
            ("2025-02-15", "2025-04-02"),  # D1 is signed in the first and leaves in the last
            ("2025-01-10", None),  # D2 stays: in all three
            ("2024-12-01", "2025-01-20"),  # D3 has left before
            ("2024-07-01", "2025-02-20"),  # D4 leaves, but after its horizon
            ("2025-04-10", None),  # D5 is signed in the last period
        ]
    )
    found = since(deals, "2025-01-02")

    rows = found.table.groupby("deal")["early_churn"].agg(["size", "sum"])
    assert rows["size"].to_dict() == {"D0": 1, "D1": 3, "D2": 3, "D5": 1}
    assert rows["sum"].to_dict() == {"D0": 1, "D1": 1, "D2": 0, "D5": 0}
    assert (found.deals, found.churners) == (4, 2)
    assert list(found.attributes.index) == list(found.table["deal"])


def test_a_model_of_a_day_knows_nothing_later(retrained: list[Any]) -> None:
    deals = table([("2024-12-01", "2025-02-10"), ("2025-01-10", None), ("2025-04-10", None)])
    since(deals, "2025-01-02")

    days = _retraining_days(np.datetime64("2025-01-02"), np.datetime64("2025-04-30"))
    assert [view.day for view in retrained] == days
    for view, day in zip(retrained, days, strict=True):
        assert (view.closed <= day).all()
        assert not (view.left_on > day).any()
    assert len(days) == RETRAININGS


def test_periods_divide_the_time_since_the_day_equally() -> None:
    days = _retraining_days(np.datetime64("2025-01-01"), np.datetime64("2025-05-01"))

    assert [str(day) for day in days] == ["2025-01-31", "2025-03-02", "2025-04-01"]
    assert _retraining_days(np.datetime64("2025-01-01"), np.datetime64("2025-01-01")) == []
    assert len(_retraining_days(np.datetime64("2025-01-01"), np.datetime64("2025-01-03"))) == 1


@pytest.mark.usefixtures("retrained")
def test_the_periods_of_a_customer_multiply_to_its_survival() -> None:
    deals = table([("2025-01-10", None)])
    found = since(deals, "2025-01-02")
    probability = np.full(3, 0.2)

    stayed = np.prod(1 - found.conditional(probability))
    ends = np.array([found.start[0], found.end[-1]])
    survival = straight_curve().survival_at(probability[:2], ends)
    assert stayed == pytest.approx(survival[1] / survival[0])
    assert found.table["probability"].to_numpy() == pytest.approx(found.conditional(probability))
    assert found.table["base_rate"].to_numpy() == pytest.approx(found.conditional(probability / 2))


@pytest.mark.usefixtures("retrained")
def test_each_customer_leaves_at_the_pace_of_its_own_group() -> None:
    """Monthly customers leave early within the horizon, the others at its end."""
    deals = table([("2025-01-10", None), ("2025-01-10", None)] * 30)
    deals["plan"] = ["monthly", "yearly"] * 30
    (column,) = fit_columns(deals[["plan"]], EncodingOptions())
    codes = [int(column.code(plan)) for plan in ("monthly", "yearly")]
    early, late = straight_curve().shift[0] / 3, straight_curve().shift[0] * 3
    paces = replace(
        straight_curve(),
        shift=np.array([early, late]),
        attribute="plan",
        stratum_by_code=tuple(int(code == codes[1]) for code in range(column.size + 2)),
    )
    newest: Any = SimpleNamespace(
        scorecard=SimpleNamespace(attributes=("plan",), columns=(column,))
    )
    day = np.datetime64("2025-01-02")
    found = outcomes_since(view_of(deals, SPEC), SPEC, day, newest, paces)
    assert found is not None
    for plan, pace in (("monthly", early), ("yearly", late)):
        rows = (found.attributes["plan"] == plan).to_numpy()
        alone = replace(straight_curve(), shift=pace[None])
        before, after = (alone.survival_at(np.full(rows.sum(), 0.2), each[rows])
                         for each in (found.start, found.end))  # fmt: skip
        predicted = found.table.loc[rows, "probability"].to_numpy()
        assert predicted == pytest.approx(1 - after / before)


@pytest.mark.usefixtures("retrained")
def test_with_the_true_probability_as_many_leave_as_predicted() -> None:
    random = np.random.default_rng(4)
    count, month = 40_000, 30.436875
    closed = np.datetime64("2024-06-01") + random.integers(0, 330, count)
    probability = random.uniform(0.05, 0.5, count)
    # the month of leaving from the curve itself: P(left by t) = expit(log(t / 5) + logit(p))
    ages = np.linspace(0, HORIZON, 501)
    left_by = 1 - np.column_stack(
        [straight_curve().survival_at(probability, np.full(count, age)) for age in ages]
    )
    drawn = (left_by < random.uniform(size=count)[:, None]).sum(axis=1)
    left = closed + np.ceil(ages[np.minimum(drawn, 500)] * month).astype(int)
    left[(drawn == len(ages)) | (left > np.datetime64("2025-04-30"))] = np.datetime64("NaT")
    deals = pd.DataFrame({"closed_on": closed, "churned_on": left, "seats": 1.0})
    found = since(deals, "2024-12-01")

    expected = found.conditional(probability[found.table["deal"]])
    observed = found.churners
    assert observed > 2_000
    # days are whole and months differ in length, which moves a few leavers by a day
    assert observed == pytest.approx(expected.sum(), abs=4 * np.sqrt(expected.sum()))


def test_a_day_before_leavers_were_recorded_is_left_out(retrained: list[Any]) -> None:
    spec = SPEC.replace(deals={"observed_from": "2025-02-15"})
    deals = table([("2025-01-20", None), ("2025-02-20", "2025-03-10")])
    found = since(deals, "2025-01-02", spec)

    assert [str(view.day) for view in retrained] == ["2025-03-02", "2025-03-31"]
    assert found.table["deal"].tolist() == ["D0", "D1", "D0"]


def test_without_later_days_there_are_no_rows(retrained: list[Any]) -> None:
    found = since(table([("2024-12-01", None)]), "2025-04-30")

    assert (found.deals, found.churners, len(retrained)) == (0, 0, 0)


@pytest.mark.usefixtures("retrained")
def test_without_days_of_leaving_nothing_is_returned() -> None:
    deals = table([("2024-12-01", None), ("2024-12-05", None)]).assign(gone=["yes", "no"])
    spec = SPEC.replace(deals={"churned": "gone", "churned_values": ["yes"]})

    assert since(deals, "2025-01-02", spec) is None


@pytest.mark.usefixtures("retrained")
def test_a_day_with_too_little_to_learn_from_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    learn = prequential._learn

    def only_late(view: Any, spec: Any, estimator: Any) -> Any:
        if view.day < np.datetime64("2025-03-15"):
            raise DealsError("too few early churners")
        return learn(view, spec, estimator)

    monkeypatch.setattr(prequential, "_learn", only_late)
    deals = table([("2024-12-01", "2025-02-10"), ("2025-01-10", None)])

    assert since(deals, "2025-01-02").table["deal"].tolist() == ["D1"]
    monkeypatch.setattr(prequential, "_learn", pytest.fail)
    monkeypatch.setattr(
        prequential, "learn", lambda *_, **__: (_ for _ in ()).throw(DealsError("too few"))
    )
    monkeypatch.setattr(prequential, "_learn", lambda view, spec, _: prequential.learn(view, spec))
    assert since(deals, "2025-01-02") is None
