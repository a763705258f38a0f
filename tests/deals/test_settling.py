"""The written form of an attribute is detected in past deals and kept for prospects."""

from __future__ import annotations

import pandas as pd
import pytest

from fitmodel.deals._settling import are_written_dates
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import read_deals, read_deals_with_findings
from fitmodel.exceptions import DealsError, SpecError

ROLES = {"closed_on": "signed", "churned_on": "left", "observed_until": "2025-12-31"}
SPEC = DealSpec(deals=ROLES)
N = 40
DAYS = pd.date_range("2024-01-01", periods=N, freq="9D")
DEALS = pd.DataFrame(
    {
        "signed": DAYS.strftime("%Y-%m-%d"),
        "left": [(day + pd.Timedelta(days=60)).strftime("%Y-%m-%d") if row % 3 == 0 else ""
                 for row, day in enumerate(DAYS)],
        "plan": ["a", "b"] * (N // 2),
    }
)  # fmt: skip
NUMBERS = [1000.5 + 7 * n for n in range(N)]


@pytest.mark.parametrize(
    ("write", "form", "unit"),
    [
        (lambda n: f"${n:,.2f}", "1,234.5", "USD"),
        (lambda n: f"{n:,.2f} €".translate(str.maketrans(",.", ".,")), "1.234,5", "EUR"),
        (lambda n: f"{n:.1f}".replace(".", ","), "1234,5", ""),
        (lambda n: f"{n} users", "1234.5", "user"),
        (lambda n: f"{n / 1000:.4f}k", "1234.5", ""),
    ],
)
def test_formatted_numbers_become_floats_and_their_form_is_kept(write, form, unit) -> None:
    read = read_deals_with_findings(DEALS.assign(seats=[write(n) for n in NUMBERS]), SPEC)
    assert read.table["seats"].tolist() == NUMBERS
    assert read.spec.reading.numbers == {"seats": form}
    assert read.spec.reading.units == ({"seats": unit} if unit else {})
    again = DealSpec.model_validate(read.spec.to_dict())
    assert again.reading.forms == read.spec.reading.forms


@pytest.mark.parametrize(
    ("pattern", "order"),
    [("%d-%m-%Y", "day first"), ("%m/%d/%Y", "month first"), ("%d %b %Y", "month name"),
     ("%Y/%m/%d", "year first")],
)  # fmt: skip
def test_formatted_dates_become_days_and_their_order_is_kept(pattern: str, order: str) -> None:
    contact = DAYS - pd.Timedelta(days=20)
    table = DEALS.assign(contact=contact.strftime(pattern), signed=DAYS.strftime(pattern))
    read = read_deals_with_findings(table, SPEC)
    assert read.table["contact"].tolist() == contact.tolist()
    assert read.table["signed"].tolist() == DAYS.tolist()
    assert read.spec.reading.dates == {"contact": order, "signed": order}


def test_a_table_that_was_already_read_keeps_the_forms_of_its_file() -> None:
    table = DEALS.assign(seats=[f"${n:,.2f}" for n in NUMBERS], signed=DAYS.strftime("%d-%m-%Y"))
    first = read_deals_with_findings(table, SPEC)
    again = read_deals_with_findings(read_deals(table, SPEC), SPEC)
    assert again.spec == first.spec
    pd.testing.assert_frame_equal(again.table, first.table)


def test_a_table_in_plain_form_does_not_change_the_contract() -> None:
    contact = (DAYS - pd.Timedelta(days=20)).strftime("%Y-%m-%d")
    table = DEALS.assign(seats=NUMBERS, contact=contact, zip="01067")
    table.loc[3, "zip"] = "99084"
    assert read_deals_with_findings(table, SPEC).spec == SPEC


def test_ambiguous_day_and_month_are_an_error_until_the_contract_gives_the_order() -> None:
    table = DEALS.assign(contact=["03/04/2024", "05/06/2024"] * (N // 2))
    with pytest.raises(
        DealsError, match=r"contact: 40 row.*as day first and as month first.*\[reading\]"
    ):
        read_deals(table, SPEC)
    month_first = SPEC.replace(reading={"dates": {"contact": "month first"}})
    assert read_deals(table, month_first)["contact"].dt.month.tolist() == [3, 5] * (N // 2)


def test_several_currencies_in_a_column_are_an_error_that_counts_them() -> None:
    money = ["$10", "$20", "$30", "¥4000"] * (N // 4)
    for spec in (SPEC, SPEC.replace(deals={"amount": "money"})):
        with pytest.raises(DealsError, match=r"money: 10 row.*30 in USD, 10 in ¥.*row 3: '¥4000'"):
            read_deals(DEALS.assign(money=money), spec)
    left_out = SPEC.replace(attributes={"exclude": ["money"]})
    assert len(read_deals(DEALS.assign(money=money), left_out)) == N


def test_one_text_among_numbers_is_an_error_that_names_its_row() -> None:
    seats = [str(n) for n in range(N)]
    seats[7] = "unkown"
    with pytest.raises(DealsError, match=r"seats: 1 row\(s\) are not numbers.*row 7: 'unkown'"):
        read_deals(DEALS.assign(seats=seats), SPEC)
    named = SPEC.replace(attributes={"categorical": ["seats"]})
    assert read_deals(DEALS.assign(seats=seats), named)["seats"].tolist() == seats


def test_the_decimal_comma_of_a_file_is_kept_for_prospects(tmp_path) -> None:
    table = DEALS.assign(seats=[f"{n},5" for n in range(N)])
    table.to_csv(tmp_path / "deals.csv", sep=";", index=False)
    read = read_deals_with_findings(tmp_path / "deals.csv", SPEC)
    assert read.table["seats"].tolist() == [n + 0.5 for n in range(N)]
    assert read.spec.reading.numbers == {"seats": "1234,5"}


def test_texts_that_mean_missing_in_a_date_column_are_kept_for_prospects() -> None:
    contact = ["2024-01-01", "2023-12-05", "Never", "1900-01-01"] * (N // 4)
    read = read_deals_with_findings(DEALS.assign(contact=contact), SPEC)
    assert read.table["contact"].isna().sum() == N // 2
    assert read.spec.reading.empty == {"contact": ("1900-01-01", "Never")}


def test_a_contract_with_an_unknown_form_is_refused() -> None:
    for section, message in (
        ({"dates": {"x": "dmy"}}, "dates must be one of"),
        ({"numbers": {"x": "1 234"}}, "numbers must be one of"),
    ):
        with pytest.raises(SpecError, match=message):
            SPEC.replace(reading=section)
    with pytest.raises(SpecError, match="missing knows .*not unknown"):
        SPEC.replace(attributes={"missing": ["unknown"]})


@pytest.mark.parametrize("missing", [(), ("NA",), {"region": (), "rival": ("None",)}])
def test_the_words_for_missing_are_written_to_toml_and_read_back(tmp_path, missing) -> None:
    spec = SPEC.replace(attributes={"missing": missing}, reading={"empty": {"x": ("No",)}})
    (tmp_path / "fitmodel.toml").write_text(spec.to_toml(), encoding="utf-8")
    assert DealSpec.from_toml(tmp_path / "fitmodel.toml") == spec


def test_constant_columns_are_accepted_if_nothing_is_learned() -> None:
    drifted = DEALS.assign(plan="a", seats="", left="")
    with pytest.raises(DealsError, match=r"(?s)plan: every value is 'a'.*seats: every value is e"):
        read_deals(drifted, SPEC)
    read = read_deals(drifted, SPEC, to_learn=False)
    assert read["plan"].tolist() == ["a"] * N
    assert read["seats"].isna().all()


@pytest.mark.parametrize(
    ("name", "roles", "left"),
    [("No", ("start_date", "churn_date"), "No"), ("active", ("start_date", "churn_date"), "Active"),
     ("present", ("start_date", "churn_date"), "Present"),
     ("y1900", ("start_date", "churn_date"), "1900-01-01"),
     ("p9999", ("start_date", "end_date"), "9999-12-31")],
)  # fmt: skip
def test_placeholder_dates_of_the_hard_tables_mean_still_a_customer(
    shared_data, name, roles, left
) -> None:
    path = shared_data / "hard_tables" / f"placeholder_{name}_60rows.csv"
    raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    spec = DealSpec(deals={"closed_on": roles[0], "churned_on": roles[1],
                           "observed_until": "2026-06-30"})  # fmt: skip
    read = read_deals_with_findings(path, spec)
    stayed = raw[roles[1]] == left
    assert read.table[roles[1]].isna().tolist() == stayed.tolist()
    (finding,) = read.findings
    assert (finding.column, finding.count) == (roles[1], int(stayed.sum()))


def test_a_word_in_the_closing_date_is_an_error_that_quotes_it() -> None:
    for word in ("Active", "now", "TBD"):
        table = DEALS.assign(signed=[word, *DEALS["signed"][1:]])
        with pytest.raises(
            DealsError, match=f"signed: 1 row.*not dates, for example row 0: '{word}'"
        ):
            read_deals(table, SPEC)


def test_the_region_na_of_the_hard_tables_is_north_america(shared_data) -> None:
    path = shared_data / "hard_tables" / "region_NA_60rows.csv"
    raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    spec = DealSpec(deals=ROLES | {"churned_on": "churned_on", "observed_until": "2026-06-30"})
    table = read_deals(path, spec)
    for name in ("region", "competitor"):
        assert table[name].tolist() == raw[name].tolist()


def test_the_total_line_of_the_hard_tables_is_left_out(shared_data) -> None:
    path = shared_data / "hard_tables" / "total_line_61rows.csv"
    spec = DealSpec(deals={"closed_on": "signup_date", "churned_on": "churn_date",
                           "observed_until": "2026-06-30", "amount": "annual_value"})  # fmt: skip
    read = read_deals_with_findings(path, spec)
    raw = pd.read_csv(path)
    assert raw["customer_id"].iloc[-1] == "Total"
    assert read.table["annual_value"].tolist() == raw["annual_value"].iloc[:-1].tolist()
    assert read.findings[0].code == "total_row"


def test_a_column_with_a_single_number_is_numeric() -> None:
    spec = SPEC.replace(attributes={"numeric": ["fee"]})
    fee = ["$1,200.50", *[""] * (N - 1)]
    read = read_deals_with_findings(DEALS.assign(fee=fee), spec)
    assert read.table["fee"].iloc[0] == 1200.5
    assert read.spec.reading.units == {"fee": "USD"}


def test_a_column_of_mixed_types_is_not_read_as_dates() -> None:
    cells = pd.Series(["31.01.2024", 17, "28.02.2024"], dtype=object)
    assert not are_written_dates(cells)
    assert are_written_dates(cells[[0, 2]].astype("str"))
