"""Tables as companies have them, in many languages and layouts, with the correct counts.

The counts are computed from the dates that the tables are made of, with the calendar of the
standard library and without fitmodel.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

END = date(2025, 12, 31)
HORIZON = 5


@dataclass(frozen=True, eq=False)
class Company:
    """Customers with the day each was signed and the day it left; None: still there."""

    signed: list[date]
    left: list[date | None]
    rng: np.random.Generator

    def __len__(self) -> int:
        return len(self.signed)

    @property
    def gone(self) -> list[bool]:
        return [day is not None for day in self.left]

    @property
    def early(self) -> int:
        """How many left within five calendar months, the last day included."""
        return sum(
            left is not None and left <= months_after(signed, HORIZON)
            for signed, left in zip(self.signed, self.left, strict=True)
        )

    def pick(self, *values: Any) -> list[Any]:
        return [values[k] for k in self.rng.integers(0, len(values), len(self))]

    def written(self, days: list[date | None], form: str, empty: str = "") -> list[str]:
        return [empty if day is None else day.strftime(form) for day in days]


def months_after(day: date, months: int) -> date:
    """The same day of the month a number of months later, or the last day of that month."""
    year, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + year, month + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def company(seed: int, customers: int = 420) -> Company:
    """Two thirds of the customers leave within a few years, half of those within months."""
    rng = np.random.default_rng(seed)
    signed = [END - timedelta(days=int(age)) for age in rng.integers(1, 1300, customers)]
    stays = 2 + (rng.weibull(0.8, customers) * 600).astype(int)
    left = [day + timedelta(days=int(stay)) for day, stay in zip(signed, stays, strict=True)]
    left[0], signed[0] = END, END - timedelta(days=40)  # one customer leaves on the last day
    return Company(signed, [day if day <= END else None for day in left], rng)


@dataclass(frozen=True, eq=False)
class Difficult:
    """A file and the correct result of reading it.

    Attributes
    ----------
    path : Path
    deals, early : int
        Rows that are customers, and how many of them left early.
    roles : dict of role to column
    left_out : int
        Rows that are not customers.
    answers : dict of section to keys
        What a person has to answer before training.
    asks : tuple of str
        Codes of the questions that init must name.
    since : str or None
        Day from which `early` counts deals; None: all.
    """

    path: Path
    deals: int
    early: int
    roles: dict[str, str]
    left_out: int = 0
    answers: dict[str, Any] = field(default_factory=dict)
    asks: tuple[str, ...] = ()
    since: str | None = None


def euros(values: list[int], sign: str = "€") -> list[str]:
    """German money: 1.234,50 €."""
    return [f"{v:,.2f}".translate(str.maketrans(",.", ".,")) + f" {sign}" for v in values]


def german_workbook(folder: Path) -> Difficult:
    """An Excel sheet with two title rows, a blank one, a total below, real dates."""
    these = company(1)
    value = [int(v) for v in these.rng.integers(900, 9000, len(these))]
    rows: list[list[Any]] = [
        ["Vertragsliste", None, None, None, None, None],
        ["Stand: 31.12.2025", None, None, None, None, None],
        [None] * 6,
    ]
    rows.append(
        ["Vertragsnummer", "Vertragsbeginn", "Kündigungsdatum", "Branche", "Plätze", "Jahreswert"]
    )
    for n, (signed, left, branch) in enumerate(
        zip(these.signed, these.left, these.pick("Handel", "Bau", "IT"), strict=True)
    ):
        rows.append([f"V-{n:04}", signed, left, branch, 3 + n % 40, value[n]])
    rows.append(["Summe", None, None, None, None, sum(value)])
    path = folder / "vertraege.xlsx"
    pd.DataFrame(rows).to_excel(path, index=False, header=False)
    return Difficult(
        path,
        len(these),
        these.early,
        {
            "id": "Vertragsnummer",
            "closed_on": "Vertragsbeginn",
            "churned_on": "Kündigungsdatum",
            "amount": "Jahreswert",
        },
    )


def german_csv(folder: Path) -> Difficult:
    """Windows-1252, semicolons, decimal commas, days first, a title and a sum."""
    these = company(2)
    table = pd.DataFrame({
        "Kundennummer": [f"K{n:05}" for n in range(len(these))],
        "Abschlussdatum": these.written(these.signed, "%d.%m.%Y"),
        "Gekündigt am": these.written(these.left, "%d.%m.%Y", "laufend"),
        "Tarif": these.pick("Klein", "Größer", "Groß"),
        "Rabatt": [f"{r},5 %" for r in these.rng.integers(0, 30, len(these))],
        "Jahresbeitrag": euros([int(v) for v in these.rng.integers(900, 99000, len(these))]),
    })  # fmt: skip
    text = "Kundenauswertung 2025;;;;;\n" + table.to_csv(index=False, sep=";")
    text += "Summe;;;;;1.234.567,00 €\n"
    path = folder / "kunden.csv"
    path.write_bytes(text.encode("cp1252"))
    return Difficult(
        path,
        len(these),
        these.early,
        {
            "id": "Kundennummer",
            "closed_on": "Abschlussdatum",
            "churned_on": "Gekündigt am",
            "amount": "Jahresbeitrag",
        },
    )


def chinese_crm(folder: Path) -> Difficult:
    """GB18030, won, lost and open opportunities, 2024/3/5."""
    these = company(3)
    never = 260
    slashes = [f"{d.year}/{d.month}/{d.day}" for d in these.signed]
    gone = ["" if d is None else f"{d.year}/{d.month}/{d.day}" for d in these.left]
    rows = len(these) + never
    table = pd.DataFrame({
        "商机编号": [f"SJ{n:06}" for n in range(rows)],
        "商机阶段": ["赢单"] * len(these) + [("输单", "跟进中")[n % 3 == 0] for n in range(never)],
        "签约日期": slashes + slashes[:never],
        "流失日期": gone + [""] * never,
        "行业": [("制造", "零售", "教育")[n % 3] for n in range(rows)],
        "销售代表": [("王伟", "李娜", "张敏", "刘洋")[n * 7 % 4] for n in range(rows)],
        "年合同金额": [f"¥{12000 + 37 * n:,}" for n in range(rows)],
    }).sample(frac=1, random_state=1)  # fmt: skip
    path = folder / "商机.csv"
    path.write_bytes(table.to_csv(index=False).encode("gb18030"))
    return Difficult(
        path,
        len(these),
        these.early,
        {
            "id": "商机编号",
            "closed_on": "签约日期",
            "churned_on": "流失日期",
            "amount": "年合同金额",
            "rep": "销售代表",
        },
        left_out=never,
    )


def portuguese_flags(folder: Path) -> Difficult:
    """A flag says "não" where the churn date is empty: these customers did not stay."""
    these = company(4)
    hidden = [day is not None and these.rng.random() < 0.2 for day in these.left]
    dated = [None if hide else day for day, hide in zip(these.left, hidden, strict=True)]
    table = pd.DataFrame({
        "código do cliente": [f"C{n}" for n in range(len(these))],
        "data_de_adesão": these.written(these.signed, "%d/%m/%Y"),
        "data_de_cancelamento": these.written(dated, "%d/%m/%Y"),
        "cliente_ativo": ["não" if gone else "sim" for gone in these.gone],
        "plano": these.pick("básico", "avançado"),
        "mensalidade": [f"R$ {v},90" for v in these.rng.integers(40, 900, len(these))],
    })  # fmt: skip
    path = folder / "clientes.csv"
    table.to_csv(path, index=False, sep=";", encoding="utf-8-sig")
    kept = [(s, d) for s, d, hide in zip(these.signed, these.left, hidden, strict=True) if not hide]
    early = Company([s for s, _ in kept], [d for _, d in kept], these.rng).early
    return Difficult(
        path,
        len(kept),
        early,
        {
            "closed_on": "data_de_adesão",
            "churned_on": "data_de_cancelamento",
            "churned": "cliente_ativo",
            "amount": "mensalidade",
        },
        left_out=sum(hidden),
        answers={"rows": {"left_without_date": "drop"}},
    )


def hubspot(folder: Path) -> Difficult:
    """Internal names, days as milliseconds since 1970, stages by their labels."""
    these = company(5)
    never = 180

    def stamps(days: list[date | None]) -> list[str]:
        start = date(1970, 1, 1)
        return ["" if d is None else str((d - start).days * 86_400_000 + 3_600_000) for d in days]

    rows = len(these) + never
    table = pd.DataFrame({
        "hs_object_id": [9_100_000 + 3 * n for n in range(rows)],
        "dealname": [f"Deal with firm {n * 7919 % 5000}" for n in range(rows)],
        "dealstage": ["closedwon"] * len(these)
        + [("closedlost", "appointmentscheduled")[n % 4 == 0] for n in range(never)],
        "closedate": stamps(these.signed) + stamps(these.signed[:never]),
        "createdate": stamps([d - timedelta(days=30) for d in these.signed])
        + stamps([d - timedelta(days=30) for d in these.signed[:never]]),
        "churn_date": stamps(these.left) + [""] * never,
        "hubspot_owner_id": [41 + n % 5 for n in range(rows)],
        "amount": [f"{900 + 11 * n}.00" for n in range(rows)],
        "deal_currency_code": ["USD"] * rows,
        "dealtype": [("newbusiness", "existingbusiness")[n % 5 == 0] for n in range(rows)],
        "seats": [1 + n % 60 for n in range(rows)],
    })  # fmt: skip
    path = folder / "hubspot-crm-exports-deals.csv"
    table.to_csv(path, index=False)
    return Difficult(
        path,
        len(these),
        these.early,
        {
            "id": "hs_object_id",
            "closed_on": "closedate",
            "churned_on": "churn_date",
            "amount": "amount",
        },
        left_out=never,
        asks=("rows-not-new", "amount-unit"),
    )


def chargebee(folder: Path) -> Difficult:
    """Two subscriptions of one customer: a change of plan is not churn."""
    these = company(6)
    lines: list[dict[str, Any]] = []
    for n, (signed, left) in enumerate(zip(these.signed, these.left, strict=True)):
        changed = signed + timedelta(days=60)
        parts = [(signed, left)]
        if n % 4 == 0 and changed < (left or END):
            parts = [(signed, changed), (changed + timedelta(days=3), left)]
        for k, (start, end) in enumerate(parts):
            lines.append({
                "subscriptions.id": f"sub{n:04}{k}", "customers.id": f"cus{n:04}",
                "subscriptions.plan_id": ("starter", "growth")[k],
                "subscriptions.plan_quantity": 2 + n % 30,
                "subscriptions.status": "active" if end is None else "cancelled",
                "subscriptions.activated_at": start.strftime("%d-%b-%Y 08:30"),
                "subscriptions.current_term_end": "20-Jan-2026 00:00",
                "subscriptions.trial_end": "" if n % 2 else start.strftime("%d-%b-%Y 00:00"),
                "subscriptions.cancelled_at": "" if end is None else end.strftime("%d-%b-%Y 18:05"),
                "subscriptions.mrr": 20 + n % 90,
            })  # fmt: skip
    path = folder / "Subscriptions.csv"
    pd.DataFrame(lines).to_csv(path, index=False)
    return Difficult(
        path,
        len(these),
        these.early,
        {
            "id": "subscriptions.id",
            "closed_on": "subscriptions.activated_at",
            "churned_on": "subscriptions.cancelled_at",
            "amount": "subscriptions.mrr",
        },
        left_out=len(lines) - len(these),
    )


def two_digit_years(folder: Path) -> Difficult:
    """05.03.24, with a semicolon and a column that is empty."""
    these = company(7)
    table = pd.DataFrame({
        "deal": [f"D{n}" for n in range(len(these))],
        "signed": these.written(these.signed, "%d.%m.%y"),
        "left": these.written(these.left, "%d.%m.%y", "-"),
        "region": these.pick("NA", "EMEA", "APAC"), "notes": "",
        "licences": [f"{v} users" for v in these.rng.integers(1, 900, len(these))],
    })  # fmt: skip
    path = folder / "deals.csv"
    table.to_csv(path, index=False, sep=";")
    return Difficult(path, len(these), these.early, {"closed_on": "signed", "churned_on": "left"})


def tenure_in_days(folder: Path) -> Difficult:
    """No dates at all: days as a customer, and whether it left."""
    these = company(8)
    days = [
        ((left or END) - signed).days for signed, left in zip(these.signed, these.left, strict=True)
    ]
    table = pd.DataFrame({
        "customer_id": range(7000, 7000 + len(these)),
        "days_as_customer": days,
        "churned": ["Yes" if gone else "No" for gone in these.gone],
        "contract": these.pick("monthly", "yearly"),
        "support_plan": these.pick("none", "gold"),
    })  # fmt: skip
    path = folder / "customers.csv"
    table.to_csv(path, index=False)
    month = 365.2425 / 12
    early = sum(gone and day / month <= HORIZON for gone, day in zip(these.gone, days, strict=True))
    return Difficult(
        path, len(these), early, {"tenure_months": "days_as_customer", "churned": "churned"}
    )


def two_currencies(folder: Path) -> Difficult:
    """Monthly fees, some in dollars and some in euros; a column gives the currency."""
    these = company(9)
    table = pd.DataFrame({
        "Contract No": [f"C-{n}" for n in range(len(these))],
        "Contract start": these.written(these.signed, "%Y-%m-%d"),
        "Cancellation date": these.written(these.left, "%Y-%m-%d", "n/a"),
        "Monthly fee": these.rng.integers(50, 5000, len(these)),
        "Currency of Value": these.pick("USD", "EUR", "EUR"),
        "Industry": these.pick("Retail", "Bank", "None"),
    })  # fmt: skip
    path = folder / "contracts.csv"
    table.to_csv(path, index=False)
    kept = [n for n, code in enumerate(table["Currency of Value"]) if code == "EUR"]
    some = Company([these.signed[n] for n in kept], [these.left[n] for n in kept], these.rng)
    return Difficult(
        path,
        len(some),
        some.early,
        {
            "id": "Contract No",
            "closed_on": "Contract start",
            "churned_on": "Cancellation date",
            "amount": "Monthly fee",
        },
        left_out=len(these) - len(some),
        answers={"rows": {"keep": {"Currency of Value": ["EUR"]}}},
    )


def renewals(folder: Path) -> Difficult:
    """A row per yearly term of a customer; the last one is open where it is still there."""
    these = company(10)
    lines = []
    for n, (signed, left) in enumerate(zip(these.signed, these.left, strict=True)):
        start, k = signed, 0
        while True:
            end = months_after(start, 12) - timedelta(days=1)
            last = end >= (left or END)
            stop = left if last else end
            lines.append({"term_id": f"T{n:04}-{k}", "account_id": f"A{n:04}", "start_date": start,
                          "end_date": stop, "plan": ("s", "m", "l")[(n + k) % 3],
                          "arr": 1000 + 10 * n + 50 * k})  # fmt: skip
            if last:
                break
            start, k = end + timedelta(days=1), k + 1
    path = folder / "terms.csv"
    pd.DataFrame(lines).to_csv(path, index=False)
    return Difficult(
        path,
        len(these),
        these.early,
        {"id": "term_id", "closed_on": "start_date", "churned_on": "end_date", "amount": "arr"},
        left_out=len(lines) - len(these),
    )


def purged(folder: Path) -> Difficult:
    """Customers who left before July 2024 were deleted from the CRM."""
    these = company(11, customers=900)
    since = date(2024, 7, 1)
    kept = [n for n, left in enumerate(these.left) if left is None or left >= since]
    some = Company([these.signed[n] for n in kept], [these.left[n] for n in kept], these.rng)
    table = pd.DataFrame({
        "deal_id": [f"D{n:04}" for n in range(len(some))],
        "won_on": some.written(some.signed, "%m/%d/%Y"),
        "churn_date": some.written(some.left, "%m/%d/%Y"),
        "tier": some.pick("a", "b"), "acv": [900 + 5 * n for n in range(len(some))],
    })  # fmt: skip
    path = folder / "crm.csv"
    table.to_csv(path, index=False)
    since_then = [n for n, day in enumerate(some.signed) if day >= since]
    recorded = Company(
        [some.signed[n] for n in since_then], [some.left[n] for n in since_then], some.rng
    )
    return Difficult(
        path,
        len(some),
        recorded.early,
        {"closed_on": "won_on", "churned_on": "churn_date", "amount": "acv"},
        answers={"deals": {"observed_from": "2024-07-01"}},
        asks=("missing-leavers",),
        since="2024-07-01",
    )


def french_export(folder: Path) -> Difficult:
    """Narrow spaces between thousands, "en cours" instead of a date, a status."""
    these = company(12)
    table = pd.DataFrame({
        "numéro de contrat": [f"N{n:05}" for n in range(len(these))],
        "date de signature": these.written(these.signed, "%d/%m/%Y"),
        "date de résiliation": these.written(these.left, "%d/%m/%Y", "en cours"),
        "statut": ["résilié" if gone else "actif" for gone in these.gone],
        "secteur": these.pick("Industrie", "Santé"),
        "montant annuel": [f"{v:,},50 €".replace(",", "\N{NARROW NO-BREAK SPACE}", 1)
                           if v >= 1000 else f"{v},50 €"
                           for v in these.rng.integers(300, 9000, len(these))],
    })  # fmt: skip
    path = folder / "contrats.csv"
    table.to_csv(path, index=False, sep=";")
    return Difficult(
        path,
        len(these),
        these.early,
        {
            "id": "numéro de contrat",
            "closed_on": "date de signature",
            "churned_on": "date de résiliation",
            "amount": "montant annuel",
        },
    )


def spanish_status(folder: Path) -> Difficult:
    """Estado: Alta or Baja; some who left have no date."""
    these = company(13)
    hidden = [day is not None and these.rng.random() < 0.15 for day in these.left]
    dated = [None if hide else day for day, hide in zip(these.left, hidden, strict=True)]
    table = pd.DataFrame({
        "id_contrato": [f"C{n}" for n in range(len(these))],
        "fecha_alta": these.written(these.signed, "%Y-%m-%d"),
        "fecha_baja": these.written(dated, "%Y-%m-%d"),
        "estado": ["Baja" if gone else "Alta" for gone in these.gone],
        "provincia": these.pick("Madrid", "Sevilla", "Lugo"),
        "cuota mensual": [f"{v},00" for v in these.rng.integers(20, 300, len(these))],
    })  # fmt: skip
    path = folder / "clientes.csv"
    path.write_bytes(table.to_csv(index=False, sep=";").encode("cp1252"))
    kept = [(s, d) for s, d, hide in zip(these.signed, these.left, hidden, strict=True) if not hide]
    early = Company([s for s, _ in kept], [d for _, d in kept], these.rng).early
    return Difficult(
        path,
        len(kept),
        early,
        {
            "closed_on": "fecha_alta",
            "churned_on": "fecha_baja",
            "churned": "estado",
            "amount": "cuota mensual",
        },
        left_out=sum(hidden),
        answers={"rows": {"left_without_date": "drop"}},
    )


def excel_serials(folder: Path) -> Difficult:
    """Dates as Excel's serial numbers in a tab-separated CSV, with 0 for never."""
    these = company(14)
    start = date(1899, 12, 30)
    table = pd.DataFrame({
        "Order ID": [f"SO{n:05}" for n in range(len(these))],
        "Signed Date": [(d - start).days for d in these.signed],
        "Churn Date": ["" if d is None else (d - start).days for d in these.left],
        "Segment": these.pick("SMB", "MM", "ENT"),
        "ACV (USD)": [f"${v / 1000:.1f}k" for v in these.rng.integers(1500, 90000, len(these))],
    })  # fmt: skip
    path = folder / "export.tsv"
    table.to_csv(path, index=False, sep="\t")
    return Difficult(
        path,
        len(these),
        these.early,
        {
            "id": "Order ID",
            "closed_on": "Signed Date",
            "churned_on": "Churn Date",
            "amount": "ACV (USD)",
        },
    )


def american_times(folder: Path) -> Difficult:
    """3/5/2024 2:05 PM, UTF-16, trial and renewal dates before the right one."""
    these = company(15)

    def stamp(d: date | None) -> str:
        return "" if d is None else f"{d.month}/{d.day}/{d.year} 2:05 PM"

    table = pd.DataFrame({
        "Subscription Number": [f"S{n:05}" for n in range(len(these))],
        "Trial End": [stamp(d) if n % 2 else "" for n, d in enumerate(these.signed)],
        "Renewal Date": [
            stamp(d + timedelta(days=365)) if n % 3 else "" for n, d in enumerate(these.signed)
        ],
        "Last Payment": [stamp(END) if n % 2 else "" for n in range(len(these))],
        "Signed At": [stamp(d) for d in these.signed],
        "Cancelled At": [stamp(d) for d in these.left],
        "Annual Contract Value": [f"{v:,}" for v in these.rng.integers(900, 90000, len(these))],
        "Country": these.pick("US", "CA", "NA"),
    })  # fmt: skip
    path = folder / "subs.csv"
    path.write_bytes(table.to_csv(index=False).encode("utf-16"))
    return Difficult(
        path,
        len(these),
        these.early,
        {
            "id": "Subscription Number",
            "closed_on": "Signed At",
            "churned_on": "Cancelled At",
            "amount": "Annual Contract Value",
        },
    )


DIFFICULT: dict[str, Callable[[Path], Difficult]] = {
    made.__name__: made
    for made in (
        german_workbook, german_csv, chinese_crm, portuguese_flags, hubspot, chargebee,
        two_digit_years, tenure_in_days, two_currencies, renewals, purged, french_export,
        spanish_status, excel_serials, american_times,
    )
}  # fmt: skip
