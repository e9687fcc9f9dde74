"""Key: a public key that somebody registered, and the list of those they have (WebAuthn Level 3 §4, credential record).

The list is one credential in the vault; what identifies a key to others is its credential id.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

UNNAMED = "unnamed"
"""What a key is called that nobody named (Kratos)."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key. Bytes are in base64url without padding.

    `counter` is the signature counter it showed last; 0 for authenticators that have none. `handle` is the user handle
    it was made under. `passwordless`: whether it signs in by itself (`webauthn`; passkeys always do).
    `eligible` and `backed_up` are the backup flags (§6.1.3).
    """

    id: str = field(repr=False)
    public_key: str = field(repr=False)
    counter: int
    name: str = field(repr=False)
    added_at: str
    aaguid: str
    handle: str = field(repr=False)
    passwordless: bool
    eligible: bool = False
    backed_up: bool = False

    @property
    def hex(self) -> str:
        """The credential id as the button says it that removes the key."""
        return decode(self.id).hex()

    def used(self, counter: int, *, backed_up: bool) -> "Key":
        """The key after it has answered."""
        return replace(self, counter=counter, backed_up=backed_up)

    def shown(self, *, last: bool) -> dict[str, Any]:
        """What settings show of it; `last`: whoever removes it could not sign in any more."""
        return {"id": self.hex, "name": self.name, "added_at": datetime.fromisoformat(self.added_at), "last": last}


def read_keys(secret: str | None) -> tuple[Key, ...]:
    """The keys of a credential, in the order in which they were added."""
    return tuple(Key(**record) for record in json.loads(secret)) if secret else ()


def write_keys(keys: Sequence[Key]) -> str:
    """The credential that holds these keys."""
    return json.dumps([asdict(key) for key in keys], separators=(",", ":"))


def encode(data: bytes) -> str:
    """Base64url without padding (RFC 4648 §5)."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str) -> bytes:
    """The bytes again. Raises `ValueError`."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
