"""The engine for code that does not await: one event loop in a thread of its own, safe to call from any thread."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

from limen.adapters.engine import ConfigSource, open_engine
from limen.domain.document import Document
from limen.domain.engine import Engine
from limen.domain.errors import WrongProcess
from limen.domain.handler import Actions
from limen.domain.outcome import FlowView, Outcome
from limen.domain.ports import Clock, Courier, Ids, Secrets

T = TypeVar("T")


class SyncEngine:
    """The engine's methods without await. Never joins the caller's transaction: what it returns is durable.

    Handlers run in the engine's thread (plain functions in threads of their own). Must be opened after a fork: a call
    from another process raises `WrongProcess`.
    """

    def __init__(self, engine: Engine, loop: asyncio.AbstractEventLoop) -> None:
        self._engine = engine
        self._loop = loop
        self._process = os.getpid()
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

    def flow(self, flow_id: UUID | str, **options: Any) -> FlowView:
        """A flow as it stands."""
        return self._run(lambda: self._engine.flow(flow_id, **options))

    def session(self, token: str | None) -> Document | None:
        """The active session of a token."""
        return self._run(lambda: self._engine.session(token))

    def logout(self, token: str | None) -> bool:
        """Ends the session of a token."""
        return self._run(lambda: self._engine.logout(token))

    def erase(self, identity_id: UUID | str) -> int:
        """Erases a person."""
        return self._run(lambda: self._engine.erase(identity_id))

    def _run(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        if os.getpid() != self._process:
            raise WrongProcess("this engine was opened in another process; open one after the fork")
        if threading.get_ident() == getattr(self._loop, "_thread_id", None):
            raise RuntimeError("a handler cannot call the synchronous engine that runs it: it would wait for itself")
        return asyncio.run_coroutine_threadsafe(call(), self._loop).result()


@contextmanager
def open_engine_sync(
    config: ConfigSource,
    store: str | None = None,
    *,
    settings: ConfigSource | None = None,
    actions: Actions | None = None,
    bus: str | None = None,
    clock: Clock | None = None,
    ids: Ids | None = None,
    secrets: Secrets | None = None,
    courier: Courier | None = None,
) -> Iterator[SyncEngine]:
    """`open_engine` for synchronous code; the same arguments and errors."""
    opened: Future[tuple[Engine, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

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
                done = asyncio.Event()
                opened.set_result((engine, asyncio.get_running_loop(), done))
                await done.wait()
        except BaseException as error:
            if opened.done():
                raise
            opened.set_exception(error)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="limen-engine", daemon=True)
    thread.start()
    engine, loop, done = opened.result()
    process = os.getpid()
    try:
        yield SyncEngine(engine, loop)
    finally:
        if os.getpid() == process:
            loop.call_soon_threadsafe(done.set)
            thread.join()
