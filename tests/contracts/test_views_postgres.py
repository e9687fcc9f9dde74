"""Views in a real PostgreSQL keep the contract, beside the log and shared."""

from collections.abc import Iterator

import pytest

from tests.contracts.views import SharedViewsContract
from tests.support.postgres import fresh_database


class TestPostgresViews(SharedViewsContract):
    @pytest.fixture
    def url(self) -> Iterator[str]:
        with fresh_database() as url:
            yield url
