"""Placement: which action may stand in which slot, as data.

Source: Ory's pages on Actions and the configuration that Kratos accepts, with the departures the rules of limen name
(`require_verified_address` under every login method).
"""

from collections.abc import Iterable, Mapping, Sequence

from limen.domain.configuration import FlowKind, Slot

LIST_METHODS: Mapping[FlowKind, tuple[str, ...]] = {
    FlowKind.LOGIN: ("password", "webauthn", "passkey", "oidc", "code", "totp", "lookup_secret"),
    FlowKind.REGISTRATION: ("password", "webauthn", "passkey", "oidc", "code"),
    FlowKind.SETTINGS: ("password", "totp", "oidc", "webauthn", "passkey", "lookup_secret", "profile"),
    FlowKind.RECOVERY: (),
    FlowKind.VERIFICATION: (),
}
"""The methods that have a list of their own under `after`."""

SINGLE_LIST_METHODS = ("link", "code")
"""The methods of recovery and verification, which share the flow's one list."""

BEFORE = frozenset(Slot(flow, "before") for flow in FlowKind)
AFTER = frozenset(Slot(flow, "after") for flow in FlowKind)
AFTER_METHODS = frozenset(Slot(flow, "after", method) for flow in FlowKind for method in LIST_METHODS[flow])
SLOTS = BEFORE | AFTER | AFTER_METHODS
"""Every place a list of actions can stand in a Kratos configuration."""

LOGIN_FAILED, LOGOUT = Slot(FlowKind.LOGIN, "failed"), Slot(None, "logout")
TRIGGERS = frozenset(
    {LOGIN_FAILED, LOGOUT} | {Slot(FlowKind.LOGIN, "failed", method) for method in LIST_METHODS[FlowKind.LOGIN]}
)
"""The lists under `triggers` of `limen.yml`. What stands there is told afterwards: all of it is delivered."""
TRIGGER_NAMES: Mapping[str, Slot] = {"login_failed": LOGIN_FAILED, "logout": LOGOUT}
"""What the triggers are called in `limen.yml`, on the command line and by who registers handlers."""


def _under(flow: FlowKind, *, but: Sequence[str] = ()) -> frozenset[Slot]:
    return frozenset(Slot(flow, "after", method) for method in LIST_METHODS[flow] if method not in but)


_LOGIN = frozenset({Slot(FlowKind.LOGIN, "after")}) | _under(FlowKind.LOGIN)
_REGISTRATION = _under(FlowKind.REGISTRATION)
_PROFILE = frozenset({Slot(FlowKind.SETTINGS, "after", "profile")})
_CREDENTIALS = _under(FlowKind.SETTINGS, but=("profile",))
_RECOVERED = frozenset({Slot(FlowKind.RECOVERY, "after")})
_ORGANIZATION = SLOTS - _RECOVERED - _CREDENTIALS

PLACEMENT: Mapping[str, frozenset[Slot]] = {
    "web_hook": SLOTS,
    "session": _REGISTRATION | {Slot(FlowKind.REGISTRATION, "after")},
    "revoke_active_sessions": _LOGIN | _RECOVERED | _CREDENTIALS,
    "require_verified_address": _LOGIN,
    "show_verification_ui": _REGISTRATION | _LOGIN | _PROFILE,
    "verification": _REGISTRATION | _LOGIN,
    "verify_new_address": _PROFILE,
    "notify_previous_addresses": _PROFILE,
    "b2b_sso": _ORGANIZATION,
    "organization": _ORGANIZATION,
}
"""Each built-in action and the slots it may stand in."""

PERFORMED = frozenset(PLACEMENT) - {"b2b_sso", "organization"}
"""The built-in actions limen performs; the others are accepted where they belong, and listed as ignored."""


def named_slots(slots: Iterable[str]) -> frozenset[Slot]:
    """Where a named handler may stand: `login.after` covers its method lists too, `login.after.password` only that.

    `login.failed`, its methods and `logout` are the triggers of `limen.yml`.

    Raises ValueError for a slot that does not exist.
    """
    covered: set[Slot] = set()
    for text in slots:
        found = {
            slot for slot in SLOTS | TRIGGERS if str(slot) == text or ("." in text and str(slot).startswith(f"{text}."))
        }
        if not found:
            raise ValueError(f"'{text}' is no slot; one reads like 'login.before' or 'login.after.password'")
        covered |= found
    return frozenset(covered)


def name_of_place(slot: Slot) -> tuple[str, str]:
    """What a slot is called on the command line: flow (or trigger) and phase."""
    for name, trigger in TRIGGER_NAMES.items():
        if (slot.flow, slot.phase) == (trigger.flow, trigger.phase):
            return name, "after"
    return str(slot.flow), slot.phase


def placement_fault(hook: str, slot: Slot, named: Mapping[str, Iterable[str]] | None = None) -> str | None:
    """What is wrong with `hook` standing in `slot`, or None. `named` are the application's own: name to slots."""
    own = {name: named_slots(slots) for name, slots in (named or {}).items()}
    places = PLACEMENT.get(hook) or own.get(hook)
    if places is None:
        fitting = sorted(name for name, allowed in {**own, **PLACEMENT}.items() if slot in allowed)
        return f"there is no action '{hook}'; allowed here: {', '.join(fitting)}"
    if slot in places:
        return None
    return f"'{hook}' may not stand in {slot}; it is allowed in {', '.join(sorted(map(str, places)))}"
