"""The bus in memory keeps the contract."""

import pytest

from limen.adapters.bus import MemoryBus
from tests.contracts.bus import BusContract
from tests.support.bus import new_topic


class TestMemoryBus(BusContract):
    @pytest.fixture
    def bus(self) -> MemoryBus:
        """It is there as long as somebody has it."""
        return MemoryBus(f"memory:{new_topic()}")

    @pytest.fixture
    def url(self, bus: MemoryBus) -> str:
        return bus.url
