"""`check`: the same results in text and for programs, and silencing by the contract."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from fitmodel.checking import (
    check_deals,
    checks_of_training,
    training_results,
)
from fitmodel.cli.main import app
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.history import view_of
from fitmodel.evaluation.metrics import Metric
from fitmodel.exceptions import DealsError
from fitmodel.guessing.questions import read_with_questions
from fitmodel.leakage.audit import audit_before_training, audit_leakage
from fitmodel.learning.level import Change

LEAKY = simulate_deals(1500, seed=1, leaks=True)


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.output


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, table: pd.DataFrame, spec: Any) -> None:
    table.to_csv(folder / "deals.csv", index=False)
    (folder / "fitmodel.toml").write_text(spec.to_toml(), encoding="utf-8")


def test_every_leak_is_an_error_with_its_code() -> None:
    computed = check_deals(LEAKY.deals, LEAKY.spec)
    errors = {result.column for result in computed.results if result.level == "error"}

    assert errors == set(LEAKY.leaks)
    assert {result.code[:3] for result in computed.results if result.level == "error"} == {"FM1"}
    assert not computed.ok


@pytest.mark.slow
def test_a_misspelt_name_of_an_allowed_leak_is_reported_with_the_right_one() -> None:
    leak = audit_leakage(LEAKY.deals, LEAKY.spec).stopped[0]
    with pytest.raises(DealsError) as refused:
        audit_before_training(LEAKY.deals, LEAKY.spec, (f"{leak}s",))
    assert f"allowed name '{leak}s' (did you mean '{leak}'?)." in str(refused.value)
    with pytest.raises(DealsError) as plain:
        audit_before_training(LEAKY.deals, LEAKY.spec, ())
    assert "No attribute has" not in str(plain.value)


@pytest.mark.slow
def test_a_leak_allowed_with_a_reason_stops_neither_check_nor_train() -> None:
    leaks = check_deals(LEAKY.deals, LEAKY.spec).results
    ignore = {f"{leak.code}:{leak.column}": "known before" for leak in leaks if leak.column}
    spec = LEAKY.spec.replace(checks={"ignore": ignore})
    result = check_deals(LEAKY.deals, spec)
    with pytest.raises(DealsError, match="look like knowledge from after the closing"):
        audit_before_training(LEAKY.deals, LEAKY.spec, ())

    silenced = {f"{each.code}:{each.column}" for each in result.silenced}
    assert set(ignore) <= silenced
    assert {each.reason for each in result.silenced} == {"known before"}
    still = {each.attribute for each in audit_leakage(LEAKY.deals, spec).findings} & set(
        audit_leakage(LEAKY.deals, spec).stopped
    )
    assert still == {each.column for each in result.results if each.level == "error"}


@pytest.mark.slow
def test_silencing_one_leak_of_a_column_does_not_hide_another() -> None:
    stopped = audit_leakage(LEAKY.deals, LEAKY.spec)
    first = next(each for each in stopped.findings if each.verdict == "stop")
    code = next(
        each.code
        for each in check_deals(LEAKY.deals, LEAKY.spec).results
        if each.column == first.attribute and each.level == "error"
    )
    spec = LEAKY.spec.replace(checks={"ignore": {f"{code}:{first.attribute}": "known before"}})
    again = [
        each for each in audit_leakage(LEAKY.deals, spec).findings
        if each.attribute == first.attribute
    ]  # fmt: skip

    assert again[0].silenced == "known before" or again[-1].silenced == "known before"
    assert len(again) > 1 or again[0].verdict == "fine"
    others = set(stopped.stopped) - {first.attribute}
    assert others <= set(audit_leakage(LEAKY.deals, spec).stopped)


@pytest.mark.slow
def test_the_text_and_the_json_of_check_have_the_same_codes(folder: Path) -> None:
    table = LEAKY.deals.assign(
        annual_value=LEAKY.deals["annual_value"].where(LEAKY.deals.index > 2, -5.0)
    )
    write(folder, table, LEAKY.spec)
    code, text = run("check", "deals.csv")
    other, output = run("check", "deals.csv", "--format", "json")
    data = json.loads(output)

    assert code == other == 1
    assert data["file"] == "deals.csv"
    assert {result["code"] for result in data["results"]} == set(re.findall(r"\bFM\d{3}\b", text))
    assert "FM312" in text


@pytest.mark.slow
def test_a_silenced_warning_is_not_printed_and_is_marked_for_programs(folder: Path) -> None:
    table = LEAKY.deals.assign(
        annual_value=LEAKY.deals["annual_value"].where(LEAKY.deals.index > 2, -5.0)
    )
    table = table.drop(columns=list(LEAKY.leaks))
    spec = LEAKY.spec.replace(checks={"ignore": {"FM312": "credit notes"}})
    write(folder, table, spec)
    code, text = run("check", "deals.csv")
    _, output = run("check", "deals.csv", "--format", "sarif")
    _, tests = run("check", "deals.csv", "--format", "junit")

    assert code == 0
    assert "FM312" not in text
    (hidden,) = [r for r in json.loads(output)["runs"][0]["results"] if r["ruleId"] == "FM312"]
    assert hidden["suppressions"][0]["justification"] == "credit notes"
    suite = ET.fromstring(tests.encode())[0]  # noqa: S314 - our own text
    assert suite.get("failures") == "0"
    assert suite.get("skipped") == "1"


@pytest.mark.parametrize(
    ("learning", "message"),
    [
        ({"components": ["logistic", "boostd"]}, "names ['boostd'], which do not exist"),
        ({"expect": {"outbond": "riskier"}}, "'outbond' is a value of none of the"),
    ],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_check_refuses_names_in_learning_that_train_refuses(
    folder: Path, learning: dict[str, Any], message: str, form: str
) -> None:
    sim = simulate_deals(400, seed=3)
    sim.deals.to_csv(folder / "some.csv", index=False)
    (folder / "some.toml").write_text(sim.spec.replace(learning=learning).to_toml())
    paths = [str(folder / "some.csv"), "-c", str(folder / "some.toml")]
    result = CliRunner().invoke(app, ["check", *paths, "--format", form])
    assert result.exit_code != 0
    assert message in result.stderr


def test_an_unreadable_table_is_a_result_and_not_a_crash(folder: Path) -> None:
    write(folder, LEAKY.deals.drop(columns="closed_on"), LEAKY.spec)
    code, output = run("check", "deals.csv", "--format", "json")
    data = json.loads(output)

    assert code == 1
    assert data["ok"] is False
    assert data["results"][-1]["code"] == "FM330"
    assert "closed_on" in data["results"][-1]["message"]


def test_every_problem_is_a_result_with_its_column_and_row(folder: Path) -> None:
    table = LEAKY.deals.copy()
    table["seats"] = table["seats"].astype(str)
    table.loc[table.index[5], "seats"] = "twelve"
    table.loc[table.index[20], "churned_on"] = "2001-01-01"
    write(folder, table, LEAKY.spec)
    _, output = run("check", "deals.csv", "--format", "json")
    _, tests = run("check", "deals.csv", "--format", "junit")

    problems = [r for r in json.loads(output)["results"] if r["level"] == "error"]
    assert [(each["code"], each["column"], each["row"]) for each in problems] == [
        ("FM320", "seats", 7),
        ("FM330", "churned_on", 22),
    ]
    suite = ET.fromstring(tests.encode())[0]  # noqa: S314 - our own text
    assert suite.get("failures") == "2"
    silent = {case.get("classname"): case for case in suite if not case.findall("failure")}
    leak = silent["fitmodel.FM102"]
    assert leak.find("skipped") is not None, "the audit was not made, so it has not passed"
    assert not [name for name, case in silent.items() if len(case) == 0]


COMPANY = simulate_deals(300, seed=3)
ROWS = range(len(COMPANY.deals))


@pytest.mark.parametrize(
    ("cells", "code", "level"),
    [
        ([f"{'€' if row % 5 else '$'} {row % 90 + 3}.50" for row in ROWS], "FM318", "error"),
        ([f"{row % 12 + 1}/{row % 11 + 1}/2024" for row in ROWS], "FM319", "error"),
        (["twelve" if row == 7 else str(row % 50) for row in ROWS], "FM320", "error"),
        (["soon" if row == 9 else f"{row % 28 + 1}.10.2024" for row in ROWS], "FM326", "note"),
    ],
)
def test_an_ambiguous_attribute_has_its_own_code(cells: list[str], code: str, level: str) -> None:
    result = check_deals(COMPANY.deals.assign(extra=cells), COMPANY.spec)
    about = [each for each in result.results if each.column == "extra"]

    assert (code, level) in {(each.code, each.level) for each in about}
    assert "FM330" not in {each.code for each in result.results}
    assert "for example row" in next(each.message for each in about if each.code == code)


def test_one_deal_is_reported_as_too_few_deals() -> None:
    result = check_deals(COMPANY.deals.head(1), COMPANY.spec)

    assert [(each.code, each.level) for each in result.results] == [("FM405", "error")]


@pytest.mark.slow
def test_deals_without_any_follow_up_give_a_result() -> None:
    sim = simulate_deals(900, seed=2)
    # no deal was observed from its signing: no survival curve, so no horizon to compare
    spec = sim.spec.replace(deals={"observed_from": "2026-06-30"})
    table = sim.deals[~(sim.deals["churned_on"] < "2026-06-30")]
    result = check_deals(table[table["closed_on"] < "2026-06-30"], spec)

    assert not result.ok
    assert {each.code for each in result.results if each.level == "error"} <= {"FM330", "FM405"}


@pytest.mark.slow
def test_too_few_deals_are_an_error_and_few_a_warning() -> None:
    sim = simulate_deals(900, seed=2)

    def codes(table: pd.DataFrame) -> set[tuple[str, str]]:
        return {(each.code, each.level) for each in check_deals(table, sim.spec).results}

    assert ("FM405", "error") in codes(sim.deals.head(40))
    assert ("FM403", "warning") in codes(sim.deals.head(110))
    assert ("FM403", "warning") in codes(sim.deals.head(330))
    assert not {"FM403", "FM405"} & {code for code, _ in codes(sim.deals)}


def test_a_question_that_must_be_answered_is_an_error_in_check_and_train() -> None:
    sim = simulate_deals(300, seed=2)
    stage = ["Won", "Lost"] * 150
    result = check_deals(sim.deals.assign(deal_stage=stage), sim.spec)

    assert ("FM301", "error", "deal_stage") in {
        (each.code, each.level, each.column) for each in result.results
    }
    with pytest.raises(DealsError, match="opportunities that were not won"):
        read_with_questions(sim.deals.assign(deal_stage=stage), sim.spec)


GROUPS = pd.DataFrame(
    {
        "attribute": ["segment", "segment", "region"],
        "level": ["smb", "mid", "uk"],
        "deals": [400, 300, 50],
        "early_churners": [90, 60, 20],
        "expected": [60.0, 60.0, 18.0],
        "pooled": [1.5, 1.0, 1.1],
        "low": [1.4, 0.9, 0.9],
        "high": [1.6, 1.2, 1.4],
    }
)
"""One of the groups is off beyond chance."""


CHANGE = Change("segment", (2,), "= software", "2026-01", 2.5, 1.8, 0.2, 6.0)


def report(**changed: Any) -> Any:
    """A report without any weakness, with some fields changed."""
    fine = {
        "calibration_intercept": Metric("calibration_intercept", 0.0, -0.2, 0.2, 0.0),
        "calibration_slope": Metric("calibration_slope", 1.0, 0.8, 1.2, 0.0),
    }
    metrics = fine | {name: changed.pop(name) for name in tuple(changed) if name in fine}
    usual = {
        "metrics": metrics, "has_skill": True, "verdict": "evidence of skill", "notes": (),
        "method": "out-of-time", "n_early_churners": 300, "n_train": 750, "n_deals": 1000,
        "base_rate": 0.2,
        "black_box_gap": Metric("black_box_gap", 0.0, -0.1, 0.1, 0.0),
        "pooled_groups": pd.DataFrame(), "changes": (),
    }  # fmt: skip
    return SimpleNamespace(**usual | {"regime": "full", "level_error": None} | changed)


@pytest.mark.parametrize(
    ("changed", "code", "level"),
    [
        ({"has_skill": False}, "FM401", "error"),
        ({"calibration_intercept": Metric("i", 0.5, 0.1, 0.9, 0.0)}, "FM402", "warning"),
        ({"calibration_intercept": Metric("i", -0.5, -0.9, -0.1, 0.0)}, "FM402", "warning"),
        ({"calibration_slope": Metric("s", 0.5, 0.3, 0.9, 0.0)}, "FM406", "warning"),
        ({"calibration_slope": Metric("s", 1.5, 1.1, 1.9, 0.0)}, "FM406", "warning"),
        ({"n_early_churners": 99}, "FM403", "warning"),
        ({"method": "cross-validation", "notes": ("no dates",)}, "FM404", "note"),
        ({"pooled_groups": GROUPS}, "FM407", "warning"),
        ({"black_box_gap": Metric("g", 0.1, 0.02, 0.2, 0.0)}, "FM408", "warning"),
        ({"changes": (CHANGE,)}, "FM410", "note"),
    ],
)
def test_each_weakness_of_a_training_has_its_code(changed: Any, code: str, level: str) -> None:
    (result,) = training_results(report(**changed))

    assert (result.code, result.level) == (code, level)


def test_a_good_training_has_no_result() -> None:
    assert list(training_results(report())) == []
    assert list(training_results(report(n_early_churners=100))) == []


def test_missing_skill_is_the_first_result_and_the_contract_can_silence_others() -> None:
    sim = simulate_deals(400, seed=3)
    table = sim.deals.assign(annual_value=-1.0)
    questioned = read_with_questions(table, sim.spec)
    view = view_of(questioned.deals, questioned.read.spec)
    results = checks_of_training(report(has_skill=False), questioned, view)
    spec = questioned.read.spec.replace(checks={"ignore": {"FM312": "refunds"}})
    quiet = replace(questioned, read=replace(questioned.read, spec=spec))

    assert results[0].code == "FM401"
    assert "FM312" in {each.code for each in results}
    silent = checks_of_training(report(), quiet, view)
    assert "FM312" not in {each.code for each in silent}


def test_a_training_repeats_the_attributes_that_are_filled_in_after_signing() -> None:
    """They are empty in every prospect, so nobody may learn of them from `check` alone."""
    sim = simulate_deals(900, seed=3)
    recent = sim.deals["closed_on"] > sim.deals["closed_on"].max() - pd.Timedelta(days=45)
    filled = np.random.default_rng(3).random(900) < 0.8
    table = sim.deals.assign(contact=np.where(filled & ~recent, "yes", None))
    questioned = read_with_questions(table, sim.spec)
    view = view_of(questioned.deals, questioned.read.spec)
    leakage = audit_leakage(view, questioned.read.spec).to_frame()
    results = checks_of_training(report(), questioned, view, leakage)
    (result,) = [each for each in results if each.code == "FM112"]

    assert (result.level, result.column) == ("warning", "contact")
    assert "FM112" not in {each.code for each in checks_of_training(report(), questioned, view)}
