"""Searching a SQLite file keeps the contract."""

from pathlib import Path

import pytest

from tests.contracts.search import SearchContract


class TestSQLiteSearch(SearchContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path / 'limen.db'}"
