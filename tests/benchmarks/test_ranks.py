"""Mean ranks, their critical difference and the diagram, compared with published figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from _ranks import comparable, compute_ranks, groups_alike, losses_by_table, plot_ranks


def losses(**ways: list[float]) -> pd.DataFrame:
    return pd.DataFrame(ways)


def test_ranks_are_means_over_tables_with_ties_averaged() -> None:
    ranks = compute_ranks(losses(a=[1, 1, 1], b=[2, 2, 1], c=[3, 3, 3]))

    assert ranks.mean.to_dict() == pytest.approx({"a": 3.5 / 3, "b": 5.5 / 3, "c": 3.0})
    assert list(ranks.mean.index) == ["a", "b", "c"]
    assert ranks.tables == 3


@pytest.mark.parametrize(
    ("ways", "tables", "difference"),
    [(4, 14, 1.25), (5, 30, 1.11)],  # Demsar 2006: q 2.569 for four, 2.728 for five methods
)
def test_the_critical_difference_equals_demsars(ways: int, tables: int, difference: float) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.uniform(size=(tables, ways)), columns=list("abcde")[:ways])

    assert compute_ranks(frame).critical_difference == pytest.approx(difference, abs=0.01)


def test_only_methods_with_a_consistent_order_differ() -> None:
    n = np.arange(20)
    ranks = compute_ranks(losses(a=n, b=n + 0.1, c=n + 0.2))

    assert ranks.chance < 1e-6
    assert not ranks.alike("a", "c")
    same = compute_ranks(losses(a=n, b=n, c=n))
    assert (same.chance, same.alike("a", "c")) == (1.0, True)


def test_a_table_missing_for_a_method_is_left_out() -> None:
    frame = losses(a=[1, 1, 1], b=[2, np.nan, 2], c=[3, 3, 3])

    assert compute_ranks(frame).tables == 2
    with pytest.raises(ValueError, match="1 tables and 3 ways"):
        compute_ranks(frame.iloc[:2])


def test_methods_are_compared_on_all_tables_and_on_the_common_tables() -> None:
    frame = losses(a=[1, 1, 1], b=[2, 2, 2], c=[3, 3, 3], d=[4, 4, np.nan])

    everywhere, of_all = comparable(frame)
    assert (list(everywhere), len(everywhere)) == (["a", "b", "c"], 3)
    assert (list(of_all), len(of_all)) == (["a", "b", "c", "d"], 2)
    assert len(comparable(frame[["a", "b", "c"]])) == 1
    assert comparable(frame.iloc[:1]) == []


def test_a_method_measured_on_few_tables_does_not_reduce_the_tables_of_others() -> None:
    few, some, all_ = [4, 4, *[np.nan] * 4], [5, 5, 5, 5, *[np.nan] * 2], [1] * 6
    parts = comparable(losses(a=all_, b=all_, c=all_, some=some, few=few))

    assert [(list(part), len(part)) for part in parts] == [
        (["a", "b", "c"], 6),
        (["a", "b", "c", "some"], 4),
        (["a", "b", "c", "some", "few"], 2),
    ]


def test_tables_of_noise_are_not_ranked() -> None:
    rows = [
        {"table": table, "way": way, "log_loss": loss}
        for table in ("telco", "noise only 400")
        for way, loss in (("a", 0.3), ("b", 0.4))
    ]

    assert losses_by_table(rows).to_dict() == {"a": {"telco": 0.3}, "b": {"telco": 0.4}}


def test_bars_join_the_largest_groups_of_similar_methods() -> None:
    ranks = compute_ranks(losses(a=[1, 1], b=[2, 2], c=[3, 3]))

    assert groups_alike(ranks) == [("a", "c")]
    n = np.arange(30)
    assert groups_alike(compute_ranks(losses(a=n, b=n + 1, c=n + 2))) == []


def test_the_table_and_the_diagram_name_every_method_once() -> None:
    ranks = compute_ranks(losses(a=[1, 1], b=[2, 2], c=[3, 3]))
    ax = plot_ranks(ranks)

    assert ranks.markdown().count("\n| ") == 3
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "a (1.00)",
        "b (2.00)",
        "c (3.00)",
    ]
    assert list(ax.lines[0].get_xdata()) == [1, 2, 3]
    assert plot_ranks(ranks, ax) is ax
