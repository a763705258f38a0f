"""Results of checks for other programs: JSON, SARIF 2.1.0 and JUnit XML."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.etree import ElementTree as ET  # nosec B405  # writes only

from fitmodel.checks.registry import all_codes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fitmodel.checks.registry import CheckResult

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
NOT_RUN = "the deals could not be read, so nobody knows what this check would find"
_NO_XML = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF])
"""Control characters that XML 1.0 does not allow."""


def to_json(results: Sequence[CheckResult], silenced: Sequence[CheckResult], path: str) -> str:
    """Return results as JSON.

    Parameters
    ----------
    results, silenced : sequence of CheckResult
        Results to show, and results that the contract silences.
    path : str
        Path of the file that was checked.

    Returns
    -------
    str
        A JSON object with `file`, `ok` (true if no result is an error), `results` and `silenced`.
    """
    data = {
        "file": path,
        "ok": not has_errors(results),
        "results": [_as_dict(result) for result in results],
        "silenced": [_as_dict(result) | {"reason": result.reason} for result in silenced],
    }
    return json.dumps(data, indent=2, ensure_ascii=False)


def has_errors(results: Sequence[CheckResult]) -> bool:
    """Return whether any result is an error."""
    return any(result.level == "error" for result in results)


def _as_dict(result: CheckResult) -> dict[str, Any]:
    return {
        "code": result.code,
        "name": result.kind.name,
        "level": result.level,
        "column": result.column or None,
        "row": result.row,
        "message": result.message,
        "remedy": result.kind.do,
    } | ({"file": result.file} if result.file else {})


def to_sarif(
    results: Sequence[CheckResult], silenced: Sequence[CheckResult], path: str, version: str
) -> str:
    """Return results as SARIF 2.1.0, which code hosting services show next to a change.

    Parameters
    ----------
    results, silenced : sequence of CheckResult
        Results to show, and silenced results, which are written as suppressed with the reason as
        justification.
    path : str
        Relative path of the file that was checked.
    version : str
        Version of fitmodel.

    Returns
    -------
    str
        The SARIF log as JSON.

    Notes
    -----
    OASIS standard "Static Analysis Results Interchange Format (SARIF) Version 2.1.0", 2020.
    """
    listed = [*results, *silenced]
    used_codes = sorted({result.code for result in listed})
    index = {code: number for number, code in enumerate(used_codes)}
    rules = [_rule(code) for code in used_codes]
    driver = {"name": "fitmodel", "version": version, "rules": rules}
    sarif_results = [_sarif_result(result, index[result.code], path) for result in listed]
    log = {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": sarif_results}],
    }
    return json.dumps(log, indent=2, ensure_ascii=False)


def _rule(code: str) -> dict[str, Any]:
    kind = all_codes()[code]
    return {
        "id": code,
        "name": "".join(part.title() for part in kind.name.split("-")),
        "shortDescription": {"text": kind.seen},
        "fullDescription": {"text": kind.why},
        "help": {"text": kind.do},
        "properties": {"tags": [kind.family]},
    }


def _sarif_result(result: CheckResult, rule: int, path: str) -> dict[str, Any]:
    uri = quote(PurePath(result.file or path).as_posix())
    physical_location: dict[str, Any] = {"artifactLocation": {"uri": uri}}
    if result.row:  # lines are counted from 1
        physical_location["region"] = {"startLine": result.row}
    location: dict[str, Any] = {"physicalLocation": physical_location}
    if result.column:
        location["logicalLocations"] = [{"name": result.column, "kind": "member"}]
    sarif_result: dict[str, Any] = {
        "ruleId": result.code,
        "ruleIndex": rule,
        "level": result.level,
        "message": {"text": result.message},
        "locations": [location],
    }
    if result.reason:
        sarif_result["suppressions"] = [{"kind": "external", "justification": result.reason}]
    return sarif_result


def to_junit(
    results: Sequence[CheckResult],
    silenced: Sequence[CheckResult],
    path: str,
    *,
    unread: bool = False,
) -> str:
    """Return results as JUnit XML: a test case per result, and one per check without a finding.

    An error is a failure. A warning or note passes, with its text as the output of the test case,
    because JUnit has no warnings. A silenced result is skipped, with the reason. If the deals are
    `unread`, a check without a finding may not have been run, so it is skipped instead of passed.
    """
    suite = ET.Element("testsuite", name=f"fitmodel check {_plain(path)}")
    for result in (*results, *silenced):
        case = ET.SubElement(
            suite,
            "testcase",
            classname=f"fitmodel.{result.code}",
            name=_plain(f"{result.kind.name} {result.column}".rstrip()),
        )
        text = _plain(result.message)
        if result.reason:
            ET.SubElement(case, "skipped", message=_plain(result.reason))
        elif result.level == "error":
            failure = ET.SubElement(case, "failure", message=_plain(result.kind.seen))
            failure.text = text
        else:
            ET.SubElement(case, "system-out").text = f"{result.level}: {text}"
    reported_codes = {result.code for result in (*results, *silenced)}
    for code, kind in all_codes().items():
        if code not in reported_codes and not code.startswith("FM4"):  # FM4: of a training
            case = ET.SubElement(suite, "testcase", classname=f"fitmodel.{code}", name=kind.name)
            if unread:
                ET.SubElement(case, "skipped", message=NOT_RUN)
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    suite.set("errors", "0")
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")


def _plain(text: str) -> str:
    """Return text without the characters that XML does not allow."""
    return text.translate(_NO_XML)
