"""An edit gives a new version with a reason; the old model is kept, and both are evaluated."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fitmodel.bundle.store import write_bundle
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.decision.policy import Policy
from fitmodel.editing import edit_table, edits_of
from fitmodel.evaluation.re_evaluation import OPTIMISM_NOTE, re_evaluate
from fitmodel.exceptions import EditError
from fitmodel.learning.editing import SetEffect
from fitmodel.loading import load
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import Scorer
from fitmodel.tracking.registry import list_versions

SIMULATION = simulate_deals(1500, seed=5)


@pytest.fixture
def model(tmp_path, learned_scorecard) -> FitModel:
    scorer = Scorer(learned_scorecard, Policy("threshold", 0.3, None, ""), None, "closed_on", "")
    files = {"scorer.json": scorer.to_json(), "card.md": b"# Card\n\n## Intended use\n\nGood.\n"}
    metadata = {
        "spec": SIMULATION.spec.to_dict(),
        "comparison": {"gain": 1},
        "metrics": {"roc_auc": 0.7},
    }
    return load(write_bundle(tmp_path / "models", "fit", files=files, manifest=metadata))


@pytest.fixture(scope="module")
def learned_scorecard(learned_on):
    return learned_on(1500, seed=5).scorecard


def test_an_edit_gives_a_new_version_and_keeps_the_old_one(model):
    done = edit_table(model, "industry", level="media", effect=0.2, reason="a | campaign", by="Kim")
    record = edits_of(done.model)[0]

    assert load(model.path.parent).version == model.version  # the model in use is unchanged
    assert done.model.manifest["edited_from"] == model.version
    assert record == json.loads(json.dumps(done.edit))
    assert (record["by"], record["reason"]) == ("Kim", "a | campaign")
    assert record["rows"][0]["value"] == "media"
    assert record["rows"][0]["after"] == 0.2
    assert "comparison" not in done.model.manifest
    card = (done.bundle_path / "card.md").read_text(encoding="utf-8")
    assert "## Edited by hand" in card
    assert "because: a \\| campaign" in card
    assert card.endswith("## Intended use\n\nGood.\n")


def test_an_edited_model_scores_by_its_table_and_its_reasons_agree(model):
    done = edit_table(model, "industry", level="media", effect=0.2, reason="why", by="Kim")
    prospect = SIMULATION.deals.iloc[0].to_dict() | {"industry": "media"}
    reasons = done.model.predict(prospect, reasons=99).reasons

    assert [each.contribution for each in reasons if each.attribute == "industry"] == [0.2]
    frame = SIMULATION.deals.head(50)
    one = [done.model.predict(row, reasons=0) for row in frame.to_dict("records")]
    many = done.model.predict(frame, reasons=0)["early_churn_probability"]
    np.testing.assert_allclose([each.early_churn_probability for each in one], many, atol=1e-12)


def test_a_second_edit_keeps_the_first_one_and_can_be_put_in_use(model):
    first = edit_table(model, "industry", level="media", effect=0.2, reason="one", by="Kim")
    second = edit_table(first.model, "seats", smooth="10:60", reason="two", by="Ann", use=True)

    assert [edit["reason"] for edit in edits_of(second.model)] == ["one", "two"]
    assert load(model.path.parent).version == second.model.version
    card = (second.bundle_path / "card.md").read_text(encoding="utf-8")
    assert card.count("## Edited by hand") == 1
    assert card.index("because: one") < card.index("because: two")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"reason": "  ", "level": "media", "effect": 0.1}, "needs a reason"),
        ({"reason": "r"}, "nothing was asked for"),
        ({"reason": "r", "smooth": "1:2", "cap": 1.0}, "smooth, cap was asked for"),
        ({"reason": "r", "effect": 0.1}, "whose effect"),
        ({"reason": "r", "level": "medja", "effect": 0.1}, "did you mean 'media'"),
        ({"reason": "r", "level": "media", "smooth": "1:2"}, "does not go with a level"),
        ({"reason": "r", "smooth": "1:2"}, "is a category"),
        ({"reason": "r", "drop_pair_with": "region"}, "no pair of 'industry' and 'region'"),
    ],
)
def test_a_refused_edit_leaves_no_files(model, asked, message):
    with pytest.raises(EditError, match=message):
        edit_table(model, "industry", by="Kim", **asked)
    assert len([path for path in model.path.parent.iterdir() if path.is_dir()]) == 1


@pytest.mark.slow
def test_an_edit_that_contradicts_the_truth_is_worse_on_later_deals(model):
    # small customers leave far more often in the simulation: an opposite edit must be worse
    done = edit_table(
        model, "segment", level="smb", effect=-3.0, reason="wishful", by="Kim",
        deals=SIMULATION.deals,
    )  # fmt: skip
    evaluated = done.re_evaluation

    assert evaluated.method == "out-of-time"
    assert evaluated.verdict == "worse"
    assert evaluated.difference.low > 0
    assert 0 < evaluated.n_touched < evaluated.n_deals
    gap = evaluated.after["log_loss"].value - evaluated.before["log_loss"].value
    assert gap == pytest.approx(evaluated.difference.value)
    assert OPTIMISM_NOTE in str(evaluated)
    assert done.model.manifest["metrics"]["log_loss"] == evaluated.after["log_loss"].value
    assert done.edit["evaluation"]["verdict"] == "worse"


@pytest.mark.slow
def test_without_dates_an_edit_is_evaluated_by_cross_validation(quick_learner):
    deals, end = SIMULATION.deals, np.datetime64("2026-06-30")
    months = (deals["churned_on"].fillna(end) - deals["closed_on"]).dt.days / 30.4
    used = ["industry", "segment", "seats", "lead_source"]
    table = deals[used].assign(months=months.round(1), left=deals["churned_on"].notna())
    spec = DealSpec(deals={"tenure_months": "months", "churned": "left"}, learning=quick_learner)
    evaluated = re_evaluate(table, spec, SetEffect("segment", "smb", -3.0))

    known = (table["months"] >= 5) | table["left"]
    assert evaluated.method == "cross-validation"
    assert evaluated.split_date is None
    assert evaluated.n_deals == known.sum()
    assert evaluated.n_touched == (known & (table["segment"] == "smb")).sum()
    assert evaluated.verdict == "worse"
    assert "no order in time is known" in str(evaluated)


@pytest.mark.slow
def test_an_edit_that_affects_no_evaluated_deal_has_no_verdict():
    edit = SetEffect("industry", "never seen before", 1.0)
    evaluated = re_evaluate(SIMULATION.deals, SIMULATION.spec, edit)

    assert evaluated.verdict == "nothing to evaluate"
    assert "moves the probability of none" in str(evaluated)


@pytest.fixture
def tracked(tmp_path, learned_scorecard):
    """Return a function that edits a model tracked in a store and returns the edit."""

    def edited(store: str):
        scorer = Scorer(
            learned_scorecard, Policy("threshold", 0.3, None, ""), None, "closed_on", ""
        )
        spec = SIMULATION.spec.replace(tracking={"uri": store})
        metadata = {"spec": spec.to_dict(), "metrics": {"roc_auc": 0.7}, "run_id": "a" * 32}
        files = {"scorer.json": scorer.to_json()}
        path = write_bundle(tmp_path / "models", "fit", files=files, manifest=metadata)
        return edit_table(path, "industry", level="media", effect=0.2, reason="a fair", by="Kim")

    return edited


@pytest.mark.slow
def test_an_edit_of_a_tracked_model_is_registered_with_its_reason_as_a_tag(tracked, mlflow_store):
    done = tracked(mlflow_store)
    (version,) = list_versions("prospect-fit", mlflow_store)
    assert done.tracked.registry_version == version.version
    assert version.run_id == done.tracked.run_id
    assert version.aliases == ()
    assert version.bundle_version == done.bundle_path.name
    assert version.tags["fitmodel.edit.reason"] == "a fair"
    assert version.tags["fitmodel.edit.by"] == "Kim"
    assert version.metrics == {}  # not evaluated: the old metrics do not apply to the edited model


@pytest.mark.slow
def test_without_the_store_the_edited_version_is_complete(tracked, tmp_path):
    done = tracked(f"sqlite:///{tmp_path}/absent/mlflow.db")
    assert done.tracked.run_id is None
    assert "the edit was not registered" in done.tracked.warning
    assert edits_of(load(done.bundle_path))[0]["reason"] == "a fair"
