"""Two change a profile at the same time: what becomes of it, and when one of them has to look again."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from limen.domain.profile import Address, Profile
from limen.domain.profile_merge import merged

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


Parts = dict[str, Any]


def address(number: int, value: str) -> Address:
    return Address(UUID(int=number), value, "email", NOON, NOON)


OLD, NEW = address(1, "old@example.org"), address(2, "new@example.org")
BEFORE = Profile("person", {"email": OLD.value}, verifiable=(OLD,), recovery=(OLD,))
NAME: Parts = {"traits": {"email": OLD.value, "name": "Ada"}}
AGE: Parts = {"traits": {"email": OLD.value, "age": 36}}
MOVED: Parts = {"traits": {"email": NEW.value}, "verifiable": (NEW,), "recovery": (NEW,)}
SHOWN: Parts = {"verifiable": (OLD.confirmed(NOON),)}
PLAN: Parts = {"metadata_public": {"plan": "gold"}}


def both(mine: Parts, theirs: Parts) -> Profile | None:
    return merged(BEFORE, replace(BEFORE, **mine), replace(BEFORE, **theirs))


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ({}, {}),
        ({}, MOVED),
        (NAME, {}),
        (MOVED, PLAN),
        (NAME, SHOWN),
        (PLAN, MOVED),
        (SHOWN, PLAN),
        ({"external_id": "crm-7"}, PLAN),
        (NAME, {"state": "inactive", "state_changed_at": NOON}),
        ({"state": "inactive", "state_changed_at": NOON}, MOVED),
    ],
)
def test_changes_of_different_parts_both_hold(mine: Parts, theirs: Parts) -> None:
    assert both(mine, theirs) == replace(BEFORE, **theirs, **mine)


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (NAME, MOVED),
        (MOVED, NAME),
        (NAME, AGE),
        (SHOWN, MOVED),
        (NAME, {"schema_id": "customer"}),
        ({"schema_id": "customer"}, MOVED),
        (NAME, {"verifiable": (OLD, NEW)}),
        (PLAN, {"metadata_public": {"plan": "silver"}}),
        ({"external_id": None}, {"external_id": "crm-8"}),
    ],
)
def test_changes_of_one_part_do_not(mine: Parts, theirs: Parts) -> None:
    """Half of one profile and half of the other would be nobody's: traits of one, and addresses of the other."""
    before = replace(BEFORE, external_id="crm-7")
    assert merged(before, replace(before, **mine), replace(before, **theirs)) is None


def test_the_same_written_by_both_is_no_quarrel_where_nothing_follows_from_it() -> None:
    assert both(PLAN, PLAN) == replace(BEFORE, **PLAN)


def test_an_address_taken_back_by_an_action_stays_so_when_the_decision_is_taken_again() -> None:
    before = replace(BEFORE, **SHOWN)
    assert merged(before, BEFORE, before) == BEFORE


def test_an_address_that_was_verified_meanwhile_is_verified_beside_a_new_one() -> None:
    theirs = replace(BEFORE, **SHOWN)
    found = both({"traits": {"email": OLD.value, "second": NEW.value}, "verifiable": (OLD, NEW)}, SHOWN)
    assert found is not None
    assert found.verifiable == (*theirs.verifiable, NEW)
