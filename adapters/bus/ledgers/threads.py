"""Threads for transactions that block: the whole of one runs in one thread, and can be called off from the loop."""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any

from limen.adapters.bus.ledgers.ledger import Effect


class Turn:
    """The call of one handler from a thread: plain there, `async def` in the loop while the thread waits."""

    def __init__(self, effect: Effect) -> None:
        self._effect = effect
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[Any] | None = None
        self._off = False

    def __call__(self, tx: Any) -> None:
        """Calls the handler. Raises what it raises, and `CancelledError` when the turn has been called off."""
        self._go_on()
        if self._effect.is_async:
            asyncio.run_coroutine_threadsafe(self._awaited(tx), self._loop).result()
        else:
            self._effect.call(tx)
        self._go_on()

    def call_off(self) -> None:
        """From the loop: the handler is cancelled, or not called at all; a plain one goes on, but for nothing."""
        self._off = True
        if self._task is not None:
            self._task.cancel()

    async def _awaited(self, tx: Any) -> None:
        self._go_on()  # it may have been called off on the way here
        self._task = asyncio.current_task()
        await self._effect.call(tx)

    def _go_on(self) -> None:
        if self._off:
            raise CancelledError


class Threads:
    """At most `size` transactions at once.

    They are a ledger's own: transactions that wait for each other's receipt must not take the threads of the loop,
    which the one that they wait for may need. `size` 1 makes them take turns.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._executor: ThreadPoolExecutor | None = None

    async def run(self, transact: Callable[[Turn], bool], effect: Effect) -> bool:
        """What `transact` returns, run in a thread.

        Cancelled, it waits until the thread has rolled back; cancelled once more, it lets the thread end alone.
        """
        turn = Turn(effect)
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._size, thread_name_prefix="limen-once")
        work = self._executor.submit(contextvars.copy_context().run, transact, turn)
        done = asyncio.wrap_future(work)
        done.add_done_callback(_looked_at)
        try:
            await asyncio.wait((done,))
        except asyncio.CancelledError:
            turn.call_off()
            if not work.cancel():
                await asyncio.wait((done,))
            raise
        return done.result()

    async def close(self, last: Callable[[], None] | None = None) -> None:
        """Ends the threads, after what they have to do, and `last`. A later `run` starts new ones."""
        executor, self._executor = self._executor, None
        if executor is not None:
            try:
                if last is not None:
                    await asyncio.wrap_future(executor.submit(last))
            finally:
                executor.shutdown(wait=False)


def _looked_at(done: "asyncio.Future[bool]") -> None:
    """Nobody takes the error of a run that was cancelled; asyncio would complain."""
    if not done.cancelled():
        done.exception()
