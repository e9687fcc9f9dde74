"""Searching a real PostgreSQL keeps the contract."""

from collections.abc import Iterator

import pytest

from tests.contracts.search import SearchContract
from tests.support.postgres import fresh_database


class TestPostgresSearch(SearchContract):
    @pytest.fixture
    def url(self) -> Iterator[str]:
        with fresh_database() as url:
            yield url
