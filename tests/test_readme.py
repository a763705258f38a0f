"""What the README shows works."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fitmodel.cli.main import app

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_python_examples_run_one_after_the_other(tmp_path: Path, migrated_store: Path) -> None:
    shutil.copy(migrated_store, tmp_path / "mlflow.db")
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) > 1
    command = [sys.executable, "-W", "ignore", "-c", "\n".join(blocks)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603 - the README's own code
    assert done.returncode == 0, done.stderr
    assert "likely to leave within 5 months" in done.stdout


def test_every_command_of_the_readme_has_help() -> None:
    names = set(re.findall(r"^fitmodel (\w+)", README, re.MULTILINE))
    assert len(names) >= 6
    for name in names:
        words = [name, "list"] if name == "models" else [name]
        result = CliRunner().invoke(app, [*words, "--help"])
        assert result.exit_code == 0
        assert "Example: fitmodel" in result.output


def test_every_command_is_in_the_readme() -> None:
    for command in app.registered_commands:
        name = command.name or command.callback.__name__
        assert f"fitmodel {name}" in README
