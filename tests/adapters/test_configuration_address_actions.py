"""What `verify_new_address` and `require_verified_address` need of the rest of the file."""

import itertools
from typing import Any

import pytest

from limen.adapters.configuration import examine, read
from limen.domain.self_verification import verifies_by_itself
from tests.support.addresses import PROFILE, VERIFY_NEW, own_backup, own_rescue
from tests.support.engine import configuration, person, uri

VERIFIED = {"hook": "require_verified_address"}
CHANGES = "/selfservice/flows/settings/after/profile/hooks/0"
SIGNS_IN = "/selfservice/flows/login/after/hooks/0"
SWITCHES = itertools.product([True, False, None], ["code", "link", None], [True, False, None], [True, False, None])


def a_file(hooks: Any, verification: Any = None, methods: Any = None, **sections: Any) -> dict[str, Any]:
    selfservice = {"flows": {"verification": verification or {}}, "methods": methods or {}}
    return configuration(hooks, selfservice=selfservice, **sections)


def said(hooks: Any, **options: Any) -> list[str]:
    """The warnings of a file that is accepted, but for those of mail."""
    reading = examine(a_file(hooks, **options), env={})
    assert reading.faults == ()
    return [one for one in reading.warnings if "/hooks/" in one]


@pytest.mark.parametrize(("enabled", "use", "code", "link"), list(SWITCHES))
def test_a_change_may_wait_exactly_where_a_verification_can_be_started(
    enabled: bool | None, use: str | None, code: bool | None, link: bool | None
) -> None:
    verification = {name: value for name, value in (("enabled", enabled), ("use", use)) if value is not None}
    methods = {name: {"enabled": on} for name, on in (("code", code), ("link", link)) if on is not None}
    file = configuration({PROFILE: [VERIFY_NEW]})
    file["selfservice"]["flows"]["verification"] = verification
    file["selfservice"]["methods"] = {"password": {"enabled": True}, **methods}
    faults = [one.path for one in examine(file, env={}).faults]
    del file["selfservice"]["flows"]["settings"]
    assert faults == ([] if verifies_by_itself(read(file, env={})) else [CHANGES])


def test_links_that_are_switched_off_verify_nothing() -> None:
    """A link would be mailed, and whoever followed it told that the method is off."""
    (fault,) = examine(a_file({PROFILE: [VERIFY_NEW]}, {"use": "link"}), env={}).faults
    assert (fault.path, "the method that this flow uses" in fault.message) == (CHANGES, True)
    assert not said({PROFILE: [VERIFY_NEW]}, verification={"use": "link"}, methods={"link": {"enabled": True}})


@pytest.mark.parametrize("verification", [{"enabled": False}, {"use": "link"}])
def test_who_could_never_sign_in_is_warned_of(verification: Any) -> None:
    (warning,) = said({"login.after": [VERIFIED]}, verification=verification)
    assert warning.startswith(f"{SIGNS_IN}: 'require_verified_address' without selfservice.flows.verification.enabled")
    assert not said({"login.after": [VERIFIED]})


def test_so_is_a_schema_without_an_address_that_a_mail_verifies() -> None:
    schema = person()
    schema["properties"]["traits"]["properties"]["email"]["ory.sh/kratos"]["verification"]["via"] = "sms"
    identity = {"schemas": [{"id": "person", "url": uri(schema)}]}
    (warning,) = said({"login.after": [VERIFIED]}, identity=identity)
    assert warning.startswith(f"{SIGNS_IN}: the identity schema 'person' has no e-mail address to verify")


def test_and_an_address_that_no_change_can_bring() -> None:
    (warning,) = said({PROFILE: [VERIFY_NEW]}, identity=own_rescue())
    assert warning.startswith(f"{CHANGES}: traits.rescue of the identity schema 'person' recovers")
    assert not said({PROFILE: [VERIFY_NEW]}, identity=own_backup())
    assert not said({PROFILE: [VERIFY_NEW]}, identity=own_rescue(credentials={"password": {"identifier": True}}))
