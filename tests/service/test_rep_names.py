"""At start the service warns of users whose rep has no deal."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from fitmodel.service._assembly import reps_without_deals
from fitmodel.service.app import create_app
from fitmodel.service.settings import People, Person, Settings

KNOWN = {"Kim Lee", "Ann Wu", "007"}


def people(**reps: str) -> People:
    return People({name: Person(name, "rep", rep) for name, rep in reps.items()})


def warnings_at_start(caplog: Any, *given: Any, **options: Any) -> list[str]:
    with TestClient(create_app(*given, **options)):
        for thread in threading.enumerate():
            if thread.name == "fitmodel-reps":
                thread.join()
    return [each.getMessage() for each in caplog.records if "Remedy" in each.getMessage()]


@pytest.mark.parametrize("rep", ["Kim Lee", "kim  lee", "KIM LEE ", "007"])
def test_a_rep_with_deals_gets_no_warning_in_any_spelling(rep: str) -> None:
    assert reps_without_deals(people(kim=rep), KNOWN, "owner") == []


def test_a_rep_without_deals_is_named_with_the_column_and_the_similar_name() -> None:
    (text,) = reps_without_deals(people(kim="Kim Lea", ann="Ann Wu"), KNOWN, "owner")
    assert text == (
        "'kim' sees no deals: no deal has the rep 'Kim Lea' in the column 'owner'. Did you mean "
        "'Kim Lee'? Remedy: write `rep` in the file of people as the deals have it."
    )
    (other,) = reps_without_deals(people(zoe="Zoe"), KNOWN, "owner")
    assert "Did you mean" not in other


def test_a_manager_needs_no_deals() -> None:
    managers = People({"boss": Person("boss", "manager", "Nobody")})
    assert reps_without_deals(managers, KNOWN, "owner") == []


@pytest.mark.parametrize("given", ["pipeline", "deals"])
def test_the_service_reads_the_reps_of_the_pipeline_and_of_past_deals(
    shop, simulation, prospects, tmp_path: Path, caplog, given: str
) -> None:
    table = prospects if given == "pipeline" else simulation.deals
    table.to_csv(tmp_path / "table.csv", index=False)
    rep = str(table["rep"].iloc[0])
    limits = Settings(reload_seconds=0, people=people(one=rep.lower(), two="Nobody Here"))
    texts = warnings_at_start(caplog, shop.path, limits, **{given: tmp_path / "table.csv"})

    assert len(texts) == 1
    assert "'two' sees no deals: no deal has the rep 'Nobody Here'" in texts[0]


def test_a_contract_without_reps_is_one_warning(shop, simulation, tmp_path: Path, caplog) -> None:
    simulation.deals.to_csv(tmp_path / "deals.csv", index=False)
    limits = Settings(reload_seconds=0, people=people(one="A", two="B"))
    spec = simulation.spec.replace(deals={"rep": None})
    texts = warnings_at_start(caplog, shop.path, limits, deals=tmp_path / "deals.csv", spec=spec)
    assert len(texts) == 1
    assert texts[0].startswith(
        "these reps see no deals: 'one', 'two'. The contract names no column"
    )


def test_a_service_without_tables_warns_of_nobody(shop, caplog) -> None:
    limits = Settings(reload_seconds=0, people=people(one="Nobody Here"))
    assert warnings_at_start(caplog, shop.path, limits) == []
