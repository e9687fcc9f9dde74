"""Delivery: one action execution (or message to a person) after the commit, scheduled in the same append.

Its request was rendered when it was decided and lies sealed in the vault, beside the flow's other payloads, until it
has been delivered and its retention is over.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from limen.domain.aggregate import Aggregate
from limen.domain.event import EVENT_TYPES, DomainEvent
from limen.domain.machine import DELIVERY, fire
from limen.domain.precedence import Rule


class DeliveryEvent(DomainEvent):
    """Base of the events of a delivery's stream."""

    stream: ClassVar[str] = "delivery"


class DeliveryScheduled(DeliveryEvent):
    """Decided, with the flow's append. `channel` says how: a web hook, a Python handler, or a message to a person.

    `trigger_id` is what the target deduplicates by: the same across all attempts. `awaited` ones are sent at once.
    `flow_id` is None for what a logout scheduled: then it is sealed under the key of the identity. `rule` and `source`
    say why it runs where no plan on its flow does: which list chose it, and its place there (as in `ActionsPlanned`).
    """

    class_version: ClassVar[int] = 2

    flow_id: UUID | None = None
    identity_id: UUID | None = None
    channel: Literal["web_hook", "handler", "message"]
    action: str
    hook: str
    phase: str
    method: str | None = None
    position: int = 0
    trigger_id: UUID
    configuration: UUID
    awaited: bool = False
    request_digest: str | None = None
    rule: Rule | None = None
    source: str | None = None

    upcast_v1_v2: ClassVar = staticmethod(lambda state: state.update(rule=None, source=None))


class DeliveryStarted(DeliveryEvent):
    """A process took it on. Until `lease` nobody else does; after that the process counts as dead.

    The same `attempt` once more: it had not begun yet, and its process keeps it for longer.
    """

    attempt: int
    lease: datetime


class DeliveryAttempted(DeliveryEvent):
    """The attempt failed; the next one is due at `next_at`. `duration` in milliseconds."""

    attempt: int
    reason: str
    status: int | None = None
    duration: float
    next_at: datetime
    response_digest: str | None = None


class DeliveryDelivered(DeliveryEvent):
    """It arrived. `duration` of the last attempt in milliseconds."""

    attempt: int
    verdict: str = "continue"
    status: int | None = None
    duration: float
    response_digest: str | None = None


class DeliveryParked(DeliveryEvent):
    """Given up: a dead letter, for a person to look at."""

    attempt: int
    reason: str
    detail: str = ""
    status: int | None = None
    duration: float
    response_digest: str | None = None


class DeliveryCanceled(DeliveryEvent):
    """It will not be sent: the person was `erased`, or `nobody` is known at the address (whoever asked cannot tell)."""

    reason: str


class Delivery(Aggregate):
    """The state of a delivery, folded from its events."""

    stream: ClassVar[str] = "delivery"

    channel: str
    action: str

    def __init__(self, id: UUID) -> None:
        super().__init__(id)
        self.flow_id: UUID | None = None
        self.state = ""
        self.back = ""
        self.identity_id: UUID | None = None
        self.hook = ""
        self.phase = ""
        self.method: str | None = None
        self.trigger_id: UUID
        self.configuration: UUID
        self.awaited = False
        self.attempts = 0
        self.lease: datetime | None = None
        self.next_at: datetime | None = None
        self.status: int | None = None
        self.given_up: tuple[str, str] | None = None
        """Why it is a dead letter: reason and detail."""

    def apply(self, event: DomainEvent) -> None:
        """Copies what the event says."""
        match event:
            case DeliveryScheduled():
                self.state, self.flow_id, self.identity_id = DELIVERY.initial, event.flow_id, event.identity_id
                self.channel, self.action, self.hook = event.channel, event.action, event.hook
                self.phase, self.method, self.awaited = event.phase, event.method, event.awaited
                self.trigger_id, self.configuration = event.trigger_id, event.configuration
                self.next_at = event.timestamp
            case DeliveryStarted():
                self.state, self.attempts, self.lease = "attempting", event.attempt, event.lease
                self.next_at = None
            case DeliveryAttempted():
                self.state, self.next_at, self.status = "waiting", event.next_at, event.status
            case DeliveryDelivered():
                self.state, self.status = "delivered", event.status
            case DeliveryParked():
                self.state, self.status = "dead", event.status
                self.given_up = (event.reason, event.detail)
            case DeliveryCanceled():
                self.state = "canceled"
            case _:
                pass

    def emit(self, event: str, at: datetime, fields: Mapping[str, Any]) -> None:
        """Records the event of a transition (called by the machine alone)."""
        self.record(EVENT_TYPES[event], at, **fields)

    def fire(self, trigger: str, at: datetime, **fields: Any) -> None:
        """Moves by one row of the delivery table. Raises `IllegalTrigger`; then nothing happened."""
        fire("delivery", self, trigger, at, **fields)

    @property
    def owner(self) -> UUID:
        """Whose payload it is in the vault, sealed under that key: its flow's, else the person's."""
        owner = self.flow_id or self.identity_id
        assert owner is not None
        return owner

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.state in DELIVERY.ends
