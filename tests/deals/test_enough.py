"""One rule says whether there are enough deals: init, check and train ask the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.enough import MIN_CHURNERS, check_enough, is_enough
from fitmodel.deals.history import view_of
from fitmodel.exceptions import DealsError

SPEC = DealSpec(deals={"closed_on": "signed", "churned_on": "left", "observed_until": "2025-12-31"})


def table(mature: int, young: int, stayed: int) -> pd.DataFrame:
    """Leavers within the horizon, long ago and lately, and customers that stayed."""
    signed = ["2024-01-01"] * mature + ["2025-11-01"] * young + ["2024-01-01"] * stayed
    left = ["2024-02-01"] * mature + ["2025-12-01"] * young + [None] * stayed
    return pd.DataFrame({"signed": pd.to_datetime(signed), "left": pd.to_datetime(left)})


def counted(deals: pd.DataFrame) -> tuple[int, int]:
    """Early churners and the others, as the learner counts them."""
    early = view_of(deals, SPEC).training_set().early_churn
    return int((early == 1).sum()), int((~(early == 1)).sum())


def test_young_leavers_count_too() -> None:
    churners, stayers = counted(table(30, 20, 60))

    assert (churners, stayers) == (50, 60)
    check_enough(churners, stayers)


@pytest.mark.parametrize(("mature", "young", "stayed"), [(30, 19, 60), (60, 0, 49), (0, 0, 80)])
def test_below_the_minimum_all_refuse(mature: int, young: int, stayed: int) -> None:
    deals = table(mature, young, stayed)
    churners, stayers = counted(deals)

    assert not is_enough(churners, stayers)
    with pytest.raises(DealsError, match=f"{min(churners, stayers)} .*{MIN_CHURNERS} needed"):
        check_enough(churners, stayers)


def test_how_long_it_takes_is_said_at_the_rate_so_far() -> None:
    with pytest.raises(DealsError, match="at your rate that is about 24 more month"):
        check_enough(25, 400, 24.0)


@pytest.mark.slow
def test_what_check_counts_as_enough_is_learned_from() -> None:
    from fitmodel.learning.learner import learn

    rng = np.random.default_rng(0)
    deals = table(30, 22, 200)
    deals["seats"] = np.where(deals["left"].notna(), 3, 9) + rng.integers(0, 5, len(deals))

    learned = learn(deals, SPEC)
    assert len(learned.estimator.predict_proba(deals[["seats"]])) == len(deals)
