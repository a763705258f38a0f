"""The `[learning]` section of the contract: how the scorecard is learned."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, field_validator

from fitmodel.deals.sections import Column, Columns, Count, Positive, Section, Share


class Learning(Section):
    """How the scorecard is learned, seeded and limited.

    `components` may enter the weighted sum, "logistic" always; `penalties` of the ridge regression
    and `shares` of a second component are tried on `folds`; `pairs` is how many pairs of attributes
    boosting may choose; `replicates` are bootstrap refits for the interval. After
    `time_budget_seconds` no further component is tried. Where there are more than `effect_deals`
    deals, effects are learned from a stratified sample of so many, the level from all. `prior` is
    the folder of another model, or of several pooled ones, towards whose contributions those of
    these deals are drawn, as far as the deals agree. `expect` names levels that an expert expects to be "riskier" or "safer".
    """

    section: ClassVar[str] = "learning"

    seed: Annotated[Count, Field(ge=0, lt=2**32)] = 0
    threads: Annotated[Count, Field(ge=1)] = 1
    components: Columns = ("logistic", "boosted")
    penalties: Annotated[tuple[Positive, ...], Field(min_length=1)] = (
        0.3, 1.0, 3.0, 10.0, 30.0, 100.0,
    )  # fmt: skip
    shares: Annotated[tuple[Share, ...], Field(min_length=1)] = (0.25, 0.5, 0.75, 1.0)
    pairs: Annotated[Count, Field(ge=0, le=50)] = 5
    folds: Annotated[Count, Field(ge=2, le=20)] = 4
    replicates: Annotated[Count, Field(ge=3, le=200)] = 12
    time_budget_seconds: Positive | None = None
    effect_deals: Annotated[Count, Field(ge=2_000)] = 20_000
    prior: Annotated[str, Field(min_length=1)] | None = None
    expect: dict[Column, Literal["riskier", "safer"]] = Field(default_factory=dict)
    _parent: Any = PrivateAttr(default=None)

    @field_validator("components", mode="after")
    @classmethod
    def _logistic_is_there(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "logistic" not in value:
            raise ValueError('[learning] components needs "logistic": it gives the soft labels')
        return tuple(dict.fromkeys(value))

    @property
    def parent(self) -> Any:
        """Contributions read from `prior`; None before they are read."""
        return self._parent

    def with_parent(self, parent: Any) -> Self:
        """Return the same section with what was read from `prior`."""
        copied = self.model_copy()
        copied._parent = parent  # noqa: SLF001 - of its own kind
        return copied
