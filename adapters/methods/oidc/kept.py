"""Kept: what a flow keeps in the vault for this method: somebody's trip, and what a provider has said of them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from limen.adapters.methods.oidc.said import Said
from limen.adapters.methods.oidc.trip import Trip


@dataclass(frozen=True, slots=True)
class Kept:
    """`trip` while somebody is away, and after it; `said` once the provider has spoken, until the flow is completed."""

    trip: Trip | None = None
    said: Said | None = field(default=None, repr=False)

    def text(self) -> str:
        """As it is kept."""
        return json.dumps(
            {"trip": asdict(self.trip) if self.trip else None, "said": asdict(self.said) if self.said else None}
        )

    @classmethod
    def of(cls, text: str | None) -> "Kept":
        """The same again; nothing where nothing is kept."""
        record: Mapping[str, Any] = json.loads(text) if text else {}
        trip, said = record.get("trip"), record.get("said")
        return cls(Trip(**trip) if trip else None, Said.of(said) if said else None)
