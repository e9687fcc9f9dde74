"""Pending secrets: what settings show before it is confirmed. In the vault, sealed, as long as the flow lasts."""

from limen.domain.flow import Flow
from limen.domain.ports import Keyring, Store, VaultKey, VaultRow

KIND = "pending"


def pending_row(keyring: Keyring, flow: Flow, method: str, secret: str) -> VaultRow:
    """The vault row that keeps a method's secret for a flow; an earlier one is replaced."""
    value = keyring.encrypt(flow.id, secret.encode())
    return VaultRow(flow.id, KIND, method, value, subject=flow.identity_id, expires_at=flow.expires_at)


async def pending_secret(store: Store, keyring: Keyring, flow: Flow, method: str) -> str | None:
    """The secret a flow keeps for a method."""
    row = await store.vault(flow.id, KIND, method)
    return keyring.decrypt(flow.id, row.value).decode() if row else None


def pending_key(flow: Flow, method: str) -> VaultKey:
    """Where it stands."""
    return VaultKey(flow.id, KIND, method)
