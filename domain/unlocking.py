"""Unlocking: an operator lets what was guessed at too often be tried again.

Source: NIST SP 800-63B §5.2.2 locks second factors for good (`limen.domain.throttle`); who then gets them back is the
operator's to decide. Lockouts of identifiers (`limen.domain.lockout`) end by themselves; this ends them at once, and
forgets the wrong codes of their addresses.
"""

from uuid import UUID

from limen.domain.errors import RequestRefused, StoreConflict
from limen.domain.identity import CredentialUnlocked, Identity
from limen.domain.lockouts import unlock as lift
from limen.domain.ports import Step
from limen.domain.streams import ATTEMPTS, Streams
from limen.domain.tools import Tools

LOGIN = "login"
"""What is counted of somebody's identifiers (lockouts, wrong codes) is called here, beside the methods of factors."""
WHAT = ("totp", "lookup_secret", "code", "webauthn", "passkey", LOGIN)
"""All that can be unlocked."""


async def unlock(tools: Tools, streams: Streams, identity_id: UUID, what: str | None = None) -> tuple[str, ...]:
    """Forgets wrong codes of one second factor, or lifts the lockouts (`login`), or both; answers what there was.

    Raises `RequestRefused` (`identity_not_found`) when there is no such identity.
    """
    async with streams.turn(identity_id):
        identity, unlocked = await _factors(tools, streams, identity_id, what)
    if what in (None, LOGIN) and await lift(tools, streams, identity):
        return (*unlocked, LOGIN)
    return unlocked


async def _factors(
    tools: Tools, streams: Streams, identity_id: UUID, what: str | None
) -> tuple[Identity, tuple[str, ...]]:
    for _ in range(ATTEMPTS):
        identity = await streams.load(Identity, identity_id)
        if not identity.version or identity.erased:
            raise RequestRefused("identity_not_found", f"there is no identity {identity_id}")
        locked = tuple(sorted(name for name in identity.failed if what in (None, name)))
        for name in locked:
            identity.record(CredentialUnlocked, tools.clock.now(), type=name)
        try:
            await streams.append(Step(), identity)
        except StoreConflict:
            continue
        return identity, locked
    raise StoreConflict([identity_id])
