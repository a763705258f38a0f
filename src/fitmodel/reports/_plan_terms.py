"""Clauses of a commission plan, a sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fitmodel.language.catalogue import Say
    from fitmodel.sales.plans import Plan


def plan_terms(plan: Plan, say: Say) -> list[str]:
    """Say each clause of a plan in a sentence; `say` opens the topic "commission"."""
    rate = f"{plan.commission_rate:.1%}"
    whole = "terms" if plan.earned_after_months else "terms_at_signing"
    lines = [say(whole, rate=rate, months=plan.earned_after_months)]
    lines += [say("terms_tier", share=f"{t.share:.0%}", months=t.months) for t in plan.tiers]
    if plan.paid_at_signing:
        lines.append(say("terms_advance", share=f"{plan.paid_at_signing:.0%}"))
    lines += _clauses(plan, say)
    if plan.bonus is not None:
        bonus = plan.bonus
        lines.append(
            say(
                f"terms_bonus_{bonus.period}",
                top=bonus.top,
                amount=f"{bonus.amount:,.2f}",
                deals=bonus.least_deals,
            )
        )
    return lines


def _clauses(plan: Plan, say: Say) -> list[str]:
    """A sentence for each further clause of a plan."""
    lines = []
    if plan.clawback == "unused_months":
        lines.append(say("terms_unused_months"))
    if plan.excluded_causes is not None:
        lines.append(say("terms_excluded", causes=", ".join(plan.excluded_causes.causes)))
    if plan.split is not None:
        lines.append(say("terms_split", column=plan.split.rep))
    if plan.credit_notes == "deduct":
        lines.append(say("terms_credit_notes"))
    if plan.upgrades == "increase":
        lines.append(say("terms_upgrades"))
    return [*lines, *_of_periods(plan, say), *_of_payroll(plan, say)]


def _of_periods(plan: Plan, say: Say) -> list[str]:
    """Clauses that count what a rep signs or is paid in a period."""
    lines = []
    if plan.accelerators is not None:
        steps = [
            say("terms_step", rate=f"{step.rate:.1%}", above=f"{step.above:,.2f}")
            for step in plan.accelerators.steps
        ]
        period = say(f"a_{plan.accelerators.period}")
        lines.append(say("terms_accelerators", period=period, steps="; ".join(steps)))
    if plan.cap is not None:
        period = say(f"a_{plan.cap.period}")
        lines.append(say("terms_cap", amount=f"{plan.cap.amount:,.2f}", period=period))
    return lines


def _of_payroll(plan: Plan, say: Say) -> list[str]:
    """Clauses about the months in which a rep is paid."""
    lines = []
    if plan.draw is not None:
        key = "terms_draw" if plan.draw.recoverable else "terms_guarantee"
        lines.append(say(key, amount=f"{plan.draw.amount:,.2f}"))
    if plan.leavers is not None:
        lines.append(say(f"terms_leavers_{plan.leavers.pending}_{plan.leavers.clawback}"))
    if plan.payroll_months_later:
        lines.append(say("terms_later", months=plan.payroll_months_later))
    return lines
