"""Asking over NATS: request and reply of its core. JetStream must have nothing to do with the subject."""

import asyncio
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError, NoRespondersError
from nats.js.errors import NotFoundError

from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.answers import answer_of
from limen.adapters.bus.asker import CONNECT_SECONDS, ServerAsker
from limen.adapters.system import SystemIds
from limen.domain.ports import Answer, CallFailed, Question

_ACKNOWLEDGED: Final = frozenset({"stream", "seq", "domain", "duplicate", "batch", "count", "val", "type", "error"})
"""All that JetStream puts into an acknowledgement."""


class NatsAsker(ServerAsker):
    """Implements `Asker`. Each question has an inbox of its own: a reply that comes late finds nobody."""

    def __init__(self, address: BusAddress) -> None:
        super().__init__()
        self._broker = NatsBroker(
            address.url.split(","),
            logger=None,
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            error_cb=_quietly,
        )
        self._client: Client | None = None

    async def captor(self, subject: str) -> str | None:
        """The stream that captures a subject; None where there is none, or the server does not say."""
        assert self._client is not None
        try:
            return await self._client.jetstream().find_stream_name_by_subject(subject)
        except (NotFoundError, NatsError):
            return None

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                self._client = await self._broker.connect()
        except (NatsError, OSError, TimeoutError) as error:
            raise CallFailed("upstream", f"NATS cannot be reached ({type(error).__name__})") from error

    async def _disconnect(self) -> None:
        with suppress(NatsError, OSError, TimeoutError):
            await self._broker.stop()

    async def _ask(self, question: Question, timeout: float) -> Answer:
        if self._client is None or not self._client.is_connected:
            raise CallFailed("upstream", "NATS is away")
        try:
            reply = await self._broker.request(
                question.body,
                question.subject,
                headers=dict(question.headers),
                correlation_id=str(SystemIds().new()),
                timeout=timeout,
            )
        except NoRespondersError:
            raise CallFailed("upstream", f"nobody answers on {question.subject}") from None
        except TimeoutError:
            raise
        except MaxPayloadError:
            raise CallFailed("too_large", "the question is larger than this NATS server takes") from None
        except (NatsError, OSError) as error:
            raise CallFailed("upstream", f"NATS took no question ({type(error).__name__})") from error
        if _is_acknowledgement(reply.body):
            raise CallFailed(
                "upstream", f"a stream captures {question.subject}: its acknowledgement came instead of a reply"
            )
        return answer_of(reply.body, _with_status(reply.headers))


def _is_acknowledgement(body: bytes) -> bool:
    """Whether it is JetStream that answered: read as a reply it would let everything pass."""
    if b'"stream"' not in body or b'"seq"' not in body:
        return False
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.keys() <= _ACKNOWLEDGED


async def _quietly(error: Exception) -> None:
    """Failed connections are told by what waits for them; the client's own habit is to print them."""


def _with_status(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers of a reply; a NATS service that answers with an error says so in one of its own."""
    code = headers.get("Nats-Service-Error-Code")
    if code is None:
        return headers
    return {"status": code if re.fullmatch(r"[45][0-9]{2}", code, re.ASCII) else "500", **headers}
