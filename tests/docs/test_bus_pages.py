"""The programs of the how-to pages about the bus run as they are printed."""

import sqlite3
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from limen.adapters import open_engine
from limen.domain.testing import MemoryCourier
from tests.docs.test_pages import RUN, program, run
from tests.support.brokers import own_nats
from tests.support.bus import until
from tests.support.cli import clean_env
from tests.support.engine import ADA, PASSWORD, configuration

PAGE = "docs/how-to/handle-events.md"


@pytest.fixture
def server() -> Iterator[str]:
    with own_nats() as server:
        yield server.url


async def test_the_consumer_of_the_page_follows_what_happens(server: str, tmp_path: Path) -> None:
    told = tmp_path / "told"
    consumer = consuming(server, tmp_path, told)
    try:
        await live(server, tmp_path)
        await until(lambda: customers(tmp_path) == [] and "by its own: code" in told.read_text(), told.read_text)
    finally:
        consumer.kill()
        consumer.wait()
    lines = told.read_text().splitlines()
    assert lines == ["before login", "after login by default: password", "before login", "after login by its own: code"]


def consuming(server: str, folder: Path, told: Path) -> "subprocess.Popen[bytes]":
    """The page's program, at work."""
    script = folder / "crm.py"
    script.write_text(program(PAGE))
    env = clean_env(NATS_URL=server, CRM_DB=str(folder / "crm.db"), PYTHONUNBUFFERED="1")
    with told.open("w") as out:
        return subprocess.Popen([RUN, "-W", "error", str(script)], env=env, stdout=out, stderr=subprocess.STDOUT)


async def live(server: str, folder: Path) -> None:
    """Somebody registers, signs in in two ways, and is forgotten."""
    courier = MemoryCourier()
    store = f"sqlite:///{folder / 'limen.db'}"
    async with open_engine(configuration(), store, settings={}, bus=server, courier=courier) as engine:
        flow = await engine.start("registration")
        values: dict[str, Any] = {"traits": {"email": ADA}, "password": PASSWORD}
        person = (await engine.submit(flow.id, method="password", values=values)).identity
        assert person is not None
        await until(lambda: customers(folder) == [str(person.id)])
        flow = await engine.start("login")
        await engine.submit(flow.id, method="password", values={"identifier": ADA, "password": PASSWORD})
        flow = await engine.start("login")
        await engine.submit(flow.id, method="code", values={"identifier": ADA})
        code = next(mail.code for mail in reversed(courier.messages) if mail.template == "login_code_valid")
        await engine.submit(flow.id, method="code", values={"identifier": ADA, "code": code})
        await engine.erase(person.id)


def customers(folder: Path) -> list[str] | None:
    """What the consumer has written; None before it has begun."""
    if not (folder / "crm.db").exists():
        return None
    connection = sqlite3.connect(folder / "crm.db", timeout=30)
    try:
        return [row[0] for row in connection.execute("SELECT identity FROM customers")]
    except sqlite3.OperationalError:
        return None
    finally:
        connection.close()


def test_the_replay_of_the_page_runs(server: str, tmp_path: Path) -> None:
    source = program(PAGE).split("if __name__")[0] + program(PAGE, 1)
    check = """
    async def main():
        async with router:
            await again()
    asyncio.run(main())
    """
    printed = run(source + textwrap.dedent(check), tmp_path, NATS_URL=server, CRM_DB=str(tmp_path / "crm.db"))
    assert printed == "0 failed again\n"


def test_the_bus_in_memory_of_the_page_brings_the_event(tmp_path: Path) -> None:
    assert run(program(PAGE, 2), tmp_path) == "login begins\n"


def test_the_engine_of_the_publishing_page_publishes(server: str, tmp_path: Path) -> None:
    source = program("docs/how-to/publish-to-a-bus.md")
    source = source.replace("identity.yml", "docs/examples/embedded.yml").replace("nats://127.0.0.1:4222", server)
    check = """
    async def main():
        serving = serve()
        await serving
        print("served")
    import asyncio
    asyncio.run(main())
    """
    assert run(source + textwrap.dedent(check), tmp_path) == "served\n"
