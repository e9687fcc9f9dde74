"""Previous addresses: who is told that the addresses of an account changed (`notify_previous_addresses`)."""

from collections.abc import Mapping
from typing import Any, Final

from limen.domain.profile import Profile

REMOVED: Final = "removed"
RECIPIENTS: Final = (REMOVED, "all_verified", "all")
"""Of the addresses before the change: those given up, those that were verified, all of them (Kratos' names)."""


def recipients(config: Mapping[str, Any], before: Profile | None, after: Profile) -> list[str]:
    """The e-mail addresses that are told, each once. None where the set of addresses is as it was; never a new one.

    That an address was verified, or the order of addresses, is no change of addresses (Kratos).
    """
    if before is None:
        return []
    old, new = ({(one.via, one.value) for one in profile.verifiable} for profile in (before, after))
    if old == new:
        return []
    wanted = config.get("recipients", REMOVED)
    told = [
        one.value
        for one in before.verifiable
        if one.via == "email"
        and (wanted != REMOVED or (one.via, one.value) not in new)
        and (wanted != "all_verified" or one.verified)
    ]
    return list(dict.fromkeys(told))
