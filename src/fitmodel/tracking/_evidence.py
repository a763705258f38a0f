"""Evidence that a promotion needs: skill, and a comparison with the champion."""

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


def stored_comparison(bundle: Bundle, champion: int | None) -> Comparison | None:
    """Return the comparison that the version's training stored; None if with another champion."""
    fields = bundle.manifest.get("comparison")
    comparison = None if fields is None else Comparison.from_dict(fields)
    return comparison if comparison is not None and comparison.champion == champion else None


def require_evidence(
    client: Any, bundle: Bundle, version: Any, champion: int | None, comparison: Comparison | None
) -> None:
    """Raise PromotionRefusedError if a version should not be put in use."""
    check_usable(bundle, version, champion)
    tracking = bundle.manifest.get("spec", {}).get("tracking", {})
    unless_worse = tracking.get("promote") == "unless worse"
    check_evidence(client, version, champion, comparison, unless_worse=unless_worse)


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
    client: Any,
    version: Any,
    champion: int | None,
    comparison: Comparison | None,
    *,
    unless_worse: bool = False,
) -> None:
    """Raise an error if a version has no skill or no gain over the champion.

    With `unless_worse`, a version that was compared with the champion is refused only for a loss
    beyond chance: it is not asked for skill again.
    """
    if unless_worse and champion is not None and comparison is not None and comparison.deals:
        if comparison.high < 0:
            raise _no_gain(version, champion, comparison, "is worse than", "worse")
        return
    skill = client.get_run(version.run_id).data.metrics.get(_SKILL) if version.run_id else None
    if skill is None:
        why = "its run has no skill measured against the base rate"
        raise _refused(version, champion, why, "unmeasured")
    if max(skill, (comparison and comparison.skill_low) or 0.0) <= 0:
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
        raise _refused(version, champion, why, "objections", comparison.caveat, problems=why)
    if not comparison.low > 0:
        raise _no_gain(version, champion, comparison, "does not beat", "not_better")


def _no_gain(
    version: Any, champion: int, comparison: Comparison, verb: str, kind: str
) -> PromotionRefusedError:
    return _refused(
        version,
        champion,
        f"it {verb} the champion, version {champion}, beyond noise: it gains {comparison} "
        "(above 0 it is better)",
        kind,
        comparison.caveat,
        deals=f"{comparison.deals:,}",
        gain=f"{comparison.gain:+.4f}",
        low=f"{comparison.low:+.4f}",
        high=f"{comparison.high:+.4f}",
    )


def _refused(
    version: Any, champion: int | None, why: str, kind: str, caveat: str = "", **values: object
) -> PromotionRefusedError:
    stays = "No model is in use" if champion is None else "The champion stays"
    return PromotionRefusedError(
        f"version {version.version} of {version.name!r} was not promoted: {why}. {stays}; "
        "to promote it anyway, force it with a reason (fitmodel promote --force REASON)"
        f"{caveat and f'. {caveat}'}",
        kind,
        champion=champion,
        caveat=caveat,
        **values,
    )
