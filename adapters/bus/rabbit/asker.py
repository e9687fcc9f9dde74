"""Asking over RabbitMQ: direct reply-to, the question on the default exchange, in the queue that its subject names.

FastStream holds the connection; its own `request` is left aside: it asks one question at a time, and takes whatever
comes for the reply, be it a late one to the question before.
"""

import asyncio
from contextlib import suppress
from typing import Final

from aio_pika.abc import AbstractIncomingMessage, HeadersType
from aio_pika.exceptions import AMQPError, DeliveryError
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue

from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.answers import answer_of
from limen.adapters.bus.asker import CONNECT_SECONDS, ServerAsker
from limen.adapters.system import SystemIds
from limen.domain.ports import Answer, CallFailed, Question

REPLY_TO: Final = "amq.rabbitmq.reply-to"
"""The pseudo-queue of direct reply-to. Source: RabbitMQ's page of that name."""

_FAULTS: Final = (AMQPError, OSError, RuntimeError)
"""What the client raises when something is wrong with the connection (`RuntimeError`: a channel that is closed)."""

_GRACE: Final = 1.0
"""Seconds that a connection which was lost is waited for, at most: then the next try is as good."""


class RabbitAsker(ServerAsker):
    """Implements `Asker`. A reply finds its question by the correlation id; one that comes late finds none."""

    def __init__(self, address: BusAddress) -> None:
        super().__init__()
        self._broker = RabbitBroker(
            address.url, logger=None, reconnect_interval=1.0, default_channel=Channel(on_return_raises=True)
        )
        self._waiting: dict[str, asyncio.Future[AbstractIncomingMessage]] = {}

    async def captor(self, subject: str) -> str | None:  # noqa: ARG002 - on no subject
        """Nobody: RabbitMQ itself answers no question."""
        return None

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._broker.connect()
                replies = await self._broker.declare_queue(RabbitQueue(REPLY_TO, declare=False))
                await replies.consume(self._replied, no_ack=True)
        except _FAULTS as error:
            await self._disconnect()
            raise CallFailed("upstream", f"RabbitMQ cannot be reached ({type(error).__name__})") from error

    async def _disconnect(self) -> None:
        with suppress(*_FAULTS):
            await self._broker.stop()

    async def _ask(self, question: Question, timeout: float) -> Answer:
        if not await self._broker.ping(min(timeout / 2, _GRACE)):
            raise CallFailed("upstream", "RabbitMQ is away")
        id_ = str(SystemIds().new())
        waiting = self._waiting[id_] = asyncio.get_running_loop().create_future()
        headers: HeadersType = {**question.headers}
        try:
            await self._broker.publish(
                question.body,
                routing_key=question.subject,
                mandatory=True,
                reply_to=REPLY_TO,
                correlation_id=id_,
                content_type=str(headers.pop("content-type", "application/octet-stream")),
                headers=headers,
                expiration=timeout,  # nobody waits for the reply to a question that lay in its queue for longer
            )
            reply = await waiting
        except DeliveryError:
            raise CallFailed("upstream", f"nobody answers on {question.subject}") from None
        except TimeoutError:
            raise
        except _FAULTS as error:
            raise CallFailed("upstream", f"RabbitMQ took no question ({type(error).__name__})") from error
        finally:
            del self._waiting[id_]
        return answer_of(reply.body, {**reply.headers, "content-type": reply.content_type})

    async def _replied(self, message: AbstractIncomingMessage) -> None:
        waiting = self._waiting.get(message.correlation_id or "")
        if waiting is not None and not waiting.done():
            waiting.set_result(message)
