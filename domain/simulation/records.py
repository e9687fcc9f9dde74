"""Records: what a simulation may look at beside the events of the flow: the port."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from limen.domain.answer import Verdict
from limen.domain.plan import Planned
from limen.domain.ports import PreparedRequest
from limen.domain.rules import Rules
from limen.domain.simulation.turn import Place, Turn


@dataclass(frozen=True, slots=True)
class Sent:
    """A delivery of a recorded turn: of which action, what was sent (its keyed digest), how it stands, in which try."""

    place: Place
    request: str | None
    state: str
    attempts: int = 0
    body: bytes | None = field(default=None, repr=False)


class Records(Protocol):
    """The store, read only."""

    async def rules(self, configuration: UUID) -> Rules | None:
        """A configuration that flows are pinned to; None where it is gone."""

    async def contexts(self, flow: UUID) -> Mapping[str, Mapping[str, Any]]:
        """The contexts that are kept of a flow, by name; empty where none is, or not any more."""

    async def digest(self, flow: UUID, data: bytes) -> str | None:
        """The keyed digest of a body under a flow's key; None where that key is gone."""

    async def sent(self, turn: Turn) -> Mapping[Place, Sent]:
        """The deliveries a turn scheduled."""

    async def verified(self, turn: Turn) -> bool | None:
        """Whether some address of whoever the turn is about was verified by then; None where nobody can know."""

    async def taken(self, rules: Rules, turn: Turn, identity: Mapping[str, Any]) -> bool | None:
        """Whether an identifier of this identity (as a context shows it) was somebody else's by then."""


class Live(Protocol):
    """Asks a real endpoint on behalf of a simulation; nothing is asked without one."""

    def wanted(self, planned: Planned) -> bool:
        """Whether this action may ask."""

    async def ask(self, planned: Planned, request: PreparedRequest, *, modifies: bool) -> Verdict:
        """The verdict of a real answer to a new request, which a header marks as a simulation's."""
