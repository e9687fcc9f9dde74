"""The bus on a real RabbitMQ keeps the contract."""

from collections.abc import AsyncIterator

import aio_pika
import pytest

from tests.contracts.bus import DurableBusContract
from tests.support.brokers import rabbit_url
from tests.support.bus import new_topic


class TestRabbit(DurableBusContract):
    keeps_history = False
    tells_apart = False

    @pytest.fixture
    def url(self) -> str:
        return rabbit_url()

    @pytest.fixture
    async def topic(self, url: str) -> AsyncIterator[str]:
        topic = new_topic()
        yield topic
        async with await aio_pika.connect(url) as connection, connection.channel() as channel:
            for group in ("crm", "one", "other"):
                for queue in (f"{topic}.{group}", f"{topic}.{group}.roster", f"{topic}.dead.{group}"):
                    await channel.queue_delete(queue)
            await channel.exchange_delete(topic)
