"""The documentation builds strictly, loads nothing from other hosts, and its examples run."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import fitmodel
from fitmodel.cli.main import app
from fitmodel.deals.reading import read_deals, read_table
from fitmodel.guessing.guess import guess_spec

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
BLOCK = re.compile(r"<!-- runs -->\n```(python|sh)\n(.*?)```", re.DOTALL)
BLOCKS_OF_SHELL = re.compile(r"```(sh)\n(.*?)```", re.DOTALL)
RUNNABLE = [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))]
FURTHER = [page for page in RUNNABLE if page != DOCS / "index.md"]
EXAMPLES = ["salesforce", "hubspot"]
each_example = pytest.mark.parametrize("name", EXAMPLES)


def text_of(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(  # noqa: S603 - our own documentation
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_the_documentation_builds_strictly_with_every_page_in_the_navigation(site: Path) -> None:
    # a dead link, a missing anchor and a page outside the navigation are warnings, hence failures
    for page in PAGES:
        assert (site / page.relative_to(DOCS)).with_suffix(".html").is_file()


@pytest.mark.slow
def test_the_site_loads_nothing_from_other_hosts(site: Path) -> None:
    elsewhere = r"""["']?(?:https?:)?//[^"' >]+"""
    loads = re.compile(
        rf"<(?:script|img|iframe|source)[^>]+src={elsewhere}"
        rf"|<link(?![^>]+rel=.?(?:canonical|prev|next))[^>]+href={elsewhere}"
        rf"|@import[^;]+https?:|url\({elsewhere}"
    )
    files = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(files) > len(PAGES)
    for file in files:
        assert loads.findall(file.read_text(encoding="utf-8")) == [], file.name


@pytest.mark.slow
def test_every_public_name_is_in_the_reference(site: Path) -> None:
    built = (site / "reference" / "python.html").read_text(encoding="utf-8")
    for name in fitmodel.__all__:
        assert f"::: fitmodel.{name}" in text_of("reference/python.md") or name == "FitModelError"
        assert re.search(rf'id="fitmodel\.(\w+\.)*{name}"', built) or f">fitmodel.{name}<" in built


def every_command() -> dict[str, Any]:
    """Every command by its name, from the code that writes the reference."""
    spec = importlib.util.spec_from_file_location("commands", DOCS / "commands.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.every_command())


@pytest.mark.slow
def test_every_command_with_every_option_is_in_the_reference(site: Path) -> None:
    built = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    commands = every_command()
    assert len(commands) > 10
    for name, command in commands.items():
        assert f'id="{name.replace(" ", "-")}"' in built
        for parameter in command.params:
            for option in parameter.opts:
                shown = option.startswith("--") and not parameter.hidden
                assert not shown or option in built, (name, option)


@pytest.fixture(scope="module")
def quick_start(tmp_path_factory: pytest.TempPathFactory, migrated_store: Path) -> Path:
    """Folder in which the quick start was followed; the other pages continue there."""
    folder = tmp_path_factory.mktemp("quick_start")
    (folder / "examples").symlink_to(DOCS / "examples")
    shutil.copy(migrated_store, folder / "mlflow.db")
    follow(DOCS / "index.md", folder)
    return folder


def follow(page: Path, folder: Path) -> None:
    """Run the blocks of a page in order, neighbours of a kind together.

    All in this process: importing the libraries again for each would take longer than the blocks.
    """
    programs = folder / ".programs"  # for a block that starts the command as a program
    programs.mkdir(exist_ok=True)
    shim = programs / "fitmodel"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -W ignore -m fitmodel.cli "$@"\n')
    shim.chmod(0o755)
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    with (
        contextlib.chdir(folder),
        pytest.MonkeyPatch.context() as environment,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        environment.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        environment.setenv("PYTHONPATH", str(ROOT / "src"))
        environment.delenv("MLFLOW_TRACKING_URI", raising=False)
        for kind, several in groupby(blocks, key=lambda block: block[0]):
            source = "\n".join(block for _, block in several)
            if kind == "python":
                exec(source, {"__name__": "__main__"})  # noqa: S102 - what our own pages show
            else:
                _as_a_shell(source, environment)


def _as_a_shell(source: str, environment: pytest.MonkeyPatch) -> None:
    """Run shell lines like `sh -e` would: variable assignments and the fitmodel command."""
    for line in source.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["export"]:
            environment.setenv(*words[1].split("=", 1))
        elif words:
            assert words[0] == "fitmodel", line
            done = CliRunner().invoke(app, words[1:])
            assert done.exit_code == 0, f"{line}\n{done.output}\n{done.exception}"


@pytest.mark.slow
def test_the_quick_start_runs(quick_start: Path) -> None:
    assert (quick_start / "scored.csv").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("page", FURTHER, ids=lambda page: page.stem)
def test_blocks_marked_as_runnable_run(page: Path, quick_start: Path) -> None:
    follow(page, quick_start)


def test_every_concept_page_has_a_runnable_block() -> None:
    concepts = [page for page in PAGES if page.parent.name == "concepts"]
    assert len(concepts) >= 6
    assert set(concepts) <= set(RUNNABLE)


def test_every_python_block_is_valid_python() -> None:
    for page in PAGES:
        for block in re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            ast.parse(block if "--8<--" not in block else "")


def written_commands() -> Iterator[tuple[str, list[str]]]:
    """Every command in README and documentation, as words, with the name of its page."""
    for page in [*PAGES, ROOT / "README.md", ROOT / "CHANGELOG.md"]:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        lines = [line for _, block in BLOCKS_OF_SHELL.findall(text) for line in block.splitlines()]
        for line in [*lines, *re.findall(r"`(fitmodel [^`]+)`", text)]:
            if line.strip().startswith("fitmodel "):
                yield page.name, shlex.split(line, comments=True)


def test_every_option_in_the_documentation_exists() -> None:
    known = every_command()
    wrong = []
    for page, words in written_commands():
        name = next((n for n in (" ".join(words[:3]), " ".join(words[:2])) if n in known), None)
        options = {o for p in getattr(known.get(name or ""), "params", ()) for o in p.opts}
        given = {word.split("=")[0] for word in words if re.match("--?[a-z]", word)}
        if name is not None and (unknown := given - options - {"--help"}):
            wrong.append((page, name, unknown))
    assert wrong == []


@each_example
def test_the_example_contract_fits_its_table(name: str) -> None:
    spec = fitmodel.DealSpec.from_toml(DOCS / "examples" / f"{name}.toml")
    table = DOCS / "examples" / f"{name}.csv"
    deals = read_deals(table, spec)

    assert len(deals) == 60
    assert set(spec.words.labels) <= set(spec.attribute_names(deals.columns))
    assert set(spec.attributes.actionable) <= set(spec.attribute_names(deals.columns))


@each_example
def test_init_guesses_the_roles_of_the_example_contract(name: str) -> None:
    spec = fitmodel.DealSpec.from_toml(DOCS / "examples" / f"{name}.toml")
    guessed = tomllib.loads(guess_spec(read_table(DOCS / "examples" / f"{name}.csv")).toml)

    for role in ("id", "closed_on", "churned_on", "rep", "amount"):
        assert guessed["deals"][role] == getattr(spec.deals, role)
    assert set(guessed["attributes"]["exclude"]) <= set(spec.attributes.exclude) | {
        "Deal Name"
    }  # columns left out by init are left out by the contract


def test_the_airflow_task_is_skipped_if_there_is_nothing_to_retrain() -> None:
    from fitmodel.cli.training import RETRAIN_CODES

    tree = ast.parse((DOCS / "examples" / "airflow_dag.py").read_text(encoding="utf-8"))
    skips = [
        ast.literal_eval(item.value)
        for item in ast.walk(tree)
        if isinstance(item, ast.keyword) and item.arg == "skip_on_exit_code"
    ]
    assert skips == [sorted(set(RETRAIN_CODES.values()) - {0, 1})]  # 1 fails
    for code in RETRAIN_CODES.values():
        assert f"| {code} |" in text_of("guides/scheduled-retraining.md")


def test_the_airflow_example_retrains_after_the_export(monkeypatch) -> None:
    pytest.importorskip("airflow", reason="Airflow needs an environment of its own")
    monkeypatch.syspath_prepend(DOCS / "examples")
    dag = importlib.import_module("airflow_dag").dag
    assert dag.get_task("retrain").upstream_task_ids == {"export"}


def test_the_dagster_example_scores_with_the_model_it_retrained(monkeypatch, tmp_path) -> None:
    dagster = pytest.importorskip("dagster", reason="Dagster needs an environment of its own")
    calls = tmp_path / "calls"
    command = tmp_path / "fitmodel"
    command.write_text(f'#!/bin/sh\necho "$1" >> {calls}\n[ "$1" != retrain ] || exit 3\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("FITMODEL_HOME", str(tmp_path))
    monkeypatch.syspath_prepend(DOCS / "examples")
    example = importlib.import_module("dagster_assets")

    dagster.Definitions.validate_loadable(example.definitions)
    done = dagster.materialize([example.champion, example.scored_prospects])
    assert done.success
    assert calls.read_text().split() == ["retrain", "score"]  # the champion was kept: not a failure
    command.write_text("#!/bin/sh\nexit 1\n")
    assert not dagster.materialize([example.champion], raise_on_error=False).success


def test_the_image_runs_as_a_user_and_is_pinned_and_watched() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    stages = re.findall(r"^FROM .*", lines, re.MULTILINE)
    extras = re.search(r"'\.\[([\w,]+)\]'", lines)
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]

    assert len(stages) == 2
    assert extras is not None
    assert set(extras[1].split(",")) <= set(known)
    assert "--constraint constraints.txt" in lines
    assert re.search(r"^USER [1-9]\d*$", lines, re.MULTILINE)
    assert "HEALTHCHECK" in lines
    assert "/healthz" in lines
    # the libraries are a separate layer, and the health check uses the port that serve reads
    assert lines.index("--requirement libraries.txt") < lines.index("COPY src")
    check = re.search(r'"-c", "(import os, urllib.*)"\]', lines)
    assert check is not None
    ast.parse(json.loads(f'"{check[1]}"'))
    assert "os.environ['FITMODEL_PORT']" in lines
    assert re.search(r"FITMODEL_PORT=8000 ", lines)
    from fitmodel.cli import serving

    assert 'envvar="FITMODEL_PORT"' in Path(serving.__file__).read_text("utf-8")
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    for copied in re.findall(r"^COPY (?!--from)(.*) \S+$", lines, re.MULTILINE):
        for name in copied.split():
            assert f"!{name.removeprefix('./')}" in kept
            assert (ROOT / name).exists()


def test_contributing_lists_every_room_of_the_source() -> None:
    shown = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    picture = shown.split("```")[1]
    for file in (ROOT / "src" / "fitmodel").iterdir():
        if file.name not in {"__pycache__", "py.typed"}:
            assert f"{file.name}/" in picture or file.name in picture
    for path in re.findall(r"`((?:\w+/)*\w+\.py)`", shown):
        assert (ROOT / "src" / "fitmodel" / path).is_file() or (ROOT / path).is_file(), path
