"""The README is short, its examples run, and its links exist."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import tomllib
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

import fitmodel
from fitmodel.cli.main import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
COMMANDS = re.findall(r"^fitmodel (.*?)\s*(?:#.*)?$", SHELL, re.MULTILINE)
MAX_WORDS = 800
NOTHING_NEW = 4


def test_the_readme_has_at_most_800_words() -> None:
    assert 300 < len(README.split()) <= MAX_WORDS


@pytest.mark.slow
def test_the_python_examples_run_one_after_the_other(
    tmp_path: Path,
    migrated_store: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(migrated_store, tmp_path / "mlflow.db")
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec("\n".join(blocks), {"__name__": "__main__"})  # noqa: S102 - the README's own code
    assert "likely to leave within 5 months" in capsys.readouterr().out


def test_the_example_scores_past_deals_as_of_their_closing_date() -> None:
    sim = fitmodel.simulate_deals(200, seed=1)
    # so it is not in the model
    assert "closed_on" not in sim.spec.attribute_names(sim.deals.columns)
    assert sim.spec.deals.closed_on in sim.deals.drop(columns="churned_on").columns
    assert "list(model.attributes)" not in README  # which loses the closing date


@pytest.mark.slow
def test_the_commands_run_one_after_the_other(
    tmp_path: Path,
    migrated_store: Path,
    monkeypatch: pytest.MonkeyPatch,
    quick_learner: dict[str, Any],
) -> None:
    """The contract that the first command writes gets the quick learner."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(migrated_store, "mlflow.db")
    deals = fitmodel.simulate_deals(1000, seed=1, signal=2.0).deals
    deals.to_csv("deals.csv", index=False)
    prospects = deals.tail(30).drop(columns="churned_on")
    prospects["deal_id"] = ["D-17", *prospects["deal_id"].iloc[1:]]
    prospects.to_csv("prospects.csv", index=False)

    for line in COMMANDS:
        name, *arguments = shlex.split(line)
        if name == "serve":  # it would run until it is stopped
            typer.main.get_command(app).commands[name].make_context(name, arguments)
            continue
        done = CliRunner().invoke(app, [name, *arguments])
        expected = NOTHING_NEW if name == "retrain" else 0  # the same deals again
        assert done.exit_code == expected, f"{line}\n{done.output}\n{done.exception}"
        if name == "init":
            spec = fitmodel.DealSpec.from_toml("fitmodel.toml").replace(learning=quick_learner)
            Path("fitmodel.toml").write_text(spec.to_toml(), encoding="utf-8")
    assert len(pd.read_csv("scored.csv")) == len(prospects)
    assert Path("brief.html").is_file()


def test_the_readme_shows_ten_commands_each_with_a_comment() -> None:
    assert len({line.split()[0] for line in COMMANDS}) == len(COMMANDS) == 10
    lines = re.findall(r"^fitmodel .*", SHELL, re.MULTILINE)
    assert all(" # " in line for line in lines)


def test_every_command_is_in_the_guide_to_the_commands() -> None:
    guide = (ROOT / "docs" / "guides" / "commands.md").read_text(encoding="utf-8")
    shown = re.findall(r"^fitmodel (\w+)(?: (\w+))?", guide, re.MULTILINE)
    commands = typer.main.get_command(app).commands
    assert {name for name, _ in shown} == set(commands)
    for name in commands:
        result = CliRunner().invoke(app, [name, "--help"])
        assert result.exit_code == 0
        assert "fitmodel" in result.output


def test_every_link_target_exists() -> None:
    links = re.findall(r"\]\((?!https?://|\.\./)([^)#]+)", README)
    assert len(links) > 10
    for link in links:
        assert (ROOT / link).exists(), link


def test_every_quoted_benchmark_exists_and_has_the_options_quoted_with_it() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    quoted = re.findall(r"python\s+(benchmarks/\w+\.py)([^`\n]*)", text)
    assert len({script for script, _ in quoted}) > 15
    for script, options in quoted:
        assert (ROOT / script).is_file(), script
        source = (ROOT / script).read_text(encoding="utf-8")
        for option in re.findall(r"--[a-z-]+", options):
            assert f'"{option}"' in source, f"{script} {options}"


def test_every_benchmark_is_quoted_and_says_what_it_cannot_show() -> None:
    """A benchmark whose figures no page shows and no module refers to is read by nobody."""
    readers = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.py")]
    text = "\n".join(reader.read_text(encoding="utf-8") for reader in readers)
    for script in (ROOT / "benchmarks").glob("[a-z]*.py"):
        assert f"benchmarks/{script.name}" in text, script.name
        about = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8")))
        assert re.search(r"cannot\s+show", about), script.name


def test_the_design_page_explains_every_dependency() -> None:
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| ([\w, -]+?)(?: \(extra `\w+`\))? \| ", page, re.MULTILINE)
    names = {name for cell in explained for name in cell.split(", ")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"], *(line for name in extras if name in {
        "demo", "service", "spark", "sql", "shap"} for line in extras[name])]  # fmt: skip
    for requirement in needed:
        assert re.split(r"[\[<>=!~]", requirement)[0] in names, requirement
