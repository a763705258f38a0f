"""Texts that the command line prints of results, also for empty results."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from fitmodel.checks.registry import code_of
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import view_of
from fitmodel.reports.console import (
    DEMO_PROSPECTS,
    audit_text,
    bundles_text,
    demo_deals,
    labels_text,
    model_text,
    next_steps,
    progress_bar,
)

SPEC = DealSpec(
    deals={"closed_on": "closed_on", "churned_on": "churned_on", "observed_until": "2026-06-30"},
    label={"horizon_months": 5},
)


def deals_of(*rows):
    deals = pd.DataFrame(rows, columns=["closed_on", "churned_on"])
    return deals.apply(pd.to_datetime).astype("datetime64[us]")


def test_labels_are_counted_as_early_other_and_too_young() -> None:
    rows = [("2025-01-01", "2025-03-01")] * 2 + [("2025-01-01", None)] * 6 + [("2026-06-01", None)]
    text = labels_text(view_of(deals_of(*rows), SPEC))

    assert text.startswith(
        "9 deals without errors: 8 with a known outcome, of which 2 left early (within 5 months), "
        "and 1 too young to tell\n"
    )
    assert "early-churn rate 25.0% (Kaplan-Meier" in text  # the young deal is not counted
    assert "unknown day" not in text


def test_the_rate_is_the_kaplan_meier_rate_and_not_the_share_of_known_outcomes() -> None:
    # one of 4 leaves after 2 months; one of the other 3 is followed only until then: 1 - 3/4
    rows = [("2025-01-01", "2025-03-01")] + [("2025-01-01", None)] * 2 + [("2026-03-30", None)]
    text = labels_text(view_of(deals_of(*rows), SPEC))

    assert "early-churn rate 25.0% " in text


def finding(verdict, attribute, evidence="it knows"):
    return SimpleNamespace(
        verdict=verdict,
        attribute=attribute,
        evidence=evidence,
        remedy="leave it out",
        source="leakage:name",
    )


def test_only_suspicious_findings_are_printed_and_stopped_columns_are_quoted_for_the_shell() -> (
    None
):
    audit = SimpleNamespace(
        findings=[finding("fine", "seats"), finding("look", "plan"), finding("stop", "paid till")],
        stopped=["paid till"],
    )
    lines = audit_text(audit).splitlines()

    assert len(lines) == 3
    code = code_of("leakage:name").code
    assert lines[0] == f"  look  {code} plan: it knows. Remedy: leave it out"
    assert lines[1].startswith(f"  stop  {code} paid till: ")
    assert lines[2].startswith("  Training refuses 1 of them")
    assert lines[2].endswith("--allow 'paid till'")


def test_the_audit_says_if_there_is_no_suspicious_finding() -> None:
    audit = SimpleNamespace(findings=[finding("fine", "seats")], stopped=[])

    assert audit_text(audit) == "  no attribute looks like knowledge from after the closing"


def bundle(name="fit", version="v1", *, current=False, problem=None, **manifest):
    opened = None if problem else SimpleNamespace(manifest=manifest)
    return SimpleNamespace(
        name=name, version=version, is_current=current, problem=problem, bundle=opened
    )


def test_a_model_has_a_line_with_its_metadata() -> None:
    made = (datetime.now(UTC) - timedelta(days=1200)).isoformat()
    item = bundle(
        current=True, created_at=made, metrics={"roc_auc": 0.7654},
        period=["2023-01-01", "2025-12-31"], edits=[{"words": "x"}],
        report={"has_skill": False, "regime": "provisional"},
    )  # fmt: skip

    assert bundles_text((item,)) == (
        "* fit v1  1,200 days old  AUC 0.765 (no evidence of skill) (provisional)"
        "  deals 2023-01-01 to 2025-12-31  edited by hand"
    )


def test_missing_metadata_of_a_model_is_left_out() -> None:
    today = bundle(created_at=datetime.now(UTC).isoformat(), period=["None", "None"])

    assert bundles_text((bundle(),)) == "  fit v1"
    assert bundles_text((today,)) == "  fit v1  made today"
    assert bundles_text((bundle(problem="scorecard.json is gone"),)) == (
        "  fit v1  damaged: scorecard.json is gone"
    )
    assert bundles_text(()) == "no models yet; the next step is: fitmodel train DEALS"


def test_registry_versions_are_shown_with_their_model_and_others_below() -> None:
    def registered(number, version, *aliases):
        return SimpleNamespace(name="fit", bundle_version=version, version=number, aliases=aliases)

    text = bundles_text(
        (bundle(), bundle(version="v2")),
        (registered(3, "v1", "champion"), registered(4, "v9"), registered(5, None, "old", "a")),
    )
    assert text.splitlines() == [
        "  fit v1  version 3 champion",
        "  fit v2",
        "  fit v9  version 4  in the registry, not in this folder",
        "  fit ?  version 5 old a  in the registry, not in this folder",
    ]


def test_a_model_is_described_line_by_line() -> None:
    model = SimpleNamespace(
        version="v1", attributes=("seats", "plan"),
        manifest={
            "metrics": {"roc_auc": 0.75, "brier": 0.123456, "other": 1.0},
            "period": ["2023-01-01", "2025-12-31"],
            "edits": [{"words": "seats 1 to 5: +0.2", "by": "Ann", "reason": "new plan"}],
        },
        scorer=SimpleNamespace(policy=SimpleNamespace(description="from 40% on")),
    )  # fmt: skip
    lines = dict(line.split("  ", 1) for line in model_text(model).splitlines())
    lines = {name.strip(): text.strip() for name, text in lines.items()}

    assert lines == {
        "version": "v1", "deals": "2023-01-01 to 2025-12-31", "run": "not tracked",
        "roc_auc": "0.7500", "brier": "0.1235", "policy": "from 40% on",
        "attributes": "seats, plan",
        "edited by hand 1": "seats 1 to 5: +0.2 (by Ann, because: new plan)",
    }  # fmt: skip
    bare = SimpleNamespace(**vars(model) | {"manifest": {"run_id": "r7"}})
    assert "no dates" in model_text(bare)
    assert "r7" in model_text(bare)


def test_the_next_steps_name_the_folder_and_no_password(monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://kim:secret@host.example/mlflow")
    text = next_steps(SPEC, Path("models") / "fit" / "v1")

    assert "secret" not in text
    assert f"fitmodel models show --model {Path('models') / 'fit'}" in text
    assert "host.example" in text


def test_demo_prospects_are_not_among_the_demo_deals() -> None:
    deals, spec, prospects, words = demo_deals("saas")

    assert len(prospects) == DEMO_PROSPECTS
    assert f"{len(deals):,} simulated deals" in words
    assert not {spec.deals.churned_on, spec.deals.churned} & set(prospects.columns) - {None}


@pytest.mark.parametrize("total", [None, 10])
def test_the_progress_bar_prints_nothing_in_a_pipe(total, capsys) -> None:
    with progress_bar(total) as advance:
        advance(4)
        advance(6)

    assert capsys.readouterr() == ("", "")
