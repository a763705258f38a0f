"""The reports behind the pages Team and Watch: each computed once, in the background, and kept.

deals, decision log -> the sales report and the monitoring report, computed in a separate thread

ask -> "computing", with the current step -> ... -> the value, until its source changes
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fitmodel.crm.prospects import open_past_deals
from fitmodel.exceptions import DealsError, FitModelError, SpecError
from fitmodel.guessing.questions import read_to_report
from fitmodel.monitoring.report import monitor
from fitmodel.reports.brief import contract_of
from fitmodel.reports.sales_numbers import compute_numbers
from fitmodel.reports.sales_report import make_sales_report
from fitmodel.sales.incentives import rows_of_customers
from fitmodel.sales.reviews import score_in_retrospect
from fitmodel.tables.files import read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator
    from pathlib import Path

    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.guessing.questions import QuestionedDeals
    from fitmodel.loading import ModelHolder
    from fitmodel.monitoring.log import DecisionLog
    from fitmodel.monitoring.report import MonitoringReport
    from fitmodel.reports.sales_numbers import SalesNumbers
    from fitmodel.reports.sales_report import SalesReport
    from fitmodel.sales.plans import Plan
    from fitmodel.sales.reviews import Retrospective

NO_DEALS = (
    "the service was not given past deals. Remedy: fitmodel serve --deals deals.csv, and -c "
    "fitmodel.toml where they are read by another contract than the model's"
)
NO_REP = (
    "the contract names no column of the sales rep, so there is nothing to compare on this page. "
    'Remedy: write rep = "COLUMN" under [deals], and start the service with -c fitmodel.toml'
)
BY_THE_MODELS_CONTRACT = (
    "They were read by the contract of the model. Remedy where the table is newer than the model: "
    "fitmodel serve -c fitmodel.toml with the table's own contract"
)
logger = logging.getLogger("fitmodel.service")
T = TypeVar("T")
STEP_SECONDS = 0.5


@dataclass(frozen=True)
class PastTable:
    """The file of past deals, with its contract and commission plans.

    `spec`: contract to read the file with; None: that of the model.
    """

    path: Path
    spec: DealSpec | None = None
    plans: tuple[Plan, ...] = ()

    def stamp(self) -> Hashable:
        """Return a stamp that changes when the file changes: modification time and size."""
        status = self.path.stat()
        return (status.st_mtime_ns, status.st_size)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Add to an error of the deals how to give their contract, if they are read by the model's.

        Raises DealsError if the block raises one.
        """
        try:
            yield
        except DealsError as error:
            if self.spec is not None:
                raise
            raise DealsError(f"{error}\n{BY_THE_MODELS_CONTRACT}") from error


class Pages:
    """The reports behind the pages, each computed once for a state of the deals and the model.

    `deals`: file of past deals; without it there are no reports.
    `log`: decision log, for the outcomes of overrides.
    """

    def __init__(
        self, holder: ModelHolder, deals: PastTable | None, log: DecisionLog | None
    ) -> None:
        self._holder, self._deals, self._log = holder, deals, log
        self._reading = threading.Lock()
        self._read: tuple[Hashable, QuestionedDeals] | None = None
        self.retrospective: Computed[Retrospective] = Computed(self._in_retrospect, self._stamp)
        self.numbers: Computed[SalesNumbers] = Computed(self._numbers, self._stamp)
        self.team: Computed[SalesReport] = Computed(self._team, self._stamp)
        self.watch: Computed[MonitoringReport] = Computed(self._watch, self._stamp)

    @property
    def has_deals(self) -> bool:
        """Whether the service has a file of past deals."""
        return self._deals is not None

    def spec(self) -> DealSpec:
        """Return the contract of the past deals; default: that of the model."""
        known = None if self._deals is None else self._deals.spec
        return known or contract_of(self._holder.model)

    def past_deals(self) -> tuple[pd.DataFrame, DealSpec] | None:
        """Return the past deals and their contract, read once per state of the file, or None."""
        if self._deals is None:
            return None
        with self._reading:
            stamp = self._deals.stamp()
            if self._read is None or self._read[0] != stamp:
                manifest = self._holder.model.manifest
                is_own = self._deals.spec is None
                with self._deals.explained():
                    opened = open_past_deals(self._deals.path, manifest, self.spec(), is_own=is_own)
                    self._read = (stamp, read_to_report(*opened))
            return self._read[1].deals, self._read[1].read.spec

    def numbered_deals(self) -> tuple[pd.DataFrame, DealSpec]:
        """Return the past deals, with rows numbered from 0, and their contract.

        Raises SpecError: without past deals.
        """
        past = self.past_deals()
        if past is None:
            raise SpecError(NO_DEALS)
        return past[0].reset_index(drop=True), past[1]

    def labelled(self, spec: DealSpec, language: str) -> DealSpec:
        """Return the contract with a label, in a language, for each attribute of the model."""
        model = self._holder.model
        wording = model.scorer.wording.in_language(language)
        labels = {name: wording.label(name) for name in model.attributes}
        return spec.replace(words={"labels": labels | dict(spec.words.labels)})

    def close(self) -> None:
        """Start no more computations."""
        for computed in (self.team, self.watch, self.retrospective, self.numbers):
            computed.close()

    def _stamp(self) -> Hashable:
        deals = None if self._deals is None else self._deals.stamp()
        return (deals, self._holder.model.version)

    def _in_retrospect(self, _key: str, on_step: Callable[[str], None]) -> Retrospective:
        on_step("reading")
        return score_in_retrospect(*self.numbered_deals(), progress=on_step)

    def _team(self, language: str, on_step: Callable[[str], None]) -> SalesReport:
        on_step("reading")
        deals, spec = self.numbered_deals()
        plans = () if self._deals is None else self._deals.plans
        rows = None if self._deals is None else rows_of_customers(self._deals.path, spec, plans)
        # The predictions of past models are shared by the quiz and all languages.
        retrospective = self.retrospective.wait("", on_step=on_step).value
        return make_sales_report(
            deals,
            self.labelled(spec, language),
            plans=plans,
            rows=rows,
            retrospective=retrospective,
            numbers=lambda: self._ready_numbers(on_step),
            questions=() if self._read is None else self._read[1].must_answer,
            language=language,
            progress=on_step,
        )

    def _numbers(self, _key: str, on_step: Callable[[str], None]) -> SalesNumbers:
        retrospective = self.retrospective.wait("", on_step=on_step).value
        return compute_numbers(
            *self.numbered_deals(), progress=on_step, retrospective=retrospective
        )

    def _ready_numbers(self, on_step: Callable[[str], None]) -> SalesNumbers:
        """Wait for the numbers of the sales report, which are the same in every language.

        Raises DealsError if they cannot be computed.
        """
        state = self.numbers.wait("", on_step=on_step)
        if state.value is None:
            raise DealsError(state.problem)
        return state.value

    def _watch(self, _key: str, on_step: Callable[[str], None]) -> MonitoringReport:
        if self._deals is None:
            raise SpecError(NO_DEALS)
        on_step("reading")
        table = read_table(self._deals.path)
        with self._deals.explained():
            return monitor(table, self._holder.model, self.spec(), log=self._log, progress=on_step)


@dataclass(frozen=True)
class State(Generic[T]):
    """State of a computation: its value, or its current step, or the error that it ended with.

    `value`: the value; None while it is computed, and after an error.
    `step`: name of the current step; "" if there is none.
    `problem`: message of the error; "" without one.
    """

    value: T | None = None
    step: str = ""
    problem: str = ""


class Computed(Generic[T]):
    """Values by key, each computed once for each state of its source.

    `compute`, callable: computes the value; called with the key and a function to report each step
        with.
    `source`, callable: returns a stamp of the data that the values are computed from; when the
        stamp changes, they are computed again.
    """

    def __init__(
        self, compute: Callable[[str, Callable[[str], None]], T], source: Callable[[], Hashable]
    ) -> None:
        self._compute, self._source = compute, source
        self._lock = threading.Lock()
        self._computations: dict[str, tuple[Hashable, Future[T]]] = {}
        self._steps: dict[str, str] = {}
        # One at a time, so that the processors stay free for requests.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fitmodel-pages")

    def ask(self, key: str) -> State[T]:
        """Return the value, or the current step; start the computation if it is not running."""
        with self._lock:
            stamp = self._source()
            computation = self._computations.get(key)
            if computation is None or computation[0] != stamp:
                computation = (stamp, self._thread.submit(self._run, key))
                self._computations[key] = computation
        future = computation[1]
        if not future.done():
            return State(step=self._steps.get(key, ""))
        try:
            return State(value=future.result())
        except (FitModelError, OSError) as error:
            return State(problem=str(error))

    def wait(self, key: str, on_step: Callable[[str], None] | None = None) -> State[T]:
        """Wait for the computation and return its state; `on_step` is called with each step."""
        self.ask(key)
        future = self._computations[key][1]
        while on_step is not None and not future.done():
            on_step(self._steps.get(key, ""))
            wait_for([future], timeout=STEP_SECONDS)
        future.exception()
        return self.ask(key)

    def close(self) -> None:
        """Start no more computations."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _run(self, key: str) -> T:
        def on_step(step: str) -> None:
            self._steps[key] = step

        try:
            return self._compute(key, on_step)
        except (FitModelError, OSError) as error:
            details: dict[str, Any] = {"page": key, "error": f"{type(error).__name__}: {error}"}
            logger.error("page not computed", extra={"fields": details})  # noqa: TRY400 - a traceback could hold a name
            raise
