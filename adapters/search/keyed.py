"""What stands for an identifier or an address in the log: hashes under the store's pepper, which has to be at hand."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from limen.adapters.log import EventReader
from limen.domain.identifier import normalize
from limen.domain.network import hashed, network_asked
from limen.domain.ports import Keyring


@dataclass(frozen=True, slots=True)
class Holding:
    """An identity held the identifier from `since` on, to `until` where it gave it up or was `erased`."""

    identity: UUID
    since: datetime
    until: datetime | None
    erased: bool

    def body(self) -> dict[str, Any]:
        """As JSON shows it."""
        since, until = (at.isoformat().replace("+00:00", "Z") if at else None for at in (self.since, self.until))
        return {"identity": str(self.identity), "since": since, "until": until, "erased": self.erased}


def holders(log: EventReader, keyring: Keyring, identifier: str) -> list[Holding]:
    """Everybody who ever held an identifier, spelled as at login, the first of them first."""
    found: list[Holding] = []
    for entry in log.stream(keyring.derive("identifier", normalize(identifier))):
        identity = UUID(entry.data["identity_id"])
        if entry.type == "IdentifierReserved":
            erased = any(one.type == "IdentityErased" for one in log.stream(identity))
            found.append(Holding(identity, entry.time, None, erased))
        elif found:
            last = found.pop()
            found.append(Holding(last.identity, last.since, entry.time, last.erased))
    return found


def network(keyring: Keyring, text: str) -> UUID:
    """The hash of the network that an address lies in, or that a prefix names. Raises `ValueError` for all else."""
    found = hashed(keyring, network_asked(text))
    assert found is not None
    return found
