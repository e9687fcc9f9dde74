"""Views of a store in memory keep the contract: they are the reference."""

import pytest

from limen.adapters.views import open_views
from limen.domain.errors import StoreUnusable
from tests.contracts.views import ViewsContract


class TestMemoryViews(ViewsContract):
    @pytest.fixture
    def url(self) -> str:
        return "memory:"


def test_a_store_in_memory_is_opened_by_itself_and_not_by_its_url() -> None:
    with pytest.raises(StoreUnusable, match="give the open store"):
        open_views("memory:")
