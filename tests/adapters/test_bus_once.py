"""What a handler does and that it was done are one transaction, in every kind of database that `Once` takes.

Run as a module it is a consumer that dies: see `die`.
"""

import asyncio
import contextlib
import inspect
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it says nothing of its types
import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool
from sqlalchemy import Engine, create_engine, text

from limen.adapters.bus.once import Once, TransactionLost
from tests.support.postgres import fresh_database

ROOT = Path(__file__).parents[2]
AT_ONCE = 8


class Broken(Exception):
    """What a handler raises here."""


# ------------------------------------------------------------------------------------------------ the kinds of a place


@asynccontextmanager
async def asyncpg_pool(url: str) -> AsyncIterator[Any]:
    async with asyncpg.create_pool(url, min_size=3, max_size=AT_ONCE) as pool:
        yield pool


@asynccontextmanager
async def psycopg_async(url: str) -> AsyncIterator[Any]:
    async with AsyncConnectionPool(url, min_size=3, max_size=AT_ONCE, open=False) as pool:
        yield pool


@asynccontextmanager
async def psycopg_sync(url: str) -> AsyncIterator[Any]:
    with ConnectionPool(url, min_size=3, max_size=AT_ONCE, open=False) as pool:
        yield pool


@asynccontextmanager
async def engine(url: str) -> AsyncIterator[Any]:
    opened = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), pool_size=AT_ONCE)
    yield opened
    opened.dispose()


@asynccontextmanager
async def async_engine(url: str) -> AsyncIterator[Any]:
    pytest.importorskip("greenlet", reason="SQLAlchemy awaits by greenlet, which sqlalchemy[asyncio] brings along")
    from sqlalchemy.ext.asyncio import create_async_engine

    opened = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"), pool_size=AT_ONCE)
    yield opened
    await opened.dispose()


@asynccontextmanager
async def sqlite_engine(path: str) -> AsyncIterator[Any]:
    opened = create_engine(f"sqlite:///{path}", pool_size=AT_ONCE, connect_args={"timeout": 60})
    yield opened
    opened.dispose()


@asynccontextmanager
async def sqlite_path(path: str) -> AsyncIterator[Any]:
    yield path


OPENERS: dict[str, Callable[[str], AbstractAsyncContextManager[Any]]] = {
    "asyncpg": asyncpg_pool,
    "psycopg-async": psycopg_async,
    "psycopg": psycopg_sync,
    "engine": engine,
    "async-engine": async_engine,
    "sqlite-engine": sqlite_engine,
    "sqlite": sqlite_path,
}
AWAITED = ("asyncpg", "psycopg-async", "async-engine")
ON_SQLITE = ("sqlite", "sqlite-engine")
WAYS = [(kind, True) for kind in OPENERS] + [(kind, False) for kind in OPENERS if kind not in AWAITED]


def named(way: tuple[str, bool]) -> str:
    return f"{way[0]}-{'async' if way[1] else 'plain'}"


def execute(tx: Any, statement: str) -> Any:
    """In a handler's transaction of any kind; to be awaited where the connection is."""
    return tx.execute(text(statement) if type(tx).__module__.startswith("sqlalchemy") else statement)


async def settled(answer: Any) -> None:
    """Awaits what is to be awaited."""
    if inspect.isawaitable(answer):
        await answer


# --------------------------------------------------------------------------------------------------------- the fixtures


@dataclass
class Scene:
    """A consumer's database of one kind, with a table of its own for what its handlers do."""

    kind: str
    is_async: bool
    where: str
    number: int

    @property
    def table(self) -> str:
        return f"once_{self.number}"

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """From outside, past what is tested."""
        if self.kind in ON_SQLITE:
            with contextlib.closing(sqlite3.connect(self.where)) as connection:
                rows = connection.execute(statement).fetchall()
                connection.commit()
                return rows
        with psycopg.connect(self.where, autocommit=True) as server:
            cursor = server.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def effects(self) -> list[str]:
        return sorted(value for (value,) in self.ask(f"SELECT value FROM effects_{self.number}"))

    def receipts(self) -> list[tuple[Any, ...]]:
        return sorted(self.ask(f"SELECT consumer_group, handler, message_id FROM {self.table}"))

    def handler(self, value: str, then: Callable[[Any], Any] = lambda tx: None) -> Callable[[Any], Any]:
        """Writes a value, and then does something else."""
        statement = f"INSERT INTO effects_{self.number} VALUES ('{value}')"

        async def handled(tx: Any) -> None:
            await settled(execute(tx, statement))
            await settled(then(tx))

        def handled_plainly(tx: Any) -> None:
            execute(tx, statement)
            then(tx)

        return handled if self.is_async else handled_plainly

    def then_failing(self, call: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Another handler, and then an error."""

        async def failing(tx: Any) -> None:
            await call(tx)
            raise Broken

        def failing_plainly(tx: Any) -> None:
            call(tx)
            raise Broken

        return failing if self.is_async else failing_plainly

    def held(self, entered: threading.Event, release: threading.Event) -> Callable[[Any], Any]:
        """For `then`: says that the handler is there, and keeps it there."""

        async def awaited() -> None:
            await until(release.is_set)

        def held(tx: Any) -> Awaitable[None] | None:
            entered.set()
            if self.is_async:
                return awaited()
            assert release.wait(60)
            return None

        return held

    async def run(
        self, once: Once, call: Callable[[Any], Any], id: str, handler: str = "note", group: str = "g"
    ) -> bool:
        return await once.run(group, handler, id, call, is_async=self.is_async)

    async def somebody_waits(self) -> None:
        """Until a transaction waits for another one's receipt, where the database tells."""
        if self.kind in ON_SQLITE:
            await asyncio.sleep(0.05)
            return
        waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        await until(lambda: bool(self.ask(waiting)))

    def cut(self) -> None:
        """Ends all connections of others, as a server that restarts does."""
        self.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(0.005)


@asynccontextmanager
async def opened(place: Any, table: str) -> AsyncIterator[Once]:
    once = Once(place, table=table)
    try:
        yield once
    finally:
        await once.close()


def fail(tx: Any) -> None:
    raise Broken


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with fresh_database() as url:
        yield url


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return iter(range(1000))


@pytest.fixture(params=WAYS, ids=named)
def way(request: pytest.FixtureRequest) -> tuple[str, bool]:
    """The kind of place, and whether its handlers are `async def`."""
    way: tuple[str, bool] = request.param
    return way


@pytest.fixture
def scene(way: tuple[str, bool], request: pytest.FixtureRequest, tmp_path: Path, numbers: Iterator[int]) -> Scene:
    kind, is_async = way
    where = str(tmp_path / "consumer.db") if kind in ON_SQLITE else request.getfixturevalue("server")
    scene = Scene(kind, is_async, where, next(numbers))
    scene.ask(f"CREATE TABLE effects_{scene.number} (value text)")
    return scene


@pytest.fixture
async def place(scene: Scene) -> AsyncIterator[Any]:
    async with OPENERS[scene.kind](scene.where) as place:
        yield place


@pytest.fixture
async def once(scene: Scene, place: Any) -> AsyncIterator[Once]:
    async with opened(place, scene.table) as once:
        yield once


# --------------------------------------------------------------------------------------------------------- the contract


class TestOnce:
    async def test_effect_and_receipt_are_written_together(self, scene: Scene, once: Once) -> None:
        assert await scene.run(once, scene.handler("a"), "m:1")
        assert scene.effects() == ["a"]
        assert scene.receipts() == [("g", "note", "m:1")]
        assert scene.ask(f"SELECT count(*) FROM {scene.table} WHERE handled_at IS NOT NULL") == [(1,)]

    async def test_the_same_message_is_handled_once(self, scene: Scene, once: Once) -> None:
        answers = [await scene.run(once, scene.handler(f"{n}"), "m:1") for n in range(3)]
        assert answers == [True, False, False]
        assert scene.effects() == ["0"]

    async def test_another_handler_and_another_group_handle_it_too(self, scene: Scene, once: Once) -> None:
        assert await scene.run(once, scene.handler("a"), "m:1")
        assert await scene.run(once, scene.handler("b"), "m:1", handler="count")
        assert await scene.run(once, scene.handler("c"), "m:1", group="h")
        assert scene.effects() == ["a", "b", "c"]

    async def test_an_older_message_is_handled_after_newer_ones(self, scene: Scene, once: Once) -> None:
        for message in ("m:9", "m:2", "m:10", "m:1"):
            assert await scene.run(once, scene.handler(message), message)
        assert not await scene.run(once, scene.handler("again"), "m:2")
        assert scene.effects() == ["m:1", "m:10", "m:2", "m:9"]

    async def test_a_handler_that_raises_leaves_neither(self, scene: Scene, once: Once) -> None:
        with pytest.raises(Broken):
            await scene.run(once, scene.handler("a", fail), "m:1")
        assert (scene.effects(), scene.receipts()) == ([], [])
        assert await scene.run(once, scene.handler("b"), "m:1")
        assert scene.effects() == ["b"]

    async def test_what_the_handler_asks_of_the_database_wrongly_goes_to_the_caller(
        self, scene: Scene, once: Once
    ) -> None:
        with pytest.raises(Exception, match="nowhere"):
            await scene.run(once, scene.handler("a", lambda tx: execute(tx, "SELECT * FROM nowhere")), "m:1")
        assert (scene.effects(), scene.receipts()) == ([], [])
        assert await scene.run(once, scene.handler("b"), "m:1")

    async def test_runs_of_one_message_at_the_same_time_handle_it_once(
        self, scene: Scene, once: Once, place: Any
    ) -> None:
        async with opened(place, scene.table) as other:
            runs = [scene.run(who, scene.handler(f"{n}"), "m:1") for n in range(3) for who in (once, other)]
            assert sorted(await asyncio.gather(*runs)) == [False] * 5 + [True]
        assert len(scene.effects()) == 1

    async def test_runs_of_many_messages_at_the_same_time_handle_all(self, scene: Scene, once: Once) -> None:
        assert all(await asyncio.gather(*(scene.run(once, scene.handler(f"{n}"), f"m:{n}") for n in range(40))))
        assert len(scene.effects()) == len(scene.receipts()) == 40

    @pytest.mark.parametrize("breaks", [False, True])
    async def test_a_second_run_waits_for_how_the_first_ends(
        self, scene: Scene, once: Once, place: Any, breaks: bool
    ) -> None:
        entered, release = threading.Event(), threading.Event()
        call = scene.handler("first", scene.held(entered, release))
        failing = scene.then_failing(call) if breaks else call
        async with opened(place, scene.table) as other:
            first = asyncio.create_task(scene.run(once, failing, "m:1"))
            await until(entered.is_set)
            second = asyncio.create_task(scene.run(other, scene.handler("second"), "m:1"))
            await scene.somebody_waits()
            assert not second.done()
            release.set()
            if breaks:
                with pytest.raises(Broken):
                    await first
            else:
                assert await first
            assert await second is breaks
        assert scene.effects() == ["second" if breaks else "first"]

    async def test_waiting_runs_leave_a_thread_to_the_one_they_wait_for(self, scene: Scene, once: Once) -> None:
        entered, release = threading.Event(), threading.Event()
        first = asyncio.create_task(scene.run(once, scene.handler("first", scene.held(entered, release)), "m:1"))
        await until(entered.is_set)
        others = [asyncio.create_task(scene.run(once, scene.handler("more"), "m:1")) for _ in range(AT_ONCE - 1)]
        await scene.somebody_waits()
        await asyncio.to_thread(release.set)
        assert await first
        assert not any(await asyncio.gather(*others))

    async def test_a_run_that_is_cancelled_leaves_neither(self, scene: Scene, once: Once) -> None:
        entered, release = threading.Event(), threading.Event()
        task = asyncio.create_task(scene.run(once, scene.handler("a", scene.held(entered, release)), "m:1"))
        await until(entered.is_set)
        task.cancel()
        if not scene.is_async:  # a plain function cannot be stopped: it is waited for, and then rolled back
            await asyncio.sleep(0.05)
            assert not task.done()
            release.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (scene.effects(), scene.receipts()) == ([], [])
        assert await scene.run(once, scene.handler("b"), "m:1")
        assert scene.effects() == ["b"]

    async def test_a_run_that_is_cancelled_while_it_waits_calls_nothing(self, scene: Scene, once: Once) -> None:
        entered, release = threading.Event(), threading.Event()
        failing, called = scene.then_failing(scene.handler("first", scene.held(entered, release))), threading.Event()
        first = asyncio.create_task(scene.run(once, failing, "m:1"))
        await until(entered.is_set)
        second = asyncio.create_task(scene.run(once, scene.handler("second", lambda tx: called.set()), "m:1"))
        await scene.somebody_waits()
        second.cancel()
        await asyncio.sleep(0)
        release.set()
        with pytest.raises(Broken):
            await first
        await asyncio.wait((second,))
        assert second.cancelled()
        assert not called.is_set()
        assert (scene.effects(), scene.receipts()) == ([], [])

    async def test_the_table_is_created_by_many_at_once(self, scene: Scene, place: Any) -> None:
        for turn in range(3):
            many = [Once(place, table=f"{scene.table}_{turn}") for _ in range(AT_ONCE)]
            runs = [scene.run(one, scene.handler(f"{turn}.{n}"), f"m:{n}") for n, one in enumerate(many)]
            assert all(await asyncio.gather(*runs))
            for one in many:
                await one.close()

    async def test_a_table_may_stand_in_a_schema_and_be_called_as_nothing_else_may(
        self, scene: Scene, place: Any
    ) -> None:
        schema = "main" if scene.kind in ON_SQLITE else "public"
        async with opened(place, f"{schema}.Order") as once:
            assert await scene.run(once, scene.handler("a"), f"m:{scene.number}")
            assert scene.ask(f"SELECT 1 FROM {schema}.\"Order\" WHERE message_id = 'm:{scene.number}'") == [(1,)]

    @pytest.mark.parametrize("statements", [["COMMIT"], ["ROLLBACK"], ["COMMIT", "BEGIN"]], ids=" ".join)
    async def test_a_handler_that_ends_its_transaction_is_told_so(
        self, scene: Scene, once: Once, statements: list[str]
    ) -> None:
        async def end(tx: Any) -> None:
            for statement in statements:
                await settled(execute(tx, statement))

        def end_plainly(tx: Any) -> None:
            for statement in statements:
                execute(tx, statement)

        with pytest.raises(TransactionLost, match="handler 'note' did not keep the transaction"):
            await scene.run(once, scene.handler("a", end if scene.is_async else end_plainly), "m:1")
        assert await scene.run(once, scene.handler("b"), "m:2")

    @pytest.mark.parametrize("way", [way for way in WAYS if way[0] != "asyncpg"], ids=named)  # which has no `commit`
    async def test_a_handler_that_commits_by_the_driver_is_told_so(self, scene: Scene, once: Once) -> None:
        error = psycopg.ProgrammingError if scene.kind.startswith("psycopg") else TransactionLost
        with pytest.raises(error):
            await scene.run(once, scene.handler("a", lambda tx: tx.commit()), "m:1")
        assert await scene.run(once, scene.handler("b"), "m:2")

    async def test_a_second_run_after_closing_works(self, scene: Scene, once: Once) -> None:
        await once.close()
        assert await scene.run(once, scene.handler("a"), "m:1")
        await once.close()
        await once.close()
        assert await scene.run(once, scene.handler("b"), "m:2")
        assert scene.effects() == ["a", "b"]


@pytest.mark.parametrize("way", [way for way in WAYS if way[0] not in ON_SQLITE], ids=named)
class TestOnceOnAServer:
    async def test_an_error_that_the_handler_hid_is_no_success(self, scene: Scene, once: Once) -> None:
        async def hide(tx: Any) -> None:
            with contextlib.suppress(Exception):
                await settled(execute(tx, "SELECT * FROM nowhere"))

        def hide_plainly(tx: Any) -> None:
            with contextlib.suppress(Exception):
                execute(tx, "SELECT * FROM nowhere")

        with pytest.raises(TransactionLost):
            await scene.run(once, scene.handler("a", hide if scene.is_async else hide_plainly), "m:1")
        assert (scene.effects(), scene.receipts()) == ([], [])
        assert await scene.run(once, scene.handler("b"), "m:1")

    async def all_connected(self, scene: Scene, once: Once, name: str) -> None:
        """Several runs at the same time, each on a connection of its own."""
        entered, release = [threading.Event() for _ in range(AT_ONCE)], threading.Event()
        holds = [scene.held(event, release) for event in entered]
        runs = [scene.run(once, scene.handler(name, hold), f"{name}:{n}") for n, hold in enumerate(holds)]
        tasks = [asyncio.create_task(run) for run in runs]
        await until(lambda: all(event.is_set() for event in entered))
        release.set()
        assert all(await asyncio.gather(*tasks))

    async def test_connections_cut_while_a_handler_runs_are_replaced(self, scene: Scene, once: Once) -> None:
        await self.all_connected(scene, once, "a")
        with pytest.raises(Exception):  # noqa: B017 - the driver's own, of one of five drivers
            await scene.run(once, scene.handler("b", lambda tx: scene.cut()), "m:1")
        assert ("g", "note", "m:1") not in scene.receipts()
        for n in range(1, AT_ONCE):
            assert await scene.run(once, scene.handler("c"), f"m:{n}")

    async def test_the_first_run_on_a_connection_cut_meanwhile_finds_out_for_all(
        self, scene: Scene, once: Once
    ) -> None:
        await self.all_connected(scene, once, "a")
        scene.cut()
        failed = 0
        for n in range(2 * AT_ONCE):
            try:
                assert await scene.run(once, scene.handler("b"), f"m:{n}")
            except Exception:
                failed += 1
        assert failed <= 1

    async def test_who_may_not_create_tables_may_use_one(self, scene: Scene, once: Once, server: str) -> None:
        assert await scene.run(once, scene.handler("a"), "m:1")
        guest = f"guest_{os.getpid()}_{scene.number}"
        scene.ask(f"CREATE ROLE {guest} LOGIN")
        try:
            scene.ask(f"GRANT ALL ON {scene.table}, effects_{scene.number} TO {guest}")
            where = f"postgresql://{guest}@{server.rpartition('@')[2]}"
            async with OPENERS[scene.kind](where) as place:
                theirs = Once(place, table=scene.table)
                assert not await scene.run(theirs, scene.handler("b"), "m:1")
                assert await scene.run(theirs, scene.handler("b"), "m:2")
                await theirs.close()
        finally:
            scene.ask(f"DROP OWNED BY {guest}")
            scene.ask(f"DROP ROLE {guest}")


# ------------------------------------------------------------------------------------------------ what one kind is like


@pytest.fixture
def file(tmp_path: Path, numbers: Iterator[int]) -> Scene:
    scene = Scene("sqlite", False, str(tmp_path / "consumer.db"), next(numbers))
    scene.ask(f"CREATE TABLE effects_{scene.number} (value text)")
    return scene


async def test_a_file_outlives_the_power_and_waits_for_others(file: Scene) -> None:
    once, found = Once(Path(file.where)), {}

    def look(tx: sqlite3.Connection) -> None:
        for pragma in ("journal_mode", "synchronous", "busy_timeout"):
            found[pragma] = tx.execute(f"PRAGMA {pragma}").fetchone()[0]

    assert await once.run("g", "look", "m:1", look, is_async=False)
    await once.close()
    assert found == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 30_000}
    assert file.ask("SELECT message_id FROM limen_once") == [("m:1",)]


async def test_a_file_that_cannot_be_opened_is_named_and_may_come_later(tmp_path: Path) -> None:
    path = tmp_path / "later" / "consumer.db"
    once = Once(path)
    with pytest.raises(sqlite3.OperationalError, match=str(path)):
        await once.run("g", "note", "m:1", lambda tx: None, is_async=False)
    path.parent.mkdir()
    assert await once.run("g", "note", "m:1", lambda tx: None, is_async=False)
    await once.close()


async def test_a_file_that_somebody_else_writes_to_is_waited_for(file: Scene) -> None:
    once = Once(file.where, table=file.table)
    with contextlib.closing(sqlite3.connect(file.where, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # in this mode SQLite itself would not wait to make it WAL
        task = asyncio.create_task(file.run(once, file.handler("a"), "m:1"))
        await asyncio.sleep(0.05)
        assert not task.done()
        other.execute("COMMIT")
        assert await task
        other.execute("BEGIN IMMEDIATE")
        task = asyncio.create_task(file.run(once, file.handler("b"), "m:2"))
        await asyncio.sleep(0.05)
        assert not task.done()
        other.execute("COMMIT")
        assert await task
    await once.close()
    assert file.effects() == ["a", "b"]


async def test_a_connection_that_a_handler_closed_is_opened_again(file: Scene) -> None:
    once = Once(file.where)
    with pytest.raises(TransactionLost):
        await once.run("g", "close", "m:1", lambda tx: tx.close(), is_async=False)
    assert await once.run("g", "close", "m:1", file.handler("a"), is_async=False)
    await once.close()
    assert file.effects() == ["a"]


async def test_a_plain_function_that_returns_an_awaitable_is_no_success(file: Scene) -> None:
    once = Once(file.where, table=file.table)

    def late(tx: Any) -> object:
        return asyncio.sleep(0)

    def lost(tx: Any) -> None:
        next(iter(()))

    with pytest.raises(TypeError, match="handler 'late' returned something to be awaited"):
        await once.run("g", "late", "m:1", late, is_async=False)
    with pytest.raises(RuntimeError, match="handler 'lost' raised StopIteration"):
        await once.run("g", "lost", "m:1", lost, is_async=False)
    await once.close()
    assert file.receipts() == []


async def test_a_pool_of_psycopg_may_be_set_up_in_any_way(server: str, numbers: Iterator[int]) -> None:
    options = {"autocommit": True, "row_factory": dict_row, "cursor_factory": psycopg.AsyncRawCursor}
    scene = Scene("psycopg-async", True, server, next(numbers))
    scene.ask(f"CREATE TABLE effects_{scene.number} (value text)")
    async with AsyncConnectionPool(server, kwargs=options, min_size=1, open=False) as pool:
        once = Once(pool, table=scene.table)
        with pytest.raises(Broken):
            await scene.run(once, scene.handler("a", fail), "m:1")
        assert [await scene.run(once, scene.handler("b"), "m:1") for _ in range(2)] == [True, False]
    assert scene.effects() == ["b"]


@pytest.mark.parametrize("on", ["postgresql", "sqlite"])
async def test_an_engine_that_commits_each_statement_is_refused(
    on: str, request: pytest.FixtureRequest, tmp_path: Path, numbers: Iterator[int]
) -> None:
    url = f"sqlite:///{tmp_path / 'consumer.db'}"
    if on == "postgresql":
        url = request.getfixturevalue("server").replace("postgresql:", "postgresql+psycopg:")
    engine: Engine = create_engine(url, isolation_level="AUTOCOMMIT")
    once = Once(engine, table=f"once_{next(numbers)}")
    called: list[Any] = []
    with pytest.raises(ValueError, match="AUTOCOMMIT"):
        await once.run("g", "note", "m:1", called.append, is_async=False)
    assert not called
    await once.close()
    engine.dispose()


# ------------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize("kind", OPENERS)
async def test_a_plain_function_is_refused_where_it_would_have_to_await(kind: str, server: str, tmp_path: Path) -> None:
    where = str(tmp_path / "consumer.db") if kind in ON_SQLITE else server
    async with OPENERS[kind](where) as place:
        once = Once(place)
        called: list[Any] = []
        once.check(True)
        if kind not in AWAITED:
            once.check(False)
            return
        with pytest.raises(TypeError, match="make the handler `async def`"):
            once.check(False)
        with pytest.raises(TypeError, match="make the handler `async def`"):
            await once.run("g", "note", "m:1", called.append, is_async=False)
        assert not called


@pytest.mark.parametrize("place", [None, 5, b"consumer.db", "", object(), {"path": "consumer.db"}])
def test_anything_else_is_refused_with_what_is_taken(place: Any) -> None:
    with pytest.raises(
        TypeError, match=r"asyncpg pool.*psycopg pool.*SQLAlchemy engine.*sqlite3 database, not builtins"
    ):
        Once(place)


def test_an_open_connection_is_refused() -> None:
    with (
        contextlib.closing(sqlite3.connect(":memory:")) as connection,
        pytest.raises(TypeError, match=r"not sqlite3\."),
    ):
        Once(connection)


@pytest.mark.parametrize("url", ["postgresql://crm:hunter2@db/crm", "sqlite:///consumer.db"])
def test_a_url_is_refused_and_its_password_stays_secret(url: str) -> None:
    with pytest.raises(TypeError, match="takes no URL") as refused:
        Once(url)
    assert "hunter2" not in str(refused.value)


def test_an_engine_on_another_database_is_refused() -> None:
    class Dialect:
        name = "oracle"

    class Engine:
        dialect = Dialect()

    Engine.__module__ = "sqlalchemy.engine.base"  # its drivers are not installed here
    with pytest.raises(TypeError, match="PostgreSQL or SQLite, not on oracle"):
        Once(Engine())


@pytest.mark.parametrize(
    "table", ["", "a b", "1a", "a.b.c", "a.", ".a", 'a"', "a;DROP TABLE b", "a\n", "é", "a-b", "a()"]
)
def test_a_table_whose_name_could_be_something_else_is_refused(table: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no name for a table"):
        Once(tmp_path / "consumer.db", table=table)


def test_no_driver_is_imported_that_the_place_does_not_need() -> None:
    source = (
        "import sys; from limen.adapters.bus.once import Once; Once('consumer.db');"
        "print({'asyncpg', 'psycopg', 'psycopg_pool', 'sqlalchemy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", source], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


# ----------------------------------------------------------------------------------------------------- sudden deaths


@pytest.mark.parametrize("way", [("sqlite", False), ("asyncpg", True), ("psycopg", False)], ids=named)
async def test_a_process_killed_before_the_commit_leaves_neither_and_after_it_both(scene: Scene) -> None:
    command = [sys.executable, "-m", "tests.adapters.test_bus_once", scene.kind, scene.where, str(scene.number)]
    died = await asyncio.to_thread(subprocess.run, command, cwd=ROOT)
    assert died.returncode == -signal.SIGKILL
    async with OPENERS[scene.kind](scene.where) as place:
        once = Once(place, table=scene.table)
        assert not await scene.run(once, scene.handler("first again"), "m:1")
        assert await scene.run(once, scene.handler("second again"), "m:2")
        await once.close()
    assert scene.effects() == ["first", "second again"]


async def die(scene: Scene) -> None:
    """Handles one message, and is killed in the next one, after its handler's last word."""
    async with OPENERS[scene.kind](scene.where) as place:
        once = Once(place, table=scene.table)
        await scene.run(once, scene.handler("first"), "m:1")
        await scene.run(once, scene.handler("second", lambda tx: os.kill(os.getpid(), signal.SIGKILL)), "m:2")


if __name__ == "__main__":
    asyncio.run(die(Scene(sys.argv[1], sys.argv[1] in AWAITED, sys.argv[2], int(sys.argv[3]))))
