"""The bus on a real NATS server keeps the contract."""

import contextlib
from collections.abc import AsyncIterator

import nats
import pytest
from nats.js.errors import NotFoundError

from tests.contracts.bus import DurableBusContract
from tests.support.brokers import nats_url
from tests.support.bus import new_topic


class TestNats(DurableBusContract):
    @pytest.fixture
    def url(self) -> str:
        return nats_url()

    @pytest.fixture
    async def topic(self, url: str) -> AsyncIterator[str]:
        topic = new_topic()
        yield topic
        client = await nats.connect(url)
        for stream in (topic, f"{topic}-dead"):
            with contextlib.suppress(NotFoundError):
                await client.jetstream().delete_stream(stream)
        await client.close()
