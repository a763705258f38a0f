"""`fitmodel score`: arguments and output."""

from __future__ import annotations

import pandas as pd
import pytest
from typer.testing import CliRunner

from fitmodel.bundle.store import write_bundle
from fitmodel.cli.main import app
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.decision.policy import Policy
from fitmodel.model.opening import SCORER_FILE
from fitmodel.model.scorer import Scorer


@pytest.fixture(scope="module")
def home(tmp_path_factory, learned_on):
    """A folder with a model and prospects.csv."""
    folder = tmp_path_factory.mktemp("home")
    sim = simulate_deals(600, seed=3)
    policy = Policy("threshold", 0.3, None, "")
    scorer = Scorer(learned_on(600, seed=3).scorecard, policy, "annual_value", "closed_on", "")
    write_bundle(folder, "fit", files={SCORER_FILE: scorer.to_json()}, manifest={})
    rows = sim.spec.replace(rows={"keep": {"stage": ["Won"]}}).to_dict()
    write_bundle(folder, "won", files={SCORER_FILE: scorer.to_json()}, manifest={"spec": rows})
    prospects = sim.deals.head(30).drop(columns=["churned_on"])
    prospects.to_csv(folder / "prospects.csv", index=False)
    return folder


def score(home, monkeypatch, *arguments):
    monkeypatch.chdir(home)
    return CliRunner().invoke(app, ["score", *arguments, "--model", "fit", "--reasons", "0"])


def test_a_table_is_scored_and_upserted_by_its_id(home, monkeypatch) -> None:
    table = "sqlite:///scores.db/scored"
    for _ in range(2):
        result = score(home, monkeypatch, "prospects.csv", "--output", table, "--upsert", "deal_id")
        assert result.exit_code == 0, result.output
        assert f"30 prospects scored to {table} in " in result.output
    query = ["--query", "select deal_id, fit from scored where fit = 'never'", "-o", "x.csv"]
    result = score(home, monkeypatch, "sqlite:///scores.db", *query)
    assert result.exit_code == 1
    assert "attribute(s) are missing" in result.output
    assert not (home / "x.csv").exists()


def test_many_prospects_unlike_the_deals_learned_from_are_a_warning(home, monkeypatch) -> None:
    """A level spelt in another way is a new level: the whole list would be a guess."""
    usual = score(home, monkeypatch, "prospects.csv", "-o", "usual.csv")
    prospects = pd.read_csv("prospects.csv")
    changed = prospects.assign(segment=prospects["segment"].str.upper() + "?")
    changed.to_csv("changed.csv", index=False)
    result = score(home, monkeypatch, "changed.csv", "-o", "guesses.csv")

    assert result.exit_code == usual.exit_code == 0, result.output
    assert pd.read_csv("guesses.csv")["unfamiliar"].all()
    assert "Warning: 30 of 30 are unlike the deals learned from" in result.output
    assert "differ in segment (30 of 30, such as '" in result.output
    assert "unlike" not in usual.output


def test_warnings_are_in_the_language_of_the_reasons(home, monkeypatch) -> None:
    monkeypatch.chdir(home)
    prospects = pd.read_csv("prospects.csv").astype(object)
    prospects.assign(segment=prospects["segment"].str.upper() + "?").to_csv("a.csv", index=False)
    prospects.iloc[2, prospects.columns.get_loc("seats")] = "tbd"
    prospects.assign(segment="").to_csv("b.csv", index=False)
    unlike = score(home, monkeypatch, "a.csv", "-o", "x.csv", "--language", "zh").output
    others = score(home, monkeypatch, "b.csv", "-o", "y.csv", "--language", "zh").output

    assert "警告：30 个中有 30 个与用于学习的合同不同" in unlike  # noqa: RUF001 - Chinese
    assert "segment（30 个中有 30 个，例如 '" in unlike  # noqa: RUF001 - Chinese
    assert "segment（100% 有值）" in others  # noqa: RUF001 - Chinese
    assert "其中 1 个无法评估（见列 error）；第 3 行无法评估：seats：无法读取 'tbd'" in others  # noqa: RUF001 - Chinese
    assert "英文原文" not in unlike + others


def test_an_attribute_that_is_empty_in_every_prospect_is_a_warning(home, monkeypatch) -> None:
    usual = score(home, monkeypatch, "prospects.csv", "-o", "usual.csv")
    pd.read_csv("prospects.csv").assign(segment="").to_csv("emptied.csv", index=False)
    result = score(home, monkeypatch, "emptied.csv", "-o", "emptied_scored.csv")

    assert result.exit_code == usual.exit_code == 0, result.output
    assert "Warning: empty in all 30 prospects, but usually filled in past" in result.output
    assert "segment (100% filled)" in result.output
    assert "empty in all" not in usual.output


def test_lost_prospects_are_counted_apart_from_those_scored(home, monkeypatch) -> None:
    monkeypatch.chdir(home)
    stages = ["Closed Lost"] * 12 + ["Proposal"] * 18
    pd.read_csv("prospects.csv").assign(stage=stages).to_csv("pipeline.csv", index=False)
    arguments = ["score", "pipeline.csv", "--model", "won", "-o", "open.csv", "--reasons", "0"]
    result = CliRunner().invoke(app, arguments)

    assert result.exit_code == 0, result.output
    assert "18 prospects scored to open.csv in " in result.output
    assert "12 more are lost, so they were left out by [rows]" in result.output


def test_error_messages_contain_no_password(home, monkeypatch) -> None:
    url = "postgresql://me:geheim@127.0.0.1:1/db"
    for given in ((f"{url}/prospects", "-o", "x.csv"), ("prospects.csv", "-o", f"{url}/scored")):
        result = score(home, monkeypatch, *given)
        assert result.exit_code == 1
        assert "geheim" not in result.output
        assert "Remedy: check whether the database runs at this host and port" in result.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--as-of", "2026-01-31"], "'--as-of': it needs --signed"),
        (
            ["--signed", "--log", "x.db", "--resume"],
            "--resume, --log: it does not work with --signed",
        ),
        (["--signed", "--upsert", "deal_id"], "--upsert: it does not work with --signed"),
    ],
)
def test_an_option_that_would_be_ignored_is_wrong_usage(
    home, monkeypatch, options, message
) -> None:
    result = score(home, monkeypatch, "prospects.csv", "-o", "ignored.csv", *options)
    assert result.exit_code == 2
    assert message.replace("'", "") in " ".join(result.output.replace("'", "").split())
    assert not (home / "ignored.csv").exists()


def test_a_query_for_a_file_is_wrong_usage(home, monkeypatch) -> None:
    result = score(home, monkeypatch, "prospects.csv", "-o", "x.csv", "--query", "select 1")
    assert result.exit_code == 2
    assert "--query asks a database" in result.output


def test_a_table_without_any_scored_row_is_written_and_fails(home, monkeypatch) -> None:
    header, *lines = (home / "prospects.csv").read_text(encoding="utf-8").splitlines()
    for spoiled, code in ((lines, 1), (lines[1:], 0), ([], 0)):
        rows = [f"{line},too much" if line in spoiled else line for line in lines if spoiled]
        (home / "bad.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        result = score(home, monkeypatch, "bad.csv", "--output", "bad_out.csv")
        assert result.exit_code == code, result.output
        assert ("not one row could be scored" in result.output) is (code == 1)
        written = (home / "bad_out.csv").read_text(encoding="utf-8")
        assert written.count("21 fields where the header has 20") == len(spoiled)


def test_reasons_are_in_chinese_and_a_resumed_run_is_reported(home, monkeypatch) -> None:
    monkeypatch.chdir(home)
    asked = ["prospects.csv", "--model", "fit", "--reasons", "1", "--language", "zh", "--resume"]
    whole = CliRunner().invoke(app, ["score", *asked, "--output", "whole.csv"])
    assert whole.exit_code == 0, whole.output
    assert "interrupted" not in whole.output
    assert "签约" in (home / "whole.csv").read_text(encoding="utf-8")
    with monkeypatch.context() as patched:
        patched.setattr("fitmodel.scoring._draft.csv_lines", _interrupted)
        stopped = CliRunner().invoke(app, ["score", *asked, "--output", "out.csv"])
    assert stopped.exit_code != 0
    assert not (home / "out.csv").exists()

    again = CliRunner().invoke(app, ["score", *asked, "--output", "out.csv"])

    assert "30 of them by the run that was interrupted" in again.output
    assert (home / "out.csv").read_bytes() == (home / "whole.csv").read_bytes()


def _interrupted(_batch, _separator):
    raise KeyboardInterrupt
