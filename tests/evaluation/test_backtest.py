"""The backtest shows decay of drifting deals, no skill without signal, and uses no future data."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.decision.own_months import OwnMonths
from fitmodel.decision.value import Money
from fitmodel.evaluation.backtest import COLUMNS, compute_ageing, compute_backtest, compute_decay
from fitmodel.exceptions import DealsError

BOOT = 100


def flag(p, _amount):
    return p > 0.4


class Fixed:
    """Two amounts if the customer stays, minus one if it leaves, for any probability."""

    own_months = None

    def value_if_stays(self, amount, _probability):
        return 2 * amount

    def value_if_leaves(self, amount, _probability):
        return -amount


money = Fixed()


@pytest.fixture(scope="module")
def steady(make_deals, spec, logistic):
    return compute_backtest(make_deals(), spec, logistic, flag=flag, money=money, n_boot=BOOT)


@pytest.fixture(scope="module")
def drifting(make_deals, spec, logistic):
    return compute_backtest(make_deals(drift=0.8), spec, logistic, n_boot=BOOT)


def test_steady_deals_show_skill_at_every_cut_and_no_decay(steady):
    assert steady.has_skill
    assert steady.verdict.startswith("evidence of skill")
    assert (steady.cuts["log_loss_skill_low"] > 0).all()
    assert steady.decay.low < 0.002


def test_drifting_deals_show_decay(drifting):
    assert drifting.decay.low > 0
    assert "an older model is worse" in str(drifting)
    oldest = drifting.ageing[drifting.ageing["trained"] == 1]
    assert oldest["loss"].is_monotonic_increasing
    assert (oldest["loss_low"] > 0).all()


def test_skill_falls_over_time_where_deals_drift(drifting):
    skill = drifting.cuts["log_loss_skill"].to_numpy()
    assert skill[-1] < skill[0]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_shuffled_deals_show_no_skill(make_deals, spec, logistic, seed):
    report = compute_backtest(
        make_deals(seed=seed, shuffled=True), spec, logistic, n_cuts=3, n_boot=BOOT
    )
    assert not report.has_skill
    assert report.verdict.startswith("no evidence of skill")
    assert report.warnings[0] == report.verdict


def test_the_metrics_of_a_cut_are_computed_from_its_own_deals(steady):
    rows = steady.predictions[steady.predictions["evaluated"] == 2]
    cut = steady.cuts.iloc[1]
    expected = roc_auc_score(rows["early_churn"], rows["probability"], sample_weight=rows["weight"])
    assert cut["roc_auc"] == pytest.approx(expected)
    assert cut["n_test"] == len(rows)
    assert cut["early_churners"] == rows["early_churn"].sum()
    assert cut["date"] <= rows["closed_on"].min()
    assert cut["until"] == rows["closed_on"].max()


def test_the_combined_metrics_compare_each_cut_with_its_own_training_rate(steady):
    rows = steady.predictions
    expected = log_loss(rows["early_churn"], rows["base_rate"], sample_weight=rows["weight"])
    assert steady.metrics["log_loss"].base == pytest.approx(expected)
    assert rows.groupby("evaluated")["base_rate"].nunique().eq(1).all()
    assert rows["base_rate"].nunique() == len(steady.cuts)


def test_a_learner_is_trained_on_known_data_and_evaluated_on_later_deals(make_deals, spec):
    seen = []

    def fit_predict(train, attributes, split):
        seen.append((train, attributes, split))
        return np.full(len(attributes), 0.2)

    deals = make_deals()
    compute_backtest(deals, spec, fit_predict, n_cuts=3, n_boot=0)
    assert len(seen) == 3
    for train, attributes, split in seen:
        assert train.closed_on.max() < split.date
        assert deals.loc[attributes.index, "closed_on"].min() >= split.date
        assert list(attributes.columns) == ["seats", "noise", "amount"]
        known = deals.loc[train.index]
        churners = known[train.early_churn == 1]
        assert (churners["churned_on"] <= split.date).all()
    assert len(seen[0][1]) > len(seen[1][1]) > len(seen[2][1])


def test_later_deals_are_read_with_the_dates_that_were_known_at_the_cut(make_deals, spec):
    """At the cut a column is text, because too few of its values are dates; later ones all are."""
    deals = make_deals()
    dates = deals["closed_on"] - pd.to_timedelta(30, "D")
    deals["first_contact"] = dates.dt.strftime("%Y-%m-%d").astype(object)
    early = deals["closed_on"].rank(pct=True) < 0.3
    deals.loc[early & (np.arange(len(deals)) % 8 == 0), "first_contact"] = "unknown"
    kinds = []

    def fit_predict(train, attributes, _split):
        kinds.append((train.attributes["first_contact"].dtype, attributes["first_contact"].dtype))
        return np.full(len(attributes), 0.2)

    compute_backtest(deals, spec, fit_predict, n_boot=2)

    assert kinds[0] == (np.dtype(object), np.dtype(object))
    assert all(train == test for train, test in kinds)


def test_ageing_compares_every_older_model_with_the_newest(steady):
    pairs = list(zip(steady.ageing["trained"], steady.ageing["evaluated"], strict=True))
    assert pairs == [(1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4)]
    assert (steady.ageing["months_old"] > 0).all()


def test_the_money_of_all_cuts_is_the_sum_over_the_cuts(steady):
    each, total = steady.money.iloc[:-1], steady.money.iloc[-1]
    assert list(steady.money["cut"]) == [1, 2, 3, 4, "all"]
    for name in ("saved", "cost", "net"):
        assert total[name] == pytest.approx(each[name].sum())
    assert total["net_low"] < total["net"] < total["net_high"]


def test_the_money_is_the_observed_value_of_flagged_deals(steady):
    rows = steady.predictions
    flagged = rows[rows["probability"] > 0.4]
    left = flagged["early_churn"] == 1
    saved = (flagged["weight"] * flagged["amount"])[left].sum()
    cost = 2 * (flagged["weight"] * flagged["amount"])[~left].sum()
    total = steady.money.iloc[-1]
    assert (total["saved"], total["cost"]) == pytest.approx((saved, cost))


def test_flags_without_values_are_counted_without_money(make_deals, spec, logistic):
    report = compute_backtest(make_deals(), spec, logistic, n_cuts=2, flag=flag, n_boot=0)
    assert list(report.money.columns) == ["cut", "share_flagged", "precision", "recall"]


def test_one_cut_has_no_decay_and_without_a_policy_there_is_no_money(make_deals, spec, logistic):
    report = compute_backtest(make_deals(), spec, logistic, n_cuts=1, n_boot=20)
    assert report.decay is None
    assert report.ageing.empty
    assert tuple(report.ageing.columns) == COLUMNS
    assert report.money.empty
    assert "ageing" not in str(report)
    assert "ageing" not in report.figures()


def test_money_uses_each_customers_own_curve_and_the_difference_is_reported(
    make_deals, spec, logistic
):
    once = Money(0.8, 24.0, 3.0, 400.0, 900.0, 60.0, 0.1)
    own = replace(once, own_months=OwnMonths((0.0, 0.3, 1.0), (60.0, 20.0, 6.0), (4.0, 3.0, 1.0)))
    report = compute_backtest(
        make_deals(), spec, logistic, n_cuts=2, flag=flag, money=own, n_boot=0
    )
    rows = report.predictions
    p, amount = rows["probability"].to_numpy(), rows["amount"].to_numpy()
    nets = []
    for months_of in (own, once):
        lines = [months_of.linear(each) for each in p]
        worth = [
            amount[at] * line.leaves_slope - line.leaves_fixed
            if rows["early_churn"].iloc[at]
            else amount[at] * line.stays_slope - line.stays_fixed
            for at, line in enumerate(lines)
        ]
        nets.append(-(np.array(worth) * (p > 0.4) * rows["weight"].to_numpy()).sum())
    total = report.money.iloc[-1]
    assert [total["net"], total["net_one_lifetime"]] == pytest.approx(nets)
    assert nets[0] > nets[1]  # flagged customers would have stayed shorter than the mean
    text = " ".join(str(report).split())  # long lines are wrapped
    assert "with one lifetime for everybody the net would be" in text
    plain = compute_backtest(
        make_deals(), spec, logistic, n_cuts=2, flag=flag, money=once, n_boot=0
    )
    assert plain.money["net"].iloc[-1] == pytest.approx(nets[1])
    assert "net_one_lifetime" not in plain.money
    assert "one lifetime" not in str(plain)


def test_deals_without_an_amount_are_counted(make_deals, spec, logistic):
    deals = make_deals()
    deals["amount"] = deals["amount"].where(deals.index % 2 == 0)
    report = compute_backtest(deals, spec, logistic, n_cuts=1, flag=flag, money=money, n_boot=0)
    evaluated = report.predictions
    assert report.money["without_amount"].iloc[-1] == evaluated["amount"].isna().sum() > 0


def test_flags_are_counted_for_a_contract_without_an_amount(make_deals, logistic):
    roles = {"closed_on": "closed_on", "churned_on": "churned_on", "observed_until": "2026-06-30"}
    report = compute_backtest(
        make_deals(), DealSpec(deals=roles), logistic, n_cuts=1, flag=flag, money=money, n_boot=0
    )
    assert report.money["net"].iloc[-1] == 0
    assert report.money["precision"].iloc[-1] > 0


def test_the_same_deals_and_seed_give_the_same_report(make_deals, spec, logistic, steady):
    again = compute_backtest(make_deals(), spec, logistic, flag=flag, money=money, n_boot=BOOT)
    assert json.dumps(again.to_dict()) == json.dumps(steady.to_dict())


def test_row_labels_of_the_deals_do_not_matter(make_deals, spec, logistic, steady):
    relabelled = make_deals().set_axis(["same"] * 3000)
    again = compute_backtest(relabelled, spec, logistic, n_boot=0)
    assert again.metrics["roc_auc"].value == steady.metrics["roc_auc"].value


def test_a_learner_that_predicts_too_few_deals_is_refused(make_deals, spec):
    with pytest.raises(DealsError, match=r"fit_predict gave values of shape \(3,\) for \d+ deals"):
        compute_backtest(make_deals(), spec, lambda *_: np.ones(3), n_boot=0)


def test_a_learner_that_predicts_values_outside_0_to_1_is_refused(make_deals, spec):
    def fit_predict(_train, asked, _split):
        return np.full(len(asked), 2.0)

    with pytest.raises(DealsError, match="values of probability are wrong"):
        compute_backtest(make_deals(), spec, fit_predict, n_boot=0)


def test_ageing_of_identical_predictions_is_0():
    rows = pd.DataFrame(
        {"evaluated": 2, "early_churn": [1.0, 0.0, 0.0], "probability": [0.5, 0.2, 0.1],
         "weight": 1.0}
    )  # fmt: skip
    twice = pd.concat([rows.assign(trained=1), rows.assign(trained=2)])
    dates = [pd.Timestamp("2025-01-01"), pd.Timestamp("2025-07-01")]
    result = compute_ageing(twice, dates, n_boot=20)
    assert result[["loss", "loss_low", "loss_high"]].to_numpy().tolist() == [[0, 0, 0]]
    assert result["months_old"].iloc[0] == pytest.approx(6, abs=0.1)
    assert compute_decay(twice, n_boot=20).value == 0


def test_the_old_name_of_the_column_evaluated_still_works(steady):
    for table in (steady.predictions, steady.ageing):
        assert table["judged"].tolist() == table["evaluated"].tolist()
    one = steady.predictions[steady.predictions["evaluated"] == 2].drop(columns="judged")
    other = one.assign(trained=1, probability=one["probability"] * 0.9)
    predictions = pd.concat([one, other])
    old = predictions.rename(columns={"evaluated": "judged"})
    dates = list(steady.cuts["date"][:2])
    pd.testing.assert_frame_equal(
        compute_ageing(old, dates, n_boot=5), compute_ageing(predictions, dates, n_boot=5)
    )
    assert compute_decay(old, n_boot=5) == compute_decay(predictions, n_boot=5)


@pytest.fixture(scope="module")
def wide():
    """A learner for any columns: one-hot levels and scaled numbers, logistic regression."""

    def fit_predict(train, attributes, _split):
        from sklearn.compose import make_column_selector, make_column_transformer
        from sklearn.impute import SimpleImputer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        numbers, texts = (
            make_column_selector(dtype_include="number"),
            make_column_selector(dtype_exclude="number"),
        )
        model = make_pipeline(
            make_column_transformer(
                (make_pipeline(SimpleImputer(), StandardScaler()), numbers),
                (OneHotEncoder(handle_unknown="ignore", min_frequency=25), texts),
            ),
            LogisticRegression(C=0.2, max_iter=300),
        )
        weight = {"logisticregression__sample_weight": train.weight}
        model.fit(train.attributes, train.early_churn, **weight)
        return model.predict_proba(attributes)[:, 1]

    return fit_predict


@pytest.mark.slow
def test_simulated_deals_show_skill_and_drifting_ones_decay(wide):
    steady, drifting = (
        compute_backtest(sim.deals, sim.spec, wide, n_cuts=3, n_boot=BOOT)
        for sim in (simulate_deals(4000, seed=3), simulate_deals(4000, seed=3, drift=1.5))
    )
    assert steady.has_skill
    assert drifting.decay.low > max(0, steady.decay.value)


@pytest.mark.slow
def test_simulated_deals_without_signal_show_no_skill(wide):
    sim = simulate_deals(4000, seed=3, signal=0.0, rep_effects=False)
    report = compute_backtest(sim.deals, sim.spec, wide, n_cuts=3, n_boot=BOOT)
    assert not report.has_skill


@pytest.mark.slow
def test_real_policies_show_their_falling_rate(shared_data, wide):
    dates = ["close_date", "churn_date", "exit_date", "observed_until"]
    table = pd.read_csv(shared_data / "us_lapse" / "deals.csv", parse_dates=dates)
    roles = {
        "id": "policy_id",
        "closed_on": "close_date",
        "churned_on": "churn_date",
        "observed_until": "observed_until",
        "exited_on": "exit_date",
    }
    leaks = ("termination.cause", "duration")
    spec = DealSpec(deals=roles, label={"horizon_months": 12}, attributes={"exclude": leaks})
    report = compute_backtest(table, spec, wide, n_cuts=3, n_boot=BOOT)
    # it discriminates, but its level is years old: a model of the level alone is better
    assert report.metrics["roc_auc"].low > 0.5
    assert not report.has_skill
    assert "WORSE than the level alone" in report.verdict
    assert report.cuts["test_rate"].iloc[-1] < 0.5 * report.cuts["train_rate"].iloc[0]
    assert (report.cuts["calibration_intercept_high"] < 0).all()
    assert report.decay.low > 0
