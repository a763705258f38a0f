"""A rep sees only own deals and totals in every response."""

from __future__ import annotations

import hashlib
import json

import pytest
from fastapi.testclient import TestClient

from fitmodel.exceptions import SpecError
from fitmodel.monitoring.log import DecisionLog
from fitmodel.service._pipeline import Pipeline
from fitmodel.service.app import create_app
from fitmodel.service.settings import Person, Settings, read_people

SERVICE, HEADER = "of the service", "x-forwarded-user"
SAME = f"[{{name}}]\nrole = 'manager'\ntoken_sha256 = '{'a' * 64}'\n"
TOKENS = {"kim": "token of kim", "ann": "token of ann"}


def written(path, reps) -> None:
    digests = {name: hashlib.sha256(token.encode()).hexdigest() for name, token in TOKENS.items()}
    path.write_text(
        f'[kim]\nrole = "rep"\nrep = "{reps[0]}"\ntoken_sha256 = "{digests["kim"]}"\n'
        f'[ann]\nrole = "manager"\ntoken_sha256 = "{digests["ann"]}"\n'
        f'["lee@example.com"]\nrole = "rep"\nrep = "{reps[1]}"\n'
    )


@pytest.fixture(scope="module")
def reps(prospects) -> list[str]:
    return list(prospects["rep"].value_counts().index[:2])


@pytest.fixture(scope="module")
def people(reps, tmp_path_factory):
    path = tmp_path_factory.mktemp("people") / "people.toml"
    written(path, reps)
    return read_people(path)


@pytest.fixture(scope="module")
def served(shop, simulation, prospects, people, tmp_path_factory):
    folder = tmp_path_factory.mktemp("app")
    prospects.to_csv(folder / "prospects.csv", index=False)
    simulation.deals.to_csv(folder / "deals.csv", index=False)
    app = create_app(
        shop.path,
        Settings(reload_seconds=0, token=SERVICE, people=people, user_header=HEADER),
        log=DecisionLog(folder / "log.db"),
        pipeline=folder / "prospects.csv",
        deals=folder / "deals.csv",
    )
    with TestClient(app, raise_server_exceptions=False) as ready:
        yield ready


def as_(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {TOKENS[name]}"}


def by_proxy(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {SERVICE}", HEADER: name}


def ids(answer) -> set[str]:
    return {line.split(",")[0] for line in answer.text.splitlines()[1:]}


def decisions(served, who, **asked) -> dict:
    """The latest decision by prospect, as returned to a person."""
    answer = served.get("/v1/pipeline/rows", params=asked, headers=who)
    return {row["id"]: row["decision"] for row in answer.json()["rows"]}


@pytest.fixture(scope="module")
def sent(prospects):
    """Return prospects as sent for assessment, by id."""

    def rows(wanted: list[str]) -> list[dict]:
        given = json.loads(prospects.to_json(orient="records", date_format="iso"))
        given = [row for row in given if row["deal_id"] in wanted]
        for row in given:
            row |= {name: str(row[name])[:10] for name in row if name.endswith("_on") and row[name]}
        return given

    return rows


def test_a_person_is_identified_by_own_token_or_proxy_header(served, reps) -> None:
    assert served.get("/v1/me", headers=as_("kim")).json() == {
        "name": "kim",
        "role": "rep",
        "rep": reps[0],
    }
    assert served.get("/v1/me", headers=as_("ann")).json()["role"] == "manager"
    lee = served.get("/v1/me", headers=by_proxy("lee@example.com")).json()
    assert (lee["role"], lee["rep"]) == ("rep", reps[1])


def test_a_header_without_the_service_token_does_not_change_the_person(served) -> None:
    assert served.get("/v1/me", headers={HEADER: "ann"}).status_code == 401
    answer = served.get("/v1/me", headers=as_("kim") | {HEADER: "ann"}).json()
    assert answer["name"] == "kim"
    assert served.get("/v1/me", headers=by_proxy("eve")).status_code == 403
    twice = [("authorization", f"Bearer {SERVICE}"), (HEADER, "ann"), (HEADER, "kim")]
    assert served.get("/v1/me", headers=twice).status_code == 400
    assert served.get("/v1/me", headers={"authorization": "Bearer nobody's"}).status_code == 401


def test_a_rep_sees_own_prospects_and_a_manager_all(served, prospects, reps) -> None:
    own = set(prospects.loc[prospects["rep"] == reps[0], "deal_id"])
    assert 0 < len(own) < len(prospects)
    assert ids(served.get("/v1/pipeline", headers=as_("kim"))) == own
    assert ids(served.get("/v1/pipeline", headers=as_("ann"))) == set(prospects["deal_id"])
    rows = served.get("/v1/pipeline/rows", headers=as_("kim")).json()["rows"]
    assert {row["id"] for row in rows} == own
    theirs = next(name for name in prospects["deal_id"] if name not in own)
    for path in ("/v1/pipeline/row", "/v1/pipeline/timeline"):
        assert served.get(path, params={"key": theirs}, headers=as_("kim")).status_code == 404
    asked = {"key": theirs}
    assert served.get("/v1/pipeline/row", params=asked, headers=as_("ann")).json()["id"] == theirs


@pytest.mark.parametrize(
    ("file", "separator"), [("in.csv", ","), ("in.csv", ";"), ("in.tsv", "\t")]
)
def test_titles_above_the_table_hide_no_deal_from_its_rep(
    prospects, people, tmp_path, file, separator
) -> None:
    table = prospects.to_csv(index=False, sep=separator)
    (tmp_path / file).write_text(f"Open deals, by rep; of today\n\n{table}")
    pipeline, kim = Pipeline(tmp_path / file, Settings()), people.by_name["kim"]
    own = prospects[[kim.may_see(rep) for rep in prospects["rep"]]]
    assert pipeline.ids_of(kim, "deal_id", "rep") == set(own["deal_id"])
    assert pipeline.values_of("rep") == set(prospects["rep"])
    assert pipeline.read_for(kim, "rep").decode() == own.to_csv(index=False, sep=separator)


def test_no_response_to_a_rep_contains_another_rep_or_its_deals(
    served, prospects, simulation, reps
) -> None:
    foreign = [name for name in simulation.deals["rep"].unique() if name != reps[0]]
    hidden = prospects.loc[prospects["rep"] != reps[0], "deal_id"]
    paths = served.get("/openapi.json", headers=as_("ann")).json()["paths"]
    asked = [path for path, methods in paths.items() if "get" in methods and "{" not in path]
    assert {"/v1/pipeline", "/v1/team", "/v1/decisions", "/v1/watch"} <= set(asked)
    for path in asked:
        text = served.get(path, headers=as_("kim"), params={"id": "D"}).text
        assert not [name for name in foreign if f'"{name}"' in text or f",{name}," in text], path
        assert not [name for name in hidden if name in text], path


def test_a_brief_for_a_rep_counts_similar_deals_and_lists_none(served, simulation) -> None:
    row = json.loads(simulation.deals.iloc[[0]].to_json(orient="records", date_format="iso"))[0]
    dates = {name: str(row[name])[:10] for name in row if name.endswith("_on") and row[name]}
    row |= dates
    seen = served.post("/v1/brief", json=row, headers=as_("ann")).json()["similar"]
    answer = served.post("/v1/brief", json=row, headers=as_("kim")).json()["similar"]
    assert len(seen["rows"]) > 0
    assert answer["rows"] == []
    assert answer["notes"] == seen["notes"]
    page = served.post("/v1/brief?form=html", json=row, headers=as_("kim")).text
    assert not [cells[0] for cells in seen["rows"] if cells[0] in page]


def test_a_rep_decides_only_on_own_deals_and_under_the_own_name(
    served, sent, prospects, reps
) -> None:
    mine = prospects.loc[prospects["rep"] == reps[0], "deal_id"].iloc[0]
    other = prospects.loc[prospects["rep"] != reps[0], "deal_id"].iloc[0]
    wanted = sent([mine, other])
    assert served.post("/v1/assessments", json=wanted, headers=as_("ann")).status_code == 200
    given = {"id": other, "action": "declined", "by": "ann"}
    refused = served.post("/v1/decisions", json=given, headers=as_("kim"))
    unknown = served.post("/v1/decisions", json=given | {"id": "D-?"}, headers=as_("kim"))
    assert refused.status_code == unknown.status_code == 404
    assert refused.json() == unknown.json()
    assert served.get(f"/v1/decisions?id={other}", headers=as_("kim")).status_code == 404
    done = served.post("/v1/decisions", json=given | {"id": mine}, headers=as_("kim"))
    assert done.status_code == 201
    (event,) = [
        event
        for event in served.get(f"/v1/decisions?id={mine}", headers=as_("kim")).json()["events"]
        if event["kind"] == "declined"
    ]
    assert event["by"] == "kim"


def test_the_list_has_the_latest_decisions_and_for_a_rep_only_own_ones(
    served, sent, prospects, reps
) -> None:
    own = list(prospects.loc[prospects["rep"] == reps[0], "deal_id"])
    mine, other = own[-1], prospects.loc[prospects["rep"] == reps[1], "deal_id"].iloc[-1]
    assert served.post("/v1/assessments", json=sent([mine, other]), headers=as_("ann")).is_success
    asked = {"id": mine, "by": "somebody else"}
    assert served.post("/v1/questions", json=asked, headers=as_("kim")).is_success
    lee = by_proxy("lee@example.com")
    assert served.post("/v1/questions", json={"id": other}, headers=lee).is_success
    seen = decisions(served, as_("ann"))
    assert {
        name: (decision["kind"], decision["by"]) for name, decision in seen.items() if decision
    }.items() >= {
        (mine, ("asked", "kim")),
        (other, ("asked", "lee@example.com")),
    }
    own_decisions = decisions(served, as_("kim"))
    assert own_decisions == {
        name: seen[name] for name in own
    }  # the own deals, with the fields that a manager sees
    text = served.get("/v1/pipeline/rows", headers=as_("kim")).text
    assert "lee@example.com" not in text
    answer = served.get("/v1/pipeline/row", params={"key": other}, headers=as_("kim"))
    assert answer.status_code == 404


def test_the_list_is_updated_after_a_decision_and_its_undoing(
    served, sent, prospects, reps, holds
) -> None:
    deal = prospects.loc[prospects["rep"] == reps[0], "deal_id"].iloc[-2]
    served.post("/v1/assessments", json=sent([deal]), headers=as_("ann"))

    def kinds() -> set[str]:
        """All fields shown to everybody in every form of the response."""
        result = [
            decisions(served, as_(who), **form)[deal]
            for who in TOKENS
            for form in ({}, {"full": True}, {"language": "zh"})
        ]
        one = served.get("/v1/pipeline/row", params={"key": deal}, headers=as_("kim"))
        result.append(holds(served, one, "/v1/pipeline/row")["decision"])
        return {"" if decision is None else decision["kind"] for decision in result}

    assert kinds() == {""}
    served.post("/v1/questions", json={"id": deal}, headers=as_("kim"))
    assert kinds() == {"asked"}
    given = {"id": deal, "action": "declined", "by": "ann"}
    assert served.post("/v1/decisions", json=given, headers=as_("ann")).is_success
    assert kinds() == {"declined"}
    number = served.get(f"/v1/decisions?id={deal}", headers=as_("ann")).json()["standing"]
    undo = {"id": deal, "number": number}
    assert served.post("/v1/decisions/undo", json=undo, headers=as_("ann")).is_success
    assert kinds() == {"asked"}  # the question is open again


@pytest.mark.slow
def test_the_team_page_of_a_rep_has_only_the_own_row_and_totals(
    served, simulation, reps, holds
) -> None:
    pages = served.app.state.pages
    assert pages.team.wait("en").value is not None
    parts = {
        name: holds(served, served.get("/v1/team", headers=as_(name)), "/v1/team")
        for name in ("kim", "ann")
    }
    assert parts["kim"]["state"] == parts["ann"]["state"] == "ready"
    foreign = [name for name in simulation.deals["rep"].unique() if name != reps[0]]
    text = {name: json.dumps(page) for name, page in parts.items()}
    assert not [name for name in foreign if name in text["kim"]]
    assert all(name in text["ann"] for name in foreign)
    assert reps[0] in text["kim"]
    assert parts["kim"]["basis"] == parts["ann"]["basis"]
    again = served.get("/v1/team", headers=as_("ann")).json()
    assert again == parts["ann"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names nobody"),
        ("[kim]\nrole = 'boss'", "rep.*manager"),
        ("[kim]\nrole = 'rep'", "the name as the deals have it"),
        ("[kim]\nrole = 'manager'\nteam = 'A'", "no key 'team'; known are 'rep', 'role', 'token"),
        ("[kim]\nrole = 'manager'\ntoken = 'A'", "no key 'token'; did you mean 'token_sha256'"),
        ("kim = 'manager'", "'kim' is not a section"),
        ("[kim]\nrole = 'manager'\ntoken_sha256 = 'secret'", "sha256sum"),
        ("[kim", "cannot be read as TOML"),
        (SAME.format(name="a") + SAME.format(name="b"), "the same token"),
    ],
)
def test_an_invalid_file_of_people_is_refused_with_the_remedy(tmp_path, text, message) -> None:
    path = tmp_path / "people.toml"
    path.write_text(text)
    with pytest.raises(SpecError, match=message):
        read_people(path)


def test_a_users_header_without_the_services_token_is_refused() -> None:
    with pytest.raises(SpecError, match="anybody could send it"):
        Settings(user_header=HEADER)


def test_a_person_without_a_role_sees_everything() -> None:
    assert Person().may_see("anybody")
    assert not Person("kim", "rep", "Kim").may_see("Lee")
    assert Person("kim", "rep", "Kim").may_see("kim ")  # as in the report
    assert not Person("kim", "rep", None).may_see("None")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_site_gets_nothing_through_the_proxy(served, site) -> None:
    """The proxy knows the user by a cookie, which a browser may send for any page."""
    given = {"id": "D0000001", "action": "declined", "by": "x"}
    foreign = by_proxy("ann") | {"sec-fetch-site": site, "origin": "https://evil.example"}
    assert served.post("/v1/decisions", json=given, headers=foreign).status_code == 403
    assert served.get("/v1/pipeline/rows", headers=foreign).status_code == 403
    own = by_proxy("ann") | {"sec-fetch-site": "same-origin", "origin": "https://fit.example"}
    assert served.get("/v1/pipeline/rows", headers=own).status_code == 200
    assert served.get("/v1/pipeline/rows", headers=as_("ann") | {"sec-fetch-site": site}).is_success


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://evil.example", 403),
        ("null", 403),
        ("http://fit.example:81", 403),
        ("http://fit.example", 200),
        (None, 200),  # a program
    ],
)
def test_over_plain_http_a_page_is_known_by_its_origin_behind_a_proxy_too(
    served, origin, status
) -> None:
    """Browsers send Sec-Fetch-Site over https and to this machine only."""
    headers = by_proxy("ann") | {"x-forwarded-host": "fit.example"}
    headers |= {} if origin is None else {"origin": origin}
    assert served.post("/v1/assessments/batch", json=[], headers=headers).status_code == status
