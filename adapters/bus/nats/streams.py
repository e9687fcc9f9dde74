"""The JetStream streams of a topic: declared by whoever comes first, and never changed by limen."""

from typing import Final

from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import BadRequestError, NotFoundError

from limen.adapters.bus.headers import STAMP
from limen.adapters.bus.names import every_subject

DUPLICATE_SECONDS: Final = 120.0
"""How long the server knows the ids it has seen: a relay that was killed and comes back within it repeats nothing."""


def dead_stream(topic: str) -> str:
    """The stream of a topic's dead letters."""
    return f"{topic}-dead"


async def declare(client: Client, topic: str) -> JetStreamContext:
    """Makes sure that a topic's two streams are there; one that is keeps its settings, limits among them."""
    jetstream = client.jetstream()
    await _declare(jetstream, topic, every_subject(topic))
    await _declare(jetstream, dead_stream(topic), f"{topic}.dead.>")
    return jetstream


async def _declare(jetstream: JetStreamContext, name: str, subjects: str) -> None:
    try:
        await jetstream.stream_info(name)
    except NotFoundError:
        config = StreamConfig(
            name=name,
            subjects=[subjects],
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            duplicate_window=DUPLICATE_SECONDS,
        )
        try:
            await jetstream.add_stream(config)
        except BadRequestError:
            await jetstream.stream_info(name)  # somebody else was faster, or it is really refused


async def newest(jetstream: JetStreamContext, topic: str) -> tuple[str | None, str]:
    """The id of the newest event of a topic, None where it is empty, and the stamp of who published it."""
    state = (await jetstream.stream_info(topic)).state
    if not state.messages:
        return None, ""
    try:
        found = await jetstream.get_msg(topic, seq=state.last_seq)
    except NotFoundError:
        return None, ""  # it was deleted by hand
    headers = found.headers or {}
    return headers.get("Nats-Msg-Id"), headers.get(STAMP, "")
