"""Places: where events are found on each kind of server, in words for people and in names for programs.

The words are part of the contract for consumers, who may know nothing of limen but the page they stand on. Nothing here
imports a client: the contract is told where none is installed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from limen.adapters.bus import names


@dataclass(frozen=True, slots=True)
class Place:
    """One kind of server. `protocol` and `secure` are what AsyncAPI calls it, without and with TLS; `port` is the usual
    one, `prefix` what attributes are written with. `names` are what a program needs to know, by the topic.
    """

    kind: str
    title: str
    protocol: str
    secure: str
    port: int
    prefix: str
    names: Callable[[str], Mapping[str, Any]]
    text: str

    def told(self, topic: str) -> str:
        """How events are found there."""
        return " ".join(self.text.split()).replace("<topic>", topic)


PLACES: Final = (
    Place(
        kind="nats",
        title="NATS JetStream",
        protocol="nats",
        secure="nats",
        port=4222,
        prefix="ce-",
        names=lambda topic: {"stream": topic, "subjects": names.every_subject(topic)},
        text="""
        All events are in the stream `<topic>`, each under its channel's address as subject. Make a durable consumer
        that delivers all and acknowledges explicitly. For order let it have one message under way (`max_ack_pending`
        1), else later messages overtake one that comes again. Filter by subject: `<topic>.events.login.*`. Attributes
        are headers `ce-…`. The header `Nats-Msg-Id` repeats the id; what is published twice within 120 s is there once.
        `Nats-Expected-Last-Msg-Id` and `limen-relay` are the relay's own. Work that takes longer than the consumer's
        `ack_wait` (30 s by default) needs `in_progress` meanwhile; leave `max_deliver` unlimited.
        """,
    ),
    Place(
        kind="rabbit",
        title="RabbitMQ",
        protocol="amqp",
        secure="amqps",
        port=5672,
        prefix="ce-",
        names=lambda topic: {
            "exchange": topic,
            "exchangeType": "topic",
            "durable": True,
            "bindingKey": f"{topic}.events.#",
        },
        text="""
        Events are published to the durable topic exchange `<topic>`, with their channel's address as routing key.
        Declare a durable queue of your own and bind it, by `<topic>.events.login.*` for instance: it holds what is
        published from then on. For order give it `x-single-active-consumer`, and consume with a prefetch of 1; a quorum
        queue also needs an `x-delivery-limit` that is never reached, else what is given back may lose its place, or be
        dropped. Attributes are headers `ce-…`; the property `content_type` is the type of the data, and `message_id`
        repeats the id. Messages are persistent.
        """,
    ),
    Place(
        kind="redis",
        title="Redis Streams",
        protocol="redis",
        secure="rediss",
        port=6379,
        prefix="ce-",
        names=lambda topic: {"key": topic, "data": "data"},
        text="""
        All events are in the stream at the key `<topic>`. An entry has the fields `ce-…`, `content-type` and `data`,
        which is the event as JSON; its id is `<position>-0`, the place in limen's log. Make a group that begins at `0`
        (`XGROUP CREATE <topic> <group> 0 MKSTREAM`; `$` would pass over what is there), read with `XREADGROUP`,
        acknowledge with `XACK`, and after a restart read first what is pending (id `0` in place of `>`). For order let
        one consumer of a group read at a time. There is nothing to filter by but the field `ce-type`.
        """,
    ),
    Place(
        kind="kafka",
        title="Kafka",
        protocol="kafka",
        secure="kafka-secure",
        port=9092,
        prefix="ce_",
        names=lambda topic: {"topic": topic, "key": "partitionkey"},
        text="""
        All events are in the topic `<topic>`. The key is the id of the event's stream, so each stream is in one
        partition, in its order. Attributes are headers `ce_…` in UTF-8. Begin at the earliest offset, commit after an
        event has been dealt with, and filter by the header `ce_type`.
        """,
    ),
)
"""The four kinds, in the order in which they are shown."""
