"""Group commit: one thread commits whatever is waiting as one transaction."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from queue import Empty, SimpleQueue
from threading import Lock, Thread

from limen.adapters.store.record import Outcome, Record
from limen.domain.errors import StoreUnusable

_Waiting = tuple[Record, "asyncio.Future[None]", asyncio.AbstractEventLoop]

BATCH_RECORDS = 512
"""The most steps one transaction takes."""


class GroupWriter:
    """Takes steps from any number of event loops and threads; each is durable when its `write` returns."""

    def __init__(self, commit: Callable[[Sequence[Record]], Sequence[Outcome]]) -> None:
        self._commit = commit
        self._queue: SimpleQueue[list[_Waiting] | None] = SimpleQueue()
        self._gathering: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
        self._lock = Lock()
        self._closed = False
        self._thread = Thread(target=self._run, name="limen-writer", daemon=True)
        self._thread.start()

    async def write(self, record: Record) -> None:
        """Returns when the step is durable. Raises `StoreConflict` or `StoreUnusable`; then it was not written.

        A caller that is cancelled here leaves the step behind in the queue: it may be written.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._lock:
            if self._closed:
                raise StoreUnusable("the store has been closed; open it again to use it")
            waiting = self._gathering.get(loop)
            if waiting is None:
                # What other tasks of this loop append before it next looks for events goes over together.
                self._gathering[loop] = waiting = []
                loop.call_soon(self._hand_over, loop)
            waiting.append((record, future, loop))
        await future

    def close(self) -> None:
        """Writes what is waiting, then ends the thread. Harmless when repeated."""
        with self._lock:
            if not self._closed:
                self._closed = True
                for waiting in self._gathering.values():
                    self._queue.put(waiting)
                self._gathering.clear()
                self._queue.put(None)
        self._thread.join()

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            waiting = self._gathering.pop(loop, None)
        if waiting:
            self._queue.put(waiting)

    def _run(self) -> None:
        going = True
        while going:
            batch: list[_Waiting] = []
            arrived: list[_Waiting] | None = self._queue.get()
            try:
                while arrived is not None and len(batch) < BATCH_RECORDS:
                    batch += arrived
                    arrived = self._queue.get_nowait()
            except Empty:
                pass
            else:
                if arrived is None:
                    going = False
                else:
                    batch += arrived
            if batch:
                self._write(batch)

    def _write(self, batch: Sequence[_Waiting]) -> None:
        outcomes: Sequence[Exception | None]
        try:
            outcomes = self._commit([record for record, _, _ in batch])
        except Exception as error:  # whatever it is, every caller must hear of it and the thread live on
            outcomes = [unusable(error) for _ in batch]
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[None], Exception | None]]] = {}
        for (_, future, loop), outcome in zip(batch, outcomes, strict=True):
            by_loop.setdefault(loop, []).append((future, outcome))
        for loop, answers in by_loop.items():
            try:
                loop.call_soon_threadsafe(_answer, answers)
            except RuntimeError:
                continue  # its loop has been closed: nobody waits for these any more


def unusable(error: BaseException) -> StoreUnusable:
    """A failure of the database as the caller sees it: the kind and the driver's first line, which hold no data."""
    line = str(error).partition("\n")[0]
    failure = StoreUnusable(f"the store could not do it: {line or type(error).__name__}")
    failure.__cause__ = error
    return failure


def _answer(answers: Iterable[tuple["asyncio.Future[None]", Exception | None]]) -> None:
    for future, outcome in answers:
        if future.done():
            continue  # the caller was cancelled meanwhile
        if outcome is None:
            future.set_result(None)
        else:
            future.set_exception(outcome)
