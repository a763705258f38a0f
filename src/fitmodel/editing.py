"""Manual edit of a model's table, with a reason, and re-evaluation of the model.

model -> the edit, in values -> its scorecard edited -> a new version; the old one is kept
                             -> a refitted scorecard with and without it, evaluated on later deals
"""

from __future__ import annotations

import getpass
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitmodel.bundle.manifest import OWN_FIELDS
from fitmodel.bundle.reading import open_bundle
from fitmodel.bundle.store import write_bundle
from fitmodel.crm.prospects import open_past_deals
from fitmodel.crm.reading import read_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import with_unique_index
from fitmodel.evaluation.re_evaluation import re_evaluate
from fitmodel.exceptions import EditError
from fitmodel.learning.editing import (
    Cap,
    DropPair,
    SetEffect,
    Smooth,
    changed_rows,
    column_of,
    edit_from_dict,
    edit_to_dict,
    read_level,
    read_range,
)
from fitmodel.loading import load
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.opening import SCORER_FILE
from fitmodel.pooling import with_prior
from fitmodel.reports.card import CARD_FILE, card_with_edits
from fitmodel.tracking.runs import Tracked, track_edit

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.evaluation.re_evaluation import ReEvaluation
    from fitmodel.learning.editing import Edit

NOT_CARRIED_OVER = ("comparison",)  # the comparison with the champion was made before the edit


@dataclass(frozen=True, eq=False)
class EditedModel:
    """Result of an edit.

    Attributes
    ----------
    model : FitModel
        The edited model, loaded from the bundle just written.
    bundle_path : Path
        Folder of that bundle.
    edit : dict
        Record of the edit in the manifest: what, who, when, why, each row before and after.
    re_evaluation : ReEvaluation or None
        Comparison with and without the edit on deals not learned from; None if no deals were given.
    tracked : Tracked or None
        Run and registered version of the edit; None if the edited model was not tracked.
    """

    model: FitModel
    bundle_path: Path
    edit: dict[str, Any]
    re_evaluation: ReEvaluation | None
    tracked: Tracked | None = None


def edit_table(
    model: FitModel | str | Path,
    attribute: str,
    *,
    reason: str,
    by: str | None = None,
    level: str | None = None,
    effect: float | None = None,
    smooth: str | None = None,
    cap: float | None = None,
    drop_pair_with: str | None = None,
    deals: pd.DataFrame | str | Path | None = None,
    spec: DealSpec | None = None,
    models: str | Path | None = None,
    use: bool = False,
) -> EditedModel:
    """Edit a table of a model by hand, and write a new version with a record of the edit.

    Give exactly one edit: `level` with `effect` sets a row, `smooth` replaces the effects in a
    range by a straight line, `cap` bounds the effects (all of them, or those of `level`),
    `drop_pair_with` removes the pair of two attributes.

    Parameters
    ----------
    model : FitModel, path or registry URI
        The model; it is not changed.
    attribute : str
        Name of the attribute whose table is edited.
    reason : str
        Reason of the edit; stored in the manifest and on the card.
    by : str, optional
        Person who makes the edit; default: the login name.
    level : str, optional
        A level, "missing", "never seen before", a bin as the table names it, or a number in it.
    effect : float, optional
        New effect of the level, in log-odds before calibration: 0 is none, 0.7 doubles the odds.
    smooth : str, optional
        Range ``FROM:TO`` of a number; an empty side is open.
    cap : float, optional
        Largest absolute effect, in log-odds.
    drop_pair_with : str, optional
        The other attribute of the pair.
    deals : DataFrame or path, optional
        Deals to evaluate the edit on, see `fitmodel.evaluation.re_evaluation`.
    spec : DealSpec, optional
        Contract of these deals; default: the contract that the model was trained with.
    models : path, optional
        Folder of models to write to; default: the one that has the model.
    use : bool, default=False
        Whether the edited version becomes the one in use in that folder.

    Returns
    -------
    EditedModel
        The edited model, its bundle, the record of the edit, and the re-evaluation.

    Raises
    ------
    EditError
        If there is no reason, the model does not have the attribute, level or pair (the message
        lists those it has), or the edit changes nothing.
    DealsError
        If `deals` cannot be read, or are too few to evaluate on.
    BundleError
        If the new version cannot be written; then nothing has changed.

    Notes
    -----
    The edit of a tracked model is tracked too: with its own run and registered version, tagged with
    the reason; no alias changes. If the store does not answer, `EditedModel.tracked` has a warning.

    The edited bundle has no fitted estimator, because it learned the tables before the edit.

    Examples
    --------
    >>> edited = edit_table(
    ...     "models/prospect-fit", "lead_source", level="event", effect=0.0, reason="a fair is over"
    ... )
    >>> edited.model.table("lead_source").set_index("value").loc["event", "log_odds"]
    np.float64(0.0)
    """
    opened = model if isinstance(model, FitModel) else load(model)
    if opened.path is None:
        raise EditError("the model was not loaded from a bundle: save it, then edit what is there")
    if "estimator" in opened.manifest:
        raise EditError(
            "the model is a user's own estimator: it has no tables that could be edited"
        )
    change = _read_edit(opened, attribute, level, effect, smooth, cap, drop_pair_with)
    record = _record(opened, change, reason, by)
    re_evaluation = None if deals is None else _re_evaluated(opened, change, deals, spec)
    record["evaluation"] = (
        None if re_evaluation is None else re_evaluation.to_dict() | {"words": str(re_evaluation)}
    )
    path = _write(opened, change, record, re_evaluation, models, use=use)
    edited = load(path)
    return EditedModel(edited, path, record, re_evaluation, _tracked(edited, path, record))


def _tracked(edited: FitModel, path: Path, record: dict[str, Any]) -> Tracked | None:
    """Register the edited version if the model was tracked; otherwise create no store."""
    if not edited.manifest.get("run_id"):
        return None
    spec = DealSpec.from_manifest(edited.manifest["spec"])
    return track_edit(path, spec, edited.example(), record)


def edits_of(model: FitModel) -> list[dict[str, Any]]:
    """Return the manual edits of a model, oldest first, as its manifest records them."""
    return list(model.manifest.get("edits", ()))


def _read_edit(
    model: FitModel,
    attribute: str,
    level: str | None,
    effect: float | None,
    smooth: str | None,
    cap: float | None,
    drop_pair_with: str | None,
) -> Edit:
    column = column_of(model.scorecard, attribute)
    given = [
        name
        for name, value in (
            ("effect", effect),
            ("smooth", smooth),
            ("cap", cap),
            ("drop_pair_with", drop_pair_with),
        )
        if value is not None
    ]
    if len(given) != 1:
        raise EditError(
            f"an edit does one thing; {', '.join(given) or 'nothing'} was asked for. Remedy: give "
            "a level with its effect, or a range to smooth, or a cap, or a pair to drop."
        )
    target = None if level is None else read_level(column, level)
    if effect is not None:
        if target is None:
            raise EditError(
                f"whose effect? Remedy: name a level or bin of {attribute!r} (--level)."
            )
        return SetEffect(attribute, target, effect)
    if cap is not None:
        return Cap(attribute, (None, None) if target is None else target, cap)
    if level is not None:
        raise EditError(f"{given[0]} does not go with a level: leave the level out")
    if smooth is not None:
        return Smooth(attribute, read_range(column, smooth))
    return DropPair(attribute, str(drop_pair_with))


def _record(model: FitModel, change: Edit, reason: str, by: str | None) -> dict[str, Any]:
    """Return the record of an edit for the manifest."""
    if not reason.strip():
        raise EditError("an edit needs a reason: say why, for whoever reads the card next year")
    rows = changed_rows(model.scorecard, change)
    return {
        "edit": edit_to_dict(change),
        "words": str(change),
        "reason": reason.strip(),
        "by": (by or _login()).strip(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "from_version": model.version,
        "rows": [row._asdict() for row in rows],
    }


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user may have no name
        raise EditError("nobody is logged in by name here: say who makes the edit (by)") from None


def _re_evaluated(
    model: FitModel, change: Edit, deals: pd.DataFrame | str | Path, spec: DealSpec | None
) -> ReEvaluation:
    contract = spec or DealSpec.from_manifest(model.manifest["spec"])
    earlier = [edit_from_dict(item["edit"]) for item in edits_of(model)]
    file, contract = open_past_deals(deals, model.manifest, contract, is_own=spec is None)
    table = with_unique_index(read_deals(file, contract))
    return re_evaluate(table, with_prior(contract, table), change, earlier=earlier)


def _write(
    model: FitModel,
    change: Edit,
    record: dict[str, Any],
    re_evaluation: ReEvaluation | None,
    models: str | Path | None,
    *,
    use: bool,
) -> Path:
    bundle = open_bundle(Path(str(model.path)))
    edits = [*edits_of(model), record]
    manifest = {
        name: value
        for name, value in model.manifest.items()
        if name not in (*OWN_FIELDS, *NOT_CARRIED_OVER)
    }
    manifest |= {"edits": edits, "edited_from": model.version}
    if re_evaluation is not None:
        manifest["metrics"] = {name: metric.value for name, metric in re_evaluation.after.items()}
    scorecard = change.changed(change.prepared(model.scorecard))
    files = {SCORER_FILE: replace(model.scorer, scorecard=scorecard).to_json()}
    if CARD_FILE in bundle.files:
        card = bundle.read(CARD_FILE).decode()
        files[CARD_FILE] = card_with_edits(card, edits).encode()
    model_folder = bundle.path.parent
    models_folder = model_folder.parent if model_folder.name == bundle.name else Path("models")
    return write_bundle(
        models_folder if models is None else Path(models),
        bundle.name,
        files=files,
        manifest=manifest,
        make_current=use,
    )
