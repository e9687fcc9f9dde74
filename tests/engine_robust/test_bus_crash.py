"""Relay, consumer and broker are killed in turn, 30 times; then the consumer's database is what the log says."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from limen.adapters import open_engine, open_log
from tests.contracts.bus import at_least
from tests.support.brokers import own_nats, own_redis
from tests.support.bus import until
from tests.support.cli import clean_env
from tests.support.consumer import rows_of
from tests.support.engine import configuration

ROOT = Path(__file__).parents[2]
KILLS = 30
PASSWORD = "a lasting pass phrase"


class Child:
    """A process that is started again after it was killed."""

    def __init__(self, *command: str, log: Path) -> None:
        self._command = [sys.executable, "-m", *command]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, cwd=ROOT, env=clean_env(), stdout=log, stderr=log)

    def kill(self) -> None:
        """SIGKILL. It must have been there: what ended by itself was no part of the test."""
        assert self._process is not None
        ended = self._process.poll()
        assert ended is None, f"{self._command[2]} had ended with {ended}: {self._log.read_text()[-2000:]}"
        self._process.kill()
        self._process.wait()


@contextlib.asynccontextmanager
async def people(store: str) -> AsyncIterator[None]:
    """Somebody signs in again and again meanwhile."""
    async with open_engine(configuration(), store, settings={}) as engine:
        flow = await engine.start("registration")
        values = {"traits": {"email": "ada@example.org"}, "password": PASSWORD}
        await engine.submit(flow.id, method="password", values=values)

        async def sign_in_again_and_again() -> None:
            while True:
                login = await engine.start("login")
                right = {"identifier": "ada@example.org", "password": PASSWORD}
                await engine.submit(login.id, method="password", values=right)
                await asyncio.sleep(0.05)

        signing_in = asyncio.create_task(sign_in_again_and_again())
        try:
            yield
        finally:
            signing_in.cancel()
            await asyncio.gather(signing_in, return_exceptions=True)


def events_of(store: str) -> list[tuple[str, str, int]]:
    """What the log says: id, stream and sequence of every event."""
    with open_log(store) as log:
        return [(f"{one.stream}:{one.version}", str(one.stream), one.version) for one in log.events()]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("server", [own_nats, own_redis], ids=["nats", "redis"])
async def test_the_consumers_database_is_what_the_log_says(server: Callable[[], Any], tmp_path: Path) -> None:
    store, database = f"sqlite:///{tmp_path}/limen.db", str(tmp_path / "consumer.db")
    with server() as broker:
        relay = ["limen.adapters.cli", "relay", "--store", store, "--bus", broker.url, "--topic", "crash"]
        consumer = ["tests.support.consumer", broker.url, "crash", "crm", database]
        children = [Child(*relay, log=tmp_path / "relay.log"), Child(*consumer, log=tmp_path / "consumer.log")]
        async with people(store):
            for child in children:
                child.start()
            await until(lambda: len(rows_of(database)) > 0, lambda: "nothing arrived", 60)
            for turn in range(KILLS):
                victim: Any = (*children, broker)[turn % 3]
                await asyncio.to_thread(victim.kill)
                await asyncio.to_thread(victim.start)
                seen = len(rows_of(database))
                await asyncio.sleep(0.2 * (turn % 4))  # killed again at different moments, at times before all is well
                if turn % 5 == 4:
                    await until(partial(at_least, Path(database), seen + 1), lambda: "nothing arrives", 60)
        expected = events_of(store)
        await until(lambda: len(rows_of(database)) >= len(expected), lambda: _state(database, expected, tmp_path), 90)
        for child in children:
            child.kill()
    rows = rows_of(database)
    assert sorted(rows) == sorted(expected)
    for stream in {stream for _, stream, _ in expected}:
        arrived = [sequence for _, of, sequence in rows if of == stream]
        assert arrived == sorted(arrived)


def _state(database: str, expected: list[Any], folder: Path) -> str:
    told = "".join(path.read_text()[-1500:] for path in folder.glob("*.log"))
    return f"{len(rows_of(database))} of {len(expected)} arrived; {os.linesep}{told}"
