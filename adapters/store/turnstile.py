"""Turnstile: counts who is inside, and closes when the last one has left."""

from threading import Condition
from types import TracebackType

from limen.domain.errors import StoreUnusable


class Turnstile:
    """A context manager for every use of something that can be closed; safe from any thread, not to be entered twice.

    Entering after `close` has begun raises `StoreUnusable`; `close` returns when nobody is inside any more.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._inside = 0
        self._closed = False

    def check(self) -> None:
        """Raises `StoreUnusable` once it is closed."""
        if self._closed:
            raise StoreUnusable("the store has been closed; open it again to use it")

    def __enter__(self) -> None:
        with self._changed:
            self.check()
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._inside -= 1
            if self._closed:
                self._changed.notify_all()

    def close(self) -> None:
        """Lets nobody in any more, and waits until all are out. Harmless when repeated."""
        with self._changed:
            self._closed = True
            while self._inside:
                self._changed.wait()
