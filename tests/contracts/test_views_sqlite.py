"""Views in a SQLite file keep the contract, beside the log and shared."""

from pathlib import Path

import pytest

from limen.adapters.store import LogStore
from limen.adapters.views import open_views
from limen.domain.errors import StoreUnusable
from tests.contracts.views import SharedViewsContract


class TestSQLiteViews(SharedViewsContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path / 'odd name %20?#.db'}"

    def test_an_open_store_in_a_file_is_named_by_its_url(self, store: LogStore) -> None:
        with pytest.raises(StoreUnusable, match="give the URL"):
            open_views(store)

    def test_no_store_is_created(self, tmp_path: Path) -> None:
        with pytest.raises(StoreUnusable, match="there is no store"):
            open_views(f"sqlite:///{tmp_path / 'none.db'}")
        assert list(tmp_path.iterdir()) == []
