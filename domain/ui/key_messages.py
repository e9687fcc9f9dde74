"""What limen says of security keys and passkeys, under Kratos' ids and in our own words."""

from datetime import datetime
from typing import Final

from limen.domain.message import Message
from limen.domain.ui.messages import generic, time


def wrong_key() -> Message:
    """4000008: another key, another question, another site, or a signature that does not fit: all the same."""
    return Message(4000008, "This key, or its answer, is not the one that was asked for. Please try again.")


def no_key() -> Message:
    """4000015: no such key is known here."""
    return Message(4000015, "No account here has this key.")


def no_key_by_name() -> Message:
    """4000015: a name that nobody has, or that has no security key."""
    return Message(4000015, "No account of that name has a security key.")


def ask_key() -> Message:
    """1010012: the authenticator is to be asked."""
    return Message(1010012, "Get your security key ready, and go on.", "info")


def unreadable() -> Message:
    """4000001: not what an authenticator answers."""
    return generic("this is not the answer of an authenticator")


def nameless() -> Message:
    """4000001: a security key is asked for by a name, and there is none."""
    return generic("there is nothing to sign in with: none of the details given is a name")


def unknown_key() -> Message:
    """4000001: a key to be removed that is not there."""
    return generic("there is no such key")


def last_way(node: str) -> Message:
    """4000001: whoever removes it could not sign in any more."""
    return generic("this is your last way to sign in; add another one first", node)


_REMOVE: Final = {"webauthn": (1050018, "Remove the security key"), "passkey": (1050020, "Remove the passkey")}


def remove(method: str, name: str, added_at: datetime) -> Message:
    """1050018, 1050020: the label of the button that removes a key; when it was added, to the second."""
    number, text = _REMOVE[method]
    added = added_at.replace(microsecond=0)
    context = {"added_at": time(added), "added_at_unix": int(added.timestamp()), "display_name": name}
    return Message(number, f"{text} “{name}”", "info", context)
