"""CI runs the tests of developers, and the wheel on every supported system."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SYSTEMS = ["ubuntu-latest", "macos-latest", "windows-latest"]


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    file = ROOT / ".github" / "workflows" / "ci.yml"
    return yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"]


def commands_of(job: dict[str, Any]) -> str:
    return "\n".join(step.get("run", "") for step in job["steps"])


def test_ci_runs_the_whole_suite_on_a_fresh_clone(jobs) -> None:
    assert ".ci/run" in commands_of(jobs["test"]).split()
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search(r"^make test$", script, re.MULTILINE)


def test_the_wheel_is_tested_on_three_systems_without_a_source_tree(jobs) -> None:
    wheel = jobs["wheel"]
    assert wheel["strategy"]["matrix"]["os"] == SYSTEMS
    assert wheel["runs-on"] == "${{ matrix.os }}"
    commands = commands_of(wheel)
    (smoke,) = re.findall(r"cp (\S+) smoke", commands)
    assert (ROOT / smoke).is_file()
    assert "--constraint constraints.txt" in commands
    assert re.search(rf"cd smoke\n\s*python -m pytest {Path(smoke).name}", commands)


def test_the_oldest_supported_python_is_tested(jobs, third_party) -> None:
    project = (third_party.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    oldest = re.search(r'requires-python = ">=(3\.\d+)"', project)
    assert oldest is not None
    assert oldest[1] in jobs["wheel"]["strategy"]["matrix"]["python"]


def test_every_pre_commit_hook_is_a_local_tool_of_the_project() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [each["repo"] for each in hooks] == ["local"]
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for hook in hooks[0]["hooks"]:
        tool = re.fullmatch(r"python -m (\w+).*", hook["entry"])
        assert tool is not None
        assert hook["language"] == "system"
        assert f'"{tool[1]}>=' in project
