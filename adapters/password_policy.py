"""The policy of passwords: what stands against a new one. Never asked at login.

Source: Kratos' password method, and NIST SP 800-63B §5.1.1.2 (800-63B-4 §3.1.1.2): a minimum length counted in
characters, nothing about which kinds of characters, a comparison with breached passwords, and one stable form of
Unicode.
"""

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any
from unicodedata import normalize

from limen.adapters.breaches import Breaches, BreachesUnknown
from limen.domain.message import Message
from limen.domain.ui import messages, password_messages

MAX_LENGTH = 4096
"""Characters a password may have: far beyond anything typed, short of what would keep a hasher busy."""
_COMPARED = 256
"""Beyond this many characters no identifier is as long, and comparing costs quadratic time (Kratos' bound)."""

_UNCHECKED = "whether it is known from a breach could not be found out just now; try again in a moment"


class PasswordPolicy:
    """The policy of one configuration (`selfservice.methods.password.config`)."""

    def __init__(self, config: Mapping[str, Any], breaches: Breaches) -> None:
        self.minimum = int(config.get("min_password_length", 8))
        self.similarity = bool(config.get("identifier_similarity_check_enabled", True))
        self.breaches = breaches

    async def faults(self, password: Any, identifiers: Sequence[str]) -> tuple[Message, ...]:
        """What stands against a new password, the first thing alone; empty when nothing does.

        What is judged is the form that is hashed, whichever way it was typed: each of its code points is a character
        (800-63B §5.1.1.2). The list of breached passwords is asked last: only about a password that is fit otherwise.
        """
        if not isinstance(password, str):
            return (messages.wrong_type(["string"], _type_name(password), "password"),)
        if not password:
            return (messages.required("password", "password"),)
        if len(password) > MAX_LENGTH:  # as typed: so that there is an end to what is put into a stable form
            return (password_messages.too_long(MAX_LENGTH, len(password)),)
        hashed = stable(password)
        if len(hashed) < self.minimum:
            return (password_messages.too_short(self.minimum, len(hashed)),)
        if self.similarity and any(_similar(hashed, stable(identifier)) for identifier in identifiers):
            return (password_messages.too_similar(),)
        try:
            breaches = await self.breaches.count(hashed)
        except BreachesUnknown:
            return (password_messages.unusable(_UNCHECKED),)
        return (password_messages.breached(breaches),) if breaches > self.breaches.most else ()


def stable(password: str) -> str:
    """The form that is hashed: NFKC, so that it does not matter which keyboard composed a letter."""
    return password if password.isascii() else normalize("NFKC", password)


def forms(password: str) -> tuple[str, ...]:
    """The forms to be tried at login: the stable one, and as typed, for hashes made before, or by Kratos."""
    return tuple(dict.fromkeys((stable(password), password)))


def _similar(password: str, identifier: str) -> bool:
    """Too much of the one is in the other: Kratos' rule (edit distance below 5, or half of it in common)."""
    one, other = password.lower(), identifier.lower()
    if one == other:
        return True
    if max(len(one), len(other)) > _COMPARED:
        return False
    if _distance(one, other, 5) < 5:
        return True
    common = SequenceMatcher(None, one, other, autojunk=False).find_longest_match()
    return common.size / len(one) > 0.5


def _distance(one: str, other: str, limit: int) -> int:
    """The Levenshtein distance of two short texts, or at least `limit` when their lengths differ by that much."""
    if abs(len(one) - len(other)) >= limit:
        return limit
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        above, row[0] = row[0], i
        for j, right in enumerate(other, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (left != right))
    return row[-1]


def _type_name(value: Any) -> str:
    return {bool: "boolean", int: "number", float: "number", list: "array", dict: "object"}.get(type(value), "null")
