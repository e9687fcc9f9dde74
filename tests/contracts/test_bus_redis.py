"""The bus on a real Redis server keeps the contract."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from tests.contracts.bus import DurableBusContract
from tests.support.brokers import redis_url
from tests.support.bus import new_topic


class TestRedis(DurableBusContract):
    @pytest.fixture
    def url(self) -> str:
        return redis_url()

    @pytest.fixture
    async def topic(self, url: str) -> AsyncIterator[str]:
        topic = new_topic()
        yield topic
        async with Redis.from_url(url) as client:
            async for key in client.scan_iter(match=f"*{topic}*", count=1000):
                await client.delete(key)
