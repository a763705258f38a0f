"""Promotion on evidence, rollback in one step, and always one model in use."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from fitmodel.cli.main import app
from fitmodel.evaluation.comparison import Comparison, compare
from fitmodel.exceptions import BundleError, DealsError, TrackingError
from fitmodel.tracking import promotion
from fitmodel.tracking.connection import connected
from fitmodel.tracking.promotion import PromotionRefusedError, promote, rollback
from fitmodel.tracking.registry import get_alias, list_versions, resolve
from fitmodel.tracking.runs import TrainingMetadata, track

pytestmark = pytest.mark.slow

NAME = "prospect-fit"
BETTER = Comparison(deals=500, gain=0.02, low=0.01, high=0.03)
EQUAL = Comparison(deals=500, gain=0.001, low=-0.01, high=0.012)


def champion() -> int | None:
    return get_alias(NAME, "champion")


def without_skill(metadata: TrainingMetadata) -> TrainingMetadata:
    skill = dataclasses.replace(metadata.report.metrics["log_loss_skill"], low=-0.01)
    metrics = {**metadata.report.metrics, "log_loss_skill": skill}
    return dataclasses.replace(
        metadata, report=dataclasses.replace(metadata.report, metrics=metrics)
    )  # type: ignore[type-var]


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("force", [False, True])
def test_a_missing_version_is_refused_with_the_existing_ones(force: bool) -> None:
    with pytest.raises(PromotionRefusedError, match="no version 10000; there are: 2, 1"):
        promote(NAME, version=10_000, force=force, reason="a trial")
    with pytest.raises(PromotionRefusedError, match="no version 1; there are: none"):
        promote("nobody", version=1, force=force, reason="a trial")
    assert champion() == 1


# --- comparing


def deals(n: int = 2000) -> tuple[Any, Any, Any]:
    generator = np.random.default_rng(0)
    truth = generator.uniform(0.05, 0.95, n)
    outcome = (generator.uniform(size=n) < truth).astype(float)
    noisy = np.clip(truth + generator.normal(0, 0.2, n), 0.01, 0.99)
    return outcome, truth, noisy


def test_a_better_model_has_a_significant_gain_and_a_worse_one_a_loss() -> None:
    outcome, truth, noisy = deals()
    better = compare(outcome, noisy, truth)
    assert 0 < better.low < better.gain < better.high
    assert better.deals == 2000
    worse = compare(outcome, truth, noisy)
    assert (worse.gain, worse.low, worse.high) == pytest.approx(
        (-better.gain, -better.high, -better.low), abs=0.003
    )


def test_the_gain_is_the_difference_of_mean_log_losses() -> None:
    outcome, truth, noisy = deals()

    def log_loss(p: Any) -> float:
        return float(-np.mean(np.log(np.where(outcome == 1, p, 1 - p))))

    assert compare(outcome, noisy, truth).gain == pytest.approx(log_loss(noisy) - log_loss(truth))


def test_a_model_has_no_gain_over_itself() -> None:
    outcome, truth, _ = deals()
    same = compare(outcome, truth, truth)
    assert (same.gain, same.low, same.high) == (0, 0, 0)


def test_deals_of_weight_0_are_ignored() -> None:
    outcome, truth, noisy = deals(400)
    weight = np.r_[np.ones(200), np.zeros(200)]
    half = compare(outcome[:200], noisy[:200], truth[:200])
    assert compare(outcome, noisy, truth, weight).gain == pytest.approx(half.gain)


def test_arrays_that_do_not_match_are_refused() -> None:
    with pytest.raises(DealsError):
        compare([0, 1], [0.5, 0.5], [0.5])


def test_two_equal_models_are_rarely_significantly_different() -> None:
    generator = np.random.default_rng(1)
    result = 0
    for seed in range(60):
        truth = generator.uniform(0.05, 0.95, 300)
        outcome = (generator.uniform(size=300) < truth).astype(float)
        one, other = (np.clip(truth + generator.normal(0, 0.1, 300), 0.01, 0.99) for _ in range(2))
        result += compare(outcome, one, other, n_boot=200, seed=seed).low > 0
    assert result <= 6  # 2.5% are expected: 1.5 of 60


# --- promoting


@pytest.mark.usefixtures("two")
def test_a_challenger_that_beats_the_champion_is_promoted() -> None:
    result = promote(NAME, comparison=BETTER)
    assert (result.version, result.previous, result.forced_because) == (2, 1, None)
    assert champion() == 2
    newest = list_versions(NAME)[0]
    assert newest.tags["fitmodel.previous_champion"] == "1"
    assert newest.tags["fitmodel.gain_over_previous"].startswith("+0.0200 log loss")
    assert "fitmodel.promoted_at" in newest.tags


@pytest.mark.usefixtures("two")
def test_without_evidence_the_champion_is_kept_and_the_reason_is_given() -> None:
    for comparison, why in [
        (None, "was not compared with the champion, version 1"),
        (EQUAL, r"does not beat the champion, version 1, beyond noise: it gains \+0.0010 log loss"),
        (dataclasses.replace(BETTER, low=float("nan")), "does not beat the champion"),
        (dataclasses.replace(BETTER, low=0.0), "does not beat the champion"),
    ]:
        with pytest.raises(PromotionRefusedError, match=f"{why}.*The champion stays"):
            promote(NAME, comparison=comparison)
        assert champion() == 1


@pytest.mark.usefixtures("two")
def test_a_challenger_without_skill_is_refused_for_any_comparison(
    another: Callable[[], TrainingMetadata],
) -> None:
    track(without_skill(another()))
    with pytest.raises(PromotionRefusedError, match="skill against the base rate is not beyond"):
        promote(NAME, comparison=BETTER)
    assert champion() == 1


@pytest.mark.usefixtures("two")
def test_a_challenger_whose_skill_was_not_measured_is_refused(
    another: Callable[[], TrainingMetadata],
) -> None:
    metadata = another()
    track(dataclasses.replace(metadata, report=dataclasses.replace(metadata.report, metrics={})))  # type: ignore[type-var]
    with pytest.raises(PromotionRefusedError, match="no skill measured"):
        promote(NAME, comparison=BETTER)


@pytest.mark.usefixtures("two")
def test_force_promotes_and_records_its_reason() -> None:
    result = promote(NAME, force=True, reason="the champion's leak was found")
    assert result.forced_because == "the champion's leak was found"
    assert champion() == 2
    tags = list_versions(NAME)[0].tags
    assert tags["fitmodel.forced_because"] == "the champion's leak was found"


def test_force_needs_a_reason(mlflow_store: str) -> None:
    for reason in (None, "", "  "):
        with pytest.raises(PromotionRefusedError, match="needs a reason"):
            promote(NAME, force=True, reason=reason, store=mlflow_store)


@pytest.mark.usefixtures("two")
def test_a_named_version_is_promoted_instead_of_the_challenger(
    another: Callable[[], TrainingMetadata],
) -> None:
    track(another())
    assert promote(NAME, version=2, comparison=BETTER).version == 2
    assert champion() == 2


@pytest.mark.usefixtures("two")
def test_promoting_the_champion_changes_nothing() -> None:
    result = promote(NAME, version=1)
    assert (result.version, result.previous) == (1, 1)
    assert "fitmodel.promoted_at" not in list_versions(NAME)[1].tags


@pytest.mark.usefixtures("two")
def test_without_a_champion_skill_is_enough() -> None:
    with connected() as client:
        client.delete_registered_model_alias(NAME, "champion")
    assert promote(NAME).previous is None
    assert champion() == 2


def test_a_first_version_without_skill_becomes_champion_only_by_force(
    another: Callable[[], TrainingMetadata],
) -> None:
    track(without_skill(another()))
    assert (champion(), get_alias(NAME, "challenger")) == (None, 1)
    with pytest.raises(PromotionRefusedError, match="not beyond noise .* No model is in use"):
        promote(NAME)
    track(another())
    assert champion() == 2
    assert promote(NAME, version=1, force=True, reason="to compare").previous == 2


def test_without_a_challenger_there_is_nothing_to_promote(mlflow_store: str) -> None:
    with pytest.raises(TrackingError, match="has no challenger"):
        promote("unknown", store=mlflow_store)


@pytest.mark.usefixtures("two")
def test_the_error_for_a_missing_version_names_it() -> None:
    with pytest.raises(TrackingError, match="99"):
        promote(NAME, version=99, comparison=BETTER)


@pytest.mark.usefixtures("two")
def test_a_damaged_bundle_is_refused_even_with_force() -> None:
    path = resolve(f"models:/{NAME}/2")
    (path / "scorer.json").write_bytes((path / "scorer.json").read_bytes().swapcase())
    with pytest.raises(BundleError, match=r"scorer.json is not the file"):
        promote(NAME, force=True, reason="in a hurry")
    assert champion() == 1


# --- rolling back


@pytest.mark.usefixtures("two")
def test_rollback_is_one_step_back() -> None:
    promote(NAME, comparison=BETTER)
    back = rollback(NAME)
    assert (back.version, back.previous) == (1, 2)
    assert champion() == 1


@pytest.mark.usefixtures("two")
def test_two_rollbacks_are_two_steps_back(another: Callable[[], TrainingMetadata]) -> None:
    promote(NAME, comparison=BETTER)
    track(another())
    promote(NAME, comparison=BETTER)
    assert champion() == 3
    assert rollback(NAME).version == 2
    assert rollback(NAME).version == 1


@pytest.mark.usefixtures("two")
def test_rollbacks_after_promotions_to_and_fro_go_back_in_time_and_then_end() -> None:
    promote(NAME, comparison=BETTER)
    promote(NAME, version=1, force=True, reason="version 2 was wrong")
    assert rollback(NAME).version == 2
    assert rollback(NAME).version == 1
    with pytest.raises(TrackingError, match="version 1 .* was the first champion"):
        rollback(NAME)
    assert champion() == 1


@pytest.mark.usefixtures("two")
def test_rollbacks_undo_every_history_of_promotions_and_rollbacks_step_by_step(
    another: Callable[[], TrainingMetadata],
) -> None:
    track(another())
    generator, in_use = np.random.default_rng(4), [1]
    for _ in range(30):
        if generator.uniform() < 0.35 and len(in_use) > 1:
            in_use.pop()
            rollback(NAME)
        else:
            version = int(generator.integers(1, 4))
            promote(NAME, version=version, force=True, reason="a trial")
            if version != in_use[-1]:
                in_use.append(version)
        assert champion() == in_use[-1]
    assert len(in_use) > len(set(in_use)) + 2  # promoted to and fro
    for expected in reversed(in_use[:-1]):
        assert rollback(NAME).version == expected
    with pytest.raises(TrackingError, match="was the first champion"):
        rollback(NAME)


@pytest.mark.usefixtures("two")
def test_promotions_of_an_older_fitmodel_are_rolled_back_and_never_in_a_circle() -> None:
    promote(NAME, comparison=BETTER)
    promote(NAME, version=1, force=True, reason="version 2 was wrong")
    with connected() as client:
        for version in "12":
            client.delete_model_version_tag(NAME, version, "fitmodel.champions_before")
    assert [rollback(NAME).version, rollback(NAME).version] == [2, 1]
    with pytest.raises(TrackingError, match="was the first champion"):
        rollback(NAME)


@pytest.mark.usefixtures("two")
def test_the_first_champion_cannot_be_rolled_back() -> None:
    with pytest.raises(TrackingError, match="was the first champion"):
        rollback(NAME)
    with pytest.raises(TrackingError, match="has no champion"):
        rollback("unknown")


@pytest.mark.usefixtures("two")
def test_a_rollback_to_a_damaged_bundle_is_refused() -> None:
    promote(NAME, comparison=BETTER)
    (resolve(f"models:/{NAME}/1") / "card.md").unlink()
    with pytest.raises(BundleError, match=r"card.md is missing"):
        rollback(NAME)
    assert champion() == 2


# --- failures


@pytest.mark.parametrize("problem", [OSError("the line is dead"), KeyboardInterrupt()])
def test_after_an_aborted_promotion_one_champion_is_in_use_and_a_repeat_works(
    two: list[TrainingMetadata], monkeypatch: pytest.MonkeyPatch, problem: BaseException
) -> None:
    assert two
    calls = ("get_registered_model", "get_model_version", "get_run", "set_model_version_tag")
    for call in (*calls, "set_registered_model_alias"):
        for at in (1, 2, 3):
            with monkeypatch.context() as patch:
                break_at(patch, call, at, problem)
                try:
                    promote(NAME, comparison=BETTER)
                    broken = False
                except (TrackingError, KeyboardInterrupt):
                    broken = True
            assert champion() == (1 if broken else 2)
            if not broken:
                assert rollback(NAME).version == 1
    assert promote(NAME, comparison=BETTER).version == 2
    assert rollback(NAME).version == 1


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("force", [False, True])
def test_of_two_promotions_at_once_the_second_is_refused_and_a_rollback_too(
    another: Callable[[], TrainingMetadata], monkeypatch: pytest.MonkeyPatch, force: bool
) -> None:
    track(another())
    checked = promotion._checked_bundle

    def another_is_faster(name: str, version: int, store: str | None) -> Any:
        monkeypatch.setattr(promotion, "_checked_bundle", checked)
        promote(NAME, version=2, comparison=BETTER)
        return checked(name, version, store)

    monkeypatch.setattr(promotion, "_checked_bundle", another_is_faster)
    with pytest.raises(PromotionRefusedError, match="was version 1 and now is version 2"):
        promote(NAME, version=3, comparison=BETTER, force=force, reason="a trial")
    assert champion() == 2
    assert "fitmodel.previous_champion" not in list_versions(NAME)[0].tags
    promote(NAME, version=3, comparison=BETTER)

    def rolled_back_already(name: str, version: int, store: str | None) -> Any:
        monkeypatch.setattr(promotion, "_checked_bundle", checked)
        rollback(NAME)
        return checked(name, version, store)

    monkeypatch.setattr(promotion, "_checked_bundle", rolled_back_already)
    with pytest.raises(PromotionRefusedError, match="was version 3 and now is version 2"):
        rollback(NAME)
    assert champion() == 2  # one step back, not two


def break_at(patch: pytest.MonkeyPatch, call: str, at: int, problem: BaseException) -> None:
    from mlflow import MlflowClient

    original, count = getattr(MlflowClient, call), iter(range(1, 1000))

    def breaking(client: Any, *args: Any, **options: Any) -> Any:
        if next(count) == at:
            raise problem
        return original(client, *args, **options)

    patch.setattr(MlflowClient, call, breaking)


# --- command line


def test_the_list_shows_numbers_aliases_and_versions_trained_on_other_machines(
    another: Callable[[], TrainingMetadata], tmp_path: Path
) -> None:
    elsewhere, here = another().bundle_path, another().bundle_path
    for path in (elsewhere, here):
        track(dataclasses.replace(another(), bundle_path=path))
    shutil.rmtree(elsewhere)
    done = CliRunner().invoke(app, ["models", "--models", str(tmp_path / "models")])
    assert done.exit_code == 0, done.output
    assert f"prospect-fit {here.name}  version 2 challenger  made today" in done.output
    assert f"prospect-fit {elsewhere.name}  version 1 champion  in the registry" in done.output


def test_without_the_registry_the_list_has_no_aliases(
    another: Callable[[], TrainingMetadata], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = another().bundle_path.name
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    done = CliRunner().invoke(app, ["models", "list", "--models", str(tmp_path / "models")])
    assert done.exit_code == 0
    assert f"prospect-fit {version}" in done.output
    assert "without the registry's numbers and aliases" in done.output
