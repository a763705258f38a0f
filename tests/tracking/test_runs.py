"""A training becomes one run with aggregates only, and is never lost to a store."""

from __future__ import annotations

from fitmodel.tracking.runs import track


def test_try(facts):
    import time

    t = time.time()
    tracked = track(facts)
    print(time.time() - t, tracked)
    t = time.time()
    tracked = track(facts)
    print(time.time() - t, tracked)
    import subprocess

    print(
        subprocess.run(
            ["find", facts.bundle_path.parents[2], "-type", "f"], capture_output=True, text=True
        ).stdout
    )
