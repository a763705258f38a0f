"""The command line: output, files and exit codes."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from fitmodel.cli.app import ORDER, plain_errors, write_utf8
from fitmodel.cli.main import app
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.exceptions import DealsError


def _below(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command, including groups."""
    yield path
    for name, item in getattr(command, "commands", {}).items():
        yield from _below(item, (*path, name))


COMMANDS = list(_below(typer.main.get_command(app)))


def test_the_help_lists_every_command_in_the_order_of_the_work() -> None:
    listed = re.findall(r"^  ([a-z]+)  ", run("--help").stdout, re.MULTILINE)

    assert listed == list(ORDER)
    assert "..." not in run("--help").stdout.split("Commands:")[1]  # no description is cut
    assert {path[0] for path in COMMANDS if path} == set(ORDER)


def run(*arguments: object):
    return CliRunner().invoke(app, [str(item) for item in arguments])


@pytest.fixture(scope="session")
def simulation():
    return simulate_deals(900, seed=11, n_attributes=6)


@pytest.fixture
def home(tmp_path, monkeypatch, mlflow_store, simulation, quick_learner):
    """An empty folder with deals, prospects and their contract, and a separate MLflow store."""
    monkeypatch.chdir(tmp_path)
    spec = simulation.spec.replace(tracking={"uri": mlflow_store}, learning=quick_learner)
    (tmp_path / "fitmodel.toml").write_text(spec.to_toml(), encoding="utf-8")
    simulation.deals.to_csv(tmp_path / "deals.csv", index=False)
    prospects = simulation.deals.tail(30).drop(columns=["churned_on"])
    prospects.to_csv(tmp_path / "prospects.csv", index=False)
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(command):
    result = run(*command, "--help")

    assert result.exit_code == 0
    assert "Usage: " in result.stdout
    if command not in {(), ("models",)}:
        assert f"Example: fitmodel {' '.join(command)}" in " ".join(result.stdout.split())


@pytest.mark.slow
def test_from_deals_to_scored_prospects_and_a_rollback(home):
    trained = run("train", "deals.csv")
    assert trained.exit_code == 0, trained.output
    assert "base rate" in trained.stdout
    assert "Next: fitmodel score PROSPECTS --model models/prospect-fit" in trained.stdout

    scored = run("score", "prospects.csv", "--model", "models/prospect-fit", "-o", "scored.csv")
    assert scored.exit_code == 0, scored.output
    assert scored.stderr.startswith("30 prospects scored to scored.csv in ")
    table = pd.read_csv(home / "scored.csv")
    assert table["early_churn_probability"].between(0, 1).all()

    piped = CliRunner().invoke(
        app,
        ["score", "-", "--model", "models/prospect-fit", "--output", "-"],
        input=(home / "prospects.csv").read_text(encoding="utf-8"),
    )
    assert piped.exit_code == 0, piped.output
    assert piped.stdout == (home / "scored.csv").read_text(encoding="utf-8")

    listed = run("models", "list")
    assert listed.stdout.startswith(f"* prospect-fit {table['model_version'][0]}  version 1 ")
    assert "  made today  AUC 0." in listed.stdout
    shown = run("models", "show", "--model", "models/prospect-fit")
    assert "version" in shown.stdout
    assert "segment" in shown.stdout
    rows = run("models", "show", "--model", "models/prospect-fit", "--table", "segment")
    assert "log_odds" in rows.stdout.splitlines()[0]

    again = run("train", "deals.csv")
    assert again.exit_code == 0, again.output
    promoted = run("promote", "--force", "because this test says so")
    assert promoted.stdout == "champion of prospect-fit is version 2 (before: 1)\n"
    back = run("rollback")
    assert back.stdout == "champion of prospect-fit is version 1 (before: 2)\n"
    assert run("rollback").exit_code == 1

    by_alias = run(
        "score", "prospects.csv", "--model", "models:/prospect-fit@champion", "-o", "x.parquet"
    )
    assert by_alias.exit_code == 0, by_alias.output
    assert pd.read_parquet(home / "x.parquet")["model_version"][0] == table["model_version"][0]


def test_init_does_not_overwrite_a_contract(home):
    (home / "fitmodel.toml").unlink()

    first = run("init", "deals.csv")
    second = run("init", "deals.csv")

    assert first.exit_code == 0, first.output
    assert 'closed_on = "closed_on"' in (home / "fitmodel.toml").read_text(encoding="utf-8")
    assert second.exit_code == 2
    assert "fitmodel.toml is there already. Remedy" in second.stderr


@pytest.mark.usefixtures("home")
def test_check_reports_the_number_of_usable_deals():
    result = run("check", "deals.csv")

    assert result.exit_code == 0, result.output
    assert "900 deals without errors: " in result.stdout
    counts = re.search(r"(\d+) with a known outcome, of which (\d+) .* (\d+) too", result.stdout)
    known, early, young = map(int, counts.groups())
    assert known + young == 900
    assert 0 < early < known
    assert "early-churn rate " in result.stdout
    assert "left early (within 5 months)" in result.stdout
    assert "enough to learn from" in result.stdout


def test_check_reports_what_training_refuses(home):
    table = pd.read_csv(home / "deals.csv")
    table["remark"] = table["churned_on"].notna().map({True: "price", False: None})
    table.to_csv(home / "deals.csv", index=False)

    checked, trained = run("check", "deals.csv"), run("train", "deals.csv")

    assert checked.exit_code == 1
    assert "stop  FM102 remark: all " in checked.stdout
    assert "Training refuses 1 of them" in checked.stdout
    assert "--allow remark" in checked.stdout
    assert trained.exit_code == 1
    assert "1 attribute(s) look like knowledge from after the closing" in trained.stderr
    assert not (home / "models").exists()


def test_check_estimates_the_missing_months(home):
    table = pd.read_csv(home / "deals.csv")
    table.head(40).to_csv(home / "deals.csv", index=False)

    result = run("check", "deals.csv")

    assert result.exit_code == 1
    assert re.search(r"needed; at your rate that is about \d+ more month", result.stderr)


def test_deals_with_errors_give_exit_code_1_without_a_traceback(home):
    table = pd.read_csv(home / "deals.csv", dtype=str)
    table.loc[3, "closed_on"] = "soon"
    table.to_csv(home / "deals.csv", index=False)

    result = run("check", "deals.csv")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert "closed_on" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "absent.csv"), "does not exist"),
        (("train", "deals.csv", "-c", "absent.toml"), "there is no absent.toml. Remedy"),
        (("monitor", "deals.csv", "-m", "m", "-c", "absent.toml"), "there is no absent.toml"),
        (("promote", "-c", "absent.toml"), "there is no absent.toml. Remedy"),
        (("rollback", "-c", "absent.toml"), "there is no absent.toml. Remedy"),
        (("models", "list", "-c", "absent.toml"), "there is no absent.toml. Remedy"),
        (("train", "deals.csv", "--estimator", "json:loads"), "--estimator json:loads: "),
        (("train", "deals.csv", "--estimator", ".a:b"), "Remedy: name MODULE:FACTORY"),
        (("demo", "--data", "cars"), "'cars' is not one of"),
        (("score", "prospects.csv", "--model", "m"), "Missing option"),
        (("score", "absent.csv", "--model", "m", "-o", "o.csv"), "there is no file absent.csv"),
        (("dance",), "No such command 'dance'"),
    ],
)
@pytest.mark.usefixtures("home")
def test_wrong_usage_gives_exit_code_2(arguments, message):
    result = run(*arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert not Path("mlflow.db").exists()


def test_an_invalid_contract_is_wrong_usage(home):
    (home / "fitmodel.toml").write_text("[deals]\nclosed_onn = 'x'\n", encoding="utf-8")

    result = run("check", "deals.csv")

    assert result.exit_code == 2
    assert "closed_on" in result.stderr


def test_a_missing_model_gives_exit_code_1(home):
    result = run("score", "prospects.csv", "--model", "models/absent", "-o", "scored.csv")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert not (home / "scored.csv").exists()


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (DealsError("no deals"), 1, "Error: no deals\n"),
        (
            OSError(28, "No space left on device"),
            1,
            (
                "Error: there is no space left on the disk; no half-written file is left behind. "
                "Remedy: free some space, or write to another disk\n"
            ),
        ),
        (
            OSError(28, "No space left on device", "/data/x.csv"),
            1,
            (
                "Error: there is no space left on the disk for /data/x.csv; no half-written file "
                "is left behind. Remedy: free some space, or write to another disk\n"
            ),
        ),
        (
            PermissionError(1, "Operation not permitted", "/data/.writing-vm-1-0a"),
            1,
            (
                "Error: /data cannot be read or written: Operation not permitted. Remedy: ask for "
                "the permission, or name another folder\n"
            ),
        ),
        (OSError(5, "Input/output error"), 1, "Error: [Errno 5] Input/output error\n"),
        (
            IsADirectoryError(21, "Is a directory", "/data"),
            1,
            "Error: /data is a folder, and a file is needed. Remedy: name a file\n",
        ),
        (KeyboardInterrupt(), 130, "Interrupted; nothing half-written is left behind.\n"),
    ],
)
def test_errors_are_one_line_and_an_exit_code(capsys, error, code, message):
    with pytest.raises(typer.Exit) as caught, plain_errors():
        raise error

    assert caught.value.exit_code == code
    assert capsys.readouterr().err == message


def test_an_internal_error_is_not_hidden():
    with pytest.raises(ZeroDivisionError), plain_errors():
        _ = 1 / 0


@pytest.mark.parametrize("module", ["fitmodel", "fitmodel.cli"])
def test_the_installed_command_lists_no_models_in_an_empty_folder(tmp_path, module):
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-m", module, "models", "list"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "no models yet; the next step is: fitmodel train DEALS\n"


def test_output_is_utf8_also_with_another_code_page() -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="cp1252")
    write_utf8(stream, io.StringIO())  # which has no encoding
    stream.write("流失 ≥ 5")
    stream.flush()
    assert written.getvalue() == "流失 ≥ 5".encode()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["snapshot", "deals.csv", "--id", "key", "--store", "deals.csv"],
            "is a file, and a folder",
        ),
        (["init", "deals.csv", "--output", "deals.csv/fitmodel.toml"], "is a file, and a folder"),
    ],
)
def test_a_file_where_a_folder_is_needed_is_named_with_the_remedy(
    tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame({"key": ["A", "B"], "signed": ["2024-01-01", "2024-02-01"]})
    table.assign(left=["2024-03-01", None]).to_csv("deals.csv", index=False)
    result = CliRunner().invoke(app, arguments)

    assert result.exit_code == 1
    assert f"Error: deals.csv {message} is needed. Remedy: name another folder" in result.output
