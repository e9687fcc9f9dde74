"""Profile: what a person is, apart from secrets: traits, metadata, state and addresses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Address:
    """A verifiable or recovery address. `status`: pending, sent or completed; recovery addresses are never verified."""

    id: UUID
    value: str = field(repr=False)
    via: str
    created_at: datetime
    updated_at: datetime
    verified: bool = False
    status: str = "pending"
    verified_at: datetime | None = None

    def record(self) -> dict[str, Any]:
        """As it is kept (sealed) in an event."""
        return {
            "id": str(self.id),
            "value": self.value,
            "via": self.via,
            "created_at": self.created_at.isoformat(),
            "updated_at": self.updated_at.isoformat(),
            "verified": self.verified,
            "status": self.status,
            "verified_at": self.verified_at.isoformat() if self.verified_at else None,
        }

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Address":
        """The address again from `record()`."""
        return cls(
            id=UUID(record["id"]),
            value=record["value"],
            via=record["via"],
            created_at=datetime.fromisoformat(record["created_at"]),
            updated_at=datetime.fromisoformat(record["updated_at"]),
            verified=record["verified"],
            status=record["status"],
            verified_at=datetime.fromisoformat(record["verified_at"]) if record["verified_at"] else None,
        )

    def confirmed(self, at: datetime) -> "Address":
        """The same address, verified."""
        return replace(self, verified=True, status="completed", verified_at=at)

    def upon(self, before: "Address | None", now: "Address | None") -> "Address":
        """The address as a change leaves it that was made of `before`, where others have made it `now` meanwhile.

        What the change itself says of it stands: an action's answer may take back that it is verified.
        """
        if now is None or (before is not None and self != before):
            return self
        return now if before is not None or now.verified else self


def upon(mine: Iterable[Address], before: Iterable[Address], now: Iterable[Address]) -> tuple[Address, ...]:
    """`Address.upon` for each."""
    was, there = ({(one.via, one.value): one for one in listed} for listed in (before, now))
    return tuple(one.upon(was.get((one.via, one.value)), there.get((one.via, one.value))) for one in mine)


@dataclass(frozen=True, slots=True)
class Profile:
    """What a person is, apart from secrets. Replaced as a whole by every change."""

    schema_id: str
    traits: Mapping[str, Any] = field(repr=False)
    state: str = "active"
    state_changed_at: datetime | None = None
    metadata_public: Any = field(default=None, repr=False)
    metadata_admin: Any = field(default=None, repr=False)
    external_id: str | None = field(default=None, repr=False)
    organization_id: str | None = None
    verifiable: tuple[Address, ...] = field(default=())
    recovery: tuple[Address, ...] = field(default=())

    def record(self) -> dict[str, Any]:
        """As it is kept (sealed) in an event."""
        return {
            "schema_id": self.schema_id,
            "traits": self.traits,
            "state": self.state,
            "state_changed_at": self.state_changed_at.isoformat() if self.state_changed_at else None,
            "metadata_public": self.metadata_public,
            "metadata_admin": self.metadata_admin,
            "external_id": self.external_id,
            "organization_id": self.organization_id,
            "verifiable": [address.record() for address in self.verifiable],
            "recovery": [address.record() for address in self.recovery],
        }

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Profile":
        """The profile again from `record()`."""
        changed = record["state_changed_at"]
        return cls(
            schema_id=record["schema_id"],
            traits=record["traits"],
            state=record["state"],
            state_changed_at=datetime.fromisoformat(changed) if changed else None,
            metadata_public=record["metadata_public"],
            metadata_admin=record["metadata_admin"],
            external_id=record["external_id"],
            organization_id=record.get("organization_id"),
            verifiable=tuple(map(Address.of, record["verifiable"])),
            recovery=tuple(map(Address.of, record["recovery"])),
        )
