"""Personal data inside an event: sealed under a key that can be thrown away."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Sealed(BaseModel):
    """A JSON value encrypted under the data key of `key` (an identity's id or, before there is one, a flow's).

    In the stored event it stands as `{"sealed": "<base64>", "key": "<uuid>"}`. Without that key nobody reads it; after
    the person was erased nobody ever will. Sealing and opening is the work of the `Keyring` port.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sealed: str
    key: UUID

    def __repr__(self) -> str:
        return f"Sealed(key={self.key})"

    def masked(self, *, erased: bool = False) -> dict[str, Any]:
        """What is shown in its place: `{"sealed": true}`, or `{"erased": true}`."""
        return {"erased": True} if erased else {"sealed": True}


class Shown(Sealed):
    """A sealed field of an event that reached a consumer, who has no keys.

    `value` is what was sealed, where personal data is sent along to that consumer; None where it is left out.
    `erased`: the person has been erased, and nobody reads it any more.
    """

    sealed: str = ""
    key: UUID = UUID(int=0)
    value: Any = None
    erased: bool = False

    def __repr__(self) -> str:
        return "Shown(erased)" if self.erased else f"Shown({'left out' if self.value is None else '…'})"
