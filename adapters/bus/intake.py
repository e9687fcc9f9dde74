"""What every bus does for a router: it brings one message after the other, and keeps what could not be handled.

One message of a group is under way at a time, so the order within each stream holds, whoever of the group is killed.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from limen.adapters.bus.dead_letter import DeadLetter

GRACE: Final = 1.0
"""Seconds that a stop waits for the message under way, which else comes again."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as it came. `attributes` have no prefix; `delivered` is how often the bus has brought it, from 1.

    `keep` tells the bus that it is still being worked on, where it would else bring it to somebody else after a time.
    """

    attributes: Mapping[str, str]
    data: bytes = field(repr=False)
    delivered: int = 1
    keep: Callable[[], Awaitable[None]] | None = None


Receive = Callable[[Incoming], Awaitable[None]]
"""Works on a message; when it returns, the message is to be acknowledged, when it raises (cancelled), it is not."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a router asks of its intake. `subjects` are those it wants (exact names), known at the start.

    `since`: nothing up to this position of the log is wanted; an intake may leave it out on the server's side.
    `patience`: seconds after which a message that was not acknowledged, nor kept, comes again.
    """

    group: str
    topic: str
    since: int
    patience: float
    subjects: Callable[[], Sequence[str]]


class Intake(ABC):
    """The way of one group's messages from one bus. `receive` is awaited for each."""

    def __init__(self, broker: Any, terms: Terms, receive: Receive) -> None:
        self.broker = broker
        self.terms = terms
        self.receive = receive

    @abstractmethod
    async def prepare(self, roster: str) -> None:
        """Before the broker starts its subscribers: declares what is not there yet, and registers the subscriber.

        `roster` names the group's handlers. Raises `GroupDiffers` where a router with another one is at work.
        """

    @abstractmethod
    async def park(self, letter: DeadLetter) -> None:
        """Keeps a message that could not be handled; durable when it returns."""

    @abstractmethod
    def dead(self) -> AsyncIterator[DeadLetter]:
        """The group's dead letters, the oldest first."""

    @abstractmethod
    async def remove(self, letter: DeadLetter) -> None:
        """Forgets a dead letter: it has been handled, or is not wanted any more."""


def before_stop(broker: Any, leave: Callable[[], Awaitable[None]]) -> None:
    """Leads a broker's `stop` through `leave`, as the router does with `start`: its connection is still there then."""
    stop = broker.stop

    async def stopped(*error: Any, **named: Any) -> None:
        try:
            await leave()
        finally:
            await stop(*error, **named)

    broker.stop = stopped
