"""Events: the log as verification reads it: in order, hashed, page by page."""

from limen.adapters.ledger.page import Page
from limen.adapters.ledger.tables import LOWEST, LedgerTables

READ_EVENTS = 512
"""Events read at a time."""

_HIGHEST = 2**63 - 1


class Events:
    """What was taken too early can be given back."""

    def __init__(self, tables: LedgerTables) -> None:
        self._tables = tables
        self._next = LOWEST
        self._back = Page()
        self._read = 0

    @property
    def taken(self) -> int:
        """How many were taken and not given back."""
        return self._read - len(self._back)

    def take(self, count: int) -> Page:
        """The next events: so many, or all that are left."""
        while len(self._back) < count and self._next <= _HIGHEST:
            page = Page.of(self._tables.events(self._next, READ_EVENTS))
            self._next = page.positions[-1] + 1 if len(page) else _HIGHEST + 1
            self._back.extend(page)
            self._read += len(page)
        page, self._back = self._back.part(0, count), self._back.part(count)
        return page

    def give_back(self, page: Page) -> None:
        """They are the next ones again."""
        page.extend(self._back)
        self._back = page

    def left(self) -> int:
        """How many there are still."""
        unread = self._tables.count(self._next) if self._next <= _HIGHEST else 0
        return len(self._back) + unread
