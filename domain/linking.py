"""Linking: an account at a provider that may be added to an account here, once that one is proven.

Somebody registers through a provider with an address that is taken. They are shown a login; whoever proves the account
that has the address has the provider linked to it (Kratos: message 1010016). What is to be linked waits in the vault,
sealed, as long as that login lasts.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from limen.domain.flow import Flow
from limen.domain.identifier import normalize
from limen.domain.identity import Held, Identity
from limen.domain.pending import pending_row, pending_secret
from limen.domain.people import People
from limen.domain.ports import Keyring, Store, VaultRow

LINKING = "linking"
"""The name of the vault row, and of what the form keeps: the `provider`'s id, and the `identifier` to be proven."""


@dataclass(frozen=True, slots=True)
class Linkable:
    """An account at a provider. `entry` is what the credential's list says of it; `held` what is reserved for it.

    `verified` are the (via, value) of addresses that the provider vouches for; `automatic`: they may do as a proof.
    """

    method: str
    provider: str
    label: str
    entry: Mapping[str, Any] = field(repr=False)
    held: Held
    verified: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    automatic: bool = False


class AddressTaken(Exception):
    """The address of somebody who registers through a provider is that of an account here, of `holder`."""

    def __init__(self, linkable: Linkable, holder: UUID, identifier: str) -> None:
        self.linkable = linkable
        self.holder = holder
        self.identifier = identifier
        super().__init__(holder)


@dataclass(frozen=True, slots=True)
class Link:
    """What waits for its account: `holder`, the identity that has the address, `identifier`."""

    wanted: Linkable
    holder: UUID
    identifier: str = field(repr=False)

    @property
    def method(self) -> str:
        """The method whose credential gets it."""
        return self.wanted.method

    @property
    def provider(self) -> str:
        """The id of the provider."""
        return self.wanted.provider

    def row(self, keyring: Keyring, flow: Flow) -> VaultRow:
        """As the login that proves the account keeps it."""
        wanted = self.wanted
        record = {
            "method": wanted.method,
            "provider": wanted.provider,
            "label": wanted.label,
            "entry": dict(wanted.entry),
            "held": wanted.held.model_dump(mode="json"),
            "verified": wanted.verified,
            "automatic": wanted.automatic,
            "holder": str(self.holder),
            "identifier": self.identifier,
        }
        return pending_row(keyring, flow, LINKING, json.dumps(record))


async def link_of(store: Store, keyring: Keyring, flow: Flow) -> Link | None:
    """What waits in a login for its account to be proven."""
    kept = await pending_secret(store, keyring, flow, LINKING)
    if kept is None:
        return None
    record = json.loads(kept)
    wanted = Linkable(
        record["method"],
        record["provider"],
        record.get("label", record["provider"]),
        record["entry"],
        Held(name=record["held"]["name"], reservation=UUID(record["held"]["reservation"])),
        tuple((via, value) for via, value in record.get("verified", ())),
        record.get("automatic", False),
    )
    return Link(wanted, UUID(record["holder"]), record.get("identifier", ""))


async def added(
    people: People, identity: Identity, method: str, entry: Mapping[str, Any], held: Held
) -> tuple[str, tuple[Held, ...]]:
    """The credential with one more account, as it is kept, and all that it holds then."""
    there = await accounts(people, identity, method)
    kept = [one for one in there if one != dict(entry)]
    others = tuple(one for one in identity.held.get(method, ()) if one.reservation != held.reservation)
    return json.dumps([*kept, dict(entry)]), (*others, held)


async def accounts(people: People, identity: Identity, method: str) -> list[dict[str, Any]]:
    """What the list of a credential says of each of its accounts."""
    secret = await people.credential(identity, method) if method in identity.credentials else None
    return list(json.loads(secret)) if secret else []


def vouched(people: People, holder: Identity, link: Link) -> bool:
    """Whether the address is proof: verified by the provider, and verified here, and the configuration says so.

    Not where the account has that provider already, by another name there: addresses are given to others.
    """
    wanted = link.wanted
    if not wanted.automatic or any(one.name == wanted.provider for one in holder.held.get(wanted.method, ())):
        return False
    there = {(one.via, one.value) for one in people.profile(holder).verifiable if one.verified}
    return any(normalize(value) == link.identifier and (via, value) in there for via, value in wanted.verified)
