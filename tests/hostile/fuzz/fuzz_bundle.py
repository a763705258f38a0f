"""Fuzz the bundle reader: any scorer or manifest scores or gives a BundleError.

Run by hand, with atheris (``pip install atheris`` into an environment of its own)::

    python tests/hostile/fuzz/fuzz_bundle.py -max_total_time=600

The bytes select a change to a real bundle. The digests in the manifest are corrected, as an
attacker would, so that the changed files are read. pytest does not collect this file; the cases
found are tests in ``tests/hostile/test_bundles.py``.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["fitmodel"]):  # so that the fuzzer sees the code reached
    from fitmodel.bundle.store import write_bundle
    from fitmodel.datasets.simulation import simulate_deals
    from fitmodel.decision.policy import Policy
    from fitmodel.exceptions import FitModelError
    from fitmodel.learning.learner import learn
    from fitmodel.loading import load
    from fitmodel.model.opening import SCORER_FILE
    from fitmodel.model.scorer import Scorer

ODD_VALUES = [
    None,
    True,
    [],
    {},
    "",
    "x",
    -1,
    0,
    2**70,
    1e308,
    float("nan"),
    float("inf"),
    [[]],
    {"a": 1},
]
FOLDER = Path(tempfile.mkdtemp(prefix="fitmodel-fuzz-"))
SIM = simulate_deals(400, seed=1)
SCORER = Scorer(
    learn(SIM.deals, SIM.spec).scorecard,
    Policy("threshold", 0.3, None),
    "annual_value",
    "closed_on",
    "",
)
FILES = {SCORER_FILE: SCORER.to_json()}
HOME = write_bundle(FOLDER, "fit", files=FILES, manifest={"spec": SIM.spec.to_dict()})
REAL = {name: json.loads((HOME / name).read_text()) for name in (SCORER_FILE, "manifest.json")}
PROSPECTS = SIM.deals.head(2).drop(columns=["churned_on"])


def change(document: Any, data: atheris.FuzzedDataProvider) -> None:
    """Replace or remove a value at some position of a document."""
    node = document
    while isinstance(node, dict | list) and node:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = keys[data.ConsumeIntInRange(0, len(keys) - 1)]
        if not isinstance(node[key], dict | list) or data.ConsumeIntInRange(0, 5) == 0:
            what = data.ConsumeIntInRange(0, len(ODD_VALUES) + 4)
            if what < len(ODD_VALUES):
                node[key] = copy.deepcopy(ODD_VALUES[what])
            elif what == len(ODD_VALUES):
                del node[key]
            elif what == len(ODD_VALUES) + 1:
                node[key] = data.ConsumeInt(4)
            elif what == len(ODD_VALUES) + 2:
                node[key] = data.ConsumeUnicode(8)
            else:
                node[key] = data.ConsumeRegularFloat()
            return
        node = node[key]


def try_bundle(raw: bytes) -> None:
    """Open and load one changed bundle, and predict with it."""
    data = atheris.FuzzedDataProvider(raw)
    scorer, manifest = copy.deepcopy(REAL[SCORER_FILE]), copy.deepcopy(REAL["manifest.json"])
    kind = data.ConsumeIntInRange(0, 3)
    for _ in range(data.ConsumeIntInRange(1, 3)):
        change(manifest if kind == 0 else scorer, data)
    content = data.ConsumeBytes(200) if kind == 1 else json.dumps(scorer).encode(errors="replace")
    if kind:
        digest = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        manifest["files"][SCORER_FILE] = digest
    (HOME / SCORER_FILE).write_bytes(content)
    text = json.dumps(manifest).encode(errors="replace")
    (HOME / "manifest.json").write_bytes(text)
    try:
        model = load(HOME)
        predicted = model.predict(PROSPECTS.iloc[0].to_dict(), reasons=3)
        many = model.predict(PROSPECTS, reasons=3)
    except FitModelError:
        return
    numbers = [
        predicted.early_churn_probability,
        predicted.probability_low,
        predicted.probability_high,
    ]
    if not all(0 <= number <= 1 for number in numbers):
        raise AssertionError(numbers)
    if not math.isclose(numbers[0], many["early_churn_probability"].iloc[0], abs_tol=1e-12):
        raise AssertionError("one and many differ")
    json.dumps(predicted.to_dict())
    [reason.to_dict() for row in many["reasons"] for reason in row]


if __name__ == "__main__":
    os.environ.pop("FITMODEL_SIGNING_KEY", None)
    atheris.instrument_func(try_bundle)
    atheris.Setup(sys.argv, try_bundle)
    atheris.Fuzz()
