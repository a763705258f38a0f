"""A user's own classifier is evaluated and shipped like a scorecard, unpickled only on request."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from typer.testing import CliRunner

from fitmodel.backtesting import backtest
from fitmodel.cli.main import app
from fitmodel.comparing import compare_models
from fitmodel.datasets.simulation import simulate_deals, simulate_prospects
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import view_of
from fitmodel.exceptions import BundleError, ProspectError, SpecError
from fitmodel.learning._other_classifiers import check_estimator
from fitmodel.learning.level import scale_hazard
from fitmodel.learning.own_estimator import check_additivity, learn_own
from fitmodel.loading import load
from fitmodel.retraining import retrain
from fitmodel.tracking.promotion import PromotionRefusedError, promote
from fitmodel.tracking.registry import get_alias
from fitmodel.training import TrainingRun, train

pytestmark = pytest.mark.slow


class DummyOfRows(DummyClassifier):
    """Counts the rows that it predicts."""

    rows = 0

    def predict_proba(self, X):
        """Predict as the parent class does."""
        DummyOfRows.rows += len(X)
        return super().predict_proba(X)


SIMULATION = simulate_deals(1200, seed=11)
PROSPECTS = simulate_prospects(12, seed=2).prospects


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, migrated_store: Path) -> TrainingRun:
    folder = tmp_path_factory.mktemp("own")
    shutil.copy(migrated_store, folder / "mlflow.db")
    spec = SIMULATION.spec.replace(tracking={"uri": f"sqlite:///{folder}/mlflow.db"})
    estimator = LogisticRegression(max_iter=1000, C=0.1)
    return train(SIMULATION.deals, spec, models=folder / "models", estimator=estimator)


@pytest.mark.slow
def test_an_own_estimator_is_evaluated_out_of_time_and_tracked(trained: TrainingRun) -> None:
    assert trained.report.method == "out-of-time"
    assert trained.run_id is not None
    assert trained.report.metrics["roc_auc"].value > 0.6
    assert "estimator of the user's own" in (trained.bundle_path / "card.md").read_text("utf-8")


@pytest.mark.slow
def test_an_own_estimator_is_unpickled_only_on_request(trained: TrainingRun) -> None:
    with pytest.raises(BundleError, match=r"own estimator.*fitmodel.load\(path, unpickle=True\)"):
        load(trained.bundle_path)
    (trained.bundle_path / "estimator.joblib").rename(trained.bundle_path / "away")
    with pytest.raises(BundleError, match="is missing although the manifest lists it"):
        load(trained.bundle_path, unpickle=True)
    (trained.bundle_path / "away").rename(trained.bundle_path / "estimator.joblib")


@pytest.mark.slow
def test_an_own_estimator_is_compared_only_if_unpickling_is_allowed(
    trained: TrainingRun,
) -> None:
    later = simulate_deals(400, seed=3, observed_until="2032-06-30")
    same = (trained.bundle_path, trained.bundle_path, later.deals, later.spec)

    with pytest.raises(BundleError, match="own estimator"):
        compare_models(*same)
    result = compare_models(*same, unpickle=True)
    assert result.better is None
    assert result.flags.changed == 0


@pytest.mark.slow
def test_predictions_have_the_same_columns_without_an_interval(trained: TrainingRun) -> None:
    pytest.importorskip("shap")
    model = load(trained.bundle_path, unpickle=True)
    asked = PROSPECTS.head(4)
    result = model.predict(asked, reasons=2)

    assert list(result.columns) == [
        *("early_churn_probability", "probability_low", "probability_high", "poor_fit", "fit"),
        *("expected_value", "unfamiliar", "reasons", "model_version", "worth", "escalate"),
        *("expected_value_low", "expected_value_high", "own_evidence"),
    ]
    assert result.index.equals(asked.index)
    assert result[["probability_low", "probability_high"]].isna().all(axis=None)
    assert result["early_churn_probability"].between(0, 1).all()
    one = model.predict(asked.iloc[0].to_dict(), reasons=2)
    assert one.early_churn_probability == pytest.approx(result["early_churn_probability"].iloc[0])
    assert [r.attribute for r in one.reasons] == [r.attribute for r in result["reasons"].iloc[0]]
    assert "likely to leave within 5 months (no interval)" in str(one)
    assert one.unfamiliar == result["unfamiliar"].iloc[0] == bool(one.unfamiliar_because)
    assert "such deals left within 5 months" in one.reasons[0].sentence


@pytest.mark.slow
def test_a_list_is_scored_as_each_prospect_and_an_error_names_its_position(
    trained: TrainingRun,
) -> None:
    model = load(trained.bundle_path, unpickle=True)
    rows = PROSPECTS.head(3).to_dict("records")

    assert model.predict([]) == []
    listed = [item.early_churn_probability for item in model.predict(rows, reasons=0)]
    alone = [model.predict(row, reasons=0).early_churn_probability for row in rows]
    assert listed == pytest.approx(alone, rel=1e-12)
    for wrong, message in (
        (5, "prospect 2 of the list is int, not a mapping"),
        (rows[0] | {"seats": "many"}, "prospect 2 of the list: .*\n.*seats: .*'many'"),
        ({"seats": 3}, "prospect 2 of the list: .* are missing"),
    ):
        with pytest.raises(ProspectError, match=message):
            model.predict([*rows[:2], wrong], reasons=0)


@pytest.mark.slow
def test_a_scored_frame_can_be_sent_to_another_process(trained: TrainingRun) -> None:
    pytest.importorskip("shap")
    scored = load(trained.bundle_path, unpickle=True).predict(PROSPECTS, reasons=2)
    copied = pickle.loads(pickle.dumps(scored))  # noqa: S301 - just made
    pd.testing.assert_frame_equal(copied, scored)


@pytest.mark.slow
def test_a_file_is_scored_if_the_command_may_unpickle(trained: TrainingRun, tmp_path) -> None:
    pytest.importorskip("shap")
    table = PROSPECTS.head(12).astype({"seats": object})
    table.loc[table.index[3], "seats"] = "many"
    table.to_csv(tmp_path / "prospects.csv", index=False)
    command = ["score", str(tmp_path / "prospects.csv"), "--model", str(trained.bundle_path),
               "--output", str(tmp_path / "scored.csv"), "--reasons", "1"]  # fmt: skip

    refused = CliRunner().invoke(app, command)
    done = CliRunner().invoke(app, [*command, "--unpickle"])

    assert refused.exit_code == 1
    assert "score --unpickle" in refused.output
    assert done.exit_code == 0, done.output
    scored = pd.read_csv(tmp_path / "scored.csv")
    alone = load(trained.bundle_path, unpickle=True).predict(PROSPECTS.head(12), reasons=1)
    kept = scored["error"].isna().to_numpy()
    assert kept.sum() == 11
    expected = alone["early_churn_probability"].to_numpy()[kept]
    np.testing.assert_allclose(scored["early_churn_probability"][kept], expected, rtol=1e-12)
    sentences = [json.loads(text)[0]["sentence"] for text in scored["reasons"][kept]]
    assert sentences == [row[0].sentence for row in alone["reasons"][kept]]


@pytest.mark.slow
def test_an_own_estimator_becomes_champion_only_by_force(trained: TrainingRun) -> None:
    """`serve`, `brief`, `monitor` and Spark would not load it."""
    store = f"sqlite:///{trained.bundle_path.parents[2]}/mlflow.db"

    assert get_alias("prospect-fit", "champion", store) is None
    with pytest.raises(PromotionRefusedError, match="user's own estimator .*score --unpickle"):
        promote("prospect-fit", store=store)
    done = promote("prospect-fit", force=True, reason="our services load it", store=store)
    assert "serve, brief, monitor and Spark do not load it" in str(done.warning)


@pytest.mark.parametrize(
    "estimator",
    [
        HistGradientBoostingClassifier(max_iter=20, random_state=0),
        make_pipeline(OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
                      HistGradientBoostingClassifier(max_iter=20)),
        "lightgbm",
        RandomForestClassifier(20, min_samples_leaf=10, random_state=0),  # NaN, but no categories
    ],
    ids=["boosting", "pipeline", "lightgbm", "forest"],
)  # fmt: skip
def test_reasons_add_up_for_any_estimator(estimator) -> None:
    pytest.importorskip("shap")
    if estimator == "lightgbm":
        lightgbm = pytest.importorskip("lightgbm")
        estimator = lightgbm.LGBMClassifier(n_estimators=20, n_jobs=1, verbose=-1)
    learned = learn_own(SIMULATION.deals, SIMULATION.spec, estimator)
    asked = learned.training_set.attributes.head(4)
    contributions = learned.estimator.contributions(asked)  # raises if they do not add up

    gaps = learned.estimator.log_odds(asked) - contributions.sum(axis=1)
    np.testing.assert_allclose(gaps, gaps[0], atol=1e-6)


def test_reasons_need_the_same_number_of_predictions_per_row_for_many_rows() -> None:
    pytest.importorskip("shap")
    learned = learn_own(
        SIMULATION.deals,
        SIMULATION.spec,
        make_pipeline(
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), DummyOfRows()
        ),
    )
    own = learned.estimator
    attributes = learned.training_set.attributes

    def rows_asked(n: int) -> int:
        DummyOfRows.rows = 0
        own.contributions(attributes.head(n))
        return DummyOfRows.rows

    assert rows_asked(6) <= 1.05 * 6 * rows_asked(1)


def test_reasons_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ArithmeticError, match=r"reasons of 1 of 2 prospect.s. miss .* up to 0.5"):
        check_additivity(np.zeros(2), np.ones((2, 3)), np.array([3.0, 3.5]))
    with pytest.raises(ArithmeticError, match="1 of 1"):
        check_additivity(np.zeros(1), np.full((1, 2), np.nan), np.array([0.0]))


def test_an_estimator_without_sample_weights_is_refused() -> None:
    with pytest.raises(SpecError, match="KNeighborsClassifier takes no sample_weight"):
        check_estimator(KNeighborsClassifier())
    with pytest.raises(SpecError, match="DataFrame is not a scikit-learn classifier"):
        check_estimator(pd.DataFrame())


@pytest.mark.slow
def test_the_mean_prediction_of_left_out_deals_is_the_current_rate(
    trained: TrainingRun,
) -> None:
    """An estimator may reproduce the outcomes of its training deals."""
    forest = RandomForestClassifier(60, min_samples_leaf=1, random_state=0)
    learned = learn_own(SIMULATION.deals, SIMULATION.spec, forest)
    fresh = view_of(simulate_deals(1500, seed=12).deals, SIMULATION.spec)
    asked = fresh.attributes(learned.training_set.dates).frame
    mean = learned.estimator.predict_proba(asked)[:, 1].mean()
    rate = 1 - view_of(SIMULATION.deals, SIMULATION.spec).survival.at(5.0)
    expected = float(scale_hazard(np.array([rate]), learned.estimator.level_.factor)[0])
    assert learned.scorecard.base_rate == pytest.approx(expected, rel=0.01)
    assert mean == pytest.approx(expected, rel=0.12)
    assert trained.report.level is not None


@pytest.mark.slow
def test_an_own_estimator_is_backtested() -> None:
    knows_nothing = DummyClassifier(strategy="prior")
    report = backtest(SIMULATION.deals, SIMULATION.spec, n_cuts=1, estimator=knows_nothing)
    assert report.metrics["roc_auc"].value == 0.5


@pytest.mark.slow
def test_retraining_gives_a_new_version_only_with_other_settings(
    trained: TrainingRun, tmp_path: Path
) -> None:
    spec = DealSpec.model_validate(trained.model.manifest["spec"])
    promote("prospect-fit", force=True, reason="our services load it", store=spec.tracking.uri)
    same = retrain(
        SIMULATION.deals, spec, models=tmp_path, estimator=LogisticRegression(max_iter=1000, C=0.1)
    )
    assert same.outcome == "nothing new"
    other = retrain(SIMULATION.deals, spec, models=tmp_path, estimator=LogisticRegression(C=1.0))
    assert other.run is not None
    assert other.run.model.manifest["estimator_settings"] == "LogisticRegression()"
