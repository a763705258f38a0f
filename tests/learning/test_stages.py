"""`fitmodel.learning.stages` is the one door to single stages of learning."""

from __future__ import annotations

import subprocess
import sys


def test_a_stage_is_imported_without_the_others() -> None:
    code = (
        "import sys; from fitmodel.learning.stages import shift_to_rate\n"
        "print(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - a fixed text
    loaded = set(done.stdout.split())

    assert "fitmodel.learning._proportional_odds" in loaded
    assert not {"interpret", "fitmodel.learning._selection"} & loaded
