"""Limits of a payroll: nothing is taken back that was not paid, and no more is paid than the cap.

The account of a rep and a customer holds the lines of the rep's deals with this customer, and the
credit notes for them. A credit note for a customer with whom its rep signed no deal before it, or
whose customer is not known, has an account of its own: a number below 0, for which the first limit
does not hold.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fitmodel.sales._plan_clauses import Cap

ZERO = Decimal(0)
Row = tuple[str, str, str, str, Decimal, int]
"""Month, rep, kind, deal, amount and account."""


def accounts_of(lines: pd.DataFrame) -> list[int]:
    """Return the account of each line of a ledger, given the number of its customer's deal."""
    signed = lines["signed"].to_numpy()
    is_note = lines["nominal"].map(lambda amount: amount < 0).to_numpy(dtype=bool)
    keys = list(zip(lines["rep"], lines["account"], strict=True))
    first: dict[Any, Any] = {}
    for key, day, note in zip(keys, signed, is_note, strict=True):
        if not note:
            first[key] = min(first.get(key, day), day)
    return [
        account if not note or ((rep, account) in first and first[rep, account] <= day) else -1 - at
        for at, ((rep, account), day, note) in enumerate(zip(keys, signed, is_note, strict=True))
    ]


def limit_credit_notes(lines: pd.DataFrame, entries: pd.DataFrame) -> pd.DataFrame:
    """Return the entries of a ledger in which credit notes take back at most what was paid.

    What of a note was not paid yet is pending, like the commission from which it will be deducted,
    or withheld if nothing more can be paid.
    """
    accounts = np.array(accounts_of(lines))
    nominal = entries["nominal"].to_numpy()
    records = cast("list[dict[str, Any]]", entries.to_dict("records"))
    notes: dict[Any, list[int]] = {}
    for at in np.argsort(lines["signed"].to_numpy(), kind="stable").tolist():
        if nominal[at] < 0 and accounts[at] >= 0:
            notes.setdefault((lines["rep"].iloc[at], accounts[at]), []).append(at)
    for (rep, account), positions in notes.items():
        own = np.flatnonzero((accounts == account) & (lines["rep"] == rep).to_numpy())
        _limit_account([records[at] for at in own if nominal[at] >= 0],
                       [records[at] for at in positions])  # fmt: skip
    return pd.DataFrame(records, index=entries.index, columns=entries.columns)


def _limit_account(deals: list[dict[str, Any]], notes: list[dict[str, Any]]) -> None:
    """Split the credit notes of an account into what is taken back, pending and withheld."""
    paid = sum((_paid(entry) for entry in deals), ZERO)
    pending = sum((entry["pending"] for entry in deals), ZERO)
    to_pay = sum((entry["nominal"] - entry["withheld"] for entry in deals), ZERO) - paid
    share = sum(entry["expected"] for entry in deals) / float(pending) if pending else 0.0
    for note in notes:
        taken = min(-note["nominal"], paid)
        waiting = min(-note["nominal"] - taken, to_pay)
        paid, to_pay = paid - taken, to_pay - waiting
        note |= {
            "earned": -taken,
            "pending": -waiting,
            "withheld": note["nominal"] + taken + waiting,
            "expected": -float(waiting) * share if waiting else 0.0,
        }


def _paid(entry: dict[str, Any]) -> Decimal:
    """Return what was paid for a deal so far: the advance, as long as less is earned."""
    amount: Decimal = entry["earned"]
    return max(amount, entry["paid_at_signing"]) if entry["pending"] else amount


def carry_forward(table: pd.DataFrame) -> pd.DataFrame:
    """Add rows that carry forward what a credit note cannot take back, because it was not paid.

    The amount is taken back later, from what becomes due for the same rep and customer.
    """
    notes = table[(table["kind"] == "credit_note") & (table["account"] >= 0)]
    first_note = notes.drop_duplicates(["rep", "account"]).set_index(["rep", "account"])["deal"]
    is_open = pd.MultiIndex.from_frame(table[["rep", "account"]]).isin(first_note.index)
    rows: list[Row] = []
    groups: Any = table[is_open].groupby(["rep", "account"], sort=True)
    for (rep, account), part in groups:
        balance = owed = ZERO
        for month, amount in part.groupby("month", sort=True)["amount"].sum().items():
            balance += amount
            carried = max(-balance, ZERO) - owed
            if carried != ZERO:
                deal = first_note[rep, account]
                rows.append((str(month), rep, "carried_forward", deal, carried, account))
                owed += carried
    return _append(table, rows)


def with_cap(table: pd.DataFrame, cap: Cap) -> pd.DataFrame:
    """Add rows that subtract what exceeds the cap of a period, in the month of the excess.

    The cap is filled in the order in which amounts become due. Of a deal whose commission the cap
    held back, the part that was never paid is taken back first, and so costs the rep nothing.
    """
    unit = {"month": "M", "quarter": "Q", "year": "Y"}[cap.period]
    rows: list[Row] = []
    for rep, part in table.groupby("rep", sort=True):
        capped = _CappedRep(str(rep), cap.amount)
        for month, due in part.groupby("month", sort=True):
            capped.start(str(pd.Period(str(month), "M").asfreq(unit)))
            rows += capped.adjust(str(month), _due_by_account(due))
    return _append(table, rows)


def _due_by_account(due: pd.DataFrame) -> dict[int, tuple[str, Decimal]]:
    """Return the deal and the sum of each account of a month, in the order of the days."""
    result: dict[int, tuple[str, Decimal]] = {}
    for row in due.sort_values(["day", "deal"], kind="stable").to_dict("records"):
        deal, amount = result.get(row["account"], (row["deal"], ZERO))
        result[row["account"]] = (deal, amount + row["amount"])
    return result


class _CappedRep:
    """What the cap has held back of a rep's accounts, in the present period and before it."""

    def __init__(self, rep: str, cap: Decimal) -> None:
        self.rep, self.cap, self.period = rep, cap, ""
        self.due: list[tuple[int, Decimal]] = []
        """Accounts and amounts that became due in the present period, in this order."""
        self.room = cap
        """What is paid of them in the present period: the cap and what was taken back in it."""
        self.held: dict[int, Decimal] = {}
        """Held back in the present period: paid after all if something is taken back in it."""
        self.lost: dict[int, Decimal] = {}
        """Held back in earlier periods: never paid, so it cannot be taken back."""
        self.deals: dict[int, str] = {}

    def start(self, period: str) -> None:
        """Begin a period, unless it is the present one."""
        if period == self.period:
            return
        for account, amount in self.held.items():
            self.lost[account] = self.lost.get(account, ZERO) + amount
        self.period, self.due, self.room, self.held = period, [], self.cap, {}

    def adjust(self, month: str, due: dict[int, tuple[str, Decimal]]) -> Iterator[Row]:
        """Yield the rows that the cap adds to a month, given what is due in it by account."""
        changes = dict.fromkeys([*self.held, *due], ZERO)
        for account, (deal, amount) in due.items():
            self.deals.setdefault(account, deal)
            if amount > 0:
                self.due.append((account, amount))
            else:
                changes[account] += self._take_back(account, -amount)
        held = self._held_back()
        for account, change in changes.items():
            amount = change + self.held.get(account, ZERO) - held.get(account, ZERO)
            if amount != ZERO:
                yield month, self.rep, "capped", self.deals[account], amount, account
        self.held = held

    def _take_back(self, account: int, amount: Decimal) -> Decimal:
        """Take an amount back, and return the part of it that was never paid."""
        never_paid = min(amount, self.lost.get(account, ZERO))
        if never_paid:
            self.lost[account] -= never_paid
        rest = amount - never_paid
        for at in reversed(range(len(self.due))):
            if self.due[at][0] == account:
                undone = min(rest, self.due[at][1])
                self.due[at] = (account, self.due[at][1] - undone)
                rest -= undone
        self.room += rest
        return never_paid

    def _held_back(self) -> dict[int, Decimal]:
        """Return by account what is beyond the cap if it is filled in the order of the amounts."""
        held: dict[int, Decimal] = {}
        room = self.room
        for account, amount in self.due:
            paid = min(amount, room)
            room -= paid
            if amount > paid:
                held[account] = held.get(account, ZERO) + amount - paid
        return held


def _append(table: pd.DataFrame, rows: list[Row]) -> pd.DataFrame:
    columns = ["month", "rep", "kind", "deal", "amount", "account"]
    return pd.concat([table, pd.DataFrame(rows, columns=columns)]) if rows else table
