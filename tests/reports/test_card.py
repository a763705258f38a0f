"""The model card has all required content and escapes texts from the user's table."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import date
from types import SimpleNamespace

import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.evaluation.metrics import Metric, describe_provisional, describe_skill
from fitmodel.evaluation.out_of_time import EARLIER_SPLIT, IN_BLOCKS, IN_FOLDS, IN_SMALL_BLOCKS
from fitmodel.evaluation.report import TrainingReport
from fitmodel.language.catalogue import read_texts
from fitmodel.learning.level import Change
from fitmodel.reports.card import card_in, card_with_edits, model_card
from fitmodel.reports.card_parts import METRICS

EVIL = "x|y\n<script>alert(1)</script>"
MANIFEST = {
    "name": "prospect-fit",
    "run_id": "0123abcd",
    "fitmodel": "0.1.0",
    "python": "3.11.9",
    "packages": {"numpy": "2.4.1"},
}


@pytest.fixture
def spec():
    return DealSpec(
        deals={"closed_on": "closed", "churned_on": "left", "observed_until": "2026-06-30"},
        attributes={"exclude": ("csat_90d", "renewals")},
    )


def make_report(**changes):
    """Return a stand-in with the fields of a `TrainingReport` that the card reads."""
    values = {
        "method": "out-of-time",
        "split_date": pd.Timestamp("2025-03-01"),
        "n_deals": 5000,
        "n_mature": 4200,
        "n_censored": 800,
        "n_early_churners": 900,
        "n_train": 3000,
        "n_test": 1200,
        "base_rate": 0.2143,
        "period": (date(2023, 1, 2), date(2026, 6, 30)),
        "effective_sample_size": 3987.6,
        "metrics": {
            "log_loss_skill": Metric("log_loss_skill", 0.0884, 0.05, 0.11, 0.0),
            "log_loss": Metric("log_loss", 0.4312, 0.41, 0.4523, 0.5196),
            "roc_auc": Metric("roc_auc", 0.7812, 0.75, 0.81, 0.5),
        },
        "calibration": pd.DataFrame(
            {"bin": [0, 1], "mean_predicted": [0.1, 0.4], "observed": [0.11, 0.38], "count": [9, 8]}
        ),
        "candidates": pd.DataFrame({"penalty": [3.0], "log_loss": [0.44], "chosen": [True]}),
        "black_box_gap": Metric("black_box_gap", -0.0031, -0.011, 0.005, 0.0),
        "leakage": pd.DataFrame(
            {
                "attribute": [EVIL, "seats"],
                "verdict": ["warn", "fine"],
                "evidence": ["decides 99%", "nothing"],
            }
        ),
        "subgroups": pd.DataFrame({"segment": [EVIL, "smb"], "count": [12, 400]}),
        "policy": "Flags the riskiest 10% of deals.",
        "regime": "full",
        "changes": (),
        "flagged": {"share_flagged": 0.098, "precision": 0.5, "recall": 0.31},
        "pooled_groups": pd.DataFrame(
            {
                "attribute": ["segment", "segment"],
                "level": [EVIL, "smb"],
                "deals": [60, 400],
                "early_churners": [16, 100],
                "expected": [10.0, 100.0],
                "pooled": [1.6, 1.0],
                "low": [1.4, 0.9],
                "high": [1.8, 1.15],
            }
        ),
        "reproduce": {"deals digest": "ab12", "command": "fitmodel train 'a|b.csv'"},
        "notes": ("41 deals had no amount.",),
        "has_skill": True,
        "verdict": "evidence of skill: log loss better than the base rate's by 0.0884",
    }
    return SimpleNamespace(**(values | changes))


def test_the_stand_in_has_only_fields_of_the_real_report():
    real = {each.name for each in fields(TrainingReport)} | {"has_skill", "verdict"}
    assert vars(make_report()).keys() <= real


def test_the_card_has_every_section_in_order(spec):
    card = model_card(make_report(), MANIFEST, spec)
    headings = [line for line in card.splitlines() if line.startswith("#")]
    assert headings == [
        "# Model card: prospect-fit",
        "## Intended use",
        "## Data",
        "## How good it is",
        "### Calibration",
        "### Subgroups",
        "### Groups and quarters, with partial pooling",
        "## How it was chosen",
        "## Leakage audit",
        "## Decision policy",
        "## Limits",
        "## Privacy",
        "## Versions",
        "## How to reproduce it",
        "## How to load it",
    ]


@pytest.mark.parametrize(
    "expected",
    [
        "**evidence of skill: log loss better than the base rate's by 0.0884",
        "within 5 months of signing",
        "| deals | 5,000 |",
        "| signed | 2023-01-02 to 2026-06-30 |",
        "are known | 4,200 |",
        "by its own chance of leaving by then",
        "(censored) | 800 |",
        "| base rate of early churn | 21.4% |",
        "only after closing: `csat_90d`, `renewals`.",
        "Evaluated on 1,200 deals signed since 2025-03-01, by a model trained on the 3,000 signed",
        "| effective number of deals with a label | 3,988 |",
        "| log loss (lower is better) | 0.4312 | 0.41 to 0.4523 | 0.5196 |",
        "| 0 | 0.1 | 0.11 | 9 |",
        "| smb | 400 |",
        "| 3 | 0.44 | yes |",
        "same deals: -0.0031 (95% interval -0.011 to 0.005)",
        "Of the findings on the attributes 1 are fine; 1 need a look.",
        "Flags the riskiest 10% of deals.",
        "In the evaluation above 9.8% of the deals were flagged; 50% of these flags were right",
        "and they caught 31% of the early churners.",
        "- 41 deals had no amount.",
        "| MLflow run | 0123abcd |",
        "| numpy | 2.4.1 |",
        'fitmodel.load("models/prospect-fit")',
    ],
)
def test_the_card_contains(spec, expected):
    assert expected in model_card(make_report(), MANIFEST, spec)


def test_metrics_are_in_the_reading_order(spec):
    card = model_card(make_report(), MANIFEST, spec)
    assert card.index(METRICS["roc_auc"]) < card.index(METRICS["log_loss"])


def test_texts_from_the_table_are_escaped_in_the_card(spec):
    changed = Change("segment", (1,), EVIL, "2026-01", 2.5, 1.8, 0.2, 6.0)
    report = make_report(
        method=EVIL, notes=(EVIL,), policy=EVIL, verdict=EVIL, split_date=None, changes=(changed,)
    )
    card = model_card(report, MANIFEST, spec)
    assert "<script>" not in card
    assert card.count("x\\|y &lt;script&gt;alert(1)&lt;/script&gt;") == 8


def test_the_card_of_a_model_without_skill_begins_with_a_warning(spec):
    card = model_card(make_report(has_skill=False), MANIFEST, spec)
    opening = card.split("## Intended use")[0]
    assert "Do not act on its" in opening
    assert "Do not act on its" not in model_card(make_report(), MANIFEST, spec)


def test_without_dates_the_limitations_mention_the_missing_out_of_time_test(spec):
    report = make_report(split_date=None, period=(None, None), method="cross-validation")
    card = model_card(report, MANIFEST, spec)
    assert "Evaluated by cross-validation on 1,200 deals. Intervals" in card
    assert "| signed | not known: the deals have no closing dates |" in card
    assert "It was not evaluated on deals signed later" in card


def test_a_provisional_model_is_named_as_such(spec):
    report = make_report(regime="provisional", n_early_churners=23)
    card = model_card(report, MANIFEST | {"report": {"regime": "provisional"}}, spec)
    assert "This model is provisional: it learned from 23 early churners" in card
    assert "| regime | provisional |" in card
    assert "provisional" not in model_card(make_report(), MANIFEST, spec)


def test_few_early_churners_are_a_limitation(spec):
    assert "from 61 early churners. That is few" in model_card(
        make_report(n_early_churners=61), MANIFEST, spec
    )


def test_tables_without_rows_are_left_out(spec):
    empty = pd.DataFrame()
    card = model_card(
        make_report(calibration=empty, subgroups=empty, candidates=empty), MANIFEST, spec
    )
    for absent in ("### Calibration", "### Subgroups", "| penalty"):
        assert absent not in card


@pytest.mark.parametrize(
    ("leakage", "expected"),
    [
        (pd.DataFrame(), "No attribute looked as if it was learned after closing."),
        (
            pd.DataFrame({"attribute": ["seats"], "verdict": ["fine"]}),
            "need a look. A verdict of stop means that it was allowed by name.\n\n## Decision",
        ),
    ],
)
def test_the_leakage_audit_is_always_reported(spec, leakage, expected):
    assert expected in model_card(make_report(leakage=leakage), MANIFEST, spec)


def test_a_policy_without_flags_has_no_precision_on_the_card(spec):
    flagged = {"share_flagged": 0.0, "precision": float("nan"), "recall": 0.0}
    card = model_card(make_report(flagged=flagged), MANIFEST, spec)
    assert "No deal that it was evaluated on was flagged." in card
    assert "were right" not in card


def test_without_a_manifest_the_card_names_the_package_versions(spec):
    card = model_card(make_report(), {}, spec)
    assert "# Model card: prospect-fit" in card
    assert "| scikit-learn | " in card
    assert "as in manifest.json beside this card" in card


def test_known_and_unknown_labels_add_up_to_all_deals(spec):
    report = make_report()
    card = model_card(report, MANIFEST, spec)
    known = report.n_deals - report.n_censored
    assert f"| label known | {known:,} |" in card
    assert f"| label not known (censored) | {report.n_censored:,} |" in card


def test_the_columns_of_subgroups_have_readable_names(spec):
    groups = pd.DataFrame({"level": ["smb"], "count": [400], "observed_low": [0.1]})
    card = model_card(make_report(subgroups=groups), MANIFEST, spec)
    assert "| level | deals | at least (95%) |" in card


def test_silenced_checks_are_listed_with_their_reason(spec):
    quiet = spec.replace(checks={"ignore": {"FM204": f"new prices {EVIL}"}})

    assert "Silenced because" not in model_card(make_report(), MANIFEST, spec)
    card = model_card(make_report(), MANIFEST, quiet)
    assert "| FM204 | new prices" in card
    assert "<script>" not in card


def test_only_significantly_miscalibrated_groups_are_listed(spec):
    groups = make_report().pooled_groups
    card = model_card(make_report(), MANIFEST, spec)
    section = card.split("partial pooling")[1].split("## How it was chosen")[0]

    assert "60" in section
    assert "smb" not in section
    none = model_card(make_report(pooled_groups=groups.iloc[1:]), MANIFEST, spec)
    assert "There is none." in none
    assert "There is none." in model_card(make_report(pooled_groups=pd.DataFrame()), MANIFEST, spec)


def test_the_card_has_the_command_and_data_for_reproduction(spec):
    card = model_card(make_report(), MANIFEST, spec)

    assert "| deals digest | ab12 |" in card
    assert "`fitmodel train 'a/b.csv'`" in card
    assert "How to reproduce it" not in model_card(make_report(reproduce={}), MANIFEST, spec)


GAINED, LOST = Metric("", 0.09, 0.05, 0.11, 0.0), Metric("", -0.09, -0.15, -0.02, 0.0)
GOOD = dict.fromkeys(METRICS, GAINED) | {"roc_auc": Metric("roc_auc", 0.78, 0.75, 0.81, 0.5)}
BAD = GOOD | {"log_loss_skill": LOST}
CHANCE = GOOD | {"roc_auc": Metric("roc_auc", 0.52, 0.45, 0.58, 0.5)}
NOTES = (
    EARLIER_SPLIT.format(share=0.4, usual=0.25), IN_BLOCKS, IN_SMALL_BLOCKS, IN_FOLDS,
)  # fmt: skip
LEAKAGE = pd.DataFrame(
    {
        "attribute": ["seats", "plan", "rep"],
        "kind": ["name", "protected", "seller"],
        "verdict": ["stop", "warn", "warn"],
        "evidence": [
            "its name suggests that it is known only after closing",
            "its name suggests a protected characteristic of a person (age)",
            "it names the seller: the model would rate sellers instead of fit",
        ],
    }
)
EDITS = [
    {
        "words": "set plan basic to +0.000",
        "by": "Kim",
        "at": "2026-06-30T10:00:00",
        "reason": "那次展会已经结束",
        "rows": [{"value": "basic", "before": 0.4, "after": 0.0, "deals": 60}],
        "evaluation": None,
    }
]


@pytest.mark.parametrize(
    "changes",
    [
        {
            "verdict": describe_skill(GOOD),
            "metrics": GOOD,
            "changes": (Change("seats", (1,), "< 12", "2026-01", 2.5, 1.8, 0.2, 6.0),),
        },
        {"verdict": describe_skill(BAD), "metrics": BAD, "has_skill": False},
        {"verdict": describe_skill(CHANCE), "metrics": CHANCE, "leakage": LEAKAGE},
        {
            "verdict": describe_provisional(GOOD, 0.4, 20),
            "regime": "provisional",
            "n_early_churners": 20,
            "method": "blocks in time",
            "split_date": None,
            "period": (None, None),
        },
        {"method": "cross-validation", "split_date": None, "flagged": {"share_flagged": 0.0}},
    ],
)
def test_the_chinese_card_has_no_english_sentence(spec, english_left, changes):
    report = make_report(**({"verdict": describe_skill(GOOD), "notes": NOTES} | changes))
    card = card_with_edits(model_card(report, MANIFEST, spec), EDITS)
    translation = card_in(card, "zh")
    own = [
        "x",
        "y",
        "alert",
        "script",
        "lt",
        "gt",
        "segment",
        "smb",
        "seats",
        "plan",
        "rep",
        "basic",
        "Kim",
        "age",
        "nothing",
    ]
    code = ("import fitmodel", "model")
    lines = [line for line in translation.splitlines() if not line.startswith(code)]
    assert english_left(lines, own, ["decides 99%", "prospect-fit"]) == []
    assert card_in(card, "en") == card


def test_the_chinese_card_has_the_same_structure_and_figures(spec):
    card = model_card(make_report(), MANIFEST, spec)
    translation = card_in(card, "zh")

    def marks(text: str) -> list[tuple[str, int]]:
        lines = [line for line in text.splitlines() if line.startswith(("#", "|"))]
        return [(line.split(" ")[0], line.count("|")) for line in lines]

    assert marks(translation) == marks(card)
    figures = re.compile(r"\d+")
    assert sorted(figures.findall(translation)) == sorted(figures.findall(card))
    assert "<script" not in translation
    assert r"x\|y" in translation


def test_untranslated_text_is_quoted_and_marked_as_english(spec):
    translation = card_in(
        model_card(make_report(notes=("41 deals had no amount.",)), MANIFEST, spec), "zh"
    )
    quoted = read_texts("zh", "messages")["original"].format(text="41 deals had no amount.")
    assert f"- {quoted}\n" in translation


@pytest.mark.parametrize(
    "cell",
    ["fitmodel 0.1.0, scikit-learn 1.9.1, numpy 2.4.6", "Python 3.11.7, Linux x86_64"],
)
def test_names_of_software_are_not_marked_as_english(cell):
    translation = card_in(f"| item | value |\n| --- | --- |\n| versions | {cell} |\n", "zh")
    assert f"| {cell} |" in translation
