"""The keys of people's data: one per owner, wrapped by the master key, kept in the vault and thrown away there.

Ciphers are AES-256-GCM with random 96-bit nonces (NIST SP 800-38D), derivations HKDF-SHA256 (RFC 5869) and HMAC-SHA256
(RFC 2104). Every ciphertext is bound to its owner, so that it cannot be passed off as somebody else's.
"""

import hmac
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID
from weakref import WeakValueDictionary

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from limen.domain.errors import Erased, StoreUnusable
from limen.domain.ports import Secrets, Step, Store, VaultRow
from limen.domain.sealed import Sealed

CACHED_KEYS = 2048
"""How many owners' keys are at hand at a time, some 2.5 KB each; the one used longest ago makes room."""

_NONCE = 12
_KEY = 32
_WRAPPED = b"\x01"
"""First byte of every wrapped key: the form it has."""
_VAULT = b"/vault"
_STORE = UUID(int=0)
"""The owner of the store's own keys."""


class ForgettingStore(Store, Protocol):
    """A store that says whom it has forgotten, so that no key in memory outlives the one in the vault."""

    kind: str

    def vault_now(self, owner: UUID, kind: str, name: str = "") -> VaultRow | None:
        """One vault row, read without awaiting."""

    def on_forget(self, listener: Callable[[Collection[UUID]], None]) -> None:
        """Calls `listener` with the owners of the rows that were deleted."""


@dataclass(frozen=True, slots=True)
class _DataKey:
    key: bytes = field(repr=False)
    cipher: AESGCM

    def digest(self, data: bytes) -> bytes:
        """By a key derived from this one: it is asked for seldom, so it is derived then."""
        return hmac.digest(hmac.digest(self.key, b"limen digest key", "sha256"), data, "sha256")


class Keys:
    """Implements the `Keyring` port. Every method works without I/O but `open` and `load`.

    `master` are the configured secrets: the first wraps new keys, all of them open old ones. They may be missing for a
    store in memory alone, which then gets a random one. A caller makes sure that an owner's key is `ready`, or loads
    it, before it seals or opens. A key that had to make room since, while an action ran perhaps, is read again where it
    is used; one that is nowhere raises `Erased`.
    """

    def __init__(self, store: ForgettingStore, master: Sequence[str], secrets: Secrets) -> None:
        if not master and store.kind != "memory":
            raise StoreUnusable("a store that lasts needs a secret to protect it: configure secrets.cipher or .default")
        self._store = store
        self._secrets = secrets
        sources = [secret.encode() for secret in master] or [secrets.bytes(_KEY)]
        self._masters = [AESGCM(_derived(source, b"limen master key")) for source in sources]
        self._keys: OrderedDict[UUID, _DataKey] = OrderedDict()
        # A new key is in the vault only after its step is appended; until then its row, which the step holds, keeps it.
        self._made: WeakValueDictionary[UUID, VaultRow] = WeakValueDictionary()
        self._gone: set[UUID] = set()
        self._pepper = b""
        store.on_forget(self._forgotten)

    async def open(self) -> None:
        """Reads the pepper, or makes it for a new store; to be awaited before anything is derived.

        Raises `StoreUnusable` when none of the configured secrets belongs to this store.
        """
        self._pepper = await self.own("pepper")

    def recall(self) -> bool:
        """Reads the pepper without making one, for who only reads; False where there is none: nothing was derived yet.

        Raises `StoreUnusable` as `open` does.
        """
        row = self._store.vault_now(_STORE, "pepper")
        self._pepper = self._unwrap(row) if row is not None else b""
        return row is not None

    async def own(self, kind: str) -> bytes:
        """A key of 32 bytes that is the store's own, and nobody's data; made when it is first asked for.

        Raises `StoreUnusable` when none of the configured secrets belongs to this store.
        """
        row = await self._store.vault(_STORE, kind)
        if row is None:
            made = VaultRow(_STORE, kind, "", self._wrap(_STORE, kind, self._secrets.bytes(_KEY)))
            await self._store.append(Step(unique=[made]))
            # Another process may have been first: what is there now is what both of them use.
            row = await self._store.vault(_STORE, kind)
        if row is None:
            raise StoreUnusable("the store did not keep what was written to it")
        return self._unwrap(row)

    # ---------------------------------------------------------------------------------------------------------- keys

    def create(self, owner: UUID, subject: UUID | None = None) -> VaultRow:
        """A new data key for `owner`, ready for use for as long as the row is held, which is to be put in a step."""
        key = self._secrets.bytes(_KEY)
        self._keep(owner, key)
        row = VaultRow(owner, "key", "", self._wrap(owner, "key", key), subject)
        self._made[owner] = row
        return row

    def ready(self, owner: UUID) -> bool:
        """Whether the key of `owner` is at hand, so that sealing and opening work without a read."""
        return owner in self._keys or owner in self._made

    async def load(self, owner: UUID) -> bool:
        """Fetches the key of `owner` from the vault; False when it was erased (or never was)."""
        return self.admit(owner, await self._store.vault(owner, "key"))

    def admit(self, owner: UUID, row: VaultRow | None) -> bool:
        """Takes in the key from the vault row of its owner, None where there is none any more.

        Raises `StoreUnusable` when none of the configured secrets opens it.
        """
        if row is None:
            self.forget(owner)
            return False
        self._keep(owner, self._unwrap(row))
        return True

    def forget(self, owner: UUID) -> None:
        """Drops the key from memory: what it sealed reads as erased until the key is loaded again."""
        self._keys.pop(owner, None)
        self._made.pop(owner, None)
        if len(self._gone) >= CACHED_KEYS:
            self._gone.clear()
        self._gone.add(owner)

    def _forgotten(self, owners: Collection[UUID]) -> None:
        for owner in owners:
            self.forget(owner)

    def _keep(self, owner: UUID, key: bytes) -> None:
        self._keys[owner] = _DataKey(key, AESGCM(key))
        self._keys.move_to_end(owner)
        self._gone.discard(owner)
        while len(self._keys) > CACHED_KEYS:
            self._keys.popitem(last=False)

    def _key(self, owner: UUID) -> _DataKey:
        if owner not in self._keys:
            row = None
            if owner not in self._gone:
                row = self._made.get(owner) or self._store.vault_now(owner, "key")
            if not self.admit(owner, row):
                raise Erased(f"the personal data of {owner} has been erased")
        self._keys.move_to_end(owner)
        return self._keys[owner]

    # ------------------------------------------------------------------------------------------------ what they do

    def seal(self, owner: UUID, value: Any) -> Sealed:
        """Encrypts a JSON value under the key of `owner`."""
        nonce = self._secrets.bytes(_NONCE)
        sealed = self._key(owner).cipher.encrypt(nonce, orjson.dumps(value), owner.bytes)
        return Sealed(sealed=b64encode(nonce + sealed).decode(), key=owner)

    def unseal(self, sealed: Sealed) -> Any:
        """The JSON value again. Raises `Erased` when its key is gone."""
        data = b64decode(sealed.sealed)
        return orjson.loads(self._key(sealed.key).cipher.decrypt(data[:_NONCE], data[_NONCE:], sealed.key.bytes))

    def encrypt(self, owner: UUID, plain: bytes) -> bytes:
        """A vault value under the key of `owner`."""
        nonce = self._secrets.bytes(_NONCE)
        return nonce + self._key(owner).cipher.encrypt(nonce, plain, owner.bytes + _VAULT)

    def decrypt(self, owner: UUID, value: bytes) -> bytes:
        """A vault value in clear. Raises `Erased` when its key is gone."""
        return self._key(owner).cipher.decrypt(value[:_NONCE], value[_NONCE:], owner.bytes + _VAULT)

    def digest(self, owner: UUID, data: bytes) -> str:
        """HMAC-SHA256 in hex under a key derived from that of `owner`: equality can be shown only by who has it."""
        return self._key(owner).digest(data).hex()

    def derive(self, *parts: str) -> UUID:
        """A UUID of version 5's form from the pepper and `parts`, each with its length, so that no two lists clash."""
        if not self._pepper:
            raise LookupError("the keyring is not open")
        encoded = [part.encode() for part in parts]
        message = b"".join(len(part).to_bytes(4, "big") + part for part in encoded)
        return UUID(bytes=hmac.digest(self._pepper, message, "sha256")[:16], version=5)

    # ------------------------------------------------------------------------------------------------------ wrapping

    def _wrap(self, owner: UUID, kind: str, key: bytes) -> bytes:
        nonce = self._secrets.bytes(_NONCE)
        return _WRAPPED + nonce + self._masters[0].encrypt(nonce, key, owner.bytes + kind.encode())

    def _unwrap(self, row: VaultRow) -> bytes:
        nonce, wrapped = row.value[1 : 1 + _NONCE], row.value[1 + _NONCE :]
        for master in self._masters:
            try:
                return master.decrypt(nonce, wrapped, row.owner.bytes + row.kind.encode())
            except InvalidTag:
                continue
        raise StoreUnusable(
            "none of the configured secrets belongs to this store: give the one it was made with in secrets.cipher (or "
            "secrets.default), after the new one where it was replaced"
        )


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), _KEY, salt=None, info=purpose).derive(secret)
