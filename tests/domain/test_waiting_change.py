"""What of a change that waited is made of a profile that others have changed meanwhile, and when it is not made."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from limen.domain.profile import Address, Profile
from limen.domain.profile_change import PARTS
from limen.domain.waiting_change import OWN_PARTS, WaitingChange

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def address(number: int, value: str) -> Address:
    return Address(UUID(int=number), value, "email", NOON, NOON)


OLD, KEPT, NEW = address(1, "old@example.org"), address(2, "kept@example.org"), address(3, "new@example.org")
BEFORE = Profile("person", {"email": OLD.value}, verifiable=(OLD, KEPT), recovery=(OLD,))
AFTER = replace(
    BEFORE, traits={"email": NEW.value}, metadata_public={"by": "an action"}, verifiable=(NEW, KEPT), recovery=(NEW,)
)
CHANGE = WaitingChange(UUID(int=10), UUID(int=11), UUID(int=12), "email", NEW.value, BEFORE, AFTER)


def test_every_part_of_a_profile_is_thought_of() -> None:
    assert {*OWN_PARTS, "traits", "schema_id", "verifiable", "recovery"} == set(PARTS)


@pytest.mark.parametrize(
    ("meanwhile", "outdated"),
    [
        ({}, False),
        ({"traits": {"email": OLD.value, "age": 1}}, True),
        ({"schema_id": "customer"}, True),
        ({"verifiable": (OLD,)}, True),
        ({"verifiable": (OLD.confirmed(NOON), KEPT)}, False),
        ({"recovery": ()}, True),
        ({"metadata_admin": {"by": "others"}}, False),
        ({"organization_id": "acme"}, False),
        ({"metadata_public": {"by": "others"}}, True),
    ],
)
def test_a_change_is_outdated_where_it_would_undo_another(meanwhile: dict[str, Any], outdated: bool) -> None:
    """Its actions wrote `metadata_public`; the rest of those parts is left as it was."""
    assert CHANGE.outdated(replace(BEFORE, **meanwhile)) is outdated


def test_what_others_changed_stays() -> None:
    there = replace(BEFORE, metadata_admin={"by": "others"}, external_id="e-1", verifiable=(OLD, KEPT.confirmed(NOON)))
    made = CHANGE.upon(there)
    assert (made.traits, made.metadata_public) == (AFTER.traits, AFTER.metadata_public)
    assert (made.metadata_admin, made.external_id) == (there.metadata_admin, "e-1")
    assert [(one.value, one.verified, one.status) for one in made.verifiable] == [
        (NEW.value, False, "sent"),
        (KEPT.value, True, "completed"),
    ]
    assert made.recovery == (NEW,)


def test_nothing_of_it_shows_where_it_is_printed() -> None:
    assert NEW.value not in repr(CHANGE)
