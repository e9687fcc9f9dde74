"""What a group on RabbitMQ has agreed upon, kept by the server as the one message of a queue.

A server tells nobody what a queue is bound to, or who consumes it and why: so it is written down beside it.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

import aiormq

from limen.adapters.bus.rabbit.channels import NO_LIMIT, put

_ARGUMENTS: Final[dict[str, Any]] = {"x-queue-type": "quorum", "x-delivery-limit": NO_LIMIT, "x-max-length": 1}


@dataclass(frozen=True, slots=True)
class RabbitRoster:
    """A group's handlers, and the subjects that its queue is bound to at most."""

    handlers: str
    subjects: frozenset[str]

    @classmethod
    async def read(cls, channel: aiormq.Channel, queue: str) -> "RabbitRoster | None":
        """The roster, or None where none was written yet. It goes back into its queue when the channel closes."""
        await channel.queue_declare(queue, durable=True, arguments=_ARGUMENTS)
        found = await channel.basic_get(queue)
        if not found.delivery_tag:
            return None
        fields = json.loads(found.body)
        return cls(fields["handlers"], frozenset(fields["subjects"]))

    async def write(self, channel: aiormq.Channel, queue: str) -> None:
        """Takes the place of what was read or written on that channel before; durable when it returns."""
        body = json.dumps({"handlers": self.handlers, "subjects": sorted(self.subjects)}).encode()
        await put(channel, queue, body, {})
        await channel.basic_ack(0, multiple=True)
