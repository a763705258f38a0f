"""`fitmodel brief` writes the requested format and reports what is missing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from fitmodel.bundle.store import write_bundle
from fitmodel.cli.main import app
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.decision.policy import Policy
from fitmodel.language.catalogue import LANGUAGES
from fitmodel.model.opening import SCORER_FILE
from fitmodel.model.scorer import Scorer
from fitmodel.model.wording import wording_of
from fitmodel.reports.letter import default_template


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, learned_on) -> Path:
    folder = tmp_path_factory.mktemp("brief")
    sim = simulate_deals(700, seed=5)
    policy, roles = Policy("threshold", 0.05, None, ""), sim.spec.deals
    scorecard = learned_on(700, seed=5).scorecard
    scorer = Scorer(scorecard, policy, roles.amount, roles.closed_on, "", wording_of(sim.spec))
    files, metadata = {SCORER_FILE: scorer.to_json()}, {"spec": sim.spec.to_dict()}
    write_bundle(folder / "models", "prospect-fit", files=files, manifest=metadata)
    without_id = sim.spec.replace(deals={"id": None}).to_dict()
    write_bundle(folder / "models", "without-id", files=files, manifest={"spec": without_id})
    sim.deals.to_csv(folder / "deals.csv", index=False)
    (folder / "own.j2").write_text("No, thank you.{# mine #}", encoding="utf-8")
    return folder


def run(home: Path, *arguments: str, model: str = "prospect-fit"):
    given = [str(home / "deals.csv"), "--model", str(home / "models" / model)]
    return CliRunner().invoke(app, ["brief", *given, *arguments])


@pytest.mark.parametrize(("name", "start"), [("b.html", "<!doctype html>"), ("b.md", "# Brief on")])
def test_a_page_or_markdown_file_is_overwritten(home, name, start) -> None:
    output = home / "new" / name
    past = ("--deals", str(home / "deals.csv"))
    for _ in range(2):
        result = run(home, "--id", "D0000002", "--output", str(output), *past)
        assert result.exit_code == 0, result.output
    text = output.read_text(encoding="utf-8")
    assert text.startswith(start)
    assert "Of the 50 most similar deals" in text
    assert [path.name for path in output.parent.glob("b.*") if path.suffix == output.suffix] == [
        name
    ]


def test_without_an_output_the_brief_is_printed_in_the_language_and_with_labels(home) -> None:
    own = str(home / "own.j2")
    result = run(home, "--id", "D0000002", "--language", "zh", "--template", own)
    assert result.exit_code == 0
    assert result.stdout.startswith("# 客户评估简报")
    assert "> No, thank you." in result.stdout


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_template_is_printed(language) -> None:
    result = CliRunner().invoke(app, ["brief", "--show-template", "--language", language])
    assert result.exit_code == 0
    assert result.stdout == default_template(language)


def test_a_template_in_another_encoding_is_refused_with_the_remedy(home) -> None:
    (home / "latin.j2").write_bytes("Schöne Grüße".encode("latin-1"))
    done = run(home, "--id", "D0000002", "--template", str(home / "latin.j2"))
    assert done.exit_code == 2
    assert "latin.j2 is not UTF-8 text (byte 3). Remedy: save it as UTF-8." in done.stderr


def test_missing_or_unknown_inputs_are_named(home) -> None:
    unknown = run(home, "--id", "D-17")
    assert unknown.exit_code == 1
    assert "0 of 700 prospects are 'D-17' (looked for in deal_id)" in unknown.stderr
    assert run(home).exit_code == 2
    assert run(home, "--id", "D0000002", "--output", "b.pdf").exit_code == 2


def test_an_error_is_in_the_language_of_the_brief(home, tmp_path) -> None:
    table = pd.read_csv(home / "deals.csv").head(3).astype(object)
    table.loc[1, "seats"] = "tbd"
    table.to_csv(tmp_path / "open.csv", index=False)
    model = str(home / "models" / "prospect-fit")
    given = ["brief", str(tmp_path / "open.csv"), "--model", model, "--id", str(table.deal_id[1])]
    english, chinese = (
        CliRunner().invoke(app, [*given, "--language", language]).stderr for language in LANGUAGES
    )

    assert english.startswith("Error: attribute 'seats': 'tbd' is not a number. Remedy: ")
    assert chinese.startswith("错误：属性 'seats'：'tbd' 不是数字")  # noqa: RUF001 - Chinese
    unknown = run(home, "--id", "D-17", "--language", "zh").stderr
    assert "700 个潜在客户中有 0 个是 'D-17'" in unknown
    assert "英文原文" not in unknown


def test_without_an_id_in_the_contract_a_prospect_is_named_by_its_row(home) -> None:
    assert run(home, "--id", "2", model="without-id").stdout.startswith("# Brief on 2")
    unknown = run(home, "--id", "D0000002", model="without-id")
    assert unknown.exit_code == 1
    assert "--id is the number of a row, from 1 to 700; given: 'D0000002'" in unknown.stderr
    assert "or name the column as id in [deals] and train again" in unknown.stderr


def test_a_number_as_id_is_found_also_if_other_ids_are_missing(home, tmp_path) -> None:
    """With a gap, a column of whole numbers is read as 12.0."""
    table = pd.read_csv(home / "deals.csv").head(3).assign(deal_id=[12, 13, None])
    table.to_csv(tmp_path / "open.csv", index=False)
    model = str(home / "models" / "prospect-fit")
    known, unknown = (
        CliRunner().invoke(app, ["brief", str(tmp_path / "open.csv"), "-m", model, "--id", each])
        for each in ("12", "14")
    )
    assert known.exit_code == 0, known.output
    assert known.stdout.startswith("# Brief on 12")
    assert "give --id one of them, such as '12'" in unknown.stderr
