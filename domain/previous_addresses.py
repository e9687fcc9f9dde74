"""Previous addresses: who is told that the addresses of an account changed (`notify_previous_addresses`)."""

from collections.abc import Mapping
from typing import Any, Final

from limen.domain.identifier import normalize
from limen.domain.profile import Address, Profile

REMOVED: Final = "removed"
RECIPIENTS: Final = (REMOVED, "all_verified", "all")
"""Of the addresses before the change: those given up, those that were verified, all of them (Kratos' names)."""


def recipients(config: Mapping[str, Any], before: Profile | None, after: Profile) -> list[str]:
    """The e-mail addresses that are told, each once. None where the set of addresses is as it was; never a new one.

    An address that only recovers counts like one to verify (better: Kratos looks at the latter alone, and a way into
    the account changes hands in silence); it is never a verified one. That an address was verified, or the order of
    addresses, is no change of addresses (Kratos).
    """
    if before is None:
        return []
    old, new = ({(one.via, normalize(one.value)) for one in _addresses(profile)} for profile in (before, after))
    if old == new:
        return []
    wanted = config.get("recipients", REMOVED)
    told: dict[str, str] = {}
    for one in _addresses(before):
        given_up = (one.via, normalize(one.value)) not in new
        if one.via == "email" and (wanted != REMOVED or given_up) and (wanted != "all_verified" or one.verified):
            told.setdefault(normalize(one.value), one.value)
    return list(told.values())


def _addresses(profile: Profile) -> tuple[Address, ...]:
    return (*profile.verifiable, *profile.recovery)
