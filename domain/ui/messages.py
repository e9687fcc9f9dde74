"""The catalogue: every message limen says, under the id and with the context Ory Kratos gives it, in our own words.

Translators go by id and context; both are interface. A function takes what the context needs, and `node` where the
message stands on a field.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from limen.domain.configuration import FlowKind
from limen.domain.message import Message

# ------------------------------------------------------------------------------------------------ what is wrong: input


def generic(reason: str, node: str | None = None) -> Message:
    """4000001: anything that has no id of its own."""
    return Message(4000001, reason, "error", {"reason": reason}, node)


def required(name: str, node: str | None = None) -> Message:
    """4000002: a field without which it does not go on. `name` is the property's own name, without its path."""
    return Message(4000002, f"'{name}' is needed.", "error", {"property": name}, node)


def too_short(minimum: int, actual: int, node: str | None = None) -> Message:
    """4000003: `minLength`, in characters."""
    text = f"At least {minimum} characters, please; these are {actual}."
    return Message(4000003, text, "error", {"min_length": minimum, "actual_length": actual}, node)


def wrong_pattern(pattern: str, node: str | None = None) -> Message:
    """4000004: `pattern`."""
    return Message(4000004, f"This does not have the form {pattern}", "error", {"pattern": pattern}, node)


def too_long(maximum: int, actual: int, node: str | None = None) -> Message:
    """4000017: `maxLength`, in characters."""
    text = f"At most {maximum} characters, please; these are {actual}."
    return Message(4000017, text, "error", {"max_length": maximum, "actual_length": actual}, node)


def below_minimum(minimum: float, actual: float, node: str | None = None) -> Message:
    """4000018: `minimum`."""
    text = f"{actual} is too little; {minimum} is the least."
    return Message(4000018, text, "error", {"minimum": minimum, "actual": actual}, node)


def below_exclusive_minimum(minimum: float, actual: float, node: str | None = None) -> Message:
    """4000019: `exclusiveMinimum`."""
    text = f"{actual} is too little; it takes more than {minimum}."
    return Message(4000019, text, "error", {"minimum": minimum, "actual": actual}, node)


def above_maximum(maximum: float, actual: float, node: str | None = None) -> Message:
    """4000020: `maximum`."""
    text = f"{actual} is too much; {maximum} is the most."
    return Message(4000020, text, "error", {"maximum": maximum, "actual": actual}, node)


def above_exclusive_maximum(maximum: float, actual: float, node: str | None = None) -> Message:
    """4000021: `exclusiveMaximum`."""
    text = f"{actual} is too much; it takes less than {maximum}."
    return Message(4000021, text, "error", {"maximum": maximum, "actual": actual}, node)


def not_multiple(base: float, actual: float, node: str | None = None) -> Message:
    """4000022: `multipleOf`."""
    return Message(4000022, f"{actual} is no multiple of {base}.", "error", {"base": base, "actual": actual}, node)


def too_many_items(maximum: int, actual: int, node: str | None = None) -> Message:
    """4000023: `maxItems`."""
    text = f"At most {maximum} entries, please; these are {actual}."
    return Message(4000023, text, "error", {"max_items": maximum, "actual_items": actual}, node)


def too_few_items(minimum: int, actual: int, node: str | None = None) -> Message:
    """4000024: `minItems`."""
    text = f"At least {minimum} entries, please; these are {actual}."
    return Message(4000024, text, "error", {"min_items": minimum, "actual_items": actual}, node)


def repeated_items(first: int, second: int, node: str | None = None) -> Message:
    """4000025: `uniqueItems`; the two positions count from 0."""
    text = f"Entries {first} and {second} are the same."
    return Message(4000025, text, "error", {"index_a": first, "index_b": second}, node)


def wrong_type(allowed: Sequence[str], actual: str, node: str | None = None) -> Message:
    """4000026: `type`, in JSON Schema's names; a whole number counts as `number` in `actual`."""
    text = f"This should be {' or '.join(allowed)} and is {actual}."
    return Message(4000026, text, "error", {"allowed_types": list(allowed), "actual_type": actual}, node)


def not_constant(expected: Any, node: str | None = None) -> Message:
    """4000029: `const` with a plain value."""
    return Message(4000029, f"Only {expected} will do here.", "error", {"expected": expected}, node)


def not_constant_generic(node: str | None = None) -> Message:
    """4000030: `const` with an object or a list."""
    return Message(4000030, "Only one value will do here, and this is another.", "error", None, node)


def bad_email(value: str, node: str | None = None) -> Message:
    """4000040: format `email`."""
    return Message(4000040, "This is not an e-mail address.", "error", {"value": value}, node)


def bad_phone(value: str, node: str | None = None) -> Message:
    """4000041: format `tel`."""
    return Message(4000041, "This is not a phone number (+ and country first).", "error", {"value": value}, node)


# ------------------------------------------------------------------------------------------ what is wrong: credentials


def invalid_credentials() -> Message:
    """4000006: unknown account or wrong password; the same for both, so that nobody learns which."""
    return Message(4000006, "That did not match. Check the spelling of your identifier and your password.")


def duplicate_credentials() -> Message:
    """4000007: an account with this identifier exists."""
    return Message(4000007, "An account with the same identifier is here already.")


def no_identifier() -> Message:
    """4000009: none of the traits is an identifier, so nobody could sign in by what is to be set."""
    return Message(4000009, "There is nothing to sign in with yet: fill in what you want to be known by first.")


def address_not_verified() -> Message:
    """4000010: signing in takes a verified address."""
    return Message(4000010, "Verify your address first, then sign in.")


def too_many_address_changes() -> Message:
    """4050002: new addresses are verified one at a time."""
    return Message(4050002, "Please change one address at a time.")


def no_code_user() -> Message:
    """4000035: nobody who signs in by code has this address."""
    return Message(4000035, "No account can sign in with a code sent there.")


def traits_changed() -> Message:
    """4000036: the traits sent with a code are not those it was asked for."""
    return Message(4000036, "The details given differ from those the code was sent for.")


def account_not_found(node: str | None = None) -> Message:
    """4000037: nobody has this identifier (only where it is not a secret)."""
    return Message(4000037, "There is no such account, or it has no way to sign in.", "error", None, node)


def identity_disabled() -> Message:
    """4010011: the account is switched off."""
    return Message(4010011, "This account is switched off.")


_NO_METHOD: Final = {
    FlowKind.LOGIN: (4010002, "sign in"),
    FlowKind.REGISTRATION: (4010003, "sign up"),
    FlowKind.SETTINGS: (4010004, "change settings"),
    FlowKind.RECOVERY: (4010005, "recover an account"),
    FlowKind.VERIFICATION: (4010006, "verify an address"),
}


def no_method(kind: FlowKind) -> Message:
    """4010002 to 4010006: no such method in this flow, or none named."""
    number, what = _NO_METHOD[kind]
    return Message(number, f"That is no way to {what} here. Choose one of those offered.")


_CODE_INVALID: Final = {
    FlowKind.LOGIN: 4010008,
    FlowKind.REGISTRATION: 4040003,
    FlowKind.RECOVERY: 4060006,
    FlowKind.VERIFICATION: 4070006,
}


def code_invalid(kind: FlowKind) -> Message:
    """4010008, 4040003, 4060006, 4070006: a wrong code, or one used before."""
    return Message(_CODE_INVALID[kind], "This code is wrong, or was used before. Try again.")


_EXPIRED: Final = {
    FlowKind.LOGIN: 4010001,
    FlowKind.REGISTRATION: 4040001,
    FlowKind.SETTINGS: 4050001,
    FlowKind.RECOVERY: 4060005,
    FlowKind.VERIFICATION: 4070005,
}


def flow_expired(kind: FlowKind, expired_at: datetime) -> Message:
    """4010001, 4040001, 4050001, 4060005, 4070005: stands on the flow that takes the expired one's place."""
    context = {"expired_at": time(expired_at), "expired_at_unix": int(expired_at.timestamp())}
    return Message(_EXPIRED[kind], "Time ran out on the last attempt; please start over.", "error", context)


def retry(kind: FlowKind) -> Message:
    """4060001, 4070002 …: the flow was finished already; this is a new one."""
    numbers = {
        FlowKind.LOGIN: 4010007,
        FlowKind.REGISTRATION: 4040002,
        FlowKind.RECOVERY: 4060001,
        FlowKind.VERIFICATION: 4070002,
    }
    return Message(numbers[kind], "That one is finished already; please start over.")


# ------------------------------------------------------------------------------------------------- what has happened


def reauthenticate() -> Message:
    """1010003: login with `refresh`."""
    return Message(1010003, "Please confirm that it is you.", "info")


def second_factor() -> Message:
    """1010004: login for a higher assurance level."""
    return Message(1010004, "Please prove yourself in a second way.", "info")


_CODE_SENT: Final = {
    FlowKind.LOGIN: 1010014,
    FlowKind.REGISTRATION: 1040005,
    FlowKind.RECOVERY: 1060003,
    FlowKind.VERIFICATION: 1080003,
}


def code_sent(kind: FlowKind) -> Message:
    """1010014, 1040005, 1060003, 1080003: a code is on its way; said for unknown addresses too."""
    text = "A code is on its way to the address you gave. If none arrives, check the spelling and ask for another."
    return Message(_CODE_SENT[kind], text, "info")


def choose_credentials() -> Message:
    """1040009: the second step of a registration in two."""
    return Message(1040009, "Please choose how you are going to sign in.", "info")


def settings_saved() -> Message:
    """1050001."""
    return Message(1050001, "Your changes are saved.", "success")


def recovered(privileged_until: datetime) -> Message:
    """1060001: stands on the settings flow a recovery opens; until when a new password may be set."""
    context = {
        "privilegedSessionExpiresAt": time(privileged_until),
        "privileged_session_expires_at": time(privileged_until),
        "privileged_session_expires_at_unix": int(privileged_until.timestamp()),
    }
    return Message(1060001, "Your account is yours again. Please choose a new password now.", "success", context)


def verified() -> Message:
    """1080002."""
    return Message(1080002, "Your e-mail address is verified.", "success")


def time(moment: datetime) -> str:
    """RFC 3339 with Z, as times stand everywhere in an answer."""
    return moment.isoformat().replace("+00:00", "Z")
