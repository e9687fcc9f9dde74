"""Kept: what a flow keeps in the vault for this method: somebody's trip, and what a provider has said of them."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from typing import Any

from limen.adapters.methods.oidc.said import Said
from limen.adapters.methods.oidc.trip import Trip


@dataclass(frozen=True, slots=True)
class Kept:
    """`trip` while somebody is away, and after it; `said` once the provider has spoken, until the flow is completed.

    `proof` is the hash of what goes back to a native app with its browser: who submits what was said brings that, for
    whoever began the flow knows its id, and need not be who went to the provider.
    """

    trip: Trip | None = None
    said: Said | None = field(default=None, repr=False)
    proof: str | None = field(default=None, repr=False)

    def is_of(self, claim: Any) -> bool:
        """Whether what was said is for who brings `claim`."""
        if self.proof is None:
            return True
        return isinstance(claim, str) and hmac.compare_digest(self.proof, proof_of(claim))

    def text(self) -> str:
        """As it is kept."""
        return json.dumps(
            {
                "trip": asdict(self.trip) if self.trip else None,
                "said": asdict(self.said) if self.said else None,
                "proof": self.proof,
            }
        )

    @classmethod
    def of(cls, text: str | None) -> "Kept":
        """The same again; nothing where nothing is kept."""
        record: Mapping[str, Any] = json.loads(text) if text else {}
        trip, said = record.get("trip"), record.get("said")
        return cls(Trip(**trip) if trip else None, Said.of(said) if said else None, record.get("proof"))


def proof_of(claim: str) -> str:
    """The hash of 256 random bits: nothing else can be tried against it."""
    return sha256(claim.encode()).hexdigest()


def carried(pending: str, kept: Kept) -> str:
    """What another flow keeps, for the same app; the callback that was for the first one counts there too."""
    return replace(Kept.of(pending), trip=kept.trip, proof=kept.proof).text()
