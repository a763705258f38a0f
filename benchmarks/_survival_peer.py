"""One learner of survival in a Python of its own: arrays in a file -> fit, predict -> a file.

    python benchmarks/_survival_peer.py hazardous GIVEN.npz RESULT.npz

Called by `horizons.py`. It imports nothing of fitmodel, so a package that needs another pandas, or
gigabytes beside it, is installed where it is at home.
"""

from __future__ import annotations

import sys
import time
import warnings
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Predict = Callable[[Any, Any], Any]

TORCH_SEED = 0


def gradient_boosting(known: Any, event: Any, duration: Any) -> Predict:
    """scikit-survival's gradient boosting (Cox loss), 100 trees."""
    from sksurv.ensemble import GradientBoostingSurvivalAnalysis
    from sksurv.util import Surv

    fitted = GradientBoostingSurvivalAnalysis(random_state=0)
    fitted.fit(known, Surv.from_arrays(event, duration))

    def predict(asked: Any, months: Any) -> Any:
        curves = fitted.predict_survival_function(asked)
        last = min(months[-1], curves[0].domain[1])
        return np.array([1 - each(np.minimum(months, last)) for each in curves])

    return predict


def survival_boost(known: Any, event: Any, duration: Any) -> Predict:
    """SurvivalBoost at its defaults."""
    import pandas as pd
    from hazardous import SurvivalBoost

    outcome = pd.DataFrame({"event": event.astype(int), "duration": duration})
    fitted = SurvivalBoost(random_state=0, show_progressbar=False).fit(known, outcome)

    def predict(asked: Any, months: Any) -> Any:
        return np.asarray(fitted.predict_cumulative_incidence(asked, months))[:, 1, :]

    return predict


def dnamite(known: Any, event: Any, duration: Any) -> Predict:
    """DNAMiteSurvival at its defaults, on one thread."""
    import pandas as pd
    import torch
    from dnamite.models import DNAMiteSurvival

    torch.set_num_threads(1)
    torch.manual_seed(TORCH_SEED)
    names = [f"x{number}" for number in range(known.shape[1])]
    outcome = np.array(
        [*zip(event, duration, strict=True)], dtype=[("event", bool), ("time", float)]
    )
    fitted = DNAMiteSurvival(random_state=0)
    fitted.fit(pd.DataFrame(known, columns=names), outcome)

    def predict(asked: Any, months: Any) -> Any:
        frame = pd.DataFrame(asked, columns=names)
        return 1 - np.asarray(fitted.predict_survival(frame, months))

    return predict


PEERS: Mapping[str, tuple[str, Callable[[Any, Any, Any], Predict]]] = {
    "scikit-survival": ("scikit-survival", gradient_boosting),
    "hazardous": ("hazardous", survival_boost),
    "dnamite": ("dnamite", dnamite),
}
"""Name to its distribution and how it is fitted."""


def main(name: str, given: str, result: str) -> None:
    """Fit and predict; processor seconds of both."""
    package, fit = PEERS[name]
    with np.load(given) as file:
        known, event, duration, asked, months = (
            file[each] for each in ("known", "event", "duration", "asked", "months")
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        started = time.process_time()
        predict = fit(known, event, duration)
        fitted = time.process_time()
        left = predict(asked, months)
    seconds = np.array([fitted - started, time.process_time() - fitted])
    np.savez(result, left=left, seconds=seconds, version=version(package))


if __name__ == "__main__":
    main(*sys.argv[1:])
