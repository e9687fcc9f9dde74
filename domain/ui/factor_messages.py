"""What limen says of second factors, under Kratos' ids and in our own words; the rest is in `messages`."""

from collections.abc import Sequence
from datetime import datetime

from limen.domain.message import Message
from limen.domain.ui.messages import generic, time


def totp_wrong(node: str | None = None) -> Message:
    """4000008: a wrong code of an authenticator app, or one used before."""
    return Message(4000008, "This code is wrong, or was used before. Wait for the next one.", "error", None, node)


def too_many_wrong(until: datetime) -> Message:
    """4000001: no code is looked at before then; `datetime.max` is for good."""
    if until.year == datetime.max.year:
        return generic("too many wrong codes: this second factor counts no more; set it up anew, or have it unlocked")
    return generic(f"too many wrong codes; try again after {until:%Y-%m-%d %H:%M:%S} UTC")


def no_totp_device() -> Message:
    """4000011: no authenticator app is linked."""
    return Message(4000011, "No authenticator app is linked to this account.")


def lookup_used() -> Message:
    """4000012: a backup code that was used before."""
    return Message(4000012, "This backup code was used before. Take another one.")


def no_lookup() -> Message:
    """4000014: there are no backup codes."""
    return Message(4000014, "This account has no backup codes.")


def lookup_wrong() -> Message:
    """4000016: none of the backup codes."""
    return Message(4000016, "This is none of your backup codes.")


def code_to(address: str) -> Message:
    """1010023: where a code goes, or went."""
    return Message(1010023, f"Code to {address}", "info", {"address": address, "channel": "email"})


def totp_secret(secret: str) -> Message:
    """1050006: the secret in writing, for the person alone; an action is shown it empty."""
    return Message(1050006, secret, "info", {"secret": secret})


def lookup_secrets(codes: Sequence[Message]) -> Message:
    """1050015: the backup codes; an action is shown none."""
    context = {"secrets": [code.body() for code in codes]}
    return Message(1050015, ", ".join(code.text for code in codes), "info", context)


def lookup_secret(code: str) -> Message:
    """1050009: a backup code."""
    return Message(1050009, code, "info", {"secret": code})


def lookup_secret_used(used_at: datetime) -> Message:
    """1050014: a backup code that counts no more."""
    context = {"used_at": time(used_at), "used_at_unix": int(used_at.timestamp())}
    return Message(1050014, f"used on {used_at:%Y-%m-%d}", "info", context)
