"""The quiz over HTTP: outcomes are hidden until the answer, and answers are stored."""

from __future__ import annotations

import hashlib
import json

import pytest
from fastapi.testclient import TestClient

from fitmodel.monitoring.log import DecisionLog
from fitmodel.service.app import create_app
from fitmodel.service.settings import Settings, read_people

pytestmark = pytest.mark.slow
QUIZ, ANSWERS, SCORES = "/v1/quiz", "/v1/quiz/answers", "/v1/quiz/scores"


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("kim", "ann")}
    path = tmp_path_factory.mktemp("people") / "people.toml"
    path.write_text(
        f'[kim]\nrole = "rep"\nrep = "Rep 01"\ntoken_sha256 = "{digests["kim"]}"\n'
        f'[ann]\nrole = "manager"\ntoken_sha256 = "{digests["ann"]}"\n'
    )
    return read_people(path)


@pytest.fixture(scope="module")
def served(shop, simulation, people, tmp_path_factory):
    folder = tmp_path_factory.mktemp("quiz")
    simulation.deals.to_csv(folder / "deals.csv", index=False)
    app = create_app(
        shop.path,
        Settings(reload_seconds=0, people=people),
        log=DecisionLog(folder / "log.db"),
        deals=folder / "deals.csv",
    )
    with TestClient(app, raise_server_exceptions=False) as ready:
        assert ready.app.state.pages.retrospective.wait("").value is not None
        yield ready


def as_(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {name}"}


def asked(served, name: str, **params) -> dict:
    return served.get(QUIZ, headers=as_(name), params=params).json()


def answered(served, name: str, quiz: str, guesses):
    given = {"quiz": quiz, "guesses": guesses}
    return served.post(ANSWERS, headers=as_(name), json=given)


def test_a_question_contains_only_what_was_known_at_signing_and_no_names(
    served, simulation
) -> None:
    made = asked(served, "kim", seed=1)
    assert (made["state"], len(made["questions"])) == ("ready", 10)
    assert 0 < made["level"] < 1
    text = json.dumps(made["questions"])
    names = {attribute["name"] for attribute in made["questions"][0]["attributes"]}
    assert all(each["facts"] == each["attributes"] for each in made["questions"])  # until 1.0
    assert {"Seat licences", "Segment"} <= names
    assert not names & {"deal id", "rep", "team", "churned on"}
    assert not [rep for rep in simulation.deals["rep"].unique() if rep in text]
    assert not [deal for deal in simulation.deals["deal_id"] if deal in text]


def test_answers_are_stored_once_and_their_deals_are_not_asked_again(served) -> None:
    made = asked(served, "ann", seed=1)
    first = answered(served, "ann", made["quiz"], {"whoever": [0.2] * 10}).json()
    again = answered(served, "ann", made["quiz"], {"ann": [0.9] * 10}).json()
    assert first["answers"] == again["answers"]
    assert first["kept"]
    outcome = [answer["left_early"] for answer in first["answers"]]
    assert 2 <= sum(outcome) <= 8
    expected = sum((0.2 - left) ** 2 for left in outcome) / 10
    # under the name that the service knows
    assert first["brier"]["people"]["ann"] == pytest.approx(expected)
    (score,) = served.get(SCORES, headers=as_("ann")).json()["scores"]
    assert (score["person"], score["questions"]) == ("ann", 10)
    assert score["brier"] == pytest.approx(expected)  # the first answer
    deals = {answer["deal"] for answer in first["answers"]}
    other = asked(served, "ann", seed=1)
    later = answered(served, "ann", other["quiz"], {"ann": [0.5] * 10}).json()
    assert not deals & {answer["deal"] for answer in later["answers"]}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_quiz_result_and_scores_conform_to_openapi(served, holds, language) -> None:
    params = {"seed": 7, "language": language}
    made = holds(served, served.get(QUIZ, headers=as_("ann"), params=params), QUIZ)
    holds(served, answered(served, "ann", made["quiz"], {"ann": [0.4] * 10}), ANSWERS)
    holds(served, served.get(SCORES, headers=as_("ann")), SCORES)


def test_a_rep_sees_no_deal_ids_and_only_own_scores(served) -> None:
    made = asked(served, "kim", seed=3)
    body = answered(served, "kim", made["quiz"], {"kim": [0.3] * 10}).json()
    assert {answer["deal"] for answer in body["answers"]} == {None}
    assert {row["person"] for row in body["scores"]} == {"kim"}
    another = asked(served, "ann", seed=9)
    assert answered(served, "ann", another["quiz"], {"ann": [0.2] * 10}).status_code == 200
    everybody = served.get(SCORES, headers=as_("ann")).json()["scores"]
    assert {"kim", "ann"} <= {row["person"] for row in everybody}


@pytest.mark.parametrize(
    ("change", "guesses", "status"),
    [
        (lambda name: name, [0.5] * 9, 422),
        (lambda name: name, [0.5] * 9 + [1.5], 422),
        (lambda _: "yesterday's", [0.5] * 10, 422),
        (lambda name: name[:-8] + "0" * 8, [0.5] * 10, 409),
    ],
)
def test_an_invalid_answer_to_a_quiz_is_refused(served, change, guesses, status) -> None:
    made = asked(served, "ann", seed=5)
    refused = answered(served, "ann", change(made["quiz"]), {"ann": guesses})
    assert refused.status_code == status
    assert refused.json()["detail"]


def test_without_past_deals_there_is_no_quiz(client) -> None:
    assert client.get(QUIZ).status_code == 404
    assert client.get(SCORES).json() == {"scores": [], "practice": []}
