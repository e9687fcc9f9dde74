"""The store on a real PostgreSQL keeps the contract, shared, killed and cut off."""

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from limen.adapters.store import LogStore, open_store
from limen.domain.errors import StoreUnusable
from limen.domain.ports import Step
from tests.contracts.processes import DurableStoreContract
from tests.contracts.store import probe
from tests.support.postgres import fresh_database


class TestPostgresStore(DurableStoreContract):
    @pytest.fixture
    def url(self) -> Iterator[str]:
        with fresh_database() as url:
            yield url

    async def test_connections_that_were_cut_are_replaced(self, store: LogStore, url: str) -> None:
        for _ in range(3):
            stream = uuid4()
            await store.append(Step(events=[probe(stream, 1)]))
            with psycopg.connect(url, autocommit=True) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            assert len(await store.events(stream)) == 1

    async def test_a_failure_reaches_every_caller_and_the_writer_lives_on(self, store: LogStore, url: str) -> None:
        with psycopg.connect(url, autocommit=True) as other:
            other.execute("ALTER TABLE stored_events RENAME TO hidden")
            appends = [store.append(Step(events=[probe(uuid4(), 1)])) for _ in range(5)]
            answers = await asyncio.gather(*appends, return_exceptions=True)
            assert [type(answer) for answer in answers] == [StoreUnusable] * 5
            other.execute("ALTER TABLE hidden RENAME TO stored_events")
        await store.append(Step(events=[probe(uuid4(), 1)]))
        assert len(await store.log()) == 1


@pytest.mark.parametrize(
    "url", ["postgresql://nobody:hunter2@127.0.0.1:1/none", "postgresql://user:hunter2@[", "postgresql://?hunter2=1"]
)
def test_a_database_that_cannot_be_reached_is_unusable_and_its_password_stays_secret(url: str) -> None:
    with pytest.raises(StoreUnusable) as refused:
        open_store(url)
    assert "hunter2" not in str(refused.value)
