"""Results of checks as JSON, SARIF 2.1.0 and JUnit XML."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from fitmodel.checks.formats import to_json, to_junit, to_sarif
from fitmodel.checks.registry import CheckResult, result_of, split_silenced
from fitmodel.deals.contract import Checks

ERROR = result_of("question:rows-not-customers", "error", "stage: 3 rows <lost>, row 17", "stage")
WARNING = result_of("question:repeated-id", "warning", 'id "A" & more\x01', "deal_id")
NOTE = result_of("time:no dates", "note", "a tenure only")
SILENCED = CheckResult(WARNING.kind, "warning", "id: again", "deal_id", "renewals are deals here")


def sarif() -> Any:
    return json.loads(to_sarif([ERROR, WARNING, NOTE], [SILENCED], "deals.csv", "1.2.3"))


def junit() -> ET.Element:
    text = to_junit([ERROR, WARNING, NOTE], [SILENCED], "deals.csv")
    return ET.fromstring(text.encode())  # noqa: S314 - our own text


def test_json_has_every_field_and_the_overall_result() -> None:
    reported = json.loads(to_json([ERROR, NOTE], [SILENCED], "deals.csv"))

    assert reported["ok"] is False
    assert reported["results"][0] == {
        "code": "FM301",
        "name": "rows-not-customers",
        "level": "error",
        "column": "stage",
        "row": 17,
        "message": ERROR.message,
        "remedy": ERROR.kind.do,
    }
    assert reported["results"][1]["column"] is None
    assert reported["silenced"][0]["reason"] == "renewals are deals here"
    assert json.loads(to_json([WARNING], [], "deals.csv"))["ok"] is True


def test_sarif_has_the_fields_required_by_its_schema() -> None:
    log = sarif()

    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("fitmodel", "1.2.3")
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(set(ids)) == len(ids)
    for rule in driver["rules"]:
        assert set(rule) <= {
            "id", "name", "shortDescription", "fullDescription", "help", "properties",
        }  # fmt: skip
        assert re.fullmatch(r"[A-Za-z]+", rule["name"])
        assert all(rule[key]["text"] for key in ("shortDescription", "fullDescription", "help"))
    for result in run["results"]:
        assert result["message"]["text"]
        assert result["level"] in {"none", "note", "warning", "error"}
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        for location in result["locations"]:
            physical = location["physicalLocation"]
            assert physical["artifactLocation"]["uri"] == "deals.csv"
            assert physical.get("region", {"startLine": 1})["startLine"] >= 1


def test_sarif_gives_the_row_and_the_column() -> None:
    first = sarif()["runs"][0]["results"][0]["locations"][0]

    assert first["physicalLocation"]["region"] == {"startLine": 17}
    assert first["logicalLocations"] == [{"name": "stage", "kind": "member"}]


def test_sarif_names_the_file_as_a_uri() -> None:
    log = json.loads(to_sarif([NOTE], [], "past deals/ä.csv", "1"))
    physical = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]

    assert physical["artifactLocation"]["uri"] == "past%20deals/%C3%A4.csv"


def test_a_silenced_result_is_suppressed_in_sarif_with_its_reason() -> None:
    *open_results, silenced = sarif()["runs"][0]["results"]

    assert silenced["suppressions"] == [
        {"kind": "external", "justification": "renewals are deals here"}
    ]
    assert all("suppressions" not in result for result in open_results)


def test_junit_counts_failures_and_skips_as_it_lists_them() -> None:
    (suite,) = junit()

    assert int(suite.get("tests", "")) == len(suite.findall("testcase"))
    assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure")) == 1
    assert int(suite.get("skipped", "")) == len(suite.findall("testcase/skipped")) == 1
    assert suite.get("errors") == "0"


def test_in_junit_errors_fail_warnings_pass_and_silenced_results_are_skipped() -> None:
    (suite,) = junit()
    cases = {(case.get("classname"), case.get("name")): case for case in suite}

    failed = cases["fitmodel.FM301", "rows-not-customers stage"]
    assert failed.find("failure").text == ERROR.message
    warned, skipped = [case for case in suite if case.get("classname") == "fitmodel.FM305"]
    assert warned.find("system-out").text == 'warning: id "A" & more'  # no control characters
    assert skipped.find("skipped").get("message") == "renewals are deals here"


def test_checks_without_results_pass_in_junit() -> None:
    (suite,) = junit()
    passed = [case for case in suite if len(case) == 0]

    assert "fitmodel.FM101" in {case.get("classname") for case in passed}
    assert not {case.get("classname") for case in passed} & {"fitmodel.FM301", "fitmodel.FM305"}


@pytest.mark.parametrize("write", [to_json, to_junit])
def test_empty_results_are_written(write) -> None:
    assert "FM301" not in to_json([], [], "x.csv")
    assert "failure" not in write([], [], "x.csv").replace('failures="0"', "")


def test_the_section_silences_by_code_and_by_column() -> None:
    section = Checks(ignore={"FM305": "renewals", "FM314:ends_on": "open contracts"})
    other = result_of("reading:placeholder", "note", "starts_on: Active", "starts_on")
    same = result_of("reading:placeholder", "note", "ends_on: Active", "ends_on")

    shown, silenced = split_silenced([ERROR, WARNING, other, same], section)

    assert shown == (ERROR, other)
    assert [each.reason for each in silenced] == ["renewals", "open contracts"]
    assert str(WARNING).startswith("FM305 id")
