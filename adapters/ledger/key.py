"""The signing key: its 32-byte seed, from the vault or from a file."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from limen.adapters.keyring import Keys
from limen.domain.configuration import LedgerSettings
from limen.domain.errors import StoreUnusable

KIND = "ledger"
"""The kind of its vault row."""

_ADVICE = "openssl genpkey -algorithm ed25519 -out FILE makes one"


async def seed_of(settings: LedgerSettings, keys: Keys) -> bytes:
    """The key of the file that is named, else the vault's, made when it is first needed. Raises `StoreUnusable`."""
    return seed_in(Path(settings.key)) if settings.key is not None else await keys.own(KIND)


def seed_in(path: Path) -> bytes:
    """The key in a PEM file. Raises `StoreUnusable`, without a word of what is in it."""
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StoreUnusable(f"the ledger's key {path} cannot be read: {reason}; {_ADVICE}") from None
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise StoreUnusable(f"{path} holds no Ed25519 private key without a password; {_ADVICE}")
    return key.private_bytes_raw()
