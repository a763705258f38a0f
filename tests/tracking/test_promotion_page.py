"""Promotion on the model page follows the command: on evidence, or by force with a reason."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient

from fitmodel.evaluation.comparison import Comparison
from fitmodel.language.catalogue import LANGUAGES, phrases
from fitmodel.service import _model_routes
from fitmodel.service.app import create_app
from fitmodel.service.settings import Settings, read_people
from fitmodel.tracking._evidence import PromotionRefusedError, check_evidence
from fitmodel.tracking.promotion import BECAUSE_TAG, BY_TAG, FORCED_TAG, look_ahead, promote
from fitmodel.tracking.registry import get_alias, list_versions

pytestmark = pytest.mark.slow

NAME = "prospect-fit"
BETTER = Comparison(deals=500, gain=0.02, low=0.01, high=0.03)
STILL = Settings(reload_seconds=0)


@pytest.mark.usefixtures("two")
def test_look_ahead_changes_nothing_and_returns_the_result_of_promote() -> None:
    ahead = look_ahead(NAME)
    assert (ahead.champion, ahead.version) == (1, 2)
    assert ahead.refusal is not None
    assert "not compared with the champion" in ahead.refusal
    assert get_alias(NAME, "champion") == 1
    promote(NAME, comparison=BETTER, reason="better since May", by="Kim")
    tags = list_versions(NAME)[0].tags
    assert (tags[BECAUSE_TAG], tags[BY_TAG], FORCED_TAG in tags) == (
        "better since May",
        "Kim",
        False,
    )
    assert look_ahead(NAME).version is None  # the newest is in use


@pytest.mark.usefixtures("two")
def test_without_evidence_a_promotion_is_refused_unless_it_is_forced_with_a_reason() -> None:
    with TestClient(create_app(f"models:/{NAME}@champion", STILL)) as service:
        answer = service.get("/v1/model/versions").json()
        assert (answer["champion"], answer["challenger"]) == (1, 2)
        assert {"label", "champion", "challenger"} <= set(answer["rows"][0])
        chinese = service.get("/v1/model/versions?language=zh").json()
        assert re.search("[\u4e00-\u9fff]", chinese["refusal_words"])
        assert "版本 1" in chinese["refusal_words"]
        assert "fitmodel promote" not in answer["refusal_words"]  # the page has a box to tick
        rule = {side: chinese["rows"][-1][side] for side in ("champion", "challenger")}
        assert all(re.search("[\u4e00-\u9fff]", text) for text in rule.values())
        wanted = {"version": 2, "reason": "the market has changed", "by": "Kim"}
        refused = service.post("/v1/model/promotion", json=wanted)
        assert refused.status_code == 409
        assert refused.json()["detail"] == answer["refusal"]
        assert get_alias(NAME, "champion") == 1
        for lacking in ("reason", "by"):
            less = {key: value for key, value in wanted.items() if key != lacking}
            assert service.post("/v1/model/promotion", json=less | {"force": True}).is_client_error
        assert service.post("/v1/model/promotion", json=wanted | {"reason": " "}).is_client_error
        before = answer["in_use"]
        done = service.post("/v1/model/promotion", json=wanted | {"force": True}).json()
        assert (done["version"], done["previous"]) == (2, 1)
        assert done["in_use"] != before  # without a restart
        assert service.get("/v1/model").json()["version"] == done["in_use"]
        assert service.get("/v1/model/versions").json()["challenger"] is None
    tags = list_versions(NAME)[0].tags
    assert (tags[FORCED_TAG], tags[BY_TAG]) == ("the market has changed", "Kim")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_has_a_text_in_both_languages(language) -> None:
    result = SimpleNamespace(run_id="1", version=2, name=NAME)

    def client(skill: float | None) -> SimpleNamespace:
        metrics = {} if skill is None else {"log_loss_skill.low": skill}
        run = SimpleNamespace(data=SimpleNamespace(metrics=metrics))
        return SimpleNamespace(get_run=lambda _run: run)

    worse = dataclasses.replace(BETTER, objections=("it is off",))
    cases = {
        "unmeasured": (None, BETTER),
        "no_skill": (-0.1, BETTER),
        "not_compared": (0.1, None),
        "objections": (0.1, worse),
        "not_better": (0.1, dataclasses.replace(BETTER, low=-0.01)),
        "worse": (0.1, dataclasses.replace(BETTER, gain=-0.02, low=-0.03, high=-0.01)),
    }
    for kind, (skill, comparison) in cases.items():
        with pytest.raises(PromotionRefusedError) as refused:
            check_evidence(client(skill), result, 1, comparison, unless_worse=kind == "worse")
        assert refused.value.kind == kind
        text = phrases(language, "desk")(f"refused_{kind}", **refused.value.values)
        assert bool(re.search("[\u4e00-\u9fff]", text)) is (language == "zh")
        assert ("it is off" in text) == (kind == "objections")


@pytest.mark.usefixtures("two")
def test_a_rep_sees_both_models_and_cannot_promote(tmp_path) -> None:
    digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("kim", "ann")}
    people = tmp_path / "people.toml"
    people.write_text(
        f'[kim]\nrole = "rep"\nrep = "Rep 01"\ntoken_sha256 = "{digests["kim"]}"\n'
        f'[ann]\nrole = "manager"\ntoken_sha256 = "{digests["ann"]}"\n'
    )
    limits = dataclasses.replace(STILL, people=read_people(people))
    wanted = {"version": 2, "reason": "mine", "force": True, "by": "ann"}
    with TestClient(create_app(f"models:/{NAME}@champion", limits)) as service:
        as_kim = {"authorization": "Bearer kim"}
        assert service.get("/v1/model/versions", headers=as_kim).json()["challenger"] == 2
        refused = service.post("/v1/model/promotion", json=wanted, headers=as_kim)
        assert refused.status_code == 403
        assert get_alias(NAME, "champion") == 1
        as_ann = {"authorization": "Bearer ann"}
        assert service.post("/v1/model/promotion", json=wanted, headers=as_ann).status_code == 200


def test_without_a_registry_the_page_explains_how_to_set_one_up(
    bundle, tmp_path, monkeypatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    with TestClient(create_app(bundle.parent, STILL)) as service:
        answer = service.get("/v1/model/versions").json()
    assert "MLFLOW_TRACKING_URI" in answer["problem"]
    assert not (tmp_path / "mlflow.db").exists()  # the request created none


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_group_in_a_refusal_has_the_label_of_its_attribute(language, monkeypatch) -> None:
    app = create_app(f"models:/{NAME}@champion", STILL)
    model = app.state.holder.model
    name = model.attributes[0]
    label = model.scorer.wording.in_language(language).label(name)
    problems = f"it is worse for {name} = x: +0.0115 log loss on 102 deals"
    refused = PromotionRefusedError("not promoted", "objections", problems=problems)
    outlook = dataclasses.replace(look_ahead(NAME), refused=refused)
    monkeypatch.setattr(_model_routes, "look_ahead", lambda *_given, **_options: outlook)
    with TestClient(app) as service:
        words = service.get(f"/v1/model/versions?language={language}").json()["refusal_words"]

    assert label != name
    assert f"{label} = x" in words
    assert f"{name} = x" not in words
