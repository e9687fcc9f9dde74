"""The engine for code that does not await: one event loop in a thread of its own, safe to call from any thread."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

from limen.adapters.bus import MemoryBus
from limen.adapters.engine import ConfigSource, open_engine
from limen.domain.document import Document
from limen.domain.engine import Engine
from limen.domain.errors import EngineClosed, WrongProcess
from limen.domain.handler import Actions
from limen.domain.outcome import FlowView, Outcome
from limen.domain.ports import Clock, Courier, Ids, Secrets

T = TypeVar("T")


class SyncEngine:
    """The engine's methods without await. Never joins the caller's transaction: what it returns is durable.

    Handlers run in the engine's thread (plain functions in threads of their own). Must be opened after a fork: a call
    from another process raises `WrongProcess`, one after it was closed `EngineClosed`.
    """

    def __init__(self, engine: Engine, loop: asyncio.AbstractEventLoop) -> None:
        self._engine = engine
        self._loop = loop
        self._process = os.getpid()
        self._open = True
        self._turn = threading.Lock()
        self._calls: set[asyncio.Task[Any] | None] = set()
        self.handlers: Actions = engine.handlers
        self.before = engine.before
        self.after = engine.after
        self.named = engine.named

    def start(self, kind: str, **options: Any) -> FlowView:
        """Starts a flow; options and errors as `Engine.start`."""
        return self._run(lambda: self._engine.start(kind, **options))

    def submit(self, flow_id: UUID | str, *, method: str | None, values: Mapping[str, Any], **options: Any) -> Outcome:
        """Submits a method to a flow; options and errors as `Engine.submit`."""
        return self._run(lambda: self._engine.submit(flow_id, method=method, values=values, **options))

    def resume(self, flow_id: UUID | str, **options: Any) -> Outcome:
        """Takes up a flow whose user was elsewhere; options and errors as `Engine.resume`."""
        return self._run(lambda: self._engine.resume(flow_id, **options))

    def flow(self, flow_id: UUID | str, **options: Any) -> FlowView:
        """A flow as it stands; options and errors as `Engine.flow`."""
        return self._run(lambda: self._engine.flow(flow_id, **options))

    def session(self, token: str | None) -> Document | None:
        """The active session of a token."""
        return self._run(lambda: self._engine.session(token))

    def logout(self, token: str | None, **options: Any) -> bool:
        """Ends the session of a token; options and errors as `Engine.logout`."""
        return self._run(lambda: self._engine.logout(token, **options))

    def erase(self, identity_id: UUID | str) -> int:
        """Erases a person."""
        return self._run(lambda: self._engine.erase(identity_id))

    def unlock(self, identity_id: UUID | str, what: str | None = None) -> tuple[str, ...]:
        """As `Engine.unlock`."""
        return self._run(lambda: self._engine.unlock(identity_id, what))

    def _run(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        if os.getpid() != self._process:
            raise WrongProcess("this engine was opened in another process; open one after the fork")
        if threading.get_ident() == getattr(self._loop, "_thread_id", None):
            raise RuntimeError("a handler cannot call the synchronous engine that runs it: it would wait for itself")
        with self._turn:  # so that what is handed over is always before the end
            if not self._open:
                raise EngineClosed
            answer = asyncio.run_coroutine_threadsafe(self._counted(call), self._loop)
        try:
            return answer.result()
        except CancelledError:
            raise EngineClosed from None

    async def _counted(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        task = asyncio.current_task()
        self._calls.add(task)
        try:
            return await call()
        finally:
            self._calls.discard(task)

    async def _cut_off(self) -> None:
        """Cancels the calls under way, and waits until they have put back what they held."""
        calls = [task for task in self._calls if task is not None]
        for task in calls:
            task.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    def _close(self) -> None:
        """Takes no call any more."""
        with self._turn:
            self._open = False


@contextmanager
def open_engine_sync(
    config: ConfigSource,
    store: str | None = None,
    *,
    settings: ConfigSource | None = None,
    actions: Actions | None = None,
    bus: str | MemoryBus | None = None,
    clock: Clock | None = None,
    ids: Ids | None = None,
    secrets: Secrets | None = None,
    courier: Courier | None = None,
) -> Iterator[SyncEngine]:
    """`open_engine` for synchronous code; the same arguments and errors."""
    opened: Future[tuple[SyncEngine, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        try:
            async with open_engine(
                config,
                store,
                settings=settings,
                actions=actions,
                bus=bus,
                clock=clock,
                ids=ids,
                secrets=secrets,
                courier=courier,
            ) as engine:
                done, loop = asyncio.Event(), asyncio.get_running_loop()
                given = SyncEngine(engine, loop)
                opened.set_result((given, loop, done))
                await done.wait()
                await given._cut_off()
        except BaseException as error:
            if opened.done():
                raise
            opened.set_exception(error)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="limen-engine", daemon=True)
    thread.start()
    try:
        engine, loop, done = opened.result()
    except Exception:
        thread.join()
        raise
    try:
        yield engine
    finally:
        if os.getpid() == engine._process:
            engine._close()
            loop.call_soon_threadsafe(done.set)
            thread.join()
