"""Reading of bundles: cases that a fuzzer found. Mirrors no room; see fuzz/.

A scorer whose parts do not fit each other is refused when it is read, by name.
"""

from __future__ import annotations

import json

import pytest

from fitmodel.exceptions import BundleError
from fitmodel.model.scorer import scorer_from_json


def put(*keys):
    """Change a scorer at a place: the last of the keys is what to put there."""
    *way, last, value = keys

    def change(data):
        for key in way:
            data = data[key]
        data[last] = value

    return change


DAMAGES = {
    "a policy of nothing": (put("policy", None), "AttributeError"),
    "a policy of text": (put("policy", "x"), "AttributeError"),
    "a number too large": (put("book", "intercept", 0, 1e308), "which is not a log-odds value"),
    "a number that is none": (put("book", "tables", 0, 0, float("nan")), "not finite"),
    "intercepts too few": (put("book", "intercept", [0.0]), "do not go with"),
    "tables without width": (put("book", "tables", []), "has 0 rows"),
    "a spread that is none": (put("book", "spread", float("nan")), "spread is nan"),
    "a base rate of 7": (put("book", "base_rate", 7), "base rate is 7"),
    "no evidence": (put("book", "evidence", []), "16 attributes have 0 pieces"),
    "a band too high": (put("book", "evidence", 0, "band", 0, 999), "evidence of 'segment'"),
    "a band too low": (put("book", "evidence", 0, "band", 0, -1), "evidence of 'segment'"),
    "a band too many": (put("book", "evidence", 0, "band", [0] * 99), "evidence of 'segment'"),
    "counts below nothing": (put("book", "evidence", 0, "count", 0, -5), "evidence of 'segment'"),
    "an odd pair of nobody": (put("book", "unusual_pairs", [[0, 1, 999, 1]]), "attribute 999"),
    "a pair of nobody": (
        put("book", "pairs", [{"first": 99, "second": 0, "first_map": [0], "second_map": [0]}]),
        "rows|attribute 99",
    ),
    "a name twice": (put("book", "columns", 1, "name", "segment"), "same name"),
    "knots too near": (put("book", "calibration", "knots", [0.0, 5e-324]), "finite knots"),
    "knots of infinity": (
        put("book", "calibration", "knots", [-float("inf"), float("inf")]), "finite knots"),
    "a code beyond counting": (put("book", "unusual_pairs", [[1e400, 1, 1, 1]]), "OverflowError"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "says"), DAMAGES.values(), ids=DAMAGES)
def test_a_scorer_with_inconsistent_parts_is_refused_and_the_part_is_named(model, change, says):
    data = json.loads(model.scorer.to_json())
    if "knots" in says:
        data["book"]["calibration"]["values"] = [-1.0, 1.0]
    change(data)

    with pytest.raises(BundleError, match=says):
        scorer_from_json(json.dumps(data).encode(), "v")


def test_a_consistent_scorer_is_read_exactly(model, prospects):
    again = scorer_from_json(model.scorer.to_json(), "v")

    prospect = prospects.iloc[0].to_dict()
    assert again.assess(prospect).early_churn_probability == (
        model.predict(prospect).early_churn_probability
    )
