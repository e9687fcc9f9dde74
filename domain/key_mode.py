"""Key mode: whether a public key signs in by itself or is a second factor, as its credential notes it (`Held.name`).

A key stays what it was made as, whatever the configuration says now (Kratos: `is_passwordless` of the key).
"""

from uuid import UUID

from limen.domain.identity import Held, Identity

ALONE = "key"
SECOND = "second_key"
"""What is noted."""


def key_held(reservation: UUID, *, alone: bool) -> Held:
    """The note of one key. `alone`: it signs in by itself."""
    return Held(name=ALONE if alone else SECOND, reservation=reservation)


def signs_in(identity: Identity, method: str) -> bool:
    """Whether somebody has a key of this method that signs in by itself."""
    return any(one.name == ALONE for one in identity.held.get(method, ()))


def owned(identity: Identity) -> frozenset[str]:
    """The credentials somebody may sign in by, if their methods are on: security keys only if one of them does that."""
    others = frozenset(identity.credentials) - {"webauthn"}
    return others | {"webauthn"} if signs_in(identity, "webauthn") else others


def second(identity: Identity, method: str) -> bool:
    """Whether somebody has a key of this method that is a second factor."""
    return any(one.name == SECOND for one in identity.held.get(method, ()))
