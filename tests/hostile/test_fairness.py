"""Reps are not attributes by default; protected characteristics give warnings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

from fitmodel.bundle.store import write_bundle
from fitmodel.cli.main import app
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.decision.policy import Policy
from fitmodel.editing import edit_table
from fitmodel.exceptions import EditError
from fitmodel.leakage.audit import audit
from fitmodel.leakage.names import suggests_protected
from fitmodel.learning.learner import learn
from fitmodel.learning.own_estimator import learn_own
from fitmodel.loading import load
from fitmodel.model.scorer import Scorer
from fitmodel.reports._rep_sections import scoreboard_section
from fitmodel.reports.sales_report import sales_page
from fitmodel.sales.rep_performance import compute_rep_performance

SIMULATION = simulate_deals(900, seed=6)
SELLERS = {"rep", "team"}


# --- the rep


@pytest.mark.slow
def test_rep_and_team_are_attributes_only_if_included() -> None:
    spec = SIMULATION.spec
    assert {spec.deals.rep, spec.deals.team} == SELLERS
    assert not SELLERS & set(learn(SIMULATION.deals, spec).scorecard.attributes)
    own = learn_own(SIMULATION.deals, spec, LogisticRegression(max_iter=200))
    assert not SELLERS & set(own.scorecard.attributes)
    including = spec.replace(attributes={"include": ["segment", "seats", "rep"], "actionable": []})
    assert "rep" in learn(SIMULATION.deals, including).scorecard.attributes
    assert "seller" in set(audit(SIMULATION.deals, including).to_frame()["kind"])


@pytest.mark.slow
def test_the_rep_does_not_change_the_assessment() -> None:
    scorecard = learn(SIMULATION.deals, SIMULATION.spec).scorecard
    model = Scorer(scorecard, Policy("threshold", 0.3, None, ""), None, "closed_on", "v")
    prospect = SIMULATION.deals.iloc[0].to_dict()
    assessments = {
        model.assess(prospect | {"rep": rep, "team": team}).early_churn_probability
        for rep in SIMULATION.deals["rep"].unique()
        for team in SIMULATION.deals["team"].unique()
    }
    assert len(assessments) == 1


@pytest.mark.slow
def test_an_edit_cannot_add_the_rep(tmp_path: Path) -> None:
    scorecard = learn(SIMULATION.deals, SIMULATION.spec).scorecard
    scorer = Scorer(scorecard, Policy("threshold", 0.3, None, ""), None, "closed_on", "")
    files = {"scorer.json": scorer.to_json()}
    model = load(write_bundle(tmp_path, "fit", files=files, manifest={}))
    with pytest.raises(EditError, match="rep"):
        edit_table(model, "rep", level="Rep 01", effect=1.0, reason="a grudge", by="Kim")


# --- protected characteristics

PERSONAL = {
    "gender": "gender contact_gender Sex Geschlecht Anrede sexe genre género sexo 性别 客户性别",
    "age": "age AgeGroup customer_age birth_date DateOfBirth Alter Geburtsdatum âge "
    "date_de_naissance edad fecha_nacimiento 年龄 出生日期",
    "nationality": "nationality citizenship Nationalität Staatsangehörigkeit nationalité "
    "nacionalidad 国籍",
    "ethnicity": "ethnicity ethnic_group race Ethnie ethnische_Herkunft origine_ethnique "
    "etnia raza 民族 种族",
    "religion": "religion Religionszugehörigkeit Konfession religión 宗教信仰",
    "disability": "disability disabled Behinderung schwerbehindert handicap discapacidad 残疾",
    "family": "marital_status maritalStatus Familienstand verheiratet situation_familiale "
    "état_civil estado_civil 婚姻状况 pregnant",
}
NOT_PERSONAL = """
company_age accountAge page usage stage essex trace manager package language storage agency image
message_count average_seats percentage contract_age altersvorsorge_plan general generous_discount
sextant racecar_sponsor menage territory segment 公司年限 合同 行业 地区 座位数 alternative_vendor
mariachi_event region nation international nations edadismo casa invalid_emails partner_since
"""


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in PERSONAL.items() for name in names.split()]
)
def test_protected_characteristics_are_recognised_in_five_languages(kind: str, name: str) -> None:
    assert suggests_protected(name) == kind


@pytest.mark.parametrize("name", NOT_PERSONAL.split())
def test_other_names_are_not_protected_characteristics(name: str) -> None:
    assert suggests_protected(name) is None


def test_check_warns_of_protected_characteristics_and_passes(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0)
    names = ["contact_gender", "Alter", "nationalité", "estado_civil", "宗教"]
    extra = {name: drawn.choice(["a", "b", "c"], size=len(SIMULATION.deals)) for name in names}
    deals = SIMULATION.deals.assign(**extra)
    deals.to_parquet(tmp_path / "deals.parquet")
    (tmp_path / "fitmodel.toml").write_text(SIMULATION.spec.to_toml(), encoding="utf-8")
    asked = ["check", str(tmp_path / "deals.parquet"), "-c", str(tmp_path / "fitmodel.toml")]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0
    for name in names:
        (line,) = [line for line in done.output.splitlines() if f"warn  FM108 {name}:" in line]
        assert "suggests a protected characteristic of a person" in line
        assert f'Remedy: add "{name}" to [attributes] exclude' in line


# --- the rep performance table


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_rep_has_an_interval_in_the_rep_performance(language: str) -> None:
    board = compute_rep_performance(
        SIMULATION.deals, SIMULATION.spec, SIMULATION.true_probability, language=language
    )
    limits = board.reps.filter(regex="low|high")
    assert limits.shape[1] >= 2
    known = board.reps["signed"] > 0
    assert limits[known].notna().all(axis=None)
    page = sales_page(board, [scoreboard_section(board, language=language)], language=language)
    assert {"en": "95%", "zh": "95%"}[language] in page or "95" in page


def test_reps_that_differ_only_by_chance_are_rarely_named() -> None:
    drawn = np.random.default_rng(3)
    deals = SIMULATION.deals.assign(rep=drawn.permutation(SIMULATION.deals["rep"].to_numpy()))
    board = compute_rep_performance(deals, SIMULATION.spec, SIMULATION.true_probability)
    called = board.reps["verdict"].isin(["more", "fewer"])
    assert called.sum() <= 1
    assert isinstance(board.reps, pd.DataFrame)
