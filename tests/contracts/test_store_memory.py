"""The store in memory keeps the contract: it is the reference."""

from uuid import UUID, uuid4

import pytest

from limen.adapters.store import LogStore
from limen.domain.errors import StoreConflict
from limen.domain.ports import Step
from tests.contracts.store import StoreContract, probe


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def url(self) -> str:
        return "memory:"

    async def test_streams_that_are_only_asked_for_take_no_room(self, store: LogStore) -> None:
        taken = UUID(int=1)
        await store.append(Step(events=[probe(taken, 1)]))
        recorder = store.application.vault
        for _ in range(20):
            assert await store.events(uuid4()) == []
            assert recorder.stream_log(uuid4()) == []
            assert recorder.select_events(uuid4()) == []
            with pytest.raises(StoreConflict):
                await store.append(Step(events=[probe(uuid4(), 1), probe(taken, 1)]))
        assert list(recorder._stored_events_index) == [str(taken)]  # type: ignore[attr-defined]  # its inside
