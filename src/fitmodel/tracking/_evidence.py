"""Evidence that a version needs to be promoted: skill, and a gain over the champion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitmodel.evaluation.comparison import Comparison
from fitmodel.exceptions import TrackingError
from fitmodel.model.opening import is_own_estimator

if TYPE_CHECKING:
    from fitmodel.bundle.reading import Bundle

_SKILL = "log_loss_skill.low"


class PromotionRefusedError(TrackingError):
    """The evidence does not support the promotion; the message says what is missing.

    Parameters
    ----------
    message : str
        The message, in English.
    kind : str
        Key of what is missing, by which pages find the sentence in other languages; "" if there
        is no such sentence.
    **values
        Values for the placeholders of such a sentence.
    """

    def __init__(self, message: str, kind: str = "", **values: object) -> None:
        super().__init__(message)
        self.kind, self.values = kind, values


def noted_comparison(bundle: Bundle, champion: int | None) -> Comparison | None:
    """Return the comparison that the version's training stored; None if with another champion."""
    fields = bundle.manifest.get("contest")
    noted = None if fields is None else Comparison.from_dict(fields)
    return noted if noted is not None and noted.champion == champion else None


def check_usable(bundle: Bundle, version: Any, champion: int | None) -> None:
    """Refuse a champion that services, briefs, monitoring and Spark would not load.

    Refuse also a provisional model without skill.
    """
    if is_own_estimator(bundle):
        raise _refused(
            version,
            champion,
            f"it is a user's own estimator ({bundle.manifest['estimator']}), which only "
            "`fitmodel score --unpickle` and fitmodel.load(..., unpickle=True) load: as champion "
            "it would stop `serve`, `brief`, `monitor` and Spark",
            "own_estimator",
        )
    report = bundle.manifest.get("report") or {}
    if report.get("regime") == "provisional" and not report.get("has_skill"):
        raise _refused(version, champion, f"it is a {report.get('verdict')}", "provisional")


def check_evidence(
    client: Any, version: Any, champion: int | None, comparison: Comparison | None
) -> None:
    skill = client.get_run(version.run_id).data.metrics.get(_SKILL) if version.run_id else None
    if skill is None:
        why = "its run has no skill measured against the base rate"
        raise _refused(version, champion, why, "unmeasured")
    if skill <= 0:
        raise _refused(
            version,
            champion,
            f"its skill against the base rate is not beyond noise (interval from {skill:.4f})",
            "no_skill",
            low=f"{skill:+.4f}",
        )
    if champion is None:
        return
    if comparison is None:
        raise _refused(
            version,
            champion,
            f"it was not compared with the champion, version {champion}, on the same deals "
            "(training it again does that)",
            "not_compared",
        )
    if comparison.objections:
        why = "; ".join(comparison.objections)
        raise _refused(version, champion, why, "objections", problems=why)
    if not comparison.low > 0:
        raise _refused(
            version,
            champion,
            f"it does not beat the champion, version {champion}, beyond noise: {comparison}",
            "not_better",
            deals=f"{comparison.deals:,}",
            gain=f"{comparison.gain:+.4f}",
            low=f"{comparison.low:+.4f}",
            high=f"{comparison.high:+.4f}",
        )


def _refused(
    version: Any, champion: int | None, why: str, kind: str, **values: object
) -> PromotionRefusedError:
    stays = "No model is in use" if champion is None else "The champion stays"
    return PromotionRefusedError(
        f"version {version.version} of {version.name!r} was not promoted: {why}. {stays}; "
        "to promote all the same, force it with a reason (fitmodel promote --force REASON)",
        kind,
        champion=champion,
        **values,
    )
