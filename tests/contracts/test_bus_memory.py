"""The bus in memory keeps the contract."""

from collections.abc import Iterator

import pytest

from limen.adapters.bus import MemoryBus
from tests.contracts.bus import BusContract
from tests.support.bus import new_topic


class TestMemoryBus(BusContract):
    @pytest.fixture
    def url(self) -> Iterator[str]:
        bus = MemoryBus(f"memory:{new_topic()}")  # it is there as long as somebody has it
        yield bus.url
