"""Dangerous names of deals, reps, levels or columns run no script and no spreadsheet formula."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from fitmodel.bundle.store import write_bundle
from fitmodel.cli.main import app
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.decision.policy import Policy
from fitmodel.learning.learner import learn
from fitmodel.loading import load
from fitmodel.model.counterfactuals import summarise_seen_values
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import Scorer
from fitmodel.model.wording import wording_of
from fitmodel.monitoring.drift import summarise_scores
from fitmodel.reports.html import FORMULA_STARTS, safe_csv

SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(1)>'
SINGLE = "'><svg/onload=alert(1)>"
FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1", "＝1+1"]  # noqa: RUF001
FRAMES = {"iframe", "object", "embed", "base", "form", "link"}


class Elements(HTMLParser):
    """The elements that a browser would read in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.bad: list[str] = []
        self.script = False
        self.count = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count += 1
        self.script = tag == "script"
        handlers = [name for name, _ in attrs if name.startswith("on")]
        foreign = [value for name, value in attrs if name in {"src", "href"} and _leads_out(value)]
        if handlers or foreign or tag in FRAMES:
            self.bad.append(f"{tag} {attrs}")

    def handle_data(self, data: str) -> None:
        if self.script and "alert(1)" in data:
            self.bad.append(data)


def _leads_out(value: str | None) -> bool:
    return not str(value).startswith(("data:image/png;base64,", "#"))


def assert_harmless(page: str) -> None:
    result = Elements()
    result.feed(page)
    assert result.count > 20
    assert result.bad == []


def assert_no_formula(text: str) -> None:
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    assert cells
    assert [cell for cell in cells if cell.startswith(FORMULA_STARTS) and not is_number(cell)] == []


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, quick_learner: dict[str, Any]) -> Path:
    """A company in which everything has a dangerous name, and its model."""
    folder = tmp_path_factory.mktemp("evil")
    sim = simulate_deals(500, seed=6)
    deals = sim.deals.rename(columns={"industry": SCRIPT, "trial_days": IMAGE, "region": "=1+1"})
    names = dict(
        zip(sorted(deals["rep"].unique()), [SCRIPT, IMAGE, SINGLE, *FORMULAS], strict=False)
    )
    deals["rep"] = deals["rep"].map(lambda rep: names.get(rep, rep))
    levels = dict(
        zip(sorted(deals["segment"].unique()), [SCRIPT, IMAGE, FORMULAS[0]], strict=False)
    )
    deals["segment"] = deals["segment"].map(lambda level: levels.get(level, level))
    deals["deal_id"] = [f"{FORMULAS[n % 4]}{SCRIPT}{n}" for n in range(len(deals))]
    few = ("segment", "seats", SCRIPT, IMAGE, "=1+1", *sim.spec.attributes.actionable)
    spec = sim.spec.replace(
        attributes=sim.spec.attributes.model_copy(update={"include": few, "exclude": ()}),
        words={"labels": {"seats": SCRIPT}, "units": {"seats": IMAGE}},
        learning=quick_learner,
    )
    learned = learn(deals, spec)
    roles = spec.deals
    scorer = Scorer(
        learned.scorecard, Policy("threshold", 0.2, None, SCRIPT), roles.amount, roles.closed_on,
        "", wording_of(spec),
    )  # fmt: skip
    predicted = FitModel(scorer, {}).predict(deals, reasons=0)["early_churn_probability"]
    manifest = {
        "spec": spec.to_dict(),
        "scores": summarise_scores(predicted),
        "policy": SCRIPT,
        "period": ["2023-07-01", "2024-06-30"],
        "seen_values": summarise_seen_values(
            learned.scorecard.columns, learned.training_set.attributes
        ),
        "edits": [{"words": SCRIPT, "reason": IMAGE, "by": SINGLE, "at": SCRIPT, "rows": []}],
    }
    files = {"scorer.json": scorer.to_json()}
    write_bundle(folder / "models", "fit", files=files, manifest=manifest)
    (folder / "fitmodel.toml").write_text(spec.to_toml(), encoding="utf-8")
    deals.to_parquet(folder / "deals.parquet")
    return folder


def run(*arguments: object) -> Any:
    done = CliRunner().invoke(app, [str(item) for item in arguments])
    assert done.exit_code == 0, done.output
    return done


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_names_are_escaped_in_the_sales_report(home: Path, language: str) -> None:
    out = home / f"report-{language}"
    run("report", home / "deals.parquet", "-c", home / "fitmodel.toml", "--output", out,
        "--language", language, "--segment", "segment")  # fmt: skip
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&gt;&lt;img src=x onerror=alert(1)&gt;" in page
    assert_harmless(page)
    sheets = sorted(out.glob("*.csv"))
    assert len(sheets) >= 4
    for sheet in sheets:
        assert_no_formula(sheet.read_bytes().decode())


@pytest.mark.slow
def test_names_are_escaped_on_the_monitoring_page(home: Path) -> None:
    out = home / "monitor"
    run("monitor", home / "deals.parquet", "--model", home / "models/fit", "-c",
        home / "fitmodel.toml", "--output", out, "--by-month")  # fmt: skip
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert_harmless(page)
    for sheet in out.glob("*.csv"):
        assert_no_formula(sheet.read_bytes().decode())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_names_are_escaped_in_a_brief(home: Path, language: str) -> None:
    name = pd.read_parquet(home / "deals.parquet")["deal_id"].iloc[3]
    out = home / "brief.html"
    run("brief", home / "deals.parquet", "--model", home / "models/fit", f"--id={name}",
        "--output", out, "--deals", home / "deals.parquet", "--language", language)  # fmt: skip
    page = out.read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert_harmless(page)


def test_names_are_escaped_in_notebooks(home: Path) -> None:
    model = load(home / "models/fit")
    assessment = model.predict(pd.read_parquet(home / "deals.parquet").iloc[0].to_dict())
    for shown in (model._repr_html_(), assessment._repr_html_()):
        result = Elements()
        result.feed(shown)
        assert result.count > 3
        assert result.bad == []


def test_every_start_of_a_formula_is_escaped_in_names_indexes_and_cells() -> None:
    table = pd.DataFrame({start: [start + "1"] for start in FORMULA_STARTS})
    table["two rows"] = "one\r=1+1"
    table.index = pd.Index(["=1"], name="@name")
    assert_no_formula(safe_csv(table))
    assert safe_csv(table).count("'") == 2 * len(FORMULA_STARTS) + 2


def test_a_scored_table_keeps_the_input_unescaped(home: Path) -> None:
    """Programs read it and join it by id; only tables for people are escaped."""
    out = home / "scored.csv"
    run("score", home / "deals.parquet", "--model", home / "models/fit", "--output", out)
    scored = pd.read_csv(out, keep_default_na=False, lineterminator="\n")
    deals = pd.read_parquet(home / "deals.parquet")
    assert scored["deal_id"].tolist() == deals["deal_id"].tolist()
