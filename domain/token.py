"""Session tokens and one-time codes: made here, shown once, kept only as keyed hashes in the vault.

A session token is `ory_st_` + the session's id + 24 random bytes, in URL-safe base64: the id finds the session, the
whole is what its hash is of. The first of `secrets.cookie` makes the hash, every one of them may check it, so that the
secrets can be rotated.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

from limen.domain.configuration import KeySecrets
from limen.domain.ports import Secrets, VaultRow
from limen.domain.session import Session

PREFIX = "ory_st_"
_LENGTH = 16 + 24


def mint(session_id: UUID, secrets: Secrets) -> str:
    """A new token for a session."""
    return PREFIX + urlsafe_b64encode(session_id.bytes + secrets.bytes(_LENGTH - 16)).decode().rstrip("=")


def session_of(token: str) -> UUID | None:
    """The session a token claims to be of; None when it is no token."""
    text = token.removeprefix(PREFIX)
    if text == token or len(text) != 54:
        return None
    try:
        raw = urlsafe_b64decode(text + "==")
        return UUID(bytes=raw[:16], version=None) if len(raw) == _LENGTH else None
    except ValueError:
        return None


def token_hash(secret: str, token: str) -> bytes:
    """What is kept of a token."""
    return hmac.digest(secret.encode(), token.encode(), sha256)


def matches(kept: bytes, token: str, secrets: Sequence[str]) -> bool:
    """Whether any of the secrets made this hash of this token."""
    return any(hmac.compare_digest(kept, token_hash(secret, token)) for secret in secrets)


def cookie_secrets(secrets: KeySecrets) -> tuple[str, ...]:
    """What signs session tokens: `secrets.cookie`, else `secrets.default`, else (in memory only) a fixed word."""
    return secrets.cookie or secrets.default or ("limen",)


def token_row(session: Session, token: str, secrets: Sequence[str]) -> VaultRow:
    """The vault row that keeps a session token's hash, bound to the identity."""
    return VaultRow(
        session.id,
        "token",
        "",
        token_hash(secrets[0], token),
        subject=session.identity_id,
        expires_at=session.expires_at,
    )
