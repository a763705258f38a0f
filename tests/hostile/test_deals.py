"""Inputs of training: read_deals, the contract, its TOML, a plan. Mirrors no room of the source.

Any frame is read, with its rows in order, or gives one DealsError that names every problem.
"""

# ruff: noqa: PT017 - what may be answered or refused is not always refused

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitmodel.deals._censoring import propensity_weights
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.outcomes import outcomes
from fitmodel.deals.reading import read_deals
from fitmodel.exceptions import DealsError, FitModelError, SpecError
from fitmodel.sales.plans import read_plan

careless = settings.get_profile("hostile")


def cells_of(items: list) -> np.ndarray:
    cells = np.empty(len(items), dtype=object)
    for position, item in enumerate(items):
        cells[position] = item
    return cells


@pytest.fixture(scope="module")
def past(simulation) -> pd.DataFrame:
    return simulation.deals.iloc[:60].reset_index(drop=True)


@pytest.fixture(scope="module")
def with_propensity(simulation) -> DealSpec:
    return simulation.spec.replace(deals={"propensity": "let_go"})


@pytest.mark.slow
@careless
@given(data=st.data())
def test_any_table_is_read_completely_or_gives_one_error(past, with_propensity, values, data):
    frame = past.assign(let_go=1.0).astype(object)
    names = data.draw(st.lists(st.sampled_from(list(frame.columns)), min_size=1, max_size=3))
    for name in names:
        column = frame[name].tolist()
        for position in data.draw(st.sets(st.integers(0, 59), min_size=1, max_size=5)):
            column[position] = data.draw(values)
        frame[name] = cells_of(column)
    before = frame.copy()

    try:
        read = read_deals(frame, with_propensity)
    except DealsError as error:
        assert any(name in str(error) for name in names) or "(attributes)" in str(error)
        return

    assert read.index.equals(frame.index)
    assert list(read.columns) == list(frame.columns)
    assert frame.columns.equals(before.columns)
    assert len(outcomes(read, with_propensity)) == len(frame)
    weights = propensity_weights(read, with_propensity)
    assert ((weights >= 1) & (weights <= 20)).all()


@pytest.mark.slow
@careless
@given(data=st.data())
def test_any_column_in_any_role_is_read_or_named_in_the_error(past, with_propensity, values, data):
    name = data.draw(
        st.sampled_from(["closed_on", "churned_on", "annual_value", "let_go", "seats"])
    )
    frame = past.assign(let_go=1.0)
    frame[name] = cells_of([data.draw(values)] * len(frame))

    try:
        read = read_deals(frame, with_propensity)
    except DealsError as error:
        assert name in str(error) or "churned_on" in str(error)
    else:
        assert len(read) == len(frame)


@pytest.mark.parametrize("thing", [None, 7, [1], {"a": [1]}, b"x.csv", np.zeros((2, 2))], ids=repr)
def test_an_object_that_is_not_a_table_is_named_in_the_error(simulation, thing):
    with pytest.raises(DealsError, match="a path or a pandas DataFrame, not "):
        read_deals(thing, simulation.spec)


def test_frames_of_impossible_shape_are_refused(simulation, past):
    spec = simulation.spec
    levels = past.set_axis(pd.MultiIndex.from_product([["a"], past.columns]), axis=1)
    with pytest.raises(DealsError, match="not text"):
        read_deals(levels, spec)
    with pytest.raises(DealsError, match="more than one column named.*seats"):
        read_deals(pd.concat([past, past[["seats"]]], axis=1), spec)
    for empty in (past.head(0), past.head(1), pd.DataFrame()):
        with pytest.raises(DealsError, match="too few to learn from"):
            read_deals(empty, spec)


def test_a_lone_surrogate_and_a_signalling_nan_are_named_in_the_error(simulation, past):
    from decimal import Decimal

    for value in ("sm\ud800b", Decimal("sNaN")):
        frame = past.astype({"segment": object})
        frame.loc[7, "segment"] = value
        with pytest.raises(DealsError, match="segment: 1 row.*row 7"):
            read_deals(frame, simulation.spec)


@pytest.mark.parametrize("index", [[0] * 60, [None] * 60, list(range(60, 0, -1))], ids=str)
def test_any_index_is_kept(simulation, past, index):
    frame = past.set_axis(pd.Index(index), axis=0)

    assert read_deals(frame, simulation.spec).index.equals(frame.index)


anything = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.dates()
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)
KEYS = st.sampled_from(
    [
        "id",
        "closed_on",
        "churned_on",
        "observed_until",
        "amount",
        "tenure_months",
        "churned",
        "horizon_months",
        "exclude",
        "include",
        "parents",
        "policy",
        "threshold",
        "gross_margin",
        "seed",
        "threads",
        "money",
        "labels",
        "prospect",
        "uri",
    ]
)


@careless
@given(data=st.data())
def test_any_contract_is_valid_or_gives_a_spec_error(data):
    sections = st.sampled_from([*DealSpec.model_fields, "deal", ""])
    given_ = data.draw(
        st.dictionaries(sections, st.one_of(anything, st.dictionaries(KEYS, anything)), max_size=4)
    )
    try:
        spec = DealSpec(**given_)
    except SpecError as error:
        assert "not valid" in str(error)
    else:
        assert DealSpec(**spec.to_dict()) == spec


def toml_text():
    line = st.one_of(
        st.builds("[{}]".format, st.sampled_from([*DealSpec.model_fields, "tiers", "bonus", "x"])),
        st.builds("{} = {}".format, KEYS, st.sampled_from(
            ['"a"', "1", "-1", "1e999", "nan", "true", "[]", '["a", 1]', "{}", "2024-02-29",
             "1" * 5000, '"\\u0000"', "2024-02-30", "[" * 2000 + "]" * 2000, '"""', "'", "inf"]
        )),
        st.builds("{} = {}".format, st.sampled_from(
            ["commission_rate", "earned_after_months", "paid_at_signing", "name", "months", "share",
             "top", "amount", "self", "tiers"]
        ), st.sampled_from(["0.1", "1e999", "nan", "-1", "99999999999999999999", '"x"', "[]"])),
        st.text(max_size=20),
    )  # fmt: skip
    return st.lists(line, max_size=12).map("\n".join)


@careless
@given(text=toml_text(), mark=st.sampled_from([b"", b"\xef\xbb\xbf", b"\xff", b"\x00"]))
def test_any_toml_is_a_contract_or_a_plan_or_gives_a_spec_error(text, mark, tmp_path):
    path = tmp_path / "x.toml"
    path.write_bytes(mark + text.encode(errors="surrogatepass"))

    for read in (DealSpec.from_toml, read_plan):
        try:
            read(path)
        except SpecError as error:
            assert "x.toml" in str(error)


def test_unreadable_toml_is_a_spec_error(tmp_path):
    for read in (DealSpec.from_toml, read_plan):
        for path in (tmp_path, tmp_path / "absent.toml", tmp_path / "x" / "y.toml"):
            with pytest.raises(FitModelError, match=str(path)):
                read(path)
