"""The store in memory keeps the contract: it is the reference."""

import pytest

from tests.contracts.store import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def url(self) -> str:
        return "memory:"
