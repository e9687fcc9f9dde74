"""Profile merge: what becomes of a profile that two changed at the same time, neither knowing of the other."""

from dataclasses import replace
from typing import Any

from limen.domain.profile import Profile, upon
from limen.domain.waiting_change import OWN_PARTS, named


def merged(before: Profile, mine: Profile, theirs: Profile) -> Profile | None:
    """`theirs` with what `mine` changed of `before`; None where the two changes cannot both hold.

    Traits, the schema they go by and the addresses that follow from them are one thing. Where another changed any of
    it, a change of it is not mixed with theirs: it was judged, and admitted, by what was there before. An address that
    was verified meanwhile has not changed in that sense. The other parts stand each for itself.
    """
    own: dict[str, Any] = {}
    for part in OWN_PARTS:
        was, wanted, there = (getattr(one, part) for one in (before, mine, theirs))
        if wanted == was:
            own[part] = there
        elif there not in (was, wanted):
            return None
    moved = _core(theirs) != _core(before)
    if moved and (*_core(mine), mine.verifiable, mine.recovery) != (*_core(before), before.verifiable, before.recovery):
        return None
    core = theirs if moved else mine
    return replace(
        mine,
        traits=core.traits,
        schema_id=core.schema_id,
        state_changed_at=theirs.state_changed_at if "state" in own else mine.state_changed_at,
        verifiable=theirs.verifiable if moved else upon(mine.verifiable, before.verifiable, theirs.verifiable),
        recovery=theirs.recovery if moved else upon(mine.recovery, before.recovery, theirs.recovery),
        **own,
    )


def _core(profile: Profile) -> tuple[Any, ...]:
    return profile.traits, profile.schema_id, named(profile.verifiable), named(profile.recovery)
