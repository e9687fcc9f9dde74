"""One-time codes: six digits, kept as a keyed digest in the vault, replaced by the next one, gone when spent.

Twenty digits once the codes of an address have been guessed at too often (`limen.domain.lockout`): NIST SP 800-63B
§5.1.3.2 asks for a limit to guessing below 64 bits of entropy, and for none from there on.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from limen.domain.ports import Keyring, VaultRow

DIGITS = 6
LONG_DIGITS = 20
"""Digits of a code that cannot be guessed: 66 bits."""
LONG = "long_code"
"""What the form keeps where such a code was sent."""
MAX_WRONG = 5
"""Wrong tries a flow survives; the sixth ends it (Kratos' limit)."""

ROW = "code"


@dataclass(frozen=True, slots=True)
class SentCode:
    """A code on its way: where it went, whose it is (None: nobody's), until when it counts."""

    digest: str
    address: str = field(repr=False)
    via: str
    expires_at: datetime
    identity_id: UUID | None

    def is_right(self, keyring: Keyring, flow_id: UUID, code: str, now: datetime) -> bool:
        """Whether this is the code; compared in constant time, and never right when it is nobody's or too old."""
        return self._is(keyring, flow_id, code) and now < self.expires_at

    def is_late(self, keyring: Keyring, flow_id: UUID, code: str, now: datetime) -> bool:
        """Whether this is the code, and too old."""
        return self._is(keyring, flow_id, code) and now >= self.expires_at

    def _is(self, keyring: Keyring, flow_id: UUID, code: str) -> bool:
        return hmac.compare_digest(self.digest, keyring.digest(flow_id, code.strip().encode()))


def code_row(
    keyring: Keyring,
    flow_id: UUID,
    code: str,
    *,
    address: str,
    via: str,
    now: datetime,
    lifespan: float,
    identity_id: UUID | None,
) -> VaultRow:
    """The vault row that keeps a code of a flow; an earlier one is replaced."""
    expires_at = now + timedelta(seconds=lifespan)
    record: Mapping[str, Any] = {
        "digest": keyring.digest(flow_id, code.encode()),
        "address": address,
        "via": via,
        "expires_at": expires_at.isoformat(),
        "identity_id": str(identity_id) if identity_id else None,
    }
    return VaultRow(flow_id, ROW, "", keyring.encrypt(flow_id, json.dumps(record).encode()), expires_at=expires_at)


def sent_code(keyring: Keyring, flow_id: UUID, row: VaultRow | None) -> SentCode | None:
    """The code of a flow, as it was kept."""
    if row is None:
        return None
    record = json.loads(keyring.decrypt(flow_id, row.value))
    return SentCode(
        digest=record["digest"],
        address=record["address"],
        via=record["via"],
        expires_at=datetime.fromisoformat(record["expires_at"]),
        identity_id=UUID(record["identity_id"]) if record["identity_id"] else None,
    )


def challenge_record(address: str, via: str, values: Any) -> dict[str, Any]:
    """What a challenge seals: where the code went, and what the form keeps."""
    return {"address": address, "via": via, "values": dict(values)}


def code_lifespan(config: Any) -> float:
    """`selfservice.methods.code.config.lifespan` in seconds; Kratos' default is 15 minutes."""
    lifespan = config.get("lifespan")
    return lifespan.total_seconds() if isinstance(lifespan, timedelta) else float(lifespan or 900.0)
