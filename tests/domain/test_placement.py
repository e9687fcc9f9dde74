"""Which action may stand where: the whole matrix, slot by slot."""

import pytest

from limen.domain.configuration import FlowKind, Slot
from limen.domain.placement import PERFORMED, PLACEMENT, SLOTS, named_slots, placement_fault

LOGIN = {"password", "webauthn", "passkey", "oidc", "code", "totp", "lookup_secret"}
REGISTRATION = {"password", "webauthn", "passkey", "oidc", "code"}
SETTINGS = {"password", "totp", "oidc", "webauthn", "passkey", "lookup_secret", "profile"}
FLOWS = ("login", "registration", "recovery", "verification", "settings")

EVERY_SLOT = (
    {f"{flow}.{phase}" for flow in FLOWS for phase in ("before", "after")}
    | {f"login.after.{method}" for method in LOGIN}
    | {f"registration.after.{method}" for method in REGISTRATION}
    | {f"settings.after.{method}" for method in SETTINGS}
)
LOGIN_AFTER = {"login.after"} | {f"login.after.{method}" for method in LOGIN}
REGISTRATION_METHODS = {f"registration.after.{method}" for method in REGISTRATION}
CREDENTIALS = {f"settings.after.{method}" for method in SETTINGS - {"profile"}}

TABLE = {
    "web_hook": EVERY_SLOT,
    "session": {"registration.after"} | REGISTRATION_METHODS,
    "revoke_active_sessions": LOGIN_AFTER | {"recovery.after"} | CREDENTIALS,
    "require_verified_address": LOGIN_AFTER,
    "show_verification_ui": REGISTRATION_METHODS | LOGIN_AFTER | {"settings.after.profile"},
    "verification": REGISTRATION_METHODS | LOGIN_AFTER,
    "verify_new_address": {"settings.after.profile"},
    "notify_previous_addresses": {"settings.after.profile"},
    "b2b_sso": EVERY_SLOT - {"recovery.after"} - CREDENTIALS,
    "organization": EVERY_SLOT - {"recovery.after"} - CREDENTIALS,
}


def test_the_slots_are_those_of_the_five_flows() -> None:
    assert {str(slot) for slot in SLOTS} == EVERY_SLOT


def test_every_built_in_action_is_in_the_table() -> None:
    assert set(PLACEMENT) == set(TABLE)
    assert set(TABLE) >= PERFORMED


@pytest.mark.parametrize("slot", sorted(SLOTS, key=str), ids=str)
@pytest.mark.parametrize("hook", sorted(TABLE))
def test_an_action_stands_only_where_the_table_says(hook: str, slot: Slot) -> None:
    fault = placement_fault(hook, slot)
    assert (fault is None) == (str(slot) in TABLE[hook])
    if fault is not None:
        assert hook in fault
        assert str(slot) in fault


def test_an_unknown_action_is_told_what_may_stand_there() -> None:
    fault = placement_fault("sesion", Slot(FlowKind.RECOVERY, "after"))
    assert fault == "there is no action 'sesion'; allowed here: revoke_active_sessions, web_hook"


def test_a_named_handler_stands_where_its_registration_says() -> None:
    named = {"hook_1": ["login.before", "login.after"]}
    assert placement_fault("hook_1", Slot(FlowKind.LOGIN, "before"), named) is None
    assert placement_fault("hook_1", Slot(FlowKind.LOGIN, "after"), named) is None
    assert placement_fault("hook_1", Slot(FlowKind.LOGIN, "after", "password"), named) is None
    assert placement_fault("hook_1", Slot(FlowKind.SETTINGS, "after"), named) is not None


def test_a_handler_named_for_one_method_stands_under_no_other() -> None:
    named = {"hook_3": ["login.after.password"]}
    assert placement_fault("hook_3", Slot(FlowKind.LOGIN, "after", "password"), named) is None
    assert placement_fault("hook_3", Slot(FlowKind.LOGIN, "after", "oidc"), named) is not None
    assert placement_fault("hook_3", Slot(FlowKind.LOGIN, "after"), named) is not None


@pytest.mark.parametrize("slot", ["login", "logout.after", "recovery.after.code", "login.during", "", "login.after."])
def test_a_slot_that_does_not_exist_is_refused(slot: str) -> None:
    with pytest.raises(ValueError, match="is no slot"):
        named_slots([slot])
